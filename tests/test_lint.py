from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runbook_texts import CONTROLS, ROOT, RUNBOOK, SECRET, changed

from chalicelib.controls import all_controls
from chalicelib.errors import BadInput, BadRunbook
from suture import yamlfile
from suture.awsmodels import call_problems, configuration_names, exists, is_sensitive
from suture.compile import lint_file, runbook_sources
from suture.lint import runbook_problems, tier_floor
from suture.yamlfile import Problem

ROLE = (
    RUNBOOK[: RUNBOOK.index("guards:")]
    .replace("lambda-close-url", "iam-close-role")
    .replace("[url-open]", "[role-open]")
    .replace("tier: low", "tier: high")
    .replace("mode: auto", "mode: propose")
    + """\
params: {boundary: {deployment: boundary_arn}}
steps:
  - call: iam:PutRolePermissionsBoundary
    with: {RoleName: =resource.id, PermissionsBoundary: =params.boundary}
    undo:
      - {call: iam:DeleteRolePermissionsBoundary, when: "contains(resource.id, 'a')", with: {RoleName: =resource.id}}
      - {call: iam:DeleteRolePermissionsBoundary, when: "!contains(resource.id, 'a')", with: {RoleName: =resource.id}}
"""
    + RUNBOOK[RUNBOOK.index("approval:") :]
)


def found(text: str, name: str = "") -> tuple[Problem, ...]:
    first = text.split("\n", 1)[0].removeprefix("id: ")
    return runbook_problems(yamlfile.loads(text.encode(), name or f"runbooks/{first}/1.0.0.yaml", BadRunbook), CONTROLS)


@pytest.mark.parametrize("text", [RUNBOOK, SECRET, ROLE])
def test_a_good_runbook_is_silent(text: str) -> None:
    assert [str(p) for p in found(text)] == []


def test_the_name_of_the_file_is_id_and_version() -> None:
    assert "is not the folder's name" in found(RUNBOOK, "runbooks/other/1.0.0.yaml")[0].what
    assert "is not the folder's name" in found(RUNBOOK, "1.0.0.yaml")[0].what
    assert "is not the file's name" in found(RUNBOOK, "runbooks/lambda-close-url/1.0.1.yaml")[0].what


