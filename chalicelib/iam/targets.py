"""Which resources of an account an action of a path would have to reach, as Amazon Resource Names."""

from __future__ import annotations

from .paths import ASSUMED, GROUP, OTHER_USER, OWN_DOCUMENT, PASSED, POLICY, ROLE, USER
from .rights import Target
from .suppositions import Known


def targets(principal: str) -> dict[str, Target]:
    """The target of each kind of need, for a principal's ARN; an empty one stands for a principal of any account.

    Roles that AWS looks after, and AWS's own policies, are none: nobody of the account can change or pass them.
    """
    parts = principal.split(":", 5)
    account = parts[4] if len(parts) == 6 and parts[4] else "*"
    iam = f"arn:*:iam::{account}:"
    own = Known(principal).own_name
    kept_back = ("arn:*:iam::*:role/aws-service-role/*", "arn:*:iam::*:role/aws-reserved/*")
    return {
        USER: Target((f"{iam}user/*",)),
        OTHER_USER: Target((f"{iam}user/*",), (f"arn:*:iam::*:user/{own}", f"arn:*:iam::*:user/*/{own}")),
        GROUP: Target((f"{iam}group/*",)),
        POLICY: Target((f"{iam}policy/*",), ("arn:*:iam::aws:policy/*",)),
        ROLE: Target((f"{iam}role/*",), kept_back),
        PASSED: Target((f"{iam}role/*",), kept_back),
        ASSUMED: Target(("arn:*:iam::*:role/*",), kept_back),
        OWN_DOCUMENT: Target(
            ("arn:*:ssm:*:*:document/*",), ("arn:*:ssm:*:*:document/AWS*", "arn:*:ssm:*:*:document/Amazon*")
        ),
    }
