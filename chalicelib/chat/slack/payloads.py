"""What Slack sends, read strictly: exactly the fields that we use, of the types that Slack documents, or a 400.

Read only after `signing.check`. Nothing here says who somebody is: team and user become an `Identity` that
approvals.py resolves, and team, app and channel must be ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from ...approvals import Identity
from ...errors import BadRequest
from ...model import Json
from ...routing import Slack as Rules

_ID = re.compile(r"[A-Z][A-Z0-9]{1,30}", re.ASCII)
_MOST_FIELDS = 60
_MOST_TEXT = 3000


@dataclass(frozen=True, slots=True)
class Who:
    """Who clicked or typed, where, and how to answer them."""

    identity: Identity
    channel: str
    response_url: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Click:
    """A button: `case` and `plan` are what its message showed, and prove nothing."""

    who: Who
    action: str
    case: str
    plan: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A modal that was sent: what it was opened for, and what was typed."""

    who: Who
    action: str
    case: str
    plan: str
    reason: str
    digits: str
    until: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class Command:
    who: Who
    words: tuple[str, ...]


def interaction(raw: bytes, rules: Rules) -> Click | Submission | None:
    """A `block_actions` or `view_submission` payload; None for a kind that asks nothing of us. Raises BadRequest."""
    payload = _json(_one(_form(raw), "payload"))
    kind = _text(payload, "type")
    if _text(payload, "api_app_id") != rules.app:
        raise BadRequest("this is another app's request", status=403)
    if kind == "block_actions":
        return _click(payload, rules)
    return _submission(payload, rules) if kind == "view_submission" else None


def command(raw: bytes, rules: Rules) -> Command:
    """A slash command. Raises BadRequest."""
    form = _form(raw)
    if _one(form, "api_app_id") != rules.app:
        raise BadRequest("this is another app's request", status=403)
    identity = _identity(_one(form, "team_id"), _one(form, "user_id"), rules)
    channel = _one(form, "channel_id")
    if channel not in rules.channels and not channel.startswith("D"):
        raise BadRequest("Suture listens in its own channels and in direct messages only", status=403)
    who = Who(identity, channel, form.get("response_url", [""])[0], form.get("trigger_id", [""])[0])
    return Command(who, tuple(_bounded(_one(form, "text")).split()))


def event(raw: bytes, rules: Rules) -> tuple[str, str]:
    """An Events API request as (kind, value): `challenge` with its text, `home` with a user, or `ignored`."""
    payload = _json(_decoded(raw))
    kind = _text(payload, "type")
    if kind == "url_verification":
        return "challenge", _text(payload, "challenge")
    if kind != "event_callback":
        return "ignored", ""
    if _text(payload, "api_app_id") != rules.app or _text(payload, "team_id") != rules.team:
        raise BadRequest("this is another app's or workspace's event", status=403)
    inner = _object(payload, "event")
    if _text(inner, "type") != "app_home_opened":
        return "ignored", ""
    return "home", _identity(rules.team, _text(inner, "user"), rules).name


def _click(payload: Mapping[str, Json], rules: Rules) -> Click:
    who = _who(payload, rules)
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(actions) != 1 or not isinstance(actions[0], Mapping):
        raise BadRequest("an interaction has exactly one action")
    value = _json(_text(actions[0], "value"))
    return Click(who, _text(actions[0], "action_id"), _text(value, "c"), _text(value, "p"))


def _submission(payload: Mapping[str, Json], rules: Rules) -> Submission:
    view = _object(payload, "view")
    about = _json(_text(view, "private_metadata"))
    typed = _object(_object(view, "state"), "values")
    who = _who({**payload, "channel": {"id": about.get("channel")}}, rules)
    fields = {name: _typed(typed, name) for name in ("reason", "digits", "until", "by", "at")}
    return Submission(who, _text(view, "callback_id"), _text(about, "c"), _text(about, "p"), **fields)


def _typed(typed: Mapping[str, Json], name: str) -> str:
    """What was typed into one input; its block and its action have one name. A field left empty is null."""
    if name not in typed:
        return ""
    field = _object(_object(typed, name), name)
    return "" if field.get("value") is None else _bounded(_text(field, "value"))


def _who(payload: Mapping[str, Json], rules: Rules) -> Who:
    user, team = _object(payload, "user"), _object(payload, "team")
    identity = _identity(_text(user, "team_id"), _text(user, "id"), rules)
    if _text(team, "id") != rules.team:
        raise BadRequest("this is another workspace's request", status=403)
    channel = ""
    if payload.get("channel") is not None:
        channel = _text(_object(payload, "channel"), "id")
        if channel and channel not in rules.channels:
            raise BadRequest("Suture takes decisions in its own channels only", status=403)
    url, trigger = (_text(payload, n) if n in payload else "" for n in ("response_url", "trigger_id"))
    return Who(identity, channel, url, trigger)


def _identity(team: str, user: str, rules: Rules) -> Identity:
    """Team and user of somebody of our own workspace: a member of another one in a shared channel is refused."""
    if team != rules.team:
        raise BadRequest("this is another workspace's request", status=403)
    if not _ID.fullmatch(user):
        raise BadRequest("the user is no Slack id")
    return Identity(team, "slack", user)


def _form(raw: bytes) -> Mapping[str, list[str]]:
    try:
        return parse_qs(
            _decoded(raw), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise BadRequest("the body is no form") from error


def _one(form: Mapping[str, list[str]], name: str) -> str:
    values = form.get(name, [])
    if len(values) != 1:
        raise BadRequest(f"the form has {len(values)} fields {name}, and must have one")
    return values[0]


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest("the body is no UTF-8") from error


def _json(text: str) -> Mapping[str, Json]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the payload is no JSON") from error
    if not isinstance(found, dict):
        raise BadRequest("the payload is no JSON object")
    return found


def _object(data: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = data.get(name)
    if not isinstance(found, dict):
        raise BadRequest(f"{name} is missing")
    return found


def _text(data: Mapping[str, Json], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str):
        raise BadRequest(f"{name} is missing")
    return found


def _bounded(text: str) -> str:
    if len(text) > _MOST_TEXT:
        raise BadRequest(f"a text has more than {_MOST_TEXT} characters", status=413)
    return text
