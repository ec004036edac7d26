"""Circumstances → decision, and the law that nothing else is ever applied by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.decisions import Circumstances, decide
from chalicelib.governance import Suppression
from chalicelib.model import Call, Plan, Step
from chalicelib.ownership import Iac
from chalicelib.planning import Refusal
from chalicelib.runbooks import Approval, Limits, Runbook

RUNBOOK = Runbook(
    id="lambda-remove-public-grants",
    version="1.0.0",
    digest="sha256:0",
    title="t",
    why="w",
    remediates=("lambda-policy-public",),
    tier="low",
    reversible="full",
    mode="auto",
    guards=(),
    steps=(),
    approval=Approval(1, ("owner",), 60),
    limits=Limits(20, 3600, 2),
    watch=None,
    leaves="closed",
    verify=(),
    params={},
    uses=(),
    manual=(),
)
PLAN = Plan(
    case="C-1",
    account="1",
    region="r",
    resource_type="t",
    resource_id="i",
    arn="a",
    control="lambda-policy-public",
    runbook=RUNBOOK.id,
    version="1.0.0",
    runbook_digest="sha256:0",
    tier="low",
    reversible="full",
    steps=(Step(Call("lambda:RemovePermission", {})),),
    state_digest="sha256:1",
)
CALM = Circumstances(
    mode="auto",
    mode_reason="mode auto",
    is_own=False,
    is_by_duty=False,
    is_public_access=True,
    seen_before=True,
    undone=False,
    replayed=False,
    reapplied=0,
    within_limit=True,
    flapping_with="deploy",
    owner=Iac(),
    suppression=None,
)
ACCEPTED = Suppression("s", "c", "r", "*", "sam", "a webhook", "2030")
TERRAFORM = Iac("terraform", "", "its user agent")


@pytest.mark.parametrize(
    ("plan", "runbook", "changes", "kind", "says"),
    [
        (PLAN, RUNBOOK, {}, "apply", "has seen this resource without"),
        (PLAN, RUNBOOK, {"mode": "propose"}, "propose", "mode auto"),
        (PLAN, RUNBOOK, {"mode": "observe"}, "observe", "mode auto"),
        (PLAN, RUNBOOK, {"seen_before": False}, "propose", "has not seen"),
        (PLAN, RUNBOOK, {"undone": True}, "propose", "undone before"),
        (PLAN, RUNBOOK, {"replayed": True}, "propose", "replay"),
        (PLAN, RUNBOOK, {"within_limit": False}, "propose", "limit"),
        (PLAN, RUNBOOK, {"owner": TERRAFORM}, "apply", "closed at once"),
        (PLAN, RUNBOOK, {"owner": TERRAFORM, "is_public_access": False}, "propose", "infrastructure as code"),
        (PLAN, RUNBOOK, {"reapplied": 1}, "apply", "seen"),
        (PLAN, RUNBOOK, {"reapplied": 2}, "escalate", "deploy restored it"),
        (PLAN, RUNBOOK, {"reapplied": 2, "mode": "propose"}, "escalate", "deploy"),
        (PLAN, RUNBOOK, {"reapplied": 9, "mode": "observe"}, "observe", "mode"),
        (replace(PLAN, steps=()), RUNBOOK, {}, "propose", "only people can do this"),
        (replace(PLAN, steps=()), RUNBOOK, {"reapplied": 9}, "propose", "only people can do this"),
        (replace(PLAN, steps=()), RUNBOOK, {"mode": "observe"}, "observe", "mode auto"),
        (PLAN, RUNBOOK, {"suppression": ACCEPTED}, "skip", "accepted by sam until 2030: a webhook"),
        (PLAN, RUNBOOK, {"suppression": ACCEPTED, "is_own": True}, "escalate", "deploy this release"),
        (PLAN, RUNBOOK, {"is_own": True}, "escalate", "its own resources"),
        (PLAN, RUNBOOK, {"is_own": True, "is_by_duty": True}, "observe", "by its duty"),
        (PLAN, replace(RUNBOOK, tier="medium"), {}, "propose", "low-tier"),
        (PLAN, replace(RUNBOOK, reversible="partial"), {}, "propose", "reversible"),
        (PLAN, None, {}, "observe", "no pinned runbook"),
        (None, RUNBOOK, {}, "observe", "no pinned runbook"),
        (Refusal("skip", "already fixed"), RUNBOOK, {}, "skip", "already fixed"),
        (Refusal("escalate", "no Sid"), RUNBOOK, {}, "escalate", "no Sid"),
    ],
)
def test_circumstances_decide(plan: Any, runbook: Any, changes: dict[str, Any], kind: str, says: str) -> None:
    answer = decide(plan, runbook, replace(CALM, **changes))
    assert answer.kind == kind
    assert says in " ".join(answer.reasons)


@given(
    mode=st.sampled_from(["observe", "propose", "auto", "AUTO", ""]),
    tier=st.sampled_from(["low", "medium", "high"]),
    reversible=st.sampled_from(["full", "partial", "none"]),
    flags=st.tuples(*[st.booleans()] * 7),
    reapplied=st.integers(0, 5),
    owner=st.sampled_from([Iac(), TERRAFORM]),
    suppression=st.sampled_from([None, ACCEPTED]),
    plan=st.sampled_from([PLAN, None, Refusal("skip", "s"), Refusal("escalate", "e")]),
)
def test_nothing_is_applied_by_itself_but_what_is_sure(
    mode: str,
    tier: str,
    reversible: str,
    flags: tuple[bool, ...],
    reapplied: int,
    owner: Iac,
    suppression: Suppression | None,
    plan: Any,
) -> None:
    own, duty, public, seen, undone, replayed, within = flags
    also = (own, duty, public, seen, undone, replayed, reapplied, within)
    now = Circumstances(mode, mode, *also, "", owner, suppression)
    answer = decide(plan, replace(RUNBOOK, tier=tier, reversible=reversible), now)
    assert answer.reasons and all(answer.reasons)
    if answer.kind == "apply":
        assert (mode, tier, reversible) == ("auto", "low", "full")
        assert seen and within and not (undone or replayed or own)
        assert suppression is None and reapplied < 2 and isinstance(plan, Plan)
        assert public or not owner.tool
