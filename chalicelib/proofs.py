"""Invariant 9: a fix grants nothing new. Every call that could grant is proved harmless here, or refused.

There are two named exceptions. Leading a secret out grants one role the reading of one secret (and its decryption):
its own proof in proofs_iam.py holds it to exactly that, and its tier is high, so people always approve it. Undo never
passes through these proofs: it restores exactly the journalled state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from .controls._grants import statement_of
from .errors import BadPolicy
from .iam import documents, subset
from .model import Call, Json, Resource
from .proofs_iam import PROOFS_OF_IDENTITY
from .proofs_stores import proof_of_store
from .surgery import element, statements
from .workbench import is_fresh, is_late


def unproved(calls: tuple[Call, ...], resource: Resource, facts: Mapping[str, Json] | None = None) -> str:
    """Why some call cannot be proved to grant nothing new, as a sentence; empty when all are proved.

    `facts` are what a staged runbook has read beside the resource.
    """
    for call in calls:
        problem = _problem(call, resource, calls, facts or {})
        if problem:
            return f"{call.operation} is not proved to grant nothing new: {problem}"
    return ""


def _problem(call: Call, resource: Resource, calls: tuple[Call, ...], facts: Mapping[str, Json]) -> str:
    of_store = proof_of_store(call, resource, facts)
    if of_store:
        return of_store(call, resource, calls)
    if call.operation in PROOFS_OF_IDENTITY:
        return PROOFS_OF_IDENTITY[call.operation](call, resource, calls)
    proof = _PROOFS.get(call.operation)
    return proof(call.parameters, resource) if proof else "nobody has written down a proof for it"


def _trust_narrows(parameters: Mapping[str, Json], resource: Resource) -> str:
    try:
        new = documents.parse(json.loads(parameters["PolicyDocument"]), "trust")
        old = documents.parse(resource.config["AssumeRolePolicyDocument"], "trust")
    except (BadPolicy, ValueError) as error:
        return str(error)
    proof = subset.allows_subset(new, old)
    return "" if proof.holds else proof.reason


def _policy_narrows(parameter: str) -> Callable[[Mapping[str, Json], Resource], str]:
    """The proof for a write of the resource's whole policy: what `parameter` holds allows nothing that it did not."""

    def proof(parameters: Mapping[str, Json], resource: Resource) -> str:
        try:
            new = documents.parse(json.loads(parameters[parameter]), "resource")
            old = documents.parse(resource.config["Policy"], "resource")
        except (BadPolicy, ValueError) as error:
            return str(error)
        found = subset.allows_subset(new, old)
        return "" if found.holds else found.reason

    return proof


def _grant_narrows(parameters: Mapping[str, Json], resource: Resource) -> str:
    """A new statement of a function's policy allows nothing that its qualifier's policy does not allow already."""
    if not parameters.get("StatementId"):
        return "it names no statement"
    qualifier = parameters.get("Qualifier") or "$LATEST"
    entries = [e for e in resource.config.get("Qualifiers") or () if e["Qualifier"] == qualifier and e.get("Policy")]
    if not entries:
        return "that qualifier has no policy, so the grant would be new"
    arn = resource.arn if qualifier == "$LATEST" else f"{resource.arn}:{qualifier}"
    added = statement_of(parameters, str(parameters["StatementId"]), arn)
    try:
        new = documents.parse(
            {"Version": "2012-10-17", "Statement": [*_denies(entries[0]["Policy"]), added]}, "resource"
        )
        found = subset.allows_subset(new, documents.parse(entries[0]["Policy"], "resource"))
    except BadPolicy as error:
        return str(error)
    return "" if found.holds else found.reason


def _denies(policy: Mapping[str, Json]) -> list[Json]:
    return [s for s in statements(policy) if element(s, "Effect") != "Allow"]


def _queue_policy_narrows(parameters: Mapping[str, Json], resource: Resource) -> str:
    attributes = parameters["Attributes"]
    return _policy_narrows("Policy")(attributes, resource) if set(attributes) == {"Policy"} else _MORE


def _topic_policy_narrows(parameters: Mapping[str, Json], resource: Resource) -> str:
    return _policy_narrows("AttributeValue")(parameters, resource) if parameters["AttributeName"] == "Policy" else _MORE


_MORE = "it sets more than the policy"


