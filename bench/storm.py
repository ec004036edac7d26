"""A storm: N events at once about N/20 functions, a tenth of them public, and one urgent change of a role behind them.

    .venv/bin/python bench/storm.py [--events 100 1000 10000] [--json]

Method. The functions' own code in this process, moto for AWS, a played Slack; queues, batches, concurrency and time are
those of storm_stage.py, where a call takes 20 ms. So what is counted is real (calls, reads a resource and batch,
messages, processor time, moto's part in it included) and what is in seconds of the storm is arithmetic. Each size runs
twice: with a queue that is first in, first out, and with a fair one, as the rendered rules ask for with a message
group a rule. Ratios between the sizes, not milliseconds, are what to read: the machine is a shared one.

The two accounts of a storm: a deployment looks after its own account, so another account's flood has a queue of its
own. One that reaches ours all the same, over a shared bus, is the line "of another account": ignored without a call.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]
sys.path.append(str(Path(__file__).parent))  # last: secrets.py here must not hide Python's own

from account import added, batch  # noqa: E402
from slack_world import CHAT, SlackWorld, slack_world  # noqa: E402
from storm_stage import Pool, Stage, rings  # noqa: E402
from world import ACCOUNT, Context, function, role  # noqa: E402

from chalicelib import pipeline  # noqa: E402
from chalicelib.chat import notices  # noqa: E402

OTHER = "999999999999"
URGENT_SECOND = 1.0
A_FUNCTION = 20
PRICES = {
    "lambda requests": 0.20e-6,
    "lambda GB seconds": 0.0000133334,
    "sqs requests": 0.40e-6,
    "dynamodb writes": 0.625e-6,
    "dynamodb reads": 0.125e-6,
    "kms requests": 3e-6,
}
"""Dollars, us-east-1, arm64, on demand, without the free tiers: the services' pricing pages. AWS's own events are free,
as are the reads of the services that are looked at. Transactions cost twice; logs and X-Ray are not in it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    _storm(A_FUNCTION, fair=True, account=ACCOUNT)  # what is loaded and made once is no part of the smallest storm
    found = {"storms": [measure(n) for n in asked.events], "of another account": of_another(max(asked.events))}
    print(json.dumps(found, indent=1) if asked.json else "\n".join(_table(found)))
    return int(any(s["violations"] for s in found["storms"]))


def measure(events: int) -> dict[str, Any]:
    """One storm, in both kinds of queue; counts, times and costs are those of the fair one."""
    plain, fair = (_storm(events, fair=fair, account=ACCOUNT) for fair in (False, True))
    return {**fair, "urgent, first in first out": plain["urgent"], "drained, first in first out": plain["drained"]}


def of_another(events: int) -> dict[str, Any]:
    """The flood of an account that is not this deployment's."""
    return _storm(events, fair=False, account=OTHER)


