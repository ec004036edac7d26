"""EventBridge: an event comes in, every enabled rule that matches it delivers it to its targets.

Rules and targets are read from moto at every event, so a rule that a client puts works at once. Differences from
AWS: archives, replays and cross-account buses are moto's affair and get nothing here; API destinations, log groups
and the like get a log line. Sources: EventBridge user guide, "Rules", "Using dead-letter queues"; EVENTS.md §5.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from moto.events.models import events_backends
from moto.sqs.models import sqs_backends

from suture.sandbox.calls import Call
from suture.sandbox.chaos import Chaos
from suture.sandbox.front import Answer, Handler
from suture.sandbox.grants import service_may
from suture.sandbox.identity import Identity
from suture.sandbox.later import Later
from suture.sandbox.patterns import BadPattern, Leaves, Pattern, compile_pattern, leaves_of
from suture.sandbox.refusals import failure
from suture.sandbox.targets import payload

log = logging.getLogger("suture.sandbox")

SERVICE = "events.amazonaws.com"
ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""The state of a rule that hears reads too: EventBridge User Guide, "Receiving read-only management events"."""
LONGEST_PATTERN = 4_096
LARGEST_ENTRY = 1 << 20
Event = dict[str, Any]
InvokeAsync = Callable[[str, str], bool]  # function ARN, payload → whether there is such a function here


class Bus:
    """The event buses of one account and region. `invoke` hands a payload to one of our functions. `emit` takes whole
    envelopes for the default bus, AWS's own included. Set `lock` to the server's before the first event: the server
    is made with the bus's `emit` and `handlers`, so the bus comes first."""

    def __init__(
        self,
        account: str,
        region: str,
        invoke: InvokeAsync = lambda arn, text: False,
        chaos: Chaos | None = None,
    ) -> None:
        self._account, self._region = account, region
        self.lock, self.invoke = threading.RLock(), invoke
        self._chaos, self.later = chaos or Chaos(), Later("deliveries")

    def emit(self, event: Event, bus: str = "default") -> None:
        """Deliver one envelope to every target of every rule that matches it. Never raises for a bad rule."""
        leaves, is_read = leaves_of(event), _is_read(event)
        with self.lock:
            wanting = [rule for rule in self._rules(bus) if _wants(rule, leaves, is_read=is_read)]
            due = [(rule.arn, dict(target)) for rule in wanting for target in rule.targets]
        for rule_arn, target in due:
            for seconds in self._chaos.deliveries():
                step = partial(self.deliver, rule_arn, target, event)
                self.later.after(seconds, step) if seconds else step()

    def deliver(self, rule_arn: str, target: Mapping[str, Any], event: Event) -> None:
        """One event to one target, or to the target's DLQ."""
        arn = str(target["Arn"])
        try:
            text = payload(target, event, rule_arn)
        except (ValueError, KeyError) as wrong:
            return self._undeliverable(target, json.dumps(event), rule_arn, "INVALID_JSON", str(wrong))
        service = arn.split(":")[2] if arn.count(":") >= 5 else ""
        if service == "sqs":
            return self._to_queue(target, text, rule_arn)
        if service == "lambda":
            if not self.invoke(arn, text):
                self._undeliverable(target, text, rule_arn, "NO_RESOURCE", f"{arn} is no function of this sandbox")
            return None
        log.info("rule %s: the sandbox does not deliver to %s", rule_arn, arn)
        return None

    def handlers(self) -> Mapping[str, Handler]:
        """The API calls that the bus answers instead of moto."""
        return {
            "events:PutEvents": self._put_events,
            "events:PutRule": _put_rule,
            "events:TestEventPattern": _test_event_pattern,
        }

    def close(self) -> None:
        self.later.close()

    def _rules(self, bus: str) -> list[Any]:
        found = events_backends[self._account][self._region].event_buses.get(bus)
        return [rule for rule in found.rules.values() if str(rule.state).startswith("ENABLED")] if found else []

    def _to_queue(self, target: Mapping[str, Any], text: str, rule_arn: str) -> None:
        arn = str(target["Arn"])
        with self.lock:
            queue = self._queue(arn)
            if queue is None:
                return self._undeliverable(target, text, rule_arn, "NO_RESOURCE", f"there is no queue {arn}")
            if not service_may(queue.policy, SERVICE, "sqs:SendMessage", arn, rule_arn):
                return self._undeliverable(
                    target, text, rule_arn, "NO_PERMISSIONS", f"the policy of {arn} does not let {SERVICE} send"
                )
            group = (target.get("SqsParameters") or {}).get("MessageGroupId")
            try:
                sqs_backends[self._account][self._region].send_message(queue.name, text, group_id=group)
            except Exception as refused:
                return self._undeliverable(target, text, rule_arn, "INVALID_PARAMETER", str(refused))
        return None

    def _undeliverable(self, target: Mapping[str, Any], text: str, rule_arn: str, code: str, why: str) -> None:
        log.warning("rule %s: not delivered (%s): %s", rule_arn, code, why)
        attributes = {
            "ERROR_CODE": code,
            "ERROR_MESSAGE": why,
            "RULE_ARN": rule_arn,
            "TARGET_ARN": str(target["Arn"]),
            "RETRY_ATTEMPTS": "0",
        }
        dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
        if not dead_letters:
            return
        with self.lock:
            queue = self._queue(dead_letters)
            if queue is None or not service_may(queue.policy, SERVICE, "sqs:SendMessage", dead_letters, rule_arn):
                log.warning(
                    "rule %s: its dead-letter queue %s cannot be used; the event is lost", rule_arn, dead_letters
                )
                return
            try:
                sqs_backends[self._account][self._region].send_message(
                    queue.name,
                    text,
                    message_attributes={
                        name: {"DataType": "String", "StringValue": value}
                        for name, value in attributes.items()
                        if value
                    },
                )
            except Exception as refused:
                log.warning("rule %s: %s did not take it; the event is lost: %s", rule_arn, dead_letters, refused)

    def _queue(self, arn: str) -> Any:
        parts = arn.split(":")
        if len(parts) != 6 or (parts[4], parts[3]) != (self._account, self._region):
            return None
        return sqs_backends[self._account][self._region].queues.get(parts[5])

    def _put_events(self, call: Call, identity: Identity) -> Answer | None:
        entries = call.parameters.get("Entries") or []
        if not 1 <= len(entries) <= 10:
            return _refused(call, "ValidationException", "entries must have between 1 and 10 members")
        results = [self._put_entry(entry) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        return _json({"FailedEntryCount": failed, "Entries": results})

    def _put_entry(self, entry: Mapping[str, Any]) -> dict[str, str]:
        for name in ("Source", "DetailType", "Detail"):
            if not entry.get(name):
                return _entry_error(
                    "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
                )
        if str(entry["Source"]).startswith("aws."):
            return _entry_error("NotAuthorizedForSourceException", "Not authorized for the source.")
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return _entry_error("MalformedDetail", "Detail is malformed.")
        if _size(entry) > LARGEST_ENTRY:
            return _entry_error("InvalidArgument", f"The entry is larger than {LARGEST_ENTRY} bytes.")
        bus = str(entry.get("EventBusName") or "default").rsplit("/", 1)[-1]
        if bus not in events_backends[self._account][self._region].event_buses:
            return _entry_error("InvalidArgument", f"EventBus {bus} does not exist.")
        event = self._envelope(entry, detail)
        self.emit(event, bus)
        return {"EventId": event["id"]}

    def _envelope(self, entry: Mapping[str, Any], detail: dict[str, Any]) -> Event:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": self._account,
            "time": _time(entry.get("Time")),
            "region": self._region,
            "resources": list(entry.get("Resources") or []),
            "detail": detail,
        }


