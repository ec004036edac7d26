"""An accepted value is quiet, by its keyed fingerprint, whatever its variable is called; another one speaks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest

from chalicelib import quieting
from chalicelib.controls import all_controls, judge_one
from chalicelib.governance import Suppression, suppressed, suppression_from
from chalicelib.model import Finding, Hidden, Resource
from tests.world import ACCOUNT, REGION, World, function

CONTROL, TYPE = "lambda-env-plaintext-secret", "AWS::Lambda::Function"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop"
FALSE_ALARM, SECRET, OTHER = "white" + "duke-7", "Tr0ub4" + "dor&3", "c0rrect" + "-horse#9"


def key() -> bytes:
    return b"k" * 32


def resource(**variables: str) -> Resource:
    hidden = {name: Hidden(value) for name, value in variables.items()}
    entry = {"Qualifier": "$LATEST", "FunctionVersion": "$LATEST", "Environment": {"Variables": hidden}}
    return Resource(TYPE, ARN, "shop", ACCOUNT, REGION, {"Qualifiers": [entry]})


def found(of: Resource, with_key: Any = key) -> Finding:
    finding = judge_one(CONTROL, of)
    assert finding is not None
    return quieting.keyed(finding, of, with_key)


def names(finding: Finding | None) -> list[str]:
    return [item["Name"] for item in finding.evidence] if finding else []


def test_evidence_gets_fingerprints_of_the_values_and_never_the_values() -> None:
    told = found(resource(DB_PASSWORD=SECRET, ADMIN_PASSWORD=SECRET, MAIL_PASSWORD=OTHER))
    marks = {item["Name"]: item["Fingerprint"] for item in told.evidence}
    assert marks["DB_PASSWORD"] == marks["ADMIN_PASSWORD"] != marks["MAIL_PASSWORD"]
    assert SECRET not in json.dumps([told.title, *told.evidence])
    another = found(resource(DB_PASSWORD=SECRET), lambda: b"x" * 32)
    assert another.evidence[0]["Fingerprint"] != marks["DB_PASSWORD"]


def test_accepted_values_are_left_out_and_the_rest_is_told_anew() -> None:
    here = resource(DB_PASSWORD=SECRET, MAIL_PASSWORD=FALSE_ALARM)
    accepted = frozenset(quieting.fingerprints(CONTROL, found(resource(X_PASSWORD=FALSE_ALARM)).evidence))
    left = quieting.less(found(here), here, accepted)
    assert names(left) == ["DB_PASSWORD"]
    assert left is not None and "MAIL_PASSWORD" not in left.title
    assert quieting.less(found(here), here, frozenset()) == found(here)
    only = resource(PASSWORD=FALSE_ALARM)
    assert quieting.less(found(only), only, accepted) is None


def test_only_controls_about_values_have_fingerprints() -> None:
    about = [id_ for id_, control in all_controls().items() if control.of_values]
    assert CONTROL in about
    assert quieting.fingerprints("lambda-url-public", ({"Name": "x"},)) == ()


def test_accepting_what_could_not_be_read_accepts_no_value() -> None:
    marks = quieting.fingerprints(CONTROL, ({"Qualifier": None, "Unknown": "no right to decrypt"},))
    assert marks == (quieting.WITHOUT,)
    entry = Suppression("s", CONTROL, ARN, "*", "sam", "why", "2099", marks)
    assert suppressed([entry], resource(), CONTROL, "2026", marks) == entry
    value = quieting.fingerprints(CONTROL, found(resource(DB_PASSWORD=SECRET)).evidence)
    assert suppressed([entry], resource(), CONTROL, "2026", value) is None


@pytest.mark.parametrize(
    ("entries", "values", "id_"),
    [
        ([("a", "2030", ("1",))], ("1",), "a"),
        ([("a", "2030", ("1",))], ("2",), None),
        ([("a", "2030", ("1",))], ("1", "2"), None),
        ([("a", "2030", ("1",)), ("b", "2029", ("2",))], ("1", "2"), "b"),
        ([("a", "2020", ("1",))], ("1",), None),
        ([("a", "2030", ())], ("1", "2"), "a"),
        ([("a", "2030", ("1",))], (), None),
    ],
)
def test_suppressions_cover_values_alone_or_together(
    entries: list[tuple[str, str, tuple[str, ...]]], values: tuple[str, ...], id_: str | None
) -> None:
    known = [Suppression(name, CONTROL, ARN, "*", "sam", "why", expires, marks) for name, expires, marks in entries]
    covering = suppressed(known, resource(), CONTROL, "2026", values)
    assert (covering.id if covering else None) == id_


def test_a_suppression_written_before_there_were_fingerprints_still_loads() -> None:
    old = {
        "id": "s",
        "control": CONTROL,
        "resource": ARN,
        "account": "*",
        "owner": "o",
        "reason": "r",
        "expires": "2099",
    }
    assert suppression_from(old).fingerprints == ()
    assert suppression_from({**old, "fingerprints": ["hmac:1"]}).fingerprints == ("hmac:1",)


# --- the whole way --------------------------------------------------------------------------------------------------


def variables(w: World, client: Any, **wanted: str) -> None:
    client.update_function_configuration(FunctionName="shop", Environment={"Variables": wanted})
    w.change(TYPE, "shop", "lambda:UpdateFunctionConfiguration")
    w.run()


def test_the_same_value_is_quiet_under_any_name_and_a_new_one_speaks(w: World) -> None:
    client = function("shop", {"MAIL_PASSWORD": FALSE_ALARM})
    w.change(TYPE, "shop", "lambda:CreateFunction")
    w.run()
    case = w.case(CONTROL)
    w.decide("security", case, "suppress", "the name of a horse", until=_soon(w))
    assert w.case(CONTROL).state == "SUPPRESSED"
    asleep = w.case(CONTROL)

    variables(w, client, SMTP_PASSWORD=FALSE_ALARM)
    assert w.case(CONTROL).state == "SUPPRESSED", "the variable has another name, and the value is the accepted one"
    assert w.case(CONTROL).version == asleep.version

    variables(w, client, SMTP_PASSWORD=FALSE_ALARM, DB_PASSWORD=SECRET)
    awake = w.case(CONTROL)
    assert awake.state != "SUPPRESSED"
    assert [item["Name"] for item in awake.evidence] == ["DB_PASSWORD"]
    assert any("another value was found" in reason for reason in awake.reasons)

    w.decide("security", awake, "suppress", "that one too", until=_soon(w))
    variables(w, client, A_PASSWORD=SECRET, B_PASSWORD=FALSE_ALARM)
    assert w.case(CONTROL).state == "SUPPRESSED", "two acceptances cover both values"

    variables(w, client, B_PASSWORD=OTHER)
    assert w.case(CONTROL).state != "SUPPRESSED"
    for value in (FALSE_ALARM, SECRET, OTHER):
        assert value not in json.dumps(w.items(), default=str)


def _soon(w: World) -> str:
    return (w.d.now() + timedelta(days=30)).isoformat()


def test_the_writer_makes_the_plan_without_what_was_accepted(w: World) -> None:
    client = function("shop", {"MAIL_PASSWORD": FALSE_ALARM})
    w.change(TYPE, "shop", "lambda:CreateFunction")
    w.run()
    w.decide("security", w.case(CONTROL), "suppress", "the name of a horse", until=_soon(w))
    variables(w, client, MAIL_PASSWORD=FALSE_ALARM, DB_PASSWORD=SECRET)
    case = w.case(CONTROL)
    assert case.state == "PENDING"
    w.decide("security", case, "approve")
    stored = boto3.client("secretsmanager", region_name=REGION).list_secrets()["SecretList"]
    assert len(stored) == 1 and [s["stage"] for s in w.case(CONTROL).stages] == ["store"]
    assert "DB_PASSWORD" in json.dumps(stored, default=str) and "MAIL_PASSWORD" not in json.dumps(stored, default=str)
