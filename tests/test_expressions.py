from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import expressions
from chalicelib.errors import Escalation, SutureError
from suture.awsmodels import configuration_names
from suture.traps import lint

ROOTS: dict[str, Any] = {
    "resource": {"arn": "arn:x", "config": {"AuthType": "NONE", "On": True, "Names": ["a", "b"], "N": 3}},
    "finding": {"evidence": [{"Sid": "s", "Qualifier": None}]},
    "params": {"limit": 5},
    "case": {"id": "C-1"},
}


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("=resource.arn", "arn:x"),
        ("resource.arn", "resource.arn"),
        ({"a": ["=params.limit", 1, None, True]}, {"a": [5, 1, None, True]}),
        ("=finding.evidence[0].Qualifier", None),
        ("=nowhere.at.all", None),
        (("=case.id",), ["C-1"]),
        (7, 7),
    ],
)
def test_expressions_at_any_depth_are_replaced_and_the_rest_is_itself(value: Any, result: Any) -> None:
    assert expressions.evaluate(value, ROOTS) == result


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("resource.config.AuthType == 'NONE'", True),
        ("=resource.config.AuthType == 'AWS_IAM'", False),
        ("resource.config.On", True),
        ("!(resource.config.Names)", False),
        ("contains(resource.config.Names, 'b')", True),
    ],
)
def test_conditions_are_true_or_false(condition: str, answer: bool) -> None:
    assert expressions.truth(condition, ROOTS) is answer


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("resource.config.AuthTyp", "null"),
        ("resource.config.AuthType", "text"),
        ("resource.config.N", "a number"),
        ("resource.config.Names", "a list"),
        ("resource.config", "an object"),
        ("resource.config.On && resource.config.AuthTyp", "null"),
        ("resource.config.Names > `1`", "null"),
    ],
)
def test_a_condition_that_is_no_boolean_goes_to_people(condition: str, kind: str) -> None:
    with pytest.raises(Escalation, match=f"gave {kind}, neither true nor false"):
        expressions.truth(condition, ROOTS)


@pytest.mark.parametrize(
    "expression",
    [
        "=length(resource.config.Secret, `1`)",
        "=length(`1`)",
        "=max_by(resource.config.Names, &N)",
        "=join(',', resource.config.Secret)",
        "=keys(resource.config.Secret)",
        "=sum([resource.config.Secret])",
        "=contains(`1`, resource.config.Secret)",
        "=resource.config.Names[::0]",
        "=abs(resource.config.Secret)",
        "=unknown(resource.config.Secret)",
        "=a ||",
        "=" + "!" * 3000,
    ],
)
def test_a_failing_evaluation_escalates_and_never_tells_the_value(expression: str) -> None:
    secret = "tr0ub" + "4dor&3"
    roots = {"resource": {"config": {"Secret": secret, "Names": ["x", "y"]}}}
    with pytest.raises(Escalation) as caught:
        expressions.evaluate(expression, roots)
    assert secret not in str(caught.value)
    assert caught.value.__suppress_context__


def test_our_functions_are_there_only_when_declared() -> None:
    assert expressions.evaluate("=to_json(params)", ROOTS, ("to_json@1",)) == '{"limit":5}'
    with pytest.raises(Escalation):
        expressions.evaluate("=to_json(params)", ROOTS)
    assert expressions.unknown_functions(("to_json@1", "to_json@2", "nothing@1")) == ("to_json@2", "nothing@1")


@given(st.text(max_size=80), st.recursive(st.none() | st.booleans() | st.text(max_size=3), st.lists, max_leaves=4))
def test_whatever_is_written_evaluates_or_escalates(text: str, value: Any) -> None:
    try:
        expressions.evaluate("=" + text, {"resource": value})
    except SutureError as error:
        assert isinstance(error, Escalation)


# --- the traps ------------------------------------------------------------------------------------------------------

GOOD = [
    "resource.arn",
    "=resource.config.FunctionName",
    "resource.config.Qualifiers[?Qualifier == 'prod'].Policy",
    "finding.evidence[0].Sid",
    "finding.evidence[?!Sid]",
    "case.id",
    "params.limit",
    "params",
    "!(resource.tags.a)",
    "!contains(finding.evidence[0].Missing, 'x') || type(params.limit) == 'string'",
    "length(finding.evidence) != `0`",
    "resource.tags.a != `null`",
    "not_null(resource.config.FunctionName, `1`)",
    "sort_by(finding.evidence, &Sid)[0]",
    "resource.[arn, id]",
    "resource.{a: arn}",
    "join('/', ['a', resource.id])",
    "resource.config.Qualifiers[*].Policy.Statement[].Sid",
    "resource.config.Qualifiers | [0].Policy",
    "(resource.tags || finding.evidence).x",
    "`true`",
]


@pytest.mark.parametrize("expression", GOOD)
def test_plain_expressions_pass(expression: str) -> None:
    config = configuration_names("AWS::Lambda::Function")
    assert list(lint(expression, frozenset({"limit"}), (), frozenset(), config=config)) == []


