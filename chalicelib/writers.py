"""Which of the three writers may run a runbook: one code, three roles by what they may write."""

from __future__ import annotations

from collections.abc import Collection

from .aws.operations import operation
from .errors import BadRunbook

WRITERS = ("remediate", "remediate_iam", "remediate_secrets")

_BY_SERVICE = {
    "iam": "remediate_iam",
    "secretsmanager": "remediate_secrets",
    "ssm": "remediate_secrets",
    "azure-keyvault": "remediate_secrets",
    "gcp-secretmanager": "remediate_secrets",
}
_BY_OPERATION = {"lambda:UpdateFunctionConfiguration": "remediate_secrets"}
"""A function's environment is written as a whole, secrets and all, and undo puts one back out of the store."""


def writer_of(operations: Collection[str]) -> str:
    """The function that runs a runbook making these calls (`Runbook.operations()`).

    Whoever writes IAM policies runs apart from whoever writes secrets, and both apart from the rest. Raises
    BadRunbook when one runbook would need both powers, or names an operation outside the catalogue.
    """
    writes = [name for name in operations if operation(name).kind == "write"]
    wanted = (_BY_OPERATION.get(name) or _BY_SERVICE.get(name.split(":")[0]) for name in writes)
    special = sorted({writer for writer in wanted if writer})
    if len(special) > 1:
        raise BadRunbook(
            "one runbook writes both IAM and secrets, and no role may do both",
            where=", ".join(sorted(operations)),
            next_step="split it into two runbooks, one for each writer",
        )
    return special[0] if special else "remediate"
