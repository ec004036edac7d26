"""Dead letters: what waits in the dead-letter queues, why, and each again or gone. Nothing is lost on the way.

A message is sent to its own queue first and deleted afterwards, so that a crash between the two leaves it twice, which
every function bears. Nobody can look into a queue without receiving: what is looked at stays hidden from others for
HIDDEN_SECONDS at most, and what is left there is shown again at the end. Source: SQS Developer Guide, "Using
dead-letter queues"; EventBridge User Guide, "Using dead-letter queues" (the attributes of what it could not deliver).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from chalicelib.aws import failing
from chalicelib.aws.ledger import Ledger
from chalicelib.aws.table import Table
from chalicelib.errors import BadInput, CallFailed, SutureError
from chalicelib.model import Json
from chalicelib.plaintext import contains_secret
from chalicelib.redaction import safe_text

SOURCES: Mapping[str, str] = {
    "changes-dlq": "changes",
    "remediate-dlq": "remediate",
    "remediate-iam-dlq": "remediate-iam",
    "remediate-secrets-dlq": "remediate-secrets",
    "notices-dlq": "notices",
    "failed-invocations": "",
}
"""Each dead-letter queue and the queue that it is for, by the end of their names. Failed invocations of the sweep and
of the Config rule have none: both are made again by their own schedule."""

HIDDEN_SECONDS = 300
_UNDELIVERED = ("ERROR_CODE", "ERROR_MESSAGE", "RULE_ARN")
_INVOKED = ("ErrorCode", "ErrorMessage")
_NOT_SENT = (*_UNDELIVERED, "TARGET_ARN", "EXHAUSTED_RETRY_CONDITION", "RETRY_ATTEMPTS", *_INVOKED, "RequestID")


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter. `what` says what it asks for and `why` why it failed, both safe to show; `received` counts all
    its deliveries, `sent` is when it was sent first (Unix seconds), `sha256` tells it from others, `case` is empty
    where it names none.
    """

    dlq: str
    id: str
    what: str
    why: str
    case: str
    received: int
    sent: float
    sha256: str
    receipt: str
    body: str
    attributes: Mapping[str, Any]

    @property
    def as_json(self) -> dict[str, Json]:
        names = ("dlq", "id", "what", "why", "case", "received", "sent", "sha256")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Desk:
    """The dead-letter queues of one deployment. `sqs` is a boto3 client, `table` the cases, or None: then nothing says
    why a message failed.
    """

    sqs: Any
    table: Table | None
    stage: str

    def letters(self, dlq: str) -> Iterator[Letter]:
        """Every message of one dead-letter queue, each hidden from others until it is dealt with. Raises BadInput."""
        url, seen = self._url(dlq), set[str]()
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )
            new = [m for m in answer.get("Messages", ()) if m["MessageId"] not in seen]
            if not new:
                return
            seen |= {m["MessageId"] for m in new}
            yield from (self._letter(dlq, m) for m in new)

    def again(self, letter: Letter) -> None:
        """Send it to the queue that it failed in, and only then take it out of here. Raises BadInput."""
        source = SOURCES[letter.dlq]
        if not source:
            step = "drop it: the sweep and AWS Config make the next invocation by themselves"
            raise BadInput("a failed invocation has no queue to go back to", where=letter.id, next_step=step)
        kept = {n: _attribute(a) for n, a in letter.attributes.items() if n not in _NOT_SENT}
        more = {"MessageAttributes": kept} if kept else {}
        self.sqs.send_message(QueueUrl=self._url(source), MessageBody=letter.body, **more)
        self.drop(letter)

    def drop(self, letter: Letter) -> None:
        """Take it out of its dead-letter queue for good."""
        self.sqs.delete_message(QueueUrl=self._url(letter.dlq), ReceiptHandle=letter.receipt)

    def leave(self, letter: Letter) -> None:
        """Show it to everybody again, now."""
        with contextlib.suppress(self.sqs.exceptions.ClientError):  # it shows itself again in a few minutes
            self.sqs.change_message_visibility(
                QueueUrl=self._url(letter.dlq), ReceiptHandle=letter.receipt, VisibilityTimeout=0
            )

    def _url(self, name: str) -> str:
        queue = f"suture-{self.stage}-{name}"
        try:
            return str(self.sqs.get_queue_url(QueueName=queue)["QueueUrl"])
        except self.sqs.exceptions.QueueDoesNotExist as error:
            step = "check --stage, --region and whose credentials these are"
            raise BadInput("there is no such queue", where=queue, next_step=step) from error

    def _letter(self, dlq: str, message: Mapping[str, Any]) -> Letter:
        body, attributes = str(message["Body"]), message.get("MessageAttributes") or {}
        digest, facts = sha256(body.encode("utf-8", "surrogatepass")).hexdigest(), message.get("Attributes") or {}
        case = case_of(body)
        return Letter(
            dlq=dlq,
            id=str(message["MessageId"]),
            what=shown(f"{what_of(body)}{self._stands(case)}"),
            why=shown(_why_undelivered(attributes) or self._why(str(message["MessageId"]))),
            case=case,
            received=int(facts.get("ApproximateReceiveCount", 1)),
            sent=int(facts.get("SentTimestamp", 0)) / 1000,
            sha256=digest,
            receipt=str(message["ReceiptHandle"]),
            body=body,
            attributes=attributes,
        )

    def _why(self, message: str) -> str:
        if self.table is None:
            return "not known: give --table"
        noted = failing.why(self.table, message)
        if not noted:
            return "nothing was noted: its function was cut off, or crashed; its log says more"
        return f"{noted.get('why')} ({noted.get('function')}, {noted.get('at')})"

    def _stands(self, case: str) -> str:
        """How the case stands now: a message may have been overtaken."""
        if self.table is None or not case:
            return ""
        try:
            found = Ledger(self.table).case(case)
        except (SutureError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, CallFailed):
                raise
            return "; its case cannot be read"
        return f"; it is {found.state} now" if found else "; there is no such case"


