"""The account that bench/cold_start.py measures against: moto on loopback with the sandbox's mends, the tables,
queues and keys of a deployment, and a small shop of functions and a role; and the events that tell of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from suture.sandbox import mends

ACCOUNT, REGION = "123456789012", "us-east-1"
WRITERS = ("remediate", "remediate_iam", "remediate_secrets")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop"
EMPTY_ZIP = b"PK\x05\x06" + b"\x00" * 18
KEYS = [("pk", "HASH"), ("sk", "RANGE")], [("state", "HASH"), ("updated", "RANGE")]

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """`environment` is that of the function `watch` (resources.json), with the server's address."""

    environment: Mapping[str, str]
    session: boto3.session.Session
    url: str

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.url)

    def scenes(self, repeat: int) -> dict[str, list[Event]]:
        """For each scene `repeat` events for `watch`. A public grant is a new function each time, and new twice."""
        functions, iam = self.client("lambda"), self.client("iam")
        _role(iam)
        _function(functions, "orders")
        _function(functions, "billing")
        functions.publish_version(FunctionName="billing")
        functions.create_alias(FunctionName="billing", Name="prod", FunctionVersion="1")
        for number in range(repeat):
            _function(functions, f"open-{number}")
            functions.add_permission(FunctionName=f"open-{number}", StatementId="everyone", **_grant("*"))
        return {
            "clean function": [batch(added("orders"), created("orders"))] * repeat,
            "function with a version and an alias": [batch(added("billing"))] * repeat,
            "clean role": [batch(role_changed())] * repeat,
            "public grant, first seen": [batch(added(f"open-{n}", "*")) for n in range(repeat)],
            "public grant, seen again": [batch(added("open-0", "*"))] * repeat,
        }


@contextmanager
def account() -> Iterator[Account]:
    """A fresh account that answers while the context lasts. It closes every connection, which AWS would not."""
    mends.apply()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        session = boto3.session.Session("testing", "testing", region_name=REGION)
        made = Account({}, session, f"http://{host}:{port}")
        yield Account(_environment(made), session, made.url)
    finally:
        server.stop()


def batch(*records: Event) -> Event:
    """CloudTrail records as Lambda hands them over: one SQS message an EventBridge envelope."""
    return {"Records": [_message(number, record) for number, record in enumerate(records)]}


def added(function: str, principal: str = "s3.amazonaws.com") -> Event:
    """AddPermission on a function, as CloudTrail records it."""
    statement = {"Sid": "added", "Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction"}
    asked = {"functionName": function, "statementId": "added", **{k.lower(): v for k, v in _grant(principal).items()}}
    return _record("lambda", "AddPermission20150331v2", asked, {"statement": json.dumps(statement)})


def created(function: str) -> Event:
    """CreateFunction, as CloudTrail records it."""
    asked = {"functionName": function, "runtime": "python3.13", "role": ROLE, "environment": {}}
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    return _record("lambda", "CreateFunction20150331", asked, {"functionName": function, "functionArn": arn})


def role_changed() -> Event:
    """PutRolePolicy on the shop's role, as CloudTrail records it."""
    asked = {"roleName": "shop", "policyName": "tables", "policyDocument": json.dumps(_narrow())}
    return _record("iam", "PutRolePolicy", asked, None)


def _message(number: int, record: Event) -> Event:
    service = record["eventSource"].removesuffix(".amazonaws.com")
    envelope = {
        "version": "0",
        "id": f"00000000-0000-4000-8000-{number:012}",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": ACCOUNT,
        "time": record["eventTime"],
        "region": REGION,
        "resources": [],
        "detail": record,
    }
    where = {"eventSource": "aws:sqs", "awsRegion": REGION, "attributes": {"ApproximateReceiveCount": "1"}}
    return {**where, "messageId": f"message-{number}", "receiptHandle": "r", "body": json.dumps(envelope)}


def _record(service: str, name: str, asked: Event, answered: Event | None) -> Event:
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:ci",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-deploy/ci",
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/shop-deploy"}},
        },
        "eventTime": "2026-11-20T10:00:00Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "aws-cli/2.27",
        "requestParameters": asked,
        "responseElements": answered,
        "eventID": "00000000-0000-4000-8000-00000000e0e0",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def _environment(made: Account) -> dict[str, str]:
    queues = {f"{name.upper()}_QUEUE": _queue(made, name) for name in ("changes", "notices", *WRITERS)}
    key = made.client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    _table(made)
    return {
        **queues,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": made.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_NAME": "suture-prod-watch",
        "STAGE": "prod",
        "ACCOUNT_ID": ACCOUNT,
        "TABLE": "cases",
        "FINGERPRINT_KEY": key,
        "BOUNDARY_ARN": f"arn:aws:iam::{ACCOUNT}:policy/suture-boundary",
        "ACCESS_LOG_ARN": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/suture/access",
    }


def _queue(made: Account, name: str) -> str:
    return str(made.client("sqs").create_queue(QueueName=name)["QueueUrl"])


def _table(made: Account) -> None:
    own, by_state = ([{"AttributeName": n, "KeyType": kind} for n, kind in keys] for keys in KEYS)
    made.client("dynamodb").create_table(
        TableName="cases",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for keys in KEYS for n, _ in keys],
        KeySchema=own,
        GlobalSecondaryIndexes=[
            {"IndexName": "by_state", "KeySchema": by_state, "Projection": {"ProjectionType": "ALL"}}
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def _role(iam: Any) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="shop", AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName="shop", PolicyName="tables", PolicyDocument=json.dumps(_narrow()))


def _narrow() -> Event:
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": table}],
    }


def _function(functions: Any, name: str) -> None:
    """A function with harmless variables and one legitimate grant: nothing to find."""
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=ROLE,
        Handler="app.handler",
        Code={"ZipFile": EMPTY_ZIP},
        Environment={"Variables": {"LOG_LEVEL": "INFO", "TABLE": "orders", "TIMEOUT_SECONDS": "30"}},
    )
    functions.add_permission(
        FunctionName=name, StatementId="from-bucket", SourceAccount=ACCOUNT, **_grant("s3.amazonaws.com")
    )


def _grant(principal: str) -> dict[str, str]:
    source = {} if principal == "*" else {"SourceArn": "arn:aws:s3:::shop-uploads"}
    return {"Action": "lambda:InvokeFunction", "Principal": principal, **source}
