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


def writer_of(operations: Collection[str]) -> str:
    """The function that runs a runbook making these calls (`Runbook.operations()`).

    Whoever writes IAM policies runs apart from whoever writes secrets, and both apart from the rest. Raises
    BadRunbook when one runbook would need both powers, or names an operation outside the catalogue.
    """
    services = {name.split(":")[0] for name in operations if operation(name).kind == "write"}
    special = sorted({_BY_SERVICE[s] for s in services if s in _BY_SERVICE})
    if len(special) > 1:
        raise BadRunbook(
            "one runbook writes both IAM and secrets, and no role may do both",
            where=", ".join(sorted(operations)),
            next_step="split it into two runbooks, one for each writer",
        )
    return special[0] if special else "remediate"
