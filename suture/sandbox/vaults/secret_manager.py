"""Google Secret Manager on loopback, and as much of Google's token services as gives out its tokens.

Sources: Secret Manager API v1, `projects.secrets` and `projects.secrets.versions`; google.rpc.Code; "Using OAuth 2.0
for server to server applications"; AIP-4111 (self-signed JWT); Security Token Service API v1, `token`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from chalicelib.model import Json
from chalicelib.vaults.secret_manager import crc32c

from .loopback import Answer, Asked

PROJECT = "shop-prod"
ACCOUNT = f"suture@{PROJECT}.iam.gserviceaccount.com"
_SECRET = re.compile(
    r"/v1/projects/([a-z0-9-]+)/secrets(?:/([A-Za-z0-9_-]{1,255})(?:/versions(?:/([0-9]+|latest))?)?)?"
)
_LIFE = 3600
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(slots=True)
class _Secret:
    described: dict[str, Json]
    versions: list[dict[str, Json]] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    bindings: list[Json] = field(default_factory=list)
    policy_etag: str = "ACAB"


@dataclass(slots=True)
class SecretManager:
    """One project's secrets. `public_key` verifies the service account's assertions; `denied` are permissions that
    the caller lacks (`secretmanager.secrets.create`).
    """

    public_key: Any = None
    denied: set[str] = field(default_factory=set)
    secrets: dict[str, _Secret] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Answer:
        if asked.path in ("/token", "/v1/token"):
            return self._token(asked)
        if self.tokens.get(asked.bearer, 0) < time.time() and not self._is_signed(asked.bearer, _SCOPE):
            return _refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        path, _, verb = asked.path.partition(":")
        place = _SECRET.fullmatch(path)
        if place is None or place[1] != PROJECT:
            return _refused(404, "NOT_FOUND", "The requested URL was not found on this server.")
        kind = "version" if "/versions" in path else "secret" if place[2] else "secrets"
        found = _OPERATIONS.get((asked.method, kind, verb, bool(place[3])))
        if found is None:
            return _refused(404, "NOT_FOUND", "The requested URL was not found on this server.")
        permission, method = found
        if permission in self.denied:
            return _refused(403, "PERMISSION_DENIED", f"Permission '{permission}' denied for resource.")
        if kind != "secrets" and place[2] not in self.secrets:
            return _refused(404, "NOT_FOUND", f"Secret [{path[4:]}] not found.")
        answer: Answer = getattr(self, method)(asked, place[2] or "", place[3] or "")
        return answer

    def _token(self, asked: Asked) -> Answer:
        """An access token for a signed assertion, or for a request to AWS that proves who signed it."""
        form, here = asked.body or {}, f"https://{asked.headers.get('host', '')}/token"
        grant = str(form.get("grant_type", "")).rsplit(":", 1)[-1]
        if grant == "jwt-bearer" and self._is_signed(str(form.get("assertion", "")), here):
            return self._issued({})
        if grant == "token-exchange" and _is_from_aws(str(form.get("subject_token", "")), str(form.get("audience"))):
            return self._issued({"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})
        return Answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})

    def _issued(self, more: dict[str, Json]) -> Answer:
        token = secrets.token_urlsafe(24)
        self.tokens[token] = time.time() + _LIFE
        return Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": _LIFE, **more})

    def _is_signed(self, assertion: str, audience: str) -> bool:
        """A JWT of the service account, for the token endpoint or, as its client prefers, for the API itself."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            head, claims, signature = assertion.split(".")
            text = f"{head}.{claims}".encode()
            self.public_key.verify(_decoded(signature), text, padding.PKCS1v15(), hashes.SHA256())
            said = json.loads(_decoded(claims))
        except (ValueError, InvalidSignature):
            return False
        fits = audience in (said.get("aud"), said.get("scope"))
        return bool(said["iss"] == ACCOUNT and fits and said["exp"] > time.time())

    def _create(self, asked: Asked, _: str, __: str) -> Answer:
        name, body = asked.query.get("secretId", ""), asked.body or {}
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name) or "replication" not in body:
            return _refused(400, "INVALID_ARGUMENT", "The request has an invalid secret id or no replication.")
        if name in self.secrets:
            return _refused(409, "ALREADY_EXISTS", f"Secret [projects/{PROJECT}/secrets/{name}] already exists.")
        kept = {k: body[k] for k in ("replication", "annotations", "labels") if k in body}
        described = {"name": f"projects/{PROJECT}/secrets/{name}", "createTime": _now(), "etag": _etag(), **kept}
        self.secrets[name] = _Secret(described)
        return Answer(200, described)

    def _get(self, asked: Asked, name: str, _: str) -> Answer:
        return Answer(200, self.secrets[name].described)

    def _delete(self, asked: Asked, name: str, _: str) -> Answer:
        del self.secrets[name]
        return Answer(200, {})

    def _add(self, asked: Asked, name: str, _: str) -> Answer:
        payload, secret = (asked.body or {}).get("payload") or {}, self.secrets[name]
        try:
            data = base64.b64decode(payload.get("data", ""), validate=True)
        except (binascii.Error, TypeError):
            return _refused(400, "INVALID_ARGUMENT", "The payload is no base64.")
        told = payload.get("dataCrc32c")
        if told is not None and int(told) != crc32c(data):
            return _refused(400, "INVALID_ARGUMENT", "The payload's checksum does not match.")
        number = len(secret.versions) + 1
        version = {
            "name": f"{secret.described['name']}/versions/{number}",
            "createTime": _now(),
            "state": "ENABLED",
            "etag": _etag(),
            "clientSpecifiedPayloadChecksum": told is not None,
        }
        secret.versions.append(version)
        secret.values.append(data)
        return Answer(200, version)

    def _versions(self, asked: Asked, name: str, _: str) -> Answer:
        newest_first = list(reversed(self.secrets[name].versions))
        return Answer(200, {"versions": newest_first, "totalSize": len(newest_first)})

    def _version(self, asked: Asked, name: str, number: str) -> Answer:
        found = self._found(name, number)
        return Answer(200, found) if found else _no_version(name, number)

    def _access(self, asked: Asked, name: str, number: str) -> Answer:
        found = self._found(name, number)
        if found is None:
            return _no_version(name, number)
        if found["state"] != "ENABLED":
            return _refused(
                400, "FAILED_PRECONDITION", f"Secret Version [{found['name']}] is in {found['state']} state."
            )
        data = self.secrets[name].values[int(found["name"].rsplit("/", 1)[-1]) - 1]
        payload = {"data": base64.b64encode(data).decode(), "dataCrc32c": str(crc32c(data))}
        return Answer(200, {"name": found["name"], "payload": payload})

    def _disable(self, asked: Asked, name: str, number: str) -> Answer:
        return self._into("DISABLED", asked, name, number)

    def _enable(self, asked: Asked, name: str, number: str) -> Answer:
        return self._into("ENABLED", asked, name, number)

    def _destroy(self, asked: Asked, name: str, number: str) -> Answer:
        return self._into("DESTROYED", asked, name, number)

    def _into(self, state: str, asked: Asked, name: str, number: str) -> Answer:
        found = self._found(name, number)
        if found is None:
            return _no_version(name, number)
        told = (asked.body or {}).get("etag")
        if found["state"] == "DESTROYED" or (told and told != found["etag"]):
            return _refused(400, "FAILED_PRECONDITION", "The etag does not match, or the version is destroyed.")
        found.update(state=state, etag=_etag())
        return Answer(200, found)

    def _get_policy(self, asked: Asked, name: str, _: str) -> Answer:
        secret = self.secrets[name]
        return Answer(200, {"version": 1, "etag": secret.policy_etag, "bindings": secret.bindings})

    def _set_policy(self, asked: Asked, name: str, _: str) -> Answer:
        policy, secret = (asked.body or {}).get("policy") or {}, self.secrets[name]
        if policy.get("etag") and policy["etag"] != secret.policy_etag:
            said = "There were concurrent policy changes. Please retry the whole read-modify-write."
            return _refused(409, "ABORTED", said)
        secret.bindings = policy.get("bindings") or []
        secret.policy_etag = base64.b64encode(secrets.token_bytes(8)).decode()
        return self._get_policy(asked, name, "")

    def _found(self, name: str, number: str) -> dict[str, Json] | None:
        versions = self.secrets[name].versions
        index = len(versions) if number == "latest" else int(number)
        return versions[index - 1] if 0 < index <= len(versions) else None


