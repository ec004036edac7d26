"""What the store has of the secrets that a function is led out of, and what becomes of it: pure functions over plain
JSON, used in the stages `store` and `rotate`.

`secrets` are answers of DescribeSecret, each with the item of `led_out` that it was asked for. A version that Suture
stores is named by a digest of its value's keyed fingerprint (64 hex digits; clients of AWS name theirs by UUIDs), so
the value itself is never needed to know it again. Sources: Secrets Manager API Reference, DescribeSecret (which lists
labelled versions only), ListSecretVersionIds, PutSecretValue, UpdateSecretVersionStage; Secrets Manager User Guide,
"Rotation by Lambda function", "Lambda function rotation strategies".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .errors import Escalation
from .model import Json, canonical
from .stores import only_readers
from .times import moment

Item = Mapping[str, Json]

CURRENT = "AWSCURRENT"

_DOES: Mapping[str, str] = {
    "missing": "becomes a new secret; taken back by scheduling its deletion",
    "other": "changed since it was stored: becomes a new version; taken back by making the former one current again",
    "former": "is stored, and another version is current: becomes current again; taken back by making that one current",
    "held": "is stored",
    "rotated": "is stored, and somebody has put a newer value beside it, which stays as it is",
    "taken": "is not in the store, where somebody else has put another value: nothing is overwritten",
    "foreign": "has its name in the store taken by a secret that is not of this case: nothing is overwritten",
}
"""How each state of `stored_as` is told, to approvers and to the owner."""

NATIVE_KINDS = frozenset({"password", "url-password"})
"""Kinds of secrets that Secrets Manager rotates natively: those of databases."""


class _Held(NamedTuple):
    """What the store says of one name: which version is current, and whether it knows the version that is wanted."""

    current: str
    is_known: bool


def in_doubt(secrets: Sequence[Item]) -> list[Json]:
    """The items whose version is not the current one: whether an older one is theirs, only a list of all can say."""
    return [s["item"] for s in secrets if s["found"] and _held(s, ()).current != s["item"]["Token"]]


def present(secrets: Sequence[Item]) -> list[Json]:
    """The items whose secret is there and not scheduled for deletion: those whose policy can be asked for."""
    return [s["item"] for s in secrets if s["found"] and not s["found"].get("DeletedDate")]


def stored_as(secrets: Sequence[Item], versions: Sequence[Item], arn: str, case: str) -> list[dict[str, Json]]:
    """Each item of `led_out` with what the store has of it: Is (a key of the table above), Former (the version that
    is current instead), Deleted (whether it is scheduled for deletion), Open (whether something is left to do), Does
    (a sentence).

    `versions` are answers of ListSecretVersionIds for the items in doubt; `arn` is the function's.
    """
    ids = {v["item"]["Secret"]: (v["found"] or {}).get("Ids") or () for v in versions}
    found = []
    for secret in secrets:
        state = _state(secret, ids.get(secret["item"]["Secret"], ()), arn, case)
        answer = secret["found"] or {}
        is_deleted = bool(answer.get("DeletedDate"))
        facts = {"Is": state, "Former": _held(secret, ()).current, "Deleted": is_deleted}
        is_open = is_deleted or state not in ("held", "rotated")
        found.append({**secret["item"], **facts, "Open": is_open, "Does": _DOES[state]})
    return found


def _state(secret: Item, ids: Iterable[str], arn: str, case: str) -> str:
    answer, wanted = secret["found"], secret["item"]["Token"]
    if answer is None:
        return "missing"
    tags = {str(t.get("Key")): t.get("Value") for t in answer.get("Tags") or ()}
    if (tags.get("suture:case"), tags.get("suture:function")) != (case, arn):
        return "foreign"
    held = _held(secret, ids)
    if held.current == wanted:
        return "held"
    if not is_ours(held.current):
        return "rotated" if held.current and held.is_known else "taken"
    return "former" if held.is_known else "other"


def _held(secret: Item, ids: Iterable[str]) -> _Held:
    labels: Mapping[str, Sequence[str]] = (secret["found"] or {}).get("VersionIdsToStages") or {}
    current = next((id_ for id_, stages in labels.items() if CURRENT in stages), "")
    return _Held(current, secret["item"]["Token"] in {*labels, *ids})


def is_ours(version: str) -> bool:
    """Does a version's id say that Suture stored it?"""
    return re.fullmatch("[0-9a-f]{64}", version) is not None


