"""What a scene of the play is: something broken by hand, the exact calls that mend it, and what is true afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from foreign import Client
from holders import ACCOUNT

from chalicelib.iam.documents import parse
from chalicelib.iam.permissions import may

OTHER = "210987654321"
STRANGER = f"arn:aws:iam::{OTHER}:role/stranger"
PARTNER = f"arn:aws:iam::{OTHER}:root"
OURS = f"arn:aws:iam::{ACCOUNT}:role/ours"
OWN_ROOT = f"arn:aws:iam::{ACCOUNT}:root"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

State = Any
"""What plain reads show of a resource, as JSON."""
Calls = Sequence[tuple[str, Mapping[str, Any]]]
"""Operations with their exact parameters; a policy among them as a document."""


class Ask(NamedTuple):
    """One question for the evaluator: `answer` says from a state whether it is allowed; the fix ends what is `lost`."""

    what: str
    answer: Callable[[State], bool]
    lost: bool


@dataclass(frozen=True)
class Scene:
    """One fix. `breaks` makes the resource, wrong from the start, and answers with its id; `fixed` and `calls` follow
    from that id and the broken state. `who` breaks it; `groups` are those of which one person each must consent. Where
    the fix writes one whole policy, `whole` finds it in a state, and `put` writes another one by hand. What is `swept`
    no event tells of: the sweep finds it, so that nobody knows who caused it, and security must consent too."""

    runbook: str
    control: str
    type: str
    breaks: Callable[[Client], str]
    read: Callable[[Client, str], State]
    fixed: Callable[[Client, str, State], State]
    calls: Callable[[Client, str, State], Calls]
    asks: tuple[Ask, ...]
    who: str = "deployer"
    groups: tuple[str, ...] = ("owner",)
    whole: Callable[[State], Any] = lambda state: state
    put: Callable[[Client, str, Any], None] | None = None
    swept: bool = False


def resource_ask(what: str, at: Callable[[State], Any], caller: str, action: str, resource: str, lost: bool) -> Ask:
    """May this caller do that? `at` picks the resource's policy. Its own policies let it do everything, but where they
    would decide alone: in the account itself, for anything but assuming a role."""
    return Ask(what, lambda state: _reaches(at(state), caller, action, resource), lost)


def _reaches(document: Any, caller: str, action: str, resource: str) -> bool:
    if not document:
        return False
    account = caller.split(":")[4] if caller.startswith("arn:") else OTHER
    kind = "trust" if action.startswith("sts:") else "resource"
    facts = {"aws:PrincipalAccount": account} if caller.startswith("arn:") else {"aws:SourceAccount": account}
    facts["aws:ResourceAccount"] = ACCOUNT
    theirs = parse(document, kind)
    own = [parse(EVERYTHING, "identity")] if account != ACCOUNT or kind == "trust" else []
    return may(own, action, resource, resource_policy=theirs, context=facts, principal=caller).is_allowed


def identity_ask(what: str, action: str, lost: bool, resource: str = "*") -> Ask:
    """May a role do that, by its own policies within its boundary? For states of `role_state`."""

    def answer(state: State) -> bool:
        held = [*state["inline"].values(), *state["attached"].values()]
        boundary = [parse(state["boundary"], "identity")] if state["boundary"] else None
        documents = [parse(document, "identity") for document in held]
        return may(documents, action, resource, boundary=boundary, context={}).is_allowed

    return Ask(what, answer, lost)


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def may_do(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement of an identity policy."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def role_state(client: Client, name: str) -> State:
    """A role by plain reads: trust, and the documents of its boundary and of its policies in force."""
    iam = client.aws("iam")
    role = iam.get_role(RoleName=name)["Role"]
    bound = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "trust": role["AssumeRolePolicyDocument"],
        "boundary": in_force(client, bound) if bound else None,
        "inline": {p: iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"] for p in inline},
        "attached": {p["PolicyArn"]: in_force(client, p["PolicyArn"]) for p in attached},
    }


def in_force(client: Client, arn: str) -> Any:
    """The default version's document of a managed policy."""
    iam = client.aws("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def managed(client: Client, name: str, *versions: Any, attached_to: Sequence[str] = ()) -> str:
    """A customer's policy with these versions, the last in force; answers with its ARN."""
    iam = client.aws("iam")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(versions[0]))["Policy"]["Arn"]
    for version in versions[1:]:
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(version), SetAsDefault=True)
    for role in attached_to:
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    return str(arn)


def arn_of(kind: str, name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"
