"""An execution role can give itself more rights than it was given.

The known paths are in `chalicelib.iam.paths`; what a role does along each is told as steps. Only this role is read
here, so what other roles may do is not known: a path that leads through one counts for less, and says so. A permissions
boundary cuts paths off; administrators are iam-role-admin's.

Other roles are not read on purpose, not even those that a policy names. Their state would have to be outside the digest
(else each change of theirs supersedes this role's plans), so a finding could not be judged again from its own evidence;
a change of theirs leads no event here; and each costs six calls or more at every look. `suture iam explain role/NAME`
looks the whole account up when a person asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..model import Json, Resource
from ..redaction import safe_text
from . import Control, Judgement
from ._execution import CHANGES, Boundary, Policies, judgement

_MOST = 20
_UNKNOWN = "not known here"


def judge(resource: Resource) -> Judgement | None:
    """One item a path: Path (its id), Steps, Reasons, If (whether a condition has to hold), Other (whether it leads
    through a role that was not read). High where one path needs neither, else medium.
    """

    def items(policies: Policies, boundary: Boundary) -> Iterator[dict[str, Json]]:
        return _paths(policies, boundary, resource.arn)

    found = judgement(resource, items, "can give itself more rights", "can give itself more rights")
    if found is None or found.severity:
        return found
    if all(_is_weak(item) for item in found.evidence):
        return replace(found, title=found.title.replace(" can give ", " may be able to give "), severity="medium")
    return found


def _paths(policies: Policies, boundary: Boundary, arn: str) -> Iterator[dict[str, Json]]:
    from ..iam.admin import administrator
    from ..iam.escalation import escalations  # with all of its paths, which most looks do without

    documents = tuple(policies.values())
    if administrator(documents, boundary):
        return
    found = sorted(escalations(documents, boundary, principal=arn), key=lambda e: (e.conditional, e.path))
    for path in found[:_MOST]:
        other = any(_UNKNOWN in reason for reason in path.reasons)
        told = {"Steps": _texts(path.steps), "Reasons": _texts(path.reasons)}
        yield {"Path": path.path, **told, "If": path.conditional, "Other": other}


def _is_weak(item: Mapping[str, Json]) -> bool:
    return bool(item["If"] or item["Other"])


def _texts(sentences: tuple[str, ...]) -> list[str]:
    return [safe_text(sentence, 400) for sentence in sentences[:12]]


CONTROL = Control(
    title="Execution roles cannot give themselves more rights",
    why=(
        "Rights that change policies, roles or what runs as a role are as good as the rights they lead to: whoever "
        "gets into the code gets them all."
    ),
    severity="high",
    pillar="iam-hardening",
    resource_type="AWS::IAM::Role",
    signals=CHANGES,
    judge=judge,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
    ),
    peers=(
        "iam_policy_allows_privilege_escalation",
        "iam_inline_policy_allows_privilege_escalation",
        "CKV_AWS_110",
        "CKV_AWS_286",
    ),
)
