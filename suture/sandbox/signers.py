"""The secret behind an access key, which only the account itself knows."""

from __future__ import annotations

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from suture.sandbox.identity import who
from suture.sandbox.signatures import Signer


def find_signer(access_key: str, token: str, region: str) -> Signer | None:
    """The principal of an access key with its session token, and its secret; None when AWS would not know it."""
    identity, secret = who(access_key, token, region), _secret(access_key, region)
    return Signer(identity, secret) if identity and secret else None


def _secret(access_key: str, region: str) -> str:
    partition = str(get_partition(region))
    for account in list(sts_backends):
        session = sts_backends[account][partition].get_assumed_role_from_access_key(access_key)
        if session is not None:
            return str(session.secret_access_key)
    for account in list(iam_backends):
        for user in list(iam_backends[account][partition].users.values()):
            for key in user.access_keys:
                if key.access_key_id == access_key:
                    return str(key.secret_access_key)
    return ""
