"""Requests of the decision API that nobody meant: generated and nearly right. SUTURE_SOAK=1 tries 100,000.

API Gateway has authenticated whoever asks, so every one of them is somebody: only none who may decide.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import ACCOUNT, World, role, world

from chalicelib.chat import web

EXAMPLES = 100_000 if os.environ.get("SUTURE_SOAK") else 2_000
ALLOWED = {200, 400, 403, 404, 409, 413}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
anything = st.recursive(
    scalars, lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(max_size=8), s, max_size=3), max_leaves=6
)
kinds = st.sampled_from(
    ["approve", "reject", "revoke", "undo", "snooze", "suppress", "attest", "continue", "dance", ""]
)
DOORS = [
    ("GET", "/cases"),
    ("GET", "/cases/{id}"),
    *[("POST", "/cases/{id}/decision")] * 6,
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/cases"),
    ("DELETE", "/cases/{id}"),
]
NOBODY = [
    f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-deploy/x",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/security",
    "arn:aws:sts::210987654321:assumed-role/security/x",
    f"arn:aws:iam::{ACCOUNT}:root",
    f"arn:aws:iam::{ACCOUNT}:user/security",
]
"""The one who caused the change, and people who are not listed. The first may pause, as anybody listed, so it never
asks for that here."""


def bodies(case: Mapping[str, str]) -> Any:
    texts = st.text(max_size=12) | st.sampled_from(["because", "2027-01-01T00:00:00Z", case["c"]]) | anything
    fixed = {"decision": kinds | anything, "plan": st.just(case["p"]) | anything}
    more = dict.fromkeys(("reason", "until", "by", "at", "extra"), texts)
    near = st.fixed_dictionaries({}, optional={**fixed, **more}) | st.fixed_dictionaries(fixed, optional=more)
    return near.map(json.dumps) | anything.map(json.dumps) | st.text(max_size=40) | st.none()


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Mapping[str, str], Any]]:
    with world(tmp_path_factory.mktemp("fuzz")) as made:
        role("open", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
        made.change("AWS::IAM::Role", "open", "iam:UpdateAssumeRolePolicy")
        made.run()
        case = made.case("iam-trust-public")
        made.d.queues.send = lambda name, message, delay=0: None  # type: ignore[method-assign]
        yield made, {"c": case.id, "p": case.plan_digest}, made.items()


def test_no_request_raises_decides_or_is_logged(fuzzed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    w, about, items = fuzzed
    who = st.sampled_from(NOBODY) | st.text(max_size=30) | st.none()
    ids = st.sampled_from([about["c"]] * 4) | st.text(max_size=45)
    states = st.none() | st.fixed_dictionaries({"state": st.sampled_from(["pending", "PENDING,OBSERVED"]) | st.text()})

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(door=st.sampled_from(DOORS), arn=who, id_=ids, body=bodies(about), query=states, at=st.integers(0, 9_999))
    def law(door: tuple[str, str], arn: str | None, id_: str, body: str | None, query: Any, at: int) -> None:
        if body and at % 3 == 0:
            body = body[: at % len(body)] + chr(at) + body[at % len(body) + 1 :]
        arn = NOBODY[1] if arn == NOBODY[0] and door[1] in ("/pause", "/resume") else arn
        asked = {"method": door[0], "resource": door[1], "identity": {"userArn": arn}, "path_parameters": {"id": id_}}
        capsys.readouterr()
        status, said = web.answer(w.d, {**asked, "body": body, "query": query})
        logged = capsys.readouterr().out
        assert status in ALLOWED, (status, asked, body)
        assert status != 200 or door[0] == "GET"
        json.dumps(said)
        assert body is None or len(body) < 12 or body not in logged

    law()
    assert w.items() == items
