"""What runbooks, pins, approvers and suppressions look like, as pydantic models that refuse what they do not know.

The models only validate: what is packaged is the document as it was written, and `chalicelib` reads that. Each
refusal is a `Problem` with file, line, what is wrong and what to do. The words are those of docs/architecture.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError
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
    Function,
    Mode,
    Moment,
    Name,
    OperationName,
    Refused,
    RunbookId,
    Slug,
    Text,
    TimeZone,
    Version,
    calls,
    distinct,
    lasting,
    short,
)
from .yamlfile import Place, Problem, Source

MAX_SUPPRESSION = timedelta(days=180)
_EVERY_DAY: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    @checked(mode="before")
    @classmethod
    def _nothing_empty(cls, value: Json) -> Json:
        """An empty `when:` must not read as "always": a key without value is a mistake everywhere."""
        empty = next((k for k, v in value.items() if v is None), None) if isinstance(value, dict) else None
        if empty is not None:
            raise Refused(f"`{empty}` has no value", "give it one, or remove the key", (empty,))
        return value


class _Call(Model):
    call: OperationName
    with_: dict[str, Any] = Field(alias="with")
    when: Condition = "true"


class _Step(_Call):
    each: Condition = "="
    undo: Annotated[tuple[_Call, ...], BeforeValidator(calls)]


class _Check(Model):
    call: OperationName
    with_: dict[str, Any] = Field(alias="with")
    each: Condition = "="
    expect: Condition


class _Guard(Model):
    expect: Condition
    otherwise: Literal["skip", "escalate"] = Field(alias="else")
    why: Text


class _Approval(Model):
    minimum: Annotated[int, Strict(), Field(alias="min", ge=1, le=5)]
    groups: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=5), AfterValidator(distinct)]
    expires: Annotated[str, AfterValidator(lasting(5 * MINUTE, 7 * DAY))]


class _Limits(Model):
    per_hour: Annotated[int, Strict(), Field(ge=1, le=1000)]
    cooldown: Annotated[str, AfterValidator(lasting(MINUTE, 30 * DAY))]
    max_reapply: Annotated[int, Strict(), Field(ge=1, le=10)]


class _Watch(Model):
    length: Annotated[str, AfterValidator(lasting(MINUTE, 7 * DAY))] = Field(alias="for")
    undo_if: Condition = "false"


class _DeploymentFact(Model):
    deployment: Literal["boundary_arn", "access_log_arn"]


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
    guards: tuple[_Guard, ...] = ()
    steps: Annotated[tuple[_Step, ...], Field(min_length=1, max_length=20)]
    approval: _Approval
    limits: _Limits
    watch: _Watch | None = None
    leaves: Literal["closed", "open"] = "closed"
    verify: tuple[_Check, ...] = ()
    params: dict[Name, Annotated[Any, BeforeValidator(_parameter)]] = {}
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
        if (self.leaves == "open") != bool(self.verify):
            raise Refused(
                "`leaves: open` and `verify` go together: a closed case is verified by its control",
                "give both or neither",
                ("verify",) if self.verify else ("leaves",),
            )
        return self


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
    params: dict[Name, Any] = {}
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
    accounts: dict[AccountId, _AccountMode] = {}
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
