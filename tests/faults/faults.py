"""Faults on purpose: a process that dies at its n-th call, calls that AWS refuses, and queues that forget no message.

A crash is a BaseException that nothing may catch; once it came, every later call of that process dies too, as it
does where Lambda takes the machine away. Dying after call n leaves the same world behind as dying before call n+1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from leading import stage_state, taken_up
from world import ACCOUNT, REGION, Context, TestDeployment, World, function, role

from chalicelib import detection, pipeline
from chalicelib.approvals import identity_of_arn
from chalicelib.aws.ledger import Place
from chalicelib.cases import Case, case_id
from chalicelib.chat.decide import Request, decide
from chalicelib.controls import all_controls
from chalicelib.model import Change

WRITES = {
    "RemovePermission",
    "AddPermission",
    "UpdateFunctionUrlConfig",
    "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "UpdateAssumeRolePolicy",
    "UpdateStage",
    "CreateSecret",
    "DeleteSecret",
    "RestoreSecret",
    "PutRolePolicy",
    "DeleteRolePolicy",
    "UpdateFunctionConfiguration",
    "DeleteFunction",
    "PutParameter",
    "PutResourcePolicy",
    "PutSecretValue",
    "UpdateSecretVersionStage",
}


SECRET_CONTROL = "lambda-env-plaintext-secret"


class Killed(BaseException):
    """The process is gone."""


class Faults:
    """What goes wrong with the calls of one process; the k-th call dies, or is refused with an error code."""

    def __init__(self, w: World) -> None:
        self._w = w
        self.reset()
        events = w.d.clients._session.get_component("event_emitter")
        events.register("before-call", self._before)

    def reset(self, kill_at: int = 0, refuse: Callable[[str, int], str] = lambda name, n: "") -> None:
        self.kill_at, self.refuse = kill_at, refuse
        self.calls: list[str] = []
        self.writes: list[str] = []
        self._journalled = ""

    def tick(self, name: str) -> None:
        self.calls.append(name)
        if self.kill_at and len(self.calls) >= self.kill_at:
            raise Killed(name)

    def _before(self, model: Any, params: Mapping[str, Any], **_: Any) -> Any:
        name = str(model.name)
        self.tick(name)
        code = self.refuse(name, len(self.calls))
        if code:
            error = {"Error": {"Code": code, "Message": "on purpose"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            return AWSResponse("", 400, {}, None), error
        if name == "TransactWriteItems" and b"JOURNAL#" in params["body"]:
            self._journalled = str(params["body"])
        if name in WRITES:
            assert f":{name}" in self._journalled, f"{name} without a journal record right before it"
            self.writes.append(name)
        return None


class Kept:
    """Queues that hold every message until somebody takes it; a delay is over at once."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.messages: list[tuple[str, dict[str, Any]]] = []

    def send(self, name: str, message: Mapping[str, Any], delay: int = 0) -> None:
        self._faults.tick("SendMessage")
        self.messages.append((name, json.loads(json.dumps(message))))

    def take(self, *names: str) -> list[tuple[str, dict[str, Any]]]:
        taken = [m for m in self.messages if m[0] in names]
        self.messages = [m for m in self.messages if m[0] not in names]
        return taken


WRITERS = ("remediate", "remediate_iam", "remediate_secrets")


