"""One meaning in many spellings has one answer: upper case, wildcards, split and reordered statements, and the like."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from escalating import CREATE, MFA, found
from iam_policies import allow, deny, grant
from reaching import OTHER, OWN, TRUST

from chalicelib.errors import BadPolicy
from chalicelib.iam.admin import administrator
from chalicelib.iam.documents import parse
from chalicelib.iam.paths import all_actions
from chalicelib.iam.reach import Trust, reach

Policy = dict[str, Any]
Spelling = Callable[[Policy], Policy]
CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpora/iam.dev.jsonl"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def each(change: Callable[[Policy], Policy | list[Policy]]) -> Spelling:
    """A spelling that rewrites each statement, perhaps as several."""
    return lambda raw: {**raw, "Statement": [n for s in listed(raw["Statement"]) for n in listed(change(dict(s)))]}


def actions(change: Callable[[str], str]) -> Spelling:
    keys = ("Action", "NotAction")
    return each(lambda s: {k: [change(a) for a in listed(v)] if k in keys else v for k, v in s.items()})


def conditions(operator: Callable[[str], str], key: Callable[[str], str], values: Callable[[Any], Any]) -> Spelling:
    def spelled(block: Policy) -> Policy:
        return {operator(o): {key(k): values(v) for k, v in keys.items()} for o, keys in block.items()}

    return each(lambda s: {**s, "Condition": spelled(s["Condition"])} if s.get("Condition") else s)


def same(text: str) -> str:
    return text


def also(statement: Policy, operator: str, key: str, value: str) -> Policy:
    """The statement with one condition beside its others."""
    block = statement.get("Condition", {})
    return {**statement, "Condition": {**block, operator: {**block.get(operator, {}), key: value}}}


def more(statement: Policy) -> Spelling:
    return lambda raw: {**raw, "Statement": [statement, *listed(raw["Statement"])]}


ANYWHERE: dict[str, Spelling] = {
    "upper case": actions(str.upper),
    "lower case": actions(str.lower),
    "an action a statement": each(lambda s: [{**s, "Action": a} for a in listed(s["Action"])] if "Action" in s else s),
    "backwards": lambda raw: {**raw, "Statement": listed(raw["Statement"])[::-1]},
    "lists": each(lambda s: {k: listed(v) if k in ("Action", "Resource") else v for k, v in s.items()}),
    "twice": lambda raw: {**raw, "Statement": listed(raw["Statement"]) * 2},
    "elements in lower case": each(lambda s: {k.lower(): v for k, v in s.items()}),
    "named": each(lambda s: {**s, "Sid": "A"}),
    "keys in upper case": conditions(same, str.upper, same),
    "operators in lower case": conditions(str.lower, same, same),
    "values in lists": conditions(same, same, listed),
}

IDENTITY: dict[str, Spelling] = {
    **ANYWHERE,
    "denied unless MFA": more(deny(Condition=MFA)),
    "denied unless MFA, but some": more({"Effect": "Deny", "NotAction": "iam:Get*", "Resource": "*", "Condition": MFA}),
    "where anything is": each(lambda s: also(s, "StringLikeIfExists", "aws:x", "*")),
}

OPEN_SPELLINGS: dict[str, Spelling] = {
    "a star at the end": actions(lambda a: a[:-2] + "*" if "*" not in a else a),
    "a mark at the end": actions(lambda a: a[:-1] + "?" if "*" not in a else a),
    "a star in the service": actions(lambda a: f"{a[0]}*{a[a.index(':') :]}" if ":" in a else a),
}
"""Spellings that take in the original, and perhaps more."""

RESOURCE: dict[str, Spelling] = {
    **ANYWHERE,
    "principals in lists": each(lambda s: {k: _listed_principal(v) if "rincipal" in k else v for k, v in s.items()}),
    "denied without TLS": more(
        {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    ),
    "allowed with TLS": each(lambda s: also(s, "Bool", "aws:SecureTransport", "true") if s["Effect"] == "Allow" else s),
}


def _listed_principal(value: Any) -> Any:
    if not isinstance(value, dict):
        return {"AWS": [_root(value)]}
    return {kind: [_root(v) if kind == "AWS" else v for v in listed(who)] for kind, who in value.items()}


def _root(value: str) -> str:
    return f"arn:aws:iam::{value}:root" if len(value) == 12 and value.isdigit() else value


def _policies() -> Iterator[tuple[str, Policy]]:
    passing = allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}})
    statements: dict[str, list[Policy]] = {
        "everything": [allow()],
        "everything but": [{"Effect": "Allow", "NotAction": ["s3:*", "ec2:*"], "Resource": "*"}],
        "all of IAM": [allow("iam:*")],
        "pass and create": [allow(CREATE)],
        "pass under a condition": [passing, allow(CREATE[1:], "arn:aws:lambda:*:*:function:app-*")],
        "a path denied": [allow(CREATE), deny("lambda:CreateFunction")],
        "denied on some": [allow("iam:Put*"), deny("iam:PutUserPolicy", "arn:aws:iam::*:user/*")],
        "over": [allow("iam:PutUserPolicy", Condition={"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})],
        "reads": [allow(["s3:Get*", "iam:List*"])],
    }
    for name, listed_ in statements.items():
        yield name, {"Version": "2012-10-17", "Statement": listed_}


def _grants() -> Iterator[tuple[str, Policy]]:
    statements: dict[str, list[Policy]] = {
        "everyone": [grant("*")],
        "everyone but one": [{"Effect": "Allow", "NotPrincipal": {"AWS": OTHER}, "Action": "sqs:SendMessage"}],
        "own account": [grant(OWN)],
        "another account": [grant({"AWS": [OWN, OTHER]})],
        "an own organisation": [grant("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-own"}})],
        "a foreign source": [grant("*", Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{OTHER}:*"}})],
        "the resource's account": [grant("*", Condition={"StringEquals": {"aws:ResourceAccount": OWN}})],
        "a range": [grant("*", Condition={"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}})],
        "a service": [grant({"Service": "s3.amazonaws.com"})],
        "a service for one account": [
            grant({"Service": "s3.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": OWN}})
        ],
        "denied to strangers": [
            grant("*"),
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "*",
                "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-own"}},
            },
        ],
    }
    for name, listed_ in statements.items():
        yield name, {"Version": "2012-10-17", "Statement": listed_}


def of_identity(raw: Policy) -> tuple[set[str], str]:
    document = parse(raw, "identity")
    admin = administrator([document])
    return found(document), admin.kind if admin else ""


def verdict(raw: Policy, kind: str = "resource", trust: Trust = TRUST) -> str:
    return reach(parse(raw, kind), trust).verdict


@pytest.mark.parametrize("spelling", IDENTITY.values(), ids=IDENTITY)
@pytest.mark.parametrize("raw", [p for _, p in _policies()], ids=[n for n, _ in _policies()])
def test_an_identity_policy_in_another_spelling(raw: Policy, spelling: Spelling) -> None:
    assert of_identity(spelling(copy.deepcopy(raw))) == of_identity(raw)


@pytest.mark.parametrize("spelling", OPEN_SPELLINGS.values(), ids=OPEN_SPELLINGS)
@pytest.mark.parametrize("raw", [p for n, p in _policies() if "den" not in n and "but" not in n])
def test_a_wildcard_takes_in_what_it_stands_for(raw: Policy, spelling: Spelling) -> None:
    assert of_identity(spelling(raw))[0] >= of_identity(raw)[0]


@pytest.mark.parametrize("held", [CREATE, ["iam:PutUserPolicy"], ["iam:PassRole"], ["scheduler:CreateSchedule"]])
def test_all_but_the_others_is_the_same_as_these(held: list[str]) -> None:
    others = sorted(all_actions() - {a.lower() for a in held})
    complement = {"Statement": [{"Effect": "Allow", "NotAction": others, "Resource": "*"}]}
    assert of_identity(complement)[0] == of_identity({"Statement": [allow(held)]})[0]


@pytest.mark.parametrize("spelling", RESOURCE.values(), ids=RESOURCE)
@pytest.mark.parametrize("raw", [p for _, p in _grants()], ids=[n for n, _ in _grants()])
def test_a_resource_policy_in_another_spelling(raw: Policy, spelling: Spelling) -> None:
    assert verdict(spelling(copy.deepcopy(raw))) == verdict(raw)


@pytest.mark.parametrize("operator", [lambda o: f"{o}IfExists", lambda o: f"ForAllValues:{o}"], ids=["if", "all"])
def test_a_condition_that_holds_without_its_key_opens_an_allow(operator: Callable[[str], str]) -> None:
    loosened = conditions(operator, same, same)
    for name, raw in _grants():
        if (
            raw["Statement"][0].get("Condition")
            and len(raw["Statement"]) == 1
            and raw["Statement"][0]["Principal"] == "*"
        ):
            assert verdict(loosened(raw)) == "public", name


@pytest.mark.skipif(not CORPUS.exists(), reason="needs ../shared/corpora/iam.dev.jsonl")
def test_the_corpus_in_every_other_spelling() -> None:
    rows = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    wrong = [f"{r['id']} {name}" for r in rows[::3] for name in _changed(r)]
    assert wrong == []


def _changed(row: Policy) -> Iterator[str]:
    """The spellings that change the answer about a row."""
    trust = Trust(row["ctx"].get("account", ""), frozenset(row["ctx"].get("trusted_accounts", ())))
    identity = row["kind"] == "identity"
    try:
        parse(row["policy"], row["kind"])
    except BadPolicy:
        return
    expected = of_identity(row["policy"]) if identity else verdict(row["policy"], row["kind"], trust)
    for name, spelling in (IDENTITY if identity else RESOURCE).items():
        raw = spelling(copy.deepcopy(row["policy"]))
        if (of_identity(raw) if identity else verdict(raw, row["kind"], trust)) != expected:
            yield name
