"""Leak nothing on the other ways out: the canary goes into each store, each call fails once and repeats the request.

What tests/test_leading_leaks.py searches for Secrets Manager is searched here for Parameter Store and both vaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from canary import CANARY, Outside
from leading import FUNCTION, attest, case_of, invoked, reads_parameter, stage_of, variables
from places import Place, place
from test_leading_leaks import Echo, approved, battered, delivered, outside
from world import ACCOUNT, World, pin

from chalicelib.approvals import identity_of_arn
from chalicelib.aws.deployment import WRITERS
from chalicelib.chat.decide import Request, decide
from chalicelib.stores import STORES
from suture.sandbox.vaults.loopback import Answer, Asked

__all__ = ["outside"]

OTHERS = [name for name in STORES if name != "secretsmanager"]
PUTS = {"ssm": "PutParameter", "azure-key-vault": "PUT secrets", "gcp-secret-manager": "POST secrets"}
"""The call by which a value gets into its store, and below the one by which an undo gets it back."""
GETS = {"ssm": "GetParameter", "azure-key-vault": "GET secrets", "gcp-secret-manager": "GET secrets"}
READS: Mapping[str, set[str]] = {
    "ssm": {"DescribeParameters", "ListTagsForResource", "LookupEvents", "PutRolePolicy"},
    "azure-key-vault": {"GET secrets"},
    "gcp-secret-manager": {"GET secrets"},
}
WHO = {"store": "oncall", "grant": "security", "reference": "oncall", "remove": "oncall"}


class BadDay(Echo):
    """AWS on a bad day, and the vault too: it throttles, or refuses for good, in the words of either of the two."""

    def __init__(self, w: World, at: Place) -> None:
        super().__init__(w)
        if at.loopback is not None:
            at.loopback.refuse = self._refuse

    def _refuse(self, asked: Asked) -> Answer | None:
        name = f"{asked.method} secrets"
        if "/secrets" not in asked.path or (self.only and name != self.only):
            return None  # signing in is not what is tried
        self.count += 1
        if self.count != self.fail_at:
            return None
        self.hit = name
        said = {"code": "BadParameter", "status": "INVALID_ARGUMENT", "message": f"String measured: {asked.body}"}
        return Answer(429 if self.code == "ThrottlingException" else 400, {"error": said})


@pytest.fixture(params=OTHERS)
def at(request: pytest.FixtureRequest, w: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with place(request.param, tmp_path, monkeypatch) as found:
        found.known_to(w.d.clients)
        pin(w, STORES[found.name].lead, found.params)
        yield found


def led(w: World, at: Place, until: str = "") -> Iterator[str]:
    """The stages that people approve, each when it is due; what the owner does in between is done."""
    for stage in WHO:
        if stage == "grant" and not STORES[at.name].grant:
            attest(w, role="security", how="role assignment")
            continue
        if stage == "remove":
            invoked(w, "pay", 30)
            if at.name == "ssm":
                reads_parameter(w, variables("pay")["DB_PASSWORD_PARAMETER"], "pay-role")
            else:
                attest(w, how="seen in its log")
        if stage == until:
            return
        yield stage


def came_to(w: World, at: Place, stage: str = "") -> None:
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    w.run()
    for due in led(w, at, until=stage):
        w.decide(WHO[due], case_of(w), "approve")


def test_a_canary_goes_the_whole_way_and_every_call_fails_once(w: World, at: Place, outside: Outside) -> None:
    echo = BadDay(w, at)
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    hit = battered(w, echo, outside, "changes")
    for stage in led(w, at):
        approved(w, stage)
        if stage == "store":
            echo.start(1, only=PUTS[at.name])
            delivered(w, "remediate_secrets")
            hit.add(echo.hit)
        hit |= battered(w, echo, outside, *WRITERS)
        hit |= battered(w, echo, outside, "changes")
    assert {PUTS[at.name], *READS[at.name]} <= hit
    assert {"UpdateFunctionConfiguration", "ListVersionsByFunction", "GetMetricData", "TransactWriteItems"} <= hit
    assert case_of(w).last_stage["stage"] == "remove"
    assert at.holds(case_of(w).id) == [CANARY], "the store has it, and nobody else"


@pytest.mark.parametrize("stage", ["store", "reference", "remove"])
def test_what_is_refused_for_good_and_repeated_is_told_without_the_value(
    w: World, at: Place, outside: Outside, stage: str
) -> None:
    echo = BadDay(w, at)
    came_to(w, at, stage)
    call = PUTS[at.name] if stage == "store" else "UpdateFunctionConfiguration"
    echo.start(1, only=call, code="InvalidParameterValueException")
    w.decide(WHO[stage], case_of(w), "approve")
    assert echo.hit == call
    assert case_of(w).state == "ESCALATED"
    outside.check(f"{call} of {stage} was refused")
    echo.start()
    w.decide("security", case_of(w), "continue", "the limit is lifted")
    assert (case_of(w).state, stage_of(w)) == ("PENDING", stage)


def test_an_undo_out_of_the_store_shows_nothing(w: World, at: Place, outside: Outside) -> None:
    echo = BadDay(w, at)
    came_to(w, at)
    identity = identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/oncall/somebody")
    last = case_of(w).last_stage["plan"]["digest"]
    decide(w.d, identity, Request(case_of(w).id, "undo", last, "because", ""))
    hit = battered(w, echo, outside, *WRITERS)
    assert {GETS[at.name], "UpdateFunctionConfiguration"} <= hit
    assert case_of(w).state == "UNDONE"
    assert variables("pay")["DB_PASSWORD"] == CANARY
