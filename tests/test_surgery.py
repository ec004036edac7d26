"""Document surgery: tables of what is cut and what must stay, and the laws that hold for any document."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import surgery
from chalicelib.errors import BadPolicy

LAMBDA = {"Service": "lambda.amazonaws.com"}
OTHER = "arn:aws:iam::210987654321:root"
ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}


def allow(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def trust(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


NARROWED = [
    ("the star leaves, the service stays", trust(allow("*"), allow(LAMBDA)), trust(allow(LAMBDA))),
    ("a star among names", trust(allow({"AWS": ["*", OTHER]})), trust(allow({"AWS": [OTHER]}))),
    ("a star beside a service", trust(allow({"AWS": "*", **LAMBDA})), trust(allow(LAMBDA))),
    (
        "any account",
        trust(allow({"AWS": ["arn:aws:iam::*:root", OTHER]})),
        trust(allow({"AWS": [OTHER]})),
    ),
    (
        "an external id does not say who calls",
        trust(allow("*", Condition={"StringEquals": {"sts:ExternalId": "x"}}), allow(LAMBDA)),
        trust(allow(LAMBDA)),
    ),
    (
        "NotPrincipal means everyone else",
        trust({"Effect": "Allow", "NotPrincipal": {"AWS": OTHER}, "Action": "sts:AssumeRole"}, allow(LAMBDA)),
        trust(allow(LAMBDA)),
    ),
    ("one organisation stays", trust(allow("*", Condition=ORG), allow("*")), trust(allow("*", Condition=ORG))),
    (
        "refusals stay",
        trust(
            allow("*"),
            allow(LAMBDA),
            {**allow("*"), "Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        ),
        trust(allow(LAMBDA), {**allow("*"), "Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}),
    ),
    (
        "one statement instead of a list, and an id",
        {"Version": "2012-10-17", "Id": "x", "Statement": allow({"AWS": "*", **LAMBDA})},
        {"Version": "2012-10-17", "Id": "x", "Statement": allow(LAMBDA)},
    ),
    (
        "element names in another case",
        {
            "version": "2012-10-17",
            "statement": [{"effect": "Allow", "principal": {"AWS": ["*", OTHER]}, "action": "sts:AssumeRole"}],
        },
        {
            "version": "2012-10-17",
            "statement": [{"effect": "Allow", "principal": {"AWS": [OTHER]}, "action": "sts:AssumeRole"}],
        },
    ),
    ("nothing public", trust(allow(LAMBDA), allow({"AWS": OTHER})), trust(allow(LAMBDA), allow({"AWS": OTHER}))),
    ("nobody left", trust(allow("*")), None),
    ("nobody left but a refusal", trust(allow("*"), {**allow({"AWS": OTHER}), "Effect": "Deny"}), None),
]


@pytest.mark.parametrize(("case", "before", "after"), NARROWED, ids=[n[0] for n in NARROWED])
def test_everyone_leaves_a_trust_policy_and_all_else_stays(case: str, before: Any, after: Any) -> None:
    given_document = copy.deepcopy(before)
    assert surgery.without_public_principals(before) == after
    assert before == given_document


def test_a_trust_policy_that_cannot_be_parsed_is_an_error_not_a_guess() -> None:
    with pytest.raises(BadPolicy):
        surgery.without_public_principals({"Unparsed": "x"})


PRINCIPALS = st.one_of(
    st.just("*"),
    st.fixed_dictionaries(
        {},
        optional={
            "AWS": st.lists(
                st.sampled_from(["*", OTHER, "arn:aws:iam::*:root", "123456789012"]), min_size=1, max_size=3
            ),
            "Service": st.sampled_from(["lambda.amazonaws.com", ["states.amazonaws.com", "lambda.amazonaws.com"]]),
        },
    ).filter(bool),
)
STATEMENTS = st.builds(
    lambda principal, effect, more: {**allow(principal), "Effect": effect, **more},
    PRINCIPALS,
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from([{}, {"Condition": ORG}, {"Sid": "x"}, {"Condition": {"StringEquals": {"sts:ExternalId": "x"}}}]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=4))
def test_afterwards_nobody_public_is_left_nothing_is_new_and_doing_it_again_changes_nothing(found: list[Any]) -> None:
    before = trust(*found)
    after = surgery.without_public_principals(before)
    if after is None:
        return
    assert surgery.public_trust(after) == {}
    assert surgery.without_public_principals(after) == after
    stripped = [{k: v for k, v in s.items() if k != "Principal"} for s in before["Statement"]]
    assert all({k: v for k, v in s.items() if k != "Principal"} in stripped for s in after["Statement"])
    untouched = [s for i, s in enumerate(found) if i not in surgery.public_trust(before)]
    left = iter(after["Statement"])
    assert all(s in left for s in untouched), "each in its place; a narrowed one may have come to equal another"


@given(st.lists(st.text(max_size=20), max_size=4), st.lists(st.text(max_size=20), max_size=4))
def test_a_token_is_64_hex_digits_and_different_parts_give_different_tokens(one: list[str], two: list[str]) -> None:
    assert len(surgery.token(*one)) == 64
    assert int(surgery.token(*one), 16) >= 0
    assert (surgery.token(*one) == surgery.token(*two)) == (one == two)


@given(st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=5) | st.integers() | st.booleans(), max_size=3)))
def test_json_text_reads_back_as_it_was(value: Any) -> None:
    assert json.loads(surgery.to_json(value)) == value


FUNCTION = {
    "Qualifiers": [
        {"Qualifier": "$LATEST", "Environment": {"Variables": {"A": "new"}}},
        {"Qualifier": "7", "Environment": {"Variables": {"A": "old"}}},
        {"Qualifier": "8", "Environment": {}},
    ]
}


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ({"Qualifier": None, "Name": "A"}, "new"),
        ({"Qualifier": "7", "Name": "A"}, "old"),
        ({"Qualifier": "7", "Name": "B"}, None),
        ({"Qualifier": "8", "Name": "A"}, None),
        ({"Qualifier": "9", "Name": "A"}, None),
    ],
)
def test_a_variable_is_found_by_qualifier_and_name(item: Mapping[str, Any], value: str | None) -> None:
    assert surgery.environment_value(FUNCTION, item) == value


LOG = "arn:aws:logs:us-east-1:123456789012:log-group:suture-access"
PARAMS = {"rate_limit": 1000, "burst_limit": 2000, "access_log": f"{LOG}:*", "tracing": True}
ACCOUNT = {"throttleSettings": {"rateLimit": 10000.0, "burstLimit": 5000}}
OLD_SETTINGS = {"throttlingRateLimit": 10000.0, "throttlingBurstLimit": 5000, "loggingLevel": "INFO"}


def stage(**more: Any) -> dict[str, Any]:
    return {"stageName": "prod", "methodSettings": {}, "tracingEnabled": False, "Account": ACCOUNT, **more}


def missing(*names: str) -> list[dict[str, Any]]:
    return [{"Missing": list(names)}]


def replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


RATE, BURST = "/*/*/throttling/rateLimit", "/*/*/throttling/burstLimit"


def test_a_bare_stage_gets_everything_and_the_undo_takes_it_back_in_reverse() -> None:
    evidence = missing("throttling", "access-log", "tracing")
    assert surgery.stage_guards(stage(), evidence, PARAMS) == [
        replace(RATE, "1000"),
        replace(BURST, "2000"),
        replace("/accessLogSettings/destinationArn", LOG),
        replace("/accessLogSettings/format", surgery.ACCESS_LOG_FORMAT),
        replace("/tracingEnabled", "true"),
    ]
    assert surgery.stage_unguards(stage(), evidence, PARAMS) == [
        replace("/tracingEnabled", "false"),
        {"op": "remove", "path": "/accessLogSettings"},
        {"op": "remove", "path": "/*/*"},
    ]


def test_only_what_is_missing_is_touched() -> None:
    assert surgery.stage_guards(stage(), missing("tracing"), PARAMS) == [replace("/tracingEnabled", "true")]
    assert surgery.stage_unguards(stage(), missing("tracing"), PARAMS) == [replace("/tracingEnabled", "false")]


def test_other_settings_of_all_methods_survive_the_undo() -> None:
    config = stage(methodSettings={"*/*": OLD_SETTINGS})
    assert surgery.stage_unguards(config, missing("throttling"), PARAMS) == [
        replace(BURST, "5000"),
        replace(RATE, "10000"),
    ]


def test_a_throttle_that_limits_already_is_never_loosened() -> None:
    config = stage(methodSettings={"*/*": {**OLD_SETTINGS, "throttlingBurstLimit": 5}})
    assert surgery.stage_guards(config, missing("throttling"), PARAMS) == [replace(RATE, "1000")]
    assert surgery.stage_unguards(config, missing("throttling"), PARAMS) == [replace(RATE, "10000")]


def test_tracing_that_is_pinned_off_is_left_off() -> None:
    assert surgery.stage_guards(stage(), missing("tracing"), {**PARAMS, "tracing": False}) == []


def test_the_access_log_format_names_the_request_and_no_payload() -> None:
    line = json.loads(surgery.ACCESS_LOG_FORMAT)
    assert "$context.requestId" in line.values()
    assert all(v.startswith("$context.") for v in line.values())


RATES = st.sampled_from([None, -1.0, 0.0, 0.5, 100.0, 9999.0, 10000.0, 20000.0])
BURSTS = st.sampled_from([None, -1, 0, 50, 4999, 5000, 9000])


@given(st.booleans(), RATES, BURSTS, st.booleans(), st.booleans())
def test_undo_gives_back_the_very_same_stage_and_guarding_limits_it(
    has_settings: bool, rate: float | None, burst: int | None, logged: bool, traced: bool
) -> None:
    limits = {"throttlingRateLimit": rate, "throttlingBurstLimit": burst}
    settings_ = {"*/*": {"loggingLevel": "INFO", **{k: v for k, v in limits.items() if v is not None}}}
    before = stage(methodSettings=settings_ if has_settings else {}, tracingEnabled=traced)
    if logged:
        before["accessLogSettings"] = {"destinationArn": LOG, "format": "$context.requestId"}
    lacks = {"throttling": bool(surgery.unlimited(before)), "access-log": not logged, "tracing": not traced}
    evidence = missing(*(name for name, lacking in lacks.items() if lacking))
    after = patched(before, surgery.stage_guards(before, evidence, PARAMS))
    assert surgery.unlimited(after) == ()
    assert after["tracingEnabled"] is True
    assert after["accessLogSettings"]["destinationArn"] == LOG
    assert patched(after, surgery.stage_unguards(before, evidence, PARAMS)) == before


def patched(config: Mapping[str, Any], operations: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """UpdateStage as its documentation describes it, for the paths that we use."""
    stage_ = copy.deepcopy(dict(config))
    for operation in operations:
        path = operation["path"].removeprefix("/")
        if path.startswith("*/*"):
            _patch_method(stage_["methodSettings"], path.removeprefix("*/*").removeprefix("/"), operation)
        elif operation["op"] == "remove":
            del stage_[path]
        elif path == "tracingEnabled":
            stage_[path] = operation["value"] == "true"
        else:
            holder, key = path.split("/")
            stage_.setdefault(holder, {})[key] = operation["value"]
    return stage_


def _patch_method(settings_: dict[str, Any], path: str, operation: Mapping[str, str]) -> None:
    if not path:
        del settings_["*/*"]
        return
    key = {"throttling/rateLimit": "throttlingRateLimit", "throttling/burstLimit": "throttlingBurstLimit"}[path]
    if operation["op"] == "remove":
        del settings_["*/*"][key]
    else:
        settings_.setdefault("*/*", {})[key] = float(operation["value"])
