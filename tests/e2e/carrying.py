"""Beside the roles that are fixed, one that passes a harmless role: quiet until the sweep finds what became of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from play import Fresh, Stage
from scenes import document, may_do
from scenes_passing import ESCALATION, RUNS, passes
from scenes_roles import LOGS, ROLE
from splitting import tomorrow

from chalicelib.aws.readers import read
from chalicelib.controls import judge

PORTER, BAG = "e2e-porter", "e2e-bag"


@dataclass
class Carried:
    """What was said of the porter while its bag was harmless, and its case once the bag was administrator."""

    spoken: frozenset[str]
    cases: tuple[str, ...]
    case: Mapping[str, Any] = field(default_factory=dict)


def carry(stage: Stage) -> Carried:
    """Make both roles and let every event be looked at; then make the bag administrator, and let the sweep come by."""
    owner = stage.eyes
    owner.role(BAG, all=json.dumps(document(LOGS)))
    owner.role(PORTER, all=json.dumps(document(passes(BAG), RUNS, LOGS)))
    assert owner.switch("drain", timeout=60)["quiet"]
    seen = read(Fresh(owner), ROLE, PORTER)
    assert seen is not None
    mine = (c["control"] for c in owner.api.cases()["cases"] if c["arn"] == seen.arn)
    carried = Carried(frozenset(f.control for f in judge(seen)), tuple(mine))
    owner.aws("iam").put_role_policy(RoleName=BAG, PolicyName="all", PolicyDocument=json.dumps(document(may_do("*"))))
    tomorrow(owner, ROLE, PORTER)
    carried.case = owner.case(ESCALATION, PORTER, "PENDING")
    return carried
