"""The IAM policy of each function, from what the readers and the pinned runbooks declare that they call.

Resources are as narrow as the calls' ARNs allow: a parameter becomes `*`, account, region and partition become
CloudFormation's own, and Suture's table, queues and keys are named exactly. What is ours but not in the operation
catalogue (logs, traces, the queue that wakes a function) stands here. Actions and condition keys: AWS Service
Authorization Reference; leading keys: "Using IAM policy conditions for fine-grained access control" of DynamoDB.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from chalicelib.aws.operations import OPERATIONS, operation
from chalicelib.model import Json
from chalicelib.writers import WRITERS

from . import sink_rights
from .duties import BOUNDARY, DUTIES, PREFIX, QUEUES, Duty

_T = TypeVar("_T")


def policy(function: str, operations: Collection[str], chat: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """The policy document of one function that may make `operations` on customers' resources.

    `chat` are the rules of governance/chat.yaml: who tells people has the rights of what is configured alone.
    """
    duty = DUTIES[function]
    statements = [
        *_platform(function, duty),
        *_table(duty),
        *_plumbing(duty),
        *_calls("Read", [o for o in operations if operation(o).kind == "read"]),
        *_calls("Write", [o for o in operations if operation(o).kind == "write"]),
        *_calls("Fetch", [o for o in operations if operation(o).kind == "late"]),
        *_keys_of_secrets(operations),
        *_never_decrypting(operations),
    ]
    if function == "notify":
        statements += sink_rights.granted(chat or {})
    if function in WRITERS:
        statements += (*_never_ourselves(), *sink_rights.denied(chat or {}))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: Iterable[str], resources: Json, conditions: Json = None) -> dict[str, Json]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resources}
    return {**statement, "Condition": conditions} if conditions else statement


def _sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def _arn(logical: str) -> dict[str, Json]:
    return {"Fn::GetAtt": [logical, "Arn"]}


def _platform(function: str, duty: Duty) -> Iterator[dict[str, Json]]:
    group = f"log-group:/aws/lambda/{PREFIX}{function.replace('_', '-')}"
    streams = f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:{group}:*"
    yield _allow("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), _sub(streams))
    yield _allow("Trace", ("xray:PutTelemetryRecords", "xray:PutTraceSegments"), "*")
    if duty.queue:
        receive = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
        yield _allow("Receive", receive, _arn(duty.queue))
    if duty.failures:
        yield _allow("KeepFailures", ("sqs:SendMessage",), _arn("FailedInvocations"))


def _table(duty: Duty) -> Iterator[dict[str, Json]]:
    if not duty.table:
        return
    actions = {a for o in OPERATIONS.values() if o.kind == "own" for a, _ in o.iam if a.startswith("dynamodb:")}
    reads = actions & _TABLE_READS
    yield _allow("ReadCases", reads, [_arn("CaseTable"), _sub("${CaseTable.Arn}/index/*")])
    if not duty.kinds:
        return
    keys = {"dynamodb:LeadingKeys": [f"{kind}#*" for kind in sorted(duty.kinds)]}
    present = {"dynamodb:LeadingKeys": "false"}
    yield _allow(
        "WriteOwnKinds", actions - reads, _arn("CaseTable"), {"ForAllValues:StringLike": keys, "Null": present}
    )


_TABLE_READS = frozenset(
    f"dynamodb:{name}" for name in ("BatchGetItem", "ConditionCheckItem", "DescribeTable", "GetItem", "Query", "Scan")
)
_TABLE_LOOKS = ("dynamodb:GetResourcePolicy", "dynamodb:ListTagsOfResource")


def _plumbing(duty: Duty) -> Iterator[dict[str, Json]]:
    if duty.sends:
        yield _allow("Send", ("sqs:SendMessage",), [_arn(q) for q in QUEUES if q in duty.sends])
    if duty.keys:
        yield _allow("DeriveKeys", ("kms:GenerateMac",), [_arn(key) for key in duty.keys])
    for action, resource in duty.own:
        yield _allow(_words(action), (action,), resource)


def _calls(kind: str, operations: Iterable[str]) -> Iterator[dict[str, Json]]:
    """Statements for catalogued calls: actions on the same resources together, and no action on a resource more.

    Reads share statements where that stays so, since a role's policies have 10,240 characters: all that have no
    narrower resource than everything, and else a set of actions and resources of each service.
    """
    actions: dict[tuple[str, str, bool], set[str]] = {}
    for name in operations:
        for action, template in operation(name).iam:
            resource, bounded = pattern(template), action in _CONDITIONS
            service = "" if resource == "*" and not bounded else action.split(":")[0]
            actions.setdefault((service, resource, bounded), set()).add(action)
    sets: dict[tuple[str, bool, tuple[str, ...]], list[str]] = {}
    for (service, resource, bounded), names in sorted(actions.items()):
        sets.setdefault((service, bounded, tuple(sorted(names))), []).append(resource)
    shared: list[dict[str, tuple[tuple[str, ...], list[str]]]] = []
    for (service, bounded, together), places in sets.items():
        if kind == "Read" and service and not bounded:
            _put(shared, service, (together, places))
            continue
        sid = f"{kind}{_words(service)}{_place(places[0])}{'Bounded' if bounded else ''}"
        yield _allow(sid, together, _patterns(places), _CONDITIONS[together[0]] if bounded else None)
    for number, row in enumerate(shared, 1):
        together = tuple(action for names, _ in row.values() for action in names)
        yield _allow(f"{kind}Named{number}", together, _patterns([p for _, places in row.values() for p in places]))


def _put(rows: list[dict[str, _T]], service: str, item: _T) -> None:
    """Put an item into the first row that has none of that service."""
    for row in rows:
        if service not in row:
            row[service] = item
            return
    rows.append({service: item})


def _patterns(places: Sequence[str]) -> Json:
    found = [_sub(p) if "${" in p else p for p in places]
    return found if len(found) > 1 else found[0]


_OUR_BOUNDARY = {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
_CONDITIONS: Mapping[str, Json] = {
    "iam:PutRolePermissionsBoundary": _OUR_BOUNDARY,
    "iam:DeleteRolePermissionsBoundary": _OUR_BOUNDARY,
    "sts:GetWebIdentityToken": {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "api://AzureADTokenExchange"},
        "Null": {"sts:IdentityTokenAudience": "false"},
    },
}
"""Actions that are allowed under a condition only; those of one place and service have the same one."""


def _keys_of_secrets(operations: Collection[str]) -> Iterator[dict[str, Json]]:
    """Encrypting under a customer's key, through the store only: without it no key can be configured.

    Secrets Manager makes a data key and tests it by decrypting, SSM encrypts, or makes a data key for an advanced
    parameter (their pages on how they use AWS KMS).
    The values themselves stay closed to us, but for an undo that puts one back out of the store.
    """
    stores = {s: actions for o, s, actions in _ENCRYPTING if o in operations}
    for service, actions in stores.items():
        yield _allow(f"EncryptThrough{_words(service)}", actions, _ANY_KEY, _through(service))
    if _STORED_PARAMETER in operations:
        yield _allow("DecryptThroughSsm", ("kms:Decrypt",), _ANY_KEY, {**_through("ssm"), "StringLike": _OF_OURS})


def _through(service: str) -> dict[str, Json]:
    return {"StringEquals": {"kms:ViaService": _sub(service + ".${AWS::Region}.amazonaws.com")}}


_ANY_KEY = {"Fn::Sub": "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*"}
_STORED_PARAMETER = "ssm:GetParameter#Stored"
_OF_OURS = {
    "kms:EncryptionContext:PARAMETER_ARN": {
        "Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/suture/*"
    }
}
_ENCRYPTING = (
    ("secretsmanager:CreateSecret", "secretsmanager", ("kms:Decrypt", "kms:GenerateDataKey")),
    ("secretsmanager:PutSecretValue", "secretsmanager", ("kms:Decrypt", "kms:GenerateDataKey")),
    ("ssm:PutParameter", "ssm", ("kms:Encrypt",)),
    ("ssm:PutParameter#Overwrite", "ssm", ("kms:Encrypt", "kms:GenerateDataKey")),
)


def _never_decrypting(operations: Collection[str]) -> Iterator[dict[str, Json]]:
    """Whoever reads plain parameters decrypts none: AWS's own key `alias/aws/ssm` would let every caller of SSM. A
    writer that puts a stored parameter back decrypts ours.

    AWS KMS Developer Guide, "AWS managed keys" and `kms:ViaService`.
    """
    if "ssm:GetParameters" in operations:
        but = {"StringNotLike": _OF_OURS} if _STORED_PARAMETER in operations else {}
        through_ssm = {"StringLike": {"kms:ViaService": "ssm.*"}, **but}
        sid = "NeverDecryptParameters"
        yield {"Sid": sid, "Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*", "Condition": through_ssm}


def pattern(template: str) -> str:
    """A catalogue resource template as an IAM pattern for `Fn::Sub`: parameters are `*`.

    A secret that a template knows by how its name begins is one of our own, and so is every parameter.
    """
    places = {"partition": "${AWS::Partition}", "region": "${AWS::Region}", "account": "${AWS::AccountId}"}
    filled = re.sub(r"(?<!\$){([A-Za-z]+)}", lambda m: places.get(m[1], "*"), template)
    ours = filled.replace(":secret:*", ":secret:suture/*") if template.endswith("}*") else filled
    ours = ours.replace(":parameter*", ":parameter/suture/*")
    return re.sub(r"\*+", "*", ours)


def _words(text: str) -> str:
    return "".join(w[:1].upper() + w[1:] for w in re.split(r"[^A-Za-z0-9]+", text))


def _place(resource: str) -> str:
    if resource == "*":
        return "Anything"
    version = "Version" if resource.endswith(":*:*") else ""
    return _words(resource.rsplit("}:", 1)[-1].replace("${AWS::Region}", "")) + version


def _never_ourselves() -> Iterator[dict[str, Json]]:
    """Denies on our own parts, whatever else is allowed. Reading stays possible, so that Suture can raise the alarm."""
    for sid, but, resources in _OURSELVES:
        yield {"Sid": sid, "Effect": "Deny", "NotAction": list(but), "Resource": list(resources)}


_IAM = "arn:${AWS::Partition}:iam::${AWS::AccountId}"
_HELD_IN_SSM = ("WebhookSecret", "SlackToken", "SlackSecret", "OidcSecret", "TeamsSecret")
_OURSELVES: tuple[tuple[str, tuple[str, ...], tuple[Json, ...]], ...] = (
    (
        "NeverOurCode",
        ("events:Describe*", "events:List*", "iam:Get*", "iam:List*", "lambda:Get*", "lambda:List*"),
        (
            _sub("arn:${AWS::Partition}:lambda:*:${AWS::AccountId}:function:" + PREFIX + "*"),
            _sub("arn:${AWS::Partition}:events:*:${AWS::AccountId}:rule/" + PREFIX + "*"),
            _sub(f"{_IAM}:role/{PREFIX}*"),
            BOUNDARY,
        ),
    ),
    (
        "NeverRolesOfAws",
        ("iam:Get*", "iam:List*"),
        (_sub(f"{_IAM}:role/aws-service-role/*"), _sub(f"{_IAM}:role/aws-reserved/*")),
    ),
    (
        "NeverOurApi",
        ("apigateway:GET",),
        (
            _sub("arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${RestAPI}"),
            _sub("arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${RestAPI}/*"),
        ),
    ),
    (
        "NeverOurQueues",
        (
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:ListQueueTags",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
        ),
        (_sub("arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:" + PREFIX + "*"),),
    ),
    (
        "NeverOurTable",
        tuple(sorted({*_TABLE_READS, *_TABLE_LOOKS, "dynamodb:PutItem", "dynamodb:UpdateItem"})),
        (_arn("CaseTable"), _sub("${CaseTable.Arn}/*")),
    ),
    (
        "NeverOurKeys",
        ("kms:DescribeKey", "kms:GenerateMac", "kms:GetKeyPolicy", "kms:ListResourceTags"),
        (_arn("FingerprintKey"), _arn("JournalKey"), _arn("PageKey"), _arn("AuditKey")),
    ),
    (
        "NeverOurAudit",
        ("s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetObject*", "s3:ListBucket"),
        (_arn("AuditBucket"), _sub("${AuditBucket.Arn}/*")),
    ),
    (
        "NeverOurParameters",
        ("ssm:GetParameters", "ssm:ListTagsForResource"),
        tuple(_sub("arn:${AWS::Partition}:ssm:*:*:parameter${" + name + "Parameter}") for name in _HELD_IN_SSM),
    ),
)
