"""The played workspace in front of the small account of world.py, in one process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from noticing import NoticingWorld
from world import PEOPLE, REGION, world

from chalicelib.cases import Case
from chalicelib.chat.slack import door
from suture.sandbox.slack.clicks import Sender
from suture.sandbox.slack.server import FakeSlack
from suture.sandbox.slack.workspace import APP, TEAM, Message

USERS = {"sam": "U0SAM", "olly": "U0OLLY", "drew": "U0DREW"}
CHAT = {
    "slack": {
        "team": TEAM,
        "app": APP,
        "channel": "C0SECURITY",
        "routes": [{"owners": ["payments"], "channel": "C0URGENT"}],
        "storm": {"more_than": 10, "within": "10m"},
    }
}


class Inside(Sender):
    """The workspace's requests, handed to the door in this process."""

    w: SlackWorld
    answers: list[tuple[int, Any]]

    def exchange(self, door_: str, body: bytes, kind: str = "") -> tuple[int, bytes]:
        headers = dict(self.signed(body))
        status, said = door.answer(self.w.d, {"door": door_, "headers": headers, "raw": body})
        self.answers.append((status, said))
        return status, json.dumps(said).encode() if said is not None else b""


class SlackWorld(NoticingWorld):
    fake: FakeSlack

    def message(self, case: Case) -> Message:
        """The newest message of a channel about a case."""
        about = [m for m in self.fake.space.messages if not m.only_for and case.id in json.dumps(m.blocks)]
        return [m for m in about if any(b["type"] == "actions" for b in m.blocks)][-1]

    def click(self, user: str, case: Case, action: str) -> list[str]:
        """Click, let `notify` work, and answer with what was said to that person alone."""
        message = self.message(case)
        before = len(self.asides(user))
        assert self.fake.sender.click(user, message.channel, message.ts, action) == 200
        self.run()
        return self.asides(user)[before:]

    def submit(self, user: str, **values: str) -> Mapping[str, str]:
        """Send the open window; what it refused, by field."""
        assert self.fake.sender.submit(user, values) == 200
        self.run()
        window = self.fake.space.windows.get(user) or {}
        return window.get("errors", {})

    def type(self, user: str, text: str, channel: str = "C0SECURITY") -> str:
        """A slash command; the words that were answered."""
        before = len(self.asides(user))
        assert self.fake.sender.command(user, channel, text) == 200
        self.run()
        return "\n".join(self.asides(user)[before:])

    def asides(self, user: str) -> list[str]:
        return [words_of(m.blocks) or m.text for m in self.fake.space.messages if m.only_for == user]

    def calls(self, method: str) -> list[Mapping[str, Any]]:
        return [body for name, body in self.fake.space.calls if name == method]


def words_of(blocks: Any) -> str:
    """Every text in some blocks, one after the other."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("text"), str):
                found.append(value["text"])
            walk(list(value.values()))
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(blocks)
    return " ".join(found)


def package_chat(root: Path, chat: Mapping[str, Any] = CHAT) -> None:
    """Slack identities for the people of world.py, and the rules of the workspace."""
    path = root / "governance" / "packaged.json"
    rules = json.loads(path.read_text())
    people = {id_: {**p, "slack": [{"team": TEAM, "user": USERS[id_]}]} for id_, p in PEOPLE.items()}
    path.write_text(json.dumps({**rules, "approvers": {"people": people}, "chat": chat}))


@contextmanager
def slack_world(root: Path, chat: Mapping[str, Any] = CHAT) -> Iterator[SlackWorld]:
    with world(root) as made, FakeSlack() as fake:
        package_chat(root, chat)
        made.__class__ = SlackWorld
        assert isinstance(made, SlackWorld)
        made.fake = fake
        fake.space.clock = lambda: made.d.now().timestamp()
        ssm = boto3.client("ssm", region_name=REGION)
        ssm.put_parameter(Name="/slack/token", Value=fake.space.token, Type="SecureString")
        ssm.put_parameter(Name="/slack/secret", Value=fake.secret, Type="SecureString")
        made.d._environment = {
            **made.d._environment,
            "SLACK_API_URL": fake.api_url,
            "SLACK_TOKEN_PARAMETER": "/slack/token",
            "SLACK_SECRET_PARAMETER": "/slack/secret",
        }
        inside = Inside(fake.space, fake.secret, f"{fake.url}/hooks")
        inside.w, inside.answers = made, []
        fake.sender = inside
        made.hold()
        yield made


def payload(**changes: Any) -> dict[str, Any]:
    """A block_actions payload as Slack sends it, but for `changes`."""
    value = json.dumps({"c": "C-1", "p": "sha256:1"})
    good = {
        "type": "block_actions",
        "user": {"id": "U0OLLY", "team_id": TEAM},
        "team": {"id": TEAM},
        "api_app_id": APP,
        "channel": {"id": "C0SECURITY"},
        "trigger_id": "1.2.3",
        "response_url": "http://127.0.0.1:1/hooks/x",
        "actions": [{"action_id": "approve", "value": value}],
    }
    return {**good, **changes}


def form(data: Any) -> bytes:
    return urlencode({"payload": json.dumps(data)}).encode()


def ask(sw: SlackWorld, body: bytes, which: str = "interactive") -> int:
    return door.answer(sw.d, {"door": which, "headers": sw.fake.sender.signed(body), "raw": body})[0]
