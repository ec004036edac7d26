"""Keys that never leave KMS, and those that are derived from them for one process.

KMS computes an HMAC of a fixed word under a key that only some roles may use; the result serves as this process's
own HMAC key. So a fingerprint or a journal MAC costs no call each, no secret is stored anywhere, and who may make
them is decided by IAM. Source: AWS KMS Developer Guide, "HMAC keys in AWS KMS".
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import Misconfigured
from .clients import Clients


def derived(clients: Clients, key_id: str, purpose: str) -> Callable[[], bytes]:
    """A function that gives the 32-byte key for `purpose`, fetched when first asked for and then kept."""
    kept: list[bytes] = []

    def key() -> bytes:
        if not key_id:
            raise Misconfigured(
                f"no KMS key is configured for {purpose}",
                where="environment",
                next_step="this function must not need one: read its role and the variables in resources.json",
            )
        if not kept:
            request = {"KeyId": key_id, "MacAlgorithm": "HMAC_SHA_256", "Message": f"suture/{purpose}/1".encode()}
            kept.append(bytes(clients.call("kms:GenerateMac", request)["Mac"]))
        return kept[0]

    return key
