"""What the page reads and decides with when it runs here: a table, and the decision API for every decision.

The page shows what AWS lets its credentials read. It writes nothing itself: a decision goes to the decision API,
signed with the credentials of whoever decides, and is judged there as any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from chalicelib.approvals import Identity, identity_of_arn, person_of
from chalicelib.aws.clients import Clients
from chalicelib.aws.deployment import Deployment
from chalicelib.chat.decide import Request

from ..api import DecisionApi


@dataclass(frozen=True, slots=True)
class Chair:
    """Somebody who may sit down at the page: their AWS identity, and the decision API as they would call it."""

    id: str
    name: str
    identity: Identity | None
    api: DecisionApi

    def decide(self, request: Request) -> None:
        """Have the decision API decide. Raises BadRequest as it answers, or NoAnswer."""
        said = {name: value for name, value in (("by", request.by), ("at", request.at)) if value}
        self.api.decide(request.case, request.decision, request.plan, request.reason, request.until, said)


class Desk(Deployment):
    """A deployment as somebody outside it reads it: its table through their session, its packaged files from `root`."""

    def __init__(self, reader: boto3.Session, endpoint: str, facts: Mapping[str, str], root: Path) -> None:
        super().__init__(facts, root)
        self._reader = Through(reader, endpoint)

    @cached_property
    def clients(self) -> Clients:
        return Clients(self.account, self.region, self._reader)


class Through:
    """A boto3 session whose clients all use one endpoint; empty for AWS's own."""

    def __init__(self, session: boto3.Session, endpoint: str) -> None:
        self._session, self._endpoint = session, endpoint or None

    def client(self, service: str, **more: Any) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint, **more)

    def get_partition_for_region(self, region: str) -> str:
        return str(self._session.get_partition_for_region(region))


def chairs(d: Desk, sessions: Iterable[boto3.Session], endpoint: str, api_url: str) -> tuple[Chair, ...]:
    """Who sits where: each session's identity, as AWS says it, with the name that approvers.yaml gives it."""
    made = []
    for session in sessions:
        arn = str(session.client("sts", endpoint_url=endpoint or None).get_caller_identity()["Arn"])
        identity = identity_of_arn(arn)
        person = person_of(d.packaged.people, identity)
        name = person.name if person else f"{identity.name if identity else arn} (reads only)"
        made.append(Chair(person.id if person else arn, name, identity, DecisionApi(api_url, session)))
    return tuple(made)


def of_sandbox(ready: Mapping[str, Any]) -> tuple[Desk, tuple[Chair, ...]]:
    """The desk of a sandbox, from what its ready file holds: every one of its people has a chair. Raises KeyError."""
    region, endpoint = str(ready["region"]), str(ready["endpoint_url"])
    sessions = [boto3.Session(region_name=region, **ready["credentials"][name]) for name in _SEATED]
    facts = {"ACCOUNT_ID": ready["account"], "AWS_REGION": region, "TABLE": ready["table"], "STAGE": "sandbox"}
    desk = Desk(sessions[0], endpoint, facts, Path(ready["package"]))
    return desk, chairs(desk, sessions, endpoint, str(ready["api_url"]))


_SEATED = ("security", "oncall", "deployer", "developer")
"""The first also reads for all of them."""
