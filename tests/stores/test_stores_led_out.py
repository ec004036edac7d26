"""The staged way out into vaults outside AWS, by the official clients: stored, granted, removed, and taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from leading import FUNCTION, VALUE, attest, case_of, invoked, stage_of, variables
from places import MEMBER, Place, place
from world import REGION, World, function, pin

from chalicelib.stores import STORES
from suture.cli import secrets_status

OTHERS = {"TABLE": "orders", "ODD": "ä=\n\t\"'"}
VAULTS = ("azure-key-vault", "gcp-secret-manager")
STAGES = ("store", "grant", "reference", "observe", "remove")


class Way:
    """One function on its way out into one vault."""

    def __init__(self, w: World, at: Place) -> None:
        self.w, self.at, self.store = w, at, STORES[at.name]
        at.known_to(w.d.clients)
        self.pinned()

    def pinned(self, **less: Any) -> None:
        known = ("vault", "project", "member")
        pin(self.w, self.store.lead, {**{k: v for k, v in self.at.params.items() if k in known}, **less})

    def begin(self) -> None:
        function("pay", {**OTHERS, "DB_PASSWORD": VALUE})
        self.w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
        assert self.w.run() == []

    def goes(self, last: str) -> None:
        """Do every stage that is due, up to `last`, as approvers and the owner would."""
        for stage in STAGES[STAGES.index(stage_of(self.w)) : STAGES.index(last) + 1]:
            assert stage_of(self.w) == stage, (case_of(self.w).state, case_of(self.w).outcome)
            if case_of(self.w).state == "WAITING_OWNER":
                self.says()
            else:
                role = "security" if stage == "grant" else "oncall"
                self.w.decide(role, case_of(self.w), "approve")

    def says(self) -> None:
        """People attest what AWS cannot show: that access was given, or that the function reads the vault."""
        attest(
            self.w, role="security" if stage_of(self.w) == "grant" else "oncall", how="as the log of the vault shows"
        )

    def back(self) -> None:
        plan = case_of(self.w).last_stage["plan"]
        self.w.decide("security", case_of(self.w), "undo", "it broke", plan=plan["digest"])
        why = f"the stage {plan['stage']} is taken back: all is as it was before it"
        assert (case_of(self.w).state, case_of(self.w).outcome) == ("UNDONE", why)

    @property
    def named(self) -> str:
        """The variable that says where the secret lies."""
        return f"DB_PASSWORD{self.store.suffix}"

    def seen(self) -> dict[str, object]:
        """What there is to see: the function's variables, what the vault gives out, and who may read it there."""
        return {
            "variables": variables("pay"),
            "values": self.at.holds(case_of(self.w).id),
            "readers": [m for s in self.at.service.secrets.values() for m in members(s)],
        }

    def status(self) -> dict[str, Any]:
        _, answer = self.w.api("oncall", "GET", "/cases/{id}", path_parameters={"id": case_of(self.w).id})
        return secrets_status.told(json.loads(json.dumps(answer, default=str)))


def members(secret: Any) -> list[str]:
    return [m for binding in getattr(secret, "bindings", ()) for m in binding["members"]]


