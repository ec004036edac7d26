"""Who acted: CloudTrail's `userIdentity` (CloudTrail User Guide, "userIdentity element") as a Principal."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..model import Json, Principal
from .fields import at, text


def principal_of(record: Mapping[str, Json]) -> Principal:
    """The principal of one CloudTrail record. What the record does not say is empty; nothing is guessed.

    The ARN of a role comes from `sessionContext.sessionIssuer`, which has the role's path; `userIdentity.arn`
    holds the session's name in the path's place, so it is never taken for a role's.
    """
    who = at(record, "userIdentity")
    kind = text(who, "type") or "Unknown"
    return Principal(
        kind=kind,
        account=text(who, "accountId") or text(who, "sessionContext.sessionIssuer.accountId"),
        arn=_arn(kind, who),
        session=_session(kind, who),
        source_identity=text(who, "sessionContext.sourceIdentity"),
        invoked_by=text(who, "invokedBy"),
        user_agent=text(record, "userAgent")[:1024],
    )


def is_own_write(principal: Principal | None, own_role_arns: Collection[str]) -> bool:
    """Whether one of our own functions acted: its role's ARN, with path, is among `own_role_arns`."""
    return principal is not None and principal.kind == "AssumedRole" and principal.arn in own_role_arns


def _arn(kind: str, who: Json) -> str:
    if kind in ("AssumedRole", "FederatedUser"):
        return text(who, "sessionContext.sessionIssuer.arn")
    return text(who, "arn") if kind in ("IAMUser", "Root") else ""


def _session(kind: str, who: Json) -> str:
    if kind in ("AssumedRole", "FederatedUser"):
        parts = text(who, "arn").split("/", 2 if kind == "AssumedRole" else 1)
        return parts[-1] if len(parts) > 1 else ""
    return text(who, "onBehalfOf.userId") if kind == "IdentityCenterUser" else ""
