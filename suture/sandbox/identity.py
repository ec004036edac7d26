"""Who makes a call: from an access key to the principal behind it, as STS and CloudTrail name it.

Source of the shapes: AWS CloudTrail User Guide, "CloudTrail userIdentity element".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition


@dataclass(frozen=True, slots=True)
class Identity:
    """A principal. `kind` is CloudTrail's: IAMUser, AssumedRole or Root. `name` is the user's or the role's name,
    `issuer_arn` the role's ARN with its path; `session_policy` is the JSON given to AssumeRole, or ""."""

    kind: str
    account: str
    access_key: str
    arn: str
    principal_id: str
    name: str = ""
    session_name: str = ""
    issuer_arn: str = ""
    issuer_id: str = ""
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    session_policy: str = ""

    def as_cloudtrail(self) -> dict[str, Any]:
        """The `userIdentity` element."""
        element = {
            "type": self.kind,
            "principalId": self.principal_id,
            "arn": self.arn,
            "accountId": self.account,
            "accessKeyId": self.access_key,
        }
        if self.kind == "IAMUser":
            return {**element, "userName": self.name}
        if self.kind != "AssumedRole":
            return element
        return {**element, "sessionContext": self._session_context()}

    def _session_context(self) -> Mapping[str, Any]:
        return {
            "sessionIssuer": {
                "type": "Role",
                "principalId": self.issuer_id,
                "arn": self.issuer_arn,
                "accountId": self.account,
                "userName": self.name,
            },
            "attributes": {
                "creationDate": self.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "mfaAuthenticated": "false",
            },
        }


def who(access_key: str, token: str, region: str) -> Identity | None:
    """The principal of a key id and its session token; None when AWS would answer InvalidClientTokenId: a key that
    no one holds, an inactive one, a temporary one with another session's token, or after its role is gone."""
    partition = str(get_partition(region))
    for account in list(sts_backends):
        session = sts_backends[account][partition].get_assumed_role_from_access_key(access_key)
        if session is not None:
            return _assumed(session, account, partition) if session.session_token == token else None
    for account in list(iam_backends):
        backend = iam_backends[account][partition]
        for user in list(backend.users.values()):
            for key in user.access_keys:
                if key.access_key_id == access_key:
                    return _user(user, account, access_key) if key.status == "Active" and not token else None
    return None


def _user(user: Any, account: str, access_key: str) -> Identity:
    return Identity("IAMUser", account, access_key, str(user.arn), str(user.id), name=str(user.name))


def _assumed(session: Any, account: str, partition: str) -> Identity | None:
    if session.expiration < datetime.now(UTC).replace(tzinfo=None):
        return None
    name = session.role_arn.rsplit("/", 1)[-1]
    role = _role(account, partition, name)
    if role is None:
        return None
    return Identity(
        kind="AssumedRole",
        account=account,
        access_key=session.access_key_id,
        arn=f"arn:{partition}:sts::{account}:assumed-role/{name}/{session.session_name}",
        principal_id=f"{role.id}:{session.session_name}",
        name=name,
        session_name=session.session_name,
        issuer_arn=str(role.arn),
        issuer_id=str(role.id),
        since=getattr(session, "since", None) or datetime.now(UTC),
        session_policy=_policy_text(session.policy),
    )


def _policy_text(policy: Any) -> str:
    return policy if isinstance(policy, str) else ""


def _role(account: str, partition: str, name: str) -> Any:
    for role in list(iam_backends[account][partition].roles.values()):
        if role.name == name:
            return role
    return None
