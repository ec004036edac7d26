"""The small account of world.py with mail, alerts and tickets: our desks on loopback, and moto for SES."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
from moto.ses.models import ses_backends
from noticing import NoticingWorld
from world import ACCOUNT, REGION, world

from chalicelib.cases import Case
from suture.sandbox import mends
from suture.sandbox.desks.github import GitHub
from suture.sandbox.desks.jira import Jira
from suture.sandbox.desks.opsgenie import Opsgenie
from suture.sandbox.desks.pagerduty import PagerDuty
from suture.sandbox.vaults.loopback import Answer, Asked, Loopback

PAGE = "https://suture.example.com/api/page"
SENDER, TEAM = "suture@example.com", "security@example.com"
USER = "bot@example.com"
TOKENS = {name: f"{name}-" + "token" for name in ("opsgenie", "jira", "github", "webhook")}
TOKENS["pagerduty"] = "0123456789abcdef" * 2
SINKS = ("email", "pagerduty", "opsgenie", "jira", "github", "webhook")
TICKETS = ("jira", "github")


class Receiver:
    """What listens to a webhook."""

    def __call__(self, asked: Asked) -> Answer:
        return Answer(200)


class SinksWorld(NoticingWorld):
    """`desks` are the services by sink, `lines` their addresses with what was asked of them."""

    desks: dict[str, Any]
    lines: dict[str, Loopback]

    @property
    def mails(self) -> list[Any]:
        """What SES sent, oldest first."""
        return list(ses_backends[ACCOUNT][REGION].sent_messages)

    def asked(self, sink: str, *methods: str) -> list[Asked]:
        return [a for a in self.lines[sink].asked if not methods or a.method in methods]

    def waiting(self) -> list[tuple[str, int]]:
        """Which channels come again when."""
        return [(str(message.get("channel")), delay) for _, message, delay in self.held]

    def tickets(self, sink: str) -> list[Any]:
        """What was opened at a desk: alerts, issues or mails."""
        if sink == "email":
            return self.mails
        if sink == "jira":
            return list(self.desks["jira"].issues.values())
        return self.desks["github"].issues["acme/security"] if sink == "github" else self.desks[sink].alerts

    def move(self, case: Case, state: str, **more: Any) -> Case:
        """Put a case into a state by the ledger, as if everything between had happened, and tell of it."""
        from dataclasses import replace

        from chalicelib.aws.ledger import Entry
        from chalicelib.times import iso

        now = self.d.ledger.case(case.id)
        assert now is not None
        after = replace(now, state=state, version=now.version + 1, updated=iso(self.d.now()), **more)
        moved = self.d.ledger.save(now, after, Entry("test", f"to {state}", {}))
        self.send("notices", {"suture": "notice", "case": case.id, "version": moved.version})
        self.run()
        return moved


def rules(lines: Mapping[str, Loopback], *names: str) -> dict[str, Any]:
    """The chat rules of some sinks, with the addresses of their desks."""
    given: dict[str, Any] = {
        "email": {"from": SENDER, "to": [TEAM]},
        "pagerduty": {"url": lines["pagerduty"].url},
        "opsgenie": {"url": lines["opsgenie"].url},
        "jira": {"site": lines["jira"].url, "user": USER, "project": "SEC"},
        "github": {"url": lines["github"].url, "repository": "acme/security", "labels": ["suture"]},
        "webhook": {},
    }
    return {"page": PAGE, **{name: given[name] for name in names}}


@contextmanager
def sinks_world(root: Path, *names: str, **more: Mapping[str, Any]) -> Iterator[SinksWorld]:
    """An account with those sinks (all when none is named); `more` are further rules by sink."""
    mends.apply_to("sesv2")
    with world(root) as made, ExitStack() as stack:
        desks = {
            "pagerduty": PagerDuty(TOKENS["pagerduty"]),
            "opsgenie": Opsgenie(TOKENS["opsgenie"]),
            "jira": Jira(USER, TOKENS["jira"], ("SEC", "PAY")),
            "github": GitHub(TOKENS["github"], "acme/security", "acme/payments"),
            "webhook": Receiver(),
        }
        lines = {name: stack.enter_context(Loopback(desk)) for name, desk in desks.items()}
        chat = rules(lines, *(names or SINKS))
        package_chat(
            root, {name: {**r, **more.get(name, {})} if isinstance(r, dict) else r for name, r in chat.items()}
        )
        made.__class__ = SinksWorld
        assert isinstance(made, SinksWorld)
        made.desks, made.lines = desks, lines
        desks["github"].clock = made.d.now
        _prepare(made, "webhook" in (names or SINKS))
        made.hold()
        yield made


def _prepare(made: SinksWorld, has_webhook: bool) -> None:
    ssm = boto3.client("ssm", region_name=REGION)
    for name, token in TOKENS.items():
        parameter = f"/suture/{name}-{'token' if name in TICKETS else 'key'}"
        ssm.put_parameter(Name=parameter, Value=token, Type="SecureString")
    boto3.client("sesv2", region_name=REGION).create_email_identity(EmailIdentity="example.com")
    hook = made.lines["webhook"].url + "/hook"
    facts = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "WEBHOOK_SECRET_PARAMETER": "/suture/webhook-key"}
    made.d._environment = {**made.d._environment, **facts, "WEBHOOK_URL": hook if has_webhook else ""}


def package_chat(root: Path, chat: Mapping[str, Any]) -> None:
    path = root / "governance" / "packaged.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "chat": {**found.get("chat", {}), **chat}}))
