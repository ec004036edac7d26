"""A sandbox in a process of its own, and clients that know only its ready file: plain boto3, and the signed API."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from suture.api import DecisionApi

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30
LAMBDA_TRUST = {"Service": "lambda.amazonaws.com"}


class Client:
    """One principal of a running sandbox: one of its four people, or whoever has `credentials`."""

    def __init__(self, ready: Mapping[str, Any], who: str, credentials: Mapping[str, str] | None = None) -> None:
        self.ready, self.who = ready, who
        self.session = boto3.session.Session(region_name=ready["region"], **(credentials or ready["credentials"][who]))
        self._made: dict[str, Any] = {}

    @cached_property
    def api(self) -> DecisionApi:
        return DecisionApi(self.ready["api_url"], self.session)

    def aws(self, service: str) -> Any:
        if service not in self._made:
            variables = self.ready["env"]["deployer"]
            name = "AWS_ENDPOINT_URL_S3_CONTROL" if service == "s3control" else "AWS_ENDPOINT_URL"
            self._made[service] = self.session.client(service, endpoint_url=variables[name])
        return self._made[service]

    def sids(self, function: str, **qualifier: str) -> list[str]:
        client = self.aws("lambda")
        try:
            found = json.loads(client.get_policy(FunctionName=function, **qualifier)["Policy"])
        except client.exceptions.ResourceNotFoundException:
            return []
        return sorted(s["Sid"] for s in found["Statement"])

    def function(self, name: str) -> Any:
        """A function with a role of its own and a grant for one bucket."""
        role = self.role(f"{name}-role")
        client = self.aws("lambda")
        client.create_function(
            FunctionName=name, Runtime="python3.12", Role=role, Handler="a.h", Code={"ZipFile": code()}
        )
        client.add_permission(
            FunctionName=name,
            StatementId="bucket",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn="arn:aws:s3:::uploads",
            SourceAccount=self.ready["account"],
        )
        return client

    def role(self, name: str, *trusted: Mapping[str, Any], **inline: str) -> str:
        """A role that these statements trust (none: Lambda), with these inline policies; answers with its ARN."""
        iam, statements = self.aws("iam"), trusted or (allow(LAMBDA_TRUST, "sts:AssumeRole"),)
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(*statements))
        for title, document in inline.items():
            iam.put_role_policy(RoleName=name, PolicyName=title, PolicyDocument=document)
        return str(made["Role"]["Arn"])

    def switch(self, name: str, **body: Any) -> Any:
        """Turn one of the sandbox's own switches, which suture/sandbox/control.py lists."""
        address = self.ready["api_url"].removesuffix("/api") + f"/_sandbox/{name}"
        request = urllib.request.Request(address, json.dumps(body).encode(), {"X-Suture-Sandbox": "1"})
        with urllib.request.urlopen(request, timeout=2 * PATIENCE) as answer:
            return json.load(answer)

    def as_role(self, name: str) -> Client:
        """Whoever assumes a new role of that name, which may do everything."""
        root = {"AWS": f"arn:aws:iam::{self.ready['account']}:root"}
        everything = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
        arn = self.role(name, allow(root, "sts:AssumeRole"), all=everything)
        session = self.aws("sts").assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]
        names = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey"}
        keys = {ours: session[theirs] for ours, theirs in {**names, "aws_session_token": "SessionToken"}.items()}
        return Client(self.ready, name, keys)

    def case(self, control: str, part: str, *states: str) -> Mapping[str, Any]:
        """The newest case of a control on a resource, once it is in one of these states."""

        def found() -> Mapping[str, Any] | None:
            cases = [c for c in self.api.cases()["cases"] if c["control"] == control and part in c["arn"]]
            newest = max(cases, key=lambda c: c["opened"], default=None)
            return newest if newest and newest["state"] in states else None

        return self.api.case(until(found, f"{control} on {part} in {states}")["id"])["case"]


def until(probe: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


@contextmanager
def running_sandbox(folder: Path, *options: str) -> Iterator[Mapping[str, Any]]:
    """A sandbox in a process of its own, ended as Ctrl-C would. Gives what its ready file holds, and `log`, a path."""
    file, log = folder / "ready.json", folder / "log"
    command = [sys.executable, "-c", "from suture.cli import main; main()", "sandbox", "--ready-file", str(file)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--state", str(folder), *options], cwd=ROOT, stdout=out, stderr=out, env=environment
        )
        try:
            until(lambda: file.exists() or process.poll() is not None, "a ready sandbox")
            assert process.poll() is None, log.read_text()
            yield {**json.loads(file.read_text()), "log": str(log)}
        finally:
            process.send_signal(signal.SIGINT)
            ended = process.wait(20)
    assert ended == 0, log.read_text()[-2000:]


def allow(principal: Any, action: Any, resource: Any = None, **more: Any) -> dict[str, Any]:
    """One statement; elements that are None are left out."""
    basic = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return {k: v for k, v in {**basic, **more}.items() if v is not None}


def policy(*statements: Mapping[str, Any]) -> str:
    """A policy of these statements, as JSON text."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def code() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", "def h(event, context): return 1\n")
    return buffer.getvalue()
