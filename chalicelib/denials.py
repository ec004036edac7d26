"""What AWS says when it refuses a call: the action, the resource, and which policy would have to change.

Of AWS's words only the names of actions, ARNs and kinds of policy are kept, so that nothing that a request held is
repeated. Source of the forms: IAM User Guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .redaction import safe_text

_WHO = re.compile(r"User: (?P<who>arn:[\w+=,.@:/*-]{1,600})")
_ACTION = re.compile(r"not authorized to perform: (?P<action>[a-z0-9-]{2,40}:[A-Za-z0-9]{2,80})")
_RESOURCE = re.compile(r"on resource: \"?(?P<resource>arn:[\w+=,.@:/*$-]{1,900})")
_KINDS = (
    "identity-based policy",
    "resource-based policy",
    "permissions boundary",
    "service control policy",
    "resource control policy",
    "session policy",
    "VPC endpoint policy",
    "role trust policy",
)
_KIND = "|".join(_KINDS)
_NONE_ALLOWS = re.compile(rf"because no (?P<kind>{_KIND}) allows")
_DENIES = re.compile(rf"with an explicit deny in (?:an?|the) (?P<kind>{_KIND})(?P<arn>: arn:[\w+=,.@:/*-]{{1,300}})?")
_ROLE = re.compile(r"assumed-role/(?:[\w+=,.@-]+/)*?(?P<role>[\w+=,.@-]+)/[^/]+\Z")
_OURS = re.compile(r"suture-[a-z][a-z0-9]{0,11}-(?P<function>[a-z-]+)\Z")


@dataclass(frozen=True, slots=True)
class Denial:
    """One refusal. `actions` are IAM's, `kind` is the kind of policy that refuses (empty where AWS does not say),
    `policy` its ARN where AWS names it, `role` the role that asked; `is_explicit` says that something denies it.
    """

    actions: tuple[str, ...] = ()
    resource: str = ""
    kind: str = ""
    is_explicit: bool = False
    policy: str = ""
    role: str = ""

    @property
    def what(self) -> str:
        """What was refused and by what, as the end of a sentence."""
        wanted = " and ".join(self.actions) or "the call"
        place = f" on {safe_text(self.resource, 200)}" if self.resource else ""
        if not self.kind:
            return f"{wanted}{place} is not allowed"
        if self.is_explicit:
            return f"{wanted}{place} is denied by a {self.kind}{f' ({self.policy})' if self.policy else ''}"
        return f"no {self.kind} allows {wanted}{place}"


def denial_of(message: str, actions: Sequence[str] = (), resource: str = "", *, is_hushed: bool = False) -> Denial:
    """What a message of AWS says; `actions` and `resource` are what the catalogue knows, where AWS does not say it.

    `is_hushed` says that the request held a secret: then AWS's word is taken for action and policy alone.
    """
    text = message[:4000]
    who, action, place = _WHO.search(text), _ACTION.search(text), _RESOURCE.search(text)
    denies, lacks = _DENIES.search(text), _NONE_ALLOWS.search(text)
    found = denies or lacks
    role = _ROLE.search(who["who"]) if who and not is_hushed else None
    return Denial(
        actions=(action["action"],) if action else tuple(actions),
        resource=place["resource"].rstrip(".,:") if place and not is_hushed else resource,
        kind=found["kind"] if found else "",
        is_explicit=bool(denies),
        policy=(denies["arn"] or "").removeprefix(": ") if denies else "",
        role=role["role"] if role else "",
    )


def remedy(denial: Denial, function: str = "") -> str:
    """What to do about it, as an instruction; `function` is the deployed name of the function that asked, if known.

    Empty where it was none of ours, and AWS does not say which policy refuses.
    """
    role = denial.role or function
    ours = _OURS.fullmatch(role)
    wanted = " and ".join(denial.actions) or "the call"
    place = f" on {safe_text(denial.resource, 200)}" if denial.resource else ""
    if denial.kind in _ELSEWHERE:
        return f"{_ELSEWHERE[denial.kind]} {'stops denying' if denial.is_explicit else 'allows'} {wanted}{place}"
    if ours is None:
        return "" if not denial.kind else f"allow {wanted}{place} to {role or 'these credentials'}"
    file = f".chalice/{ours['function'].replace('-', '_')}.policy.json"
    if denial.is_explicit:
        own = f"{file} denies this on Suture's own parts and AWS's roles alone"
        return f"{own}: if the resource is neither, somebody put a deny on the role {role}; compare them, deploy again"
    step = "pin the runbook and run `suture render policies` if it does not, and deploy this release again"
    if denial.kind == "permissions boundary":
        return f"the permissions boundary of the role {role} must allow {wanted}{place}, as {file} does"
    return f"the role {role} should hold {wanted}{place} by {file}; {step}"


_ELSEWHERE = {
    "service control policy": "ask whoever manages the organization for a service control policy that",
    "resource control policy": "ask whoever manages the organization for a resource control policy that",
    "VPC endpoint policy": "see to it that the policy of the VPC endpoint",
    "session policy": "see to it that the policy that the session was made with",
    "resource-based policy": "ask the resource's owner for a policy on it that",
    "role trust policy": "see to it that the trust policy of the role",
}
