"""Surgery on a role's identity policies, for runbooks: which policy gets which new document, and by which way.

An edit is one policy with its new document: Way (`inline`, `customer` or `aws`: managed by whom), Name, Arn (null where
inline), Old and New (documents), Fits (whether New is within IAM's size limits), Version, VersionIds and UsedBy (of a
customer's own), CopyName and CopyArn (of the copy that takes the place of one of AWS's), Returns (whether AWS would let
it be attached again). That an edit allows nothing
new is proved elsewhere, in proofs.py, of whatever stands in the plan. As in surgery.py, a major never changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from .model import Json
from .surgery import statements, token

COPIES = "/suture/"
"""The IAM path of the policies that Suture makes: its writer may create and delete policies there, and nowhere else."""

_MOST = {"inline": 10_240, "customer": 6_144, "aws": 6_144}
"""Characters without white space: "IAM and AWS STS quotas". Inline policies of a role count together."""

_RUNS_AS = {
    "autoscaling": ("autoscaling", "ec2"),
    "batch": ("batch", "ecs-tasks"),
    "ec2": ("ec2", "spotfleet", "vpc-flow-logs"),
    "ecs": ("ecs", "ecs-tasks"),
    "eks": ("eks", "eks-fargate-pods", "ec2", "pods.eks"),
    "elasticmapreduce": ("elasticmapreduce", "ec2", "application-autoscaling"),
    "lambda": ("lambda", "edgelambda"),
    "rds": ("rds", "monitoring.rds", "export.rds"),
    "s3": ("s3", "batchoperations.s3"),
    "sagemaker": ("sagemaker", "lambda"),
}
"""Services that run things as a role under other names than their own; all others as `<prefix>.amazonaws.com`."""

_NOBODY = frozenset({"iam", "sts"})
"""Services that take no role."""


def narrowed_edits(
    resource: Mapping[str, Json], evidence: Sequence[Mapping[str, Json]], proposals: Sequence[Mapping[str, Json]]
) -> list[dict[str, Json]] | None:
    """The edits that put proposed documents in place; null where the evidence names a policy that has no proposal.

    `proposals` hold role (name or ARN), policy (name, or ARN where managed) and document, as people put them into a pin
    from what `suture iam narrow` shows. Policies that the evidence does not name stay as they are; evidence that names
    none is about the role as a whole, and all of its proposals are taken.
    """
    ours = [p for p in proposals if p.get("role") in (resource["id"], resource["arn"])]
    by_policy = {str(p.get("policy")): p.get("document") for p in ours}
    named = _named(evidence) or sorted(by_policy)
    if not named or any(not isinstance(by_policy.get(n), Mapping) for n in named):
        return None
    return _edits(resource, {n: by_policy[n] for n in named})


def evidence_proposals(resource: Mapping[str, Json], evidence: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """The documents that the evidence itself holds for the role's policies, in the form of `narrowed_edits`."""
    held = (item for item in evidence if "Policy" in item and "Document" in item)
    return [{"role": resource["arn"], "policy": item["Policy"], "document": item["Document"]} for item in held]


def passrole_edits(
    resource: Mapping[str, Json], evidence: Sequence[Mapping[str, Json]]
) -> list[dict[str, Json]] | None:
    """The edits by which a role passes roles only to services that its other rights can use them with.

    A statement that the evidence names is split: iam:PassRole with iam:PassedToService, and what else it allows as it
    was. Null where those services cannot be told (a right on all services), where no service is left, and where
    PassRole cannot be told apart from the rest (`iam:*`, NotAction).
    """
    services = _services(_held(resource["config"]))
    if not services:
        return None
    new: dict[str, Json] = {}
    for name in _named(evidence):
        places = {i["Statement"] for i in evidence if i.get("Policy") == name}
        document = _held(resource["config"]).get(name)
        made = _limited(document, places, services) if document is not None else None
        if made is None:
            return None
        new[name] = made
    return _edits(resource, new)


def _named(evidence: Iterable[Mapping[str, Json]]) -> list[str]:
    return sorted({str(item["Policy"]) for item in evidence if "Policy" in item})


