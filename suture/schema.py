"""What runbooks, pins, approvers and suppressions look like, as pydantic models that refuse what they do not know.

The models only validate: what is packaged is the document as it was written, and `chalicelib` reads that. Each
refusal is a `Problem` with file, line, what is wrong and what to do. The words are those of docs/architecture.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, Strict, ValidationError
from pydantic import model_validator as checked
from pydantic_core import ErrorDetails

from chalicelib.model import Json

from .fields import (
    DAY,
    MINUTE,
    AccountId,
    AnyAccount,
    ArnPattern,
    ClockTime,
    Condition,
    Day,
    Fingerprint,
    Function,
    Mode,
    Moment,
    Name,
    Refused,
    RunbookId,
    Slug,
    Text,
    TimeZone,
    Version,
    distinct,
    lasting,
    short,
)
from .schema_parts import Approval, Check, Guard, Model, Stage, Step
from .yamlfile import Place, Problem, Source

MAX_SUPPRESSION = timedelta(days=180)
_EVERY_DAY: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Limits(Model):
    per_hour: Annotated[int, Strict(), Field(ge=1, le=1000)]
    cooldown: Annotated[str, AfterValidator(lasting(MINUTE, 30 * DAY))]
    max_reapply: Annotated[int, Strict(), Field(ge=1, le=10)]


class _Watch(Model):
    length: Annotated[str, AfterValidator(lasting(MINUTE, 7 * DAY))] = Field(alias="for")
    undo_if: Condition = "false"


class _DeploymentFact(Model):
    deployment: Literal["boundary_arn", "access_log_arn", "secrets_writer_arn"]


def _parameter(value: Json) -> Json:
    if isinstance(value, dict):
        _DeploymentFact.model_validate(value)
    elif value is None or (isinstance(value, str) and value.startswith("=")):
        raise Refused("a parameter's default is a plain value", "write a literal, or {deployment: boundary_arn}")
    return value


class RunbookDocument(Model):
    """A runbook as its author writes it."""

    id: RunbookId
    version: Version
    title: Annotated[Text, Field(max_length=120)]
    why: Text
    remediates: Annotated[tuple[Slug, ...], Field(min_length=1), AfterValidator(distinct)]
    tier: Literal["low", "medium", "high"]
    reversible: Literal["full", "partial", "none"]
    mode: Mode
    guards: tuple[Guard, ...] = ()
    steps: Annotated[tuple[Step, ...], Field(max_length=20)] = ()
    stages: Annotated[tuple[Stage, ...], Field(min_length=2, max_length=20)] = ()
    approval: Approval
    limits: _Limits
    watch: _Watch | None = None
    leaves: Literal["closed", "open"] = "closed"
    verify: tuple[Check, ...] = ()
    params: dict[Name, Annotated[Any, BeforeValidator(_parameter)]] = Field(default_factory=dict)
    uses: Annotated[tuple[Function, ...], AfterValidator(distinct)] = ()
    manual: tuple[Text, ...] = ()

    @checked(mode="after")
    def _auto_is_harmless(self) -> RunbookDocument:
        if self.mode == "auto" and (self.tier, self.reversible) != ("low", "full"):
            raise Refused(
                f"mode auto needs tier low and reversible full, and this is {self.tier} and {self.reversible}",
                "write `mode: propose`",
                ("mode",),
            )
        if self.steps and self.stages:
            raise Refused("a runbook has steps, or stages with steps of their own", "give one of the two", ("steps",))
        if not self.steps and not self.stages:
            self._is_by_hand()
        if self.stages:
            self._is_staged()
        if (self.leaves == "open") != bool(self.verify):
            raise Refused(
                "`leaves: open` and `verify` go together: a closed case is verified by its control",
                "give both or neither",
                ("verify",) if self.verify else ("leaves",),
            )
        return self

    def _is_staged(self) -> None:
        if self.watch or self.verify or self.guards or self.mode == "auto":
            what = "a staged runbook is never automatic, and watches, verifies and guards stage by stage"
            raise Refused(what, "move them into the stages", ("stages",))
        twice = [s.name for n, s in enumerate(self.stages) if s.name in [o.name for o in self.stages[:n]]]
        if twice:
            raise Refused(f"two stages are called {twice[0]}", "give each a name of its own", ("stages",))

    def _is_by_hand(self) -> None:
        """Without a call there must be people's steps, and nothing that is about calls."""
        if not self.manual:
            what = "there is neither a step nor a `manual` sentence: nobody would do anything"
            raise Refused(what, "give steps, or say under `manual` what people do", ("steps",))
        about_calls = {"watch": self.watch, "verify": self.verify, "mode": self.mode == "auto"}
        for name in (n for n, given in about_calls.items() if given):
            what = f"`{name}` is about calls, and this runbook makes none"
            step = "write `mode: propose`" if name == "mode" else "remove it, or give steps"
            raise Refused(what, step, (name,))


class _AccountMode(Model):
    mode: Mode


