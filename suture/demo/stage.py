"""What scenes are played with: clients for each person and pipeline, the decision API, and patience."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.errors import BadRequest, SutureError
from chalicelib.model import Json

from ..api import DecisionApi
from ..sandbox.sandbox import Sandbox
from ..sandbox.slack.server import FakeSlack
from ..sandbox.slack.workspace import Message
from .telling import Telling

PATIENCE = 20.0
IN_SLACK = {"security": "U0SAM", "oncall": "U0OLLY", "shop-deploy": "U0DREW"}
"""Who the people of the story are in the played workspace."""
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.13.0 terraform-provider-aws/6.20.0"


class Stage:
    """The sandbox as the story's people see it. Sessions are boto3's; nobody uses a way that AWS would not have."""

    def __init__(self, sandbox: Sandbox, telling: Telling) -> None:
        self.ready = sandbox.ready
        self.telling = telling
        self._sandbox = sandbox
        self._sessions: dict[str, boto3.session.Session] = {}

    def session(self, who: str) -> boto3.session.Session:
        """The credentials of one of the sandbox's people, or of a role that the story made."""
        if who not in self._sessions:
            self._sessions[who] = self._known(who) if who in self.ready["credentials"] else self._assumed(who)
        return self._sessions[who]

    def client(self, who: str, service: str, user_agent: str = "") -> Any:
        """A boto3 client of `who`; a tool is known by its user agent."""
        return _client(self.session(who), service, self.ready["endpoint_url"], user_agent)

    def api(self, who: str) -> DecisionApi:
        return DecisionApi(self.ready["api_url"], self.session(who))

    def cases(self, control: str, arn_part: str) -> list[Mapping[str, Json]]:
        """The cases of one control on resources whose ARN holds `arn_part`, the oldest first."""
        found = [c for c in self.api("security").cases()["cases"] if c["control"] == control and arn_part in c["arn"]]
        return sorted(found, key=lambda c: str(c["opened"]))

    def settle(self) -> None:
        """Wait until every queue is empty and every function idle."""
        self._sandbox.drain(PATIENCE)

    def case(self, case_id: str) -> Mapping[str, Json]:
        return self.api("security").case(case_id)

    def all_cases(self) -> list[Mapping[str, Json]]:
        """Every case with its records, as the API shows it."""
        found = sorted(self.api("security").cases()["cases"], key=lambda c: str(c["opened"]))
        return [self.case(str(c["id"])) for c in found]

    def await_case(self, control: str, arn_part: str, state: str, nth: int = 1) -> Mapping[str, Json]:
        """Wait until the n-th case of a problem is in a state, tell of it, and answer with it."""
        deadline = time.monotonic() + PATIENCE
        last = "no case yet"
        while time.monotonic() < deadline:
            found = self.cases(control, arn_part)
            if len(found) >= nth:
                last = str(found[nth - 1]["state"])
                if last == state:
                    page = self.case(str(found[nth - 1]["id"]))
                    self.telling.case(page)
                    return page
            time.sleep(0.1)
        raise SutureError(
            f"{control} on {arn_part} did not come to {state} within {PATIENCE:.0f} s, but stands at: {last}",
            where="demo",
            next_step="read what the functions said in .suture/demo/functions.log",
        )

    def await_stage(self, control: str, arn_part: str, state: str, stage: str) -> Mapping[str, Json]:
        """Wait until a staged case is in a state at a stage, tell of it, and answer with it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for found in self.cases(control, arn_part):
                page = self.case(str(found["id"]))
                case = page["case"]
                if (case["state"], case["standing"].get("stage")) == (state, stage):
                    self.telling.case(page)
                    return page
            time.sleep(0.1)
        raise SutureError(
            f"{control} on {arn_part} did not come to stage {stage} within {PATIENCE:.0f} s",
            where="demo",
            next_step="read what the functions said in .suture/demo/functions.log",
        )

    def decide(self, who: str, page: Mapping[str, Json], decision: str, reason: str) -> bool:
        """One person's decision about a case, told as it happens; False when Suture refused it."""
        case = page["case"]
        try:
            answer = self.api(who).decide(case["id"], decision, case["plan"]["digest"], reason)
        except BadRequest as refused:
            self.telling.refused(who, decision, case, refused.what)
            return False
        self.telling.decided(who, decision, case, reason, answer)
        return True

    def click(self, who: str, page: Mapping[str, Json], decision: str, reason: str) -> bool:
        """The same decision in Slack, as a person would: find the message, click, fill in the window if one opens.

        False when Suture refused it, which only the one who clicked is told.
        """
        slack, user, case = self._slack, IN_SLACK[who], page["case"]
        message = self._until(lambda: _message_of(slack, case), f"a message in Slack about {case['id']}")
        said = len(_asides(slack, user))
        slack.sender.click(user, message.channel, message.ts, decision)
        if user in slack.space.windows:
            slack.sender.submit(user, {"reason": reason, "digits": str(case["plan"]["digest"])[-4:]})
        window = slack.space.windows.pop(user, {})
        if window.get("errors"):
            self.telling.refused(f"{slack.name_of(user)} in Slack", decision, case, " ".join(window["errors"].values()))
            return False
        after = self._until(lambda: self._after(slack, user, said, case), f"an answer to {user}'s click")
        if isinstance(after, str):
            self.telling.refused(f"{slack.name_of(user)} in Slack", decision, case, after)
            return False
        reasons = (after["quorum"] or {}).get("reasons", ())
        answer = {"state": after["case"]["state"], "reasons": reasons if decision == "approve" else ()}
        self.telling.decided(f"{slack.name_of(user)} in Slack", decision, case, reason, answer)
        return True

    def said_in_slack(self) -> str:
        """Everything that Slack was ever told, as one text."""
        with self._slack.space.lock:
            return json.dumps(self._slack.space.calls)

    @property
    def slack_url(self) -> str:
        return f"{self._slack.url}/"

    @property
    def web_url(self) -> str:
        return str(self._sandbox.ready["web_url"])

    @property
    def _slack(self) -> FakeSlack:
        assert self._sandbox.slack is not None
        return self._sandbox.slack

    def _after(
        self, slack: FakeSlack, user: str, said: int, case: Mapping[str, Json]
    ) -> Mapping[str, Json] | str | None:
        """The case once it moved, the refusal once it is there, or None."""
        asides = _asides(slack, user)
        if len(asides) > said:
            return asides[-1].text
        now = self.case(str(case["id"]))
        return now if now["case"]["version"] > case["version"] else None

    def _until(self, probe: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := probe():
                return found
            time.sleep(0.05)
        step = "read what the functions said in .suture/demo/functions.log"
        raise SutureError(f"{what} did not come within {PATIENCE:.0f} s", where="demo", next_step=step)

    def _known(self, who: str) -> boto3.session.Session:
        given = self.ready["credentials"][who]
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        return boto3.session.Session(region_name=self.ready["region"], **{n: given[n] for n in names})

    def _assumed(self, role: str) -> boto3.session.Session:
        arn = f"arn:aws:iam::{self.ready['account']}:role/{role}"
        answer = self.client("deployer", "sts").assume_role(RoleArn=arn, RoleSessionName="pipeline")
        given = answer["Credentials"]
        return boto3.session.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=self.ready["region"],
        )


def _message_of(slack: FakeSlack, case: Mapping[str, Json]) -> Message | None:
    """The message whose buttons are about this plan of this case; one that is about to change is not it yet."""
    with slack.space.lock:
        about = f'"c":"{case["id"]}","p":"{case["plan"]["digest"]}"'
        shown = (m for m in slack.space.messages if about in json.dumps(m.blocks).replace('\\"', '"'))
        return next((m for m in shown if not m.only_for), None)


def _asides(slack: FakeSlack, user: str) -> list[Message]:
    with slack.space.lock:
        return [m for m in slack.space.messages if m.only_for == user]


@cache
def _client(session: boto3.session.Session, service: str, endpoint: str, user_agent: str) -> Any:
    config = Config(user_agent=user_agent) if user_agent else None
    return session.client(service, endpoint_url=endpoint, config=config)
