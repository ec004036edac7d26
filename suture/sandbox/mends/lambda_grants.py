"""Lambda: a resource policy for each qualifier, written as AWS writes it.

moto keeps one policy a function, takes a Sid twice, loses EventSourceToken, and leaves FunctionUrlAuthType as a key
beside Condition. AWS: Lambda API Reference, AddPermission, RemovePermission, GetPolicy; Lambda Developer Guide,
"Viewing resource-based IAM policies in Lambda".
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import (
    GenericResourcNotFound,
    InvalidParameterValueException,
    LambdaClientError,
    PreconditionFailedException,
    UnknownFunctionException,
)
from moto.awslambda.models import LambdaStorage, Permission
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.utils import get_backend, make_function_arn

from .patching import around, instead
from .principals import absent_principal

_LIMIT_BYTES = 20_480
_BAD_PRINCIPAL = "The provided principal was invalid. Please check the principal and try again."
_HEAD = {"Version": "2012-10-17", "Id": "default"}  # of a policy that AddPermission builds
# AddPermission's parameter → (condition operator, condition key as AWS writes it).
_CONDITIONS = (
    ("SourceArn", "ArnLike", "AWS:SourceArn"),
    ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
    ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
    ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
    ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
)


class Conflict(LambdaClientError):  # type: ignore[misc]
    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


class TooLong(LambdaClientError):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__("PolicyLengthExceededException", f"The policy is longer than {_LIMIT_BYTES} bytes.")


class Invalid(LambdaClientError):  # type: ignore[misc]
    def __init__(self, member: str, value: Any, constraint: str) -> None:
        super().__init__(
            "ValidationException",
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
            f"Member must {constraint}",
        )


class Absent(LambdaClientError):  # type: ignore[misc]
    code = 404

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFoundException", message)


class Grants:
    """The policy of one qualifier ("" = the function itself)."""

    def __init__(self) -> None:
        self.statements: list[dict[str, Any]] = []
        self.head: dict[str, Any] = _HEAD
        self.revision = ""

    def replace(self, policy: Mapping[str, Any], revision: str) -> None:
        """Put a whole policy, whose statements are a list, in the place of what was there."""
        self._check(revision)
        if len(_compact(policy)) > _LIMIT_BYTES:
            raise TooLong
        self.statements = list(policy["Statement"])
        self.head = {key: value for key, value in policy.items() if key != "Statement"}
        self.revision = str(uuid.uuid4())

    def clear(self, revision: str) -> None:
        self._check(revision)
        self.statements, self.head, self.revision = [], _HEAD, ""

    def add(self, statement: dict[str, Any], revision: str) -> None:
        self._check(revision)
        if any(known.get("Sid") == statement["Sid"] for known in self.statements):
            raise Conflict(
                f"The statement id ({statement['Sid']}) provided already exists. Please provide a new statement id, "
                "or remove the existing statement."
            )
        if len(_compact([*self.statements, statement])) > _LIMIT_BYTES:
            raise TooLong
        self.statements = [*self.statements, statement]
        self.revision = str(uuid.uuid4())

    def remove(self, sid: str, revision: str) -> None:
        kept = [known for known in self.statements if known.get("Sid") != sid]
        if len(kept) == len(self.statements):
            raise Absent(f"Statement {sid} is not found in resource policy.")
        self._check(revision)
        self.statements, self.revision = kept, str(uuid.uuid4())
        if not kept:
            self.clear("")

    def as_json(self) -> str:
        if not self.statements:
            raise GenericResourcNotFound
        policy = _compact({**self.head, "Statement": self.statements})
        return json.dumps({"Policy": policy, "RevisionId": self.revision})

    def _check(self, revision: str) -> None:
        if revision and revision != self.revision:
            raise PreconditionFailedException(
                "The Revision Id provided does not match the latest Revision Id. "
                "Call the GetPolicy API to retrieve the latest Revision Id"
            )


def mend() -> None:
    instead(LambdaResponse, "add_permission")(_add_permission)
    instead(LambdaResponse, "remove_permission")(_remove_permission)
    instead(LambdaResponse, "get_policy")(_get_policy)

    @around(LambdaStorage, "del_function")
    def del_function(original: Any, self: Any, name_or_arn: str, qualifier: str | None = None) -> None:
        name, place = split(name_or_arn, qualifier)
        original(self, name_or_arn, qualifier)
        forget(self, name, place)

    @around(LambdaStorage, "delete_alias")
    def delete_alias(original: Any, self: Any, name: str, function_name: str) -> None:
        original(self, name, function_name)
        forget(self, split(function_name, None)[0], name)

    @around(Permission, "create_from_cloudformation_json")
    def create(
        original: Any,
        cls: Any,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Any:
        properties = cloudformation_json["Properties"]
        storage = get_backend(account_id, region_name)._lambdas
        name, qualifier = split(str(properties["FunctionName"]), None)
        sid = f"{resource_name}-{uuid.uuid4().hex[:12].upper()}"
        made = cls(region_name)
        made.suture_statement = add(storage, name, qualifier, {**properties, "StatementId": sid})
        made.physical_resource_id, made.suture_of = sid, (name, qualifier)
        return made

    @instead(Permission, "delete")
    def delete(self: Any, account_id: str, region: str) -> None:
        _withdraw(self, account_id, region)

    def update(cls: Any, /, original_resource: Any, new_resource_name: str, **kwargs: Any) -> Any:
        _withdraw(original_resource, kwargs["account_id"], kwargs["region_name"])
        return cls.create_from_cloudformation_json(new_resource_name, **kwargs)

    Permission.update_from_cloudformation_json = classmethod(update)


def _withdraw(permission: Any, account: str, region: str) -> None:
    """Remove a template's statement; where its function is gone already, so is the statement."""
    storage = get_backend(account, region)._lambdas
    with suppress(LambdaClientError):
        grants_of(storage, *permission.suture_of).remove(permission.physical_resource_id, "")


