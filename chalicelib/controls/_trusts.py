"""What the controls on trust policies share: the statements of one verdict, as items that a runbook can work from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..errors import BadPolicy
from ..iam.documents import Statement, parse
from ..iam.reach import Trust, reach
from ..model import Json, Resource
from ..redaction import safe_text
from ..surgery import element, statements
from . import Judgement

SIGNALS = ("CreateRole", "DeleteRole", "UpdateAssumeRolePolicy")
_OF_AWS = (":role/aws-service-role/", ":role/aws-reserved/")

Chosen = Callable[[Statement, tuple[str, ...]], tuple[str, ...]]
"""Which of the principals that decided a statement's verdict a control means."""


def trusted(resource: Resource, verdict: str, chosen: Chosen, title: str) -> Judgement | None:
    """One item a statement of that verdict: Index, Sid, Statement, Principals and the Reason.

    `title` holds `{role}` and `{who}`. Roles that AWS made, and that only AWS may change, are left alone.
    """
    name = safe_text(resource.id, 70)
    if any(part in resource.arn for part in _OF_AWS):
        return None
    raw = resource.config["AssumeRolePolicyDocument"]
    try:
        items = tuple(_items(raw, verdict, chosen, Trust(account=resource.account)))
    except BadPolicy as error:
        return Judgement(
            f"Who may assume the role {name} cannot be judged", ({"Unknown": safe_text(error.what)},), "low"
        )
    if not items:
        return None
    who = ", ".join(sorted({safe_text(p.rsplit("/", 1)[-1], 60) for item in items for p in item["Principals"]})[:3])
    return Judgement(title.format(role=name, who=who), items)


def _items(raw: Json, verdict: str, chosen: Chosen, trust: Trust) -> Iterator[dict[str, Json]]:
    """Each principal is judged as if it were the only one: a worse neighbour must not hide it, or the neighbour's
    removal would seem to break this control.
    """
    parse(raw, "trust")
    denies = [s for s in statements(raw) if element(s, "Effect") == "Deny"]
    for index, statement in enumerate(statements(raw)):
        if element(statement, "Effect") != "Allow":
            continue
        meant: dict[str, str] = {}
        for alone in _alone(statement):
            document = parse({**raw, "Statement": [*denies, alone]}, "trust")
            for found in reach(document, trust).statements:
                if found.verdict == verdict:
                    who = chosen(document.statements[found.index], found.principals)
                    meant.update(dict.fromkeys(who, found.reason))
        if meant:
            yield _item(statement, index, tuple(meant), next(iter(meant.values())))


def _alone(statement: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """The statement once for each of its principals; as it is where it names them in another way."""
    name = next((n for n in statement if n.lower() == "principal"), "")
    principals = statement.get(name)
    if not isinstance(principals, Mapping):
        yield statement
        return
    for kind, values in principals.items():
        for value in values if isinstance(values, list) else [values]:
            yield {**statement, name: {kind: value}}


def _item(statement: Mapping[str, Json], index: int, who: tuple[str, ...], reason: str) -> dict[str, Json]:
    sid = element(statement, "Sid")
    return {"Index": index, "Sid": sid, "Statement": dict(statement), "Principals": list(who), "Reason": reason}