def _storm(events: int, *, fair: bool, account: str) -> dict[str, Any]:
    folder = tempfile.TemporaryDirectory(prefix="suture-storm-")
    with folder as name, contextlib.redirect_stdout(io.StringIO()), slack_world(Path(name), CHAT) as w:
        names = _account(events // A_FUNCTION)
        stage = _wired(w, Stage(fair=fair))
        flood = _flood(names, events, account)
        numbers = [stage.put("changes", body, "lambda-calls", 0.0) for body in flood]
        urgent = stage.put("changes", _opened_role(), "iam-calls", URGENT_SECOND)
        start = time.process_time()
        drained = stage.run()
        spent = time.process_time() - start
        return _told(w, stage, events, numbers, urgent, drained, spent)


def _account(functions: int) -> list[str]:
    """So many functions, every tenth of them public, and the role of the urgent change."""
    names = [f"shop-{n}" for n in range(max(functions, 1))]
    for n, name in enumerate(names):
        client = function(name)
        if n % 10 == 0:
            client.add_permission(FunctionName=name, StatementId="all", Action="lambda:InvokeFunction", Principal="*")
    role("urgent", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    return names


def _flood(names: list[str], events: int, account: str) -> list[str]:
    """AddPermission, again and again, in no order: the worst for reading a resource once a batch."""
    bodies = []
    for n in range(events):
        event = json.loads(batch(added(names[n % len(names)]))["Records"][0]["body"])
        event["detail"]["recipientAccountId"] = event["account"] = account
        event["detail"]["eventID"] = event["id"] = f"flood-{n}"
        bodies.append(json.dumps(event))
    random.Random(events).shuffle(bodies)
    return bodies


def _opened_role() -> str:
    event = json.loads(batch(added("x"))["Records"][0]["body"])
    detail = {**event["detail"], "eventSource": "iam.amazonaws.com", "eventName": "UpdateAssumeRolePolicy"}
    detail |= {"requestParameters": {"roleName": "urgent"}, "responseElements": None, "eventID": "urgent"}
    return json.dumps({**event, "source": "aws.iam", "detail": detail})


def _wired(w: SlackWorld, stage: Stage) -> Stage:
    """The deployment's functions in the stage's pools (sizes as in app.py and resources.json); its calls counted."""
    d, real = w.d, w.d.clients.call
    began = datetime(2026, 11, 20, 10, tzinfo=UTC)  # where a window of ten minutes begins: one storm, one window

    def call(name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        stage.called(name, parameters)
        return real(name, parameters)

    def tell(event: Mapping[str, Any]) -> Mapping[str, Any]:
        before = len(w.fake.space.calls)
        answer = pipeline._each(d, event["Records"], lambda record: notices.tell(d, pipeline._message(record)))
        stage.calls["slack"] += len(w.fake.space.calls) - before
        return answer

    def write(event: Mapping[str, Any]) -> Mapping[str, Any]:
        return pipeline.remediated(d, event, Context())

    d.clients.call = call  # type: ignore[method-assign]
    d.__dict__["queues"] = stage
    d.now = lambda: began + timedelta(seconds=stage.now)  # type: ignore[method-assign]
    stage.pools = {
        "changes": Pool("changes", lambda event: pipeline.watched(d, event), 50, 1_000, 60),
        "remediate": Pool("remediate", write, 1, 5, 75),
        "remediate_iam": Pool("remediate_iam", write, 1, 2, 75),
        "remediate_secrets": Pool("remediate_secrets", write, 1, 2, 75),
        "notices": Pool("notices", tell, 10, 1_000, 60),
    }
    return stage


def _told(
    w: SlackWorld, stage: Stage, events: int, numbers: list[int], urgent: int, drained: float, spent: float
) -> dict[str, Any]:
    resources = json.loads((ROOT / "resources.json").read_text())["Resources"]
    alarms = {name: r for name, r in resources.items() if r.get("Type") == "AWS::CloudWatch::Alarm"}
    cases = w.cases()
    digests = {m.ts for m in w.fake.space.messages if "in a storm" in json.dumps(m.blocks)}
    posted = [m for m in w.fake.space.messages if not m.only_for]
    found = {
        "events": events,
        "batches": stage.pools["changes"].batches,
        "handled": sum(n in stage.done for n in numbers),
        "urgent": round(stage.done.get(urgent, float("inf")) - URGENT_SECOND, 1),
        "drained": round(drained, 1),
        "calls an event": round((stage.calls.total() - stage.calls["slack"]) / events, 2),
        "reads a resource and batch": stage.most_reads,
        "cases": len(cases),
        "messages in Slack": len(posted),
        "calls of Slack": stage.calls["slack"],
        "digests": len(digests),
        "alarms": rings(alarms, stage.pools),
        "ms of processor an event": round(1000 * spent / events, 2),
        "ms of processor a call": round(1000 * spent / stage.calls.total(), 2),
        "dollars a million events": round(1e6 * _cost(stage, events) / events, 2),
        "calls": dict(stage.calls.most_common(12)),
    }
    return {**found, "violations": _violations(found, stage)}


def _violations(found: Mapping[str, Any], stage: Stage) -> list[str]:
    checks = {
        "an event was not handled": found["handled"] == found["events"] and found["urgent"] < float("inf"),
        "a message died": not any(pool.dead for pool in stage.pools.values()),
        "a message still waits": not any(pool.waiting for pool in stage.pools.values()),
        "a resource was read twice in one batch": found["reads a resource and batch"] <= 1,
        "more than one digest": found["digests"] <= 1,
    }
    return [what for what, holds in checks.items() if not holds]


def _cost(stage: Stage, events: int) -> float:
    """Dollars: what EventBridge puts into the queue is a request each, and so is each receive and delete of ten."""
    calls, pools = stage.calls, stage.pools.values()
    sent = events + 1 + calls["sqs:SendMessage"]
    used = {
        "lambda requests": sum(pool.batches for pool in pools),
        "lambda GB seconds": sum(pool.seconds for pool in pools) / 2,
        "sqs requests": sent + 2 * sum(pool.batches * max(1, pool.batch / 10) for pool in pools),
        "dynamodb writes": sum(n * _WRITES.get(name, 0) for name, n in calls.items()),
        "dynamodb reads": calls["dynamodb:GetItem"] + calls["dynamodb:Query"],
        "kms requests": calls["kms:GenerateMac"],
    }
    return sum(PRICES[name] * n for name, n in used.items())


_WRITES = {"dynamodb:UpdateItem": 1, "dynamodb:PutItem": 1, "dynamodb:TransactWriteItems": 8}
"""Units of 1 KB a call; a transaction of ours has a head of up to 2 KB, one or two records and a mark, all twice."""


def _table(found: Mapping[str, Any]) -> list[str]:
    names = [n for n in found["storms"][0] if n not in ("calls", "violations")]
    rows = [f"{name:<30}" + "".join(f"{s[name]!s:>16}" for s in found["storms"]) for name in names]
    other = found["of another account"]
    first, last = found["storms"][0], found["storms"][-1]
    growth = last["ms of processor a call"] / first["ms of processor a call"]
    most = Counter(last["calls"]).most_common(8)
    return [
        *rows,
        f"processor time a call, from {first['events']:,} to {last['events']:,} events: {growth:.2f} ×",
        f"most called: {', '.join(f'{name} {n}' for name, n in most)}",
        f"{other['events']:,} of another account: {other['calls an event']} calls an event, "
        f"urgent after {other['urgent']} s",
        *(f"VIOLATION {s['events']}: {why}" for s in found["storms"] for why in s["violations"]),
    ]


if __name__ == "__main__":
    sys.exit(main())
