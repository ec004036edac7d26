"""What a policy that IAM refuses would do if its slips were put right, read as wide as its author may have meant it.

A policy that cannot be read is `unknown`; but one letter wrong in a policy for everyone must not hide whom it is for.
Only slips with one obvious reading are mended. What is mended never lets in fewer: an element that cannot be read is
taken as unlimited in an Allow, and leaves a Deny out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.errors import BadPolicy
from chalicelib.iam.documents import NEW, OLD, Document, parse

_KNOWN = {"sid": "Sid", "effect": "Effect", "condition": "Condition"}
_KNOWN |= {n.lower(): n for name in ("Principal", "Action", "Resource") for n in (name, f"Not{name}")}


def as_meant(raw: Any, kind: str) -> Document | None:
    """The document with its slips put right, or None where it cannot be told what was meant."""
    if not isinstance(raw, Mapping) or "Statement" not in raw:
        return None
    listed = raw["Statement"] if isinstance(raw["Statement"], list) else [raw["Statement"]]
    if not all(isinstance(s, Mapping) for s in listed):
        return None
    version = raw.get("Version", OLD)
    mended = {
        "Version": version if version in (OLD, NEW) else NEW,
        "Statement": [m for s in listed for m in _statement(s, kind)],
    }
    try:
        return parse(mended, kind)
    except BadPolicy:
        return None


def _statement(raw: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    found = {_KNOWN[k.lower()]: v for k, v in raw.items() if isinstance(k, str) and k.lower() in _KNOWN}
    effect = found.get("Effect")
    if isinstance(effect, str):
        found["Effect"] = effect.capitalize()
    condition = found.pop("Condition", None) or {}
    blocks = _readable(condition) if isinstance(condition, Mapping) else {}
    whole = _is_whole(found, kind) and blocks == condition
    if found.get("Effect") != "Allow" and not whole:
        return
    for name in ("Action", "Resource"):
        if name not in found and f"Not{name}" not in found and (name == "Action" or kind == "identity"):
            found[name] = "*"
    for name in ("Principal", "NotPrincipal"):
        if isinstance(found.get(name), list):
            found[name] = {"AWS": found[name]}
    yield {**found, "Condition": blocks}


def _is_whole(found: Mapping[str, Any], kind: str) -> bool:
    resource = kind != "identity" or "Resource" in found or "NotResource" in found
    return ("Action" in found or "NotAction" in found) and resource


def _readable(condition: Mapping[str, Any]) -> dict[str, Any]:
    """The blocks of which every value is one that IAM reads."""
    kept = {}
    for operator, block in condition.items():
        keys = block if isinstance(block, Mapping) else {}
        good = {k: v for k, v in keys.items() if all(isinstance(x, (str, int, float)) for x in _list(v))}
        if good:
            kept[operator] = good
    return kept


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
