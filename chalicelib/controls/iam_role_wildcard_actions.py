"""An execution role may do everything in some service, on everything.

`s3:*`, `*` and `NotAction` on `*` are what people write before they know what their code calls. What counts is a
statement that no condition holds to some resources, that no Deny takes back whole, and that the permissions boundary
lets through. Administrators' policies are iam-role-admin's. IAM User Guide, "Grant least privilege"; "IAM JSON policy
elements: NotAction".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..iam import globs, spaces
from ..iam.admin import administrator
from ..iam.conditions import always
from ..iam.documents import Condition, Statement
from ..model import Json, Resource
from ..redaction import safe_text
from . import Control, Judgement
from ._execution import CHANGES, Boundary, Policies, judgement, way

_ABOUT_WHAT = ("aws:resource", "aws:requesttag", "aws:tagkeys")
_NOT_ABOUT_WHAT = ("aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths")
_SHOWN = 8


def judge(resource: Resource) -> Judgement | None:
    """One item a statement: Policy, Way (inline, customer or aws), Statement (its index), Sid, Actions, Reason."""
    return judgement(resource, _items, "may do everything in whole services, on everything", "may do everything")


def _items(policies: Policies, boundary: Boundary) -> Iterator[dict[str, Json]]:
    """Nothing for a role with an administrator's policies, bounded or not: then the boundary says what it may."""
    documents = tuple(policies.values())
    if administrator(documents):
        return
    denies = [s for d in documents for s in d.statements if not s.allows]
    for name, document in policies.items():
        for statement in document.statements:
            open_ = [w for w in _wide(statement) if not _is_taken(w, denies)]
            wide = [w for w in open_ if _is_let_through(_space(statement, w), boundary)]
            if wide:
                reason = safe_text(f"{statement.name} allows {_said(statement, wide)} on everything")
                where = {"Policy": name, "Way": way(name), "Statement": statement.index, "Sid": statement.sid or None}
                yield {**where, "Actions": [safe_text(w, 130) for w in wide[:50]], "Reason": reason}


def _said(statement: Statement, wide: Sequence[str]) -> str:
    named = wide if statement.actions is not None else statement.not_actions or ()
    listed = ", ".join(named[:_SHOWN]) + (f" and {len(named) - _SHOWN} more" if named[_SHOWN:] else "")
    return listed if statement.actions is not None else f"everything but {listed}"


def _space(statement: Statement, pattern: str) -> spaces.Space:
    """The actions that one of `_wide`'s patterns stands for."""
    return spaces.Space((globs.fold(pattern),)) if statement.actions is not None else spaces.actions(statement)


def _wide(statement: Statement) -> list[str]:
    """The patterns of an Allow that take in whole services on everything; `*` for `NotAction`."""
    if not statement.allows or any(map(_holds_to_some, statement.conditions)):
        return []
    if statement.actions is None:
        return ["*"] if _is_everything(statement, "*") else []
    return [p for p in statement.actions if (s := _service(p)) and _is_everything(statement, s)]


def _service(pattern: str) -> str:
    """The service that an action pattern takes in whole, `*` for all of them, or nothing."""
    service, colon, action = globs.fold(pattern).partition(":")
    if not colon:
        return "*" if service and set(service) == {"*"} else ""
    return service if action and set(action) == {"*"} else ""


def _is_everything(statement: Statement, service: str) -> bool:
    """Whether its resources are `*`, or all of the service's (`arn:aws:s3:::*`); `NotResource` leaves too much."""
    if statement.not_resources is not None:
        return True
    return any(_is_all_of(p, service) for p in statement.resources or ())


def _is_all_of(pattern: str, service: str) -> bool:
    if set(pattern) == {"*"}:
        return True
    parts = pattern.split(":", 5)
    if len(parts) < 6 or set(parts[5]) != {"*"}:
        return len(parts) < 6 and parts[-1] == "*" and globs.covers(pattern, "arn:aws:*:*:*:*")
    return "*" in (parts[2], service) or globs.matches(globs.fold(parts[2]), service)


def _holds_to_some(condition: Condition) -> bool:
    """Does a condition of an Allow say which resources, or which part of them, as `aws:ResourceTag` does?

    Keys of a service (`dynamodb:LeadingKeys`, `s3:prefix`) are about its requests. Global keys are about who, when and
    from where, but for the resource's and the request's tags. A negated operator excepts a few and leaves the rest.
    """
    key = condition.key.lower()
    if condition.operator.startswith(("StringNot", "ArnNot", "Null", "NumericNot", "DateNot", "NotIp")):
        return False
    if not key.startswith("aws:"):
        return bool(condition.values) and not all(v and set(v) == {"*"} for v in condition.values)
    return key.startswith(_ABOUT_WHAT) and key not in _NOT_ABOUT_WHAT


def _is_taken(pattern: str, denies: Sequence[Statement]) -> bool:
    """Does one unconditional Deny take back all that the pattern allows?"""
    taken = spaces.Space((globs.fold(pattern),))
    return any(
        always(d.conditions) and spaces.actions(d).covers(taken) and _is_everything(d, _service(pattern) or "*")
        for d in denies
        if d.not_resources is None
    )


def _is_let_through(wanted: spaces.Space, boundary: Boundary) -> bool:
    """Does the boundary allow whole services too, of those that are wanted?"""
    if boundary is None:
        return True
    statements = [s for d in boundary for s in d.statements]
    denies = [s for s in statements if not s.allows]
    return any(_space(s, w).meets(wanted) for s in statements for w in _wide(s) if not _is_taken(w, denies))


CONTROL = Control(
    title="Execution roles name the actions they need",
    why=(
        "A whole service on everything reads, writes and deletes what the code never touches; whoever gets into the "
        "code gets all of it."
    ),
    severity="medium",
    pillar="iam-hardening",
    resource_type="AWS::IAM::Role",
    signals=CHANGES,
    judge=judge,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html",
    ),
    peers=(
        "IAM.21",
        "iam-policy-no-statements-with-full-access",
        "CKV_AWS_63",
        "CKV_AWS_111",
    ),
)
