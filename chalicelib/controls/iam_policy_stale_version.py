"""An old version of a managed policy grants more than the one in force, and somebody who holds it may set it.

IAM User Guide, "Versioning IAM policies": iam:SetDefaultPolicyVersion puts any kept version in force. Whoever may set
versions without holding the policy is iam-role-escalation's.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import BadPolicy
from ..iam.admin import administrator
from ..iam.documents import Document, parse
from ..iam.permissions import may
from ..model import Json, Resource
from ..redaction import safe_text
from . import Control, Judgement, Signal
from ._execution import RESERVED, boundary, identity

_SET = "iam:SetDefaultPolicyVersion"


def judge(resource: Resource) -> Judgement | None:
    """One item a version: VersionId, Document, Reason, SetBy (`role/a`, …); or items with Unknown."""
    config = resource.config
    old = [v for v in config["PolicyVersionList"] if not v["IsDefaultVersion"]]
    if not old or not config["UsedBy"] or str(config.get("Path", "/")).startswith(RESERVED):
        return None
    try:
        force = parse(config["PolicyVersionList"][0]["Document"], "identity")
    except BadPolicy as error:
        return _unknown(resource, (f"the version in force: {error.what}",))
    items = [item for version in old if (item := _more(version, force))]
    setters, unsure = _setters(resource, force) if items else ([], [])
    if setters and (sure := [i for i in items if "Reason" in i]):
        name, who = safe_text(config.get("PolicyName"), 70), safe_text(", ".join(setters[:3]), 120)
        title = f"An old version of policy {name} grants more than the one in force, and {who} may set it"
        return Judgement(title, tuple({**item, "SetBy": setters} for item in sure))
    if items and (setters or unsure):
        return _unknown(resource, unsure or [i["Unknown"] for i in items])
    return None


def _unknown(resource: Resource, reasons: tuple[str, ...] | list[str]) -> Judgement:
    name = safe_text(resource.config.get("PolicyName"), 70)
    title = f"Whether somebody may set an old version of policy {name} that grants more cannot be judged"
    return Judgement(title, tuple({"Unknown": safe_text(reason)} for reason in reasons), "low")


def _more(version: Mapping[str, Json], force: Document) -> dict[str, Json] | None:
    """What an old version grants beyond the one in force; None where it is proved to grant nothing more."""
    from ..iam.subset import allows_subset  # most policies have no old version

    number = version["VersionId"]
    try:
        proof = allows_subset(parse(version["Document"], "identity"), force)
    except BadPolicy as error:
        return {"Unknown": f"version {number}: {error.what}"}
    if proof.holds:
        return None
    reason = proof.reason.replace("the new policy", f"version {number}").replace("the old policy", "the one in force")
    return {"VersionId": number, "Document": version["Document"], "Reason": safe_text(reason)}


def _setters(resource: Resource, force: Document) -> tuple[list[str], list[str]]:
    """Who of those that hold the policy may set its versions, and of whom that is not known.

    Administrators have nothing to gain by it. Of users and groups, and of roles beyond the first ones, only this policy
    was read: if it allows it by itself, they may.
    """
    config = resource.config
    others = sorted({name.removeprefix("boundary of ") for name in config["UsedBy"]})
    found: list[str] = []
    unsure: list[str] = []
    for holder in config["Holders"]:
        name = f"role/{holder['RoleName']}"
        others = [other for other in others if other != name]
        try:
            found += [name] * _may_set(holder, resource.arn)
        except BadPolicy as error:
            unsure.append(f"{name}: {error.what}")
    if may([force], _SET, resource.arn).verdict != "denied":
        attached = [other for other in others if other in config["UsedBy"]]
        return sorted([*found, *attached]), unsure
    return sorted(found), [*unsure, *(f"{name} holds it, and its other policies were not read" for name in others)]


def _may_set(holder: Mapping[str, Json], arn: str) -> bool:
    """May a role set the policy's versions, without being an administrator already? Raises BadPolicy."""
    policies, unreadable = identity(holder)
    limit = boundary(holder.get("PermissionsBoundary"))
    documents = tuple(policies.values())
    if may(documents, _SET, arn, boundary=limit).verdict != "denied":
        return administrator(documents, limit) is None
    for _, error in unreadable:
        raise error
    return False


CONTROL = Control(
    title="No old version of a policy lets its holder grant itself more",
    why=(
        "A policy that was narrowed keeps its old versions, and whoever holds it and may set its default version puts "
        "the wide one in force again with one call."
    ),
    severity="high",
    pillar="iam-hardening",
    resource_type="AWS::IAM::ManagedPolicy",
    signals=(Signal("aws.iam", ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion")),),
    judge=judge,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html",
        "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html",
    ),
    peers=("iam_policy_allows_privilege_escalation",),
)