class Hours(Model):
    zone: TimeZone
    days: Annotated[tuple[Day, ...], Field(min_length=1), AfterValidator(distinct)] = _EVERY_DAY
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")


class _Escalation(Model):
    after: Annotated[str, AfterValidator(lasting(10 * MINUTE, 7 * DAY))]
    to: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=5), AfterValidator(distinct)]


class _Pin(Model):
    runbook: RunbookId
    version: Version
    mode: Mode
    accounts: Annotated[tuple[AnyAccount, ...], Field(min_length=1), AfterValidator(distinct)] = ("*",)
    resources: Annotated[tuple[ArnPattern, ...], Field(min_length=1), AfterValidator(distinct)] = ()
    params: dict[Name, Any] = Field(default_factory=dict)
    remind: Annotated[str, AfterValidator(lasting(10 * MINUTE, 7 * DAY))] = ""
    escalate: _Escalation | None = None
    hours: Hours | None = None
    outside: Annotated[tuple[Slug, ...], Field(min_length=1), AfterValidator(distinct)] = ()

    @checked(mode="after")
    def _outside_of_something(self) -> _Pin:
        if bool(self.hours) != ("outside" in self.model_fields_set):
            raise Refused("`hours` and `outside` go together", "name the hours, and who stands in outside of them")
        return self

    @checked(mode="after")
    def _all_or_some(self) -> _Pin:
        if "*" in self.accounts and len(self.accounts) > 1:
            raise Refused("'*' already means every account", "remove '*' or the account ids", ("accounts",))
        return self


class PinsDocument(Model):
    """governance/pins.yaml: which version of which runbook, and how far it may go where."""

    mode: Mode
    accounts: dict[AccountId, _AccountMode] = Field(default_factory=dict)
    pins: tuple[_Pin, ...]


class _Suppression(Model):
    id: Slug
    control: Slug
    resource: ArnPattern
    account: AnyAccount
    owner: Text
    reason: Text
    created: Moment
    expires: Moment
    fingerprints: tuple[Fingerprint, ...] = ()

    @checked(mode="after")
    def _ends(self) -> _Suppression:
        created, expires = _moment(self.created, "created"), _moment(self.expires, "expires")
        if expires <= created:
            raise Refused("it expires before it was created", "correct the dates", ("expires",))
        if expires - created > MAX_SUPPRESSION:
            raise Refused(
                f"it lasts {(expires - created).days} days, and {MAX_SUPPRESSION.days} are allowed",
                "choose an earlier date, and review it then",
                ("expires",),
            )
        return self


class SuppressionsDocument(Model):
    """governance/suppressions.yaml: findings that somebody accepts for a while, with a reason."""

    suppressions: tuple[_Suppression, ...]


def _moment(text: str, field: str) -> datetime:
    try:
        return (
            datetime.fromisoformat(text).astimezone(UTC) if "T" in text else datetime.fromisoformat(text + "T00:00:00Z")
        )
    except ValueError:
        raise Refused(f"{text} is not in the calendar", "correct the date", (field,)) from None


def problems(model: type[BaseModel], source: Source) -> tuple[Problem, ...]:
    """What `model` refuses in a document, in the order of the file. Nothing raises."""
    try:
        model.model_validate(source.document)
    except ValidationError as error:
        found = [_problem(e, source) for e in error.errors(include_url=False)]
        return tuple(sorted(dict.fromkeys(found), key=lambda p: int(p.where.rsplit(":", 1)[-1])))
    return ()


def _problem(error: ErrorDetails, source: Source) -> Problem:
    place: Place = tuple(part for part in error["loc"] if part != "[key]")
    cause = (error.get("ctx") or {}).get("error")
    if isinstance(cause, Refused):
        return source.problem((*place, *cause.at), cause.what, cause.next_step)
    what, next_step = _said(error, place)
    return source.problem(place, what, next_step)


def _said(error: ErrorDetails, place: Place) -> tuple[str, str]:
    """Our words for pydantic's own refusals; https://docs.pydantic.dev/latest/errors/validation_errors/."""
    kind, field, given = error["type"], _path(place), error["input"]
    if kind == "missing":
        return f"`{field}` is missing", "add it; docs/runbooks.md and the files beside it show how"
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), _field_names(), 1)
        return f"`{field}` is not known here", f"did you mean `{near[0]}`?" if near else "remove it"
    if kind == "literal_error":
        return f"`{field}` cannot be {short(given)}", f"write {(error.get('ctx') or {})['expected']}"
    if kind in _WANTED:
        is_number = kind == "string_type" and isinstance(given, int | float)
        return f"`{field}` must be {_WANTED[kind]}, and it is {short(given)}", "quote it" if is_number else "correct it"
    message = error["msg"].removeprefix("Input ").removeprefix("Tuple ").removeprefix("String ")
    return f"`{field}` {message}, and it is {short(given)}", "correct the value"


_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def _path(place: Place) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "the document"


def _field_names() -> tuple[str, ...]:
    return tuple(sorted({f.alias or name for model in _models(Model) for name, f in model.model_fields.items()}))


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)