_SECRETS, _VERSIONS = "secretmanager.secrets", "secretmanager.versions"
_OPERATIONS = {
    ("POST", "secrets", "", False): (f"{_SECRETS}.create", "_create"),
    ("GET", "secret", "", False): (f"{_SECRETS}.get", "_get"),
    ("DELETE", "secret", "", False): (f"{_SECRETS}.delete", "_delete"),
    ("POST", "secret", "addVersion", False): (f"{_VERSIONS}.add", "_add"),
    ("GET", "secret", "getIamPolicy", False): (f"{_SECRETS}.getIamPolicy", "_get_policy"),
    ("POST", "secret", "setIamPolicy", False): (f"{_SECRETS}.setIamPolicy", "_set_policy"),
    ("GET", "version", "", False): (f"{_VERSIONS}.list", "_versions"),
    ("GET", "version", "", True): (f"{_VERSIONS}.get", "_version"),
    ("GET", "version", "access", True): (f"{_VERSIONS}.access", "_access"),
    ("POST", "version", "disable", True): (f"{_VERSIONS}.disable", "_disable"),
    ("POST", "version", "enable", True): (f"{_VERSIONS}.enable", "_enable"),
    ("POST", "version", "destroy", True): (f"{_VERSIONS}.destroy", "_destroy"),
}


def _is_from_aws(token: str, audience: str) -> bool:
    """A signed GetCallerIdentity for this very audience. Its signature is AWS's to check, and is not checked here."""
    try:
        request = json.loads(unquote(token))
        headers = {h["key"].lower(): h["value"] for h in request["headers"]}
    except (ValueError, LookupError, TypeError):
        return False
    signed = headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential=")
    return signed and headers.get("x-goog-cloud-target-resource") == audience and "GetCallerIdentity" in request["url"]


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _no_version(name: str, number: str) -> Answer:
    said = f"Secret Version [projects/{PROJECT}/secrets/{name}/versions/{number}] not found."
    return _refused(404, "NOT_FOUND", said)


def _refused(code: int, status: str, message: str) -> Answer:
    return Answer(code, {"error": {"code": code, "message": message, "status": status}})


def _etag() -> str:
    return f'"{secrets.token_hex(8)}"'


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
