"""The policy that a resource itself has, found by its ARN, for `suture iam can`. Reads only, through the readers.

Which services have one: IAM User Guide, "AWS services that work with IAM", column "Resource-based policies".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.aws import readers
from chalicelib.errors import BadPolicy, CallFailed
from chalicelib.iam.documents import Document, parse
from chalicelib.model import Json, Resource

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

LATEST = "$LATEST"


class Guard(NamedTuple):
    """A resource's own policy, None where it has none; `note` says what was found.

    `unread` says why the policy is not known: then it may allow or deny whatever it likes. `gone`: there is no such
    resource, so that nothing is allowed that needs its policy.
    """

    policy: Document | None = None
    note: str = ""
    unread: str = ""
    gone: bool = False


class _Held(NamedTuple):
    """A resource as its reader knows it: type, id, what sentences call it, and how its policy is got out of it."""

    type: str
    id: str
    noun: str
    policy: Callable[[Mapping[str, Json]], Json] = lambda config: config["Policy"]
    kind: str = "resource"


def guard(aws: Clients, action: str, resource: str) -> Guard:
    """The policy of the resource with this ARN, as far as it decides about the action. Raises only what is no answer
    of AWS's (no network, no credentials)."""
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return Guard()
    held = _held(action, parts)
    if held is None:
        other = _other_account(aws, parts)
        return Guard(unread=other) if other else Guard(note="A policy of the resource's own was not looked for.")
    if any(c in held.id for c in "*?"):
        return Guard(unread=f"the ARN stands for several {held.noun}s, and no policy of theirs was read")
    if other := _other_account(aws, parts):
        return Guard(unread=other)
    try:
        found = readers.read(aws.in_region(parts[3] or aws.region), held.type, held.id)
    except CallFailed as error:
        if error.code in ("NoCredentialsError", "EndpointConnectionError"):
            raise
        return Guard(unread=f"the {held.noun}'s own policy could not be read ({error.what})")
    return _guarding(held, found)


def _guarding(held: _Held, found: Resource | None) -> Guard:
    if found is None:
        return Guard(note=f"There is no such {held.noun} in this account and region.", gone=True)
    if found.config.get("KeyManager") == "AWS":
        return Guard(unread="the key is AWS's own, and AWS's policy of it lets callers in through its service only")
    raw = held.policy(found.config)
    if not raw:
        return Guard(note=f"The {held.noun} has no policy of its own.")
    try:
        return Guard(parse(raw, held.kind))
    except BadPolicy as error:
        return Guard(unread=f"the {held.noun}'s own policy cannot be judged ({error.what.rstrip('.')})")


def _other_account(aws: Clients, parts: Sequence[str]) -> str:
    owner = parts[4]
    if not owner.isdigit() or owner == aws.account:
        return ""
    return f"the resource is of account {owner}, whose policy for it these credentials do not read"


def _held(action: str, parts: Sequence[str]) -> _Held | None:
    """Which reader has the resource; None where its service has no such policies, or no reader here."""
    service, rest = parts[2], parts[5]
    kind, _, name = rest.partition("/")
    if service == "lambda":
        return _lambda(rest.split(":"))
    if service == "iam" and kind == "role" and action.lower().startswith("sts:"):
        trust = "AssumeRolePolicyDocument"
        return _Held("AWS::IAM::Role", name.rsplit("/", 1)[-1], "role", lambda config: config[trust], "trust")
    if service == "s3" and not parts[4]:
        return _Held("AWS::S3::Bucket", kind, "bucket")
    if service in ("sqs", "sns"):
        names = {"sqs": ("AWS::SQS::Queue", "queue"), "sns": ("AWS::SNS::Topic", "topic")}
        return _Held(names[service][0], rest.partition(":")[0], names[service][1])
    if service == "secretsmanager":
        return _Held("AWS::SecretsManager::Secret", ":".join(parts), "secret")
    known = _BY_PREFIX.get(f"{service}:{kind}")
    if known is None or (service == "dynamodb" and "/stream/" in name):
        return None
    return _Held(known[0], name.partition("/")[0] if service == "dynamodb" else name, known[1])


_BY_PREFIX = {
    "kms:key": ("AWS::KMS::Key", "key"),
    "events:event-bus": ("AWS::Events::EventBus", "event bus"),
    "dynamodb:table": ("AWS::DynamoDB::Table", "table"),
    "ecr:repository": ("AWS::ECR::Repository", "repository"),
}


def _lambda(names: Sequence[str]) -> _Held | None:
    """A function's policy is that of the very qualifier that is asked for; a layer's hangs on its version."""
    if names[0] == "layer" and len(names) == 3 and names[2].isdigit():
        return _Held("AWS::Lambda::LayerVersion", f"{names[1]}:{names[2]}", "layer version")
    if names[0] != "function" or len(names) < 2:
        return None
    wanted = names[2] if len(names) > 2 else LATEST

    def policy(config: Mapping[str, Json]) -> Json:
        return next((q["Policy"] for q in config["Qualifiers"] if q["Qualifier"] == wanted), None)

    return _Held("AWS::Lambda::Function", names[1], "function", policy)
