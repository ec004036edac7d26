"""Why a message failed, kept beside the cases: a dead-letter queue holds the message, and no word about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import SutureError
from ..logs import log
from ..model import Json
from ..plaintext import contains_secret
from ..redaction import safe_text
from ..times import iso
from .deployment import Deployment
from .table import Table, body, unbody

KEPT_SECONDS = 15 * 86_400
"""A day more than a dead-letter queue keeps a message."""


def note(d: Deployment, messages: Iterable[str], why: str) -> None:
    """Remember why these messages (SQS message ids) failed just now. What cannot be noted stands in the log alone."""
    shown = "(not shown: it looks as if it held a secret)" if contains_secret(why) else safe_text(why, 600)
    said = body({"why": shown, "function": d.function, "at": iso(d.now())})
    for message in messages:
        item = {"pk": f"FAILURE#{message}", "sk": "WHY", "body": said, "ttl": int(d.now().timestamp()) + KEPT_SECONDS}
        try:
            d.ledger.table.put(item)
        except SutureError as error:
            log("warning", "a failure was not noted", where=message, why=str(error))


def why(table: Table, message: str) -> Mapping[str, Json]:
    """What was noted of a message: `why`, `function`, `at`; nothing where its function was cut off, or noted nothing.

    Raises a CallFailed.
    """
    item = table.get(f"FAILURE#{message}", "WHY")
    return unbody(item) if item else {}