class Stage:
    """One world whose writers can be killed: `born()` is a new process of the same deployment."""

    def __init__(self, w: World) -> None:
        self.w, self.faults = w, Faults(w)
        self.queues = Kept(self.faults)
        self.slept = 0.0
        w.d.clients.client("dynamodb")
        self.d = self.born()

    def born(self) -> TestDeployment:
        d = TestDeployment(self.w.d._environment, self.w.d._root)
        d.__dict__.update(clients=self.w.d.clients, packaged=self.w.d.packaged, queues=self.queues)
        d.ahead = self.w.d.ahead
        d.sleep = self._sleep
        return d

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.later(seconds)

    def later(self, seconds: float) -> None:
        self.w.d.ahead = self.w.d.ahead + timedelta(seconds=seconds)
        if hasattr(self, "d"):
            self.d.ahead = self.w.d.ahead

    def look(self, kind: str, id_: str, **more: Any) -> None:
        from world import DEPLOYER

        who = more.pop("who", DEPLOYER)
        change = Change(ACCOUNT, REGION, kind, id_, "x:Y", more.pop("via", "cloudtrail"), who, **more)
        for place in detection.places_of(self.d, change):
            detection.look(self.d, place, (change,))

    def case(self, id_: str, control: str) -> Case:
        """The latest case of one problem, found by its id: a list of all would read more and more."""
        kind = all_controls()[control].resource_type
        known = self.d.ledger.history(Place(ACCOUNT, REGION, kind, id_)).opened
        case = self.d.ledger.case(case_id(ACCOUNT, REGION, arn(kind, id_), control, known[control]))
        assert case is not None
        return case

    def decide(self, role_name: str, case: Case, decision: str) -> None:
        identity = identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role_name}/x")
        decide(self.d, identity, Request(case.id, decision, case.plan_digest, "because", ""))

    def deliver(self, message: Mapping[str, Any], times: int = 1, seconds: float = 120) -> list[str]:
        """One delivery to a writer of a new process; answers with the failed message ids."""
        self.d = self.born()
        attributes = {"ApproximateReceiveCount": str(times)}
        record = {"messageId": "m", "body": json.dumps(message), "attributes": attributes}
        answer = pipeline.remediated(self.d, {"Records": [record]}, Context(seconds))
        return [f["itemIdentifier"] for f in answer["batchItemFailures"]]

    def settle(self, message: Mapping[str, Any] | None = None, limit: int = 12) -> None:
        """Deliver until nobody has anything to do: the queue brings back what failed, and what was sent anew."""
        waiting = [message] if message else []
        for _ in range(limit):
            waiting += [m for _, m in self.queues.take(*WRITERS)]
            if not waiting:
                return
            one = waiting.pop(0)
            if self.deliver(one, 2):
                waiting.append(one)
            self.later(30)
        raise AssertionError(f"still waiting: {waiting}")

    def writer_message(self) -> dict[str, Any]:
        ((_, message),) = self.queues.take(*WRITERS)
        return message

    def calls_of(self, message: Mapping[str, Any]) -> list[str]:
        """The calls that one undisturbed delivery makes, by API name."""
        self.faults.reset()
        assert self.deliver(message) == []
        return self.faults.calls


class Wound:
    """One risk that one runbook mends: how to make it, and who approves."""

    def __init__(
        self, kind: str, control: str, make: Callable[[Stage, str], str], approvers: tuple[str, ...] = (), end: str = ""
    ) -> None:
        self.kind, self.control, self.make, self.approvers = kind, control, make, approvers
        self.end = end or "RESOLVED"

    def approved(self, stage: Stage, name: str) -> Case:
        """The case of a new wound, approved; its writer's message waits in the queue."""
        id_ = self.make(stage, name)
        stage.look(self.kind, id_)
        for approver in self.approvers:
            stage.decide(approver, stage.case(id_, self.control), "approve")
        return stage.case(id_, self.control)

    def applied(self, stage: Stage, name: str) -> Case:
        case = self.approved(stage, name)
        assert stage.deliver(stage.writer_message()) == []
        after = stage.case(case.resource_id, self.control)
        assert after.state == self.end, after.outcome
        return after

    def undoing(self, stage: Stage, name: str) -> Case:
        case = self.applied(stage, name)
        for approver in self.approvers or ("oncall",):
            stage.decide(approver, stage.case(case.resource_id, self.control), "undo")
        return stage.case(case.resource_id, self.control)


def _clean_function(stage: Stage, name: str, **variables: str) -> Any:
    client = function(name, variables)
    stage.look("AWS::Lambda::Function", name, created=True)
    return client


def _public_grants(stage: Stage, name: str) -> str:
    client = _clean_function(stage, name)
    for sid in ("one", "two"):
        client.add_permission(FunctionName=name, StatementId=sid, Action="lambda:InvokeFunction", Principal="*")
    return name


