"""The ARNs that a call is authorised on, where its parameters tell: the same for CloudTrail records and for code.

Only services of whose calls one parameter names the one resource that IAM checks are here; for all others the answer
is nothing, and the resources of the old policy stay. Source: the Service Authorization Reference, each service's
"Resource types" and the resource column of its actions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from chalicelib.model import Json

_QUEUE_URL = re.compile(r"https?://[^/]+/(\d{12})/([\w.-]{1,80})/?$")
_SECRET_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
_FUNCTION = re.compile(r"(?:(?:[a-z0-9-]+:)?(\d{12}):)?(?:function:)?([\w-]+)(?::[\w$-]+)?$")


@dataclass(frozen=True, slots=True)
class Where:
    """Partition, region and account of a call, `*` where they are not known."""

    partition: str = "aws"
    region: str = "*"
    account: str = "*"

    def arn(self, service: str, rest: str, account: str = "") -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{account or self.account}:{rest}"


def arns(action: str, parameters: Mapping[str, Json], where: Where) -> tuple[str, ...]:
    """ARNs for one IAM action of one call; parameter names in any case. Nothing where they cannot be told."""
    service, _, name = action.partition(":")
    given = {key.lower(): value for key, value in parameters.items()}
    build = _BUILDERS.get(service)
    found = tuple(dict.fromkeys(build(name, given, where))) if build else ()
    return () if any(not a or len(a) > 1500 for a in found) else found


Given = Mapping[str, Json]


def _text(given: Given, *names: str) -> str:
    return next((v for n in names if isinstance(v := given.get(n), str) and v), "")


def _simple(service: str, kind: str, *names: str) -> Callable[[str, Given, Where], Iterator[str]]:
    """A service whose resource is one parameter: a name, or an ARN already."""

    def build(action: str, given: Given, where: Where) -> Iterator[str]:
        if value := _text(given, *names):
            yield value if value.startswith("arn:") else where.arn(service, kind + value)

    return build


def _s3(action: str, given: Given, where: Where) -> Iterator[str]:
    bucket, key = _text(given, "bucket", "bucketname"), _text(given, "key")
    source = _text(given, "copysource", "x-amz-copy-source")
    if action.startswith("Get") and source and "/" in source:
        bucket, _, key = source.lstrip("/").partition("/")
        key = key.partition("?")[0]
    if not bucket:
        return
    root = bucket if bucket.startswith("arn:") else f"arn:{where.partition}:s3:::{bucket}"
    of_objects = ("Object" in action and not action.startswith("GetBucket")) or action in _OBJECT_ACTIONS
    yield f"{root}/{key or '*'}" if of_objects else root


_OBJECT_ACTIONS = ("AbortMultipartUpload", "ListMultipartUploadParts", "BypassGovernanceRetention")


def _dynamodb(action: str, given: Given, where: Where) -> Iterator[str]:
    if any(part in action for part in ("Backup", "Restore", "Export", "Import", "Global", "Replica", "Tag")):
        return
    batch = given.get("requestitems")
    names = list(batch) if isinstance(batch, dict) else [_text(given, "tablename", "streamarn")]
    index = _text(given, "indexname")
    for name in filter(None, names):
        table = name if name.startswith("arn:") else where.arn("dynamodb", f"table/{name}")
        yield table
        if index:
            yield f"{table}/index/{index}"


def _sqs(action: str, given: Given, where: Where) -> Iterator[str]:
    url, name = _text(given, "queueurl"), _text(given, "queuename")
    if match := _QUEUE_URL.match(url):
        yield where.arn("sqs", match[2], match[1])
    elif name:
        yield where.arn("sqs", name)


def _sns(action: str, given: Given, where: Where) -> Iterator[str]:
    if (topic := _text(given, "topicarn", "targetarn")).startswith("arn:"):
        yield topic


def _lambda(action: str, given: Given, where: Where) -> Iterator[str]:
    if any(part in action for part in ("EventSourceMapping", "Layer", "CodeSigning", "Tag", "List")):
        return
    name = _text(given, "functionname")
    if name.startswith("arn:"):
        yield name
    elif match := _FUNCTION.match(name):
        yield where.arn("lambda", f"function:{match[2]}", match[1] or "")


def _secret(action: str, given: Given, where: Where) -> Iterator[str]:
    secret = _text(given, "secretid") or (_text(given, "name") if action == "CreateSecret" else "")
    if secret.startswith("arn:"):
        yield secret if _SECRET_SUFFIX.search(secret) else f"{secret}-??????"
    elif secret:
        yield where.arn("secretsmanager", f"secret:{secret}-??????")


def _parameter(action: str, given: Given, where: Where) -> Iterator[str]:
    if "Parameter" not in action:
        return
    names = given.get("names")
    single = [_text(given, "name")] if not isinstance(names, list) else names
    for name in (n for n in single if isinstance(n, str) and n):
        plain = name.partition(":")[0] if not name.startswith("arn:") else name
        yield plain if plain.startswith("arn:") else where.arn("ssm", f"parameter/{plain.lstrip('/')}")
    if path := _text(given, "path"):
        base = where.arn("ssm", f"parameter/{path.strip('/')}")
        yield from (base, f"{base}/*")


def _iam(action: str, given: Given, where: Where) -> Iterator[str]:
    kinds = ("instance-profile", "group", "role", "user")
    for kind in kinds:
        if name := _text(given, f"{kind.replace('-', '')}name"):
            yield f"arn:{where.partition}:iam::{where.account}:{kind}/{name}"
            return
    if arn := _text(given, "policyarn"):
        yield arn


def _role_to_assume(action: str, given: Given, where: Where) -> Iterator[str]:
    if action.startswith("AssumeRole") and (arn := _text(given, "rolearn")).startswith("arn:"):
        yield arn


def _key(action: str, given: Given, where: Where) -> Iterator[str]:
    if "Alias" not in action and ":key/" in (arn := _text(given, "keyid", "sourcekeyid")):
        yield arn


def _machine(action: str, given: Given, where: Where) -> Iterator[str]:
    arn = _text(given, "executionarn", "statemachinearn")
    if arn.startswith("arn:") and not action.startswith(("Tag", "Untag", "List", "Create", "Publish")):
        yield arn


_BUILDERS: Mapping[str, Callable[[str, Given, Where], Iterator[str]]] = {
    "s3": _s3,
    "dynamodb": _dynamodb,
    "sqs": _sqs,
    "sns": _sns,
    "lambda": _lambda,
    "secretsmanager": _secret,
    "ssm": _parameter,
    "iam": _iam,
    "sts": _role_to_assume,
    "kms": _key,
    "states": _machine,
    "kinesis": _simple("kinesis", "stream/", "consumerarn", "streamarn", "streamname"),
    "firehose": _simple("firehose", "deliverystream/", "deliverystreamname"),
    "logs": _simple("logs", "log-group:", "loggroupname"),
    "cognito-idp": _simple("cognito-idp", "userpool/", "userpoolid"),
}
