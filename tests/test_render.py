"""Rendered files: fresh here, the same each time, and stale ones are named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.aws.operations import OPERATIONS
from chalicelib.controls import Control, Signal, all_controls
from chalicelib.errors import BadRunbook
from chalicelib.writers import WRITERS, writer_of
from suture.duties import DUTIES
from suture.policies import pattern, policy
from suture.render import call_patterns, render_events, render_policies, rendered_policies, writer_operations
from suture.sandbox.patterns import matches

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "../shared/samples"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what is rendered and what it is rendered from."""
    shutil.copy(ROOT / "resources.json", tmp_path)
    for folder in (".chalice", "runbooks", "governance"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("deployments"))
    return tmp_path


def resources(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / "resources.json").read_text())
    return found


# --- fresh and stale ------------------------------------------------------------------------------------------------


def test_what_is_committed_is_fresh() -> None:
    assert render_events(ROOT, check=True) == ()
    assert render_policies(ROOT, check=True) == ()


def test_a_stale_rule_is_named_left_alone_by_check_and_mended_otherwise(project: Path) -> None:
    document = resources(project)
    document["Resources"]["LambdaCallsRule"]["Properties"]["EventPattern"]["source"] = ["custom.forged"]
    stale = json.dumps(document)
    (project / "resources.json").write_text(stale)
    assert render_events(project, check=True) == (project / "resources.json",)
    assert (project / "resources.json").read_text() == stale
    assert render_events(project) == (project / "resources.json",)
    assert (project / "resources.json").read_bytes() == (ROOT / "resources.json").read_bytes()
    assert render_events(project) == ()


def test_a_rule_that_no_control_wants_any_more_disappears_and_hand_parts_stay(project: Path) -> None:
    document = resources(project)
    rule = document["Resources"]["LambdaCallsRule"]
    document["Resources"]["OldCallsRule"] = rule
    document["Resources"]["HandMade"] = {"Type": "AWS::SNS::Topic"}
    (project / "resources.json").write_text(json.dumps(document))
    render_events(project)
    found = resources(project)["Resources"]
    assert "OldCallsRule" not in found
    assert found["HandMade"] == {"Type": "AWS::SNS::Topic"}
    assert found["CaseTable"] == document["Resources"]["CaseTable"]


