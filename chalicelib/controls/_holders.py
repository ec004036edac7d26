"""What the controls on resource policies share: each judges one document, by who can reach what it hangs on."""

from __future__ import annotations

from ..closing import openings
from ..errors import BadPolicy
from ..model import Resource
from ..redaction import safe_text
from ..surgery import element, statements
from . import Judgement


def everyone(resource: Resource, noun: str, danger: str) -> Judgement | None:
    """One item a public statement: Sid, Statement, the Principals in it that are everyone, and the Reason.

    `noun` is what the resource is called, `danger` completes "Anyone with an AWS account may …" with its name.
    """
    policy, name = resource.config["Policy"], safe_text(resource.id.rsplit(":", 1)[-1], 70)
    if policy is None:
        return None
    try:
        found = openings(policy, resource.account)
    except BadPolicy as error:
        unknown = ({"Unknown": safe_text(error.what)},)
        return Judgement(f"Who may use the {noun} {name} cannot be judged", unknown, "low")
    if not found:
        return None
    raw = statements(policy)
    items = tuple(
        {
            "Sid": element(raw[o.at], "Sid"),
            "Statement": dict(raw[o.at]),
            "Principals": list(o.principals),
            "Reason": o.reason,
        }
        for o in found
    )
    return Judgement(f"Anyone with an AWS account may {danger} the {noun} {name}", items)
