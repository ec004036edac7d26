"""The story of Suture, in the order in which it happens.

watch: a change is heard, its resource read and judged, a plan made and decided on. remediate: an approved plan is
carried out or taken back. sweep: what no event told is found, and what waits is woken. chat: a person decides.
notify: people and systems are told. config_rule: AWS Config is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from . import defending, detection, events
from .aws.deployment import Deployment
from .aws.ledger import Place
from .aws.operations import missing_actions
from .errors import BadEvent, Conflict, Denied, NotYet, SutureError
from .events.fields import decoded
from .logs import log
from .model import Change, Json
from .settings import deployment

Record = Mapping[str, Any]

LOOK_SECONDS = 8.0
"""No look starts with less of the function's time left: a function that is cut off loses its whole batch."""

FIRST_WAIT, PATIENCE = 20, 6
"""Seconds until a look that had to wait is tried again, doubled each time, and how often: about twenty minutes."""


def watch(event: Mapping[str, Any], context: Any) -> Mapping[str, Json]:
    """Look at every resource that a batch of events points to, each once. Answers with the failed message ids."""
    return watched(deployment(), event, lambda: context.get_remaining_time_in_millis() / 1000)


def watched(
    d: Deployment, event: Mapping[str, Any], remaining: Callable[[], float] = lambda: LOOK_SECONDS
) -> Mapping[str, Json]:
    """`watch` for one deployment. What there is no time for goes back to the queue anew, and that is no failure."""
    failed: set[str] = set()
    for place, found in _places(d, event["Records"], failed).items():
        ids = {record["messageId"] for _, record in found}
        with _failing(d, failed, ids, place.resource_id):
            if remaining() < LOOK_SECONDS:
                d.queues.send("changes", events.look_message(change for change, _ in found))
                continue
            again = any(_is_again(record) for _, record in found)
            try:
                detection.look(d, place, tuple(change for change, _ in found), again=again)
            except NotYet as wait:
                _wait(d, place, found, wait)
    return _failures(failed)


def _wait(d: Deployment, place: Place, found: Iterable[tuple[Change, Record]], wait: NotYet) -> None:
    """Look again in a while: AWS has no answer yet, and that is no failure. Raises `wait` when it took too long."""
    waits = max((_waits(record) for _, record in found), default=0)
    if waits >= PATIENCE:
        raise wait
    delay = FIRST_WAIT * 2**waits
    log("info", "waits", where=place.resource_id, why=wait.what, seconds=delay)
    d.queues.send("changes", events.look_message((change for change, _ in found), waits + 1), delay)


def _waits(record: Record) -> int:
    waits = _message(record).get("waits")
    return waits if type(waits) is int and 0 < waits < 1000 else 0


def sweep(event: Mapping[str, Any], context: Any) -> None:
    """Find what no event told, expire what is due, wake what was interrupted."""
    from . import sweeping

    _wordless("sweep", lambda: sweeping.sweep(deployment()))


def config_rule(event: Mapping[str, Any], context: Any) -> None:
    """Answer AWS Config's question about one resource."""
    from . import compliance

    _wordless("config_rule", lambda: compliance.evaluate(deployment(), event))


def remediate(event: Mapping[str, Any], context: Any) -> Mapping[str, Json]:
    """Carry out, or take back, the plans that this writer's queue names. Answers with the failed message ids."""
    return remediated(deployment(), event, context)


remediate_iam = remediate_secrets = remediate


def remediated(d: Deployment, event: Mapping[str, Any], context: Any) -> Mapping[str, Json]:
    """`remediate` for one deployment."""
    from . import remediation

    def run(record: Record) -> None:
        remediation.run(d, _message(record), context, again=_is_again(record))

    return _each(d, event["Records"], run)


def notify(event: Mapping[str, Any], context: Any) -> Mapping[str, Json]:
    """Tell people and systems about cases. Answers with the failed message ids."""
    from .chat import notices

    d = deployment()
    return _each(d, event["Records"], lambda record: notices.tell(d, _message(record)))


def chat(request: Mapping[str, Any]) -> tuple[int, Mapping[str, Json]]:
    """Answer one request of the decision API: an HTTP status and a JSON body."""
    from .chat import web

    return web.answer(deployment(), request)


