"""Many findings at once become one message with counts, and no hundred messages.

A storm is more new messages of one channel in one window than governance/chat.yaml allows. Its later cases stand in
the digest alone; each is decided by its command.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from ...aws.deployment import Deployment
from ...aws.table import Update, body, unbody
from ...cases import Case
from ...errors import Conflict
from ...model import Json, canonical
from . import blocks
from .client import GONE, Slack, SlackFailed

SETTLE = 5
"""Seconds that a digest waits for more: the first of a hundred notices then shows all of them."""

KEPT = 14 * 86_400
READ = 100
"""Cases of a storm that are read for its digest; the rest is counted."""

Post = Callable[[Slack, str, Mapping[str, Json]], str]


def count(d: Deployment, slack: Slack, channel: str) -> tuple[int, int]:
    """Count one new message of a channel: how many there are in this window, and which window it is."""
    now = int(d.now().timestamp())
    window = now // slack.rules.storm_seconds
    changes = Update().add("n", 1).set("ttl", now + KEPT)
    return int(d.ledger.table.update(_key(channel), str(window), changes)["n"]), window


def add(d: Deployment, channel: str, window: int, case: Case) -> None:
    """Make a case part of a digest, or tell the digest that it moved."""
    expires = int(d.now().timestamp()) + KEPT
    d.ledger.table.put({"pk": _key(channel), "sk": f"{window}#{case.id}", "case": case.id, "ttl": expires})
    d.queues.send("notices", {"suture": "slack-digest", "channel": channel, "window": window}, SETTLE)


def show(d: Deployment, slack: Slack, channel: str, window: int, post: Post) -> None:
    """Write the digest anew if anything moved. Raises SlackFailed; Conflict when somebody else writes it."""
    table = d.ledger.table
    ids = [str(item["case"]) for item in table.query(_key(channel), f"{window}#")]
    cases = [case for id_ in ids[:READ] if (case := d.ledger.case(id_))]
    mark = hashlib.sha256(canonical([ids, [(c.id, c.state) for c in cases]]).encode()).hexdigest()
    item = table.get(_key(channel), f"{window}!") or {}
    kept = unbody(item) if item.get("body") else {}
    if kept.get("mark") == mark:
        return
    said, text = blocks.digest(cases, len(ids) - len(cases))
    ts = _write(slack, channel, str(kept.get("ts") or ""), {"blocks": said, "text": text}, post)
    version = int(item.get("version") or 0)
    new = {"pk": _key(channel), "sk": f"{window}!", "version": version + 1, "body": body({"ts": ts, "mark": mark})}
    try:
        table.put(new, version=version) if version else table.put(new, is_new=True)
    except Conflict:
        if not kept:  # two wrote the first one: this one is too many
            slack.call("chat.delete", {"channel": channel, "ts": ts})
        raise


def _write(slack: Slack, channel: str, ts: str, said: Mapping[str, Json], post: Post) -> str:
    if not ts:
        return post(slack, channel, said)
    try:
        slack.call("chat.update", {"channel": channel, "ts": ts, **said, "parse": "none"})
    except SlackFailed as error:
        if error.code not in GONE:
            raise
        return post(slack, channel, said)
    return ts


def _key(channel: str) -> str:
    return f"MESSAGE#storm#{channel}"
