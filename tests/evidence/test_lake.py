"""A role's calls from a CloudTrail Lake query, against the mended moto."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.clients import Clients
from chalicelib.errors import BadInput, CallFailed, Gone, Invalid, Throttled
from suture.evidence import lake
from suture.evidence.lake import Lake, read_lake, sql
from suture.sandbox import mends
from suture.sandbox.mends.cloudtrail_lake import ingest

REGION, ACCOUNT = "eu-west-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/app"
NOW = datetime(2026, 10, 20, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
HERE = f"{REGION}:{ACCOUNT}"


@pytest.fixture
def aws() -> Iterator[Clients]:
    mends.apply()
    with mock_aws():
        yield Clients(ACCOUNT, "us-east-1")


@pytest.fixture
def store(aws: Clients) -> str:
    made = boto3.client("cloudtrail", region_name=REGION).create_event_data_store(Name="lake")
    arn = str(made["EventDataStoreArn"])
    ingest(arn, [], CreatedTimestamp=LONG_AGO, UpdatedTimestamp=LONG_AGO)
    return arn


def event(name: str, source: str, parameters: Any = None, role: str = ROLE, **more: Any) -> dict[str, Any]:
    return {
        "eventTime": "2026-10-01T00:00:00Z",
        "eventName": name,
        "eventSource": f"{source}.amazonaws.com",
        "awsRegion": REGION,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "managementEvent": True,
        "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": role}}},
        "requestParameters": parameters,
        **more,
    }


def read(aws: Clients, store: str, role: str = ROLE, since: str = "2026-07-22") -> Lake:
    return read_lake(aws, store, role, since, NOW, sleep=lambda seconds: None)


def test_calls_are_counted_by_kind_and_become_what_they_needed(aws: Clients, store: str) -> None:
    passed = f"arn:aws:iam::{ACCOUNT}:role/x"
    many = [event("GetParameter", "ssm", {"name": "/a"}, eventTime=f"2026-10-0{d}T00:00:00Z") for d in range(1, 6)]
    ingest(
        store,
        [
            *many,
            event("GetParameter", "ssm", {"name": "/a"}, eventTime="2026-01-02T00:00:00Z"),
            event("DeleteParameter", "ssm", {"name": "/a"}, errorCode="AccessDenied"),
            event("PutParameter", "ssm", {"name": "/a"}, role=ROLE.replace("app", "other")),
            event("RunTask", "ecs", {"cluster": "c", "overrides": {"taskRoleArn": passed}}),
            event("Decrypt", "kms", None, resources=[{"ARN": f"arn:aws:kms:{HERE}:key/k"}]),
            event("GetItem", "dynamodb", {"tableName": "t"}, managementEvent=False, eventCategory="Data"),
        ],
    )
    found = read(aws, store)
    assert {(o.action, o.resource) for o in found.trail.observed} == {
        ("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/a"),
        ("ecs:RunTask", ""),
        ("iam:PassRole", passed),
        ("kms:Decrypt", f"arn:aws:kms:{HERE}:key/k"),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{HERE}:table/t"),
    }
    one = next(o for o in found.trail.observed if o.action == "ssm:GetParameter")
    assert (one.first, one.last) == ("2026-10-01T00:00:00Z", "2026-10-05T00:00:00Z")
    assert (found.trail.mine, found.trail.refused, found.management, found.since) == (9, 1, True, "2026-07-22")
    assert found.services == {"kms", "rds-data"} and found.trail.data == {"dynamodb"}


def test_pages_are_followed(aws: Clients, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake, "PAGE", 7)
    ingest(store, [event("GetParameter", "ssm", {"name": f"/{i}"}) for i in range(30)])
    assert len(read(aws, store).trail.observed) == 30


def test_too_many_rows_prove_nothing_unused(aws: Clients, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake, "MOST_ROWS", 10)
    ingest(store, [event("GetParameter", "ssm", {"name": f"/{i}"}) for i in range(30)])
    found = read(aws, store)
    assert len(found.trail.observed) == 10 and not found.management and "more than 10" in found.trail.problems[0]


@pytest.mark.parametrize(
    ("about", "since", "management", "note"),
    [
        ({}, "2026-07-22", True, "calls of this role"),
        ({"RetentionPeriod": 30}, "2026-09-20", True, "since 2026-09-20"),
        ({"UpdatedTimestamp": datetime(2026, 10, 10, tzinfo=UTC).timestamp()}, "2026-10-10", True, "2026-10-10"),
        ({"Status": "STOPPED_INGESTION"}, "2026-07-22", False, "STOPPED_INGESTION"),
        ({"MultiRegionEnabled": False}, "2026-07-22", True, f"events of {REGION} only"),
    ],
)
def test_what_the_store_cannot_show_is_said(
    aws: Clients, store: str, about: Mapping[str, Any], since: str, management: bool, note: str
) -> None:
    ingest(store, [event("GetParameter", "ssm", {"name": "/a"}, eventTime="2026-10-15T00:00:00Z")], **about)
    found = read(aws, store)
    assert (found.since, found.management) == (since, management)
    assert note in " ".join(found.notes)


MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}
DATA = {"Field": "eventCategory", "Equals": ["Data"]}


@pytest.mark.parametrize(
    ("selectors", "management", "services"),
    [
        ([[MANAGEMENT]], True, {"kms", "rds-data"}),
        ([[MANAGEMENT, {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}]], True, set()),
        ([[MANAGEMENT, {"Field": "eventSource", "Equals": ["kms.amazonaws.com"]}]], False, set()),
        ([[MANAGEMENT, {"Field": "readOnly", "Equals": ["false"]}]], False, set()),
        ([[DATA, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]], False, {"s3"}),
        ([[MANAGEMENT], [DATA, {"Field": "resources.type", "Equals": ["AWS::SQS::Queue", "AWS::S3::Object"]}]],
            True, {"kms", "rds-data"}),
        ([[DATA, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
           {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::b/"]}]], False, set()),
    ],
)  # fmt: skip
def test_the_stores_selectors_are_believed(
    aws: Clients, store: str, selectors: Any, management: bool, services: set[str]
) -> None:
    ingest(store, [], AdvancedEventSelectors=[{"FieldSelectors": fields} for fields in selectors])
    found = read(aws, store)
    assert (found.management, found.services) == (management, services)


@pytest.mark.parametrize("name", ["x'y", "x' OR '1'='1", "'; DROP", "x\\' OR 1=1 --"])
def test_a_name_is_never_sql(aws: Clients, store: str, name: str) -> None:
    """IAM allows any character but blanks in paths; the text of a query keeps them all inside its quotation marks."""
    role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    ingest(store, [event("GetParameter", "ssm", {"name": "/a"}), event("ListKeys", "kms", role=role)])
    assert [o.action for o in read(aws, store, role).trail.observed] == ["kms:ListKeys"]
    statement = sql("e" * 36, role, "2026-01-01", NOW)
    assert statement.count("'") % 2 == 0
    assert role.replace("'", "''") in statement


@pytest.mark.parametrize(
    "address",
    ["", "lake", "arn:aws:cloudtrail:eu-west-1:1:eventdatastore/x", f"arn:aws:cloudtrail:{HERE}:trail/x",
     f"arn:aws:cloudtrail:{HERE}:eventdatastore/{'a' * 36} WHERE 1=1"],
)  # fmt: skip
def test_what_is_no_store_is_never_asked(aws: Clients, address: str) -> None:
    with pytest.raises(BadInput):
        read(aws, address)


def test_a_store_that_is_not_there(aws: Clients) -> None:
    with pytest.raises((Gone, Invalid), match="EventDataStoreNotFoundException"):
        read(aws, f"arn:aws:cloudtrail:{HERE}:eventdatastore/{'a' * 8}-0000-0000-0000-{'0' * 12}")


class Slow(Clients):
    """AWS with answers of its own about queries, and a list of what was called."""

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        super().__init__(ACCOUNT, REGION)
        self.answers, self.calls = list(answers), list[str]()

    def in_region(self, region: str) -> Clients:
        return self

    def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.calls.append(name)
        if name == "cloudtrail:GetQueryResults":
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return super().call(name, parameters)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "CANCELLED"])
def test_a_query_that_fails_says_why(aws: Clients, store: str, status: str) -> None:
    slow = Slow({"QueryStatus": "QUEUED"}, {"QueryStatus": status, "ErrorMessage": "too much"})
    with pytest.raises(Invalid, match=f"the query ended {status}: too much"):
        read(slow, store)
    assert slow.calls[-1] == "cloudtrail:GetQueryResults"


def test_a_query_that_takes_too_long_is_cancelled(aws: Clients, store: str) -> None:
    slow, clock = Slow({"QueryStatus": "RUNNING"}), iter(range(0, 100_000, 300))
    with pytest.raises(Throttled, match="longer than 900 seconds"):
        read_lake(slow, store, ROLE, "2026-07-22", NOW, sleep=lambda s: None, clock=lambda: float(next(clock)))
    assert slow.calls[-1] == "cloudtrail:CancelQuery"


def test_a_failure_on_the_way_cancels_too(aws: Clients, store: str) -> None:
    class Failing(Slow):
        def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            if name == "cloudtrail:GetQueryResults":
                raise CallFailed("no", operation=name)
            return super().call(name, parameters)

    failing = Failing()
    with pytest.raises(CallFailed):
        read(failing, store)
    assert failing.calls[-1] == "cloudtrail:CancelQuery"


def test_rows_of_another_form_prove_nothing(aws: Clients, store: str) -> None:
    rows = [[{"source": "ssm.amazonaws.com"}, {"name": "GetParameter"}], [], [{"calls": "x"}]]
    found = read(Slow({"QueryStatus": "FINISHED", "QueryResultRows": rows}), store)
    assert found.trail.unread == 3 and not found.management and found.trail.observed == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("null", None),
        ("{", None),
        ("[1]", None),
        ('{"a": "b"}', {"a": "b"}),
        ('{"a": "{\\"b\\": 1}"}', {"a": {"b": 1}}),
        (
            f'{{"a": "{{x={ROLE}, y=1}}"}}',
            {"a": f"{{x={ROLE}, y=1}}", "role": "in a parameter that cannot be read"},
        ),
        ('{"a": "{x=1}"}', {"a": "{x=1}"}),
    ],
)
def test_parameters_inside_parameters(text: str | None, expected: Any) -> None:
    assert lake._parameters(text) == expected


def test_the_window_ends_now(aws: Clients, store: str) -> None:
    later = event("ListKeys", "kms", eventTime=(NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    ingest(store, [later])
    assert read(aws, store).trail.mine == 0
