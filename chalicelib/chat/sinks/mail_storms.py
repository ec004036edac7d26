"""Many cases at once become one mail with counts, and no hundred mails.

A storm is more new cases in one window than governance/chat.yaml allows. When the window is over, its later cases are
one digest, written under a claim so that it is sent once. A case of a digest is mailed about alone only when somebody
has to be reminded of it: its outcome is on its page, in Slack and in its ticket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...aws.table import Update
from ...cases import Case
from ...errors import Conflict, Misconfigured
from ...logs import log
from ...model import Json
from ...redaction import safe_text
from ...times import iso
from .. import claims
from ..gate import SecretInMessage
from . import LOST, MOST_TRIES, patience, ses, words
from .line import SinkFailed

if TYPE_CHECKING:
    from ...aws.deployment import Deployment
    from ...routing import Sink

DEED = "email-digest"
KEPT = 14 * 86_400
MOST_LISTED = 100
LONGEST_WAIT = 900
_KEY = "MESSAGE#storm#email"


def count(d: Deployment, rules: Sink) -> tuple[int, int]:
    """Count one new case: how many there are in this window, and which window it is."""
    now = int(d.now().timestamp())
    window = now // rules.storm_seconds
    changes = Update().add("n", 1).set("ttl", now + KEPT)
    return int(d.ledger.table.update(_KEY, str(window), changes)["n"]), window


def add(d: Deployment, rules: Sink, window: int, case: Case) -> bool:
    """Make a case part of its storm's digest, and ask for that. False when it came too late and stands for itself."""
    expires = int(d.now().timestamp()) + KEPT
    d.ledger.table.put({"pk": _KEY, "sk": f"{window}#{case.id}", "case": case.id, "ttl": expires})
    if _was_sent(d, window):
        return False
    _later(d, rules, {"suture": DEED, "window": window})
    return True


def show(d: Deployment, message: Mapping[str, Json]) -> None:
    """Send the digest of a window that is over, once."""
    rules = d.packaged.sinks.get("email")
    if rules is None:
        return None
    window, tries = int(message["window"]), int(message.get("tries") or 0)
    if int(d.now().timestamp()) < (window + 1) * rules.storm_seconds:
        return _later(d, rules, message)
    try:
        _send(d, rules, window)
    except SecretInMessage as error:
        log("error", LOST, sink="email", why=error.what, what="digest")
    except (SinkFailed, Misconfigured, Conflict) as error:
        if not isinstance(error, Conflict):
            log("error", LOST, sink="email", why=error.what, what="digest")
        if tries < MOST_TRIES:
            d.queues.send("notices", {**message, "tries": tries + 1}, patience(tries))


def _was_sent(d: Deployment, window: int) -> bool:
    return "sent" in (d.ledger.table.get(_KEY, f"{window}!") or {})


def _send(d: Deployment, rules: Sink, window: int) -> None:
    """The digest, unless it was sent. Raises SinkFailed; Conflict when somebody else sends it."""
    if _was_sent(d, window):
        return
    table, now, sk = d.ledger.table, d.now(), f"{window}!"
    table.update(_KEY, sk, Update().set("claim", iso(now + claims.LASTS)).if_free("claim", iso(now), "holder", ""))
    ids = [str(i["case"]) for i in table.query(_KEY, f"{window}#")]
    cases = [case for id_ in ids[:MOST_LISTED] if (case := d.ledger.case(id_))]
    domain = rules.options["from"].rpartition("@")[2]
    subject, text = digest(cases, len(ids) - len(cases))
    marked = ses.html(subject, "", text, "")
    ses.post(d, rules, rules.targets, ses.message(subject, text, marked, ses.automatic(d.stage, domain)))
    table.update(_KEY, sk, Update().set("sent", iso(now)).set("ttl", int(now.timestamp()) + KEPT))


def digest(cases: Sequence[Case], more: int) -> tuple[str, str]:
    """Subject and text: how many, of what, in which states, and each with the command that shows it."""
    total = len(cases) + more
    severities = ", ".join(f"{n} {s}" for s, n in Counter(c.severity for c in cases).most_common())
    states = Counter((c.control, c.state) for c in cases)
    lines = [f"{n:>4} x {control}: {state}" for (control, state), n in states.most_common(30)]
    names = [f"{c.id}  {c.severity:<8}  {c.state:<9}  {c.control}  {safe_text(c.arn)}" for c in cases]
    rest = [f"{more} more."] if more else []
    text = "\n".join([*lines, "", *names, *rest, "", "suture cases list, and suture cases show CASE for one of them"])
    return f"Suture: {total} more finding{'s'[: total != 1]} in a storm: {severities}", words.inert(text)


def _later(d: Deployment, rules: Sink, message: Mapping[str, Json]) -> None:
    over = (int(message["window"]) + 1) * rules.storm_seconds - int(d.now().timestamp())
    d.queues.send("notices", dict(message), min(max(over, 1), LONGEST_WAIT))
