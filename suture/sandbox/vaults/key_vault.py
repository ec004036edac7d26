"""Azure Key Vault on loopback, and as much of Entra ID as gives out its tokens.

Sources: Key Vault REST API 7.4, "Secrets"; "Authentication, requests and responses" (the 401 challenge); "Azure Key
Vault REST API error codes"; "soft-delete overview"; Microsoft identity platform, "OAuth 2.0 client credentials flow".
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field

from chalicelib.model import Json

from .loopback import Answer, Asked

TENANT = "0f1e2d3c-0000-4000-8000-00000000000a"
CLIENT = "0f1e2d3c-0000-4000-8000-00000000000b"
RESOURCE = "https://vault.azure.net"
VERSIONS = ("7.4", "7.5", "7.6")
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_LONGEST = 25_600
_LIFE = 3600


@dataclass(slots=True)
class _Version:
    id: str
    value: str
    content_type: str
    tags: dict[str, str]
    enabled: bool
    created: int


@dataclass(slots=True)
class KeyVault:
    """One vault. `lag` is how many requests a deletion or a recovery takes; `denied` are operations without rights
    (`Set`, `List`, `Delete`, `Recover`, `Get`, `Purge`); `client_secret` is what Entra ID accepts, if not a token.
    """

    client_secret: str
    lag: int = 0
    page: int = 25
    denied: set[str] = field(default_factory=set)
    secrets: dict[str, list[_Version]] = field(default_factory=dict)
    deleted: dict[str, list[_Version]] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    _moving: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Answer:
        if asked.path.startswith((f"/{TENANT}/", "/common/")):
            return self._entra(asked)
        if self.tokens.get(asked.bearer, 0) < time.time():
            here = f"https://{asked.headers.get('host', '')}/{TENANT}"
            challenge = f'Bearer authorization="{here}", resource="{RESOURCE}"'
            said = _refused(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
            return Answer(said.status, said.body, {"WWW-Authenticate": challenge})
        if asked.query.get("api-version") not in VERSIONS:
            return _refused(400, "BadParameter", "The specified version is not recognized.")
        return self._vault(asked)

    def _entra(self, asked: Asked) -> Answer:
        here = f"https://{asked.headers.get('host', '')}/{TENANT}"
        if asked.path.endswith("/.well-known/openid-configuration"):
            known = {"issuer": f"{here}/v2.0", "authorization_endpoint": f"{here}/oauth2/v2.0/authorize"}
            return Answer(200, {**known, "token_endpoint": f"{here}/oauth2/v2.0/token"})
        form = asked.body or {}
        if asked.path != f"/{TENANT}/oauth2/v2.0/token" or form.get("grant_type") != "client_credentials":
            return Answer(404, {"error": "not_found"})
        by_token = form.get("client_assertion_type", "").endswith("jwt-bearer") and form.get("client_assertion")
        if form.get("client_id") != CLIENT or not (by_token or form.get("client_secret") == self.client_secret):
            return Answer(
                401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}
            )
        if form.get("scope", "").split()[0] != f"{RESOURCE}/.default":
            return Answer(400, {"error": "invalid_scope", "error_description": "AADSTS70011: The scope is not valid."})
        token = secrets.token_urlsafe(24)
        self.tokens[token] = time.time() + _LIFE
        return Answer(200, {"token_type": "Bearer", "expires_in": _LIFE, "access_token": token})

    def _vault(self, asked: Asked) -> Answer:
        collection, _, rest = asked.path.strip("/").partition("/")
        name, _, last = rest.partition("/")
        key = name.lower()
        if collection not in ("secrets", "deletedsecrets") or not _NAME.fullmatch(name):
            return _refused(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        self._settle(key)
        operation = _OPERATIONS.get((asked.method, collection, last if last in ("versions", "recover") else ""))
        if operation is None:
            return _refused(405, "MethodNotAllowed", "The method is not allowed.")
        if operation in self.denied:
            return _refused(403, "Forbidden", f"Caller is not authorized to perform {operation}.", "ForbiddenByRbac")
        return {
            "Set": self._set,
            "List": self._list,
            "Get": self._get,
            "Update": self._update,
            "Delete": self._delete,
            "Recover": self._recover,
            "GetDeleted": self._get_deleted,
            "Purge": self._purge,
        }[operation](asked, key, last)

    def _set(self, asked: Asked, key: str, last: str) -> Answer:
        if key in self._moving:
            return _conflict("ObjectIsBeingDeleted", f"Secret {key} is currently being deleted; retry later.")
        if key in self.deleted:
            said = f"Secret {key} is currently in a deleted but recoverable state, and its name cannot be reused."
            return _conflict("ObjectIsDeletedButRecoverable", said)
        body = asked.body or {}
        if not isinstance(body.get("value"), str) or len(body["value"].encode()) > _LONGEST:
            return _refused(400, "BadParameter", "The secret value is missing or too long.")
        enabled = (body.get("attributes") or {}).get("enabled", True)
        made = _Version(
            secrets.token_hex(16),
            body["value"],
            body.get("contentType") or "",
            dict(body.get("tags") or {}),
            enabled,
            int(time.time()),
        )
        self.secrets.setdefault(key, []).append(made)
        return Answer(200, _bundle(asked, key, made, with_value=True))

    def _list(self, asked: Asked, key: str, last: str) -> Answer:
        """A secret that is not there has no versions: an empty page, no 404."""
        found, start = self.secrets.get(key, []), int(asked.query.get("$skiptoken", "0"))
        page = [_bundle(asked, key, v, with_value=False) for v in found[start : start + self.page]]
        more = start + self.page < len(found)
        here = f"https://{asked.headers['host']}{asked.path}?api-version={asked.query['api-version']}"
        return Answer(200, {"value": page, "nextLink": f"{here}&$skiptoken={start + self.page}" if more else None})

    def _get(self, asked: Asked, key: str, last: str) -> Answer:
        version = self._version(key, last)
        if version is None:
            return _gone(key)
        if not version.enabled:
            return _refused(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return Answer(200, _bundle(asked, key, version, with_value=True))

    def _update(self, asked: Asked, key: str, last: str) -> Answer:
        version = self._version(key, last)
        if version is None:
            return _gone(key)
        body = asked.body or {}
        version.enabled = (body.get("attributes") or {}).get("enabled", version.enabled)
        version.tags = dict(body.get("tags", version.tags))
        return Answer(200, _bundle(asked, key, version, with_value=False))

    def _delete(self, asked: Asked, key: str, last: str) -> Answer:
        if key not in self.secrets:
            return _gone(key)
        self.deleted[key] = self.secrets.pop(key)
        if self.lag:
            self._moving[key] = ("deleting", self.lag)
        return Answer(200, _deleted_bundle(asked, key, self.deleted[key][-1]))

    def _recover(self, asked: Asked, key: str, last: str) -> Answer:
        if key in self._moving:
            return _conflict("ObjectIsBeingDeleted", f"Secret {key} is currently being deleted; retry later.")
        if key not in self.deleted:
            return _gone(key)
        self.secrets[key] = self.deleted.pop(key)
        return Answer(200, _bundle(asked, key, self.secrets[key][-1], with_value=False))

    def _get_deleted(self, asked: Asked, key: str, last: str) -> Answer:
        if key not in self.deleted or key in self._moving:
            return _gone(key)
        return Answer(200, _deleted_bundle(asked, key, self.deleted[key][-1]))

    def _purge(self, asked: Asked, key: str, last: str) -> Answer:
        return Answer(204) if self.deleted.pop(key, None) else _gone(key)

    def _version(self, key: str, id_: str) -> _Version | None:
        found = self.secrets.get(key) or []
        return next((v for v in found if v.id == id_), None) if id_ else (found[-1] if found else None)

    def _settle(self, key: str) -> None:
        state, left = self._moving.pop(key, ("", 0))
        if left > 1:
            self._moving[key] = (state, left - 1)


_OPERATIONS = {
    ("PUT", "secrets", ""): "Set",
    ("GET", "secrets", "versions"): "List",
    ("GET", "secrets", ""): "Get",
    ("PATCH", "secrets", ""): "Update",
    ("DELETE", "secrets", ""): "Delete",
    ("GET", "deletedsecrets", ""): "GetDeleted",
    ("DELETE", "deletedsecrets", ""): "Purge",
    ("POST", "deletedsecrets", "recover"): "Recover",
}


def _bundle(asked: Asked, key: str, version: _Version, with_value: bool) -> dict[str, Json]:
    attributes = {
        "enabled": version.enabled,
        "created": version.created,
        "updated": version.created,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": 90,
    }
    found = {
        "id": f"https://{asked.headers['host']}/secrets/{key}/{version.id}",
        "attributes": attributes,
        "tags": version.tags,
        **({"contentType": version.content_type} if version.content_type else {}),
    }
    return {**found, "value": version.value} if with_value else found


def _deleted_bundle(asked: Asked, key: str, version: _Version) -> dict[str, Json]:
    now = int(time.time())
    where = f"https://{asked.headers['host']}/deletedsecrets/{key}"
    dates = {"deletedDate": now, "scheduledPurgeDate": now + 90 * 86_400}
    return {**_bundle(asked, key, version, with_value=False), "recoveryId": where, **dates}


def _refused(status: int, code: str, message: str, inner: str = "") -> Answer:
    error: dict[str, Json] = {"code": code, "message": message}
    return Answer(status, {"error": {**error, **({"innererror": {"code": inner}} if inner else {})}})


def _conflict(inner: str, message: str) -> Answer:
    return _refused(409, "Conflict", message, inner)


def _gone(key: str) -> Answer:
    return _refused(404, "SecretNotFound", f"A secret with (name/id) {key} was not found in this key vault.")
