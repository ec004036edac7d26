"""`/suture …`: the same decisions by typing, and questions that get answers instead of links.

Answered at once and seen by the asker alone. Asking needs to be listed too: a workspace has guests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from ... import approvals
from ...approvals import Identity
from ...aws.deployment import Deployment
from ...cases import Case
from ...errors import BadRequest, BadRunbook
from ...model import SEVERITIES, Json
from ...pausing import EVERYTHING, KINDS, Pause, waits
from ...runbooks import seconds
from ...times import iso
from .. import asking, switch
from ..decide import Request, Ruling, check, decide, found
from ..facts import facts_of
from ..gate import SecretInMessage, refuse_secrets
from . import blocks, modals
from .payloads import Command
from .text import Element, bold, code, fallback, preformatted, rich, said, words

Reply = Mapping[str, Json]
OPEN = ("PENDING", "ESCALATED", "WAITING_OWNER", "UNDO_FAILED", "APPROVED", "APPLYING", "VERIFYING", "UNDOING")
MOST = 20

HELP = """list                           what is open
show CASE                      one case
plan CASE [PAGE]               every call of its plan
why CASE                       the reasons
approve CASE DIGITS [REASON]   DIGITS: the last 4 characters of the plan
reject CASE REASON
undo CASE REASON
snooze CASE [7d] REASON
takeback CASE                  your approval, while the quorum does not stand
attest CASE WHO WHEN HOW       what people did by hand; WHEN: 2027-01-31T08:00Z, or now
continue CASE REASON           take a staged case up again
pause [WHAT] REASON            stop all writes; WHAT: account=ID, control=ID, runbook=ID
resume [WHAT] REASON           takes two people"""


def run(d: Deployment, command: Command) -> Reply:
    """Carry out one command and answer it. Raises BadRequest for a refusal."""
    name, *rest = command.words or ("help",)
    deed = _DEEDS.get(name.lower())
    if deed is None:
        return _listing("What /suture can do", HELP.splitlines())
    _listed(d, command.who.identity)
    reply = deed(d, command.who.identity, tuple(rest))
    try:
        refuse_secrets(reply)
    except SecretInMessage as error:
        raise BadRequest(f"not shown here: {error.what}", next_step="use `suture cases show`") from error
    return reply


def ephemeral(text: str, shown: blocks.Blocks | None = None) -> Reply:
    """An answer for the asker alone; its text cannot mention or format anything."""
    body = shown or [rich(said(words(text, limit=2000)))]
    return {"response_type": "ephemeral", "text": fallback(text, 1000), "blocks": body}


def readable(d: Deployment, identity: Identity, case: str) -> Case:
    """A case for somebody who may ask about it. Raises BadRequest."""
    _listed(d, identity)
    return found(d, case)


def open_cases(d: Deployment) -> list[Case]:
    """What waits for people, the gravest first."""
    return sorted(d.ledger.cases(*OPEN), key=lambda c: (-_rank(c.severity), c.opened))


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _listed(d: Deployment, identity: Identity) -> None:
    ruling = approvals.may_decide(d.packaged.people, identity, ())
    if ruling.person is None:
        raise BadRequest(ruling.refusal, status=403, next_step="ask who keeps that file")


def _list(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    cases, off = open_cases(d), switch.pauses_of(d)
    lines = [f"{c.id}  {c.severity:<8}  {_state(c, off):<13}  {c.control}  {c.arn}"[:170] for c in cases[:MOST]]
    more = f", the first {MOST} of them" if len(cases) > MOST else ""
    return _listing(f"{len(cases)} open{more}{switch.told(off)}", lines)


def _state(case: Case, off: tuple[Pause, ...]) -> str:
    return f"{case.state} (paused)" if waits(off, case) else case.state


def _show(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    case = found(d, _first(rest))
    return ephemeral(f"{case.id}: {case.title}", blocks.message(case, facts_of(d, case)))


def _plan(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    case = found(d, _first(rest))
    number = int(rest[1]) if len(rest) > 1 and rest[1].isdecimal() and len(rest[1]) < 4 else 1
    shown, count = modals.page(case, number)
    told: list[str | Element] = [bold(f"Page {number} of {count}"), ". "]
    if number < count:
        told += ["Next: ", code(f"/suture plan {case.id} {number + 1}")]
    elif case.state == "PENDING":
        told += ["Approve: ", code(f"/suture approve {case.id} {case.plan_digest[-asking.DIGITS :]}")]
    return ephemeral(f"The plan of {case.id}", [*shown, rich(said(*told))])


def _why(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    case = found(d, _first(rest))
    return ephemeral(f"Why {case.id}", modals.why(d, case))


def _approve(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    case = found(d, _first(rest))
    digits, reason = (rest[1] if len(rest) > 1 else ""), " ".join(rest[2:])
    if not asking.fits(case.plan_digest, digits):
        step = f"read /suture plan {case.id}, and give the plan's last {asking.DIGITS} characters"
        raise BadRequest(f"these are not the last characters of the plan of {case.id} as it is now", next_step=step)
    request = Request(case.id, "approve", case.plan_digest, reason, "")
    check(d, who, request)
    if asking.is_needed(case, "approve") and not reason.strip():
        raise BadRequest("a plan of the high tier is approved with a reason", next_step="write it after the digits")
    return _ruled(decide(d, who, request))


def _reject(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    return _reasoned(d, who, "reject", rest)


def _undo(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    return _reasoned(d, who, "undo", rest)


def _take_back(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    return _reasoned(d, who, "revoke", rest)


def _snooze(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    length, rest = (rest[1], (rest[0], *rest[2:])) if len(rest) > 1 and _lasts(rest[1]) else ("7d", rest)
    until = iso(d.now() + timedelta(seconds=_lasts(length)))
    return _reasoned(d, who, "snooze", rest, until)


def _attest(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    """WHO may be several words: the first one that is a time ends it."""
    case = found(d, _first(rest))
    spot = next((i for i, word in enumerate(rest) if i > 1 and asking.is_time(word)), 0)
    if not spot or not rest[spot + 1 :]:
        step = f"/suture attest {case.id} WHO WHEN HOW, with a time such as 2027-01-31T08:00Z, or now"
        raise BadRequest("say who did it, when and how", next_step=step)
    by, at, how = " ".join(rest[1:spot]), asking.moment(d.now(), rest[spot]), " ".join(rest[spot + 1 :])
    return _ruled(decide(d, who, Request(case.id, "attest", "", how, "", by, at)))


def _continue(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    return _reasoned(d, who, "continue", rest)


def _reasoned(d: Deployment, who: Identity, kind: str, rest: tuple[str, ...], until: str = "") -> Reply:
    case = found(d, _first(rest))
    return _ruled(decide(d, who, Request(case.id, kind, case.plan_digest, " ".join(rest[1:]), until)))


def _pause(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    return _turned(d, who, "pause", rest)


def _resume(d: Deployment, who: Identity, rest: tuple[str, ...]) -> Reply:
    return _turned(d, who, "resume", rest)


def _turned(d: Deployment, who: Identity, to: str, rest: tuple[str, ...]) -> Reply:
    kind, is_scoped, name = rest[0].partition("=") if rest else ("", "", "")
    scope = EVERYTHING
    if is_scoped and kind in KINDS:
        scope, rest = switch.scope_of({kind: name or "?"}), rest[1:]
    if not rest:
        raise BadRequest(f"say why you {to}", next_step=f"/suture {to} [account=…|control=…|runbook=…] REASON")
    return ephemeral("; ".join(switch.turn(d, who, to, " ".join(rest), scope)["reasons"]))


def _ruled(ruling: Ruling) -> Reply:
    return ephemeral(f"{ruling.case.id} is {ruling.case.state}: " + "; ".join(ruling.reasons))


def _first(rest: tuple[str, ...]) -> str:
    if not rest:
        raise BadRequest("which case?", next_step="/suture list shows them")
    return rest[0].upper()


def _lasts(text: str) -> int:
    """Seconds of a duration such as 7d; 0 for what is none."""
    try:
        return seconds(text.lower())
    except BadRunbook:
        return 0


def _listing(head: str, lines: list[str]) -> Reply:
    return ephemeral(head, [rich(said(bold(head)), preformatted(lines or ["nothing"]))])


_Deed = Callable[[Deployment, Identity, tuple[str, ...]], Reply]
_DEEDS: Mapping[str, _Deed] = {
    "list": _list,
    "show": _show,
    "plan": _plan,
    "why": _why,
    "approve": _approve,
    "reject": _reject,
    "undo": _undo,
    "snooze": _snooze,
    "takeback": _take_back,
    "attest": _attest,
    "continue": _continue,
    "pause": _pause,
    "resume": _resume,
}
