"""Activities with a good token that nobody meant: generated, nearly right, and spoilt. SUTURE_SOAK=1 tries 100,000."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from teams_world import TeamsWorld, teams_world

from suture.sandbox.teams.signer import Key
from suture.sandbox.teams.tenant import APP, PEOPLE, SECURITY, TENANT

EXAMPLES = 100_000 if os.environ.get("SUTURE_SOAK") else 2_000
ALLOWED = {200, 400, 401, 403, 404, 409, 413, 415}

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from([TENANT, APP, SECURITY])
anything = st.recursive(
    scalars, lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(max_size=8), s, max_size=3), max_leaves=6
)
objects = st.sampled_from([PEOPLE["mallory"], PEOPLE["drew"], PEOPLE["sam"].upper(), "29:sam", "sam@example.com"])
verbs = st.sampled_from(["view", "approve", "reject", "snooze", "undo", "revoke", "attest", "continue", "dance"])


def one_of(right: Any) -> Any:
    """Mostly what is right, or else anything: so that what comes after it is reached too."""
    return st.sampled_from([right] * 8) | anything


def activities(url: str, conversation: str, case: Mapping[str, str]) -> Any:
    """Activities that are nearly right: one may be right but for who sends it."""
    typed = st.text(max_size=10) | st.sampled_from(["because", case["p"][-4:], "now"]) | anything
    data = st.fixed_dictionaries(
        {"c": one_of(case["c"]), "p": one_of(case["p"])},
        optional=dict.fromkeys(("reason", "digits", "by", "at"), typed),
    )
    action = st.fixed_dictionaries(
        {"type": one_of("Action.Execute"), "verb": verbs | anything, "data": data | anything}
    )
    value = st.fixed_dictionaries({"action": action}, optional={"trigger": st.sampled_from(["manual", "automatic", 7])})
    fixed = {
        "type": one_of("invoke"),
        "name": one_of("adaptiveCard/action"),
        "id": st.text(max_size=8) | anything,
        "channelId": one_of("msteams"),
        "serviceUrl": one_of(f"{url}/teams/"),
        "from": st.fixed_dictionaries({"aadObjectId": objects | anything}) | anything,
        "conversation": st.fixed_dictionaries({"id": one_of(conversation)}, optional={"tenantId": one_of(TENANT)}),
        "recipient": st.fixed_dictionaries({"id": one_of(f"28:{APP}")}),
        "channelData": st.fixed_dictionaries({"tenant": st.fixed_dictionaries({"id": one_of(TENANT)}) | anything}),
        "value": value | anything,
    }
    whole = st.fixed_dictionaries(fixed) | st.fixed_dictionaries({}, optional=fixed)
    return whole.map(lambda a: json.dumps(a).encode())


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TeamsWorld, Any, Any]]:
    with teams_world(tmp_path_factory.mktemp("fuzz")) as made:
        case = made.proposed()
        made.d.queues.send = lambda name, message, delay=0: None  # type: ignore[method-assign]
        conversation = made.message(case).conversation
        yield made, activities(made.space.url, conversation, {"c": case.id, "p": case.plan_digest}), made.items()


def test_no_activity_raises_decides_or_is_logged(fuzzed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Signed by the connector, sent for people who may not decide here, and mutated at will; some not signed at all."""
    tw, requests, items = fuzzed
    far = {"exp": int(tw.space.clock()) + 86_400}
    tokens = {
        "good": tw.space.proof(**far),
        "other": tw.space.proof(Key(), **far),
        "none": tw.space.proof(header={"alg": "none"}, **far),
        "secret": tw.space.proof(header={"alg": "HS256"}, **far),
    }
    hows = st.sampled_from(["good"] * 6 + ["cut", "flip", "missing", "other", "none", "secret", "garbled"])

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(body=requests | st.binary(max_size=200), how=hows, at=st.integers(0, 10_000))
    def law(body: bytes, how: str, at: int) -> None:
        if body and how == "cut":
            body = body[: at % len(body)]
        if body and how == "flip":
            spot = at % len(body)
            body = body[:spot] + bytes([body[spot] ^ 0x55]) + body[spot + 1 :]
        token = tokens.get(how, tokens["good"])
        if how == "garbled":
            token = token[: at % len(token)] + chr(33 + at % 90) + token[at % len(token) + 1 :]
        headers = {} if how == "missing" else {"authorization": f"Bearer {token}"}
        capsys.readouterr()
        status, said = tw.space.door(headers, body)
        logged = capsys.readouterr().out
        assert status in ALLOWED, (status, how, body)
        assert status == 401 or how not in ("missing", "other", "none", "secret")
        json.dumps(said)
        assert token not in logged and token[40:] not in logged
        assert len(body) < 12 or body.decode("utf-8", "replace") not in logged

    law()
    assert tw.items() == items
