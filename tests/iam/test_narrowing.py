"""The smallest policies that the evidence supports: what goes, what stays and why, and the two laws."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iam_policies import allow, deny, documents

from chalicelib.errors import BadPolicy
from chalicelib.iam.documents import parse
from chalicelib.iam.evidence import Observed, Window, blind_spots
from chalicelib.iam.fitting import INLINE, MANAGED, NamedDocument
from chalicelib.iam.narrowing import Proposal, narrowed
from chalicelib.iam.permissions import may
from chalicelib.iam.subset import allows_subset

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:jobs"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
BUCKET = "arn:aws:s3:::in"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}

DAYS = Window("2026-08-01", "2026-10-30", 90)
TRAIL = DAYS._replace(management=True)
WHOLE_PACKAGE = DAYS._replace(package=frozenset())
LAST = DAYS._replace(idle={"ec2": "", "sqs": "2025-12-01T00:00:00Z"}, busy=frozenset({"s3", "lambda", "iam"}))


def seen(action: str, resource: str = "", source: str = "cloudtrail") -> Observed:
    return Observed(action, resource, source, "2026-08-02T00:00:00Z", "2026-10-01T00:00:00Z", "x")


def policy(*statements: Mapping[str, Any], **more: Any) -> NamedDocument:
    return NamedDocument("p", {"Version": "2012-10-17", "Statement": list(statements)}, **more)


def run(*statements: Mapping[str, Any], window: Window = TRAIL, evidence: Sequence[Observed] = ()) -> Proposal:
    found = narrowed([policy(*statements)], evidence, window)
    assert not found.refused
    return found


def left(found: Proposal) -> list[tuple[Any, Any]]:
    return [(s["Action"], s["Resource"]) for f in found.policies for s in f.document["Statement"]]


def reasons(found: Proposal) -> str:
    return "\n".join(str(r) for f in found.policies for j in f.statements for r in j.reasons)


def test_what_was_seen_stays_on_what_it_was_seen_on() -> None:
    found = run(allow("lambda:*"), evidence=[seen("lambda:UpdateFunctionCode", FUNCTION)])
    assert left(found) == [
        ("lambda:UpdateFunctionCode", [FUNCTION, f"{FUNCTION}:*"]),
        (["lambda:InvokeAsync", "lambda:InvokeFunction", "lambda:InvokeFunctionUrl"], "*"),
    ]
    assert "lambda:UpdateFunctionCode: seen, on these resources (lambda:UpdateFunctionCode on arn" in reasons(found)
    assert "kept: could not be known because CloudTrail's management events do not show" in reasons(found)
    assert [d.why for d in found.dropped] == ["not seen in 90 days of CloudTrail"] * 2


@pytest.mark.parametrize(
    ("window", "action", "stays"),
    [
        (TRAIL, "lambda:DeleteFunction", False),
        (TRAIL, "iam:PassRole", False),
        (TRAIL, "ssm:GetParameter", False),
        (TRAIL, "madeup:NewCall", False),
        (TRAIL, "s3:GetObject", True),
        (TRAIL, "s3:LISTBUCKET", True),
        (TRAIL, "dynamodb:Query", True),
        (TRAIL, "sqs:SendMessage", True),
        (TRAIL, "lambda:InvokeFunction", True),
        (TRAIL, "kms:Decrypt", True),
        (TRAIL, "logs:PutLogEvents", True),
        (TRAIL, "rds-data:ExecuteStatement", True),
        (TRAIL._replace(data_events=frozenset({"s3"})), "s3:GetObject", False),
        (TRAIL._replace(data_events=frozenset({"s3"})), "dynamodb:Query", True),
        (DAYS, "lambda:DeleteFunction", True),
        (DAYS, "s3:GetObject", True),
        (LAST, "ec2:RunInstances", False),
        (LAST, "sqs:SendMessage", False),
        (LAST, "lambda:DeleteFunction", True),
        (LAST._replace(idle_actions=frozenset({"lambda:DeleteFunction"})), "lambda:DeleteFunction", False),
        (LAST, "kinesis:PutRecord", True),
        (WHOLE_PACKAGE, "s3:DeleteObject", False),
        (WHOLE_PACKAGE, "s3:PutObject", True),
        (WHOLE_PACKAGE, "sqs:ReceiveMessage", True),
        (WHOLE_PACKAGE, "logs:CreateLogGroup", True),
        (DAYS._replace(package=frozenset({"s3"})), "s3:DeleteObject", True),
        (DAYS._replace(package=frozenset({"s3"})), "dynamodb:DeleteItem", False),
        (DAYS._replace(package=frozenset({"*"})), "dynamodb:DeleteItem", True),
    ],
)
def test_an_unseen_action_goes_only_where_it_would_have_been_seen(window: Window, action: str, stays: bool) -> None:
    found = run(allow(action), window=window)
    assert left(found) == ([(action, "*")] if stays else [])
    assert bool(found.dropped) is not stays
    assert ("kept: could not be known because" in reasons(found)) is stays


def test_an_idle_service_is_named_with_its_last_use() -> None:
    found = run(allow("sqs:*"), window=LAST)
    assert left(found) == []
    assert found.dropped[0].why.endswith("no attempt at sqs; it was last used on 2025-12-01")


def test_everything_is_left_whole_when_nobody_knows_the_services() -> None:
    found = run(allow(), window=DAYS, evidence=[seen("s3:ListAllMyBuckets")])
    assert left(found) == [("*", "*")]
    assert "GenerateServiceLastAccessedDetails" in reasons(found)


def test_everything_becomes_the_busy_services_under_last_accessed_data() -> None:
    every = dict.fromkeys(("ec2", "dynamodb", "glue", "kms"), "")
    found = run(allow(), window=LAST._replace(idle=every))
    kept = {a for acts, _ in left(found) for a in acts}
    assert {"s3:*", "lambda:*", "iam:*"} <= kept
    assert not {a for a in kept if a.startswith(("dynamodb:", "glue:", "kms:"))}
    joining = {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeSubnets"}
    assert joining <= kept and "ec2:RunInstances" not in kept and "ec2:*" not in kept, "Lambda may have, years ago"
    assert "sqs:*" in kept, "AWS's report was silent on it"


def test_passing_roles_is_no_call_and_stays_under_last_accessed_data() -> None:
    found = run(allow("iam:*"), window=LAST._replace(idle={"iam": ""}))
    assert left(found) == [("iam:PassRole", "*")]
    assert "does not track the passing of roles" in reasons(found)
    with_trail = run(allow("iam:*"), window=LAST._replace(idle={"iam": ""}, management=True))
    assert left(with_trail) == [], "CloudTrail records tell which roles were passed"


def test_not_action_keeps_its_exceptions() -> None:
    evidence = [seen("ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/a"), seen("iam:GetRole")]
    found = run({"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*"}, evidence=evidence)
    new = parse(found.policies[0].document, "identity")
    assert may([new], "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/a").is_allowed
    assert not may([new], "iam:GetRole", "*").is_allowed and not may([new], "s3:GetObject", "*").is_allowed
    assert may([new], "dynamodb:GetItem", TABLE).is_allowed
    assert found.beyond == (evidence[1],)


def test_an_exception_through_what_is_unknown_leaves_the_statement_whole() -> None:
    statement = {"Effect": "Allow", "NotAction": "rds-data:Execute*", "Resource": "*"}
    assert run(statement).policies[0].document["Statement"] == [statement]


@pytest.mark.parametrize(
    ("resources", "action", "arn", "expected"),
    [
        ("*", "ssm:GetParameter", "arn:aws:ssm:eu-west-1:1:parameter/a", "arn:aws:ssm:eu-west-1:1:parameter/a"),
        ("arn:aws:ssm:*:1:parameter/*", "ssm:GetParameter", "arn:aws:ssm:eu-west-1:1:parameter/a", None),
        ("*", "ssm:GetParameter", "", "*"),
        ("*", "s3:GetBucketPolicy", BUCKET, BUCKET),
        ("arn:aws:s3:::${aws:username}", "s3:GetBucketPolicy", BUCKET, "arn:aws:s3:::${aws:username}"),
        ("*", "dynamodb:GetItem", TABLE, "*"),
    ],
)
def test_resources_narrow_only_where_all_of_them_are_recorded(
    resources: str, action: str, arn: str, expected: str | None
) -> None:
    found = run(allow(action, resources), evidence=[seen(action, arn)])
    assert left(found) == [(action, expected or arn)]


def test_one_call_without_a_recorded_resource_leaves_all_resources() -> None:
    action = "ssm:GetParameter"
    found = run(allow(action), evidence=[seen(action, "arn:aws:ssm:eu-west-1:1:parameter/a"), seen(action)])
    assert left(found) == [(action, "*")]


def test_last_accessed_data_names_no_resource_and_so_takes_none_back() -> None:
    arn = "arn:aws:ssm:eu-west-1:1:parameter/a"
    evidence = [seen("ssm:GetParameter", arn), seen("ssm:GetParameter", "", "last-accessed")]
    assert left(run(allow("ssm:GetParameter"), evidence=evidence)) == [("ssm:GetParameter", arn)]


def test_a_package_read_whole_places_what_the_trail_does_not_show() -> None:
    evidence = [seen("dynamodb:Query", "arn:aws:dynamodb:*:123456789012:table/orders", "package")]
    found = run(
        allow("dynamodb:*", "arn:aws:dynamodb:us-east-1:123456789012:table/*"),
        window=TRAIL._replace(package=frozenset()),
        evidence=evidence,
    )
    streams = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
    assert left(found) == [
        ("dynamodb:Query", [TABLE, f"{TABLE}/index/*"]),
        (streams, "arn:aws:dynamodb:us-east-1:123456789012:table/*"),
    ]


def test_conditions_and_denies_stay_word_for_word() -> None:
    guard = deny("*", "*", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}})
    found = run(
        allow("ssm:*", Condition=MFA), guard, evidence=[seen("ssm:GetParameter", "arn:aws:ssm:r:1:parameter/a")]
    )
    one, two = found.policies[0].document["Statement"]
    assert one["Condition"] == MFA and one["Action"] == "ssm:GetParameter" and two == guard


def test_what_another_statement_allows_too_is_not_said_twice() -> None:
    evidence = [seen("ssm:GetParameter", "arn:aws:ssm:r:1:parameter/a")]
    found = narrowed([policy(allow("ssm:*")), policy(allow("*", Condition=MFA))], evidence, TRAIL)
    acts = [s["Action"] for f in found.policies for s in f.document["Statement"]]
    assert acts[0] == "ssm:GetParameter"
    assert not any("ssm:GetParameter" in a for a in acts[1:])


def test_a_boundary_takes_what_it_never_allows() -> None:
    boundary = [parse({"Version": "2012-10-17", "Statement": [allow("s3:*")]}, "identity")]
    found = narrowed([policy(allow(["s3:GetObject", "sqs:SendMessage"]))], [], TRAIL, boundary)
    assert [s["Action"] for s in found.policies[0].document["Statement"]] == ["s3:GetObject"]
    assert [d.why for d in found.dropped] == ["the permissions boundary never allows it"]


def test_an_old_policy_keeps_its_version_in_which_variables_are_text() -> None:
    old = {"Statement": allow("ssm:GetParameter", "arn:aws:ssm:r:1:parameter/${x}")}
    found = narrowed([NamedDocument("p", {"Version": "2008-10-17", **old})], [seen("ssm:GetParameter")], TRAIL)
    assert found.policies[0].document["Version"] == "2008-10-17"


def test_a_malformed_policy_is_named() -> None:
    with pytest.raises(BadPolicy, match="^p: "):
        narrowed([NamedDocument("p", {"Version": "2012-10-17"})], [], TRAIL)


def test_a_statement_that_would_not_fit_inline_is_whole_again() -> None:
    arns = [f"arn:aws:ssm:eu-west-1:123456789012:parameter/{i:04}-{'x' * 60}" for i in range(200)]
    found = run(allow("ssm:*"), evidence=[seen("ssm:GetParameter", a) for a in arns])
    assert left(found) == [("ssm:*", "*")]
    assert f"{INLINE:,}" in reasons(found) and not found.dropped


def test_a_managed_policy_that_would_not_fit_becomes_several() -> None:
    arns = [f"arn:aws:ssm:eu-west-1:123456789012:parameter/{i:04}-{'x' * 60}" for i in range(200)]
    evidence = [seen("ssm:GetParameter", a) for a in arns]
    found = narrowed([policy(allow("ssm:*"), kind="managed", arn="arn:p")], evidence, TRAIL)
    assert [f.how for f in found.policies] == ["version", "copy", "copy", "copy"]
    assert all(f.size <= MANAGED for f in found.policies)
    assert sum(len(s["Resource"]) for f in found.policies for s in f.document["Statement"]) == 200


def test_a_managed_policy_that_needs_too_many_is_refused() -> None:
    arns = [f"arn:aws:ssm:eu-west-1:123456789012:parameter/{i:04}-{'x' * 900}" for i in range(80)]
    evidence = [seen("ssm:GetParameter", a) for a in arns]
    found = narrowed([policy(allow("ssm:*"), kind="managed", arn="arn:p")], evidence, TRAIL)
    assert not found.policies and "managed policies" in found.refused and not found.proof.holds


@pytest.mark.parametrize(
    ("more", "how", "name"),
    [
        ({"kind": "managed", "arn": "a"}, "version", "p"),
        ({"kind": "managed", "arn": "a", "users": 3}, "copy", "p-narrowed"),
        ({"kind": "aws-managed", "arn": "a"}, "copy", "p-narrowed"),
        ({}, "inline", "p"),
    ],
)
def test_each_kind_of_policy_has_its_way(more: dict[str, Any], how: str, name: str) -> None:
    found = narrowed([policy(allow("s3:GetObject"), **more)], [], TRAIL).policies
    assert [(f.how, f.name) for f in found] == [(how, name)]


def test_blind_spots_name_the_window_and_what_it_cannot_show() -> None:
    said = " ".join(blind_spots(TRAIL._replace(package=frozenset({"s3"}), notes=("One region.",))))
    for part in (
        "2026-08-01 to 2026-10-30 (90 days)",
        "yearly",
        "disaster recovery",
        "S3 object",
        "of s3.",
        "One region.",
    ):
        assert part in said


# --- laws -----------------------------------------------------------------------------------------------------------

_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:GetBucketPolicy", "iam:PassRole", "sqs:SendMessage", "sqs:TagQueue")
_ARNS = ("arn:aws:s3:::a/x", "arn:aws:s3:::b/x", "arn:aws:iam::123456789012:role/r", "", "arn:aws:s3:::*/x", QUEUE)
observations = st.lists(
    st.builds(Observed, st.sampled_from(_ACTIONS), st.sampled_from(_ARNS), st.sampled_from(("cloudtrail", "package"))),
    max_size=5,
)
windows = st.builds(
    Window,
    st.just("2026-08-01"),
    st.just("2026-10-30"),
    st.just(90),
    st.booleans(),
    st.sampled_from((frozenset[str](), frozenset({"s3"}), frozenset({"s3", "sqs"}))),
    st.sampled_from((None, {"sqs": ""}, {"iam": "", "ec2": ""})),
    st.sampled_from((None, frozenset({"s3"}))),
    st.sampled_from((frozenset[str](), frozenset({"iam:PassRole"}))),
    st.sampled_from((None, frozenset[str](), frozenset({"s3"}), frozenset({"*"}))),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(documents, min_size=1, max_size=2), observations, windows)
def test_the_proposal_is_a_subset_and_still_allows_every_observed_call(
    olds: list[dict[str, Any]], evidence: list[Observed], window: Window
) -> None:
    before = json.dumps(olds)
    found = narrowed([NamedDocument(f"p{i}", d) for i, d in enumerate(olds)], evidence, window)
    assert json.dumps(olds) == before
    assert not found.refused, found.refused
    old = [parse(d, "identity") for d in olds]
    new = [parse(f.document, "identity") for f in found.policies]
    merged = [d._replace(statements=tuple(s for x in ds for s in x.statements)) for ds in (new, old) for d in ds[:1]]
    assert allows_subset(*merged).holds
    for one in evidence:
        if one.resource or one.source == "cloudtrail":
            for text in [one.resource] if one.resource else [a for a in _ARNS if a]:
                if may(old, one.action, text).verdict != "denied":
                    assert may(new, one.action, text).verdict != "denied", one


@settings(max_examples=150, deadline=None)
@given(st.lists(documents, min_size=1, max_size=2), observations, windows)
def test_narrowing_twice_changes_nothing_more(
    olds: list[dict[str, Any]], evidence: list[Observed], window: Window
) -> None:
    first = narrowed([NamedDocument(f"p{i}", d) for i, d in enumerate(olds)], evidence, window)
    again = narrowed([NamedDocument(f.name, f.document) for f in first.policies], evidence, window)
    new, old = (
        parse(
            {"Version": "2012-10-17", "Statement": [s for f in x.policies for s in f.document["Statement"]]}, "identity"
        )
        for x in (again, first)
    )
    assert allows_subset(old, new).holds and allows_subset(new, old).holds
