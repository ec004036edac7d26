"""Requests that no page of ours makes: generated and nearly right. SUTURE_SOAK=1 tries 100,000."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_world import ORIGIN, PageWorld, page_world

from chalicelib.chat.decide import KINDS
from chalicelib.chat.page import door
from chalicelib.chat.page.asked import FORM, Asked
from chalicelib.chat.page.deployed import asked_of

EXAMPLES = 100_000 if os.environ.get("SUTURE_SOAK") else 400
ALLOWED = {200, 303, 400, 401, 403, 404, 405, 409, 413, 415}
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

words = st.text(max_size=12) | st.text(alphabet="<>&\"'%/\\\x00\ud800\u202e=;", max_size=12)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageWorld]:
    with page_world(tmp_path_factory.mktemp("page")) as made:
        made.proposed()
        made.unguarded()
        yield made


def requests(case: str, plan: str, cookie: str, csrf: str, listed: bool) -> st.SearchStrategy[Asked]:
    """Nearly right but for one thing at least, unless they come from somebody who may decide nothing."""
    steps = (
        st.sampled_from(["cases", case, "decision", "posture", "sign-in", "signed-in", "sign-out", "style.css"]) | words
    )
    paths = st.lists(steps, max_size=4).map(lambda s: "/" + "/".join(s))
    at_case = st.sampled_from([f"/cases/{case}/decision", f"/cases/{case}", "/", "/posture", "/sign-out", "/sign-in"])
    tokens = words if listed else st.just(csrf) | words
    fields = {
        "csrf": tokens,
        "decision": st.sampled_from(KINDS) | words,
        "plan": st.just(plan) | words,
        "reason": words | st.just("because"),
        "digits": st.just(plan[-4:]) | words,
        "days": st.sampled_from(["7", "90", "366"]) | words,
        "by": words,
        "at": words | st.just("2026-11-26T00:00"),
    }
    forms = st.fixed_dictionaries({}, optional=fields).map(lambda f: urlencode(f, errors="replace").encode())
    queries = st.dictionaries(
        st.sampled_from(["q", "show", "severity", "page", "token", "next"]) | words, words, max_size=4
    )
    headers = st.fixed_dictionaries(
        {"cookie": st.just(cookie) | words.map(lambda v: f"suture-8765={v}") | words},
        optional={
            "content-type": st.sampled_from([FORM, "application/json", "text/plain"]) | words,
            "origin": st.sampled_from([ORIGIN, "null", "https://evil.example"]),
            "sec-fetch-site": st.sampled_from(["same-origin", "cross-site", "none"]),
        },
    )
    methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "", "💥"])
    return st.builds(
        Asked, methods, paths | at_case, queries, headers, forms | st.binary(max_size=40) | st.just(b"a" * 20_000)
    )


@pytest.mark.parametrize("who", ["drew", "dev", "olly", ""])
def test_no_request_raises_changes_anything_or_is_logged(
    shared: PageWorld, who: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drew caused the changes and Dev is nobody; Olly may decide, and lacks the token; nobody is not signed in."""
    case = shared.case("iam-trust-public")
    token = shared.sit(who) if who else ""
    cookie = "; ".join(f"{n}={v}" for n, v in shared.jar.items()) if who else ""
    before = shared.items()

    @settings(max_examples=EXAMPLES // 4, deadline=None, suppress_health_check=QUIET)
    @given(asked=requests(case.id, case.plan_digest, cookie, token, who == "olly"))
    def one(asked: Asked) -> None:
        capsys.readouterr()
        answer = door.answer(shared.d, shared.guard, asked)
        logged, body = capsys.readouterr().out, asked.raw.decode("utf-8", "replace")
        assert answer.status in ALLOWED, (answer.status, asked)
        assert len(body) < 12 or body not in logged
        assert not token or token not in logged
        answer.body.encode("utf-8")
        for name, value in answer.headers:
            assert value.isascii() and not set(value) & set("\r\n"), (name, value)

    one()
    assert shared.items() == before


@settings(max_examples=200, deadline=None)
@given(id_=words, stage=st.sampled_from(["/api", "/v1/x", ""]))
def test_the_address_behind_the_stage_is_found_whatever_stands_in_it(id_: str, stage: str) -> None:
    about = {"method": "GET", "query": {}, "headers": {}, "raw": b""}
    asked = asked_of({**about, "resource": "/page", "path": f"{stage}/page", "parameters": {}})
    assert (asked.base, asked.path) == (f"{stage}/page", "/")
    plain = id_.replace("/", "")
    path = f"{stage}/page/cases/{plain or 'x'}/decision"
    asked = asked_of(
        {**about, "resource": "/page/cases/{id}/decision", "path": path, "parameters": {"id": plain or "x"}}
    )
    assert (asked.base, asked.path) == (f"{stage}/page", f"/cases/{plain or 'x'}/decision")
