"""Who of an account could read a function's environment: roles, users and groups, as far as it can be read.

Pure functions over AWS's own descriptions, used in the stage `contain`. What was not looked at is said, and never
counts as a limit: this is evidence for people, and must not play anything down. Sources: IAM API Reference,
GetAccountAuthorizationDetails; IAM User Guide, "Policy evaluation logic", "Permissions boundaries for IAM entities";
Organizations User Guide, "Service control policies" (whom they do not bind).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .containing import MOST_NAMES, OF_AWS, default_document
from .containing import SHOWING as READING
from .errors import BadPolicy
from .model import Json

if TYPE_CHECKING:
    from .iam.documents import Document

Item = Mapping[str, Json]

SHOWING = (*READING, "lambda:PublishVersion", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration")
"""Actions whose answers hold a function's environment, those that write included."""

MOST_POLICIES = 60
"""So many of AWS's own policies are read at most, two calls each; those that most principals hold come first."""

MOST_PRINCIPALS = 2000
"""So many roles, users and groups, each, the runbook's reads ask for at most."""

_ALWAYS = "Session policies and resource control policies"
_LISTS = {"roles": "RoleDetailList", "users": "UserDetailList", "groups": "GroupDetailList"}
_OWN = {"roles": "RolePolicyList", "users": "UserPolicyList", "groups": "GroupPolicyList"}
_NAMES = {"roles": "RoleName", "users": "UserName", "groups": "GroupName"}


def of_aws(roles: Sequence[Item], users: Sequence[Item], groups: Sequence[Item]) -> list[str]:
    """The ARNs of AWS's own policies that are to be read: those attached to anybody, or anybody's boundary."""
    held = Counter(arn for who in (*roles, *users, *groups) for arn in _named(who) if _is_of_aws(arn))
    return sorted(held, key=lambda arn: (-held[arn], arn))[:MOST_POLICIES]


def _named(who: Item) -> Iterator[str]:
    yield from (str(p["PolicyArn"]) for p in who.get("AttachedManagedPolicies") or ())
    if bound := _boundary_arn(who):
        yield bound


