"""Self-defence: a change to one of Suture's own parts is the gravest case there is, and so is that no events come.

`watch` hears of changes. A deployment is told apart by two things that only CloudFormation can bring about: it made the
call, and our own stack is being updated just then. The sweep asks whether anything is heard at all: it makes a call
that changes nothing, whose event a rule of ours matches, and looks at the next sweep whether that event came back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from . import defence
from .aws.deployment import Deployment
from .aws.handover import tell
from .aws.ledger import Entry, Place
from .cases import Case, case_id, moved, noted, with_causers
from .errors import CallFailed, Conflict
from .events import api_name, is_own_write, principal_of
from .events.fields import at, text
from .logs import log
from .model import Json, Principal
from .redaction import safe_text
from .times import iso

BEAT = timedelta(hours=1)
DEAF = timedelta(minutes=25)
"""CloudTrail's events come within a few minutes as a rule, and EventBridge tries again for longer."""

DEPLOYING = timedelta(hours=2)
MOST_EVENTS = 20
ALARM, DEAF_ALARM = "one of our own parts was changed", "no events are heard"
"""The log lines that alarms listen to: they reach an operator when nothing else of ours works any more."""

_PK = "BEAT#events"


def hear(d: Deployment, envelope: Mapping[str, Json]) -> None:
    """One event, if it is our own call come back, or about one of our own parts. Raises a SutureError."""
    record = envelope.get("detail")
    if not isinstance(record, Mapping) or envelope.get("detail-type") != "AWS API Call via CloudTrail":
        return None
    if not text(envelope, "source").startswith("aws.") or text(envelope, "account") not in ("", d.account):
        return None
    who = principal_of(record)
    beat = text(record, "requestParameters.queueNamePrefix").removeprefix(_prefix(d))
    if text(record, "eventName") == "ListQueues" and beat and is_own_write(who, {d.role_of("sweep")}):
        return d.ledger.table.put({"pk": _PK, "sk": "BACK", "beat": beat})
    part = defence.part_of(record, d.own)
    if part:
        _changed(d, part, record, who)
    return None


def listen(d: Deployment) -> None:
    """Did the last call come back? Then make the next one, once an hour; else say aloud that we are deaf."""
    now = d.now()
    sent, back = (d.ledger.table.get(_PK, sk) or {} for sk in ("SENT", "BACK"))
    last, heard = str(sent.get("beat", "")), str(back.get("beat", ""))
    age = now - datetime.fromisoformat(str(sent["at"])) if sent.get("at") else None
    if last and heard >= last:
        _hears_again(d)
    elif age is not None and age > DEAF:
        _deaf(d, str(sent["at"]))
    if age is None or age >= BEAT:
        beat = now.strftime("%Y%m%dT%H%M%SZ")
        d.clients.call("sqs:ListQueues", {"QueueNamePrefix": f"{_prefix(d)}{beat}"})
        d.ledger.table.put({"pk": _PK, "sk": "SENT", "beat": beat, "at": iso(now)})


def _prefix(d: Deployment) -> str:
    return f"{d.own.prefix}heartbeat-"


def _changed(d: Deployment, part: str, record: Mapping[str, Json], who: Principal) -> None:
    action = f"{text(record, 'eventSource').removesuffix('.amazonaws.com')}:{api_name(text(record, 'eventName'))}"
    release = _release(d, who, text(record, "eventTime"))
    place = Place(d.account, d.region, defence.PART, safe_text(part, 300))
    if release:
        return _deployed(d, place, release, who)
    log("error", ALARM, where=place.resource_id, action=action, by=who.name)
    fact = {
        "EventId": text(record, "eventID"),
        "Action": action,
        "By": who.arn or who.name,
        "At": text(record, "eventTime"),
    }
    title = f"Suture's own {place.resource_id} was changed by {who.name} with {action}, and not by a deployment"
    _raise(d, place, title, {**fact, "From": safe_text(at(record, "sourceIPAddress") or "", 60)}, who)
    return None


def _release(d: Deployment, who: Principal, when: str) -> str:
    """The update of our own stack that a call belongs to, as its time; empty when it belongs to none.

    Any stack may name our parts, and anybody may say that they are CloudFormation in a user agent: only AWS writes
    `invokedBy`, and only CloudFormation says when our stack was updated. Where it cannot be asked, it is no deployment.
    """
    if who.invoked_by != "cloudformation.amazonaws.com" or not d.stack:
        return ""
    try:
        stacks = d.clients.call("cloudformation:DescribeStacks", {"StackName": d.stack}).get("Stacks") or ()
    except CallFailed as error:
        log("warning", "the stack could not be asked whether it is being deployed", why=error.what)
        return ""
    began = next((s.get("LastUpdatedTime") or s.get("CreationTime") for s in stacks), None)
    if not isinstance(began, datetime):
        return ""
    try:
        late = datetime.fromisoformat(when) - began
    except (ValueError, TypeError):
        return ""
    return iso(began) if -timedelta(minutes=1) < late < DEPLOYING else ""


