"""What scenes are played with: clients for each person and pipeline, the decision API, and patience."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.errors import BadRequest, SutureError
from chalicelib.model import Json

from ..api import DecisionApi
from ..sandbox.sandbox import Sandbox
from .telling import Telling

PATIENCE = 20.0
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


@cache
def _client(session: boto3.session.Session, service: str, endpoint: str, user_agent: str) -> Any:
    config = Config(user_agent=user_agent) if user_agent else None
    return session.client(service, endpoint_url=endpoint, config=config)