def led(stored: Sequence[Item], told: Sequence[Item] | None) -> list[dict[str, Json]]:
    """All secrets that the case has led out or leads out: what it told before, with what is true of them now.

    A variable that is gone has leaked all the same, so what was told once stays.
    """
    names = ("Name", "Kind", "Confidence", "Secret", "Does")
    now = {str(s["Name"]): {n: s[n] for n in names} for s in stored}
    before = {str(s["Name"]): dict(s) for s in told or ()}
    return list({**before, **now}.values())


def unguarded(
    stored: Sequence[Item], policies: Sequence[Item], role: str, readers: Sequence[str | None]
) -> list[dict[str, Json]]:
    """The secrets that lack the policy by which nobody reads them but the function's role and `readers`: Secret,
    Policy (its text), Made (whether the same plan makes the secret), Former (the text of the one that it replaces).

    Somebody else's policy is never replaced. What is scheduled for deletion shows none, and is asked when it is back.
    """
    if None in readers:
        raise Escalation(
            "which role writes secrets is not known, so no policy can let it take one back", next_step="set params"
        )
    wanted = only_readers(role, [str(r) for r in readers])
    bare = {str(p["item"]["Secret"]): p["found"].get("Policy") for p in policies if p["found"]}
    found: list[dict[str, Json]] = []
    for item in stored:
        name, is_made = str(item["Secret"]), item["Is"] == "missing"
        former = bare.get(name)
        if is_made or (name in bare and is_replaceable(former) and _parsed(former) != wanted):
            found.append({"Secret": name, "Policy": canonical(wanted), "Made": is_made, "Former": former})
    return found


def guarded_by_others(policies: Sequence[Item]) -> list[str]:
    """The secrets that have a policy which is not Suture's, and so keep it."""
    return [str(p["item"]["Secret"]) for p in policies if p["found"] and not is_replaceable(p["found"].get("Policy"))]


def is_replaceable(policy: str | None) -> bool:
    """Is there no policy, or one of `only_readers`? Replacing that takes no denial away that somebody else wrote."""
    if not policy:
        return True
    document = _parsed(policy)
    try:
        readers = document["Statement"][0]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
        return bool(document == only_readers(readers[0], readers))
    except (LookupError, TypeError, Escalation):
        return False


def _parsed(text: str | None) -> Json:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def rotations(answers: Sequence[Item], since: str) -> list[dict[str, str]]:
    """The secrets that Secrets Manager has rotated by itself since a moment: Name, At, By. `answers` are those
    of DescribeSecret.

    It is evidence that the value which leaked is worthless when all of this holds: the secret is a database's, its
    rotation is on, the last one ended after the value was stored, and no version that Suture stored is current or
    previous any more. The last because with two users that alternate the previous one still works.
    """
    found = [(a["item"], a["found"]) for a in answers if a["found"] and a["item"]["Kind"] in NATIVE_KINDS]
    return [
        {
            "Name": str(item["Name"]),
            "At": str(answer["LastRotatedDate"]),
            "By": str(answer.get("RotationLambdaARN") or answer.get("OwningService") or "AWS Secrets Manager"),
        }
        for item, answer in found
        if _is_rotated(answer, since)
    ]


def _is_rotated(answer: Item, since: str) -> bool:
    last, labels = answer.get("LastRotatedDate"), answer.get("VersionIdsToStages") or {}
    if answer.get("RotationEnabled") is not True or not last or moment(str(last)) <= moment(since):
        return False
    in_use = [id_ for id_, stages in labels.items() if {CURRENT, "AWSPREVIOUS"} & set(stages)]
    is_current = any(CURRENT in stages for stages in labels.values())
    return is_current and not any(is_ours(id_) for id_ in in_use)


def all_rotated(led_out: Sequence[Item] | None, found: Sequence[Item]) -> bool:
    """Is there a rotation for each secret that was led out?"""
    names = {s["Name"] for s in led_out or ()}
    return bool(names) and names <= {r["Name"] for r in found}
