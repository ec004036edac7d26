"""May they: our own IAM reasoning over moto's identities, for every call of every client.

Identity policies ∩ permissions boundary ∩ session policy, and the resource's own policy where it has one. A resource
that `asked` cannot name is taken as matched by any Allow of the action, and denied only by a Deny of everything: a
client of an uncatalogued operation is not stopped by what we do not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.dynamodb.models import dynamodb_backends
from moto.ecr.models import ecr_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from chalicelib.errors import BadPolicy
from chalicelib.iam.documents import Document, parse
from chalicelib.iam.permissions import may

from .asked import UNKNOWN, Asked, asked
from .calls import Call
from .identity import Identity
from .mends.lambda_grants import grants_of, split

# Anyone who is someone may ask who they are: STS API Reference, GetCallerIdentity.
_FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})


@dataclass(frozen=True, slots=True)
class Allowed:
    pass


@dataclass(frozen=True, slots=True)
class Denied:
    """`reason` completes "User: … is not authorized to perform: "."""

    reason: str


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy documents that bound an identity, as JSON texts. None = there is no such layer."""

    own: tuple[str, ...]
    boundary: tuple[str, ...] | None
    session: tuple[str, ...] | None


def decide(identity: Identity, call: Call) -> Allowed | Denied:
    """Whether `identity` may make `call`."""
    if identity.kind == "Unknown" or call.name in _FREE or not call.operation:
        return Allowed()
    held = policies_of(identity)
    is_free = held.boundary is None and held.session is None and call.service not in ("sts", *_HELD)
    if is_free and _all_powerful(held.own):
        return Allowed()
    for one in asked(call, identity.account):
        reason = _refused(identity, held, call, one)
        if reason:
            return Denied(reason)
    return Allowed()


def reason_against(identity: Identity, call: Call) -> str:
    """ "" when the call is allowed, else the reason of the denial."""
    answer = decide(identity, call)
    return answer.reason if isinstance(answer, Denied) else ""


def policies_of(identity: Identity) -> Policies:
    """What moto's IAM holds for a principal just now."""
    partition = identity.arn.split(":")[1]
    backend = iam_backends[identity.account][partition]
    owner = _owner(backend, identity)
    if owner is None:
        return Policies((), None, None)
    own = [_document(text) for text in list(owner.policies.values())]
    own += [_managed(policy) for policy in list(owner.managed_policies.values())]
    for group in backend.get_groups_for_user(identity.name) if identity.kind == "IAMUser" else ():
        own += [_document(text) for text in list(group.policies.values())]
        own += [_managed(policy) for policy in list(group.managed_policies.values())]
    limit = getattr(owner, "permissions_boundary_arn", None) or None
    boundary = (_managed(backend.managed_policies.get(limit)),) if limit else None
    session = (identity.session_policy,) if identity.session_policy else None
    return Policies(tuple(own), boundary, session)


def _owner(backend: Any, identity: Identity) -> Any:
    if identity.kind == "IAMUser":
        return backend.users.get(identity.name)
    return next((role for role in list(backend.roles.values()) if role.name == identity.name), None)


def _managed(policy: Any) -> str:
    """The default version's text; a policy that is gone allows nothing."""
    if policy is None:
        return '{"Version": "2012-10-17", "Statement": []}'
    version = next(v for v in policy.versions if v.version_id == policy.default_version_id)
    return _document(version.document)


def _document(text: Any) -> str:
    return text if isinstance(text, str) else json.dumps(text)


def _refused(identity: Identity, held: Policies, call: Call, wanted: Asked) -> str:
    """ "" or the reason, as AWS words it."""
    theirs, missing = _resource_policy(call, wanted, identity.account)
    shown = wanted.resource if wanted.resource not in (UNKNOWN, "*") else "*"
    if missing:
        return f"{wanted.action} on resource: {shown}"
    loose = wanted.resource == UNKNOWN
    answer = may(
        _parsed(held.own, loose),
        wanted.action,
        wanted.resource or "*",
        boundary=None if held.boundary is None else _parsed(held.boundary, loose),
        session=None if held.session is None else _parsed(held.session, loose),
        resource_policy=theirs,
        context={**_circumstances(identity, call), **wanted.context},
        principal=tuple(filter(None, (identity.arn, identity.issuer_arn))),
    )
    if answer.verdict == "allowed":
        return ""
    return f"{wanted.action} on resource: {shown} because {'; '.join(answer.reasons) or 'no policy allows it'}"[:900]


def _circumstances(identity: Identity, call: Call) -> dict[str, str | list[str]]:
    """The global condition keys that every request has (IAM User Guide, "AWS global condition context keys")."""
    now = datetime.now(UTC)
    return {
        "aws:PrincipalArn": identity.issuer_arn or identity.arn,
        "aws:PrincipalAccount": identity.account,
        "aws:PrincipalType": identity.kind if identity.kind == "AssumedRole" else "User",
        "aws:userid": identity.principal_id,
        **({"aws:username": identity.name} if identity.kind == "IAMUser" else {}),
        "aws:RequestedRegion": call.region,
        "aws:SourceIp": call.source_ip,
        "aws:UserAgent": call.user_agent,
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:ResourceAccount": identity.account,
    }


