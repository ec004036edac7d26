"""Could a policy be written back as it stands? A role or user that is gone leaves its unique id in the principals.

AWS shows `AROA…` or `AIDA…` there, and refuses any write that names one: IAM User Guide, "AWS JSON policy elements:
Principal" (IAM role principals); AWS re:Post, "Why is there an unknown principal format in my IAM resource-based
policy?". Such a fix would fail half-way, or could not be undone, so nobody is asked to approve it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from .iam.documents import Principal
from .iam.principals import is_deleted
from .model import Json, Step
from .redaction import safe_text
from .surgery import element, statements


def unrestorable(steps: Iterable[Step]) -> str:
    """Why AWS would refuse a call of these steps, or one that takes them back; empty where it would not."""
    calls = (call for step in steps for call in (step.call, *step.undo))
    gone = sorted({who for call in calls for policy in _policies(call.parameters) for who in gone_principals(policy)})
    if not gone:
        return ""
    named = safe_text(", ".join(gone[:3]))
    return (
        f"the policy names {named}, which stands for a role or user that no longer exists, and AWS writes no policy "
        "that names one, so the fix could not be taken back; take that principal out of the policy first"
    )


def gone_principals(policy: Mapping[str, Json]) -> Iterator[str]:
    """The unique ids among the principals of a policy document."""
    for statement in statements(policy):
        for name in ("Principal", "NotPrincipal") if isinstance(statement, Mapping) else ():
            block = element(statement, name)
            named = block.get("AWS") if isinstance(block, Mapping) else None
            for value in [named] if isinstance(named, str) else named or ():
                if isinstance(value, str) and is_deleted(Principal("AWS", value)):
                    yield value


def _policies(value: Json) -> Iterator[Mapping[str, Json]]:
    """The policy documents in a call's parameters, which take them as JSON text."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _policies(inner)
    elif isinstance(value, str) and value.startswith("{"):
        try:
            document = json.loads(value)
        except ValueError:
            return
        if isinstance(document, Mapping) and element(document, "Statement"):
            yield document
