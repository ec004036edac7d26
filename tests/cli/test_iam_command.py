"""`suture iam`: JSON lines that answer everything, pictures, roles of an account, and proofs."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.explain import answer, answers, lines_of

NOW = "2026-01-01T00:00:00Z"
ADMIN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
FIELDS = {"id", "reach", "public", "external", "admin", "escalation", "reasons", "error"}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


def grant(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", **more}]}


def under(operator: str, key: str, value: str) -> dict[str, Any]:
    return allow("s3:*", Condition={operator: {key: value}})


def ask(kind: str, policy: Any, **context: Any) -> dict[str, Any]:
    return answer(json.dumps({"id": 7, "kind": kind, "policy": policy, "context": context}).encode(), NOW)


class TestAnswers:
    @pytest.mark.parametrize(
        ("kind", "policy", "context", "expected"),
        [
            ("resource", grant("*"), {}, {"reach": "public", "public": True, "external": True}),
            ("resource", grant({"AWS": "210987654321"}), {}, {"reach": "external", "public": False, "external": True}),
            (
                "resource",
                grant({"AWS": "210987654321"}),
                {"account": "123456789012", "trusted_accounts": ["210987654321"]},
                {"reach": "private", "external": False},
            ),
            (
                "resource",
                grant("*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}),
                {"trusted_endpoints": ["vpce-1"]},
                {"reach": "private"},
            ),
            ("trust", {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:*"}]}, {}, {"public": True}),
            ("identity", ADMIN, {}, {"admin": True, "reach": "private"}),
            ("identity", ADMIN, {"boundary": allow("s3:*")}, {"admin": False, "escalation": []}),
            ("identity", ADMIN, {"boundary": []}, {"admin": False, "escalation": []}),
            ("identity", allow("iam:PutUserPolicy"), {}, {"admin": False, "escalation": ["iam-put-user-policy"]}),
            ("identity", allow("iam:*"), {}, {"admin": False}),
            (
                "identity",
                {"Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]},
                {},
                {"admin": True},
            ),
            ("identity", allow("iam:PutUserPolicy"), {"scps": [allow("s3:*")]}, {"escalation": []}),
            ("identity", allow("iam:PutUserPolicy"), {"scps": [[ADMIN], [allow("s3:*")]]}, {"escalation": []}),
            (
                "identity",
                allow("iam:PutUserPolicy"),
                {"scps": [[ADMIN], [ADMIN]]},
                {"escalation": ["iam-put-user-policy"]},
            ),
            (
                "identity",
                allow("iam:PassRole"),
                {"other_policies": [allow("scheduler:CreateSchedule")]},
                {"escalation": ["scheduler-schedule"]},
            ),
            (
                "identity",
                allow("iam:PutUserPolicy", Condition={"DateLessThan": {"aws:CurrentTime": "2025-12-31T00:00:00Z"}}),
                {},
                {"escalation": []},
            ),
        ],
    )
    def test_each_kind_with_its_context(self, kind: str, policy: Any, context: Any, expected: dict[str, Any]) -> None:
        found = ask(kind, policy, **context)
        assert {k: found[k] for k in expected} == expected
        assert found["error"] is None
        assert found["id"] == 7
        assert set(found) == FIELDS
        assert found["reasons"]

    def test_a_policy_may_be_text_and_a_context_may_be_absent_or_null(self) -> None:
        line = {"id": "a", "kind": "identity", "policy": json.dumps(ADMIN), "context": None}
        assert answer(json.dumps(line).encode(), NOW)["admin"] is True

    def test_a_context_key_that_is_not_known_is_said(self) -> None:
        assert "'trusted_acounts'" in " ".join(ask("resource", grant("*"), trusted_acounts=["1"])["reasons"])


BAD = {
    "no JSON": (b"oops", "line: not JSON at character 0"),
    "cut": (json.dumps({"id": 1, "kind": "identity", "policy": ADMIN}).encode()[:60], "line: not JSON"),
    "no UTF-8": (b'{"id": "\xff"}', "line: not UTF-8 at byte 8"),
    "no object": (b"[1]", "line: must be an object"),
    "too deep": (b"[" * 200_000, "nesting too deep"),
    "a long number": (b'{"id": ' + b"9" * 6000 + b"}", "a number too long"),
    "no kind": (b'{"policy": {}}', "kind: must be one of identity, resource, trust"),
    "no policy": (b'{"kind": "trust"}', "policy: is missing"),
    "a policy of another type": (b'{"kind": "trust", "policy": 5}', "policy: must be a policy document"),
    "a policy cut off": (b'{"kind": "identity", "policy": "{\\"Statement\\": ["}', "policy.line 1 column"),
    "a bad statement": (b'{"kind": "identity", "policy": {"Statement": [{}]}}', "policy.Statement[0]"),
    "a key twice": (
        b'{"id": 3, "kind": "identity", "policy": {"Statement": {"Effect": "Allow", "Effect": "Deny"}}}',
        "line.policy.Statement: 'Effect' occurs twice",
    ),
    "a context that is none": (b'{"kind": "identity", "policy": {"Statement": []}, "context": 1}', "context: must be"),
    "a bad boundary": (
        b'{"kind": "identity", "policy": {"Statement": []}, "context": {"boundary": {"Statement": 1}}}',
        "context.boundary.Statement[0]",
    ),
    "a bad other policy": (
        b'{"kind": "identity", "policy": {"Statement": []}, "context": {"other_policies": [{"Statement": []}, 1]}}',
        "context.other_policies[1]",
    ),
    "a number that is none": (b'{"id": NaN, "kind": "identity"}', "a number too long or infinite"),
    "an infinite number": (b'{"id": 1e999, "kind": "identity"}', "a number too long or infinite"),
    "an account that is none": (
        b'{"kind": "resource", "policy": {"Statement": []}, "context": {"account": "1234-5678-9012"}}',
        "context.account: must be text of twelve digits",
    ),
    "a long line": (b'{"kind": "identity", "policy": "' + b"x" * 4_000_000 + b'"}', "line: longer than"),
    "a policy cut at 100 KB": (
        json.dumps({"kind": "identity", "policy": json.dumps({"Statement": [ADMIN["Statement"][0]] * 3000})[:102_400]}),
        "policy.line 1 column",
    ),
    **{
        f"{action!r} as an action": (
            json.dumps({"kind": "identity", "policy": {"Statement": [{**ADMIN["Statement"][0], "Action": action}]}}),
            "policy.Statement[0].Action[0]",
        )
        for action in ("iam", "iam:a:b", " iam:*", "iam: *", "ïam:*", "＊", "*\u200b", "iam:", ":PassRole", "")
    },
    "accounts that are no list": (
        b'{"kind": "resource", "policy": {"Statement": []}, "context": {"trusted_accounts": "1"}}',
        "context.trusted_accounts: must be a list",
    ),
}


class TestBadInput:
    @pytest.mark.parametrize(("line", "expected"), BAD.values(), ids=BAD)
    def test_is_answered_with_the_place(self, line: bytes | str, expected: str) -> None:
        found = answer(line.encode() if isinstance(line, str) else line, NOW)
        assert expected in found["error"]
        assert found["reach"] == "unknown"
        assert set(found) == FIELDS

    @pytest.mark.parametrize(
        "statements",
        [
            [{"Action": "*a" * 200}],
            [{"Action": "?" * 100_000}, {"Action": "iam:*", "Resource": "?" * 100_000}],
            [{"Action": "*" * 100_000}],
            [
                {"Action": "iam:*", "Resource": "*a" * 300 + "b"},
                {"Effect": "Deny", "Action": "iam:*", "Resource": "*a" * 300},
            ],
            [{"Action": [f"iam:A{i}*" for i in range(5000)]}],
            [{"Action": f"s3:Get{i}", "Resource": f"arn:aws:s3:::b{i}/*"} for i in range(3000)],
            [
                {},
                *({"Effect": "Deny", "Action": "iam:*", "Resource": f"arn:aws:iam::*:user/u{i}*"} for i in range(1500)),
            ],
        ],
    )
    def test_takes_no_more_than_a_few_seconds(self, statements: list[dict[str, Any]]) -> None:
        one = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        line = json.dumps({"kind": "identity", "policy": {"Statement": [{**one, **s} for s in statements]}}).encode()
        began = time.process_time()
        assert answer(line, NOW)["error"] is None
        assert time.process_time() - began < 5

    @pytest.mark.parametrize(
        ("version", "paths"),
        [("2012-10-17", {"iam-attach-user-policy", "iam-put-user-policy"}), ("2008-10-17", set())],
    )
    def test_the_old_version_has_no_variables(self, version: str, paths: set[str]) -> None:
        own = {"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::123456789012:user/${aws:username}"}
        found = ask("identity", {"Version": version, "Statement": [own]})
        assert paths <= set(found["escalation"]) and bool(found["escalation"]) is bool(paths)

    @pytest.mark.parametrize(
        ("scps", "expected"),
        [
            ([ADMIN], True),
            ([[ADMIN], [ADMIN]], True),
            ([[ADMIN], []], False),
            ([[ADMIN, {"Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}}]], False),
        ],
    )
    def test_an_administrator_is_one_below_service_control_policies_too(self, scps: Any, expected: bool) -> None:
        assert ask("identity", ADMIN, scps=scps)["admin"] is expected

    def test_a_line_without_end_is_not_kept(self) -> None:
        long = io.BytesIO(b"x" * 9_000_000 + b"\n{}\n" + b"y" * 3)
        assert [len(line) for line in lines_of(long)] == [4_000_002, 3, 3]

    def test_the_id_is_kept_and_the_rest_still_read(self) -> None:
        good = json.dumps({"id": 9, "kind": "identity", "policy": ADMIN}).encode()
        found = list(answers([good, b"oops", b"  \n", BAD["a key twice"][0], good], NOW))
        assert [f["id"] for f in found] == [9, None, 3, 9]
        assert [f["error"] is None for f in found] == [True, False, False, True]

    @given(st.binary(max_size=300) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
            ("id", "kind", "policy", "context", "Statement", "Effect", "Action", "boundary", "scps", "account")), inner,
            max_size=4), max_leaves=12).map(lambda v: json.dumps(v).encode()))  # fmt: skip
    @settings(max_examples=300, deadline=None)
    def test_anything_has_an_answer(self, line: bytes) -> None:
        assert set(answer(line, NOW)) == FIELDS


class TestExplainCommand:
    def test_lines_from_a_file_and_from_stdin(self, run: Any, tmp_path: Path) -> None:
        lines = json.dumps({"id": 1, "kind": "identity", "policy": ADMIN}) + "\nbad\n"
        (tmp_path / "in.jsonl").write_text(lines)
        for result in (run("iam", "explain", str(tmp_path / "in.jsonl")), run("iam", "explain", "-", input=lines)):
            assert result.exit_code == 0
            found = [json.loads(line) for line in result.stdout.splitlines()]
            assert [f["id"] for f in found] == [1, None]
            assert found[0]["admin"] is True

    def test_a_file_that_is_one_policy(self, run: Any, tmp_path: Path) -> None:
        path = tmp_path / "policy.json"
        path.write_text(
            json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}, indent=1)
        )
        found = json.loads(run("iam", "explain", str(path)).stdout)
        assert (found["reach"], found["id"]) == ("public", str(path))

    def test_the_picture_marks_what_is_risky_and_numbers_the_steps(self, run: Any, tmp_path: Path) -> None:
        path = tmp_path / "policy.json"
        path.write_text(json.dumps(allow(["s3:Get*", "iam:PassRole", "scheduler:CreateSched*"])))
        shown = run("iam", "explain", str(path), "--pretty").stdout
        assert '  »     "scheduler:CreateSched*"' in shown
        assert '        "s3:Get*",' in shown
        assert "  1. Passes a role to EventBridge Scheduler (iam:PassRole)." in shown
        assert "  2. Schedules any AWS call" in shown

    def test_the_picture_of_reach_and_of_a_bad_line(self, run: Any) -> None:
        line = json.dumps({"id": "q", "kind": "resource", "policy": grant({"AWS": "*"})})
        shown = run("iam", "explain", "--pretty", input=line + "\nbad\n").stdout
        assert '  »     "AWS": "*"' in shown
        assert "public: Statement 1" in shown
        assert "unknown: line: not JSON" in shown

    def test_a_file_that_is_not_there(self, run: Any) -> None:
        result = run("iam", "explain", "nowhere.jsonl")
        assert result.exit_code == 2
        assert "nowhere.jsonl" in result.stderr


class TestRoles:
    def give(self, shop: Any, role: str, document: Any, name: str = "inline") -> str:
        arn = str(shop.role(role))
        shop.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        return arn

    def test_a_role_is_explained_with_the_roles_it_can_pass(self, shop: Any, run: Any) -> None:
        create = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]
        arn = self.give(shop, "deploy", allow(create))
        self.give(shop, "harmless", allow("s3:GetObject"))
        calm = json.loads(run("iam", "explain", "role/deploy").stdout)
        assert (calm["id"], calm["escalation"], calm["reach"]) == (arn, [], "service-unbound")
        self.give(shop, "boss", ADMIN)
        found = json.loads(run("iam", "explain", arn).stdout)
        assert found["escalation"] == ["lambda-create-function"]
        assert any("role boss" in reason for reason in found["reasons"])
        shown = run("iam", "explain", "role/deploy", "--pretty").stdout
        assert "4. Is administrator as role boss." in shown
        assert "Policy inline" in shown
        assert "Trust policy" in shown
        assert "    leads to: lambda-create-function" in shown

    def test_roles_beyond_the_limit_are_unknown(self, shop: Any, run: Any) -> None:
        self.give(shop, "deploy", allow(["iam:PassRole", "scheduler:CreateSchedule"]))
        self.give(shop, "other", allow("s3:GetObject"))
        found = json.loads(run("iam", "explain", "role/deploy", "--roles", "1").stdout)
        assert found["escalation"] == ["scheduler-schedule"]
        assert any("Only 1 of 2 roles" in reason for reason in found["reasons"])

    def test_a_boundary_counts(self, shop: Any, run: Any) -> None:
        self.give(shop, "held", ADMIN)
        limit = shop.iam.create_policy(PolicyName="limit", PolicyDocument=json.dumps(allow("s3:*")))["Policy"]["Arn"]
        shop.iam.put_role_permissions_boundary(RoleName="held", PermissionsBoundary=limit)
        found = json.loads(run("iam", "explain", "role/held").stdout)
        assert (found["admin"], found["escalation"]) == (False, [])

    @pytest.mark.parametrize(
        "arguments",
        [
            ("explain", "role/nobody"),
            ("explain", "arn:aws:iam::210987654321:role/x"),
            ("can", "user/ann", "s3:GetObject", "*"),
        ],
    )
    def test_what_names_no_role_of_the_account(self, shop: Any, run: Any, arguments: tuple[str, ...]) -> None:
        result = run("iam", *arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith("error: ")


class TestCan:
    @pytest.mark.parametrize(
        ("action", "resource", "context", "verdict", "code"),
        [
            ("s3:GetObject", "arn:aws:s3:::b/x", (), "allowed", 0),
            ("s3:PutObject", "arn:aws:s3:::b/x", (), "denied", 1),
            ("sqs:SendMessage", "*", (), "allowed-if", 2),
            ("sqs:SendMessage", "*", ("aws:MultiFactorAuthPresent=true",), "allowed", 0),
            ("sqs:SendMessage", "*", ("aws:SourceIp=10.0.0.1",), "denied", 1),
        ],
    )
    def test_says_which_statement(
        self, shop: Any, run: Any, action: str, resource: str, context: tuple[str, ...], verdict: str, code: int
    ) -> None:
        shop.role("app")
        mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        document = {
            "Version": "2012-10-17",
            "Statement": [*allow("s3:Get*")["Statement"], *allow("sqs:*", Condition=mfa)["Statement"]],
        }
        shop.iam.put_role_policy(RoleName="app", PolicyName="work", PolicyDocument=json.dumps(document))
        extra = [part for pair in context for part in ("--context", pair)]
        result = run("iam", "can", "role/app", action, resource, "--json", *extra)
        said = json.loads(result.stdout)
        assert (said["verdict"], result.exit_code) == (verdict, code)
        assert verdict == "denied" or any("policy work: statement" in reason for reason in said["reasons"])
        assert verdict in run("iam", "can", "role/app", action, resource, *extra).stdout

    def test_a_functions_own_policy_is_read(self, shop: Any, run: Any) -> None:
        arn = shop.function("shop", shop.role("app"))
        assert run("iam", "can", "role/app", "lambda:InvokeFunction", arn).exit_code == 1
        shop.open("shop")
        result = run("iam", "can", "role/app", "lambda:InvokeFunction", arn)
        assert result.exit_code == 0
        assert "the resource's policy" in result.stdout

    @pytest.mark.parametrize("wrong", [("s3", "*"), ("s3:Get", "*", "--context", "aws:SourceIp")])
    def test_wrong_usage(self, run: Any, wrong: tuple[str, ...]) -> None:
        assert run("iam", "can", "role/app", *wrong).exit_code == 2


class TestSubset:
    @pytest.mark.parametrize(
        ("new", "old", "code", "verdict"),
        [
            (allow("s3:GetObject"), allow("s3:*"), 0, "subset"),
            (allow("s3:*"), allow("s3:GetObject"), 1, "more"),
            (allow("s3:Get*", "arn:aws:s3:::a/*"), allow("s3:*", "arn:aws:s3:::b/*"), 1, "more"),
            (
                allow("s3:Get*"),
                allow("s3:Get*", Condition={"Bool": {"aws:SecureTransport": "true"}}),
                1,
                "more",
            ),
            (grant("*"), grant({"AWS": "123456789012"}), 1, "more"),
            (allow("s3:Get*"), allow("s3:Get?*"), 1, "more"),
            (under("StringEqualsIfExists", "aws:x", "b"), under("StringEquals", "aws:x", "b"), 1, "more"),
            (under("StringEquals", "aws:x", "b"), under("StringEqualsIfExists", "aws:x", "b"), 0, "subset"),
            (
                under("ForAllValues:StringEquals", "aws:x", "b"),
                under("ForAnyValue:StringEquals", "aws:x", "b"),
                1,
                "more",
            ),
            (under("NumericLessThan", "s3:max-keys", "10"), under("NumericLessThan", "s3:max-keys", "5"), 1, "more"),
            (under("DateLessThan", "aws:x", "2030-01-01"), under("DateLessThan", "aws:x", "2025-01-01"), 1, "more"),
            (
                under("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
                under("IpAddress", "aws:SourceIp", "10.1.0.0/16"),
                1,
                "more",
            ),
            (
                under("IpAddress", "aws:SourceIp", "10.1.0.0/16"),
                under("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
                0,
                "subset",
            ),
            (under("StringLike", "aws:x", "a*"), under("StringEquals", "aws:x", "a*"), 1, "more"),
            (under("StringIsh", "aws:x", "b"), under("StringEquals", "aws:x", "b"), 2, "unknown"),
            (allow("*"), {"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}, 1, "more"),
            (allow("s3:*", "arn:aws:s3:::b/${aws:username}/*"), allow("s3:*", "arn:aws:s3:::b/*"), 0, "subset"),
            (
                {**allow("s3:*", "arn:aws:s3:::b/${aws:username}/*"), "Version": "2008-10-17"},
                allow("s3:*", "arn:aws:s3:::b/${aws:username}/*"),
                1,
                "more",
            ),
            (
                allow("s3:*"),
                {"Statement": [*allow("s3:*")["Statement"], {**allow("s3:*")["Statement"][0], "Effect": "Deny"}]},
                1,
                "more",
            ),
            (ADMIN, grant("*"), 2, "unknown"),
        ],
    )
    def test_verdicts(self, run: Any, tmp_path: Path, new: Any, old: Any, code: int, verdict: str) -> None:
        paths = []
        for name, document in (("new.json", new), ("old.json", old)):
            (tmp_path / name).write_text(json.dumps(document))
            paths.append(str(tmp_path / name))
        result = run("iam", "subset", *paths, "--json")
        said = json.loads(result.stdout)
        assert (result.exit_code, said["verdict"]) == (code, verdict)
        assert (said["counter_example"] is not None) is (verdict == "more")
        assert run("iam", "subset", *paths).exit_code == code

    @pytest.mark.parametrize("text", ["{", "[]", '{"Statement": [{}]}', ""])
    def test_what_cannot_be_read_cannot_be_told(self, run: Any, tmp_path: Path, text: str) -> None:
        (tmp_path / "bad.json").write_text(text)
        result = run("iam", "subset", str(tmp_path / "bad.json"), str(tmp_path / "bad.json"))
        assert result.exit_code == 2
        assert "bad.json" in result.stderr
