"""A role that a policy names is deleted after a plan was made: the policy could not be put back; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from foreign import Client, allow
from play import Played, Stage
from scenes import State


@dataclass
class Vanished:
    """One resource whose policy names a guest. `reached` is the case's state at each waiting, `case` as it was last."""

    played: Played
    guest: str = ""
    guest_id: str = ""
    named: State = None
    shown: State = None
    after: State = None
    refused: str = ""
    approved: str = ""
    escalated: dict[str, Any] = field(default_factory=dict)
    records: Sequence[Any] = ()
    again: str = ""


def vanish(stage: Stage, plays: Sequence[Played]) -> list[Vanished]:
    """Open the same resources anew, with a guest beside; have it planned, delete the guest, approve, clean up."""
    owner = stage.eyes
    found = [Vanished(one) for one in plays if one.scene.put is not None]
    for number, one in enumerate(found):
        _open_for(owner, one, f"e2e-guest-{number}")
    stage.until("PENDING", [one.played for one in found])
    for one in found:
        owner.aws("iam").delete_role(RoleName=one.guest.rsplit("/", 1)[-1])
        one.shown = _policy(owner, one)
        one.refused = _refusal(owner, one, one.shown)
        one.approved = one.played.reached["PENDING"]
        stage.decide(one.played, "approve", ())
    stage.until("ESCALATED", [one.played for one in found])
    for one in found:
        one.after = _policy(owner, one)
        answer = owner.api.case(one.played.case["id"])
        one.escalated, one.records = dict(answer["case"]), answer["records"]
        _put(owner, one, {**one.shown, "Statement": one.shown["Statement"][1:]})
    stage.until("PENDING", [one.played for one in found])
    for one in found:
        one.again = one.played.reached["PENDING"]
    return found


def _open_for(owner: Client, one: Vanished, name: str) -> None:
    """The broken policy again under new Sids, behind a statement for a role of that name."""
    one.guest = owner.role(name)
    one.guest_id = owner.aws("iam").get_role(RoleName=name)["Role"]["RoleId"]
    whole = one.played.scene.whole(one.played.states["undone"])
    first = next(s for s in whole["Statement"] if "Condition" not in s)
    action = first["Action"]
    guest = allow({"AWS": one.guest}, action, first.get("Resource"), Sid="guest")
    others = [{**s, "Sid": f"again{n}"} for n, s in enumerate(whole["Statement"])]
    one.named = {**whole, "Statement": [guest, *others]}
    _put(owner, one, one.named)


def _policy(owner: Client, one: Vanished) -> Any:
    return one.played.scene.whole(one.played.scene.read(owner, one.played.id))


def _put(owner: Client, one: Vanished, policy: Any) -> None:
    put = one.played.scene.put
    assert put is not None
    put(owner, one.played.id, policy)


def _refusal(owner: Client, one: Vanished, policy: Any) -> str:
    """The code with which AWS refuses to write what it shows."""
    try:
        _put(owner, one, policy)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
