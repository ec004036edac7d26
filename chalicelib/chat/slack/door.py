"""The door: a signed request in, an answer within three seconds out.

Before the answer stand only: verify, read the case, authorise, one conditional write and its queue messages, or one
`views.open`. Everything that people see of it is written by `notify`. Who may decide, and about what, is
`decide` alone, as for every other door. A refusal never reaches the log with anything of its body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...aws.deployment import Deployment
from ...errors import BadRequest, SutureError
from ...logs import log
from ...model import Json
from .. import asking
from ..decide import Request, check, decide
from ..gate import SecretInMessage
from . import commands, modals, payloads, signing
from .client import Slack, SlackFailed
from .payloads import Click, Submission, Who

Answer = tuple[int, Mapping[str, Json] | None]

DONE: Answer = (200, None)
SAY = "slack-say"
HOME = "slack-home"


def answer(d: Deployment, request: Mapping[str, Any]) -> Answer:
    """One request: its `door` (interactive, command, events), `headers` in lower case, and `raw` bytes."""
    try:
        slack = d.slack
        if slack is None:
            raise BadRequest("no Slack workspace is configured", status=404)
        signing.check(request["headers"], request["raw"], d.now().timestamp(), lambda: _secrets(slack))
        return _DOORS[request["door"]](d, slack, request["raw"])
    except BadRequest as error:
        log("info", "refused", door="slack", status=error.status)
        return error.status, {"error": error.what}
    except SutureError as error:
        log("error", "a request failed", door="slack", why=str(error))
        return 503, {"error": "Suture cannot answer just now"}
    except Exception as error:  # a mistake of ours: its text may hold what must not be told
        log("error", "a request failed by a mistake of ours", door="slack", error=type(error).__name__)
        return 500, {"error": "Suture failed to answer"}


def _secrets(slack: Slack) -> Iterator[bytes]:
    """The secrets we know, and those in SSM by now when none of them fits."""
    known = slack.secrets()
    yield from known
    yield from (secret for secret in slack.secrets(again=True) if secret not in known)


def _interactive(d: Deployment, slack: Slack, raw: bytes) -> Answer:
    asked = payloads.interaction(raw, slack.rules)
    if isinstance(asked, Click):
        return _clicked(d, slack, asked)
    return _submitted(d, asked) if isinstance(asked, Submission) else DONE


def _clicked(d: Deployment, slack: Slack, click: Click) -> Answer:
    """A button decides at once, or opens the modal in which its reason is given."""
    request = Request(click.case, click.action, click.plan, "", "")
    try:
        if click.action == "details":
            case = commands.readable(d, click.who.identity, click.case)
            return _open(slack, click, modals.details(d, case))
        if click.action not in asking.DECISIONS:
            raise BadRequest("this button means nothing any more")
        case = check(d, click.who.identity, request)
        if asking.is_needed(case, click.action):
            return _open(slack, click, modals.decision(case, request, click.who.channel))
        decide(d, click.who.identity, request)
    except BadRequest as refused:
        _refuse(d, slack, click.who, refused)
    return DONE


def _open(slack: Slack, click: Click, view: Mapping[str, Json]) -> Answer:
    try:
        slack.call("views.open", {"trigger_id": click.who.trigger, "view": view})
    except (SlackFailed, SecretInMessage) as error:
        command = "show" if click.action == "details" else click.action
        log("error", "slack did not take a message", why=error.what, what="views.open")
        raise BadRequest(
            "Slack did not open the window", next_step=f"click again, or type /suture {command} {click.case}"
        ) from error
    return DONE


def _submitted(d: Deployment, sent: Submission) -> Answer:
    """A modal decides; a refusal stands in it, under the field that it is about."""
    if sent.action not in asking.DECISIONS:
        return DONE
    request = Request(sent.case, sent.action, sent.plan, sent.reason, sent.until, sent.by, sent.at)
    try:
        case = check(d, sent.who.identity, request)
        problem = asking.problem(case, request, sent.digits)
        if problem:
            return 200, {"response_action": "errors", "errors": problem}
        at, until = asking.moment(d.now(), sent.at), asking.until(d.now(), request)
        decide(d, sent.who.identity, replace(request, at=at, until=until))
    except BadRequest as refused:
        _audit(sent.who, refused)
        return 200, {"response_action": "errors", "errors": {"reason": _said(refused)}}
    return DONE


def _command(d: Deployment, slack: Slack, raw: bytes) -> Answer:
    asked = payloads.command(raw, slack.rules)
    try:
        return 200, commands.run(d, asked)
    except BadRequest as refused:
        _audit(asked.who, refused)
        return 200, commands.ephemeral(_said(refused))


def _events(d: Deployment, slack: Slack, raw: bytes) -> Answer:
    kind, value = payloads.event(raw, slack.rules)
    if kind == "challenge":
        return 200, {"challenge": value}
    if kind == "home":
        d.queues.send("notices", {"suture": HOME, "user": value})
    return DONE


def _refuse(d: Deployment, slack: Slack, who: Who, refused: BadRequest) -> None:
    """Tell the one who clicked, and nobody else; `notify` does it, since Slack may be slow."""
    _audit(who, refused)
    if slack.may_respond(who.response_url):
        d.queues.send("notices", {"suture": SAY, "to": who.response_url, "text": _said(refused)})


def _audit(who: Who, refused: BadRequest) -> None:
    log("warning", "refused", door="slack", status=refused.status, by=who.identity.name, team=who.identity.account)


def _said(refused: BadRequest) -> str:
    step = f" Next: {refused.next_step}." if refused.next_step else ""
    return f"{refused.what}.{step}"[:1900]


_Door = Callable[[Deployment, Slack, bytes], Answer]
_DOORS: Mapping[str, _Door] = {"interactive": _interactive, "command": _command, "events": _events}