U = "lambda:UpdateFunctionUrlConfig"
STEP = f"  - call: {U}\n"
AUTH = "      AuthType: AWS_IAM\n"
EACH = "    each: =finding.evidence\n"
EDITS = [
    (RUNBOOK, "[url-open]", "[url-opn]", 5, "there is no control url-opn"),
    (RUNBOOK, "[url-open]", "[url-open, role-open]", 5, "different resource types"),
    (RUNBOOK, STEP, "  - call: lambda:GetPolicy\n", 12, "no write operation of the catalogue"),
    (RUNBOOK, STEP, "  - call: lambda:UpdateFunctionCode\n", 12, "no write operation of the catalogue"),
    (RUNBOOK, STEP, "  - call: dynamodb:PutItem\n", 12, "no write operation of the catalogue"),
    (RUNBOOK, STEP, "  - call: lambda:updateFunctionUrlConfig\n", 12, "is not allowed here"),
    (RUNBOOK, AUTH, AUTH + "      Cors: {}\n", 18, "Cors is never allowed"),
    (RUNBOOK, AUTH, AUTH + '      "Cors?": =resource.tags\n', 18, "Cors is never allowed"),
    (RUNBOOK, AUTH, AUTH + "      Authtype: AWS_IAM\n", 18, "Authtype is no parameter"),
    (RUNBOOK, AUTH, "      AuthType: IAM\n", 17, "'IAM' is not one of NONE, AWS_IAM"),
    (RUNBOOK, AUTH, "      AuthType: 7\n", 17, "a string is wanted"),
    (RUNBOOK, "      FunctionName: =resource.arn\n", "", 14, "the required parameter FunctionName is missing"),
    (RUNBOOK, "      FunctionName: =resource.arn\n", "      FunctionName?: =resource.arn\n", 15, "cannot be optional"),
    (RUNBOOK, AUTH, "      AuthType: {late: =each.x}\n", 17, "is no secret of a step, so it cannot be late"),
    (RUNBOOK, EACH, "", 15, "unknown root 'each'"),
    (RUNBOOK, EACH, "    each: finding.evidence\n", 13, "`each` is an expression"),
    (RUNBOOK, EACH, "    each: =each.x\n", 13, "unknown root 'each'"),
    (RUNBOOK, EACH, EACH + "    when: answer.x\n", 14, "unknown root 'answer'"),
    (RUNBOOK, EACH, EACH + "    when: length(each)\n", 14, "can never be true or false"),
    (RUNBOOK, "length(finding.evidence) > `0`", "length(finding.evidence)", 10, "can never be true or false"),
    (RUNBOOK, "length(finding.evidence) > `0`", "each.x", 10, "unknown root 'each'"),
    (RUNBOOK, "length(finding.evidence) > `0`", "resource.tags.a != 'x'", 10, "null differs from everything"),
    (RUNBOOK, "length(finding.evidence) > `0`", "resource.config.FunctionUrl == 'x'", 10, "has no 'FunctionUrl'"),
    (RUNBOOK, "AuthType: =each.AuthType", "AuthType: =resource.tgs", 20, "'resource' has no 'tgs'"),
    (RUNBOOK, "AuthType: =each.AuthType", "AuthType: =answer.a", 20, "unknown root 'answer'"),
    (RUNBOOK, "AuthType: =each.AuthType", "AuthType: =token(each.a)", 20, "neither built in nor declared"),
    (RUNBOOK, "mode: auto\n", "mode: auto\nuses: [token@1]\n", 9, "declared and never used"),
    (RUNBOOK, "mode: auto\n", "mode: auto\nuses: [token@9]\n", 9, "there is no function token@9"),
    (RUNBOOK, "mode: auto\n", "mode: auto\nparams: {a: 1}\n", 9, "the parameter a is never used"),
    (RUNBOOK, "mode: auto\n", "mode: auto\nwatch: {for: 30m, undo_if: each.x}\n", 9, "unknown root 'each'"),
    (
        RUNBOOK,
        "mode: auto\n",
        "mode: auto\nwatch: {for: 30m, undo_if: length(case)}\n",
        9,
        "can never be true or false",
    ),
    (ROLE, "tier: high", "tier: medium", 6, "tier medium is too low: iam:DeleteRolePermissionsBoundary writes"),
    (ROLE, "=params.boundary", "=params.bondary", 12, "'params' has no 'bondary'"),
    (ROLE, '''"!contains(resource.id, 'a')"''', "resource.tags.a.b || 'x'", 15, "can never be true or false"),
    (ROLE, "reversible: full", "reversible: none", 0, ""),
    (SECRET, '{late: "=environment_value(resource.config, each)"}', "=each.Value", 16, "is a secret, and a plan never"),
    (SECRET, '{late: "=environment_value(resource.config, each)"}', "hunter2", 16, "is a secret, and a plan never"),
    (
        SECRET,
        '{late: "=environment_value(resource.config, each)"}',
        "{late: [a]}",
        16,
        "one expression, never optional",
    ),
    (SECRET, "(resource.config, each)", "(resource.config)", 16, "environment_value@1 does not take 1"),
    (SECRET, "(resource.config, each)", "(resource.config, ech)", 16, "unknown root 'ech'"),
    (SECRET, "      Name: =each.Name\n", "      Name: {late: =each.Name}\n", 15, "so it cannot be late"),
    (SECRET, "      Name: =each.Name\n", "      Name: x\n      Tags: [{late: =each.a}]\n", 16, "stands alone"),
    (SECRET, "      SecretString:", "      SecretString?:", 16, "never optional"),
    (
        SECRET,
        "      with: {SecretId: =each.Name, ",
        "      with: {SecretId: {late: =each.x}, ",
        19,
        "so it cannot be late",
    ),
    (SECRET, "RecoveryWindowInDays: 30", "ForceDeleteWithoutRecovery: true", 19, "is never allowed"),
    (SECRET, "RecoveryWindowInDays: 30", "RecoveryWindowInDays: '30'", 19, "a long is wanted"),
    (SECRET, "RecoveryWindowInDays: 30", "RecoveryWindowInDays: true", 19, "a long is wanted"),
    (SECRET, "tier: high", "tier: medium", 6, "tier medium is too low: secretsmanager:CreateSecret writes"),
    (SECRET, "call: secretsmanager:DescribeSecret", "call: secretsmanager:DeleteSecret", 21, "no read operation"),
    (SECRET, '"answer.Name == each.Name"', '"answer.Name == ech.Name"', 24, "unknown root 'ech'"),
    (SECRET, '"answer.Name == each.Name"', "answer.Tags[]", 24, "can never be true or false"),
    (SECRET, "    each: =finding.evidence\n    with: {Sec", "    with: {Sec", 22, "unknown root 'each'"),
    (SECRET, "uses: [environment_value@1]\n", "", 15, "neither built in nor declared"),
]


