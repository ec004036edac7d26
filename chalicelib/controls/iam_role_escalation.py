"""An execution role can give itself more rights than it was given.

The known paths are in `chalicelib.iam.paths`; what a role does along each is told as steps. A permissions boundary
cuts paths off; administrators are iam-role-admin's.

Roles that it may pass or assume are judged as they are: the reader looks them up (`chalicelib/aws/readers/_onward.py`),
over two steps and up to ten, with their trust policies and boundaries. One that is harmless, or does not let the
service or this role in, is no path. What was not read is not known, and a path through it counts for less and says why;
so does one through something that runs as a role already, or into another account. A role whose trust policy names this
one, which has no right to assume it, is `suture iam explain role/NAME`'s to find: it reads the whole account.

The other roles are volatile: a change of theirs leads no event here and supersedes no plan of this role's. The sweep
reads them again, and whoever applies a plan does; the finding is then judged from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..model import Json, Resource
from ..redaction import safe_text
from . import Control, Judgement
from ._execution import CHANGES, Boundary, Policies, judgement
from ._in_reach import known

_MOST = 20


def judge(resource: Resource) -> Judgement | None:
    """One item a path: Path (its id), Steps, Reasons, If (whether a condition has to hold), Other (whether it leads
    through a role of which nothing is known). High where one path needs neither, else medium. Roles that it may pass or
    assume are read, up to ten and two steps away; a harmless one is no path.
    """

    def items(policies: Policies, boundary: Boundary) -> Iterator[dict[str, Json]]:
        return _paths(policies, boundary, resource)

    found = judgement(resource, items, "can give itself more rights", "can give itself more rights")
    if found is None or found.severity:
        return found
    if all(_is_weak(item) for item in found.evidence):
        return replace(found, title=found.title.replace(" can give ", " may be able to give "), severity="medium")
    return found


def _paths(policies: Policies, boundary: Boundary, resource: Resource) -> Iterator[dict[str, Json]]:
    from ..iam.admin import administrator
    from ..iam.escalation import escalations  # with all of its paths, which most looks do without

    documents = tuple(policies.values())
    if administrator(documents, boundary):
        return
    others, unread = known(resource.config)
    paths = escalations(documents, boundary, (), others, resource.arn, complete=False, unread=unread)
    for path in sorted(paths, key=lambda e: (not e.is_sure, e.conditional, e.path))[:_MOST]:
        told = {"Steps": _texts(path.steps), "Reasons": _texts(path.reasons)}
        yield {"Path": path.path, **told, "If": path.conditional, "Other": bool(path.unknown)}


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