def _boundary_restricts(parameters: Mapping[str, Json], resource: Resource) -> str:
    """A boundary on a role that has none only takes away; one that replaces another could loosen it."""
    if resource.config.get("PermissionsBoundary"):
        return "the role already has a permissions boundary, and replacing it could loosen it"
    return ""


def _block_tightens(parameters: Mapping[str, Json], resource: Resource) -> str:
    """A block on public access keeps every setting that is on; what else it switches on only takes away."""
    new, old = parameters["PublicAccessBlockConfiguration"], resource.config.get("PublicAccessBlock") or {}
    lost = sorted(name for name, value in old.items() if value is True and new.get(name) is not True)
    return f"it switches {lost[0]} off" if lost else ""


def _asks_for_iam(parameters: Mapping[str, Json], resource: Resource) -> str:
    return "" if parameters.get("AuthType") == "AWS_IAM" else "only AuthType AWS_IAM asks callers who they are"


def _only_environment(parameters: Mapping[str, Json], resource: Resource) -> str:
    """Only variables change, by values that the fresh read gives, and only from the revision that was read."""
    if set(parameters) != {"FunctionName", "Environment", "RevisionId"}:
        return "it changes more of the function than its environment"
    is_bound = is_late(parameters["Environment"]) and is_fresh(parameters["RevisionId"])
    return "" if is_bound else "its environment and revision do not come from the fresh read"


def _only_an_idle_version(parameters: Mapping[str, Json], resource: Resource) -> str:
    """A published version is deleted to which no alias points. The function itself never is."""
    version = str(parameters.get("Qualifier") or "")
    named = parameters.get("FunctionName") in (resource.id, resource.arn)
    entries = resource.config.get("Qualifiers") or ()
    users = [e["Qualifier"] for e in entries if e["FunctionVersion"] == version]
    if not named or not version.isdecimal() or version not in users:
        return "it names no published version of this function"
    return "" if users == [version] else f"an alias points at version {version}"


_THE_PLAIN_VALUE = "=not_null(resource.config.Value, resource.config.Previous.Value)"


def _encrypts_in_place(parameters: Mapping[str, Json], resource: Resource) -> str:
    """The value that stands in a plain parameter is encrypted; all else that overwriting could change stays."""
    config, kept = resource.config, ("Name", "Tier", "Description", "AllowedPattern", "Policies")
    if config.get("Type") != "String" or parameters.get("Type") != "SecureString":
        return "it is no encryption of a String"
    if any(parameters.get(name) != config.get(name) for name in kept):
        return "it changes more of the parameter than its type"
    value = parameters.get("Value")
    is_late = isinstance(value, Mapping) and value.get("late") == _THE_PLAIN_VALUE
    return "" if is_late else "its value is not the one that the fresh read gives"


def _grants_nothing(parameters: Mapping[str, Json], resource: Resource) -> str:
    """Calls that take grants away, or that have no say in who may do what."""
    return ""


_PROOFS: Mapping[str, Callable[[Mapping[str, Json], Resource], str]] = {
    "apigateway:UpdateStage": _grants_nothing,
    "dynamodb:PutResourcePolicy": _policy_narrows("Policy"),
    "ecr:SetRepositoryPolicy": _policy_narrows("policyText"),
    "events:PutPermission": _policy_narrows("Policy"),
    "iam:PutRolePermissionsBoundary": _boundary_restricts,
    "iam:UpdateAssumeRolePolicy": _trust_narrows,
    "kms:PutKeyPolicy": _policy_narrows("Policy"),
    "lambda:AddPermission": _grant_narrows,
    "lambda:DeleteFunction": _only_an_idle_version,
    "lambda:RemoveLayerVersionPermission": _grants_nothing,
    "lambda:RemovePermission": _grants_nothing,
    "lambda:UpdateFunctionConfiguration": _only_environment,
    "lambda:UpdateFunctionUrlConfig": _asks_for_iam,
    "s3:PutBucketPolicy": _policy_narrows("Policy"),
    "s3:PutPublicAccessBlock": _block_tightens,
    "secretsmanager:CreateSecret": _grants_nothing,
    "secretsmanager:RestoreSecret": _grants_nothing,
    "secretsmanager:PutResourcePolicy": _policy_narrows("ResourcePolicy"),
    "sns:SetTopicAttributes": _topic_policy_narrows,
    "ssm:PutParameter#Overwrite": _encrypts_in_place,
    "sqs:SetQueueAttributes": _queue_policy_narrows,
}
