"""Every fix of reach and rights on a running sandbox: broken by a foreign client, found, planned, approved, applied,
verified by the evaluator and by fresh reads, and undone to the same JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from carrying import Carried, carry
from foreign import ROOT, running_sandbox
from play import SCENES, Played, Stage, governance
from scenes_passing import CARRIER, ESCALATION, SUMMIT
from scenes_swept import wait_for_time_in_the_hour
from splitting import FUNCTIONS, SHARING, Split, share
from splitting import RUNBOOK as SPLITTING
from vanishing import Vanished, vanish

from chalicelib.controls import all_controls
from chalicelib.model import canonical
from chalicelib.runbooks import load

pytestmark = pytest.mark.sandbox
PILLAR = "iam-hardening"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("iam-sandbox")
    pins = governance(tmp_path_factory.mktemp("iam-governance") / "governance")
    with running_sandbox(folder, "--governance", str(pins)) as ready:
        wait_for_time_in_the_hour()
        yield Stage(ready)


@pytest.fixture(scope="module")
def shared(stage: Stage) -> Split:
    return share(stage)


@pytest.fixture(scope="module")
def plays(stage: Stage, shared: Split) -> dict[str, Played]:
    return {one.scene.runbook: one for one in stage.play(SCENES)}


@pytest.fixture(params=[scene.runbook for scene in SCENES])
def one(request: pytest.FixtureRequest, plays: dict[str, Played]) -> Played:
    return plays[request.param]


def test_every_shipped_fix_of_the_pillar_has_a_scene() -> None:
    books = load(json.loads((ROOT / "runbooks" / "packaged.json").read_text())).values()
    ours = {b.id for b in books if any(all_controls()[c].pillar == PILLAR for c in b.remediates)}
    assert sorted(scene.runbook for scene in SCENES) == sorted(ours - {SPLITTING})
    assert SPLITTING in ours


def test_it_is_found_and_planned_to_the_call(one: Played, stage: Stage) -> None:
    assert one.reached["PENDING"] == "PENDING"
    plan, before = one.case["plan"], one.states["broken"]
    assert (plan["runbook"], plan["control"]) == (one.scene.runbook, one.scene.control)
    assert one.scene.control in one.spoken["broken"]
    expected = [(o, dict(p)) for o, p in one.scene.calls(stage.eyes, one.id, before)]
    planned = [(s["call"]["operation"], _plain(s["call"]["parameters"])) for s in plan["steps"]]
    assert [(o, _blurred(p, like)) for (o, p), (_, like) in zip(planned, expected, strict=True)] == expected
    assert all(step["undo"] for step in plan["steps"])


def test_it_is_refused_to_whoever_caused_it_and_to_the_wrong_group(one: Played) -> None:
    refused, who = one.refusals, one.scene.who
    by_event = "is not listed" if who == "intern" else "caused this change"
    assert ("is in none of the groups" if one.scene.swept else by_event) in refused[who]
    assert "is in none of the groups" in refused["release"]
    assert "403" in refused["developer"]


def test_a_plan_for_two_groups_waits_for_both(one: Played) -> None:
    if len(one.scene.groups) > 1:
        assert one.case["plan"]["tier"] == "high"
        assert one.reached["approve by 1"] == "PENDING"
        assert one.reached["undo by 1"] == "RESOLVED"


def test_the_danger_is_gone_and_everything_beside_it_is_kept(one: Played) -> None:
    assert one.reached["RESOLVED"] == "RESOLVED"
    assert canonical(one.states["fixed"]) == canonical(one.expected)
    assert one.spoken["fixed"] == one.spoken["broken"] - {one.scene.control} - _ended(one)


def test_the_evaluator_says_so_too(one: Played) -> None:
    before, after = one.answers("broken"), one.answers("fixed")
    assert {ask.what: allowed for ask, allowed in before.items()} == {ask.what: True for ask in before}
    assert {ask.what: allowed for ask, allowed in after.items()} == {ask.what: not ask.lost for ask in after}


def test_undo_gives_back_the_same_json(one: Played) -> None:
    assert one.reached["UNDONE"] == "UNDONE"
    assert canonical(one.states["undone"]) == canonical(one.states["broken"])
    assert one.spoken["undone"] == one.spoken["broken"]


WHOLE = [scene.runbook for scene in SCENES if scene.put is not None]
REFUSED = {
    "iam-": "MalformedPolicyDocument",
    "sqs-": "InvalidAttributeValue",
    "sns-": "InvalidParameter",
    "secretsmanager-": "MalformedPolicyDocumentException",
    "kms-": "MalformedPolicyDocumentException",
    "events-": "ValidationException",
    "dynamodb-": "ValidationException",
    "ecr-": "InvalidParameterException",
    "s3-": "MalformedPolicy",
}
"""How AWS refuses a policy that names who no longer exists, by the beginning of the runbook's id."""


