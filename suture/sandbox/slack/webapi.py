"""The Web API's methods that a Suture app uses, with their documented errors."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from .limits import message_problems, view_problems
from .workspace import APP, BOT, CHANNELS, PEOPLE, TEAM, Message, Refused, Workspace

Body = Mapping[str, Any]
MOST_TEXT = 40_000


def call(space: Workspace, method: str, authorization: str, body: Body) -> dict[str, Any]:
    """Slack's answer to one call. Raises Refused."""
    handler = _METHODS.get(method)
    if handler is None:
        raise Refused("unknown_method")
    token = authorization.removeprefix("Bearer ") or str(body.get("token") or "")
    if not token:
        raise Refused("not_authed")
    if not hmac.compare_digest(token.encode(), space.token.encode()):
        raise Refused("invalid_auth")
    with space.lock:
        space.calls.append((method, {k: v for k, v in body.items() if k != "token"}))
        return {"ok": True, **handler(space, body)}


def _auth_test(space: Workspace, body: Body) -> dict[str, Any]:
    return {
        "url": "http://127.0.0.1/",
        "team": "Suture",
        "team_id": TEAM,
        "user_id": BOT,
        "bot_id": "B0BOT",
        "user": "suture",
    }


def _post(space: Workspace, body: Body) -> dict[str, Any]:
    channel, text, blocks = _content(space, body)
    space.take(channel)
    thread = str(body.get("thread_ts") or "")
    if thread and space.find(channel, thread) is None:
        raise Refused("thread_not_found")
    made = Message(space.next_ts(), channel, text, blocks, thread, bool(body.get("reply_broadcast")))
    space.messages.append(made)
    return {"channel": channel, "ts": made.ts, "message": {"text": text, "ts": made.ts, "bot_id": "B0BOT"}}


def _update(space: Workspace, body: Body) -> dict[str, Any]:
    channel, text, blocks = _content(space, body)
    found = space.find(channel, str(body.get("ts") or ""))
    if found is None:
        raise Refused("message_not_found")
    found.text, found.blocks, found.edited = text, blocks, True
    return {"channel": channel, "ts": found.ts, "text": text}


def _delete(space: Workspace, body: Body) -> dict[str, Any]:
    found = space.find(_channel(space, body), str(body.get("ts") or ""))
    if found is None:
        raise Refused("message_not_found")
    space.messages.remove(found)
    return {"channel": found.channel, "ts": found.ts}


def _ephemeral(space: Workspace, body: Body) -> dict[str, Any]:
    channel, text, blocks = _content(space, body)
    user = str(body.get("user") or "")
    if user not in PEOPLE:
        raise Refused("user_not_in_channel")
    made = Message(space.next_ts(), channel, text, blocks, only_for=user)
    space.messages.append(made)
    return {"message_ts": made.ts}


def _open(space: Workspace, body: Body) -> dict[str, Any]:
    view = _view(body, "modal")
    user = space.spend_trigger(str(body.get("trigger_id") or ""))
    space.windows[user] = {**view, "id": f"V{space.next_ts()}", "team_id": TEAM, "app_id": APP}
    return {"view": space.windows[user]}


def _publish(space: Workspace, body: Body) -> dict[str, Any]:
    user = str(body.get("user_id") or "")
    if user not in PEOPLE:
        raise Refused("user_not_found")
    space.homes[user] = dict(_view(body, "home"))
    return {"view": space.homes[user]}


def _view(body: Body, kind: str) -> Mapping[str, Any]:
    view = body.get("view")
    problems = view_problems(view)
    if problems or not isinstance(view, dict) or view["type"] != kind:
        raise Refused("invalid_arguments", response_metadata={"messages": problems or [f"the view is no {kind}"]})
    return view


def _content(space: Workspace, body: Body) -> tuple[str, str, list[Any]]:
    channel = _channel(space, body)
    text, blocks = str(body.get("text") or ""), body.get("blocks") or []
    if not text and not blocks:
        raise Refused("no_text")
    if len(text) > MOST_TEXT:
        raise Refused("msg_too_long")
    problems = message_problems(blocks) if blocks else []
    if problems:
        code = "msg_blocks_too_long" if problems[0].startswith("msg_blocks_too_long") else "invalid_blocks"
        raise Refused(code, response_metadata={"messages": problems})
    return channel, text, blocks


def _channel(space: Workspace, body: Body) -> str:
    channel = str(body.get("channel") or "")
    if channel not in CHANNELS:
        raise Refused("channel_not_found")
    if channel in space.archived:
        raise Refused("is_archived")
    return channel


_METHODS: Mapping[str, Callable[[Workspace, Body], dict[str, Any]]] = {
    "auth.test": _auth_test,
    "chat.postMessage": _post,
    "chat.update": _update,
    "chat.delete": _delete,
    "chat.postEphemeral": _ephemeral,
    "views.open": _open,
    "views.publish": _publish,
}
