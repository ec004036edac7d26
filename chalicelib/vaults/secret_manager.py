"""Google Secret Manager by its official client, over REST.

Policies and versions change under their etag, so nobody's change in between is lost. A call is tried again by the
writer's queue, never by waiting here. Nothing destroys a version. Source: Secret Manager API v1, `projects.secrets`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..errors import Busy, CallFailed, Denied, Gone, Invalid, Throttled
from ..model import Json
from . import failed

ACCESSOR = "roles/secretmanager.secretAccessor"
_BOUNDS: Mapping[str, Any] = {"timeout": 15, "retry": None}
_WHO = "let the identity sign in, and give it the roles that docs/stores.md names"
_KINDS: Mapping[int, type[CallFailed]] = {401: Denied, 403: Denied, 404: Gone, 408: Throttled, 429: Throttled}


class SecretManager:
    """A `Vault`. `options` go to the client as they are; by default the environment decides."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = dict(options or {})
        self._made: Any = None

    def call(self, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        if not parameters["Project"]:
            raise Invalid("the pin names no project", code="NoProject", next_step="set its parameter project")
        try:
            return _CALLS[name.split(":")[1]](self._client(), parameters)
        except CallFailed as error:
            failure = error
        except Exception as error:  # whatever a client raises may hold the request, and that the secret
            failure = classified(error, name)
        raise failure

    def _client(self) -> Any:
        if self._made is None:
            logging.getLogger("google").setLevel(logging.WARNING)  # its debug records hold whole requests
            from google.cloud import secretmanager_v1

            self._made = secretmanager_v1.SecretManagerServiceClient(transport="rest", **self._options)
        return self._made


def _secret(parameters: Mapping[str, Json]) -> str:
    return f"projects/{parameters['Project']}/secrets/{parameters['Name']}"


def _described(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """The secret's annotations and the state of each version, without values."""
    secret = client.get_secret(request={"name": _secret(parameters)}, **_BOUNDS)
    return {
        "Name": parameters["Name"],
        "Id": _secret(parameters),
        "Annotations": dict(secret.annotations),
        "Versions": [{"Version": number, "State": state} for number, state in _versions(client, parameters)],
    }


def _versions(client: Any, parameters: Mapping[str, Json]) -> list[tuple[str, str]]:
    found = client.list_secret_versions(request={"parent": _secret(parameters)}, **_BOUNDS)
    return [(version.name.rsplit("/", 1)[-1], version.state.name) for version in found]


def _created(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """A secret without versions. `Locations` choose where replicas lie (none: Google does), `KmsKeyName` the key."""
    key = {"customer_managed_encryption": {"kms_key_name": k}} if (k := parameters.get("KmsKeyName")) else {}
    places = [{"location": place, **key} for place in parameters.get("Locations") or ()]
    replication = {"user_managed": {"replicas": places}} if places else {"automatic": key}
    secret = {"replication": replication, "annotations": dict(parameters["Annotations"])}
    parent = f"projects/{parameters['Project']}"
    client.create_secret(request={"parent": parent, "secret_id": parameters["Name"], "secret": secret}, **_BOUNDS)
    return {"Name": parameters["Name"]}


def _added(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Store the value as the first version; an enabled one that is there already answers a repeated request."""
    enabled = [number for number, state in _versions(client, parameters) if state == "ENABLED"]
    if enabled:
        return {"Name": parameters["Name"], "VersionId": enabled[0]}
    data = parameters["Value"].encode()
    payload = {"data": data, "data_crc32c": crc32c(data)}
    made = client.add_secret_version(request={"parent": _secret(parameters), "payload": payload}, **_BOUNDS)
    return {"Name": parameters["Name"], "VersionId": made.name.rsplit("/", 1)[-1]}


def _accessed(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """The value of one version. One that did not come whole is asked for again."""
    name = f"{_secret(parameters)}/versions/{parameters['Version']}"
    payload = client.access_secret_version(request={"name": name}, **_BOUNDS).payload
    if payload.data_crc32c != crc32c(payload.data):
        raise failed(Throttled, "gcp-secretmanager:AccessSecretVersion", "DataCorrupted")
    return {"Name": parameters["Name"], "Value": payload.data.decode()}


def _disabled(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    client.disable_secret_version(request=_as_it_is(client, parameters), **_BOUNDS)
    return {"Name": parameters["Name"], "VersionId": parameters["Version"]}


def _enabled(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    client.enable_secret_version(request=_as_it_is(client, parameters), **_BOUNDS)
    return {"Name": parameters["Name"], "VersionId": parameters["Version"]}


def _as_it_is(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    name = f"{_secret(parameters)}/versions/{parameters['Version']}"
    return {"name": name, "etag": client.get_secret_version(request={"name": name}, **_BOUNDS).etag}


def _accessors(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Who may read the secret by its own policy, without conditions."""
    return {"Members": sorted(m for b in _policy(client, parameters).bindings if _is_ours(b) for m in b.members)}


def _granted(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Add one member to the readers, under the policy's etag; everything else in the policy stays."""
    policy = _policy(client, parameters)
    binding = next((b for b in policy.bindings if _is_ours(b)), None) or policy.bindings.add(role=ACCESSOR)
    if parameters["Member"] not in binding.members:
        binding.members.append(parameters["Member"])
        client.set_iam_policy(request={"resource": _secret(parameters), "policy": policy}, **_BOUNDS)
    return {"Name": parameters["Name"]}


def _revoked(client: Any, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Take one member out of the readers, under the policy's etag; everything else in the policy stays."""
    policy = _policy(client, parameters)
    holding = [b for b in policy.bindings if _is_ours(b) and parameters["Member"] in b.members]
    for binding in holding:
        binding.members.remove(parameters["Member"])
        if not binding.members:
            policy.bindings.remove(binding)
    if holding:
        client.set_iam_policy(request={"resource": _secret(parameters), "policy": policy}, **_BOUNDS)
    return {"Name": parameters["Name"]}


def _policy(client: Any, parameters: Mapping[str, Json]) -> Any:
    request = {"resource": _secret(parameters), "options": {"requested_policy_version": 3}}
    return client.get_iam_policy(request=request, **_BOUNDS)


def _is_ours(binding: Any) -> bool:
    return binding.role == ACCESSOR and not binding.condition.expression


_CALLS = {
    "DescribeSecret": _described,
    "GetSecretAccessors": _accessors,
    "AccessSecretVersion": _accessed,
    "CreateSecret": _created,
    "AddSecretVersion": _added,
    "DisableSecretVersion": _disabled,
    "EnableSecretVersion": _enabled,
    "AddSecretAccessor": _granted,
    "RemoveSecretAccessor": _revoked,
}


def classified(error: Exception, name: str) -> CallFailed:
    """What kind of failure the client's exception is. It holds the request, so it goes no further."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests.exceptions import RequestException

    kind_of_error = type(error).__name__
    if isinstance(error, TransportError | RequestException) or getattr(error, "retryable", False):
        return failed(Throttled, name, kind_of_error)
    if isinstance(error, GoogleAuthError):
        return failed(Denied, name, kind_of_error, next_step=_WHO)
    if not isinstance(error, GoogleAPICallError):
        return failed(Invalid, name, kind_of_error)
    status, (code, said) = int(error.code or 0), _told(error)
    kind = Busy if code == "ABORTED" else _KINDS.get(status) or (Throttled if status >= 500 else Invalid)
    return failed(kind, name, code or str(status), said, _WHO if kind is Denied else "")


def _told(error: Any) -> tuple[str, str]:
    """`ALREADY_EXISTS` or its like, and the sentence, out of the answer's body: one HTTP status stands for several."""
    try:
        body = error.response.json()["error"]
        return str(body["status"]), str(body["message"])
    except (AttributeError, LookupError, TypeError, ValueError):
        return "", ""


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), by which Google sees that a payload came whole. Source: RFC 3720, appendix B.4."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    def entry(number: int) -> int:
        for _ in range(8):
            number = (number >> 1) ^ (0x82F63B78 if number & 1 else 0)
        return number

    return tuple(entry(number) for number in range(256))
