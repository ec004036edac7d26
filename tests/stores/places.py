"""The four stores as tests meet them: moto for AWS's, our loopback services for the others, official clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from world import ACCOUNT, REGION

from chalicelib.aws.clients import Clients
from chalicelib.stores import STORES
from chalicelib.vaults import Vault, is_missing
from suture.sandbox.vaults import key_vault, secret_manager
from suture.sandbox.vaults.loopback import Loopback

MEMBER = f"serviceAccount:orders@{secret_manager.PROJECT}.iam.gserviceaccount.com"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/break-glass"
CLIENT_SECRET = "cs" + "-of-a-test"


@dataclass
class Place:
    """One store in a test: the parameters that its pin gives, its adapter, and what is in it, as its owner sees it."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    vault: Vault | None = None
    loopback: Loopback | None = None
    service: Any = None

    def holds(self, case: str) -> list[str]:
        """The values that can be read now of what was stored for a case."""
        found: Callable[[str], list[str]] = _HOLDS[self.name] if not self.service else self._outside
        return found(case)

    def _outside(self, case: str) -> list[str]:
        if self.name == "azure-key-vault":
            return [v.value for n, vs in self.service.secrets.items() for v in vs if case.lower() in n and v.enabled]
        return [
            data.decode()
            for n, s in self.service.secrets.items()
            for data, v in zip(s.values, s.versions, strict=True)
            if case in n and v["state"] == "ENABLED"
        ]

    def known_to(self, clients: Clients) -> None:
        if self.vault is not None:
            clients.vaults[STORES[self.name].service] = self.vault


def _in_secrets_manager(case: str) -> list[str]:
    client = boto3.client("secretsmanager", region_name=REGION)
    pages = client.get_paginator("list_secrets").paginate()
    names = [s["Name"] for page in pages for s in page["SecretList"] if case in s["Name"]]
    return [client.get_secret_value(SecretId=name)["SecretString"] for name in names]


def _in_ssm(case: str) -> list[str]:
    client = boto3.client("ssm", region_name=REGION)
    pages = client.get_paginator("get_parameters_by_path").paginate(Path="/suture", Recursive=True, WithDecryption=True)
    return [p["Value"] for page in pages for p in page["Parameters"] if case in p["Name"]]


_HOLDS: Mapping[str, Callable[[str], list[str]]] = {"secretsmanager": _in_secrets_manager, "ssm": _in_ssm}


@contextmanager
def place(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """One store, empty. Skips where its client is not installed."""
    store = STORES[name]
    if is_missing(store):
        pytest.skip(f"the client of {store.title} is not installed: pip install 'suture[{store.extra}]'")
    if name == "azure-key-vault":
        yield from _azure(folder, monkeypatch)
    elif name == "gcp-secret-manager":
        yield from _google(folder, monkeypatch)
    else:
        yield Place(name, {"readers": [ADMIN]} if name == "secretsmanager" else {})


def _azure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A vault of its own. The client remembers challenges by host and port, and a port may come again."""
    from azure.keyvault.secrets._shared import http_challenge_cache

    http_challenge_cache.clear()
    service = key_vault.KeyVault(CLIENT_SECRET)
    with Loopback(service, folder) as loopback:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(loopback.authority))
        vault = azure_vault(loopback, CLIENT_SECRET)
        yield Place("azure-key-vault", {"vault": loopback.url}, vault, loopback, service)


def azure_vault(loopback: Loopback, client_secret: str) -> Vault:
    """The adapter with the official client, told that this vault's name is no name of Azure's."""
    from azure.identity import ClientSecretCredential

    from chalicelib.vaults.key_vault import KeyVault

    credential = ClientSecretCredential(
        key_vault.TENANT, key_vault.CLIENT, client_secret, authority=loopback.url, disable_instance_discovery=True
    )
    return KeyVault(lambda: "", credential, {"verify_challenge_resource": False})


def _google(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    service = secret_manager.SecretManager(key.public_key())
    with Loopback(service, folder) as loopback:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(loopback.authority))
        vault = google_vault(loopback, key.private_bytes(*encoding).decode())
        params = {"project": secret_manager.PROJECT, "member": MEMBER}
        yield Place("gcp-secret-manager", params, vault, loopback, service)


def google_vault(loopback: Loopback, private_key: str) -> Vault:
    from google.oauth2 import service_account

    from chalicelib.vaults.secret_manager import SecretManager

    info = {"client_email": secret_manager.ACCOUNT, "private_key": private_key, "token_uri": f"{loopback.url}/token"}
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    credentials = service_account.Credentials.from_service_account_info(info, scopes=scopes)
    return SecretManager({"credentials": credentials, "client_options": endpoint(loopback)})


def endpoint(loopback: Loopback) -> dict[str, str]:
    return {"api_endpoint": loopback.url.removeprefix("https://")}
