"""How long Slack waits: from a signed click to the answer, in a fresh process and in a warm one.

    .venv/bin/python bench/chat.py [--runs 20] [--clicks 40] [--json]

Method. As bench/cold_start.py: the real package, unpacked, in a fresh `python -I -S` with what AWS's runtime brings;
moto answers on loopback from this process. Every click is an API Gateway event with a signature of its own, about a
pending case of its own, by somebody eligible: verify, read, authorise, one transaction, a message to the writer and
one to `notify`. Right before each cold process runs the floor: boto3, one client and one call; "less the floor" is of
each pair, so that a busy machine weighs on both. The 99th percentile of so few runs is their worst.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from account import ACCOUNT, REGION, Account, account  # noqa: E402
from cold_start import _probe  # noqa: E402

from chalicelib.aws.deployment import Deployment  # noqa: E402
from chalicelib.aws.ledger import Entry  # noqa: E402
from chalicelib.cases import Case  # noqa: E402
from chalicelib.model import Call, Plan, Step  # noqa: E402
from suture.build import build  # noqa: E402
from suture.sandbox.package import GOVERNANCE, runtime_folder, unpack  # noqa: E402
from suture.sandbox.slack.workspace import APP, TEAM  # noqa: E402

SECRET = "bench-" + "signing-secret"
BOOK = ("apigateway-guard-stage", "1.0.0")


def main() -> int:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="suture-bench-") as folder, account() as made:
        measured = measure(Path(folder), made, asked.runs, asked.clicks)
    if asked.json:
        print(json.dumps(measured, indent=1))
    else:
        print("\n".join(_table(measured)))
    return 0


def measure(folder: Path, made: Account, runs: int, clicks: int) -> dict[str, Any]:
    """Everything, as the JSON document that `--json` prints."""
    package, libraries = unpack(build(ROOT, GOVERNANCE).zip, folder), runtime_folder(folder)
    made = _with_slack(made)
    cases = _Cases(made)
    floors, colds = [], []
    for _ in range(runs + 1):
        floors.append(_probe("floor", made, [libraries], {})["with_call"])
        colds.append(_probe("click", made, [package, libraries], {"clicks": cases.clicks(1)})["answers"][0])
    warm = _probe("click", made, [package, libraries], {"clicks": cases.clicks(clicks + 5)})["answers"][5:]
    return {
        "runs": runs,
        "floor": _spread(floors[1:]),
        "cold": {**_spread(colds[1:]), "calls": colds[-1]["calls"]},
        "cold, less the floor": _spread(_less(cold, floor) for cold, floor in zip(colds[1:], floors[1:], strict=True)),
        "warm": {**_spread(warm), "calls": warm[-1]["calls"]},
        "refused": sum(a["status"] != 200 for a in (*colds, *warm)),
        "decided": cases.decided(),
    }


class _Cases:
    """Pending cases, one for each click."""

    def __init__(self, made: Account) -> None:
        self._made, self._number = made, 0
        self._d = Deployment({**made.environment, "AWS_REGION": REGION})
        self._d.clients._clients = {"dynamodb": made.client("dynamodb")}

    def clicks(self, many: int) -> list[dict[str, Any]]:
        return [_event(self._pending()) for _ in range(many)]

    def decided(self) -> int:
        return sum(1 for _ in self._d.ledger.cases("APPROVED"))

    def _pending(self) -> Case:
        self._number += 1
        id_, arn = f"C-{self._number:010X}", f"arn:aws:apigateway:{REGION}::/restapis/a{self._number}/stages/live"
        where = {"restApiId": f"a{self._number}", "stageName": "live"}
        call = Call("apigateway:UpdateStage", {**where, "patchOperations": []})
        place = {"account": ACCOUNT, "region": REGION, "resource_type": "AWS::ApiGateway::Stage", "arn": arn}
        about = {**place, "resource_id": f"a{self._number}/live", "control": "apigateway-stage-unguarded"}
        book = {"runbook": BOOK[0], "version": BOOK[1], "runbook_digest": "sha256:1", "state_digest": "sha256:2"}
        plan = Plan(case=id_, **about, **book, tier="medium", reversible="full", steps=(Step(call, (call,)),))
        cause = {"kind": "AssumedRole", "account": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:role/shop-deploy"}
        causers = ({**cause, "session": "", "source_identity": "", "invoked_by": "", "user_agent": ""},)
        now = "2026-01-01T00:00:00.000Z"
        case = Case(
            id=id_, **about, state="PENDING", version=1, opened=now, updated=now, causers=causers,
            plan=plan.as_json(), expires="2999-01-01T00:00:00.000Z", severity="medium", title="bench",
        )  # fmt: skip
        return self._d.ledger.advance(None, [(case, Entry("bench", "opened", {}))])


def _with_slack(made: Account) -> Account:
    ssm = made.client("ssm")
    ssm.put_parameter(Name="/suture/slack-signing-secret", Value=SECRET, Type="SecureString")
    ssm.put_parameter(Name="/suture/slack-token", Value="bench", Type="SecureString")
    slack = {
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
        "SLACK_TOKEN_PARAMETER": "/suture/slack-token",
        "SLACK_SECRET_PARAMETER": "/suture/slack-signing-secret",
    }
    return Account({**made.environment, **slack}, made.session, made.url)


def _event(case: Case) -> dict[str, Any]:
    """API Gateway's event of one signed click on Approve."""
    value = json.dumps({"c": case.id, "p": case.plan_digest})
    payload = {
        "type": "block_actions",
        "user": {"id": "U0OLLY", "team_id": TEAM},
        "team": {"id": TEAM},
        "api_app_id": APP,
        "channel": {"id": "C0SECURITY"},
        "trigger_id": "1",
        "response_url": "",
        "actions": [{"action_id": "approve", "value": value}],
    }
    body, at = urlencode({"payload": json.dumps(payload)}), str(int(time.time()))
    mac = hmac.new(SECRET.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    kind = "application/x-www-form-urlencoded"
    headers = {"content-type": kind, "x-slack-request-timestamp": at, "x-slack-signature": f"v0={mac}"}
    return {
        "resource": "/slack/interactive",
        "path": "/slack/interactive",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"resourcePath": "/slack/interactive", "httpMethod": "POST", "identity": {}},
        "body": body,
        "isBase64Encoded": False,
    }


