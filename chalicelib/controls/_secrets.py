"""What the controls on secrets in plain text outside functions share: an item a secret, told by its place and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..model import Hidden, Json
from ..plaintext import secret_in
from ..redaction import safe_text
from . import Judgement

Item = Mapping[str, Json]


class Spot(NamedTuple):
    """Where a value stands: the facts that find it again, the name that it is judged with, and the value itself."""

    facts: Item
    name: str
    value: Hidden


def found_in(spots: Iterable[Spot]) -> tuple[dict[str, Json], ...]:
    """One item a spot that holds a secret: its facts, with Kind, Confidence and Reason; never the value."""
    items = (_item(spot) for spot in spots)
    return tuple(item for item in items if item is not None)


def spoken(where: str, items: tuple[Item, ...], told: str) -> Judgement | None:
    """The judgement by these items, or None without any: a secret stands in `where`, at what the key `told` says."""
    if not items:
        return None
    names = list(dict.fromkeys(safe_text(item[told], 80) for item in items))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    is_sure = any(item["Confidence"] != "possible" for item in items)
    title = f"A secret stands in plain text in {where}: {', '.join(names[:3])}{more}"
    return Judgement(title, items, "" if is_sure else "medium")


def value_at(spots: Iterable[Spot], item: Item) -> Hidden | None:
    """The value of the spot that an item is about."""
    return next((s.value for s in spots if all(item.get(key) == fact for key, fact in s.facts.items())), None)


def _item(spot: Spot) -> dict[str, Json] | None:
    secret = secret_in(spot.name, spot.value.reveal())
    if secret is None:
        return None
    return {**spot.facts, "Kind": secret.kind, "Confidence": secret.confidence, "Reason": secret.reason}
