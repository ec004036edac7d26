"""Everybody clicks at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from slack_world import CHAT, SlackWorld, ask, form, package_chat, payload

from suture.sandbox.slack.workspace import TEAM


def test_two_hundred_clicks_at_the_quorum_are_one_approval_and_one_apply(sw: SlackWorld) -> None:
    crowd(sw, 200)
    case = sw.unguarded()
    value = json.dumps({"c": case.id, "p": case.plan_digest})
    sent: list[str] = []
    real = sw.d.queues.send
    sw.d.queues.send = lambda name, message, delay=0: (
        sent.append(f"{name}:{message.get('do', '')}")
        or real(  # type: ignore[method-assign,func-returns-value]
            name, message, delay
        )
    )
    bodies = [
        form(payload(user={"id": f"U0CROWD{n}", "team_id": TEAM}, actions=[{"action_id": "approve", "value": value}]))
        for n in range(200)
    ]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda body: ask(sw, body), bodies))
    assert set(answers) == {200}
    assert [s for s in sent if s.endswith(":apply")] == ["remediate:apply"]
    assert [r["to"] for r in sw.d.ledger.records(case.id)].count("APPROVED") == 1
    assert len(sw.d.ledger.approvals(case.id)) == 1
    assert sum(s.startswith("notices:") for s in sent) == 200, "each loser is told, and the winner's case"


def crowd(sw: SlackWorld, many: int) -> None:
    """So many owners."""
    people = {
        f"p{n}": {"name": f"P{n}", "groups": ["owner", "security"], "slack": [{"team": TEAM, "user": f"U0CROWD{n}"}]}
        for n in range(many)
    }
    package_chat(sw.d._root, CHAT)
    path = sw.d._root / "governance" / "packaged.json"
    rules = json.loads(path.read_text())
    path.write_text(json.dumps({**rules, "approvers": {"people": people}}))
