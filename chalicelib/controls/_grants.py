"""Can AddPermission write this statement again, exactly? Removing what it cannot rebuild could not be undone.

Shape of the statements that AddPermission writes: Lambda API reference, AddPermission, and Lambda Developer
Guide, "Working with resource-based IAM policies in Lambda".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..model import Json, canonical

_CONDITIONS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("ArnLike", "AWS:SourceArn"): ("SourceArn", r"arn:aws[a-z0-9-]*:\S+"),
    ("StringEquals", "AWS:SourceAccount"): ("SourceAccount", r"\d{12}"),
    ("StringEquals", "aws:PrincipalOrgID"): ("PrincipalOrgID", r"o-[a-z0-9]{10,32}"),
    ("StringEquals", "lambda:EventSourceToken"): ("EventSourceToken", r"[a-zA-Z0-9._-]{1,256}"),
    ("StringEquals", "lambda:FunctionUrlAuthType"): ("FunctionUrlAuthType", "NONE|AWS_IAM"),
    ("Bool", "lambda:InvokedViaFunctionUrl"): ("InvokedViaFunctionUrl", "true"),
}
"""Each condition that AddPermission can write: operator and key → its parameter and the values that it takes."""

_SID = r"[a-zA-Z0-9_-]{1,100}"
_ACTION = r"\*|lambda:(\*|[a-zA-Z]+)"


def grant_of(statement: Mapping[str, Json], function_arn: str) -> dict[str, Json] | None:
    """The AddPermission parameters (less FunctionName, StatementId and Qualifier) that rebuild `statement`.

    None when no parameters give exactly this statement. `function_arn` is that of the policy, with its qualifier.
    """
    sid, action = statement.get("Sid"), statement.get("Action")
    if not _is(sid, _SID) or not _is(action, _ACTION):
        return None
    principal, conditions = _principal_of(statement.get("Principal")), _parameters_of(statement.get("Condition", {}))
    if principal is None or conditions is None:
        return None
    grant = {"Action": action, "Principal": principal, **conditions}
    rebuilt = statement_of(grant, str(sid), function_arn)
    return grant if canonical(rebuilt) == canonical(statement) else None


def statement_of(grant: Mapping[str, Json], sid: str, function_arn: str) -> dict[str, Json]:
    """The statement that AddPermission writes into the policy of `function_arn` when it is given `grant`."""
    conditions: dict[str, dict[str, str]] = {}
    for (operator, key), (parameter, _) in _CONDITIONS.items():
        if parameter in grant:
            value = grant[parameter]
            conditions.setdefault(operator, {})[key] = "true" if value is True else value
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": _principal_block(grant["Principal"], function_arn.split(":")[1]),
        "Action": grant["Action"],
        "Resource": function_arn,
        **({"Condition": conditions} if conditions else {}),
    }


def _principal_block(principal: str, partition: str) -> Json:
    if principal == "*":
        return "*"
    if _is(principal, r"\d{12}"):
        return {"AWS": f"arn:{partition}:iam::{principal}:root"}
    return {"AWS" if principal.startswith("arn:") else "Service": principal}


def _principal_of(block: Json) -> str | None:
    """The `Principal` parameter for a principal block; None when it takes more than one parameter can say."""
    if block == "*":
        return "*"
    if not isinstance(block, Mapping) or len(block) != 1:
        return None
    name = next(iter(block.values()))
    return name if _is(name, r"[^\s*]+") else None


def _parameters_of(conditions: Json) -> dict[str, Json] | None:
    if not isinstance(conditions, Mapping):
        return None
    parameters: dict[str, Json] = {}
    for operator, block in conditions.items():
        for key, value in block.items() if isinstance(block, Mapping) else ((None, None),):
            parameter, pattern = _CONDITIONS.get((operator, str(key)), ("", ""))
            if not parameter or not _is(value, pattern):
                return None
            parameters[parameter] = True if parameter == "InvokedViaFunctionUrl" else value
    return parameters


def _is(value: Json, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None
