"""Azure Key Vault by its official client.

A call is tried again by the writer's queue, never by waiting here: throttling and 5xx answers come back at once.
Sources: Key Vault REST API 7.4, "Secrets"; "Azure Key Vault REST API error codes"; "Key Vault soft-delete overview".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..errors import Busy, CallFailed, Denied, Gone, Invalid, Throttled
from ..model import Json
from . import Token, failed

API_VERSION = "7.4"
TOKEN_TAG = "suture:token"
_BOUNDS = {
    "retry_connect": 1,
    "retry_read": 0,
    "retry_status": 0,
    "connection_timeout": 3,
    "read_timeout": 15,
    "logging_enable": False,
}
_BUSY = frozenset({"ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})
_KINDS: Mapping[int, type[CallFailed]] = {401: Denied, 403: Denied, 404: Gone, 408: Throttled, 429: Throttled}
_WHO = "let the identity sign in, and give it Key Vault Secrets Officer on that vault; docs/stores.md says how"


class KeyVault:
    """A `Vault`. `credential` and `options` go to the client as they are; by default the environment decides."""

    def __init__(self, token: Token, credential: Any = None, options: Mapping[str, Any] | None = None) -> None:
        self._token, self._credential, self._options = token, credential, dict(options or {})
        self._clients: dict[str, Any] = {}

    def call(self, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        try:
            return _CALLS[name.split(":")[1]](self._client(parameters["Vault"]), parameters)
        except CallFailed as error:
            failure = error
        except Exception as error:  # whatever a client raises may hold the request, and that the secret
            failure = classified(error, name)
        raise failure

    def _client(self, url: str) -> Any:
        from azure.keyvault.secrets import SecretClient

        if not url.startswith("https://"):
            raise Invalid("the pin names no vault by its URL", code="NoVault", next_step="set its parameter vault")
        if self._credential is None:
            self._credential = _credential(self._token)
        if url not in self._clients:
            settings = {"api_version": API_VERSION, **_BOUNDS, **self._options}
            self._clients[url] = SecretClient(vault_url=url, credential=self._credential, **settings)
        return self._clients[url]


def _credential(token: Token) -> Any:
    """A client secret or certificate where the environment names one, a token file, or else AWS's word for us.

    The last needs no stored secret: Entra ID trusts tokens that AWS signs for this function's role (STS API
    Reference, GetWebIdentityToken; Entra ID, "Workload identity federation").
    """
    from azure.identity import ClientAssertionCredential, EnvironmentCredential, WorkloadIdentityCredential

    if os.environ.get("AZURE_CLIENT_SECRET") or os.environ.get("AZURE_CLIENT_CERTIFICATE_PATH"):
        return EnvironmentCredential()
    if os.environ.get("AZURE_FEDERATED_TOKEN_FILE"):
        return WorkloadIdentityCredential()
    tenant, client = os.environ.get("AZURE_TENANT_ID", ""), os.environ.get("AZURE_CLIENT_ID", "")
    if not tenant or not client:
        what = "AZURE_TENANT_ID and AZURE_CLIENT_ID are not set"
        raise Denied(what, code="NoCredentials", where="environment", next_step=_WHO)
    return ClientAssertionCredential(tenant, client, token)


def _described(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Every version of a secret, oldest first and without values. One that is deleted has none, and says so."""
    name = parameters["Name"]
    versions = _versions(client, name)
    is_deleted = not versions and _is_deleted(client, name)
    return {"Name": name, "Id": _id(parameters), "Versions": versions, "Deleted": is_deleted}


def _versions(client: Any, name: str) -> list[dict[str, Json]]:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        found = sorted(client.list_properties_of_secret_versions(name), key=lambda v: v.created_on.timestamp())
    except ResourceNotFoundError:
        found = []
    return [{"Version": v.version, "Enabled": bool(v.enabled), "Tags": dict(v.tags or {})} for v in found]


def _is_deleted(client: Any, name: str) -> bool:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        client.get_deleted_secret(name)
    except ResourceNotFoundError:
        return False
    return True


def _id(parameters: Mapping[str, Json]) -> str:
    """The secret's identifier without a version, by which code gets the newest one."""
    return f"{parameters['Vault'].rstrip('/')}/secrets/{parameters['Name']}"


def _fetched(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """The value of one version."""
    return {"Name": parameters["Name"], "Value": client.get_secret(parameters["Name"], parameters["Version"]).value}


def _set(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Store a value as the first version. A version with the same token is the answer to the same request, and any
    other version means that the name is taken: a secret that is not ours gets no new version.
    """
    name, token = parameters["Name"], parameters["Tags"][TOKEN_TAG]
    there = _versions(client, name)
    for version in there:
        if version["Tags"].get(TOKEN_TAG) == token:
            return {"Name": name, "VersionId": version["Version"]}
    if there:
        raise Invalid(f"{name} is there already, and this case did not make it", code="SecretExists")
    made = client.set_secret(
        name, parameters["Value"], tags=dict(parameters["Tags"]), content_type=parameters.get("ContentType")
    )
    return {"Name": name, "VersionId": made.properties.version}


def _deleted(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Soft deletion: the vault keeps the secret for its retention time. Nothing waits for it to end here."""
    client.begin_delete_secret(parameters["Name"])
    return {"Name": parameters["Name"]}


def _recovered(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    client.begin_recover_deleted_secret(parameters["Name"])
    return {"Name": parameters["Name"]}


_CALLS = {
    "DescribeSecret": _described,
    "GetSecret": _fetched,
    "SetSecret": _set,
    "DeleteSecret": _deleted,
    "RecoverDeletedSecret": _recovered,
}


def classified(error: Exception, name: str) -> CallFailed:
    """What kind of failure the client's exception is. It holds the request, so it goes no further."""
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ServiceRequestError,
        ServiceResponseError,
    )

    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return failed(Throttled, name, type(error).__name__)
    if isinstance(error, ClientAuthenticationError) or not isinstance(error, HttpResponseError):
        kind = Denied if isinstance(error, ClientAuthenticationError) else Invalid
        return failed(kind, name, type(error).__name__, next_step=_WHO if kind is Denied else "")
    status, code, said = int(error.status_code or 0), *_told(error)
    found = _KINDS.get(status) or (Throttled if status >= 500 else Invalid)
    if status == 409:
        found = Busy if code in _BUSY else Invalid
    return failed(found, name, code or str(status), said, _WHO if found is Denied else "")


def _told(error: Any) -> tuple[str, str]:
    """The most exact code in Key Vault's error body, and its sentence."""
    body = error.error
    inner = getattr(body, "innererror", None) or {}
    code = inner.get("code") if isinstance(inner, Mapping) else ""
    return str(code or getattr(body, "code", "") or ""), str(getattr(body, "message", "") or "")