def test_a_policy_edited_by_hand_is_named(project: Path) -> None:
    path = project / ".chalice" / "remediate.policy.json"
    document = json.loads(path.read_text())
    document["Statement"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    path.write_text(json.dumps(document))
    assert render_policies(project, check=True) == (path,)
    render_policies(project)
    assert path.read_bytes() == (ROOT / ".chalice" / "remediate.policy.json").read_bytes()


def test_a_missing_policy_is_stale_too(project: Path) -> None:
    (project / ".chalice" / "notify.policy.json").unlink()
    assert render_policies(project, check=True) == (project / ".chalice" / "notify.policy.json",)


# --- events ---------------------------------------------------------------------------------------------------------


def rules() -> dict[str, Any]:
    """The rules that controls ask for; those for our own parts name them by the stack (tests/test_defending.py)."""
    entries = [(n, r) for n, r in resources(ROOT)["Resources"].items() if not n.startswith(("Own", "Heartbeat"))]
    return {n: r["Properties"]["EventPattern"] for n, r in entries if r.get("Type") == "AWS::Events::Rule"}


def heard(event: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, pattern in rules().items() if matches(pattern, event))


def call_event(source: str, name: str, **detail: Any) -> dict[str, Any]:
    record = {"eventSource": f"{source.removeprefix('aws.')}.amazonaws.com", "eventName": name, **detail}
    return {"source": source, "detail-type": "AWS API Call via CloudTrail", "detail": record}


SIGNALS = sorted({(s.source, n) for c in all_controls().values() for s in c.signals for n in s.names})


@pytest.mark.parametrize(("source", "name"), SIGNALS)
@pytest.mark.parametrize("suffix", ["", "20150331v2", "20171031"])
def test_every_signal_is_heard_however_cloudtrail_dates_it(source: str, name: str, suffix: str) -> None:
    assert len(heard(call_event(source, name + suffix))) == 1


@pytest.mark.parametrize(
    "event",
    [
        call_event("aws.lambda", "AddPermission20150331v2", errorCode="AccessDenied"),
        call_event("custom.lambda", "AddPermission20150331v2"),
        call_event("aws.ssm", "AddPermission"),
        call_event("aws.lambda", "Invoke"),
        call_event("aws.lambda", "GetPolicy20150331v2"),
        call_event("aws.lambda", "XAddPermission"),
        {**call_event("aws.lambda", "AddPermission"), "detail-type": "Mine"},
        {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {"state": "running"}},
    ],
)
def test_what_changed_nothing_or_can_be_forged_is_not_heard(event: dict[str, Any]) -> None:
    assert heard(event) == []


def item(kind: str, shape: str = "configurationItem") -> dict[str, Any]:
    detail = {"messageType": "ConfigurationItemChangeNotification", shape: {"resourceType": kind}}
    return {"source": "aws.config", "detail-type": "Config Configuration Item Change", "detail": detail}


def finding(source: str, kind: str, **detail: Any) -> dict[str, Any]:
    return {"source": source, "detail-type": kind, "detail": detail}


def asff(status: str = "FAILED", workflow: str = "NEW", kind: str = "AwsLambdaFunction") -> dict[str, Any]:
    body = {"RecordState": "ACTIVE", "Workflow": {"Status": workflow}, "Compliance": {"Status": status}}
    found = [{**body, "Resources": [{"Type": kind, "Id": "arn"}]}]
    return finding("aws.securityhub", "Security Hub Findings - Imported", findings=found)


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (item("AWS::Lambda::Function"), "ConfigItemsRule"),
        (item("AWS::IAM::Policy"), "ConfigItemsRule"),
        (item("AWS::IAM::Role", "configurationItemSummary"), "ConfigItemsRule"),
        (item("AWS::EC2::Instance"), ""),
        (asff(), "SecurityHubRule"),
        (asff(workflow="NOTIFIED", kind="AwsIamRole"), "SecurityHubRule"),
        (asff(status="PASSED"), ""),
        (asff(workflow="SUPPRESSED"), ""),
        (asff(kind="AwsEc2Instance"), ""),
        (finding("aws.securityhub", "Findings Imported V2", findings=[{"status": "New"}]), "SecurityHubV2Rule"),
        (finding("aws.securityhub", "Findings Imported V2", findings=[{"status": "Suppressed"}]), ""),
        (finding("aws.guardduty", "GuardDuty Finding", resource={"resourceType": "Lambda"}), "GuardDutyRule"),
        (finding("aws.guardduty", "GuardDuty Finding", resource={"resourceType": "Instance"}), ""),
        (
            finding("aws.access-analyzer", "Access Analyzer Finding", status="ACTIVE", resourceType="AWS::IAM::Role"),
            "AccessAnalyzerRule",
        ),
        (
            finding("aws.access-analyzer", "Access Analyzer Finding", status="RESOLVED", resourceType="AWS::IAM::Role"),
            "",
        ),
        (
            finding(
                "aws.inspector2", "Inspector2 Finding", status="ACTIVE", resources=[{"type": "AWS_LAMBDA_FUNCTION"}]
            ),
            "InspectorRule",
        ),
        (finding("mallory.guardduty", "GuardDuty Finding", resource={"resourceType": "Lambda"}), ""),
    ],
)
def test_other_sources_are_heard_where_they_concern_a_control(event: dict[str, Any], rule: str) -> None:
    assert heard(event) == ([rule] if rule else [])


