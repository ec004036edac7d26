"""A canary goes the way out of a secret while everybody looks on in Slack: nothing that Slack got holds any of it."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict

import pytest
from canary import CANARY, Wire, caught, found_in, text_of
from leading import APPROVERS, FUNCTION, attest, case_of, invoked, reads_secret, stage_of
from slack_world import SlackWorld
from world import function

PEOPLE = {"oncall": "U0OLLY", "security": "U0SAM"}


def looked_at(sw: SlackWorld, user: str) -> None:
    """Every other way to look at the case: its window, the commands, the home tab."""
    case = case_of(sw)
    if sw.message(case):
        sw.click(user, case, "details")
    for text in ("list", f"show {case.id}", f"approve {case.id} 0000 no"):
        sw.type(user, text)
    sw.fake.sender.open_home(user)
    sw.run()


def decided(sw: SlackWorld, stage: str) -> None:
    case = case_of(sw)
    assert (case.state, stage_of(sw)) == ("PENDING", stage), case.outcome
    for role in APPROVERS[stage]:
        case = case_of(sw)
        sw.click(PEOPLE[role], case, "approve")
        if sw.fake.space.windows.get(PEOPLE[role]):
            sw.submit(PEOPLE[role], reason="on purpose", digits=case.plan_digest[-4:])


def test_a_canary_goes_the_whole_way_and_slack_gets_nothing_of_it(
    sw: SlackWorld, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    wire = Wire(sw)
    function("pay", {"TABLE": "orders", "DB_PASSWORD": CANARY}).publish_version(FunctionName="pay")
    caplog.set_level(logging.DEBUG)
    sw.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    sw.run()
    for stage in ("store", "grant", "reference", "remove", "prune"):
        if stage == "remove":
            invoked(sw, "pay", 30)
            reads_secret(sw, "DB_PASSWORD", "pay-role")
        looked_at(sw, PEOPLE[APPROVERS[stage][0]])
        decided(sw, stage)
        sw.later()
    attest(sw)
    sw.later()
    assert case_of(sw).state == "RESOLVED"
    space, out = sw.fake.space, capsys.readouterr()
    places = {
        "requests to Slack": json.dumps([(name, body) for name, body in space.calls], default=str),
        "messages": json.dumps([asdict(m) for m in space.messages], default=str),
        "windows and homes": json.dumps([dict(space.windows), dict(space.homes)], default=str),
        "answers of the door": json.dumps(sw.fake.sender.answers, default=str),
        "requests to AWS": wire.take(),
        "table": text_of(sw.items()),
        "log": caught(caplog),
        "stdout and stderr": out.out + out.err,
    }
    assert {"views.open", "views.publish", "chat.postMessage", "chat.update"} <= {name for name, _ in space.calls}
    assert "DB_PASSWORD" in places["messages"] and "prune" in places["messages"]
    assert not found_in(places)
    assert wire.carried == {"CreateSecret", "UpdateFunctionConfiguration"}
