"""The door: an activity with a proved token in, the answer to an Action.Execute out.

Who may decide, and about what, is `decide` alone, as for every other door. One activity decides once: its id is
written down beside the decision's case (`ACTIVITY#`), because a token does not cover the body that it comes with. A
refusal reaches the one who clicked and nobody else, and the log never with anything of the body.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ... import approvals
from ...aws.deployment import Deployment
from ...cases import Case
from ...errors import BadRequest, Conflict, SutureError
from ...logs import log
from ...model import Json
from .. import asking
from ..decide import Request, check, decide, found
from ..facts import facts_of
from ..gate import SecretInMessage, refuse_secrets
from . import cards, payloads, signing
from .client import CARD
from .payloads import Click
from .places import TeamsFailed

Answer = tuple[int, Mapping[str, Json] | None]

DONE: Answer = (200, None)
VIEW = "view"
MESSAGE = "application/vnd.microsoft.activity.message"
REMEMBERED = 2 * 86_400
"""Seconds for which an activity is remembered: longer than any token stands."""


def answer(d: Deployment, request: Mapping[str, Any]) -> Answer:
    """One request: its `headers` in lower case, and `raw` bytes."""
    try:
        signers, rules = d.teams_signers, d.packaged.teams
        if signers is None or rules is None:
            raise BadRequest("no tenant of Teams is configured", status=404)
        claims = signing.check(request["headers"], request["raw"], d.now().timestamp(), signers, rules)
        click = payloads.click(request["raw"], claims, rules, is_sandboxed=d.is_sandboxed)
        return DONE if click is None else _clicked(d, click)
    except BadRequest as error:
        log("info", "refused", door="teams", status=error.status)
        return error.status, {"error": error.what}
    except signing.NoLibrary as error:
        log("error", "teams is not listened to", why=str(error))
        return 501, {"error": "Suture cannot check who asks"}
    except TeamsFailed as error:
        log("error", "teams is not listened to", why=f"its keys cannot be read: {error.what}")
        return 503, {"error": "Suture cannot check who asks just now"}
    except SutureError as error:
        log("error", "a request failed", door="teams", why=str(error))
        return 503, {"error": "Suture cannot answer just now"}
    except Exception as error:  # a mistake of ours: its text may hold what must not be told
        log("error", "a request failed by a mistake of ours", door="teams", error=type(error).__name__)
        return 500, {"error": "Suture failed to answer"}


def _clicked(d: Deployment, click: Click) -> Answer:
    try:
        return _viewed(d, click) if click.verb == VIEW else _decided(d, click)
    except BadRequest as refused:
        who = click.identity
        log("warning", "refused", door="teams", status=refused.status, by=who.name, tenant=who.account)
        return _said(_sentence(refused))


def _viewed(d: Deployment, click: Click) -> Answer:
    """A card for the one who asks: with their decisions, or as everybody sees it when Teams asked by itself."""
    _must_be_listed(d, click)
    case = found(d, click.case)
    refusals: dict[str, BadRequest] = {}
    card = _card(d, click, case, refusals)
    if click.is_asked and refusals and len(refusals) == len(cards.kinds(case, facts_of(d, case))):
        raise next(iter(refusals.values()))
    return _shown(card)


def _must_be_listed(d: Deployment, click: Click) -> None:
    """Even to look takes somebody who is listed: a channel has guests."""
    ruling = approvals.may_decide(d.packaged.people, click.identity, ())
    if ruling.person is None:
        raise BadRequest(ruling.refusal, status=403, next_step="ask who keeps that file")


def _card(d: Deployment, click: Click, case: Case, refusals: dict[str, BadRequest], note: str = "") -> cards.Card:
    facts, may = facts_of(d, case), []
    person = approvals.person_of(d.packaged.people, click.identity)
    for kind in cards.kinds(case, facts):
        try:
            check(d, click.identity, Request(case.id, kind, case.plan_digest, "", ""))
            may.append(kind)
        except BadRequest as refused:
            refusals[kind] = refused
    has_said = person is not None and person.name in facts.counted
    hidden = ("approve",) if has_said else ("revoke",)
    return cards.personal(case, facts, [k for k in may if k not in hidden], note)


def _decided(d: Deployment, click: Click) -> Answer:
    """A button decides, once what it needs was typed; the answer is the card as it stands then."""
    if click.verb not in asking.DECISIONS:
        raise BadRequest("this button means nothing any more")
    request = Request(click.case, click.verb, click.plan, click.reason, "", click.by, click.at)
    case = check(d, click.identity, request)
    problem = asking.problem(case, request, click.digits)
    if problem:
        return _said("Nothing was decided. " + " ".join(problem.values()))
    if click.verb == "approve" and cards.left_out(case, facts_of(d, case)):
        step = f"read and approve it with: suture cases approve {case.id}"
        raise BadRequest("not all calls of this plan fit into a card", next_step=step)
    _once(d, click)
    at, until = asking.moment(d.now(), click.at), asking.until(d.now(), request)
    ruling = decide(d, click.identity, replace(request, at=at, until=until))
    note = f"{ruling.case.id} is {ruling.case.state}: " + "; ".join(ruling.reasons)
    return _shown(_card(d, click, ruling.case, {}, note))


def _once(d: Deployment, click: Click) -> None:
    """Write down that this activity was taken. Raises BadRequest when it was before."""
    mark = hashlib.sha256(f"{click.identity.account}|{click.id}".encode()).hexdigest()[:32]
    item = {"pk": f"ACTIVITY#{mark}", "sk": "TAKEN", "ttl": int(d.now().timestamp()) + REMEMBERED}
    try:
        d.ledger.table.put(item, is_new=True)
    except Conflict as error:
        raise BadRequest("this click was taken already", status=409) from error


def _shown(card: cards.Card) -> Answer:
    try:
        refuse_secrets(card)
    except SecretInMessage as error:
        return _said(f"Not shown here: {error.what}. Next: suture cases show.")
    return 200, {"statusCode": 200, "type": CARD, "value": card}


def _said(text: str) -> Answer:
    """A sentence for the one who clicked."""
    return 200, {"statusCode": 200, "type": MESSAGE, "value": text}


def _sentence(refused: BadRequest) -> str:
    step = f" Next: {refused.next_step}." if refused.next_step else ""
    return f"{refused.what}.{step}"[:1900]
