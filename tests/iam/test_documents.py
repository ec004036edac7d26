"""Reading policies: every form IAM takes, a clear refusal of the rest, and no exception of another kind."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import BadPolicy
from chalicelib.iam.documents import Condition, Principal, parse

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
GRANT = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage"}


def doc(*statements: Any, version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def test_text_url_encoded_text_and_mapping_are_the_same() -> None:
    text = json.dumps(doc(ALLOW))
    assert parse(text, "identity") == parse(quote(text), "identity") == parse(doc(ALLOW), "identity")


def test_one_statement_or_a_list_one_action_or_a_list() -> None:
    single = parse({"Version": "2012-10-17", "Statement": ALLOW}, "identity")
    listed = parse(doc({**ALLOW, "Action": ["s3:GetObject"], "Resource": ["*"]}), "identity")
    assert single == listed
    assert single.statements[0].actions == ("s3:GetObject",)


def test_version_decides_about_variables() -> None:
    assert parse(doc(ALLOW), "identity").statements[0].variables is True
    assert parse(doc(ALLOW, version="2008-10-17"), "identity").statements[0].variables is False
    assert parse({"Statement": [ALLOW]}, "identity").version == "2008-10-17"


def test_principals_keep_kind_and_spelling() -> None:
    given = {**GRANT, "Principal": {"AWS": ["123456789012", "*"], "service": "s3.amazonaws.com"}}
    assert parse(doc(given), "resource").statements[0].principal == (
        Principal("AWS", "123456789012"),
        Principal("AWS", "*"),
        Principal("Service", "s3.amazonaws.com"),
    )


def test_a_grant_without_resource_is_about_its_own() -> None:
    assert parse(doc(GRANT), "resource").statements[0].resources == ("*",)


def test_conditions_are_taken_apart() -> None:
    block = {"forallvalues:STRINGLIKEIFEXISTS": {"aws:TagKeys": ["a", 5, True]}, "Null": {"aws:x": True}}
    assert parse(doc({**ALLOW, "Condition": block}), "identity").statements[0].conditions == (
        Condition("StringLike", "aws:TagKeys", ("a", "5", "true"), "all", True),
        Condition("Null", "aws:x", ("true",)),
    )


def test_an_unknown_operator_is_kept_and_marked() -> None:
    [condition] = parse(doc({**ALLOW, "Condition": {"StringSounds": {"k": "v"}}}), "identity").statements[0].conditions
    assert (condition.operator, condition.known) == ("StringSounds", False)


def test_element_names_have_no_case_but_effects_do() -> None:
    lower = {k.lower(): v for k, v in ALLOW.items()}
    assert parse({"version": "2012-10-17", "statement": lower}, "identity") == parse(doc(ALLOW), "identity")
    with pytest.raises(BadPolicy, match=r"Statement\[0\]\.Effect"):
        parse(doc({**ALLOW, "Effect": "allow"}), "identity")


@pytest.mark.parametrize(
    ("kind", "document", "place"),
    [
        ("identity", "", "line 1 column 1"),
        ("identity", '{"Version": "2012-10-17", "Statement": [{"Eff', "seems cut off"),
        ("identity", "[]", "document: must be an object"),
        ("identity", "5", "document: must be an object, not a number"),
        ("identity", '{"Statement": NaN}', "document: NaN"),
        ("identity", '{"Statement": [], "Statement": []}', "Statement: occurs twice"),
        ("identity", "[" * 100_000, "document"),
        ("identity", "9" * 5000, "document"),
        ("identity", " " * 1_000_001, "longer than"),
        ("identity", {}, "Statement: is missing"),
        ("identity", {"Version": "2012-10-18", "Statement": []}, "Version: must be"),
        ("identity", {"Version": 2012, "Statement": []}, "Version: must be"),
        ("identity", {"Statement": [], "Rules": []}, "rules: no such element"),
        ("identity", {1: 2}, "a key is not text"),
        ("identity", doc("x"), r"Statement\[0\]: must be an object, not text"),
        ("identity", doc(ALLOW, None), r"Statement\[1\]: must be an object, not null"),
        ("identity", doc({**ALLOW, "dAction": "x"}), r"Statement\[0\]\.daction"),
        ("identity", doc({**ALLOW, "action": "x"}), r"Statement\[0\]\.action: occurs twice"),
        ("identity", doc({**ALLOW, "NotAction": "x"}), "both Action and NotAction"),
        ("identity", doc({**ALLOW, "Action": []}), r"Statement\[0\]\.Action: is empty"),
        ("identity", doc({**ALLOW, "Action": ["a", 5]}), r"Statement\[0\]\.Action\[1\]: must be text, not a number"),
        ("identity", doc({**ALLOW, "Resource": ""}), "empty text"),
        ("identity", doc({"Effect": "Allow", "Action": "*"}), "neither Resource nor NotResource"),
        ("identity", doc({"Effect": "Allow", "Resource": "*"}), "neither Action nor NotAction"),
        ("identity", doc({**ALLOW, "Principal": "*"}), r"Statement\[0\]\.Principal: an identity policy"),
        ("identity", doc({**ALLOW, "Sid": 5}), r"Statement\[0\]\.Sid"),
        ("identity", doc({**ALLOW, "Condition": []}), r"Statement\[0\]\.Condition"),
        ("identity", doc({**ALLOW, "Condition": {"StringEquals": "x"}}), r"Condition\.StringEquals"),
        ("identity", doc({**ALLOW, "Condition": {"StringEquals": {"k": {"v": 1}}}}), r"Condition\.StringEquals\.k"),
        ("identity", doc({**ALLOW, "Condition": {"StringEquals": {"k": [None]}}}), "not null"),
        ("resource", doc(ALLOW), "neither Principal nor NotPrincipal"),
        ("resource", doc({**GRANT, "NotPrincipal": "*"}), "both Principal and NotPrincipal"),
        ("resource", doc({**GRANT, "Principal": {"User": "x"}}), r"Statement\[0\]\.Principal\.user"),
        ("resource", doc({**GRANT, "Principal": {}}), "names nobody"),
        ("resource", doc({**GRANT, "Principal": {"AWS": 5}}), r"Statement\[0\]\.Principal\.AWS\[0\]"),
        ("trust", doc({**GRANT, "Principal": None}), r"Statement\[0\]\.Principal"),
        ("policy", doc(), "kind: a document is of one of"),
    ],
)
def test_what_iam_refuses_is_refused_with_its_place(kind: str, document: Any, place: str) -> None:
    with pytest.raises(BadPolicy, match=place):
        parse(document, kind)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["*", "Allow", "2012-10-17"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Version", "Statement", "Effect", "Action", "Resource", "Principal", "AWS", "Condition", "Bool", "x"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=500, deadline=None)
@given(JSON, st.sampled_from(["identity", "resource", "trust"]))
def test_nothing_but_bad_policy_is_ever_raised(document: Any, kind: str) -> None:
    for given_document in (document, json.dumps(document)):
        try:
            parsed = parse(given_document, kind)
        except BadPolicy as e:
            assert str(e)
        else:
            assert all(s.effect in ("Allow", "Deny") for s in parsed.statements)


@settings(max_examples=200, deadline=None)
@given(st.text() | st.text('{}[]",:%', max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    with pytest.raises(BadPolicy):
        parse(text, "identity")


def test_a_cut_document_is_refused_wherever_it_is_cut() -> None:
    text = json.dumps(doc(ALLOW, {**ALLOW, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}))
    for end in range(len(text)):
        with pytest.raises(BadPolicy):
            parse(text[:end], "identity")


def test_thousands_of_statements_take_linear_time() -> None:
    begun = time.process_time()
    assert len(parse(doc(*[ALLOW] * 5000), "identity").statements) == 5000
    assert time.process_time() - begun < 1
