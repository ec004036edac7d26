"""Who may call a function: tables of policies that must be loud and near misses that must stay quiet."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.controls import judge_one
from chalicelib.controls._grants import grant_of, statement_of
from chalicelib.model import Finding, Resource, canonical

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
CONTROL = "lambda-policy-public"


def statement(**more: Any) -> dict[str, Any]:
    basic = {"Sid": "s1", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": ARN}
    return {k: v for k, v in {**basic, **more}.items() if v is not None}


def policy(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}


def entry(qualifier: str, document: Any, version: str | None = None) -> dict[str, Any]:
    version = version or qualifier
    return {
        "Qualifier": qualifier,
        "FunctionVersion": version,
        "Environment": {},
        "Policy": document,
        "FunctionUrl": None,
    }


def function(*entries: Any) -> Resource:
    return Resource("AWS::Lambda::Function", ARN, "orders", "123456789012", "us-east-1", {"Qualifiers": list(entries)})


def finding(*statements: Any) -> Finding | None:
    return judge_one(CONTROL, function(entry("$LATEST", policy(*statements))))


def when(operator: str, **keys: Any) -> dict[str, Any]:
    return {operator: {k.replace("__", ":"): v for k, v in keys.items()}}


S3 = {"Service": "s3.amazonaws.com"}
S3_GRANT = statement(
    Sid="s3",
    Principal=S3,
    Condition={
        **when("StringEquals", AWS__SourceAccount="123456789012"),
        **when("ArnLike", AWS__SourceArn="arn:aws:s3:::uploads"),
    },
)

LOUD = {
    "everyone": statement(),
    "everyone, as AWS principals": statement(Principal={"AWS": "*"}),
    "everyone among others": statement(Principal={"AWS": ["*", "arn:aws:iam::210987654321:root"]}),
    "any account": statement(Principal={"AWS": "arn:aws:iam::*:root"}),
    "everyone but one": statement(Principal=None, NotPrincipal={"AWS": "arn:aws:iam::210987654321:root"}),
    "all actions": statement(Action="lambda:*"),
    "changing the code": statement(Action=["lambda:UpdateFunctionCode"]),
    "a source ARN of any account": statement(Condition=when("ArnLike", AWS__SourceArn="arn:aws:s3:*:*:*")),
    "any organisation": statement(Condition=when("StringLike", aws__PrincipalOrgID="*")),
    "an organisation only if the caller has one": statement(
        Condition=when("ForAllValues:StringEquals", aws__PrincipalOrgID="o-abcdefghij")
    ),
    "all addresses": statement(Condition=when("IpAddress", aws__SourceIp=["0.0.0.0/1", "128.0.0.0/1"])),
    "a condition on the resource": statement(Condition=when("StringEquals", aws__ResourceAccount="123456789012")),
    "TLS only": statement(Condition=when("Bool", aws__SecureTransport="true")),
    "the URL action without a condition": statement(Action="lambda:InvokeFunctionUrl"),
    "a signed URL for any account": statement(
        Action="lambda:InvokeFunctionUrl", Condition=when("StringEquals", lambda__FunctionUrlAuthType="AWS_IAM")
    ),
    "all actions under the URL's condition": statement(
        Action="lambda:*", Condition=when("StringEquals", lambda__FunctionUrlAuthType="NONE")
    ),
    "through a URL or not": statement(Condition=when("BoolIfExists", lambda__InvokedViaFunctionUrl="true")),
    "not through a URL": statement(Condition=when("Bool", lambda__InvokedViaFunctionUrl="false")),
}

QUIET = {
    "another account": statement(Principal={"AWS": "arn:aws:iam::210987654321:root"}),
    "a role of another account": statement(Principal={"AWS": "arn:aws:iam::210987654321:role/caller"}),
    "S3 with its bucket and account": S3_GRANT,
    "S3 with its bucket": statement(Principal=S3, Condition=when("ArnLike", AWS__SourceArn="arn:aws:s3:::uploads")),
    "a service that names no source": statement(Principal=S3),
    "one organisation": statement(Condition=when("StringEquals", aws__PrincipalOrgID="o-abcdefghij")),
    "one source account": statement(Condition=when("StringEquals", AWS__SourceAccount="123456789012")),
    "one source ARN": statement(
        Condition=when("ArnLike", AWS__SourceArn="arn:aws:events:us-east-1:123456789012:rule/tick")
    ),
    "one Alexa skill": statement(Condition=when("StringEquals", lambda__EventSourceToken="amzn1.ask.skill.1")),
    "one network": statement(Condition=when("IpAddress", aws__SourceIp="203.0.113.0/24")),
    "a refusal": statement(Effect="Deny"),
    "a public URL's grant": statement(
        Action="lambda:InvokeFunctionUrl", Condition=when("StringEquals", lambda__FunctionUrlAuthType="NONE")
    ),
    "a public URL's second grant": statement(Condition=when("Bool", lambda__InvokedViaFunctionUrl="true")),
}


@pytest.mark.parametrize("name", LOUD)
def test_open_statements_are_found(name: str) -> None:
    found = finding(LOUD[name], S3_GRANT)
    assert found is not None and found.severity == "critical"
    assert [item["Statement"] for item in found.evidence] == [LOUD[name]]
    assert "orders" in found.title


@pytest.mark.parametrize("name", QUIET)
def test_near_misses_stay_quiet(name: str) -> None:
    assert finding(QUIET[name]) is None
    assert judge_one(CONTROL, function(entry("$LATEST", None))) is None


def test_an_alias_alone_can_be_public() -> None:
    public = statement(Resource=f"{ARN}:prod")
    found = judge_one(
        CONTROL,
        function(entry("$LATEST", policy(S3_GRANT)), entry("7", None), entry("prod", policy(public), "7")),
    )
    assert found is not None
    assert [(i["Qualifier"], i["Sid"]) for i in found.evidence] == [("prod", "s1")]
    assert found.evidence[0]["Grant"] == {"Action": "lambda:InvokeFunction", "Principal": "*"}
    assert "prod" in found.title


def test_latest_has_no_qualifier_in_the_evidence() -> None:
    found = finding(statement())
    assert found is not None
    assert found.evidence[0]["Qualifier"] is None


@pytest.mark.parametrize(
    "document", [{"Unparsed": "{'Version'"}, {"Version": "2012-10-17"}, policy({"Effect": "Maybe"})]
)
def test_a_policy_that_cannot_be_judged_is_never_quiet_and_never_fixed_by_itself(document: Any) -> None:
    found = judge_one(CONTROL, function(entry("$LATEST", None), entry("prod", document, "7")))
    assert found is not None and found.severity == "low"
    assert [(i["Qualifier"], i["Grant"]) for i in found.evidence] == [("prod", None)]
    assert found.evidence[0]["Unknown"]


def test_two_statements_of_one_sid_cannot_be_told_apart() -> None:
    found = finding(statement(), statement(Principal={"AWS": "*"}))
    assert found is not None
    assert [item["Grant"] for item in found.evidence] == [None, None]


def test_the_title_is_one_safe_line_whatever_the_names_are() -> None:
    hostile = Resource(
        "AWS::Lambda::Function",
        ARN,
        "a\x1b[31m\nb\u202e" + "x" * 500,
        "123456789012",
        "us-east-1",
        {"Qualifiers": [entry("p\nq", policy(statement()), "7")]},
    )
    found = judge_one(CONTROL, hostile)
    assert found is not None
    assert found.title.isprintable() and len(found.title) < 250


REBUILT = [
    statement(),
    statement(Sid="a_B-9", Action="lambda:*"),
    statement(Principal={"AWS": "arn:aws:iam::210987654321:root"}),
    statement(Principal={"AWS": "arn:aws:iam::210987654321:role/caller"}),
    S3_GRANT,
    statement(Condition=when("StringEquals", aws__PrincipalOrgID="o-abcdefghij")),
    statement(Condition=when("StringEquals", lambda__EventSourceToken="amzn1.ask.skill.1")),
    statement(Action="lambda:InvokeFunctionUrl", Condition=when("StringEquals", lambda__FunctionUrlAuthType="AWS_IAM")),
    statement(Condition=when("Bool", lambda__InvokedViaFunctionUrl="true")),
]

NOT_REBUILT = {
    "no Sid": statement(Sid=None),
    "a Sid that AddPermission refuses": statement(Sid="a b"),
    "a list of actions": statement(Action=["lambda:InvokeFunction"]),
    "a list of principals": statement(Principal={"AWS": ["*"]}),
    "the star as AWS principal": statement(Principal={"AWS": "*"}),
    "two kinds of principals": statement(Principal={"AWS": "arn:aws:iam::210987654321:root", **S3}),
    "NotPrincipal": statement(Principal=None, NotPrincipal={"AWS": "arn:aws:iam::210987654321:root"}),
    "another operator": statement(Condition=when("StringLike", AWS__SourceArn="arn:aws:s3:::uploads")),
    "another key": statement(Condition=when("Bool", aws__SecureTransport="true")),
    "a key spelled otherwise": statement(Condition=when("ArnLike", aws__sourcearn="arn:aws:s3:::uploads")),
    "two values": statement(Condition=when("StringEquals", AWS__SourceAccount=["123456789012", "210987654321"])),
    "a value that AddPermission refuses": statement(Condition=when("ArnLike", AWS__SourceArn="*")),
    "false": statement(Condition=when("Bool", lambda__InvokedViaFunctionUrl="false")),
    "another resource": statement(Resource=f"{ARN}:prod"),
    "a list of resources": statement(Resource=[ARN]),
    "a pattern of actions": statement(Action="lambda:Invoke*"),
    "a refusal": statement(Effect="Deny"),
    "an empty condition": statement(Condition={}),
    "a condition that is no object": statement(Condition={"StringEquals": "x"}),
}


@pytest.mark.parametrize("written", REBUILT, ids=canonical)
def test_what_addpermission_wrote_is_rebuilt_exactly(written: dict[str, Any]) -> None:
    grant = grant_of(written, ARN)
    assert grant is not None
    assert statement_of(grant, written["Sid"], ARN) == written


@pytest.mark.parametrize("name", NOT_REBUILT)
def test_what_addpermission_cannot_rebuild_has_no_grant(name: str) -> None:
    assert grant_of(NOT_REBUILT[name], ARN) is None


def test_a_grant_in_another_partition_names_its_accounts_there() -> None:
    arn = ARN.replace("arn:aws:", "arn:aws-cn:")
    written = statement(Principal={"AWS": "arn:aws-cn:iam::210987654321:root"}, Resource=arn)
    assert grant_of(written, arn) is not None
    assert statement_of({"Action": "lambda:InvokeFunction", "Principal": "210987654321"}, "s1", arn) == written