def test_recorded_calls_of_the_signals_are_heard() -> None:
    if not SAMPLES.is_dir():
        pytest.skip("recorded events need ../shared/samples")
    seen = 0
    for path in SAMPLES.glob("cloudtrail/*/*.json"):
        record = json.loads(path.read_text())
        record = record.get("detail", record)
        if not isinstance(record, dict) or "eventName" not in record or "eventSource" not in record:
            continue
        source = "aws." + record["eventSource"].split(".")[0]
        wanted = any(s == source and record["eventName"].startswith(n) for s, n in SIGNALS)
        event = {"source": source, "detail-type": "AWS API Call via CloudTrail", "detail": record}
        assert bool(heard(event)) == (wanted and "errorCode" not in record), path.name
        seen += wanted
    assert seen >= 3


def test_no_pattern_comes_near_the_quota() -> None:
    """2,048 characters is the account's default for one pattern ("Amazon EventBridge quotas")."""
    assert all(len(json.dumps(p, separators=(",", ":"))) < 2048 for p in rules().values())


def test_names_that_a_shorter_one_covers_are_left_out_of_a_pattern() -> None:
    control = Control(
        title="t", why="w", severity="low", pillar="p", resource_type="X", judge=lambda r: None,
        signals=(Signal("aws.lambda", ("CreateFunctionUrlConfig", "CreateFunction")), Signal("aws.lambda", ("Add",))),
    )  # fmt: skip
    found = call_patterns([control, control])
    assert found["LambdaCalls"]["detail"]["eventName"] == [{"prefix": "Add"}, {"prefix": "CreateFunction"}]


def test_every_rule_keeps_what_it_could_not_deliver() -> None:
    for entry in resources(ROOT)["Resources"].values():
        if entry.get("Type") == "AWS::Events::Rule":
            [target] = entry["Properties"]["Targets"]
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["ChangesDlq", "Arn"]}}
            hears_reads = entry["Properties"]["Name"]["Fn::Sub"].endswith(("-reads", "-heartbeat"))
            group = target["SqsParameters"]["MessageGroupId"]
            assert entry["Properties"]["Name"] == {"Fn::Sub": f"suture-${{Stage}}-{group}"}
            state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" if hears_reads else "ENABLED"
            assert entry["Properties"]["State"] == state


# --- writers and policies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operations", "writer"),
    [
        (["lambda:RemovePermission", "lambda:AddPermission"], "remediate"),
        (["apigateway:UpdateStage"], "remediate"),
        (["iam:UpdateAssumeRolePolicy"], "remediate_iam"),
        (["iam:PutRolePermissionsBoundary", "lambda:RemovePermission"], "remediate_iam"),
        (["secretsmanager:CreateSecret", "secretsmanager:DescribeSecret"], "remediate_secrets"),
        (["lambda:RemovePermission", "iam:GetRole", "secretsmanager:DescribeSecret"], "remediate"),
        ([], "remediate"),
    ],
)
def test_who_writes_what(operations: list[str], writer: str) -> None:
    assert writer_of(operations) == writer


@pytest.mark.parametrize(
    "operations", [["iam:UpdateAssumeRolePolicy", "secretsmanager:CreateSecret"], ["lambda:UpdateFunctionCode"]]
)
def test_a_runbook_that_no_role_may_run_is_refused(operations: list[str]) -> None:
    with pytest.raises(BadRunbook):
        writer_of(operations)


def test_a_writer_gets_its_runbooks_calls_and_nothing_of_the_others() -> None:
    needs = writer_operations(ROOT)
    writes = {w: {o for o in needs[w] if OPERATIONS[o].kind == "write"} for w in WRITERS}
    assert all(o.startswith("iam:") for o in writes["remediate_iam"])
    of_secrets = ("secretsmanager:", "lambda:UpdateFunctionConfiguration")
    assert all(o.startswith(of_secrets) for o in writes["remediate_secrets"])
    fetching = [w for w in WRITERS if "secretsmanager:GetSecretValue" in needs[w]]
    assert fetching == ["remediate_secrets"], "a value comes out of the store for the writer that put it there alone"
    assert not [o for o in writes["remediate"] if o.startswith(("iam:", "secretsmanager:"))]
    assert "lambda:RemovePermission" in writes["remediate"] and "lambda:AddPermission" in writes["remediate"]