def _public_url(stage: Stage, name: str) -> str:
    client = _clean_function(stage, name)
    client.create_function_url_config(FunctionName=name, AuthType="NONE")
    client.add_permission(
        FunctionName=name,
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    return name


def _secret(stage: Stage, name: str) -> str:
    function(name, {"DB_PASSWORD": "hunter2-" + "Tr0ub4dor&3"})
    return name


STAGES = {"store": "oncall", "grant": "security", "reference": "oncall", "remove": "oncall"}
"""The stages with calls of the way out of a secret, and who approves each."""


def _led_to(due: str) -> Callable[[Stage, str], str]:
    """A function with a secret, on which every stage before `due` is applied."""

    def make(stage: Stage, name: str) -> str:
        _secret(stage, name)
        for earlier in list(STAGES)[: list(STAGES).index(due)]:
            stage.look("AWS::Lambda::Function", name)
            stage.decide(STAGES[earlier], stage.case(name, SECRET_CONTROL), "approve")
            assert stage.deliver(stage.writer_message()) == []
        if due == "remove":
            stage.look("AWS::Lambda::Function", name)
            taken_up(stage.w, name)
        stage.queues.take("changes", "notices")
        return name

    return make


def _new_value(stage: Stage, name: str) -> str:
    """A function whose secret is stored, and then somebody deploys another one."""
    _led_to("grant")(stage, name)
    both = {"DB_PASSWORD": "hunter3-" + "Tr0ub4dor&3"}
    client = boto3.client("lambda", region_name=REGION)
    client.update_function_configuration(FunctionName=name, Environment={"Variables": both})
    return name


def _admin(stage: Stage, name: str) -> str:
    role(name, policy={"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    return name


def _trust(stage: Stage, name: str) -> str:
    role(name, trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    return name


def _stage(stage: Stage, name: str) -> str:
    client = boto3.client("apigateway", region_name=REGION)
    logs = f"arn:aws:iam::{ACCOUNT}:role/apigateway-logs"
    client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": logs}])
    api = client.create_rest_api(name=name)["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    client.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    client.create_deployment(restApiId=api, stageName="live")
    return f"{api}/live"


def _parameter(stage: Stage, name: str) -> str:
    password = {"Name": f"/{name}/password", "Type": "String", "Value": "hunter2-" + "Tr0ub4dor&3"}
    boto3.client("ssm", region_name=REGION).put_parameter(**password)
    return password["Name"]


WOUNDS: Mapping[str, Wound] = {
    "lambda-remove-public-grants": Wound("AWS::Lambda::Function", "lambda-policy-public", _public_grants),
    "lambda-require-url-auth": Wound("AWS::Lambda::Function", "lambda-url-public", _public_url),
    "lambda-lead-out-secret": Wound(
        "AWS::Lambda::Function", "lambda-env-plaintext-secret", _secret, ("oncall",), "WAITING_OWNER"
    ),
    **{
        f"lambda-lead-out-secret: {due}": Wound(
            "AWS::Lambda::Function", SECRET_CONTROL, _led_to(due), (STAGES[due],), "WAITING_OWNER"
        )
        for due in ("grant", "reference", "remove")
    },
    "lambda-lead-out-secret: new value": Wound(
        "AWS::Lambda::Function", SECRET_CONTROL, _new_value, ("oncall",), "WAITING_OWNER"
    ),
    "iam-contain-role": Wound("AWS::IAM::Role", "iam-role-admin", _admin, ("oncall", "security")),
    "iam-narrow-trust": Wound("AWS::IAM::Role", "iam-trust-public", _trust, ("oncall",)),
    "apigateway-guard-stage": Wound("AWS::ApiGateway::Stage", "apigateway-stage-unguarded", _stage, ("oncall",)),
    "ssm-encrypt-parameter": Wound("AWS::SSM::Parameter", "ssm-parameter-plaintext-secret", _parameter, ("oncall",)),
}


def arn(kind: str, id_: str) -> str:
    if kind == "AWS::IAM::Role":
        return f"arn:aws:iam::{ACCOUNT}:role/{id_}"
    if kind == "AWS::ApiGateway::Stage":
        return f"arn:aws:apigateway:{REGION}::/restapis/{id_.replace('/', '/stages/')}"
    if kind == "AWS::SSM::Parameter":
        return f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{id_}"
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{id_}"


def state_of(stage: Stage, case: Case) -> str:
    """`old` when the control still speaks as the case's plan was made for, `new` when it is mended, else `between`."""
    from chalicelib.aws import readers
    from chalicelib.controls import judge_one
    from chalicelib.redaction import state_digest

    if case.control == "lambda-env-plaintext-secret":
        return _secret_state(case)
    resource = readers.read_at(stage.w.d.clients, case.region, case.resource_type, case.resource_id)
    assert resource is not None and case.plan is not None
    if judge_one(case.control, resource) is None:
        return "new"
    return "old" if state_digest(resource, stage.w.d.fingerprint_key) == case.plan["state_digest"] else "between"


def _secret_state(case: Case) -> str:
    if case.plan and case.plan["stage"] != "store":
        return stage_state(case)
    client = boto3.client("secretsmanager", region_name=REGION)
    found = [s for s in client.list_secrets(IncludePlannedDeletion=True)["SecretList"] if case.id in s["Name"]]
    assert len(found) <= 1
    if not found or "DeletedDate" in found[0]:
        return "old"
    if "ResourcePolicy" not in client.get_resource_policy(SecretId=found[0]["ARN"]):
        return "between"
    assert case.plan is not None
    if all("PutSecretValue" not in step["call"]["operation"] for step in case.plan["steps"]):
        return "new"
    is_stored = client.get_secret_value(SecretId=found[0]["ARN"])["SecretString"].startswith("hunter3")
    return "new" if is_stored else "old"


def place(case: Case) -> Place:
    return Place(case.account, case.region, case.resource_type, case.resource_id)


def journal_keys(w: World) -> Iterator[str]:
    yield from (i["sk"]["S"] for i in w.items() if i["pk"]["S"].startswith("JOURNAL#"))