TRAPS = [
    ("resorce.arn", "unknown root 'resorce'"),
    ("each.Sid", "unknown root 'each'"),
    ("answer.Name", "unknown root 'answer'"),
    ('resource.config.AuthType == "NONE"', "unknown root 'NONE'"),
    ("length(evidence)", "unknown root 'evidence'"),
    ("[resource.arn, nothing]", "unknown root 'nothing'"),
    ("{a: nothing}", "unknown root 'nothing'"),
    ("resource.ran", "'resource' has no 'ran'"),
    ("resource.[arn, ran]", "'resource' has no 'ran'"),
    ("resource.{a: ran.b}", "'resource' has no 'ran'"),
    ("resource | ran", "'resource' has no 'ran'"),
    ("params.limt", "'params' has no 'limt'"),
    ("finding.evidense[0]", "'finding' has no 'evidense'"),
    ("resource.config.FunctionNam", "configuration of this resource type has no 'FunctionNam'"),
    ("resource.config.FunctionUrl.AuthType", "configuration of this resource type has no 'FunctionUrl'"),
    ("resource.config.Qualifier[0].Policy", "configuration of this resource type has no 'Qualifier'"),
    ("!resource.config", "means `(!a).b`"),
    ("!resource.tags.a == `true`", "means `(!a).b`"),
    ("!resource[]", "means `(!a).b`"),
    ("!resource.*", "means `(!a).b`"),
    ("!finding[?x]", "means `(!a).b`"),
    ("resource.tags.a != 'NONE'", "null differs from everything"),
    ("'NONE' != resource.tags.a", "null differs from everything"),
    ("!(resource.tags.a == 'NONE')", "null differs from everything"),
    ("finding.evidence[?Kind != 'x']", "null differs from everything"),
    ("resource.tags.a > 'b'", "only numbers can be ordered"),
    ("finding.evidence[?Qualifier == params.limit]", "'params' is no root here"),
    ("finding.evidence[?Qualifier == each.Qualifier]", "'each' is no root here"),
    ("finding.evidence | resource.arn", "'resource' is no root here"),
    ("map(&resource.arn, finding.evidence)", "'resource' is no root here"),
    ("finding.evidence[*].[case.id]", "'case' is no root here"),
    ("@", "begins with a root"),
    ("[0]", "begins with a root"),
    ("*.arn", "begins with a root"),
    ("&resource", "belongs in the arguments"),
    ("token(case.id)", "neither built in nor declared"),
    ("length(case.id, case.id)", "'length' does not take 2"),
    ("not_null()", "'not_null' does not take 0"),
    ("to_json(case.id, case.id)", "to_json@1 does not take 2"),
    ("resource.", "does not parse"),
    ("", "does not parse"),
    ("resource.arn extra", "does not parse"),
    ("`{`", "a literal between backquotes must be JSON"),
    ("resource.arn == `NONE`", "a literal between backquotes must be JSON"),
    ("resource.arn" + " " * 600, "612 characters, and 600 are allowed"),
    ("!" * 599, "nested deeper than 40"),
    (" || ".join(["resource"] * 43), "nested deeper than 40"),
    ("[" * 42 + "resource" + "]" * 42, "nested deeper than 40"),
]


@pytest.mark.parametrize(("expression", "problem"), TRAPS)
def test_every_trap_is_named(expression: str, problem: str) -> None:
    config = configuration_names("AWS::Lambda::Function")
    found = list(lint(expression, frozenset({"limit"}), ("to_json@1",), frozenset(), config=config))
    assert any(problem in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("expression", "is_refused"),
    [
        ("length(finding.evidence)", True),
        ("finding.evidence[*].Sid", True),
        ("finding.evidence[?Sid]", True),
        ("'true'", True),
        ("[`true`]", True),
        ("{a: `true`}", True),
        ("resource.config.On && length(finding.evidence)", True),
        ("finding.evidence | length(@)", True),
        ("to_string(resource.config.On)", True),
        ("`true`", False),
        ("resource.config.On", False),
        ("!finding.evidence", False),
        ("finding.evidence && `true`", False),
        ("starts_with(resource.id, 'a')", False),
        ("finding.evidence[0]", False),
        ("finding.evidence | contains(@, 'x')", False),
    ],
)
def test_a_condition_that_can_never_be_a_boolean_is_refused(expression: str, is_refused: bool) -> None:
    found = list(lint(expression, frozenset(), (), frozenset(), decides=True))
    assert any("can never be true or false" in sentence for sentence in found) is is_refused


def test_extra_roots_are_known_where_they_are_set() -> None:
    assert list(lint("each.Sid", frozenset(), (), frozenset({"each"}))) == []
    assert list(lint("answer.a == each.b", frozenset(), (), frozenset({"each", "answer"}))) == []


@given(st.text(max_size=60) | st.text(alphabet="ab.[]()!&|@*?`'\"=<>{}:, 0", max_size=40))
def test_lint_answers_with_sentences_whatever_is_written(text: str) -> None:
    assert all(isinstance(sentence, str) for sentence in lint(text, frozenset(), (), frozenset(), decides=True))