@lru_cache(maxsize=512)
def _compiled(text: str) -> Pattern | None:
    try:
        return compile_pattern(text)
    except BadPattern as wrong:
        log.warning("a rule with this pattern never matches: %s", wrong)
        return None


def _wants(rule: Any, leaves: Leaves, *, is_read: bool = False) -> bool:
    """Whether a rule gets an event; that of a read goes only to rules which ask for all management events."""
    if is_read and str(rule.state) != ALL_EVENTS:
        return False
    text = rule.event_pattern.dump()
    pattern = _compiled(text) if text else None
    return pattern is not None and pattern.matches(leaves)


def _is_read(event: Event) -> bool:
    """Get, List and Describe calls; the other read-only events (AssumeRole, Decrypt) go to every rule."""
    detail = event.get("detail")
    name = str(detail.get("eventName", "")) if isinstance(detail, dict) and detail.get("readOnly") else ""
    return name.startswith(("Get", "List", "Describe", "BatchGet"))


def _put_rule(call: Call, identity: Identity) -> Answer | None:
    """AWS refuses a pattern that it cannot read; moto takes any. The rest is moto's."""
    text = call.parameters.get("EventPattern")
    if text and len(str(text)) > LONGEST_PATTERN:
        return _refused(call, "ValidationException", f"EventPattern must have at most {LONGEST_PATTERN} characters.")
    try:
        if text:
            compile_pattern(str(text))
    except BadPattern as wrong:
        return _refused(call, "InvalidEventPatternException", wrong.what)
    return None


def _test_event_pattern(call: Call, identity: Identity) -> Answer | None:
    try:
        pattern = compile_pattern(str(call.parameters.get("EventPattern")))
        return _json({"Result": pattern.matches(leaves_of(json.loads(str(call.parameters.get("Event")))))})
    except BadPattern as wrong:
        return _refused(call, "InvalidEventPatternException", wrong.what)
    except (ValueError, AttributeError):
        return _refused(call, "ValidationException", "Parameter Event is not valid.")


def _size(entry: Mapping[str, Any]) -> int:
    """An entry's size in bytes. EventBridge user guide, "Calculating PutEvents event entry size"."""
    texts = (entry["Source"], entry["DetailType"], entry["Detail"], *(entry.get("Resources") or ()))
    return sum(len(str(text).encode()) for text in texts) + (14 if entry.get("Time") is not None else 0)


def _time(value: Any) -> str:
    if isinstance(value, (int, float)):
        value = datetime.fromtimestamp(value, UTC)
    at = value if isinstance(value, datetime) else datetime.now(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _entry_error(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}


def _json(body: Mapping[str, Any]) -> Answer:
    text = json.dumps(body).encode()
    headers = (
        ("Content-Type", "application/x-amz-json-1.1"),
        ("Content-Length", str(len(text))),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    )
    return Answer(200, headers, text)


def _refused(call: Call, code: str, message: str) -> Answer:
    refusal = failure(call, code, message, 400)
    return Answer(refusal.status, refusal.headers, refusal.body)
