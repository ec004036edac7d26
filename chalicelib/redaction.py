"""Keeping values inside the process: fingerprints instead of secrets, digests of states, text safe to show."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping

from .model import Hidden, Json, Resource, canonical, digest

Key = Callable[[], bytes]
"""Fetches the fingerprint key; called only when something hidden must be fingerprinted."""


def fingerprint(key: bytes, value: str) -> str:
    """`hmac:` and 16 hex digits: equal values are recognised under one key, and nobody without it can guess."""
    return "hmac:" + hmac.new(key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


def shown(config: Json, key: Key) -> Json:
    """A deep copy of `config`, with the fingerprint in the place of every `Hidden`."""
    return _mapped(config, lambda hidden: fingerprint(key(), hidden.reveal()))


def revealed(config: Json) -> Json:
    """A deep copy of `config`, with the value in the place of every `Hidden`. Only the executor may call it."""
    return _mapped(config, lambda hidden: hidden.reveal())


def without(config: Json, volatile: Iterable[str]) -> Json:
    """A deep copy of `config` less the dotted keys in `volatile`; inside a list, a key is left out of each item."""
    paths = [path.split(".") for path in volatile]
    return _pruned(config, paths)


def state_digest(resource: Resource, key: Key) -> str:
    """The digest of what a resource is: type, ARN and configuration, less what moves by itself.

    Statements of a policy count in any order, since AWS appends one that is put back.
    """
    config = _ordered(shown(without(resource.config, resource.volatile), key))
    return digest({"type": resource.type, "arn": resource.arn, "config": config})


def safe_text(text: object, limit: int = 300) -> str:
    """Text from outside as one harmless line of at most `limit` characters, for people and logs.

    Line breaks and odd spaces become spaces; control, bidirectional and other invisible characters vanish.
    Escaping for HTML, Slack or a terminal's markup is its renderer's work.
    """
    raw = text if isinstance(text, str) else str(text)
    cut = raw[: 4 * limit]
    line = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in cut)
    line = " ".join(line.split())
    return line if len(line) <= limit and len(raw) == len(cut) else line[: limit - 1] + "…"


def _ordered(value: Json) -> Json:
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    ordered = {name: _ordered(item) for name, item in value.items()}
    if isinstance(ordered.get("Statement"), list):
        ordered["Statement"] = sorted(ordered["Statement"], key=canonical)
    return ordered


def _mapped(value: Json, of_hidden: Callable[[Hidden], str]) -> Json:
    if isinstance(value, Hidden):
        return of_hidden(value)
    if isinstance(value, Mapping):
        return {name: _mapped(item, of_hidden) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(item, of_hidden) for item in value]
    return value


def _pruned(value: Json, paths: list[list[str]]) -> Json:
    if isinstance(value, list | tuple):
        return [_pruned(item, paths) for item in value]
    if not isinstance(value, Mapping):
        return value
    gone = {path[0] for path in paths if len(path) == 1}
    kept = {name: item for name, item in value.items() if name not in gone}
    return {name: _pruned(item, [p[1:] for p in paths if len(p) > 1 and p[0] == name]) for name, item in kept.items()}
