"""Proofs that a change of a role's identity policies, or of a managed policy, grants nothing new.

A policy's new document is held against the one that is in force now (`chalicelib.iam.subset`), for whoever holds it. A
policy of AWS's is never edited: a copy that this very plan makes takes its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from . import leading
from .errors import BadPolicy
from .iam import documents, subset
from .model import Call, Json, Resource

Proof = Callable[[Call, Resource, tuple[Call, ...]], str]
"""From a call, the resource as it is, and all calls of the plan: why nothing proves it harmless, or nothing."""


def _inline_narrows(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """An inline policy of this very role gets a document that allows nothing the old one did not."""
    held = {p["PolicyName"]: p["PolicyDocument"] for p in resource.config["RolePolicyList"]}
    if call.parameters["RoleName"] != resource.id or call.parameters["PolicyName"] not in held:
        return "the role has no such policy yet, so all of it would be new"
    return _allows_more(call.parameters["PolicyDocument"], held[call.parameters["PolicyName"]])


def _inline_goes(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """An inline policy that denies nothing only takes away with it what it allowed."""
    held = {p["PolicyName"]: p["PolicyDocument"] for p in resource.config["RolePolicyList"]}
    if call.parameters["RoleName"] != resource.id or call.parameters["PolicyName"] not in held:
        return "the role has no such policy"
    try:
        old = documents.parse(held[call.parameters["PolicyName"]], "identity")
    except BadPolicy as error:
        return str(error)
    denies = any(not statement.allows for statement in old.statements)
    return "the policy denies something, and nothing would deny it in its place" if denies else ""


def _inline_is_proved(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """A role's own policy may only narrow; for a function's plan there is the one named exception to that law."""
    is_function = resource.type == "AWS::Lambda::Function"
    return (_reads_one_secret if is_function else _inline_narrows)(call, resource, calls)


def _reads_one_secret(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """The named exception: the function's own role may read one secret that Suture stored for this very function, and
    decrypt it through Secrets Manager. Nothing else, nobody else, and under a name that no other policy has.
    """
    role, name = str(resource.config.get("Role") or ""), str(call.parameters["PolicyName"])
    if call.parameters["RoleName"] != role.rsplit("/", 1)[-1] or ":role/aws-service-role/" in role:
        return "it is not the function's own role that would get it"
    try:
        found = json.loads(call.parameters["PolicyDocument"])
        secret, key = found["Statement"][0]["Resource"], found["Statement"][-1]["Resource"]
        expected = leading.grant({"ARN": secret, "KmsKeyId": key if key != secret else ""}, resource.region)
    except (ValueError, LookupError, TypeError, AttributeError):
        return "it is no grant of one secret"
    partition, place = resource.arn.split(":")[1], f"{resource.region}:{resource.account}"
    ours = rf"arn:{partition}:secretsmanager:{place}:secret:suture/{re.escape(resource.id)}/[\w/+=.@-]+"
    keys = rf"arn:{partition}:kms:{place}:key/[\w-]+"
    is_one = re.fullmatch(ours, str(secret), re.ASCII) and (key == secret or re.fullmatch(keys, str(key), re.ASCII))
    if not is_one or found != expected or not name.startswith("suture-read-"):
        return "it grants something else than reading the one secret that was stored for this function"
    return ""


def _version_narrows(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """A managed policy gets a version that allows nothing its default version does not, for whoever holds it."""
    held = _attached(resource)
    if call.parameters["PolicyArn"] not in held:
        return "the policy is not attached to this role"
    return _allows_more(call.parameters["PolicyDocument"], held[call.parameters["PolicyArn"]])


def _version_is_idle(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """Deleting a version that is not in force changes what nobody may do."""
    config = resource.config
    ours = config.get("Arn") == call.parameters["PolicyArn"] and bool(config.get("DefaultVersionId"))
    in_force = call.parameters["VersionId"] == config.get("DefaultVersionId")
    return "" if ours and not in_force else "only a version that is not in force may be deleted"


def _attaches_a_narrower_copy(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """The policy must be one that this plan makes, and it allows nothing that one attached policy does not."""
    copy = _made(call.parameters["PolicyArn"], resource, calls)
    if call.parameters["RoleName"] != resource.id or copy is None:
        return "it attaches a policy that the plan did not make"
    problems = [_allows_more(copy, held) for held in _attached(resource).values()]
    return "" if "" in problems else next(iter(problems), "the role has no policy attached that allows as much")


def _detaches_what_is_copied(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """Taking a policy away grants what it denied, unless it denies nothing or an attached copy denies the same."""
    old = _attached(resource).get(call.parameters["PolicyArn"])
    if call.parameters["RoleName"] != resource.id or old is None:
        return "the policy is not attached to this role"
    try:
        denies = [s for s in documents.parse(old, "identity").statements if not s.allows]
    except BadPolicy as error:
        return str(error)
    attached = [c.parameters["PolicyArn"] for c in calls if c.operation == "iam:AttachRolePolicy"]
    copies = [made for arn in attached if (made := _made(arn, resource, calls)) is not None]
    if not denies or any(not _allows_more(copy, old) for copy in copies):
        return ""
    return "the policy denies something, and nothing in this plan denies it in its place"


def _made(arn: str, resource: Resource, calls: tuple[Call, ...]) -> Json:
    """The document of the policy `arn` as this plan makes it, or None. The ARN follows from account, path and name."""
    for call in calls:
        if call.operation == "iam:CreatePolicy":
            path, name = call.parameters.get("Path", "/"), call.parameters["PolicyName"]
            if arn == f"arn:{resource.arn.split(':')[1]}:iam::{resource.account}:policy{path}{name}":
                return call.parameters["PolicyDocument"]
    return None


def _attached(resource: Resource) -> dict[str, Json]:
    return {p["PolicyArn"]: p["PolicyDocument"] for p in resource.config.get("AttachedManagedPolicies") or ()}


def _allows_more(new: Json, old: Json) -> str:
    """Why a policy's new text is not proved to allow nothing that the old document did not; empty when it is."""
    try:
        proof = subset.allows_subset(documents.parse(new, "identity"), documents.parse(old, "identity"))
    except BadPolicy as error:
        return str(error)
    return "" if proof.holds else proof.reason


def _is_made_only(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """A policy grants nothing until it is attached, and only a new one may be made: a taken name fails."""
    return ""


PROOFS_OF_IDENTITY: Mapping[str, Proof] = {
    "iam:AttachRolePolicy": _attaches_a_narrower_copy,
    "iam:CreatePolicy": _is_made_only,
    "iam:CreatePolicyVersion": _version_narrows,
    "iam:DeletePolicyVersion": _version_is_idle,
    "iam:DeleteRolePolicy": _inline_goes,
    "iam:DetachRolePolicy": _detaches_what_is_copied,
    "iam:PutRolePolicy": _inline_is_proved,
}
