"""Suture as it is deployed in a schedule: the real code over a table in memory, remembered AWS, and faults on the way.

Every call of the product goes through `Clients.call`, the one door to AWS; here it stands in a `Wire`, which asks the
schedule what becomes of the call before it is made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError
from history import Write
from world import ACCOUNT

from chalicelib.aws.clients import Clients, classified
from chalicelib.aws.deployment import WRITERS, Deployment
from chalicelib.aws.operations import OPERATIONS
from chalicelib.model import Json

if TYPE_CHECKING:
    from simulation import Simulation

TIMEOUTS: Mapping[str, float] = {
    name.removeprefix("suture-").replace("api_handler", "chat"): facts["lambda_timeout"]
    for name, facts in json.loads((Path(__file__).parents[2] / ".chalice" / "config.json").read_text())["stages"][
        "prod"
    ]["lambda_functions"].items()
}
"""Seconds after which Lambda ends each function, as they are deployed."""

CALL_SECONDS = 0.05
HOLD_BEFORE, HOLD_AFTER, DIE_BEFORE, DIE_AFTER, LOST, SENT_TWICE, THROTTLED, REFUSED, BUSY = range(1, 10)
FATES = ("", "held before", "held after", "dies before", "dies after", "loses the answer of", "sends twice")
FATES = (*FATES, "is throttled at", "is refused", "finds busy")
RESET, DIES_BEFORE, DIES_AFTER = "connection reset after the effect", "death before", "death after the effect"

_ERRORS = {
    THROTTLED: {"own": "ProvisionedThroughputExceededException", "": "ThrottlingException"},
    REFUSED: {"": "AccessDeniedException"},
    BUSY: {"own": "TransactionConflictException", "": "ResourceConflictException"},
}


class Wire(Clients):
    """One process's way to AWS."""

    def __init__(self, sim: Simulation, region: str) -> None:
        self.account, self.region, self.partition, self.vaults = ACCOUNT, region, "aws", {}
        self._sim = sim

    def in_region(self, region: str) -> Wire:
        return Wire(self._sim, region)

    def call(self, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        try:
            return self._fated(name, parameters)
        except ClientError as error:
            raise classified(error, name) from error

    def _fated(self, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        sim, kind = self._sim, OPERATIONS[name].kind
        issued = sim.now
        fate = sim.fate_of(name)
        if fate in _ERRORS and not (fate == REFUSED and kind == "own"):
            code = _ERRORS[fate].get(kind) or _ERRORS[fate][""]
            if kind == "write" or fate != BUSY or name == "dynamodb:TransactWriteItems":
                raise ClientError(
                    {"Error": {"Code": code, "Message": "on purpose"}, "ResponseMetadata": {"HTTPStatusCode": 400}},
                    name,
                )
        code = sim.refusal(name)
        sim.dies(code == DIES_BEFORE, name)
        if code and code not in (RESET, DIES_AFTER):
            raise ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}, name)
        if fate == SENT_TWICE and kind == "write":
            self._effect(name, parameters, kind, issued)  # botocore sends again what got no answer
        answer = self._effect(name, parameters, kind, issued)
        sim.dies(code == DIES_AFTER, name)
        if code == RESET or (fate == LOST and kind != "read"):
            raise classified(ReadTimeoutError(endpoint_url="https://aws"), name)
        sim.after(fate, name)
        return answer

    def _effect(self, name: str, parameters: Mapping[str, Json], kind: str, issued: float) -> Mapping[str, Json]:
        sim = self._sim
        if kind == "own":
            return sim.stored(name.split(":")[1], parameters, issued)
        if kind != "write":
            sim.read += 1
            found: Mapping[str, Json] = sim.aws.ask(sim.path, self.region, name, parameters)
            return found
        before, items = sim.path, dict(sim.table.items)
        try:
            sim.path, answer = sim.aws.write(before, self.region, name, parameters)
        except ClientError as error:
            self._wrote(name, parameters, before, items, error.response["Error"]["Code"])
            raise
        self._wrote(name, parameters, before, items, "")
        return dict(answer)

    def _wrote(self, name: str, parameters: Mapping[str, Json], before: int, items: Any, error: str) -> None:
        write = Write(name, parameters, self.region, before, self._sim.path, items, not error)
        says = error or json.dumps({k: v for k, v in parameters.items() if k != "PolicyDocument"})
        self._sim.note("write", name, write=write, says=says, packaged=self._sim.packaged)


class Waiting:
    """The queues as one deployment sends to them."""

    def __init__(self, sim: Simulation, region: str) -> None:
        self._sim, self._region = sim, region

    def send(self, name: str, message: Mapping[str, Json], delay: int = 0) -> None:
        sim = self._sim
        fate = sim.fate_of(f"sqs:SendMessage {name}")
        if fate == THROTTLED:
            error = {"Error": {"Code": "ServiceUnavailable"}, "ResponseMetadata": {"HTTPStatusCode": 503}}
            raise classified(ClientError(error, "SendMessage"), "sqs:SendMessage")
        code = sim.refusal("sqs:SendMessage")
        sim.dies(code == DIES_BEFORE, "sqs:SendMessage")
        for _ in range(2 if fate == SENT_TWICE else 1):
            sim.queues.send(self._home_of(message), name, json.dumps(message), delay)
        sim.note("own", f"sqs:SendMessage {name}", message=message)
        sim.dies(code == DIES_AFTER, "sqs:SendMessage")
        if fate == LOST or code == RESET:
            raise classified(ReadTimeoutError(endpoint_url="https://sqs"), "sqs:SendMessage")
        sim.after(fate, "sqs:SendMessage")

    def _home_of(self, message: Mapping[str, Json]) -> str:
        """The regions of a world share one table; a writer is where its case is."""
        head = self._sim.table.items.get((f"CASE#{message.get('case')}", "HEAD"))
        return head["region"]["S"] if head else self._region


class SimDeployment(Deployment):
    """One function of the deployment in one region, freshly started; its clock may be wrong by `skew` seconds."""

    def __init__(self, sim: Simulation, region: str, skew: float = 0) -> None:
        environment = {"ACCOUNT_ID": ACCOUNT, "AWS_REGION": region, "TABLE": "cases", "STAGE": "prod"}
        environment["BOUNDARY_ARN"] = f"arn:aws:iam::{ACCOUNT}:policy/suture-boundary"
        super().__init__(environment, Path("/nowhere"))
        self._sim, self._skew = sim, skew
        keys = {"fingerprint_key": lambda: b"f" * 32, "_journal_key": lambda: b"j" * 32}
        self.__dict__.update(clients=Wire(sim, region), queues=Waiting(sim, region), packaged=sim.packaged, **keys)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._sim.now, UTC) + timedelta(seconds=self._skew)

    def sleep(self, seconds: float) -> None:
        self._sim.now += seconds


assert set(WRITERS) <= set(TIMEOUTS)
