"""The words and numbers that runbooks and governance are made of, each with its rule and what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from chalicelib.errors import BadRunbook
from chalicelib.model import Json
from chalicelib.runbooks import seconds

from .yamlfile import Place

MINUTE, DAY = 60, 86_400


class Refused(ValueError):
    """A rule of ours that a value breaks: what, what to do, and where below the value."""

    def __init__(self, what: str, next_step: str, at: Place = ()) -> None:
        super().__init__(what)
        self.what, self.next_step, self.at = what, next_step, at


def _matching(pattern: str, next_step: str, longest: int = 128) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > longest or not re.fullmatch(pattern, text, re.ASCII):
            raise Refused(f"{short(text)} is not allowed here", next_step)
        return text

    return check


def lasting(shortest: int, longest: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            length = seconds(text)
        except BadRunbook as error:
            raise Refused(error.what, error.next_step) from None
        if not shortest <= length <= longest:
            limits = f"{shortest // MINUTE} minutes and {longest // DAY} days"
            raise Refused(f"{text} is outside what is allowed here", f"choose between {limits}")
        return text

    return check


def _words(text: str) -> str:
    if not text.strip():
        raise Refused("the text is empty", "say it in a sentence")
    return text


def distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({v for v in values if values.count(v) > 1})
    if twice:
        raise Refused(f"{', '.join(twice)} stands here twice", "keep one")
    return values


def calls(value: Json) -> Json:
    """`none`, one call or a list of calls, as a list."""
    if value == "none":
        return []
    if value == []:
        raise Refused("no undo call is given", "write `undo: none` if there is no way back")
    return value if isinstance(value, list) else [value]


_SLUG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_WORD = r"[a-z][a-z0-9_]*"

Text = Annotated[str, Field(max_length=500), AfterValidator(_words)]
Slug = Annotated[
    str, AfterValidator(_matching(_SLUG, "write lower-case words joined by hyphens, such as lambda-url", 64))
]
RunbookId = Annotated[
    str,
    AfterValidator(_matching(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", "name what it does, such as lambda-require-url-auth", 64)),
]
Version = Annotated[
    str, AfterValidator(_matching(r"(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){2}", "write three numbers, such as 1.0.0"))
]
Name = Annotated[str, AfterValidator(_matching(_WORD, "write a lower-case word, such as rate_limit", 64))]
Function = Annotated[str, AfterValidator(_matching(r"[a-z][a-z0-9_]*@[1-9]\d*", "write name@major, such as token@1"))]
OperationName = Annotated[
    str,
    AfterValidator(
        _matching(
            r"[a-z][a-z0-9-]*:[A-Z][A-Za-z0-9]*(#[A-Z][A-Za-z0-9]*)?",
            "write service:Operation, such as lambda:GetPolicy",
        )
    ),
]
AccountId = Annotated[str, AfterValidator(_matching(r"\d{12}", "write the 12 digits of an account id, in quotes"))]
AnyAccount = Annotated[
    str, AfterValidator(_matching(r"\d{12}|\*", "write the 12 digits of an account id in quotes, or '*' for all"))
]
IamName = Annotated[
    str, AfterValidator(_matching(r"[\w+=,.@-]{1,64}", "write the role's or user's bare name, without path or ARN"))
]
Session = Annotated[str, AfterValidator(_matching(r"[\w+=,.@-]{2,64}", "write the exact session name", 64))]
PersonId = Annotated[
    str, AfterValidator(_matching(r"[a-z][a-z0-9._-]*", "write a short lower-case id, such as sam", 64))
]
SlackTeam = Annotated[
    str, AfterValidator(_matching(r"[TE][A-Z0-9]{2,20}", "write the workspace's id, such as T0123ABCD"))
]
SlackUser = Annotated[
    str,
    AfterValidator(
        _matching(r"[UW][A-Z0-9]{2,20}", "write the member's id (profile, Copy member ID), such as U0123ABCD")
    ),
]
SlackApp = Annotated[str, AfterValidator(_matching(r"A[A-Z0-9]{2,20}", "write the app's id, such as A0123ABCD"))]
SlackChannel = Annotated[
    str, AfterValidator(_matching(r"[CG][A-Z0-9]{2,20}", "write the channel's id (not its name), such as C0123ABCD"))
]
_HEX = "[0-9a-f]"
Guid = Annotated[
    str,
    AfterValidator(
        _matching(rf"{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}", "write the id in lower case, with hyphens")
    ),
]
TeamsChannel = Annotated[
    str,
    AfterValidator(
        _matching(
            r"19:[\w-]{8,120}@thread\.(tacv2|skype)", "write the channel's id, such as 19:0123abcd@thread.tacv2", 160
        )
    ),
]
HttpsUrl = Annotated[
    str, AfterValidator(_matching(r"https://[^\s/?#]+[^\s?#]*", "write the https address exactly", 512))
]
MailAddress = Annotated[
    str,
    AfterValidator(_matching(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", "write one bare address, such as sec@example.com", 254)),
]
JiraProject = Annotated[str, AfterValidator(_matching(r"[A-Z][A-Z0-9_]{1,40}", "write the project's key, such as SEC"))]
Repository = Annotated[
    str, AfterValidator(_matching(r"[\w-]{1,39}/[\w.-]{1,100}", "write owner/name, such as acme/security", 140))
]
Parameter = Annotated[
    str,
    AfterValidator(
        _matching(r"/suture/[\w./-]+", "write the name of an SSM parameter below /suture/, such as /suture/jira-token")
    ),
]
ClockTime = Annotated[
    str, AfterValidator(_matching(r"([01]\d|2[0-3]):[0-5]\d", "write a time such as '18:00', in quotes"))
]
TimeZone = Annotated[
    str, AfterValidator(_matching(r"UTC|[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+)+", "write a zone such as Europe/Berlin"))
]
_DAY = r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?"
Moment = Annotated[str, AfterValidator(_matching(_DAY, "write 2026-12-31 or 2026-12-31T08:00:00Z (UTC)"))]
ArnPattern = Annotated[
    str,
    AfterValidator(
        _matching(
            r"arn:aws[a-z-]*:[a-z0-9-]+:[^:]*:[^:]*:[^\s]+",
            "write an ARN with its service spelled out; `*` and `?` may stand in the later parts",
            1024,
        )
    ),
]
Fingerprint = Annotated[
    str,
    AfterValidator(_matching(r"hmac:[0-9a-f]{16}", "copy it from the case: hmac: and 16 hex digits")),
]
Condition = Annotated[str, Field(min_length=1)]
Mode = Literal["observe", "propose", "auto"]
Severity = Literal["low", "medium", "high", "critical"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def short(value: Json) -> str:
    """A value from a file as one short JSON text, for messages."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"
