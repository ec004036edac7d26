"""An IAM account on moto as the sandbox mends it, and the way of one fix through it: found, fixed, silent, undone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from execution_roles import document

from chalicelib import planning, redaction, runbooks
from chalicelib.aws.clients import Clients
from chalicelib.aws.operations import OPERATIONS
from chalicelib.aws.readers import read
from chalicelib.controls import judge, judge_one
from chalicelib.model import Call, Finding, Plan, Resource, canonical

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "123456789012", "us-east-1"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
LAMBDA = {"Service": "lambda.amazonaws.com"}


def key() -> bytes:
    return b"k" * 32


@dataclass(frozen=True)
class Account:
    aws: Clients
    iam: Any

    def role(self, name: str = "orders", principal: Any = LAMBDA, **inline: Any) -> str:
        """A role with these inline policies; answers with its ARN."""
        trust = document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        for policy, found in inline.items():
            self.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(found))
        return str(made["Role"]["Arn"])

    def policy(self, name: str, *versions: Any, attached_to: tuple[str, ...] = ()) -> str:
        """A customer-managed policy with these versions, the last one in force; answers with its ARN."""
        arn = str(self.iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(versions[0]))["Policy"]["Arn"])
        for found in versions[1:]:
            self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(found), SetAsDefault=True)
        for role in attached_to:
            self.iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        return arn

    def read(self, resource_id: str = "orders", resource_type: str = "AWS::IAM::Role") -> Resource:
        resource = read(self.aws, resource_type, resource_id)
        assert resource is not None
        return resource

    def run(self, call: Call) -> None:
        assert OPERATIONS[call.operation].kind == "write"
        assert not set(call.parameters) & set(OPERATIONS[call.operation].never)
        self.aws.call(call.operation, call.parameters)


def found(control: str, resource: Resource) -> Finding:
    finding = judge_one(control, resource)
    assert finding is not None
    return finding


def spoken(resource: Resource) -> set[str]:
    return {f.control for f in judge(resource)}


def runbook(name: str) -> Any:
    return yaml.safe_load((ROOT / "runbooks" / name / "1.0.0.yaml").read_text("utf-8"))


def planned(name: str, resource: Resource, finding: Finding, **params: Any) -> Plan | planning.Refusal:
    chosen = runbooks.runbook(runbook(name), "sha256:test")
    given = planning.parameters_of(chosen, params, {"boundary_arn": BOUNDARY})
    return planning.plan("case-1", resource, finding, chosen, given, key)


def refused(name: str, control: str, resource: Resource, **params: Any) -> str:
    """Why there is no plan: a refusal that asks for a person, before anything was written."""
    plan = planned(name, resource, found(control, resource), **params)
    assert isinstance(plan, planning.Refusal), plan
    assert plan.kind == "escalate"
    return plan.why


def fixed_and_undone(
    account: Account, name: str, control: str, resource: Resource, **params: Any
) -> tuple[Plan, Resource]:
    """Plan, apply, look, undo, look. Answers with the plan and the resource as it was between."""
    plan = planned(name, resource, found(control, resource), **params)
    assert isinstance(plan, Plan), plan
    assert Plan.from_json(json.loads(json.dumps(plan.as_json()))) == plan
    for step in plan.steps:
        account.run(step.call)
    fixed = account.read(resource.id, resource.type)
    assert control not in spoken(fixed) and spoken(fixed) <= spoken(resource)
    for step in reversed(plan.steps):
        for call in step.undo:
            account.run(call)
    undone = account.read(resource.id, resource.type)
    assert redaction.state_digest(undone, key) == redaction.state_digest(resource, key)
    kept = [redaction.without(r.config, r.volatile) for r in (undone, resource)]
    assert canonical(kept[0]) == canonical(kept[1])
    assert spoken(undone) == spoken(resource)
    return plan, fixed