@pytest.fixture
def way(request: pytest.FixtureRequest, w: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    with place(request.param, tmp_path, monkeypatch) as at:
        yield Way(w, at)


both = pytest.mark.parametrize("way", VAULTS, indirect=True)
azure = pytest.mark.parametrize("way", VAULTS[:1], indirect=True)
google = pytest.mark.parametrize("way", VAULTS[1:], indirect=True)


@both
def test_the_whole_way_out(way: Way) -> None:
    way.begin()
    way.goes("reference")
    reference = variables("pay")[way.named]
    assert variables("pay") == {**OTHERS, "DB_PASSWORD": VALUE, way.named: reference}
    assert reference.rpartition("/secrets/")[2].lower() in [n.lower() for n in way.at.service.secrets]
    assert (case_of(way.w).state, stage_of(way.w)) == ("WAITING_OWNER", "observe")
    invoked(way.w, "pay", 30)
    way.w.sweep()
    assert stage_of(way.w) == "observe", "AWS does not see who reads there: it is people's word"
    way.goes("remove")
    assert variables("pay") == {**OTHERS, way.named: reference}
    assert (case_of(way.w).state, stage_of(way.w)) == ("WAITING_OWNER", "rotate")
    attest(way.w)
    case = case_of(way.w)
    assert (case.state, case.outcome) == ("RESOLVED", "every stage is done")
    assert case.attested["observe"]["how"] == "as the log of the vault shows"
    assert VALUE not in json.dumps(way.w.items(), default=str)


@both
def test_every_stage_is_taken_back_and_taken_up_again(way: Way) -> None:
    way.begin()
    was, done = [], []
    for stage in STAGES:
        if stage == "observe" or (stage == "grant" and not way.store.grant):
            way.says()
            continue
        was.append(way.seen())
        way.goes(stage)
        done.append(way.seen())
    assert all(a != b for a, b in zip(was, done, strict=True))
    for before in reversed(was):
        way.back()
        assert way.seen() == before
    way.w.decide("security", case_of(way.w), "continue", "the code reads the vault now")
    for after in done:
        way.goes(case_of(way.w).plan["stage"])
        while case_of(way.w).state == "WAITING_OWNER" and stage_of(way.w) in ("grant", "observe"):
            way.says()
        assert way.seen() == after


@both
def test_what_was_attested_ends_where_an_earlier_stage_is_applied_again(way: Way) -> None:
    """A second secret: what people said of the first one's reads says nothing about it."""
    way.begin()
    way.goes("observe")
    assert (case_of(way.w).state, stage_of(way.w)) == ("PENDING", "remove")
    both_of_them = {**variables("pay"), "API_PASSWORD": VALUE + "x"}
    client = boto3.client("lambda", REGION)
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": both_of_them})
    way.w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    way.w.run()
    way.goes("reference")
    assert (case_of(way.w).state, stage_of(way.w)) == ("WAITING_OWNER", "observe")
    assert "observe" not in case_of(way.w).attested
    way.goes("remove")
    assert set(variables("pay")) == {*OTHERS, way.named, f"API_PASSWORD{way.store.suffix}"}


@both
def test_more_failures_than_before_keep_the_variable(way: Way) -> None:
    way.begin()
    invoked(way.w, "pay", 1000, hours_ago=30)
    way.goes("reference")
    invoked(way.w, "pay", 100, errors=9)
    way.says()
    assert case_of(way.w).state == "ESCALATED" and "invocations fail" in case_of(way.w).outcome
    assert "DB_PASSWORD" in variables("pay")


@both
def test_a_variable_that_the_owner_removed_asks_nobody_who_read_the_vault(way: Way) -> None:
    way.begin()
    way.goes("store")
    client = boto3.client("lambda", REGION)
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": OTHERS})
    way.w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    way.w.run()
    assert (case_of(way.w).state, stage_of(way.w)) == ("WAITING_OWNER", "rotate")


@both
def test_a_function_that_is_gone_leaves_only_its_secret_to_be_rotated(way: Way) -> None:
    way.begin()
    way.goes("reference")
    boto3.client("lambda", REGION).delete_function(FunctionName="pay")
    way.w.change(FUNCTION, "pay", "lambda:DeleteFunction", deleted=True)
    way.w.run()
    assert (case_of(way.w).state, stage_of(way.w)) == ("WAITING_OWNER", "rotate")
    attest(way.w)
    assert (case_of(way.w).state, case_of(way.w).outcome) == ("RESOLVED", "the resource is gone")


@both
def test_a_changed_value_is_not_removed_since_the_vault_could_not_give_it_back(way: Way) -> None:
    way.begin()
    way.goes("reference")
    changed = {**variables("pay"), "DB_PASSWORD": VALUE + "-changed"}
    client = boto3.client("lambda", REGION)
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": changed})
    way.w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    way.w.run()
    assert case_of(way.w).state == "ESCALATED" and "holds another value" in case_of(way.w).outcome


@both
def test_the_status_speaks_of_this_vault(way: Way) -> None:
    way.begin()
    way.goes("reference")
    found = way.status()
    code = "\n".join(str(c["text"]) for c in found["code"])
    assert found["store"] == way.at.name and way.named in code and variables("pay")[way.named] in code
    assert "secretsmanager" not in code and found["next"]["command"].startswith("suture cases attest")
    program = {"azure-key-vault": "az keyvault", "gcp-secret-manager": "gcloud secrets"}[way.at.name]
    assert program in " ".join(found["rotation"][0]["steps"])


@azure
def test_the_owner_is_told_how_to_let_the_function_in(way: Way) -> None:
    way.begin()
    way.goes("store")
    found = way.status()
    assert (found["stage"]["stage"], found["next"]["who"]) == ("grant", "owner")
    (grant,) = (c["text"] for c in found["code"] if c["language"] == "sh")
    assert "Key Vault Secrets User" in grant and next(iter(way.at.service.secrets)) in grant.lower()


@azure
def test_a_name_that_somebody_else_took_is_left_alone(way: Way) -> None:
    way.begin()
    name = case_of(way.w).plan["steps"][0]["call"]["parameters"]["Name"]
    theirs = {"Vault": way.at.params["vault"], "Name": name, "Value": "theirs", "Tags": {"suture:token": "x"}}
    assert way.at.vault is not None
    way.at.vault.call("azure-keyvault:SetSecret", theirs)
    way.w.sweep()
    assert case_of(way.w).state == "ESCALATED" and "holds another value" in case_of(way.w).outcome


@google
def test_a_version_that_was_destroyed_cannot_be_led_to(way: Way) -> None:
    way.begin()
    way.goes("store")
    (secret,) = way.at.service.secrets.values()
    secret.versions[0]["state"] = "DESTROYED"
    way.w.sweep()
    assert case_of(way.w).state == "ESCALATED" and "holds another value" in case_of(way.w).outcome


@google
def test_only_the_member_of_the_pin_is_let_in(way: Way) -> None:
    way.begin()
    way.goes("grant")
    assert way.seen()["readers"] == [MEMBER]


@both
def test_a_pin_without_its_place_says_so(way: Way) -> None:
    way.pinned(**({"vault": ""} if "vault" in way.at.params else {"project": ""}))
    way.begin()
    assert case_of(way.w).state == "ESCALATED" and "the pin names no" in case_of(way.w).outcome
