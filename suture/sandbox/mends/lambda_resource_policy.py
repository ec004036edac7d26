"""Lambda: the whole resource policy of a function, version or alias, put, read and deleted as one document.

moto lacks PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy. They share what AddPermission builds
(lambda_grants.py). AWS: Lambda API Reference and botocore's lambda model, the same three operations; Lambda Developer
Guide, "Viewing resource-based IAM policies in Lambda".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.exceptions import GenericResourcNotFound, InvalidParameterValueException
from moto.awslambda.responses import LambdaResponse

from chalicelib.errors import BadPolicy
from chalicelib.iam.documents import parse

from .lambda_grants import Absent, Grants, grants_of, split
from .patching import instead

_PATH = "/resource-policy/"


def mend() -> None:
    instead(LambdaResponse, "put_resource_policy")(_put)
    instead(LambdaResponse, "get_resource_policy")(_get)
    instead(LambdaResponse, "delete_resource_policy")(_delete)
    urls.url_paths[r"{0}/(?P<api_version>[^/]+)/resource-policy/(?P<resource_arn>[^/]+)$"] = LambdaResponse.dispatch


def _put(self: Any) -> str:
    arn, grants = _addressed(self)
    asked = json.loads(self.body)
    grants.replace(_checked(str(asked.get("Policy") or ""), arn), str(asked.get("RevisionId") or ""))
    return grants.as_json()


def _get(self: Any) -> str:
    return _addressed(self)[1].as_json()


def _delete(self: Any) -> tuple[int, dict[str, int], str]:
    _, grants = _addressed(self)
    if not grants.statements:
        raise GenericResourcNotFound
    grants.clear(self.querystring.get("RevisionId", [""])[0])
    return 204, {"status": 204}, ""


def _addressed(self: Any) -> tuple[str, Grants]:
    """The ARN that the path names, and the policy of what it names. Raises Lambda's own errors."""
    storage = self.backend._lambdas
    arn = unquote(self.path.split(_PATH, 1)[-1])
    own = f"arn:{storage.partition}:lambda:{storage.region_name}:{storage.account_id}:function:"
    if not arn.startswith(own):
        if ":function:" in arn and arn.startswith("arn:"):
            raise Absent(f"The resource you requested does not exist: {arn}")
        raise InvalidParameterValueException(f"{arn} is not the complete ARN of a function, version or alias.")
    if arn.endswith(":$LATEST"):
        raise InvalidParameterValueException("We currently do not support adding policies for $LATEST.")
    return arn, grants_of(storage, *split(arn, None))


def _checked(text: str, arn: str) -> dict[str, Any]:
    """The policy in `text`, its statements a list. Raises InvalidParameterValueException where `arn` cannot have it."""
    try:
        policy = json.loads(text)
        parse(policy, "resource")
    except (ValueError, BadPolicy) as error:
        raise InvalidParameterValueException(f"The policy is not valid: {error}") from error
    listed = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    reason = _against(listed, arn)
    if reason:
        raise InvalidParameterValueException(f"The policy is not valid: {reason}")
    return {**policy, "Statement": listed}


def _against(statements: Sequence[Mapping[str, Any]], arn: str) -> str:
    if not statements:
        return "it has no statement."
    twice = [sid for sid, count in Counter(s["Sid"] for s in statements if "Sid" in s).items() if count > 1]
    if twice:
        return f"the statement id {twice[0]} is there twice."
    for statement in statements:
        if any(resource != arn for resource in _list(statement.get("Resource"))):
            return f"a statement is not for {arn}."
        named = [str(action) for action in _list(statement.get("Action"))]
        if any(action != "*" and not action.lower().startswith("lambda:") for action in named):
            return "an action is not of Lambda."
    return ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []
