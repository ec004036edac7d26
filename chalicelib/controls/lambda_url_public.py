"""A function URL without authentication that the policy opens to everyone."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import BadPolicy
from ..iam.spaces import Space, actions
from ..model import Json, Resource
from . import Control, Judgement, Signal
from ._functions import (
    AUTH_TYPE,
    LIFE_SIGNALS,
    SIGNALS,
    URL_SIGNALS,
    Public,
    public_statements,
    qualifiers,
    rules_out,
    spoken,
    unknown,
)

_CALL = Space(("lambda:invokefunctionurl",))


def judge(resource: Resource) -> Judgement | None:
    """One item a public URL: Qualifier, AuthType, FunctionUrl, and the Sid of the statement that opens it.

    A URL of AuthType NONE still asks the policy of its qualifier: without a grant to everyone it answers 403.
    """
    entries = [(name, entry) for name, entry in qualifiers(resource) if _has_open_url(entry)]
    items = tuple(item for name, entry in entries if (item := _item(name, entry, resource)))
    public = [item for item in items if "Unknown" not in item]
    if public:
        where = spoken(resource, (item["Qualifier"] for item in public))
        return Judgement(f"Anyone on the internet may call {where} through its URL, without signing in", items)
    if items:
        where = spoken(resource, (item["Qualifier"] for item in items))
        return Judgement(f"Whether the URL of {where} is public cannot be judged", items, "low")
    return None


def _has_open_url(entry: Mapping[str, Json]) -> bool:
    return bool(entry["FunctionUrl"]) and entry["FunctionUrl"].get("AuthType") == "NONE"


def _item(name: str | None, entry: Mapping[str, Json], resource: Resource) -> dict[str, Json] | None:
    try:
        public = public_statements(entry["Policy"], resource)
    except BadPolicy as error:
        return unknown(name, error)
    opening = next((statement for statement in public if _opens_url(statement)), None)
    if opening is None:
        return None
    return {
        "Qualifier": name,
        "AuthType": "NONE",
        "FunctionUrl": entry["FunctionUrl"]["FunctionUrl"],
        "Sid": opening.raw.get("Sid"),
    }


def _opens_url(statement: Public) -> bool:
    """Does it allow calls of a URL of AuthType NONE? Conditions that fix the caller are judged already."""
    parsed = statement.parsed
    return actions(parsed).covers(_CALL) and not rules_out(parsed, AUTH_TYPE, "NONE")


CONTROL = Control(
    title="Function URLs ask who is calling",
    why=(
        "A URL with AuthType NONE and a grant to everyone lets anybody on the internet run the function: no "
        "credentials, no throttling by caller, no trace of who it was."
    ),
    severity="high",
    pillar="network-api",
    resource_type="AWS::Lambda::Function",
    signals=(Signal("aws.lambda", (*URL_SIGNALS, *SIGNALS, *LIFE_SIGNALS)),),
    judge=judge,
    public_access=True,
    references=("https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",),
    peers=("awslambda_function_url_public", "CKV_AWS_258"),
)