def what_of(body: str) -> str:
    """What a message asks for, in a few words. Of one that is not ours nothing is repeated but names of AWS."""
    message = _parsed(body)
    if not isinstance(message, Mapping):
        return f"no message that anybody of ours sends ({len(body)} characters)"
    kind = message.get("suture")
    if kind == "write":
        return f"{_word(message.get('do'))} the plan of {_word(message.get('case'))}"
    if kind == "look":
        return _look(message.get("changes"))
    if kind == "notice":
        return f"tell people about {_word(message.get('case'))}"
    if isinstance(kind, str):
        return f"{_word(kind)}, for {_word(message.get('case'))}"
    if isinstance(message.get("detail-type"), str):
        detail = message.get("detail")
        name = detail.get("eventName") if isinstance(detail, Mapping) else ""
        return f"event: {_word(message.get('source'))} {_word(message['detail-type'])} {_word(name)}".strip()
    return f"a JSON object that nobody of ours sends ({len(body)} characters)"


def case_of(body: str) -> str:
    """The case that a message names, or nothing."""
    message = _parsed(body)
    case = message.get("case") if isinstance(message, Mapping) else ""
    return _word(case) if isinstance(case, str) and len(case) < 40 else ""


def shown(text: str) -> str:
    """One harmless line without a secret."""
    if contains_secret(text):
        return "(not shown: it looks as if it held a secret)"
    return safe_text(text, 600)


def _look(changes: Json) -> str:
    places = [c for c in changes if isinstance(c, Mapping)] if isinstance(changes, list) else []
    if not places:
        return "look at nothing"
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"look at {_word(places[0].get('resource_type'))} {_word(places[0].get('resource_id'))}{more}"


def _parsed(body: str) -> Json:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _word(value: Json) -> str:
    return safe_text(value, 100) if isinstance(value, str) else ""


def _why_undelivered(attributes: Mapping[str, Any]) -> str:
    """What EventBridge or Lambda wrote beside a message that they gave up."""
    said = [str(attributes[name].get("StringValue", "")) for name in (*_UNDELIVERED, *_INVOKED) if name in attributes]
    return " ".join(said)


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    return {n: attribute[n] for n in ("DataType", "StringValue", "BinaryValue") if attribute.get(n)}
