"""Two functions share a role: there is nothing to approve, people split it, and the case closes by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from foreign import Client
from holders import ACCOUNT, REGION
from play import Fresh, Stage
from scenes import State, document, identity_ask, may_do, role_state
from scenes_swept import LOGS, due, function_with

from chalicelib.aws.readers import read
from chalicelib.controls import judge
from chalicelib.errors import BadRequest
from chalicelib.events import look_message
from chalicelib.model import Change

RUNBOOK, SHARING, TYPE = "lambda-split-shared-role", "lambda-shared-role", "Suture::Lambda::SharedRole"
FUNCTIONS = ("e2e-split-orders", "e2e-split-returns")
"""The first keeps the role, the second gets its own."""
PHOTOS = "arn:aws:s3:::photos/*"
_DELETES = identity_ask("delete photos", "s3:DeleteObject", True, PHOTOS)


@dataclass
class Split:
    """One shared role. States are the roles of both functions by plain reads: broken, refused and split."""

    role: str
    waiting: Mapping[str, Any] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    spoken: dict[str, frozenset[str]] = field(default_factory=dict)
    ended: Mapping[str, Any] = field(default_factory=dict)
    records: Sequence[Mapping[str, Any]] = ()

    def carried(self, stage: Stage) -> Split:
        """Wait for its case, have everybody try to decide, split the role, and have it looked at again."""
        owner = stage.eyes
        self.waiting = owner.case(SHARING, self.role, "WAITING_OWNER")
        self._look(owner, "broken")
        for decision in ("approve", "reject", "undo"):
            for who in ("oncall", "security"):
                self.refused[decision, who] = self._tried(stage.people[who], decision)
        self._look(owner, "refused")
        own = owner.role("e2e-split-own", logs=json.dumps(document(LOGS)))
        owner.aws("lambda").update_function_configuration(FunctionName=FUNCTIONS[1], Role=own)
        self._look(owner, "split")
        tomorrow(owner, TYPE, self.role)
        self.ended = owner.case(SHARING, self.role, "RESOLVED")
        self.records = owner.api.case(self.ended["id"])["records"]
        return self

    def may_delete(self, when: str, function: str) -> bool:
        """Does the evaluator allow this function to delete photos, by the role that it ran with then?"""
        return _DELETES.answer(self.states[when][function]["rights"])

    def _tried(self, who: Client, decision: str) -> str:
        try:
            digest = self.waiting["plan"]["digest"]
            return f"not refused: {who.api.decide(self.waiting['id'], decision, digest, 'a test')['state']}"
        except BadRequest as error:
            return str(error)

    def _look(self, owner: Client, when: str) -> None:
        self.states[when] = {name: _run_by(owner, name) for name in FUNCTIONS}
        seen = read(Fresh(owner), TYPE, self.role)
        assert seen is not None
        self.spoken[when] = frozenset(finding.control for finding in judge(seen))


def share(stage: Stage) -> Split:
    """Two functions with one role, for the next sweep to find."""
    name = due("e2e-split")
    arn = stage.eyes.role(name, all=json.dumps(document(LOGS, may_do("s3:DeleteObject", PHOTOS))))
    for function in FUNCTIONS:
        function_with(stage.eyes, function, arn)
    return Split(name)


def tomorrow(owner: Client, kind: str, id_: str) -> None:
    """Have a resource looked at again, by the message that the sweep sends when its hour has come round."""
    queues = owner.aws("sqs").list_queues()["QueueUrls"]
    (changes,) = (url for url in queues if url.endswith("-changes"))
    message = look_message([Change(ACCOUNT, REGION, kind, id_, "suture:Sweep", "sweep")])
    owner.aws("sqs").send_message(QueueUrl=changes, MessageBody=json.dumps(message))


def _run_by(owner: Client, function: str) -> State:
    """The role that a function runs with, and what it grants."""
    arn = owner.aws("lambda").get_function_configuration(FunctionName=function)["Role"]
    return {"role": arn, "rights": role_state(owner, arn.rsplit("/", 1)[-1])}
