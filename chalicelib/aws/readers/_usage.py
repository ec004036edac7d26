"""Which functions of this account and region run with which role: one pass of ListFunctions.

Lambda API reference, ListFunctions: it tells of each function once, as `$LATEST`; published versions keep the role that
they were published with, and are not looked at.
"""

from __future__ import annotations

from ..clients import Aws

LISTING = "lambda:ListFunctions"


def functions_by_role(aws: Aws) -> dict[str, list[str]]:
    """The names of the functions by the ARN of their role, each function once whatever its versions are called."""
    found: dict[str, set[str]] = {}
    for function in aws.pages(LISTING, {}, "Functions"):
        if function.get("Role"):
            found.setdefault(str(function["Role"]), set()).add(str(function["FunctionName"]))
    return {role: sorted(names) for role, names in sorted(found.items())}


def role_name(arn: str) -> str:
    """`worker` of `arn:aws:iam::123456789012:role/team/worker`: names are unique in an account, whatever the path."""
    return arn.rsplit("/", 1)[-1]