def _held(config: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    """The role's documents by name (inline) or ARN (managed)."""
    inline = {p["PolicyName"]: p["PolicyDocument"] for p in config["RolePolicyList"]}
    return inline | {p["PolicyArn"]: p["PolicyDocument"] for p in config["AttachedManagedPolicies"]}


def _edits(resource: Mapping[str, Json], new: Mapping[str, Json]) -> list[dict[str, Json]] | None:
    config = resource["config"]
    made: list[dict[str, Json]] = []
    for policy in config["RolePolicyList"]:
        name, old = policy["PolicyName"], policy["PolicyDocument"]
        if name in new:
            others = [p["PolicyDocument"] for p in config["RolePolicyList"] if p["PolicyName"] != name]
            fits = sum(map(_size, (*others, new[name]))) <= _MOST["inline"]
            made.append({"Way": "inline", "Name": name, "Arn": None, "Old": old, "New": new[name], "Fits": fits})
    for policy in config["AttachedManagedPolicies"]:
        if policy["PolicyArn"] in new:
            made.append(_managed(resource, policy, new[policy["PolicyArn"]]))
    return made if len(made) == len(new) else None


def _managed(resource: Mapping[str, Json], policy: Mapping[str, Json], new: Json) -> dict[str, Json]:
    arn = policy["PolicyArn"]
    way = "aws" if arn.split(":")[4] == "aws" else "customer"
    edit = {"Way": way, "Name": policy["PolicyName"], "Arn": arn, "Old": policy["PolicyDocument"], "New": new}
    edit["Fits"] = _size(new) <= _MOST[way]
    if way == "customer":
        facts = {"Version": "DefaultVersionId", "VersionIds": "VersionIds", "UsedBy": "UsedBy"}
        return {**edit, **{ours: policy.get(theirs) for ours, theirs in facts.items()}}
    partition = resource["arn"].split(":")[1]
    name = f"{policy['PolicyName'][:60]}-{resource['id'][:50]}-{token(resource['arn'], arn)[:8]}"
    copy = f"arn:{partition}:iam::{resource['account']}:policy{COPIES}{name}"
    return {**edit, "CopyName": name, "CopyArn": copy, "Returns": policy.get("IsAttachable", True)}


def _size(document: Json) -> int:
    return sum(not c.isspace() for c in json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def _services(held: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """The service principals that the role's rights can have act as a role; none where that cannot be told."""
    prefixes: set[str] = set()
    for document in held.values():
        for statement in statements(document):
            fields = {k.lower(): v for k, v in statement.items()}
            if fields.get("effect") != "Allow":
                continue
            if "action" not in fields:
                return []
            prefixes |= {a.partition(":")[0].lower() for a in _texts(fields["action"])}
    if any("*" in p or "?" in p for p in prefixes):
        return []
    found = {name for p in prefixes - _NOBODY for name in _RUNS_AS.get(p, (p,))}
    return sorted(f"{name}.amazonaws.com" for name in found)


def _limited(document: Mapping[str, Json], places: set[int], services: Sequence[str]) -> dict[str, Json] | None:
    kept: list[Json] = []
    for index, statement in enumerate(statements(document)):
        if index not in places:
            kept.append(statement)
            continue
        parts = _split(statement, services)
        if parts is None:
            return None
        kept += parts
    key = next(k for k in document if k.lower() == "statement")
    return {**document, key: kept}


def _split(statement: Mapping[str, Json], services: Sequence[str]) -> list[dict[str, Json]] | None:
    """A statement as two: passing a role to these services, and the rest. Null where they cannot be told apart."""
    spelled = {k.lower(): k for k in statement}
    if "action" not in spelled or any(k in spelled for k in ("notaction", "principal", "notprincipal")):
        return None
    listed = _texts(statement[spelled["action"]])
    passing = [a for a in listed if a.lower().startswith("iam:pass")]
    rest = [a for a in listed if a not in passing]
    if not passing or any(_may_pass(a) for a in rest):
        return None
    conditions = dict(statement.get(spelled.get("condition", "Condition")) or {})
    equals = dict(conditions.get("StringEquals") or {})
    conditions["StringEquals"] = {**equals, "iam:PassedToService": list(services)}
    plain = {k: v for k, v in statement.items() if k.lower() not in ("action", "condition")}
    limited = {**plain, "Action": "iam:PassRole", "Condition": conditions}
    if not rest:
        return [limited]
    name = spelled.get("sid")
    if name:
        limited[name] = f"{limited[name]}Pass"
    return [{**statement, spelled["action"]: rest}, limited]


def _may_pass(action: str) -> bool:
    from .iam.globs import fold, matches

    return matches(fold(action), "iam:passrole")


def _texts(value: Json) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
