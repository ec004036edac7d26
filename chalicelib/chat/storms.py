"""Many findings at once become one message with counts, and no hundred messages: the same in every chat.

A storm is more new messages of one channel in one window than governance/chat.yaml allows. Its later cases stand in
the digest alone; each is decided by its command.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from ..aws.deployment import Deployment
from ..aws.table import Update, body, unbody
from ..cases import Case
from ..errors import Conflict
from ..model import Json, canonical
from ..times import iso

SETTLE = 5
"""Seconds that a digest waits for more: the first of a hundred notices then shows all of them."""

ASKED = 60
"""Seconds after which a digest that was asked for and never came is asked for again."""

KEPT = 14 * 86_400
READ = 100
"""Cases of a storm that are read for its digest; the rest is counted."""


class Writer(Protocol):
    """A chat that shows digests."""

    def write(self, at: str, cases: Sequence[Case], more: int) -> str:
        """Show these cases where the digest stands `at` (empty for a new one); where it stands now."""

    def drop(self, at: str) -> None:
        """Take a digest away that is one too many."""


def count(d: Deployment, channel: str, seconds: int) -> tuple[int, int]:
    """Count one new message of a channel: how many there are in this window, and which window it is."""
    now = int(d.now().timestamp())
    window = now // seconds
    changes = Update().add("n", 1).set("ttl", now + KEPT)
    return int(d.ledger.table.update(_key(channel), str(window), changes)["n"]), window


def add(d: Deployment, deed: str, channel: str, window: int, case: Case) -> None:
    """Make a case part of a digest, or tell the digest that it moved. `deed` is what shows it.

    Each digest reads all its cases, so that one message asks for many of them: whoever finds that it was asked for
    came before it begins to read.
    """
    table, now = d.ledger.table, d.now()
    expires = int(now.timestamp()) + KEPT
    table.put({"pk": _key(channel), "sk": f"{window}#{case.id}", "case": case.id, "ttl": expires})
    asked = Update().set("claim", iso(now + timedelta(seconds=ASKED))).set("ttl", expires)
    with suppress(Conflict):  # it is asked for, and not begun
        table.update(_key(channel), f"{window}?", asked.if_free("claim", iso(now), "holder", ""))
        d.queues.send("notices", {"suture": deed, "channel": channel, "window": window}, SETTLE)


def show(d: Deployment, channel: str, window: int, writer: Writer) -> None:
    """Write the digest anew if anything moved. Raises what the writer raises; Conflict when somebody else writes it."""
    table = d.ledger.table
    table.update(_key(channel), f"{window}?", Update().remove("claim"))
    ids = [str(item["case"]) for item in table.query(_key(channel), f"{window}#")]
    cases = [case for id_ in ids[:READ] if (case := d.ledger.case(id_))]
    mark = hashlib.sha256(canonical([ids, [(c.id, c.state) for c in cases]]).encode()).hexdigest()
    item = table.get(_key(channel), f"{window}!") or {}
    kept: dict[str, Json] = dict(unbody(item)) if item.get("body") else {}
    if kept.get("mark") == mark:
        return
    at = writer.write(str(kept.get("ts") or ""), cases, len(ids) - len(cases))
    version = int(item.get("version") or 0)
    new = {"pk": _key(channel), "sk": f"{window}!", "version": version + 1, "body": body({"ts": at, "mark": mark})}
    try:
        table.put(new, version=version) if version else table.put(new, is_new=True)
    except Conflict:
        if not kept:  # two wrote the first one: this one is too many
            writer.drop(at)
        raise


def _key(channel: str) -> str:
    return f"MESSAGE#storm#{channel}"
