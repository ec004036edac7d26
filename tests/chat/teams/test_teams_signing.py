"""Tokens that prove something, and all that prove nothing: each a 401 that decides nothing and leaves no trace.

The signer is `cryptography` alone, and so another hand than the library that judges.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from teams_world import TeamsWorld, pressed, teams_world

from chalicelib.chat.teams import door, places, signing
from chalicelib.errors import Misconfigured
from suture.sandbox.teams.signer import Key, encoded
from suture.sandbox.teams.tenant import APP, Tenant


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamsWorld]:
    with teams_world(tmp_path_factory.mktemp("teams")) as made:
        made.unguarded()
        yield made


def _now(t: Tenant) -> int:
    return int(t.clock())


def _cut(t: Tenant) -> str:
    head, body, signature = t.proof().split(".")
    return f"{head}.{body}.{signature[:-8]}"


def _other_body(t: Tenant) -> str:
    head, _, signature = t.proof().split(".")
    return f"{head}.{t.proof(exp=_now(t) + 99_999).split('.')[1]}.{signature}"


def _known_name(t: Tenant) -> str:
    """Another's key under the name of a published one."""
    forged = Key()
    forged.kid = t.keys[0].kid
    return t.proof(forged)


def _embedded(t: Tenant) -> str:
    """A token that brings its own key along."""
    other = Key()
    return t.proof(other, {"jwk": other.jwk, "kid": other.kid})


