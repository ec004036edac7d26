"""The packaged template: Chalice ignores unknown keys in silence, so what each function got is read back here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.chat import sinks
from chalicelib.chat.slack import channel
from chalicelib.controls import judge_one
from chalicelib.model import Resource
from suture.build import Build

ROOT = Path(__file__).parents[2]
Resources = Mapping[str, Any]

# function: (logical id, role, handler, seconds, MB, reserved concurrency, queue)
FUNCTIONS = {
    "watch": ("Watch", "WatchRole", "app.watch", 30, 512, None, "ChangesQueue"),
    "sweep": ("Sweep", "SweepRole", "app.sweep", 300, 512, 1, None),
    "config_rule": ("ConfigRule", "ConfigRuleRole", "app.config_rule", 60, 256, None, None),
    "remediate": ("Remediate", "RemediateRole", "app.remediate", 60, 512, 5, "RemediateQueue"),
    "remediate_iam": ("RemediateIam", "RemediateIamRole", "app.remediate_iam", 60, 512, 2, "RemediateIamQueue"),
    "remediate_secrets": (
        "RemediateSecrets",
        "RemediateSecretsRole",
        "app.remediate_secrets",
        60,
        512,
        2,
        "RemediateSecretsQueue",
    ),
    "chat": ("APIHandler", "ApiHandlerRole", "app.app", 10, 512, None, None),
    "notify": ("Notify", "NotifyRole", "app.notify", 30, 256, None, "NoticesQueue"),
}
by_function = pytest.mark.parametrize("name", FUNCTIONS)


def of_type(stack: Resources, kind: str) -> dict[str, Any]:
    return {name: r["Properties"] for name, r in stack.items() if r["Type"] == kind}


def test_these_functions_and_no_others(stack: Resources) -> None:
    assert set(of_type(stack, "AWS::Lambda::Function")) == {entry[0] for entry in FUNCTIONS.values()}


@by_function
def test_a_function_is_what_its_configuration_says(stack: Resources, name: str) -> None:
    logical, _, handler, seconds, memory, reserved, _ = FUNCTIONS[name]
    function = stack[logical]["Properties"]
    assert function["FunctionName"] == f"suture-prod-{name.replace('_', '-')}"
    assert (function["Handler"], function["Timeout"], function["MemorySize"]) == (handler, seconds, memory)
    assert function.get("ReservedConcurrentExecutions") == reserved
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert function["Runtime"] == here, "the Python that tested, compiled and packaged it"
    assert function["Architectures"] == ["arm64"]
    assert function["TracingConfig"] == {"Mode": "Active"}


@by_function
def test_a_function_has_a_role_and_policy_of_its_own(sam: Resources, stack: Resources, name: str) -> None:
    logical, role, *_ = FUNCTIONS[name]
    assert stack[logical]["Properties"]["Role"] == stack_arn(name)
    assert stack[role]["Properties"]["RoleName"] == f"suture-prod-{name.replace('_', '-')}"
    rendered = json.loads((ROOT / ".chalice" / f"{name}.policy.json").read_text())
    [inline] = sam["Resources"][role]["Properties"]["Policies"]
    assert inline["PolicyDocument"] == rendered
    assert "ManagedPolicyArns" not in sam["Resources"][role]["Properties"]


def stack_arn(name: str) -> str:
    return f"arn:aws:iam::123456789012:role/suture-prod-{name.replace('_', '-')}"


@by_function
def test_only_lambda_assumes_a_functions_role(stack: Resources, name: str) -> None:
    [statement] = stack[FUNCTIONS[name][1]]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")


@by_function
def test_a_queue_wakes_its_function_and_takes_partial_failures(stack: Resources, name: str) -> None:
    logical, *_, seconds, _, _, queue = FUNCTIONS[name]
    mappings = [
        m
        for m in of_type(stack, "AWS::Lambda::EventSourceMapping").values()
        if m["FunctionName"].endswith(f"suture-prod-{name.replace('_', '-')}")
    ]
    assert len(mappings) == (1 if queue else 0)
    if queue:
        assert mappings[0]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mappings[0]["EventSourceArn"].endswith(stack[queue]["Properties"]["QueueName"])
        assert stack[queue]["Properties"]["VisibilityTimeout"] > seconds + 10
    assert stack[logical]["Type"] == "AWS::Lambda::Function"


@by_function
def test_a_function_logs_where_its_policy_lets_it(stack: Resources, name: str) -> None:
    group = f"/aws/lambda/suture-prod-{name.replace('_', '-')}"
    groups = [g for g in of_type(stack, "AWS::Logs::LogGroup").values() if g.get("LogGroupName") == group]
    assert [g["RetentionInDays"] for g in groups] == [365]


ENVIRONMENT = {
    "STAGE", "ACCOUNT_ID", "TABLE", "CHANGES_QUEUE", "REMEDIATE_QUEUE", "REMEDIATE_IAM_QUEUE",
    "REMEDIATE_SECRETS_QUEUE", "NOTICES_QUEUE",
}  # fmt: skip
PLANNING = {"FINGERPRINT_KEY", "BOUNDARY_ARN", "ACCESS_LOG_ARN"}


@by_function
def test_a_function_knows_what_it_needs(stack: Resources, name: str) -> None:
    wanted = set(ENVIRONMENT)
    if name not in ("chat", "notify"):
        wanted |= PLANNING
    if name.startswith("remediate"):
        wanted.add("JOURNAL_KEY")
    if name == "sweep":
        wanted |= {"AUDIT_BUCKET", "AUDIT_KEY", "STACK"}
    if name == "watch":
        wanted |= {"OWN_PARTS", "STACK"}
    if name == "notify":
        wanted |= {"WEBHOOK_URL", "WEBHOOK_SECRET_PARAMETER", "SLACK_API_URL", "SLACK_TOKEN_PARAMETER"}
        wanted |= {"TEAMS_LOGIN_URL", "TEAMS_SECRET_PARAMETER"}
    if name == "chat":
        wanted |= {"SLACK_API_URL", "SLACK_TOKEN_PARAMETER", "SLACK_SECRET_PARAMETER", "TEAMS_OPENID_URL"}
        wanted |= {"PAGE_KEY", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_SECRET_PARAMETER"}
    variables = stack[FUNCTIONS[name][0]]["Properties"]["Environment"]["Variables"]
    assert set(variables) == wanted
    assert variables["ACCOUNT_ID"] == "123456789012"
    assert not variables.get("ACCESS_LOG_ARN", "").endswith("*"), "API Gateway wants the group's bare ARN"


def test_every_queue_has_a_dead_letter_queue_and_is_encrypted(stack: Resources) -> None:
    queues = of_type(stack, "AWS::SQS::Queue")
    working = {name for name in queues if name.endswith("Queue")}
    assert {f"{name.removesuffix('Queue')}Dlq" for name in working} | working | {"FailedInvocations"} == set(queues)
    for name, queue in queues.items():
        assert queue["SqsManagedSseEnabled"] is True
        if name in working:
            target = f"arn:aws:sqs:us-east-1:123456789012:{queue['QueueName']}-dlq"
            assert queue["RedrivePolicy"] == {"deadLetterTargetArn": target, "maxReceiveCount": 3}


@pytest.mark.parametrize("name", ["Sweep", "ConfigRule"])
def test_what_is_invoked_asynchronously_keeps_its_failures(stack: Resources, name: str) -> None:
    target = stack[name]["Properties"]["DeadLetterConfig"]["TargetArn"]
    assert target.endswith(stack["FailedInvocations"]["Properties"]["QueueName"])


def test_the_table_outlives_the_stack(stack: Resources) -> None:
    table = stack["CaseTable"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    properties = table["Properties"]
    assert [(k["AttributeName"], k["KeyType"]) for k in properties["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    [index] = properties["GlobalSecondaryIndexes"]
    assert (index["IndexName"], [k["AttributeName"] for k in index["KeySchema"]]) == ("by_state", ["state", "updated"])
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"]["SSEEnabled"] is True


@pytest.mark.parametrize(
    ("key", "users"),
    [
        ("FingerprintKey", {"watch", "sweep", "config-rule", "remediate", "remediate-iam", "remediate-secrets"}),
        ("JournalKey", {"remediate", "remediate-iam", "remediate-secrets"}),
        ("PageKey", {"chat"}),
    ],
)
def test_a_key_is_used_by_the_roles_that_it_names_alone(stack: Resources, key: str, users: set[str]) -> None:
    properties = stack[key]["Properties"]
    assert (properties["KeySpec"], properties["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")
    administers, uses = properties["KeyPolicy"]["Statement"]
    assert not [a for a in administers["Action"] if "*" in a or "Mac" in a or "Grant" in a]
    roles = {f"arn:aws:iam::123456789012:role/suture-prod-{user}" for user in users}
    assert set(uses["Condition"]["ArnEquals"]["aws:PrincipalArn"]) == roles


def test_our_own_api_holds_our_own_control(stack: Resources) -> None:
    """The stage as GetStage would show it, judged by the control that we hold others to."""
    [stage] = of_type(stack, "AWS::ApiGateway::Stage").values()
    settings = {
        f"{s['ResourcePath'].lstrip('/')}/{s['HttpMethod']}": {
            "throttlingRateLimit": s["ThrottlingRateLimit"],
            "throttlingBurstLimit": s["ThrottlingBurstLimit"],
        }
        for s in stage["MethodSettings"]
    }
    log = {"destinationArn": stage["AccessLogSetting"]["DestinationArn"], "format": stage["AccessLogSetting"]["Format"]}
    config = {
        "stageName": stage["StageName"],
        "methodSettings": settings,
        "accessLogSettings": log,
        "tracingEnabled": stage["TracingEnabled"],
        "Account": {"throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0}},
    }
    place = ("AWS::ApiGateway::Stage", "arn:aws:apigateway:us-east-1::/restapis/r/stages/api", "r/api")
    ours = Resource(*place, "123456789012", "us-east-1", config)
    assert judge_one("apigateway-stage-unguarded", ours) is None
    bare = Resource(*place, "123456789012", "us-east-1", {**config, "tracingEnabled": False})
    assert judge_one("apigateway-stage-unguarded", bare) is not None


PAGES = {
    *((f"/page{path}", "get") for path in ("", "/posture", "/suppressions", "/runbooks", "/cases/{id}")),
    *((f"/page{path}", "get") for path in ("/sign-in", "/signed-in", "/style.css", "/icon.svg")),
    ("/page/cases/{id}/decision", "post"),
    ("/page/sign-out", "post"),
}
"""Routes for whoever signed in at an OpenID provider, which the page itself asks about."""


def test_there_is_one_stage_and_every_other_route_wants_a_signature_of_aws_or_of_a_chat(stack: Resources) -> None:
    assert [s["StageName"] for s in of_type(stack, "AWS::ApiGateway::Stage").values()] == ["api"]
    body = stack["RestAPI"]["Properties"]["Body"]
    methods = {(path, verb): spec for path, verbs in body["paths"].items() for verb, spec in verbs.items()}
    from_slack = {(f"/slack/{door}", "post") for door in ("interactive", "command", "events")}
    from_chats = {*from_slack, ("/teams", "post")}
    assert set(methods) == from_chats | PAGES | {
        ("/cases", "get"),
        ("/cases/{id}", "get"),
        ("/cases/{id}/decision", "post"),
        ("/pause", "post"),
        ("/resume", "post"),
    }
    assert all(("security" in spec) != (route in (from_chats | PAGES)) for route, spec in methods.items())
    assert all(spec.get("security", [{"sigv4": []}]) == [{"sigv4": []}] for spec in methods.values())
    for route in (*from_slack, *(r for r in PAGES if r[1] == "post")):
        kind = "application/json" if route[0].endswith("events") else "application/x-www-form-urlencoded"
        assert methods[route]["consumes"] == [kind]
    assert body["securityDefinitions"]["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"


def test_config_may_wake_its_function_for_this_account_only(stack: Resources) -> None:
    permission = stack["ConfigMayInvoke"]["Properties"]
    assert (permission["Principal"], permission["SourceAccount"]) == ("config.amazonaws.com", "123456789012")
    details = stack["ControlsRule"]["Properties"]["Source"]["SourceDetails"]
    assert {d["MessageType"] for d in details} == {
        "ConfigurationItemChangeNotification",
        "OversizedConfigurationItemChangeNotification",
    }


def test_nobody_but_our_own_rules_may_put_changes_into_the_queue(stack: Resources) -> None:
    rules = {name for name in of_type(stack, "AWS::Events::Rule") if name != "SweepSweepEvent"}
    for statement in stack["ChangesPolicy"]["Properties"]["PolicyDocument"]["Statement"]:
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert len(sources) == len(rules) and all(s.split(":rule/")[1].startswith("suture-prod-") for s in sources)


def test_every_queue_and_function_raises_an_alarm(stack: Resources) -> None:
    alarms = of_type(stack, "AWS::CloudWatch::Alarm").values()
    watched = {(a["MetricName"], d["Value"]) for a in alarms for d in a.get("Dimensions", ())}
    for name, queue in of_type(stack, "AWS::SQS::Queue").items():
        metric = "ApproximateAgeOfOldestMessage" if name.endswith("Queue") else "ApproximateNumberOfMessagesVisible"
        assert (metric, queue["QueueName"]) in watched
    for function in of_type(stack, "AWS::Lambda::Function").values():
        assert ("Errors", function["FunctionName"]) in watched


def test_what_a_function_logs_for_an_alarm_is_what_the_alarm_hears(stack: Resources) -> None:
    filters = of_type(stack, "AWS::Logs::MetricFilter")
    heard = {a["MetricName"] for a in of_type(stack, "AWS::CloudWatch::Alarm").values()}
    sources = "".join(p.read_text() for p in (ROOT / "chalicelib").glob("*.py"))
    assert {f["MetricTransformations"][0]["MetricName"] for f in filters.values()} <= heard
    assert "a limit an hour is reached" in filters["LimitReachedFilter"]["FilterPattern"]
    for name, said in (("NotifySlackFailedFilter", channel.LOST), ("NotifySinkFailedFilter", sinks.LOST)):
        assert filters[name]["FilterPattern"] == f'{{ $.message = "{said}" }}'
    assert '"a limit an hour is reached' in sources and "after.state.lower()" in sources


def test_a_writer_that_no_runbook_needs_is_not_deployed(template: Mapping[str, Any]) -> None:
    for suffix in ("Remediate", "RemediateIam", "RemediateSecrets"):
        condition = f"Deploys{suffix}"
        belongings = (
            suffix,
            f"{suffix}Role",
            f"{suffix}LogGroup",
            f"{suffix}ErrorsAlarm",
            f"{suffix}{suffix}SqsEventSource",
        )
        assert {template["Resources"][name]["Condition"] for name in belongings} == {condition}
        assert template["Conditions"][condition] == {"Fn::Equals": [{"Ref": f"Deploy{suffix}"}, "yes"]}


def test_cfn_lint_finds_nothing(built: Build) -> None:
    lint = str(Path(sys.executable).with_name("cfn-lint"))
    command = [lint, "--regions", "us-east-1", "--template", str(built.sam_template), str(built.template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
