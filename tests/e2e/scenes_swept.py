"""Scenes that no event tells of: what roles never used. The sweep finds them, in the hour of the day that is theirs."""

from __future__ import annotations

import itertools
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from foreign import Client, code
from holders import HERE
from scenes import Calls, Scene, State, arn_of, document, identity_ask, managed, may_do, role_state

from chalicelib.aws import readers

USAGE, UNUSED = "Suture::IAM::RoleUsage", "iam-role-unused-permissions"
HOUR, NEEDED = 3600, 120  # seconds; from the first name to the end of the sweep
LOGS = may_do("logs:PutLogEvents")
TABLE, STREAM = f"arn:aws:dynamodb:{HERE}:table/orders", f"arn:aws:kinesis:{HERE}:stream/orders"
QUEUE, TOPIC = f"arn:aws:sqs:{HERE}:orders", f"arn:aws:sns:{HERE}:orders"
S3_OF_AWS, SQS_OF_AWS = (f"arn:aws:iam::aws:policy/Amazon{service}FullAccess" for service in ("S3", "SQS"))


def wait_for_time_in_the_hour() -> None:
    """Names are chosen for one hour's sweep, and it must run within that hour."""
    left = HOUR - time.time() % HOUR
    if left < NEEDED:
        time.sleep(left + 1)


def due(stem: str) -> str:
    """A name with this beginning which the sweep looks at in this hour: a role has one hour of the day."""
    hour = int(time.time()) // HOUR
    names = (f"{stem}-{n}" for n in itertools.count())
    return next(name for name in names if readers.is_due(USAGE, name, hour))


def function_with(client: Client, name: str, role_arn: str) -> None:
    """A function that runs with this role."""
    client.aws("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Role=role_arn, Handler="a.h", Code={"ZipFile": code()}
    )


def old_role(client: Client, name: str, *used: str, **inline: Any) -> str:
    """A function's role, a year old, that used these services yesterday and nothing else; answers with its name."""
    arn = client.role(name, **{title: json.dumps(policy) for title, policy in inline.items()})
    function_with(client, name, arn)
    now = datetime.now(UTC)
    when = dict.fromkeys(used, (now - timedelta(days=1)).isoformat())
    client.switch("last-accessed", role=name, created=(now - timedelta(days=365)).isoformat(), used=when)
    return name


def usage_scene(runbook: str, **more: Any) -> Scene:
    return Scene(runbook, UNUSED, USAGE, read=role_state, groups=("owner", "security"), swept=True, **more)


def unused() -> Scene:
    """Every way at once: inline policies rewritten and deleted, a customer's in a new version, one of AWS's replaced by
    a copy and one taken away."""
    own = arn_of("policy", "e2e-idle-own")

    def breaks(client: Client) -> str:
        name = due("e2e-idle")
        mixed, idle = document(LOGS, may_do("sns:Publish", TOPIC)), document(may_do("kinesis:PutRecord", STREAM))
        old_role(client, name, "logs", "dynamodb", "s3", mixed=mixed, idle=idle)
        both = document(may_do("dynamodb:GetItem", TABLE), may_do("sqs:SendMessage", QUEUE))
        managed(client, "e2e-idle-own", both, attached_to=[name])
        for arn in (S3_OF_AWS, SQS_OF_AWS):
            client.aws("iam").attach_role_policy(RoleName=name, PolicyArn=arn)
        return name

    version = document(may_do("dynamodb:GetItem", TABLE))
    of_s3 = document(may_do("s3:*"))

    def copy(client: Client, name: str) -> str:
        """The one policy under /suture/ that carries this role's name; before the fix there is none."""
        found = client.aws("iam").list_policies(Scope="Local", PathPrefix="/suture/")["Policies"]
        return str(next(p["Arn"] for p in found if f"-{name}-" in p["PolicyName"]))

    def calls(client: Client, name: str, before: State) -> Calls:
        return [
            ("iam:PutRolePolicy", {"RoleName": name, "PolicyName": "mixed", "PolicyDocument": document(LOGS)}),
            ("iam:DeleteRolePolicy", {"RoleName": name, "PolicyName": "idle"}),
            ("iam:CreatePolicyVersion", {"PolicyArn": own, "PolicyDocument": version, "SetAsDefault": True}),
            (
                "iam:CreatePolicy",
                {"PolicyName": "*", "Path": "/suture/", "PolicyDocument": of_s3, "Description": "*"},
            ),
            ("iam:AttachRolePolicy", {"RoleName": name, "PolicyArn": "*"}),
            *(("iam:DetachRolePolicy", {"RoleName": name, "PolicyArn": arn}) for arn in (S3_OF_AWS, SQS_OF_AWS)),
        ]

    return usage_scene(
        "iam-drop-unused-permissions",
        breaks=breaks,
        fixed=lambda client, name, before: {
            **before,
            "inline": {"mixed": document(LOGS)},
            "attached": {own: version, copy(client, name): of_s3},
        },
        calls=calls,
        asks=(
            identity_ask("publish news", "sns:Publish", True, TOPIC),
            identity_ask("write to the stream", "kinesis:PutRecord", True, STREAM),
            identity_ask("send to the queue", "sqs:SendMessage", True, QUEUE),
            identity_ask("change objects as they are read", "s3-object-lambda:WriteGetObjectResponse", True),
            identity_ask("read the table", "dynamodb:GetItem", False, TABLE),
            identity_ask("read the photos", "s3:GetObject", False, "arn:aws:s3:::photos/cat"),
            identity_ask("write logs", "logs:PutLogEvents", False),
        ),
    )


def unused_of_many() -> Scene:
    """Another role uses the policy too, and nobody looked at its use: two people decide."""
    own = arn_of("policy", "e2e-lent")

    def breaks(client: Client) -> str:
        name = old_role(client, due("e2e-lending"), "logs")
        client.role("e2e-borrowing")
        lent = document(LOGS, may_do("sns:Publish", TOPIC))
        managed(client, "e2e-lent", lent, attached_to=[name, "e2e-borrowing"])
        return name

    return usage_scene(
        "iam-drop-unused-shared-permissions",
        breaks=breaks,
        fixed=lambda client, name, before: {**before, "attached": {own: document(LOGS)}},
        calls=lambda client, name, before: [
            ("iam:CreatePolicyVersion", {"PolicyArn": own, "PolicyDocument": document(LOGS), "SetAsDefault": True})
        ],
        asks=(
            identity_ask("publish news", "sns:Publish", True, TOPIC),
            identity_ask("write logs", "logs:PutLogEvents", False),
        ),
    )


SCENES = (unused(), unused_of_many())