def pin(project: Path, **modes: str) -> None:
    pins = {
        "mode": "propose",
        "pins": [{"runbook": r.replace("_", "-"), "version": "1.0.0", "mode": m} for r, m in modes.items()],
    }
    (project / "governance" / "pins.yaml").write_text(yaml.safe_dump(pins))


def test_only_what_is_pinned_above_observe_gives_rights_and_a_writer(project: Path) -> None:
    pin(project, lambda_require_url_auth="propose", iam_narrow_trust="observe")
    needs = writer_operations(project)
    assert {w for w in WRITERS if needs[w]} == {"remediate"}
    assert "lambda:RemovePermission" not in needs["remediate"]
    render_policies(project)
    parameters = resources(project)["Parameters"]
    flags = ("DeployRemediate", "DeployRemediateIam", "DeployRemediateSecrets")
    assert [parameters[f]["Default"] for f in flags] == ["yes", "no", "no"]


def test_a_global_observe_disarms_every_pin(project: Path) -> None:
    pin(project, lambda_require_url_auth="auto")
    text = (project / "governance" / "pins.yaml").read_text().replace("mode: propose", "mode: observe")
    (project / "governance" / "pins.yaml").write_text(text)
    assert not any(writer_operations(project).values())


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("*", "*"),
        ("{PolicyArn}", "*"),
        (
            "arn:{partition}:iam::{account}:role/{RoleName}",
            "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*",
        ),
        (
            "arn:{partition}:secretsmanager:{region}:{account}:secret:{SecretId}*",
            "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:suture/*",
        ),
        (
            "arn:{partition}:apigateway:{region}::/restapis/{restApiId}/stages/{stageName}",
            "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/*/stages/*",
        ),
    ],
)
def test_a_resource_template_becomes_a_pattern(template: str, expected: str) -> None:
    assert pattern(template) == expected


@pytest.mark.parametrize("name", DUTIES)
def test_a_policy_is_one_that_iam_takes(name: str) -> None:
    """Unique Sids of letters and digits; inline policies of a role are at most 10,240 characters together."""
    text = dict(rendered_policies(ROOT))[ROOT / ".chalice" / f"{name}.policy.json"]
    document = json.loads(text)
    sids = [s["Sid"] for s in document["Statement"]]
    assert len(sids) == len(set(sids)) and all(sid.isalnum() for sid in sids)
    assert len(json.dumps(document, separators=(",", ":"))) < 10_240
    assert not [s for s in document["Statement"] if s["Effect"] == "Allow" and "*" in "".join(s["Action"])]


def test_who_encrypts_parameters_may_use_a_key_through_ssm_and_never_decrypt() -> None:
    writes = {"ssm:PutParameter#Overwrite", "ssm:GetParameters", "ssm:DescribeParameters"}
    document = policy("remediate_secrets", writes)
    by_sid = {s["Sid"]: s for s in document["Statement"]}
    through = by_sid["EncryptThroughSsm"]
    assert through["Action"] == ["kms:Encrypt", "kms:GenerateDataKey"]
    assert through["Condition"] == {"StringEquals": {"kms:ViaService": {"Fn::Sub": "ssm.${AWS::Region}.amazonaws.com"}}}
    denied = by_sid["NeverDecryptParameters"]
    assert (denied["Effect"], denied["Action"]) == ("Deny", "kms:Decrypt")
    assert "Overwrite" not in json.dumps(document)


def test_a_new_operation_of_a_reader_reaches_the_policy() -> None:
    before, after = policy("watch", ["iam:GetRole"]), policy("watch", ["iam:GetRole", "lambda:ListFunctions"])
    new = [s for s in after["Statement"] if s not in before["Statement"]]
    assert [(s["Action"], s["Resource"]) for s in new] == [(["lambda:ListFunctions"], "*")]