@pytest.mark.parametrize(("text", "old", "new", "line", "what"), EDITS)
def test_what_is_wrong_is_named_with_its_line(text: str, old: str, new: str, line: int, what: str) -> None:
    problems = found(changed(text, old, new))
    wanted = [p for p in problems if what in p.what]
    if not what:
        assert [str(p) for p in problems] == []
        return
    assert wanted, [str(p) for p in problems]
    assert wanted[0].where.endswith(f"/1.0.0.yaml:{line}")
    assert wanted[0].next_step


def test_a_full_undo_needs_undo_calls() -> None:
    undo = RUNBOOK[RUNBOOK.index("    undo:\n") : RUNBOOK.index("approval:")]
    bare = changed(RUNBOOK, undo, "    undo: none\n")
    assert "a step without undo" in found(bare)[0].what
    honest = changed(changed(bare, "reversible: full", "reversible: none"), "mode: auto", "mode: propose")
    assert "it is only none reversible" in found(honest)[0].what
    assert found(changed(honest, "tier: low", "tier: high")) == ()


def test_one_runbook_writes_iam_or_secrets_never_both() -> None:
    both = changed(SECRET, "verify:\n", ROLE[ROLE.index("  - call: iam:Put") : ROLE.index("approval:")] + "verify:\n")
    both = changed(both, "mode: propose\n", "mode: propose\nparams: {boundary: {deployment: boundary_arn}}\n")
    assert any("writes both IAM and secrets" in p.what for p in found(both))


@pytest.mark.parametrize(
    ("call", "reversible", "floor"),
    [
        ("lambda:RemovePermission", "full", "low"),
        ("lambda:UpdateFunctionUrlConfig", "full", "low"),
        ("lambda:RemovePermission", "partial", "high"),
        ("apigateway:UpdateStage", "full", "medium"),
        ("iam:UpdateAssumeRolePolicy", "full", "high"),
        ("secretsmanager:CreateSecret", "full", "high"),
    ],
)
def test_the_tier_has_a_floor(call: str, reversible: str, floor: str) -> None:
    document = {"reversible": reversible, "steps": [{"call": call, "with": {}, "undo": "none"}]}
    assert tier_floor(document)[0] == floor


def test_calls_are_checked_at_every_depth() -> None:
    tags = {"Name": "x", "Tags": [{"Key": "a", "Valu": "b"}, {"Key": 1}]}
    assert dict(call_problems("secretsmanager:CreateSecret", tags)) == {
        ("Tags", 0, "Valu"): "Valu is no parameter here (there are: Key, Value)",
        ("Tags", 1, "Key"): "a string is wanted, and this is int",
    }
    patches = {"restApiId": "a", "stageName": "b", "patchOperations": "x"}
    assert dict(call_problems("apigateway:UpdateStage", patches)) == {
        ("patchOperations",): "a list is wanted, and this is str"
    }
    assert list(call_problems("apigateway:UpdateStage", {**patches, "patchOperations": "=any(x)"})) == []


def test_what_botocore_says() -> None:
    assert is_sensitive("secretsmanager:CreateSecret", "SecretString")
    assert not is_sensitive("secretsmanager:CreateSecret", "Name")
    assert not is_sensitive("secretsmanager:CreateSecret", "Nothing")
    assert exists("lambda:GetPolicy")
    assert not exists("lambda:GetPolcy")
    assert not exists("lamda:GetPolicy")
    assert "Qualifiers" in (configuration_names("AWS::Lambda::Function") or ())
    assert "AssumeRolePolicyDocument" in (configuration_names("AWS::IAM::Role") or ())
    assert configuration_names("AWS::Other::Thing") is None


# --- the runbooks that ship -----------------------------------------------------------------------------------------

SHIPPED = runbook_sources(ROOT)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.parent.name)
def test_a_shipped_runbook_is_valid(path: object) -> None:
    controls = all_controls()
    assert [str(p) for p in lint_file(path, ROOT, controls)] == []  # type: ignore[arg-type]


def test_every_control_has_a_runbook() -> None:
    documents = [yamlfile.load(path, BadRunbook).document for path in SHIPPED]
    assert {c for d in documents for c in d["remediates"]} == set(all_controls())


# --- laws -----------------------------------------------------------------------------------------------------------


@given(st.sampled_from([RUNBOOK, SECRET, ROLE]), st.data())
@settings(deadline=None, max_examples=300)
def test_a_damaged_runbook_is_valid_or_refused_by_us(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(text.index("remediates"), len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    put = data.draw(st.text(alphabet="a:{}[]?!'=.@1*", max_size=4))
    try:
        problems = found(text[:start] + put + text[end:])
    except BadInput as error:
        assert error.where
        assert error.next_step
    else:
        assert all(p.where and p.what and p.next_step for p in problems)
