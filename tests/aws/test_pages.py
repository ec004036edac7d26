"""Lists that come in pages: every item once, and the same markers as botocore's own paginators know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.session import Session
from moto import mock_aws

from chalicelib.aws.clients import _MARKERS, Clients
from chalicelib.aws.readers import all_readers
from chalicelib.errors import Gone, Invalid

ACCOUNT, REGION = "123456789012", "us-east-1"
READ = sorted({operation for reader in all_readers().values() for operation in reader.OPERATIONS})


class Paged(Clients):
    """Answers page by page from a list instead of asking AWS, and remembers what it was asked."""

    def __init__(self, *pages: Mapping[str, Any]) -> None:
        self._pages, self.asked = iter(pages), []  # type: ignore[var-annotated]

    def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(dict(parameters))
        return next(self._pages)


@pytest.fixture
def aws() -> Iterator[Clients]:
    with mock_aws():
        yield Clients(ACCOUNT, REGION)


@pytest.mark.parametrize("operation", READ)
def test_what_botocore_pages_we_page_by_the_same_markers(operation: str) -> None:
    service, api = operation.split(":")
    paginators = Session().get_component("data_loader").load_service_model(service, "paginators-1")["pagination"]
    if api in paginators:
        known = paginators[api]
        markers = _MARKERS.get(operation) or _MARKERS[service]
        assert markers == (known["output_token"], known["input_token"])


def test_every_page_is_followed_once() -> None:
    aws = Paged({"Roles": [1, 2], "Marker": "a"}, {"Roles": [], "Marker": "b"}, {"Roles": [3]})
    assert list(aws.pages("iam:ListRoles", {"PathPrefix": "/x/"}, "Roles")) == [1, 2, 3]
    assert [asked.get("Marker") for asked in aws.asked] == [None, "a", "b"]
    assert {asked["PathPrefix"] for asked in aws.asked} == {"/x/"}


@pytest.mark.parametrize("page", [{}, {"Versions": []}, {"Versions": [], "NextMarker": ""}])
def test_an_empty_page_is_an_empty_list(page: Mapping[str, Any]) -> None:
    assert list(Paged(page).pages("lambda:ListVersionsByFunction", {}, "Versions")) == []


def test_the_same_page_twice_is_an_error_and_no_endless_loop() -> None:
    aws = Paged(*[{"items": [1], "position": "a"}] * 9)
    with pytest.raises(Invalid, match="same page twice"):
        list(aws.pages("apigateway:GetRestApis", {}, "items"))
    assert len(aws.asked) == 2


def test_a_list_longer_than_a_page_comes_whole(aws: Clients) -> None:
    made = boto3.client("iam")
    names = {f"role-{number}" for number in range(120)}
    for name in names:
        made.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    assert {role["RoleName"] for role in aws.pages("iam:ListRoles", {}, "Roles")} == names


def test_a_list_of_what_is_gone_says_so(aws: Clients) -> None:
    with pytest.raises(Gone):
        list(aws.pages("iam:ListRolePolicies", {"RoleName": "nobody"}, "PolicyNames"))


def test_regions_share_what_the_session_has_read(aws: Clients) -> None:
    other = aws.in_region("eu-west-1")
    assert (other.account, other.region, other._session) == (ACCOUNT, "eu-west-1", aws._session)
    assert other.client("lambda").meta.region_name == "eu-west-1"
    assert aws.client("lambda") is aws.client("lambda")


def test_a_boto3_session_is_taken_as_it_is(aws: Clients) -> None:
    given = boto3.session.Session("testing", "testing", region_name="eu-central-1")
    clients = Clients(ACCOUNT, "eu-central-1", given)
    assert clients.partition == "aws"
    assert clients.client("lambda").meta.region_name == "eu-central-1"