@pytest.fixture(scope="module")
def vanished(stage: Stage, plays: dict[str, Played]) -> dict[str, Vanished]:
    return {one.played.scene.runbook: one for one in vanish(stage, list(plays.values()))}


@pytest.mark.parametrize("runbook", WHOLE)
def test_a_principal_that_is_gone_shows_as_its_id_and_is_not_written(
    vanished: dict[str, Vanished], runbook: str
) -> None:
    one = vanished[runbook]
    assert canonical(one.shown) == canonical(one.named).replace(one.guest, one.guest_id)
    assert one.refused == next(code for start, code in REFUSED.items() if runbook.startswith(start))


@pytest.mark.parametrize("runbook", WHOLE)
def test_what_could_not_be_restored_escalates_before_the_first_write(
    vanished: dict[str, Vanished], runbook: str
) -> None:
    one = vanished[runbook]
    assert one.approved == "PENDING"
    assert one.escalated["state"] == "ESCALATED", one.escalated["state"]
    assert one.guest_id in one.escalated["refusal"] and "no longer exists" in one.escalated["refusal"]
    assert canonical(one.after) == canonical(one.shown)
    states = [record["to"] for record in one.records]
    since = states[len(states) - states[::-1].index("APPROVED") :]
    assert since[-1] == "ESCALATED" and "APPLYING" not in since


@pytest.mark.parametrize("runbook", WHOLE)
def test_once_the_owner_has_taken_it_out_it_is_planned_again(vanished: dict[str, Vanished], runbook: str) -> None:
    assert vanished[runbook].again == "PENDING"


# --- a shared role, which people alone can split --------------------------------------------------------------------


@pytest.fixture(scope="module")
def split(stage: Stage, shared: Split, plays: dict[str, Played]) -> Split:
    """Found by the sweep that found what the scenes made, and carried to its end."""
    return shared.carried(stage)


def test_a_shared_role_waits_for_its_owner_without_a_call(split: Split) -> None:
    plan = split.waiting["plan"]
    assert (plan["runbook"], plan["steps"], split.waiting["state"]) == (SPLITTING, [], "WAITING_OWNER")
    assert plan["manual"] and split.waiting["evidence"][0]["Functions"] == list(FUNCTIONS)
    assert split.spoken["broken"] == {SHARING}


@pytest.mark.parametrize("decision", ["approve", "reject", "undo"])
@pytest.mark.parametrize("who", ["oncall", "security"])
def test_nobody_can_approve_what_has_no_calls(split: Split, decision: str, who: str) -> None:
    why = "in none of the groups security" if (decision, who) == ("reject", "oncall") else "refused (409)"
    assert why in split.refused[decision, who], "nobody knows who shared the role, so only security may say no"
    assert canonical(split.states["refused"]) == canonical(split.states["broken"])


def test_the_case_closes_by_itself_once_the_role_is_split(split: Split) -> None:
    assert split.ended["state"] == "RESOLVED" and "without us" in split.ended["outcome"]
    assert split.spoken["split"] == frozenset()
    assert "APPLYING" not in [record["to"] for record in split.records]


def test_the_evaluator_says_what_the_split_took_away(split: Split) -> None:
    kept, moved = FUNCTIONS
    assert [split.may_delete("broken", function) for function in FUNCTIONS] == [True, True]
    assert [split.may_delete("split", function) for function in (kept, moved)] == [True, False]


# --- roles that lead to other roles ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def carried(stage: Stage, plays: dict[str, Played]) -> Carried:
    return carry(stage)


def test_two_hops_to_administrator_are_told_with_both_roles(plays: dict[str, Played]) -> None:
    case = plays["iam-bound-role"].case
    (item,) = case["evidence"]
    assert (case["severity"], item["Path"], item["Other"]) == ("high", "lambda-create-function", False)
    assert item["Steps"][0] == f"Passes role {CARRIER} to Lambda (iam:PassRole)."
    assert item["Steps"][-1] == f"As role {CARRIER}: Is administrator as role {SUMMIT}."


def test_whoever_passes_a_harmless_role_is_left_in_peace(carried: Carried) -> None:
    assert ESCALATION not in carried.spoken
    assert ESCALATION not in carried.cases


def test_the_sweep_finds_what_became_of_a_passed_role(carried: Carried) -> None:
    assert carried.case["severity"] == "high"
    assert carried.case["evidence"][0]["Steps"][-1] == "Is administrator as role e2e-bag."


def _ended(one: Played) -> frozenset[str]:
    """Controls on the same resource that the same fix may silence too."""
    return one.spoken["broken"] - one.spoken["fixed"]


def _plain(value: Any) -> Any:
    """Parameters with the policies among them as documents."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def _blurred(given: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    """What the plan names itself, such as a copy's name, is not known beforehand: `*` stands for it."""
    return {k: "*" if like.get(k) == "*" and v else v for k, v in given.items()}
