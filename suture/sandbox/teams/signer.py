"""The keys with which the played connector signs, made and used with `cryptography` alone: another hand than ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class Key:
    """One RSA key, published under `kid` with what it is endorsed for."""

    def __init__(self, *endorsements: str) -> None:
        self.kid = token_hex(8)
        self.endorsements = list(endorsements or ("msteams", "webchat"))
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def jwk(self) -> dict[str, Any]:
        numbers = self._private.public_key().public_numbers()
        facts = {"kty": "RSA", "use": "sig", "kid": self.kid, "x5t": self.kid, "endorsements": self.endorsements}
        return {**facts, "n": _number(numbers.n), "e": _number(numbers.e)}

    @property
    def pem(self) -> bytes:
        form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return self._private.public_key().public_bytes(*form)

    def signed(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token; `header` changes its header, and an `alg` of `none` or `HS256` is signed as an attacker would."""
        head = {"typ": "JWT", "alg": "RS256", "kid": self.kid, "x5t": self.kid, **header}
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        return f"{text}.{encoded(self._signature(head['alg'], text.encode()))}"

    def _signature(self, algorithm: str, text: bytes) -> bytes:
        if algorithm == "none":
            return b""
        if algorithm == "HS256":
            return hmac.new(self.pem, text, hashlib.sha256).digest()
        return self._private.sign(text, padding.PKCS1v15(), hashes.SHA256())


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
