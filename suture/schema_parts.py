"""What runbooks are made of: calls, steps, guards, approvals, and the stages of a staged one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic import model_validator as checked

from chalicelib.model import Json

from .fields import DAY, MINUTE, Condition, Name, OperationName, Refused, Slug, Text, calls, distinct, lasting


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


class Call(Model):
    call: OperationName
    with_: dict[str, Any] = Field(alias="with")
    when: Condition = "true"


class Step(Call):
    each: Condition = "="
    undo: Annotated[tuple[Call, ...], BeforeValidator(calls)]


class Check(Model):
    call: OperationName
    with_: dict[str, Any] = Field(alias="with")
    each: Condition = "="
    expect: Condition


class Read(Model):
    """What a stage reads beside the resource: a call's answer, or a resource of another type."""

    name: Name
    call: OperationName = "none:None"
    with_: dict[str, Any] = Field(alias="with", default={})
    each: Condition = "="
    pages: Annotated[str, Field(pattern=r"^[A-Za-z]+$")] = "none"
    most: Annotated[int, Strict(), Field(ge=1, le=10_000)] = 1
    keep: Condition = "answer"
    mark: Annotated[str, Field(pattern=r"^[A-Za-z]+$")] = "none"
    resource: Annotated[str, Field(pattern=r"^AWS::\w+::\w+$")] = "AWS::None::None"
    id: Condition = "="

    @checked(mode="after")
    def _one_kind(self) -> Read:
        given = self.model_fields_set
        if ("call" in given) == ("resource" in given) or ("resource" in given) != ("id" in given):
            raise Refused(
                "a read is a call, or a resource with its id", "write `call` and `with`, or `resource` and `id`"
            )
        if "resource" in given and given & {"with_", "each", "pages", "keep", "mark"}:
            raise Refused("a resource is read whole, by its reader", "write `resource` and `id` alone")
        return self


class Guard(Model):
    expect: Condition
    otherwise: Literal["skip", "escalate"] = Field(alias="else")
    why: Text


class Approval(Model):
    minimum: Annotated[int, Strict(), Field(alias="min", ge=1, le=5)]
    groups: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=5), AfterValidator(distinct)]
    expires: Annotated[str, AfterValidator(lasting(5 * MINUTE, 7 * DAY))]


class Stage(Model):
    """One stage of a staged runbook."""

    name: Slug
    who: Literal["approvers", "owner", "suture"]
    says: Text
    reads: Annotated[tuple[Read, ...], Field(max_length=10)] = ()
    done: Condition = "true"
    attests: bool = False
    tells: dict[Name, Condition] = {}
    state: Condition = "true"
    guards: tuple[Guard, ...] = ()
    steps: Annotated[tuple[Step, ...], Field(max_length=20)] = ()
    approval: Approval | None = None
    tier: Literal["low", "medium", "high", ""] = ""
    reversible: Literal["full", "partial", "none", ""] = ""
    manual: tuple[Text, ...] = ()

    @checked(mode="after")
    def _can_end(self) -> Stage:
        given = self.model_fields_set
        if self.steps and not {"done", "state"} <= given:
            what = f"the stage {self.name} has steps, and does not say when it is done and what its undo restores"
            raise Refused(what, "give `done` and `state`")
        return self
