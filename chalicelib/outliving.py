"""A staged case whose resource is gone: the last thing that people have to attest remains, and nothing else.

What leaked is worthless only when it was changed where it is valid; deleting a function changes nothing about that.
What they attest before is about the function.
"""

from __future__ import annotations

from . import governance
from .aws.deployment import Deployment
from .aws.handover import tell
from .aws.ledger import Entry
from .aws.standing import told_of
from .cases import TRANSITIONS, Case, moved, noted
from .runbooks import Stage
from .times import iso

GONE = "the resource is gone"


def outlived(d: Deployment, case: Case) -> None:
    """Close the case when people have attested what they must; until then it waits for that alone."""
    found = governance.pinned(d.packaged.pins, d.packaged.runbooks, case.control, case.account, case.arn)
    stages = found[1].stages if found else ()
    due = next(((n, s) for n, s in reversed([*enumerate(stages, 1)]) if s.attests), None)
    if due is None or due[1].name in case.attested:
        after = moved(case, "RESOLVED", iso(d.now()), outcome=GONE)
        return tell(d, d.ledger.save(case, after, Entry("watch", GONE, {}), mark="released"))
    return _wait(d, case, due[1], due[0], len(stages))


def _wait(d: Deployment, case: Case, stage: Stage, number: int, of: int) -> None:
    now, why = iso(d.now()), f"{GONE}; {stage.says}"
    standing = told_of(stage, number, of)
    if case.state == "WAITING_OWNER" and case.standing == standing:
        return None
    facts = {"standing": standing, "outcome": why, "plan": case.last_stage.get("plan"), "refusal": ""}
    before, path = case, []
    if case.state != "WAITING_OWNER" and "WAITING_OWNER" not in TRANSITIONS[case.state]:
        case = moved(case, "SUPERSEDED", now)
        path.append((case, Entry("watch", GONE, {})))
    is_there = case.state == "WAITING_OWNER"
    last = noted(case, now, **facts) if is_there else moved(case, "WAITING_OWNER", now, **facts)
    return tell(d, d.ledger.advance(before, [*path, (last, Entry("watch", why, {}))]))
