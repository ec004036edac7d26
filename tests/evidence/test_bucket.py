"""CloudTrail's log files in a bucket."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.clients import Clients
from chalicelib.errors import BadInput, CallFailed, Gone
from suture.evidence import bucket, trail
from suture.evidence.bucket import Place, place_of, read_bucket
from suture.evidence.trail import Reading

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
DAYS = f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        made = boto3.client("s3", region_name="us-east-1")
        made.create_bucket(Bucket="acme-trail")
        yield made


def log(*names: str, when: str = "2026-10-01T00:00:00Z") -> bytes:
    identity = {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": ROLE}}}
    common = {"eventTime": when, "eventSource": "ssm.amazonaws.com", "awsRegion": "eu-west-1", "userIdentity": identity}
    return gzip.compress(json.dumps({"Records": [{**common, "eventName": name} for name in names]}).encode())


def name_of(day: str, account: str = ACCOUNT, unique: str = "Mu0KsOhtH1ar15ZZ") -> str:
    return f"{account}_CloudTrail_eu-west-1_{day}T0210Z_{unique}.json.gz"


def read(prefix: str = "AWSLogs/", since: str = "2026-09-01") -> tuple[Reading, tuple[str, ...]]:
    reading = Reading(ROLE, since)
    return reading, read_bucket(Clients(ACCOUNT, "us-east-1"), Place("acme-trail", prefix), reading)


def test_files_of_the_account_and_the_days_are_read(s3: Any) -> None:
    put = {
        f"{DAYS}/10/01/{name_of('20261001')}": log("GetParameter"),
        f"{DAYS}/08/31/{name_of('20260831')}": log("PutParameter"),
        f"{DAYS}/10/01/{name_of('20261001', '210987654321')}": log("DeleteParameter"),
        f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/2026/10/01/x.json.gz": b"broken",
        f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/readme.txt": b"broken",
        "AWSLogs/own.json": gzip.decompress(log("ListTagsForResource")),
        "other/own.json": log("LabelParameterVersion"),
    }
    for key, body in put.items():
        s3.put_object(Bucket="acme-trail", Key=key, Body=body)
    reading, notes = read()
    assert {o.action for o in reading.trail.observed} == {"ssm:GetParameter", "ssm:ListTagsForResource"}
    assert notes == () and reading.trail.problems == []
    assert reading.trail.observed[0].place == f"{name_of('20261001')} Records[0]"


def test_more_than_a_page_of_files(s3: Any) -> None:
    for i in range(1005):
        s3.put_object(
            Bucket="acme-trail", Key=f"{DAYS}/10/01/{name_of('20261001', unique=f'{i:016}')}", Body=log("Get")
        )
    assert read()[0].trail.mine == 1005


def test_what_cannot_be_read_is_counted(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "LARGEST_OBJECT", 2000)
    monkeypatch.setattr(trail, "LARGEST_UNPACKED", 100_000)
    whole = log("GetParameter")
    lines = b"\n".join(json.dumps({"eventName": "x", "eventTime": "no"}).encode() for _ in range(20_000))
    put = {"1-cut.gz": whole[:-20], "2-bomb.gz": gzip.compress(lines, 9)[:1999], "3-large.gz": b"x" * 2001,
           "4-good.gz": whole, "5-bomb.gz": gzip.compress(b" " * 200_000), "6-no.json": b"{oops"}  # fmt: skip
    for key, body in put.items():
        s3.put_object(Bucket="acme-trail", Key=f"AWSLogs/{key}", Body=body)
    found = read()[0].trail
    assert found.mine == 1 and found.unread == 5
    problems = {p.split(":")[0]: p for p in found.problems}
    assert "EOFError" in problems["1-cut.gz"] and "larger than" in problems["3-large.gz"]
    assert "more than" in problems["2-bomb.gz"] and "more than" in problems["5-bomb.gz"]


def test_too_many_files_are_said(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "MOST_READ", 2)
    for i in range(4):
        s3.put_object(Bucket="acme-trail", Key=f"AWSLogs/{i}.json.gz", Body=log("GetParameter"))
    found = read()[0].trail
    assert (found.mine, found.unread) == (2, 1) and "only the first 2 were read" in found.problems[0]


def test_no_files_are_said(s3: Any) -> None:
    assert read("nothing/")[1] == (
        f"There are no log files of account {ACCOUNT} since 2026-09-01 at s3://acme-trail/nothing/.",
    )


def test_a_file_that_is_gone_meanwhile_is_a_problem(s3: Any) -> None:
    class Late(Clients):
        def call(self, name: str, parameters: Any) -> Any:
            if name == "s3:GetObject":
                raise Gone("gone", operation=name, code="NoSuchKey")
            return super().call(name, parameters)

    s3.put_object(Bucket="acme-trail", Key="AWSLogs/a.json", Body=b"{}")
    reading = Reading(ROLE, "2026-09-01")
    read_bucket(Late(ACCOUNT, "us-east-1"), Place("acme-trail", ""), reading)
    assert reading.trail.problems == ["a.json: cannot be fetched (NoSuchKey)"] and reading.trail.unread == 1


def test_a_bucket_that_is_not_there(s3: Any) -> None:
    with pytest.raises(CallFailed):
        read_bucket(Clients(ACCOUNT, "us-east-1"), Place("no-such-bucket", ""), Reading(ROLE))


@pytest.mark.parametrize(
    ("address", "place"),
    [("s3://acme-trail", Place("acme-trail", "")), ("s3://acme-trail/a/b", Place("acme-trail", "a/b"))],
)
def test_addresses(address: str, place: Place) -> None:
    assert place_of(address) == place


@pytest.mark.parametrize(
    "address", ["s3://", "s3:///x", "s3://A/b", "https://acme-trail/x", "s3://a b/c", "s3://-ab/c"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(BadInput, match="is no address"):
        place_of(address)