def _boundary_arn(who: Item) -> str:
    return str((who.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") or "")


def _is_of_aws(arn: str) -> bool:
    return arn.split(":")[4:5] == ["aws"]


def could_read(resource: Item, facts: Mapping[str, Json]) -> dict[str, list[str]]:
    """Who could read the environment of $LATEST: the names of `roles`, `users` (their groups' policies counted) and
    `groups` (whose policies let their members), at most fifty each and then how many; and what was `not_looked_at`.

    `facts`: `roles`, `users`, `groups` and `policies` of GetAccountAuthorizationDetails, `aws_documents` of
    GetPolicyVersion (for items with an Arn), and `organization` as its reader reads it, or None.
    """
    known = _Known.of(resource, facts)
    groups = {str(g["GroupName"]): g for g in facts["groups"]["GroupDetailList"]}
    found: dict[str, list[str]] = {}
    for kind, key in _LISTS.items():
        listed: Sequence[Item] = facts[kind][key]
        names = sorted(str(who[_NAMES[kind]]) for who in listed if _reads(kind, who, groups, known))
        more = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
        found[kind] = [*names[:MOST_NAMES], *more]
        if len(listed) >= MOST_PRINCIPALS:
            known.notes[f"{kind} beyond the first {MOST_PRINCIPALS}"] = None
    return {**found, "not_looked_at": [*known.said(), _ALWAYS]}


@dataclass(frozen=True, slots=True)
class _Known:
    """What is the same for all: the function, its own policy, managed policies by ARN, service control policies; and
    notes of what was not read, as they come up.
    """

    arn: str
    own: Document | None
    texts: Mapping[str, Json]
    scps: Sequence[Sequence[Document]]
    notes: dict[str, None]
    unread: dict[str, None] = field(default_factory=dict)
    parsed: dict[str, Document] = field(default_factory=dict)

    @classmethod
    def of(cls, resource: Item, facts: Mapping[str, Json]) -> _Known:
        notes: dict[str, None] = {}
        texts = {str(p["Arn"]): default_document(p) for p in facts["policies"]["Policies"]}
        texts |= {str(d["item"]["Arn"]): d["found"]["Document"] for d in facts["aws_documents"] if d["found"]}
        return cls(str(resource["arn"]), _own(resource, notes), texts, _levels(facts.get("organization"), notes), notes)

    def managed(self, arn: str) -> Document | None:
        """A managed policy, or None where it was not read. Raises BadPolicy."""
        from .iam.documents import parse

        if arn not in self.parsed:
            if not self.texts.get(arn):
                return None
            self.parsed[arn] = parse(self.texts[arn], "identity")
        return self.parsed[arn]

    def said(self) -> Iterator[str]:
        yield from self.notes
        if self.unread:
            names = [arn.rsplit("/", 1)[-1] for arn in self.unread]
            more = f" and {len(names) - 10} more" if len(names) > 10 else ""
            yield f"{len(names)} managed policies: {', '.join(names[:10])}{more}"


def _own(resource: Item, notes: dict[str, None]) -> Document | None:
    from .iam.documents import parse

    for entry in resource["config"].get("Qualifiers") or ():
        if entry.get("Qualifier") == "$LATEST" and entry.get("Policy"):
            try:
                return parse(entry["Policy"], "resource")
            except BadPolicy:
                notes["The function's own policy, which cannot be parsed"] = None
    return None


def _levels(organization: Item | None, notes: dict[str, None]) -> Sequence[Sequence[Document]]:
    """Service control policies by level; none where they were not read, which is said."""
    from .iam.documents import parse

    config = (organization or {}).get("config") or {"Unread": "AWS named no organisation"}
    if config.get("Unread"):
        notes[f"Service control policies: {config['Unread']}"] = None
        return ()
    try:
        return [[parse(p["Content"], "identity") for p in level] for level in config["Levels"]]
    except BadPolicy as error:
        notes[f"Service control policies: one cannot be parsed ({error.what.rstrip('.')})"] = None
        return ()


def _reads(kind: str, who: Item, groups: Mapping[str, Item], known: _Known) -> bool:
    """Is there an action that shows the environment, and may this principal do it? Perhaps is yes."""
    from .iam.permissions import may

    try:
        documents = list(_documents(kind, who, known))
        for name in who.get("GroupList") or ():
            documents += _documents("groups", groups.get(str(name), {}), known)
        bound = _boundary_arn(who)
        boundary = known.managed(bound) if bound else None
    except (BadPolicy, _Wide):
        return True
    if bound and boundary is None:
        known.unread[bound] = None
    is_free = str(who.get("Path", "/")).startswith("/aws-service-role/")
    return any(
        may(
            documents,
            action,
            known.arn if "List" not in action else "*",
            boundary=None if boundary is None else [boundary],
            scps=() if is_free else known.scps,
            resource_policy=None if "List" in action or kind == "groups" else known.own,
            principal=() if kind == "groups" else str(who["Arn"]),
        ).verdict
        != "denied"
        for action in SHOWING
    )


class _Wide(Exception):
    """A policy of AWS's that was not read, and is known to allow it on every function."""


def _documents(kind: str, who: Item, known: _Known) -> Iterator[Document]:
    """The policies that a principal holds itself. Raises BadPolicy, _Wide."""
    from .iam.documents import parse

    yield from (parse(p["PolicyDocument"], "identity") for p in who.get(_OWN[kind]) or ())
    for attached in who.get("AttachedManagedPolicies") or ():
        arn = str(attached["PolicyArn"])
        document = known.managed(arn)
        if document is not None:
            yield document
        elif _is_of_aws(arn) and arn.rsplit("/", 1)[-1] in OF_AWS:
            raise _Wide
        else:
            known.unread[arn] = None
