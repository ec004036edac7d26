"""`suture replay`: every recorded shape is taken apart, and a broken piece costs itself only."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.controls import controls_for
from suture import recordings
from suture.replay import Replayed, Totals, replay, replay_stream

ACCOUNT, REGION = "123456789012", "eu-west-1"
SAMPLES = Path(__file__).parents[1] / "../shared/samples"
FUNCTION_CONTROLS = tuple(controls_for("AWS::Lambda::Function"))

needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="recorded events: needs ../shared/samples")


def record(name: str = "AddPermission20150331v2", source: str = "lambda", **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "eventID": "e-1",
        "awsRegion": REGION,
        "recipientAccountId": ACCOUNT,
        "requestParameters": {"functionName": "shop", "roleName": "r"},
        **more,
    }


def run(data: bytes | str | Iterable[Any]) -> list[Replayed]:
    if isinstance(data, str):
        data = data.encode()
    if not isinstance(data, bytes):
        data = "\n".join(json.dumps(d) for d in data).encode()
    return list(replay_stream(io.BufferedReader(io.BytesIO(data)), "f"))


def seen(results: Iterable[Replayed]) -> list[tuple[str, str]]:
    return [(r.place, r.status) for r in results]


ENVELOPE = {
    "id": "env-1",
    "source": "aws.lambda",
    "detail-type": "AWS API Call via CloudTrail",
    "account": ACCOUNT,
    "region": REGION,
    "detail": record(),
}
ITEM = {
    "resourceType": "AWS::Lambda::Function",
    "resourceId": "shop",
    "ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop",
    "awsAccountId": ACCOUNT,
    "awsRegion": REGION,
}


@pytest.mark.parametrize(
    ("document", "places"),
    [
        (record(), [""]),
        (ENVELOPE, [""]),
        (ITEM, [""]),
        ([record(), ENVELOPE], ["[0]", "[1]"]),
        ({"Records": [record(), record()]}, ["Records[0]", "Records[1]"]),
        ({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": json.dumps(ENVELOPE)}]}, ["Records[0]"]),
        ({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(ENVELOPE)}}]}, ["Records[0]"]),
        (
            {"Records": [{"body": json.dumps({"Type": "Notification", "Message": json.dumps(record())})}]},
            ["Records[0]"],
        ),
        ({"configurationItems": [ITEM]}, ["configurationItems[0]"]),
        ({"Results": [json.dumps(ITEM)]}, ["Results[0]"]),
        ({"Events": [{"EventId": "1", "CloudTrailEvent": json.dumps(record())}]}, ["Events[0]"]),
        ({"messageType": "ConfigurationItemChangeNotification", "configurationItem": ITEM}, [""]),
        ({"messageType": "OversizedConfigurationItemChangeNotification", "configurationItemSummary": ITEM}, [""]),
    ],
)
def test_every_wrapping_is_taken_off(document: Any, places: list[str]) -> None:
    for data in (json.dumps(document), json.dumps(document, indent=2), "\ufeff" + json.dumps(document)):
        results = run(data)
        assert seen(results) == [(place, "look") for place in places]
        assert {c.resource_id for r in results for c in r.changes} == {"shop"}
        assert {r.controls for r in results} == {FUNCTION_CONTROLS}


def test_lines_are_streamed_and_a_broken_one_costs_itself_only() -> None:
    data = "\n".join(
        ['{"oops": ', json.dumps(record()), "", "\x00\x01", json.dumps({"Records": [record(errorCode="X")]}), "[1"]
    )
    results = run(data)
    assert seen(results) == [
        ("line 1", "failed"),
        ("line 2", "look"),
        ("line 4", "failed"),
        ("line 5 Records[0]", "ignored"),
        ("line 6", "failed"),
    ]
    assert all(r.reason for r in results if r.status != "look")
    assert "oops" not in results[0].reason
    assert results[0].where == "f: line 1"


def test_lines_in_another_encoding_fail_alone() -> None:
    results = run(json.dumps(record()).encode() + b"\n\xff\xfe{}\n" + json.dumps(record()).encode())
    assert seen(results) == [("line 1", "look"), ("line 2", "failed"), ("line 3", "look")]
    assert "UTF-8" in results[1].reason


def test_documents_one_after_the_other_are_all_read() -> None:
    assert seen(run(json.dumps(record(), indent=1) + "\n" + json.dumps(record(), indent=1))) == [
        ("document 1", "look"),
        ("document 2", "look"),
    ]


@pytest.mark.parametrize("data", ["not json at all", "{\n'a': 1\n}", '{\n  "a": [\n', "[" * 200_000])
def test_a_file_without_any_json_is_one_failure(data: str) -> None:
    assert seen(run(data)) == [("", "failed")]


@pytest.mark.parametrize("data", ["", "\n\n  \n"])
def test_an_empty_file_has_no_records(data: str) -> None:
    assert run(data) == []


@pytest.mark.parametrize("data", ["7", "null", '"text"', "[[1]]", '{"Records": [null, 1]}', '{"a": 1}'])
def test_json_that_is_no_event_fails_with_a_reason(data: str) -> None:
    results = run(data)
    assert results
    assert {r.status for r in results} == {"failed"}
    assert all(r.reason for r in results)


def test_gzip_is_recognised_by_its_content_and_broken_gzip_is_one_failure_behind_what_was_read() -> None:
    packed = gzip.compress("\n".join([json.dumps(record())] * 3).encode())
    assert seen(run(packed)) == [("line 1", "look"), ("line 2", "look"), ("line 3", "look")]
    assert run(packed[:-4])[-1].status == "failed"
    assert "broken gzip" in run(packed[:12] + b"\0" * 40)[-1].reason


def test_ten_megabytes_on_a_line_survive_and_too_long_a_line_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    long = json.dumps(record(additionalEventData={"x": "y" * 10_000_000}))
    assert seen(run(f"{long}\n{json.dumps(record())}")) == [("line 1", "look"), ("line 2", "look")]
    monkeypatch.setattr(recordings, "LONGEST_LINE", 5_000_000)
    results = run(f"{json.dumps(record())}\n{long}\n{json.dumps(record())}")
    assert seen(results) == [("line 1", "look"), ("line 2", "failed"), ("line 3", "look")]


def test_what_is_looked_at_and_which_controls_it_concerns() -> None:
    (role,) = run([record("PutRolePolicy", "iam")])
    assert (role.event, role.controls) == ("e-1", tuple(controls_for("AWS::IAM::Role")))
    assert {"iam-role-admin", "iam-trust-public"} <= set(role.controls)
    arn = f"arn:aws:iam::{ACCOUNT}:policy/p"
    (policy,) = run([record("CreatePolicyVersion", "iam", requestParameters={"policyArn": arn})])
    assert set(policy.controls) == {*role.controls, *controls_for("AWS::IAM::ManagedPolicy")}
    (gone,) = run([record("DeleteFunction20150331")])
    assert (gone.status, gone.controls) == ("look", ())


def test_files_are_read_in_order_and_a_missing_one_is_one_failure(tmp_path: Path) -> None:
    first, last = tmp_path / "a.json", tmp_path / "b.json.gz"
    first.write_text(json.dumps(record()))
    last.write_bytes(gzip.compress(json.dumps(record(errorCode="AccessDenied")).encode()))
    results = list(replay([first, tmp_path / "missing", tmp_path, last]))
    assert [r.status for r in results] == ["look", "failed", "failed", "ignored"]
    assert results[1].file.endswith("missing")
    totals = Totals()
    for result in results:
        totals = totals.plus(result)
    assert totals == Totals(read=2, looked=1, ignored=1, failed=2)


def test_a_hostile_name_is_shown_harmlessly() -> None:
    (result,) = run([record(errorCode="\x1b[2J\u202eboom")])
    assert result.status == "ignored"
    assert result.reason.isprintable()


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,\n 01ab', max_size=120).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_replayed_without_an_exception(data: bytes) -> None:
    for result in run(data):
        assert result.status in ("look", "ignored", "failed")


@needs_samples
def test_every_recorded_file_is_replayed() -> None:
    paths = [p for p in sorted(SAMPLES.rglob("*")) if p.suffix in (".json", ".gz")]
    results = list(replay(paths))
    assert {r.file for r in results} == {str(p) for p in paths}
    looked = [r for r in results if r.status == "look"]
    assert len(looked) >= 18
    failures = [r for r in results if r.status == "failed"]
    assert not [r.file for r in failures if "/cloudtrail/" in r.file or "/findings/" in r.file or "/streams/" in r.file]
    assert len(results) > 600


@needs_samples
def test_recorded_calls_that_failed_are_looked_at_by_nobody() -> None:
    stream = SAMPLES / "streams/stratus-detonations.ndjson.gz"
    with gzip.open(stream, "rt") as lines:
        failed = [f"line {n}" for n, line in enumerate(lines, 1) if "errorCode" in json.loads(line)]
    results = {r.place: r for r in replay([stream])}
    assert failed
    assert {results[place].status for place in failed} == {"ignored"}
