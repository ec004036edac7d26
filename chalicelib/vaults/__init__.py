"""Stores outside AWS: the only modules that import the clients of Azure and Google, and only for the first call.

An adapter makes catalogued calls with the official client. It answers with metadata; only a call of the kind `late`,
which an undo asks, answers with a value. Whatever a client raises becomes one of our errors outside of its `except`
block, since foreign exceptions hold the request, and a request may hold the secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Protocol

from ..aws.operations import operation
from ..errors import CallFailed, Invalid
from ..model import Json
from ..redaction import safe_text
from ..stores import FOREIGN, Store

Token = Callable[[], str]
"""Asks AWS for a short-lived token that names this process to another cloud."""


class Vault(Protocol):
    def call(self, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        """Make one catalogued call (`azure-keyvault:SetSecret`). Raises a CallFailed that holds no secret."""


def opened(service: str, token: Token, name: str) -> Vault:
    """The adapter for operations of `service`. Raises Invalid where its client is not in this package."""
    store = FOREIGN[service]
    if is_missing(store):
        raise Invalid(
            f"{name} cannot be called: the client of {store.title} is not in this package",
            operation=name,
            code="NoClient",
            next_step=f"add the layer with suture[{store.extra}] to this function; docs/stores.md says how",
        )
    if service == "azure-keyvault":
        from .key_vault import KeyVault

        return KeyVault(token)
    from .secret_manager import SecretManager

    return SecretManager()


def is_missing(store: Store) -> bool:
    """Is a module that the store's client needs not installed here? Nothing is imported to find out but packages."""
    return not all(_is_there(module) for module in store.needs)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def failed(kind: type[CallFailed], name: str, code: str, said: str = "", next_step: str = "") -> CallFailed:
    """The error of one call. `said` is the server's sentence, which is dropped where the request held a secret."""
    is_heard = said and not operation(name).hushed
    what = f"{name} answered {safe_text(code, 80)}" + (f": {safe_text(said)}" if is_heard else "")
    return kind(what, operation=name, code=safe_text(code, 80), next_step=next_step)
