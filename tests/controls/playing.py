"""One fix on mended moto, as its runbook plans it: found, planned, applied, silent, undone, and as it was before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from moto import mock_aws

from chalicelib import planning, redaction, runbooks
from chalicelib.aws.clients import Clients
from chalicelib.aws.operations import OPERATIONS
from chalicelib.aws.readers import lead, list_ids, read
from chalicelib.controls import judge, judge_one
from chalicelib.model import Call, Finding, Plan, Resource
from suture.sandbox import mends

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "123456789012", "us-east-1"
OTHER = "arn:aws:iam::210987654321:root"
DEPLOYMENT: Mapping[str, str] = {}


def key() -> bytes:
    return b"k" * 32


def allow(principal: Any, action: Any, resource: Any = None, **more: Any) -> dict[str, Any]:
    """One statement; elements that are None are left out."""
    basic = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return {k: v for k, v in {**basic, **more}.items() if v is not None}


def policy(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@dataclass(frozen=True)
class Account:
    """A fresh account in moto, and everything that a fix does in it."""

    aws: Clients

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=REGION)

    def read(self, resource_type: str, resource_id: str) -> Resource:
        resource = read(self.aws, resource_type, resource_id)
        assert resource is not None
        return resource

    def ids(self, resource_type: str) -> list[str]:
        return list(list_ids(self.aws, resource_type))

    def led(self, resource_type: str, resource_id: str) -> list[tuple[str, str]]:
        return list(lead(self.aws, resource_type, resource_id))

    def run(self, call: Call) -> None:
        assert OPERATIONS[call.operation].kind == "write"
        self.aws.call(call.operation, call.parameters)

    def fixed_and_undone(self, name: str, control: str, resource: Resource) -> tuple[Plan, Resource]:
        """Plan, apply, look, undo, look. Answers with the plan and the resource as it was between."""
        plan = planned(name, resource, found(control, resource))
        assert isinstance(plan, Plan), plan
        for step in plan.steps:
            self.run(step.call)
        fixed = self.read(resource.type, resource.id)
        assert spoken(fixed) == spoken(resource) - {control}
        for step in reversed(plan.steps):
            for call in step.undo:
                self.run(call)
        undone = self.read(resource.type, resource.id)
        assert redaction.state_digest(undone, key) == redaction.state_digest(resource, key)
        assert spoken(undone) == spoken(resource)
        return plan, fixed


@contextmanager
def fresh_account() -> Iterator[Account]:
    mends.apply()
    with mock_aws():
        yield Account(Clients(ACCOUNT, REGION))


def planned(name: str, resource: Resource, finding: Finding) -> Plan | planning.Refusal:
    newest = max((ROOT / "runbooks" / name).glob("*.yaml"), key=lambda path: tuple(map(int, path.stem.split("."))))
    chosen = runbooks.runbook(yaml.safe_load(newest.read_text("utf-8")), "sha256:test")
    return planning.plan("case-1", resource, finding, chosen, planning.parameters_of(chosen, {}, DEPLOYMENT), key)


def refused(name: str, control: str, resource: Resource) -> planning.Refusal:
    refusal = planned(name, resource, found(control, resource))
    assert isinstance(refusal, planning.Refusal), refusal
    return refusal


def found(control: str, resource: Resource) -> Finding:
    finding = judge_one(control, resource)
    assert finding is not None
    assert json.loads(json.dumps(list(finding.evidence))) == list(finding.evidence)
    return finding


def spoken(resource: Resource) -> set[str]:
    return {f.control for f in judge(resource)}