def _resource_policy(call: Call, wanted: Asked, account: str) -> tuple[Document | None, bool]:
    """The policy on the resource, and whether the resource of an AssumeRole is missing altogether."""
    if wanted.action.startswith("sts:AssumeRole"):
        trust = _trust(wanted.resource)
        return (None, True) if trust is None else (_one(trust, "trust"), False)
    text = _attached(call, wanted, account)
    return (_one(text, "resource") if text else None), False


def _trust(role_arn: str) -> str | None:
    parts = role_arn.split(":")
    if len(parts) < 6:
        return None
    roles = list(iam_backends[parts[4]][parts[1]].roles.values())
    found = next((role for role in roles if str(role.arn) == role_arn), None)
    return _document(found.assume_role_policy_document) if found is not None else None


def _attached(call: Call, wanted: Asked, account: str) -> str | None:
    """The text of the policy on the resource itself, or None: there is none, or no such resource."""
    find = _HELD.get(wanted.action.split(":", 1)[0])
    try:
        return _text(find(account, call.region, wanted.resource)) if find else None
    except Exception:
        return None


def _of_secret(account: str, region: str, arn: str) -> Any:
    return secretsmanager_backends[account][region].secrets[arn].policy


def _of_function(account: str, region: str, arn: str) -> Any:
    return json.loads(grants_of(lambda_backends[account][region]._lambdas, *split(arn, None)).as_json())["Policy"]


# Service → its policy on the resource of an ARN. What raises has none.
_HELD: Mapping[str, Callable[[str, str, str], Any]] = {
    "dynamodb": lambda account, region, arn: dynamodb_backends[account][region].resource_policies[arn].policy_doc,
    "ecr": lambda account, region, arn: ecr_backends[account][region].repositories[_after(arn, "repository/")].policy,
    "events": lambda account, region, arn: events_backends[account][region].event_buses[_after(arn, "bus/")].policy,
    "kms": lambda account, region, arn: kms_backends[account][region].describe_key(_after(arn, ":key/")).policy,
    "lambda": _of_function,
    "s3": lambda account, region, arn: s3_backends[account][arn.split(":")[1]].buckets[_bucket(arn)].policy,
    "secretsmanager": _of_secret,
    "sns": lambda account, region, arn: sns_backends[account][region].topics[arn].policy,
    "sqs": lambda account, region, arn: sqs_backends[account][region].queues[_after(arn, ":")].policy,
}


def _after(arn: str, mark: str) -> str:
    return arn.rsplit(mark, 1)[-1]


def _bucket(arn: str) -> str:
    return _after(arn, ":").split("/", 1)[0]


def _text(policy: Any) -> str | None:
    if not policy:
        return None
    return policy.decode() if isinstance(policy, bytes) else _document(policy)


@lru_cache(maxsize=1024)
def _one(text: str, kind: str) -> Document | None:
    """A document, or None where it does not parse: what IAM would have refused grants nothing."""
    try:
        return parse(text, kind)
    except BadPolicy:
        return None


@lru_cache(maxsize=512)
def _parsed(texts: tuple[str, ...], loose: bool) -> tuple[Document, ...]:
    read = (_one(_loosened(text) if loose else text, "identity") for text in texts)
    return tuple(document for document in read if document is not None)


def _loosened(text: str) -> str:
    """A policy for an unknown resource: an Allow of any resource counts, a Deny only of all."""
    try:
        policy = json.loads(text)
    except ValueError:
        return text
    listed = policy.get("Statement", [])
    kept = []
    for statement in listed if isinstance(listed, list) else [listed]:
        resources = statement.get("Resource", [])
        if statement.get("Effect") == "Allow":
            kept.append({**{k: v for k, v in statement.items() if k != "NotResource"}, "Resource": "*"})
        elif resources == "*" or "*" in resources:
            kept.append(statement)
    return json.dumps({**policy, "Statement": kept})


@lru_cache(maxsize=512)
def _all_powerful(texts: tuple[str, ...]) -> bool:
    """An unconditional Allow of everything and no Deny anywhere."""
    statements = [statement for document in _parsed(texts, False) for statement in document.statements]
    return all(s.allows for s in statements) and any(
        s.actions and "*" in s.actions and s.resources and "*" in s.resources and not s.conditions for s in statements
    )


def api_denial(identity: Identity, action: str, resource: str) -> str:
    """Why a principal may not do something in the API's name; empty when it may."""
    held = policies_of(identity)
    layers = [
        None if texts is None else tuple(parse(text, "identity") for text in texts)
        for texts in (held.own, held.boundary, held.session)
    ]
    answer = may(layers[0] or (), action, resource, boundary=layers[1], session=layers[2], context={})
    return "" if answer.verdict == "allowed" else "; ".join(answer.reasons) or "no policy allows it"