def _deployed(d: Deployment, place: Place, release: str, who: Principal) -> None:
    """A deployment is told once, and puts right what was changed by hand before."""
    _over(d, place, f"deployed again by {who.name}")
    at_ = Place(d.account, d.region, defence.RELEASE, f"{d.own.prefix}{release}")
    if d.ledger.history(at_).cases:
        return
    title = f"Suture itself is being deployed by {who.name} through CloudFormation"
    case = _new(d, at_, title, "medium", {"Stack": d.stack, "Began": release}, who)
    done = moved(case, "RESOLVED", iso(d.now()), outcome="a deployment of our own stack", notes=())
    _open(d, [(case, Entry(d.function, title, {})), (done, Entry(d.function, "told", {}))])


def _raise(d: Deployment, place: Place, title: str, fact: Mapping[str, Json], who: Principal | None) -> None:
    """Open the case of a part, or add to it; the same event twice is no news."""
    for _ in range(3):
        open_id = d.ledger.history(place).cases.get(defence.CONTROL)
        case = d.ledger.case(open_id) if open_id else None
        try:
            if case is None:
                return _open(d, _escalated(d, _new(d, place, title, "critical", fact, who)))
            if any(known.get("EventId") == fact.get("EventId") for known in case.evidence):
                return tell(d, case)
            facts = (*case.evidence, fact)[-MOST_EVENTS:]
            more = noted(
                case, iso(d.now()), evidence=facts, title=title, causers=with_causers(case, (who,) if who else ())
            )
            return tell(d, d.ledger.advance(case, _again(d, more, Entry(d.function, title, dict(fact)))))
        except Conflict:
            continue
    raise Conflict("the case of one of our own parts moved three times", where=place.resource_id)


def _again(d: Deployment, case: Case, entry: Entry) -> list[tuple[Case, Entry]]:
    """Something more happened to a part: a word that the case was accepted was not about that."""
    if case.state != "SUPPRESSED":
        return [(case, entry)]
    old = moved(case, "SUPERSEDED", iso(d.now()))
    return [(case, entry), (old, entry), *_escalated(d, old)[1:]]


def _new(
    d: Deployment, place: Place, title: str, severity: str, fact: Mapping[str, Json], who: Principal | None
) -> Case:
    now, arn = iso(d.now()), f"{place.resource_type}/{place.resource_id}"
    nth = int(d.ledger.history(place).opened.get(defence.CONTROL, 0)) + 1
    case = Case(
        id=case_id(place.account, place.region, arn, defence.CONTROL, nth),
        account=place.account,
        region=place.region,
        resource_type=place.resource_type,
        resource_id=place.resource_id,
        arn=arn,
        control=defence.CONTROL,
        state="DETECTED",
        version=1,
        opened=now,
        updated=now,
        title=title,
        severity=severity,
        evidence=(fact,),
        action=str(fact.get("Action", "")),
        event_id=str(fact.get("EventId", "")),
        decision="escalate",
        notes=defence.remedies(d.stack),
    )
    return Case.from_json({**case.as_json(), "causers": with_causers(case, (who,) if who else ())})


def _escalated(d: Deployment, case: Case) -> list[tuple[Case, Entry]]:
    why = "Suture repairs nothing of its own: deploy this release again"
    after = moved(case, "ESCALATED", iso(d.now()), outcome=why, reasons=(why,))
    return [(case, Entry(d.function, case.title, dict(case.evidence[0]))), (after, Entry(d.function, why, {}))]


def _open(d: Deployment, path: list[tuple[Case, Entry]]) -> None:
    tell(d, d.ledger.advance(None, path))


def _over(d: Deployment, place: Place, why: str) -> None:
    """Close the case of a part, if it has one."""
    open_id = d.ledger.history(place).cases.get(defence.CONTROL)
    case = d.ledger.case(open_id) if open_id else None
    if case is not None and case.state in ("ESCALATED", "SUPPRESSED"):
        after = moved(case, "RESOLVED", iso(d.now()), outcome=why)
        tell(d, d.ledger.save(case, after, Entry(d.function, why, {}), mark="released"))


def _hearing(d: Deployment) -> Place:
    return Place(d.account, d.region, defence.PART, defence.HEARING)


def _deaf(d: Deployment, since: str) -> None:
    log("error", DEAF_ALARM, since=since)
    if d.ledger.history(_hearing(d)).cases.get(defence.CONTROL):
        return
    title = f"Suture hears no events: the event of its own call of {since} did not come back"
    _raise(d, _hearing(d), title, {"EventId": f"beat {since}", "Action": "sqs:ListQueues", "At": since}, None)


def _hears_again(d: Deployment) -> None:
    _over(d, _hearing(d), "events are heard again")