def add(storage: Any, name: str, qualifier: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Add the statement that AddPermission's parameters ask for, and return it. Raises Lambda's own errors."""
    grants_of(storage, name, qualifier)
    arn = make_function_arn(storage.region_name, storage.account_id, name)
    statement = _statement(asked, f"{arn}:{qualifier}" if qualifier else arn, storage.partition)
    if absent_principal({"Statement": [statement]}, storage.account_id):
        raise InvalidParameterValueException(_BAD_PRINCIPAL)
    grants_of(storage, name, qualifier).add(statement, str(asked.get("RevisionId") or ""))
    return statement


def grants_of(storage: Any, name: str, qualifier: str) -> Grants:
    """The policy of a qualifier that exists. Raises UnknownFunctionException."""
    function = storage.get_function_by_name_or_arn_with_qualifier(name, qualifier or None)
    if function is None:
        raise UnknownFunctionException(make_function_arn(storage.region_name, storage.account_id, name))
    kept: dict[tuple[str, str], Grants] = storage.__dict__.setdefault("suture_grants", {})
    return kept.setdefault((name, qualifier), Grants())


def split(name_or_arn: str, qualifier: str | None) -> tuple[str, str]:
    """The bare name and the qualifier ("" for none or $LATEST) of a function's name, partial ARN or ARN."""
    rest = name_or_arn.rsplit(":function:", 1)[-1] if ":function:" in name_or_arn else name_or_arn
    rest = rest.removeprefix("function:")
    name, _, inner = rest.partition(":")
    chosen = inner or qualifier or ""
    return name, "" if chosen == "$LATEST" else chosen


def forget(storage: Any, name: str, qualifier: str) -> None:
    """Drop what hung on a deleted function ("" = all its qualifiers too), version or alias."""
    for kind in ("suture_grants", "suture_urls"):
        kept = storage.__dict__.get(kind, {})
        for key in [k for k in kept if k[0] == name and qualifier in ("", k[1])]:
            del kept[key]


def _add_permission(self: Any) -> str:
    name, qualifier = _addressed(self, -2)
    asked = json.loads(self.body)
    _check_sid(asked.get("StatementId"))
    statement = add(self.backend._lambdas, name, qualifier, asked)
    return json.dumps({"Statement": _compact(statement)})


def _check_sid(sid: Any) -> None:
    if isinstance(sid, str) and len(sid) <= 100 and re.fullmatch(r"[a-zA-Z0-9_-]+", sid):
        return
    constraint = "satisfy regular expression pattern: ([a-zA-Z0-9-_]+)"
    if isinstance(sid, str) and len(sid) > 100:
        constraint = "have length less than or equal to 100"
    raise Invalid("statementId", sid, constraint)


def _remove_permission(self: Any) -> tuple[int, dict[str, int], str]:
    name, qualifier = _addressed(self, -3)
    sid = unquote(self.path.rsplit("/", 1)[-1])
    revision = self.querystring.get("RevisionId", [""])[0]
    grants_of(self.backend._lambdas, name, qualifier).remove(sid, revision)
    return 204, {"status": 204}, ""


def _get_policy(self: Any) -> str:
    name, qualifier = _addressed(self, -2)
    return grants_of(self.backend._lambdas, name, qualifier).as_json()


def _addressed(self: Any, place: int) -> tuple[str, str]:
    asked = self.querystring.get("Qualifier", [None])[0]
    if asked == "$LATEST" and self.method == "POST":
        raise InvalidParameterValueException("We currently do not support adding policies for $LATEST.")
    return split(unquote(self.path.split("/")[place]), asked)


def _statement(asked: Mapping[str, Any], resource: str, partition: str) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": asked["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(str(asked["Principal"]), partition),
        "Action": asked["Action"],
        "Resource": resource,
    }
    conditions: dict[str, dict[str, Any]] = {}
    for name, operator, key in _CONDITIONS:
        if asked.get(name) is not None:
            value = asked[name]
            text = str(value).lower() if isinstance(value, bool) else value
            conditions.setdefault(operator, {})[key] = text
    return {**statement, "Condition": conditions} if conditions else statement


def _principal(asked: str, partition: str) -> Any:
    if asked == "*":
        return asked
    if re.fullmatch(r"\d{12}", asked):
        return {"AWS": f"arn:{partition}:iam::{asked}:root"}
    if asked.startswith("arn:"):
        return {"AWS": asked}
    if re.fullmatch(r"[\w-]+(\.[\w-]+)+", asked):
        return {"Service": asked}
    raise InvalidParameterValueException(_BAD_PRINCIPAL)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
