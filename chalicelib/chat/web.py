"""The IAM-authorised decision API behind the REST API: parse, hand to `decide`, answer.

API Gateway has verified the caller's signature; who that is comes from `requestContext.identity.userArn`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import approvals
from ..approvals import Identity
from ..attention import in_force, stand_ins_of
from ..aws.deployment import Deployment
from ..cases import AFTER_APPLY, TRANSITIONS, Case
from ..errors import BadRequest, SutureError
from ..logs import log
from ..messages import data
from ..model import Json
from ..pausing import EVERYTHING, Pause, waits
from ..redaction import safe_text
from ..runbooks import of_plan
from ..times import iso
from . import switch
from .decide import Request, decide, found
from .stages import undoable

MAX_BODY = 16_384

Answer = tuple[int, Mapping[str, Json]]


def answer(d: Deployment, request: Mapping[str, Any]) -> Answer:
    """One request of the API; never an exception, and nothing is changed by one that is refused."""
    try:
        return _route(d, request)
    except BadRequest as error:
        log("info", "refused", status=error.status, why=error.what)
        return error.status, {"error": error.what, "next": error.next_step}
    except SutureError as error:
        log("error", "a request failed", why=str(error))
        return 503, {"error": "Suture cannot answer just now", "next": "try again; `suture cases list` shows the state"}
    except Exception as error:  # a mistake of ours: its text may hold what must not be told
        log("error", "a request failed by a mistake of ours", error=type(error).__name__)
        return 500, {"error": "Suture failed to answer", "next": "the log of `chat` says more"}


def _route(d: Deployment, request: Mapping[str, Any]) -> Answer:
    method, resource = request["method"], request["resource"]
    identity = approvals.identity_of_arn(str(request["identity"].get("userArn") or ""))
    if identity is None:
        raise BadRequest("the caller has no IAM identity", status=403)
    case = str((request.get("path_parameters") or {}).get("id", ""))
    if (method, resource) == ("GET", "/cases"):
        return 200, _list(d, request.get("query") or {})
    if (method, resource) == ("GET", "/cases/{id}"):
        return 200, _show(d, case)
    if (method, resource) == ("POST", "/cases/{id}/decision"):
        return _decide(d, identity, case, _body(request))
    if (method, resource) in (("POST", "/pause"), ("POST", "/resume")):
        asked = _body(request)
        return 200, switch.turn(d, identity, resource[1:], str(asked.get("reason") or ""), switch.scope_of(asked))
    raise BadRequest("there is no such address", status=404)


def _decide(d: Deployment, identity: Identity, case: str, body: Mapping[str, Json]) -> Answer:
    texts = {name: body.get(name) or "" for name in ("decision", "plan", "reason", "until", "by", "at")}
    wrong = [name for name, value in texts.items() if not isinstance(value, str) or len(value) > 2000]
    if wrong:
        raise BadRequest(f"{', '.join(wrong)} must be text of at most 2000 characters")
    ruling = decide(d, identity, Request(case, **texts))
    return 200, {"case": ruling.case.id, "state": ruling.case.state, "reasons": list(ruling.reasons)}


def _list(d: Deployment, query: Mapping[str, str]) -> Mapping[str, Json]:
    states = tuple(s for s in str(query.get("state") or "").upper().split(",") if s)
    unknown = [s for s in states if s not in TRANSITIONS]
    if unknown:
        raise BadRequest(f"unknown state {safe_text(unknown[0])}", next_step=f"use one of {', '.join(TRANSITIONS)}")
    cases = sorted(d.ledger.cases(*states), key=lambda c: c.updated, reverse=True)
    off = switch.pauses_of(d)
    told = [{**data(c), **({"waits": why} if (why := waits(off, c)) else {})} for c in cases]
    return {"cases": told, "paused": any(p.scope == EVERYTHING for p in off), "pauses": [_pause(p) for p in off]}


def _pause(pause: Pause) -> Mapping[str, Json]:
    facts = {name: getattr(pause, name) for name in ("by", "at", "reason")}
    return {"scope": str(pause.scope), **facts, "resume": list(pause.resume)}


def _show(d: Deployment, id_: str) -> Mapping[str, Json]:
    case = found(d, id_)
    given = d.ledger.approvals(id_)
    return {
        "case": case.as_json(),
        "waits": waits(switch.pauses_of(d), case),
        "records": list(d.ledger.records(id_)),
        "approvals": [{n: getattr(a, n) for n in a.__slots__} for a in given],
        **_who(d, case, given),
    }


def _who(d: Deployment, case: Case, given: tuple[approvals.Approval, ...]) -> Mapping[str, Json]:
    runbook = of_plan(d.packaged.runbooks, case.the_plan)
    back = (
        {"undoable": {name: back[name] for name in ("stage", "at")} | {"plan": back["plan"]["digest"]}}
        if (back := undoable(case))
        else {}
    )
    if runbook is None:
        return {"can_decide": [], "quorum": None, **back}
    people = d.packaged.people
    standing = stand_ins_of(d.packaged.pins, case, runbook.approval.expires)
    who = list(approvals.who_may(people, runbook.approval, case.principals, standing(iso(d.now()))))
    if case.is_by_hand:
        return {"can_decide": who, "quorum": None}
    about = "undo" if case.applied and case.state in AFTER_APPLY else "apply"
    words = in_force(given, case, runbook.approval.expires)
    quorum = approvals.quorum(people, words, runbook.approval, case.principals, case.plan_digest, about, standing)
    return {
        "can_decide": who,
        "quorum": {
            "about": about,
            "stands": quorum.stands,
            "counted": list(quorum.counted),
            "reasons": list(quorum.reasons),
        },
        **back,
    }


def _body(request: Mapping[str, Any]) -> Mapping[str, Json]:
    raw = request.get("body") or "{}"
    if len(raw.encode("utf-8", "surrogatepass")) > MAX_BODY:
        raise BadRequest(f"the body has more than {MAX_BODY} bytes", status=413)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body is no JSON object")
    return body
