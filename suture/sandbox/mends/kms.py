"""KMS: `MessageType: DIGEST` means that the message is a hash already; moto hashes it once more, so that nobody but
moto can check the signature. KMS API Reference, Sign and Verify.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey

from .patching import around

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "ECDSA_SHA_256": hashes.SHA256(),
    "ECDSA_SHA_384": hashes.SHA384(),
    "ECDSA_SHA_512": hashes.SHA512(),
}
_is_digest: ContextVar[bool] = ContextVar("is_digest", default=False)


def mend() -> None:
    for name in ("sign", "verify"):

        @around(KmsResponse, name)
        def asked(original: Any, self: Any) -> Any:
            token = _is_digest.set(self._get_param("MessageType") == "DIGEST")
            try:
                return original(self)
            finally:
                _is_digest.reset(token)

    @around(ECDSAPrivateKey, "sign")
    def sign(original: Any, self: Any, message: bytes, signing_algorithm: str) -> bytes:
        if not _is_digest.get():
            return bytes(original(self, message, signing_algorithm))
        return bytes(self.private_key.sign(message, ec.ECDSA(Prehashed(_HASHES[signing_algorithm]))))

    @around(ECDSAPrivateKey, "verify")
    def verify(original: Any, self: Any, message: bytes, signature: bytes, signing_algorithm: str) -> bool:
        if not _is_digest.get():
            return bool(original(self, message, signature, signing_algorithm))
        try:
            algorithm = ec.ECDSA(Prehashed(_HASHES[signing_algorithm]))
            self.private_key.public_key().verify(signature, message, algorithm)
        except InvalidSignature:
            return False
        return True
