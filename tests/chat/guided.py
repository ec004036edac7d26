"""Requests that atheris makes, led by what they reach in the doors: `guided.py DOOR [RUNS]`.

Each is signed, or comes from somebody who is signed in, and from nobody who may decide. It must have an allowed status
and change nothing. Ends with 0 when all did; atheris prints the request that did not.
atheris is no requirement of the project: `pip install atheris`, on Linux.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import atheris

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / name) for name in ("", "chat/page", "chat/teams"))]
ALLOWED = {200, 303, 400, 401, 403, 404, 405, 409, 413, 415}
Door = tuple[Callable[[bytes], int], Callable[[], Any], list[bytes]]
"""How to send bytes there (the status), what must stay as it is, and what to begin with."""

with atheris.instrument_imports(include=["chalicelib.chat", "chalicelib.approvals"]):
    from chalicelib.chat import web
    from chalicelib.chat.page import door as page_door
    from chalicelib.chat.page.asked import FORM, Asked
    from chalicelib.chat.slack import door as slack_door
    from chalicelib.chat.teams import door as teams_door


@contextmanager
def slack(folder: Path) -> Iterator[Door]:
    from slack_world import form, payload, slack_world

    from suture.sandbox.slack.workspace import TEAM

    with slack_world(folder) as w:
        case = w.proposed()
        value = json.dumps({"c": case.id, "p": case.plan_digest})
        actions = [{"action_id": "approve", "value": value}]
        click = payload(user={"id": "U0DREW", "team_id": TEAM}, actions=actions)

        def send(data: bytes) -> int:
            which = ("interactive", "command", "events")[data[0] % 3] if data else "events"
            request = {"door": which, "headers": w.fake.sender.signed(data[1:]), "raw": data[1:]}
            return slack_door.answer(w.d, request)[0]

        w.d.queues.send = lambda name, message, delay=0: None  # type: ignore[method-assign]
        yield send, w.items, [b"\0" + form(click), b"\1text=show+" + case.id.encode(), b'\2{"type": "event_callback"}']


@contextmanager
def api(folder: Path) -> Iterator[Door]:
    from world import ACCOUNT, role, world

    with world(folder) as w:
        role("open", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
        w.change("AWS::IAM::Role", "open", "iam:UpdateAssumeRolePolicy")
        w.run()
        case = w.case("iam-trust-public")
        who = {"userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-deploy/x"}
        about = {"method": "POST", "resource": "/cases/{id}/decision", "path_parameters": {"id": case.id}}

        def send(data: bytes) -> int:
            body = data.decode("utf-8", "surrogateescape")
            return web.answer(w.d, {**about, "identity": who, "query": None, "body": body})[0]

        w.d.queues.send = lambda name, message, delay=0: None  # type: ignore[method-assign]
        yield send, w.items, [json.dumps({"decision": "approve", "plan": case.plan_digest, "reason": "x"}).encode()]


@contextmanager
def teams(folder: Path) -> Iterator[Door]:
    from teams_world import pressed, teams_world

    with teams_world(folder) as w:
        w.proposed()
        token = w.space.proof(exp=int(w.space.clock()) + 86_400)
        activity = pressed(w)
        activity["from"] = w.space.activity("drew", w.message(w.cases()[-1]), {})["from"]

        def send(data: bytes) -> int:
            return teams_door.answer(w.d, {"headers": {"authorization": f"Bearer {token}"}, "raw": data})[0]

        w.d.queues.send = lambda name, message, delay=0: None  # type: ignore[method-assign]
        yield send, w.items, [json.dumps(activity).encode()]


@contextmanager
def page(folder: Path) -> Iterator[Door]:
    from page_world import ORIGIN, page_world

    with page_world(folder) as w:
        case = w.proposed()
        token = w.sit("drew")
        cookie = "; ".join(f"{n}={v}" for n, v in w.jar.items())
        headers = {"cookie": cookie, "content-type": FORM, "origin": ORIGIN}
        form = f"csrf={token}&decision=approve&plan={case.plan_digest}&reason=x&digits={case.plan_digest[-4:]}"

        def send(data: bytes) -> int:
            return page_door.answer(w.d, w.guard, Asked("POST", f"/cases/{case.id}/decision", {}, headers, data)).status

        yield send, w.items, [form.encode()]


def main(door: str, runs: str = "100000") -> None:
    made = {"slack": slack, "api": api, "teams": teams, "page": page}[door]
    with tempfile.TemporaryDirectory() as name, made(Path(name)) as (send, kept, seeds):
        corpus = Path(name) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(seeds):
            assert send(seed) in ALLOWED
            (corpus / str(number)).write_bytes(seed)
        before = kept()

        def one(data: bytes) -> None:
            status = send(data)
            assert status in ALLOWED, status

        found = f"-artifact_prefix={tempfile.gettempdir()}/"
        atheris.Setup([sys.argv[0], f"-atheris_runs={runs}", "-max_len=4096", "-verbosity=0", found, str(corpus)], one)
        try:
            atheris.Fuzz()  # does not return: it exits, with 0 whatever is raised after it
        finally:
            if kept() != before:
                print("a request wrote something", file=sys.stderr, flush=True)
                os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
