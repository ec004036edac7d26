"""Accounts with one risk that is there from the start, for the runbooks that close a policy: one good day each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from holders import HOLDERS
from remembered import client, learned
from small_worlds import ROLE, Problem, SmallWorld
from world import ACCOUNT, REGION

OTHER = "arn:aws:iam::210987654321:root"
GITHUB = "token.actions.githubusercontent.com"
OWN: Mapping[str, Any] = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
PROVIDER = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"}

TRUSTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "iam-remove-external-trust": ("iam-trust-external", {"Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"}),
    "iam-remove-open-federation": (
        "iam-trust-oidc-open",
        {"Principal": PROVIDER, "Action": "sts:AssumeRoleWithWebIdentity"},
    ),
    "iam-bind-service-trust": (
        "iam-trust-confused-deputy",
        {"Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ),
}


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})


def _holder(name: str) -> SmallWorld:
    holder = HOLDERS[name]
    open_: dict[str, Any] = {"Sid": "open", "Principal": "*", "Action": holder.action}
    partner: dict[str, Any] = {"Sid": "partner", "Principal": {"AWS": OTHER}, "Action": holder.action}
    where = {"Resource": holder.resource} if holder.resource else {}
    text = _document({**partner, **where}, {**open_, **where})

    def seed() -> str:
        return holder.make(lambda service: client(service, REGION), text)

    return _there(holder.runbook, holder.type, holder.control, seed, holder.action.split(":")[0])


def _trust(runbook: str) -> SmallWorld:
    control, statement = TRUSTS[runbook]

    def seed() -> str:
        client("iam", REGION).create_role(RoleName="open", AssumeRolePolicyDocument=_document(OWN, statement))
        return "open"

    return _there(runbook, ROLE, control, seed, "iam")


def _there(runbook: str, kind: str, control: str, seed: Callable[[], str], service: str) -> SmallWorld:
    id_ = learned(seed)
    problem = Problem(kind, id_, control, runbook, (), (), (), (), seen=False)
    services = (service, "s3control") if service == "s3" else (service,)
    return SmallWorld(runbook, (problem,), seed, services=services)


MAKERS: Mapping[str, Callable[[], SmallWorld]] = {
    **{h.runbook: (lambda name=name: _holder(name)) for name, h in HOLDERS.items()},  # type: ignore[misc]
    **{runbook: (lambda runbook=runbook: _trust(runbook)) for runbook in TRUSTS},  # type: ignore[misc]
}


@cache
def more_world(runbook: str) -> SmallWorld:
    """The world in which a runbook is played; to be asked inside of `simulated_aws`."""
    return MAKERS[runbook]()
