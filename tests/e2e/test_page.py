"""The page on a whole sandbox: a person signs in, reads a proposal, approves it, and the role is closed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from suture.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[2]
PATIENCE = 30.0


class Reader:
    """A browser without scripts: cookies, redirects, forms."""

    def __init__(self, address: str) -> None:
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open
        self.base, self.body = address.partition("/sign-in")[0], ""
        self.go(address)

    def go(self, address: str, **fields: str) -> int:
        data = urlencode({**fields, "csrf": self.field("csrf")}).encode() if fields else None
        place = address if address.startswith("http") else self.base + address
        try:
            with self._open(place, data) as answer:
                self.body = answer.read().decode()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            self.body = error.read().decode()
            return error.code

    def field(self, name: str) -> str:
        return re.findall(f'name="{name}" value="([^"]*)"', self.body)[0]

    def wait(self, address: str, pattern: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.go(address)
            if found := re.search(pattern, self.body):
                return found[1]
            time.sleep(0.2)
        raise AssertionError(f"{pattern} did not come; the page says {self.body[-2000:]}")


def test_a_proposal_is_approved_on_the_page_and_applied(tmp_path: Path) -> None:
    principal = {"AWS": ["*", "arn:aws:iam::123456789012:root"]}
    trust: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    with Sandbox(ROOT, state=tmp_path / "state", quiet=True, web=True) as sandbox:
        iam = sandbox.client("iam", "deployer")
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam.create_role(RoleName="partner", AssumeRolePolicyDocument=document)
        reader = Reader(sandbox.ready["web_url"])
        assert reader.go("/sign-in", person="dana") == 200
        case = reader.wait("/?q=partner", r'href="/cases/(C-\w+)"')
        reader.go(f"/cases/{case}")
        assert "caused this change" in reader.body and "Approve</button>" not in reader.body
        reader = Reader(sandbox.ready["web_url"])
        reader.go("/sign-in", person="olly")
        reader.go(f"/cases/{case}")
        plan = reader.field("plan")
        word = {"decision": "approve", "plan": plan, "reason": "agreed"}
        assert reader.go(f"/cases/{case}/decision", **word, digits="none") == 400
        assert reader.go(f"/cases/{case}/decision", **word, digits=plan[-4:]) == 200
        assert reader.wait(f"/cases/{case}", r'class="now (resolved)"') == "resolved"
        left = iam.get_role(RoleName="partner")["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert [s["Principal"] for s in left] == [{"AWS": ["arn:aws:iam::123456789012:root"]}]
        with pytest.raises(urllib.error.HTTPError) as off:
            urllib.request.urlopen(f"{sandbox.api_url}/page")
        assert off.value.code == 404 and "suture web" in off.value.read().decode()
        _reads_from_outside(sandbox, tmp_path / "ready.json", case)


def _reads_from_outside(sandbox: Sandbox, ready: Path, case: str) -> None:
    """`suture web` in a process of its own: with the ready file as anybody, and with AWS credentials as one."""
    ready.write_text(json.dumps(sandbox.ready))
    own = {"PYTHONPATH": str(ROOT), "PATH": os.defpath}
    as_anybody, as_one = ["--ready-file", str(ready)], ["--root", sandbox.ready["package"]]
    for more, environment in ((as_anybody, own), (as_one, own | sandbox.environment("oncall"))):
        command = [sys.executable, "-c", "from suture.cli import main; main()", "web", *more]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as serving:
            try:
                assert serving.stdout is not None
                reader = Reader(serving.stdout.readline().removeprefix("Open ").strip())
                if more is as_anybody:
                    assert reader.go("/sign-in", person="olly") == 200
                assert reader.go(f"/cases/{case}") == 200
                assert ">Olly</span>" in reader.body and "Verified by reading the resource again" in reader.body
            finally:
                serving.terminate()
            assert serving.wait(timeout=10) == 0