BAD: dict[str, Callable[[Tenant], str]] = {
    "nothing": lambda t: "",
    "a word": lambda t: "please",
    "two parts": lambda t: "a.b",
    "five parts": lambda t: ".".join([t.proof(), "a", "b"]),
    "no algorithm": lambda t: t.proof(header={"alg": "none"}),
    "no algorithm, written oddly": lambda t: t.proof(header={"alg": "nOnE"}),
    "the public key as a secret": lambda t: t.proof(header={"alg": "HS256"}),
    "an algorithm nobody knows": lambda t: t.proof(header={"alg": "RS999"}),
    "a header that must be understood": lambda t: t.proof(header={"crit": ["exp"], "exp": 1}),
    "a key nobody published": lambda t: t.proof(Key()),
    "another's key by a known name": _known_name,
    "its own key brought along": _embedded,
    "keys from elsewhere": lambda t: t.proof(Key(), {"jku": "http://127.0.0.1:1/keys"}),
    "a cut signature": _cut,
    "a body that was not signed": _other_body,
    "expired": lambda t: t.proof(exp=_now(t) - signing.LEEWAY - 5, nbf=_now(t) - 4000),
    "not yet": lambda t: t.proof(nbf=_now(t) + signing.LEEWAY + 60),
    "without an end": lambda t: t.proof(exp=None),
    "an end that is no number": lambda t: t.proof(exp="never"),
    "another issuer": lambda t: t.proof(iss="https://sts.windows.net/x/"),
    "no issuer": lambda t: t.proof(iss=None),
    "another bot": lambda t: t.proof(aud="0b070000-0000-4000-8000-0000000000ff"),
    "several bots": lambda t: t.proof(aud=[APP, "another"]),
    "no bot": lambda t: t.proof(aud=None),
    "another service": lambda t: t.proof(serviceurl="https://smba.trafficmanager.net/amer/"),
    "two services": lambda t: t.proof(serviceUrl="https://smba.trafficmanager.net/amer/"),
    "no service": lambda t: t.proof(serviceurl=None),
    "a service that is no text": lambda t: t.proof(serviceurl=["x"]),
    "claims that are a list": lambda t: f"{encoded(b'{}')}.{encoded(b'[]')}.{encoded(b'x')}",
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_proves_nothing_is_a_401(
    shared: TeamsWorld, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, token = shared.items(), BAD[name](shared.space)
    raw = json.dumps(pressed(shared)).encode()
    status, said = shared.space.door({"authorization": f"Bearer {token}"}, raw)
    logged = capsys.readouterr().out
    assert (status, said) == (401, {"error": "the request is not signed by Teams"})
    assert shared.items() == before
    assert (len(token) < 20 or token not in logged) and raw.decode() not in logged


@pytest.mark.parametrize(
    "header", ["", "Basic eDp5", "bearer ", "Bearer  a.b.c", "Bearer ä.b.c", "Bearer " + "a" * 9000]
)
def test_a_header_that_is_no_bearer_token_is_a_401(shared: TeamsWorld, header: str) -> None:
    assert shared.space.door({"authorization": header} if header else {}, b"{}")[0] == 401


GOOD: dict[str, Callable[[Tenant], str]] = {
    "as it comes": lambda t: t.proof(),
    "just expired": lambda t: t.proof(exp=_now(t) - signing.LEEWAY + 60),
    "a clock that is ahead": lambda t: t.proof(nbf=_now(t) + signing.LEEWAY - 60),
    "the claim written the other way": lambda t: t.proof(serviceurl=None, serviceUrl=f"{t.url}/teams"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_is_believed(shared: TeamsWorld, name: str) -> None:
    activity = pressed(shared, name="composeExtension/query")
    assert shared.space.send(activity, GOOD[name](shared.space)) == (200, None)


def _by_pyjwt(t: Tenant, algorithm: str, key: Any) -> str:
    """The claims that would count, signed by a library that knows nothing of ours."""
    claims = jwt.decode(t.proof(), options={"verify_signature": False})
    return jwt.encode(claims, key, algorithm, {"kid": t.keys[0].kid})


def test_another_library_signs_and_checks_what_we_believe(shared: TeamsWorld) -> None:
    t = shared.space
    token = _by_pyjwt(t, "RS256", t.keys[0]._private)
    assert t.send(pressed(shared, name="composeExtension/query"), token) == (200, None)
    key = jwt.PyJWKClient(f"{t.url}/keys").get_signing_key_from_jwt(t.proof())
    assert jwt.decode(t.proof(), key, ["RS256"], audience=APP)["aud"] == APP


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS384", "RS512", "PS512"])
def test_what_another_library_signs_in_another_way_is_a_401(shared: TeamsWorld, algorithm: str) -> None:
    key = {"none": None, "HS256": shared.space.secret * 4}.get(algorithm, shared.space.keys[0]._private)
    before = shared.items()
    assert shared.space.send(pressed(shared), _by_pyjwt(shared.space, algorithm, key))[0] == 401
    assert shared.items() == before


def test_nothing_of_a_body_is_read_before_its_token(shared: TeamsWorld) -> None:
    for raw in (b"", b"\xff", b"{", b"[" * 50_000):
        assert shared.space.door({"authorization": "Bearer a.b.c"}, raw)[0] == 401
    proof = {"authorization": f"Bearer {shared.space.proof()}"}
    assert shared.space.door(proof, b"x" * 100_001)[0] == 413


def _with(activity: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(activity))
    *above, last = path.split(".")
    place = made
    for name in above:
        place = place[name]
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return made


WRONG: list[tuple[int, str, Any]] = [
    (401, "serviceUrl", "https://smba.trafficmanager.net/amer/"),
    (400, "serviceUrl", None),
    (403, "channelId", "webchat"),
    (400, "type", None),
    (403, "channelData.tenant.id", "7e0a0000-0000-4000-8000-0000000000ff"),
    (403, "conversation.tenantId", "7e0a0000-0000-4000-8000-0000000000ff"),
    (400, "channelData", None),
    (400, "channelData.tenant", "x"),
    (400, "from", None),
    (400, "from.aadObjectId", None),
    (400, "from.aadObjectId", "olly@example.com"),
    (400, "from.aadObjectId", "01100000-0000-4000-8000-00000000000G"),
    (403, "recipient.id", "28:0b070000-0000-4000-8000-0000000000ff"),
    (400, "recipient", None),
    (403, "conversation.id", "19:elsewhere00000000@thread.tacv2;messageid=1"),
    (403, "conversation.id", "a:1-personal-chat"),
    (400, "conversation.id", 7),
    (400, "id", None),
    (400, "id", "x" * 400),
    (400, "value", None),
    (400, "value.action", "approve"),
    (400, "value.action.verb", None),
    (400, "value.action.data", None),
    (400, "value.action.data.c", None),
    (400, "value.action.data.p", 7),
    (400, "value.action.data.reason", ["x"]),
    (413, "value.action.data.reason", "x" * 4000),
]


@pytest.mark.parametrize(("status", "path", "value"), WRONG)
def test_a_proved_request_that_is_wrong_has_its_status_and_changes_nothing(
    shared: TeamsWorld, status: int, path: str, value: Any
) -> None:
    before = shared.items()
    assert shared.space.send(_with(pressed(shared), path, value))[0] == status
    assert shared.items() == before


@pytest.mark.parametrize("kind", ["message", "conversationUpdate", "installationUpdate"])
def test_other_activities_are_taken_and_mean_nothing(shared: TeamsWorld, kind: str) -> None:
    before = shared.items()
    assert shared.space.send(pressed(shared, type=kind)) == (200, None)
    assert shared.items() == before


def test_a_button_of_another_kind_means_nothing(shared: TeamsWorld) -> None:
    status, said = shared.space.send(_with(pressed(shared), "value.action.verb", "suppress"))
    assert (status, said["value"]) == (200, "this button means nothing any more.")


def test_without_the_library_nothing_is_believed_and_an_operator_told(
    shared: TeamsWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signing, "find_spec", lambda name: None)
    before = shared.items()
    assert shared.space.send(pressed(shared))[0] == 501
    logged = capsys.readouterr().out
    assert "teams is not listened to" in logged and "joserfc" in logged and "docs/chat.md" in logged
    assert shared.items() == before


def test_without_a_tenant_there_is_no_door(shared: TeamsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shared.d.__dict__, "teams_signers", None)
    assert door.answer(shared.d, {"headers": {}, "raw": b""})[0] == 404


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.trafficmanager.net/",
        "https://smba.trafficmanager.net.evil.example/",
        "https://smba.trafficmanager.net:8443/",
        "https://user@smba.trafficmanager.net/",
        "http://smba.trafficmanager.net/",
        "http://127.0.0.1:9001/2018-06-01/runtime",
        "https://botframework.com.evil.example/",
        "https://169.254.169.254/",
        "https://[::1/",
        "file:///etc/passwd",
        "",
    ],
)
def test_suture_speaks_to_microsofts_hosts_alone(url: str) -> None:
    assert not places.is_at(url, places.CONNECTORS)
    with pytest.raises(Misconfigured):
        places.checked(url, places.CONNECTORS, is_sandboxed=False)
    assert places.is_at("https://smba.trafficmanager.net/emea/", places.CONNECTORS)
    assert places.is_at("https://europe.botframework.com/", places.CONNECTORS)