def _less(cold: Mapping[str, float], floor: Mapping[str, float]) -> dict[str, float]:
    return {name: cold[name] - floor[name] for name in ("ms", "cpu_ms")}


def _spread(measured: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Medians and the worst of some answers, in milliseconds."""
    listed = list(measured)
    wall, cpu = sorted(m["ms"] for m in listed), sorted(m["cpu_ms"] for m in listed)
    worst = min(len(wall) - 1, round(len(wall) * 0.99))
    return {
        "ms": round(median(wall), 1),
        "p99_ms": round(wall[worst], 1),
        "cpu_ms": round(median(cpu), 1),
        "p99_cpu_ms": round(cpu[worst], 1),
    }


def _table(measured: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'click to answer':<28}{'wall ms':>9}{'p99':>9}{'CPU ms':>9}{'p99':>9}   calls"
    for kind in ("floor", "cold", "cold, less the floor", "warm"):
        row = measured[kind]
        numbers = "".join(f"{row[name]:>9.1f}" for name in ("ms", "p99_ms", "cpu_ms", "p99_cpu_ms"))
        yield f"{kind:<28}{numbers}   {', '.join(row.get('calls', ()))}"
    yield f"refused: {measured['refused']}; cases approved: {measured['decided']}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How long Slack waits for the answer to a click.")
    parser.add_argument("--runs", type=int, default=20, help="fresh processes (default 20)")
    parser.add_argument("--clicks", type=int, default=40, help="timed clicks in one warm process (default 40)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