def slack(request: Mapping[str, Any]) -> tuple[int, Mapping[str, Json] | None]:
    """Answer one request of Slack: an HTTP status, and a JSON body or none."""
    from .chat.slack import door

    return door.answer(deployment(), request)


def page(request: Mapping[str, Any]) -> tuple[int, str, Mapping[str, Any]]:
    """Answer one request of the page: an HTTP status, a body, and headers (a list for one that comes twice)."""
    from .chat.page import deployed

    return deployed.answer(deployment(), request)


def teams(request: Mapping[str, Any]) -> tuple[int, Mapping[str, Json] | None]:
    """Answer one activity of Microsoft Teams: an HTTP status, and a JSON body or none."""
    from .chat.teams import door

    return door.answer(deployment(), request)


def _places(d: Deployment, records: Iterable[Record], failed: set[str]) -> Mapping[Place, list[tuple[Change, Record]]]:
    """The changes that a batch tells of by the resource to look at; messages that cannot be read go to `failed`."""
    places: dict[Place, list[tuple[Change, Record]]] = {}
    for record in records:
        with _failing(d, failed, {record["messageId"]}, record["messageId"]):
            message = _message(record)
            defending.hear(d, message)
            reading = events.read(message)
            if reading.ignored:
                log("info", "ignored", where=record["messageId"], why=reading.ignored)
            for change in reading.changes:
                for place in detection.places_of(d, change):
                    places.setdefault(place, []).append((change, record))
    return places


def _each(d: Deployment, records: Iterable[Record], work: Callable[[Record], None]) -> Mapping[str, Json]:
    """Do `work` for each message; one that fails is left to its queue, and never takes another with it."""
    failed: set[str] = set()
    for record in records:
        with _failing(d, failed, {record["messageId"]}, record["messageId"]):
            work(record)
    return _failures(failed)


@contextmanager
def _failing(d: Deployment, failed: set[str], ids: set[str], where: str) -> Iterator[None]:
    """Whatever goes wrong inside is one line in the log, noted for `suture redrive`, and fails these messages alone."""
    try:
        yield
    except Conflict as error:
        log("info", "another worker was first; the message comes again", where=where, why=str(error))
        _note(d, ids, str(error))
        failed.update(ids)
    except SutureError as error:
        missing = missing_actions(error) if isinstance(error, Denied) else None
        kind, place = type(error).__name__, error.where or where
        log("error", "a message failed", where=place, why=str(error), error=kind, missing=missing)
        _note(d, ids, str(error))
        failed.update(ids)
    except Exception as error:  # a mistake of ours must not take the rest of the batch with it
        log("error", "a message failed by a mistake of ours", where=where, error=type(error).__name__, at=_line(error))
        _note(d, ids, f"a mistake of ours: {type(error).__name__} at {_line(error)}")
        failed.update(ids)


def _note(d: Deployment, ids: set[str], why: str) -> None:
    from .aws import failing

    failing.note(d, sorted(ids), why)


def _wordless(where: str, work: Callable[[], None]) -> None:
    """A mistake of ours fails the invocation without its text: Lambda would write that to the log, values and all."""
    try:
        return work()
    except SutureError:
        raise
    except Exception as error:
        kind, at = type(error).__name__, _line(error)
    raise SutureError(f"a mistake of ours: {kind} at {at}", where=where, next_step="report it with this line")


def _line(error: Exception) -> str:
    """Where a mistake happened; never its text, which may hold a value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else ""


def _is_again(record: Record) -> bool:
    """Did the queue deliver this message before? SQS counts deliveries in the message's attributes."""
    count = str((record.get("attributes") or {}).get("ApproximateReceiveCount") or "1")
    return count.isdecimal() and int(count) > 1


def _message(record: Record) -> Mapping[str, Json]:
    try:
        message = decoded(record["body"])
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"the message is no JSON: {error}", where=record["messageId"]) from error
    if not isinstance(message, Mapping):
        raise BadEvent("the message is no object", where=record["messageId"])
    return message


def _failures(failed: Iterable[str]) -> Mapping[str, Json]:
    return {"batchItemFailures": [{"itemIdentifier": message} for message in sorted(failed)]}
