"""An account that answers reads with what an input says, keeps nothing, and counts every write to a resource."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.deployment import Deployment
from chalicelib.aws.operations import operation
from chalicelib.cases import Case
from chalicelib.errors import CallFailed, Gone, Throttled
from chalicelib.model import Call, Plan, Step

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop"
PLUMBING = ("dynamodb", "sqs:SendMessage", "kms:GenerateMac", "config:PutEvaluations")
"""What our functions write to without anybody's leave: their own table, queues and keys, and answers to AWS Config."""

ENVIRONMENT = {
    "ACCOUNT_ID": ACCOUNT,
    "AWS_REGION": REGION,
    "TABLE": "cases",
    "STAGE": "prod",
    "FINGERPRINT_KEY": "key",
    "JOURNAL_KEY": "key",
    **{f"{q}_QUEUE": q for q in ("CHANGES", "NOTICES", "REMEDIATE", "REMEDIATE_IAM", "REMEDIATE_SECRETS")},
}


def case(id_: str, state: str) -> Case:
    """A case with a plan that a writer would carry out, were it approved."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
    call = Call("sqs:SetQueueAttributes", {"QueueUrl": "orders", "Attributes": {"Policy": ""}})
    where = {"account": ACCOUNT, "region": REGION, "resource_type": "AWS::SQS::Queue", "resource_id": "orders"}
    book = {"runbook": "sqs-close-queue", "version": "1.0.0", "runbook_digest": "sha256:x", "tier": "medium"}
    about = {"arn": arn, "control": "sqs-queue-public", **where}
    plan = Plan(case=id_, reversible="full", steps=(Step(call, (call,)),), state_digest="sha256:s", **about, **book)
    times = {"opened": "2026-11-20T10:00:00Z", "updated": "2026-11-20T10:00:00Z", "expires": "2099-01-01T00:00:00Z"}
    return Case(id=id_, state=state, version=3, title="open", plan=plan.as_json(), **about, **times)


CASES = {c.id: c for c in (case("C-0000000001", "PENDING"), case("C-0000000002", "APPROVED"))}


class Account(Clients):
    """`policy` is the document, as text, that every policy in the account is; `fails` refuses each of the readers'
    calls alike."""

    def __init__(self) -> None:
        super().__init__(ACCOUNT, REGION)
        self.policy, self.fails = "", ""
        self.writes: list[str] = []

    def in_region(self, region: str) -> Account:
        return self

    def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if name.startswith(PLUMBING):
            return self._plumbing(name, parameters)
        if operation(name).kind == "write":
            self.writes.append(name)
            return {}
        if self.fails:
            raise _FAILURES[self.fails](f"{name} answered {self.fails}", operation=name, code=self.fails)
        answer = self._answers().get(name)
        if answer is None:
            raise Gone(f"{name} answered NotFound", operation=name, code="NotFound")
        return answer

    def _plumbing(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if name == "kms:GenerateMac":
            return {"Mac": b"k" * 32}
        if name == "dynamodb:GetItem":
            found = CASES.get(parameters["Key"]["pk"]["S"].removeprefix("CASE#"))
            return {"Item": {"body": {"S": json.dumps(found.as_json())}}} if found else {}
        return {}

    def _answers(self) -> Mapping[str, Any]:
        function = {"FunctionName": "shop", "Version": "$LATEST", "Role": ROLE, "FunctionArn": FUNCTION}
        url = {"FunctionArn": FUNCTION, "AuthType": "NONE", "FunctionUrl": "https://x.lambda-url.us-east-1.on.aws/"}
        document = _parsed(self.policy)
        role = {"Arn": ROLE, "RoleName": "shop", "RoleId": "AROA", "AssumeRolePolicyDocument": document}
        return {
            "lambda:ListVersionsByFunction": {"Versions": [function]},
            "lambda:ListAliases": {"Aliases": [{"Name": "live", "FunctionVersion": "$LATEST"}]},
            "lambda:ListFunctionUrlConfigs": {"FunctionUrlConfigs": [url]},
            "lambda:GetPolicy": {"Policy": self.policy},
            "iam:GetRole": {"Role": role},
            "iam:ListRolePolicies": {"PolicyNames": ["inline"]},
            "iam:GetRolePolicy": {"PolicyDocument": document},
            "iam:ListAttachedRolePolicies": {"AttachedPolicies": []},
            "iam:ListRoles": {"Roles": [role]},
            "sqs:GetQueueUrl": {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders"},
            "sqs:GetQueueAttributes": {"Attributes": {"Policy": self.policy}},
            "sns:GetTopicAttributes": {"Attributes": {"Policy": self.policy}},
            "secretsmanager:GetResourcePolicy": {"ARN": SECRET, "Name": "shop/db", "ResourcePolicy": self.policy},
        }


FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/db-AbCdEf"
_FAILURES: Mapping[str, type[CallFailed]] = {"ThrottlingException": Throttled, "ResourceNotFoundException": Gone}


def _parsed(text: str) -> Any:
    """botocore gives IAM's documents parsed where they are JSON, and IAM takes no others."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return text


def _no_json(text: str) -> Any:
    raise ValueError(text)


class Context:
    aws_request_id = "fuzz"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@contextmanager
def fuzzed() -> Iterator[tuple[Deployment, Account]]:
    """A deployment in such an account."""
    d, account = Deployment(ENVIRONMENT, ROOT), Account()
    d.__dict__["clients"] = account
    d.sleep = lambda seconds: None  # type: ignore[method-assign]
    yield d, account
