"""Proofs for leading a function's secret out: what a store's calls may grant, and that it is no more than that.

Here something *is* granted, one of the two named exceptions to the subset law: the function reads its own secret, and
decrypts with that secret's key through its store. Every other call of a store grants nothing. A runbook that grants is
never automatic, since every write of IAM or of a secret is of the high tier.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial

from .model import Call, Json, Resource
from .stores import READERS_SID, only_readers, reading_policy
from .storing import CURRENT, is_ours, is_replaceable
from .workbench import is_late

Proof = Callable[[Call, Resource, tuple[Call, ...]], str]
FUNCTION = "AWS::Lambda::Function"
OUR_POLICIES = "suture-secret-"


def _denies_only(call: Call, resource: Resource, calls: tuple[Call, ...], *, facts: Mapping[str, Json]) -> str:
    """A policy that only denies the reading, on a secret that this very plan makes and so has no other, or that was
    stored for this function and has none, or another one of these, as the stage's read
    `resource_policies` says.
    """
    names = [c.parameters["Name"] for c in calls if c.operation == "secretsmanager:CreateSecret"]
    read = [p for p in facts.get("resource_policies") or () if isinstance(p, Mapping) and p.get("found")]
    names += [p["item"]["Secret"] for p in read if is_replaceable(p["found"].get("Policy"))]
    if call.parameters["SecretId"] not in names:
        return "the plan did not make that secret, so its policy may deny what this one does not"
    if _under_our_names(call, resource, calls):
        return "that secret was not stored for this function"
    document = _parsed(call.parameters["ResourcePolicy"])
    listed = document.get("Statement") or [{}]
    readers = (((listed[0].get("Condition") or {}).get("ArnNotEquals") or {}).get("aws:PrincipalArn")) or []
    role = str(resource.config.get("Role") or "")
    if role not in readers or document != only_readers(role, readers):
        return f"it is not the policy {READERS_SID}, which denies the reading and nothing else"
    return ""


def _reads_its_own(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """The role of this very function gets a new policy for one secret that was stored for this very function."""
    role = str(resource.config.get("Role") or "").rsplit("/", 1)[-1]
    if call.parameters["RoleName"] != role or not role:
        return "that is not the role of this function"
    document = _parsed(call.parameters["PolicyDocument"])
    named = re.fullmatch(
        rf"arn:[a-z-]+:(?:secretsmanager:.*:secret:|ssm:.*:parameter/)(suture/{re.escape(resource.id)}/[^*?]+?)(-\?{{6}})?",
        str(((document.get("Statement") or [{}])[0]).get("Resource", "")),
    )
    if named is None:
        return "it names no secret that was stored for this function"
    store, name = ("secretsmanager", named[1]) if named[2] else ("ssm", f"/{named[1]}")
    facts = {"arn": resource.arn, "region": resource.region, "account": resource.account}
    key = str(document["Statement"][1].get("Resource", "")) if len(document["Statement"]) > 1 else ""
    if key and not re.fullmatch(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[\w-]+", key):
        return "it names no single key"
    return "" if document == reading_policy(store, facts, name, key) else "it allows more than reading that secret"


def _one_member(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """One identity is let in, by name: never everybody, and no group whose members somebody else chooses."""
    member = str(call.parameters["Member"])
    if not re.fullmatch(r"(serviceAccount:[\w.@-]+|principal://iam\.googleapis\.com/[\w./:@-]+)", member):
        return f"{member[:80]!r} is no single service account or federated principal"
    return _of_this_function(call, resource, calls)


def _of_this_function(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """The secret is one that was stored for this function: its name begins as ours do."""
    ours = "suture-" + re.sub("[^0-9A-Za-z-]+", "-", resource.id) + "-"
    return "" if str(call.parameters["Name"]).startswith(ours) else "that secret was not stored for this function"


def _under_our_names(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """Storing and retiring let nobody in; they touch what was stored for this function, and nothing else."""
    name = str(call.parameters.get("Name") or call.parameters.get("SecretId"))
    ours = name.removeprefix("/").startswith(f"suture/{resource.id}/")
    return "" if ours else "that secret was not stored for this function"


def _moves_current(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """A value that Suture stored becomes the current one, and takes the label from the version that is named."""
    parameters = call.parameters
    if parameters["VersionStage"] != CURRENT or not is_ours(str(parameters["MoveToVersionId"])):
        return "it makes something else current than a version that Suture stored"
    return _under_our_names(call, resource, calls)


def _adds_the_variable(call: Call, resource: Resource, calls: tuple[Call, ...]) -> str:
    """A further version of a secret of this function, with the value that the fresh read gives."""
    if not is_late(call.parameters.get("SecretString")):
        return "its value is not the one that the fresh read gives"
    return _under_our_names(call, resource, calls)


def _parsed(text: Json) -> dict[str, Json]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


_PROOFS: Mapping[str, Proof] = {
    "azure-keyvault:DeleteSecret": _of_this_function,
    "azure-keyvault:RecoverDeletedSecret": _of_this_function,
    "azure-keyvault:SetSecret": _of_this_function,
    "gcp-secretmanager:AddSecretAccessor": _one_member,
    "gcp-secretmanager:AddSecretVersion": _of_this_function,
    "gcp-secretmanager:CreateSecret": _of_this_function,
    "gcp-secretmanager:DisableSecretVersion": _of_this_function,
    "gcp-secretmanager:EnableSecretVersion": _of_this_function,
    "iam:PutRolePolicy": _reads_its_own,
    "secretsmanager:DeleteSecret": _under_our_names,
    "secretsmanager:PutSecretValue": _adds_the_variable,
    "secretsmanager:UpdateSecretVersionStage": _moves_current,
    "ssm:DeleteParameter": _under_our_names,
    "ssm:PutParameter": _under_our_names,
}


def proof_of_store(call: Call, resource: Resource, facts: Mapping[str, Json]) -> Proof | None:
    """The proof for a call of a store in a function's plan, which stands before all others; None for other calls.

    A role's inline policy is a store's only under a name of ours, which replaces nothing else. `facts` are what the
    plan's stage has read.
    """
    name = str(call.parameters.get("PolicyName", OUR_POLICIES))
    if resource.type != FUNCTION or not name.startswith(OUR_POLICIES):
        return None
    if call.operation == "secretsmanager:PutResourcePolicy":
        return partial(_denies_only, facts=facts)
    return _PROOFS.get(call.operation)
