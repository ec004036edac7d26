"""Published versions keep what they were published with: who still uses them, and who is deleted."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from leading import FUNCTION, VALUE, approve, case_of, stage_of, variables
from world import REGION, World, function

from chalicelib.errors import BadRequest
from chalicelib.leading import idle, needed

ARN = "arn:aws:lambda:us-east-1:123456789012:function:pay"


def facts(
    aliases: list[dict[str, Any]] | None = None,
    provisioned: list[str] | None = None,
    sources: list[str] | None = None,
) -> dict[str, Any]:
    return {
        "aliases": {"Aliases": aliases or []},
        "provisioned": {"ProvisionedConcurrencyConfigs": [{"FunctionArn": f"{ARN}:{q}"} for q in provisioned or ()]},
        "sources": {"EventSourceMappings": [{"UUID": "u", "FunctionArn": arn} for arn in sources or ()]},
    }


EVIDENCE = [{"Qualifier": q, "Name": "DB_PASSWORD"} for q in ("1", "2", "10")]
WEIGHTED = {"Name": "prod", "FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {"10": 0.1}}}


@pytest.mark.parametrize(
    ("known", "used", "free"),
    [
        (facts(), {}, ["1", "2", "10"]),
        (facts(aliases=[{"Name": "prod", "FunctionVersion": "2"}]), {"2": "alias prod"}, ["1", "10"]),
        (facts(aliases=[WEIGHTED]), {"2": "alias prod", "10": "alias prod"}, ["1"]),
        (facts(provisioned=["1"]), {"1": "provisioned concurrency"}, ["2", "10"]),
        (facts(sources=[f"{ARN}:10"]), {"10": "event source mapping u"}, ["1", "2"]),
        (facts(sources=[f"{ARN}", f"{ARN}-two:10"]), {}, ["1", "2", "10"]),
    ],
)
def test_what_still_uses_a_version_keeps_it(known: Any, used: dict[str, str], free: list[str]) -> None:
    users = needed(ARN, EVIDENCE, known)
    assert {u["Version"]: u["By"] for u in users} == used
    assert idle(EVIDENCE, users) == free


def versions(client: Any) -> list[str]:
    return [v["Version"] for v in client.list_versions_by_function(FunctionName="pay")["Versions"]]


def test_versions_go_by_two_approvals_and_those_in_use_only_when_they_are_free(w: World) -> None:
    client = function("pay", {"DB_PASSWORD": VALUE, "TABLE": "orders"})
    for _ in range(3):
        client.update_function_configuration(FunctionName="pay", Description="next")
        client.publish_version(FunctionName="pay")
    client.create_alias(FunctionName="pay", Name="prod", FunctionVersion="2")
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": {"TABLE": "orders"}})
    w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    assert w.run() == []
    case = case_of(w)
    assert (case.state, stage_of(w)) == ("PENDING", "prune")
    assert [s["call"]["parameters"]["Qualifier"] for s in case.plan["steps"]] == ["1", "3"]
    assert (case.plan["tier"], case.plan["reversible"]) == ("high", "none")
    assert w.decide("oncall", case, "approve").case.state == "PENDING"
    approve_last(w)
    assert versions(client) == ["$LATEST", "2"]
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "prune")
    assert case_of(w).told["prune"]["needed"] == [{"Version": "2", "By": "alias prod"}]
    with pytest.raises(BadRequest, match="nothing was applied that could be undone"):
        w.decide("oncall", case_of(w), "undo", "give them back")
    client.update_alias(FunctionName="pay", Name="prod", FunctionVersion="$LATEST")
    w.change(FUNCTION, "pay", "lambda:UpdateAlias")
    w.run()
    approve(w, "prune")
    assert "2" not in versions(client)
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "rotate")
    assert variables("pay") == {"TABLE": "orders"}


def approve_last(w: World) -> None:
    w.decide("security", case_of(w), "approve")


def test_provisioned_concurrency_keeps_its_version(w: World) -> None:
    client = function("pay", {"DB_PASSWORD": VALUE})
    client.publish_version(FunctionName="pay")
    client.put_provisioned_concurrency_config(FunctionName="pay", Qualifier="1", ProvisionedConcurrentExecutions=2)
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": {}})
    w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    w.run()
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "prune")
    boto3.client("lambda", REGION).delete_provisioned_concurrency_config(FunctionName="pay", Qualifier="1")
    w.sweep()
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "prune")
