"""What Slack sends to an app when somebody clicks, submits, types a command or opens the home tab.

Signed over the raw body as "Verifying requests from Slack" says, answered within three seconds or lost.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from .workspace import APP, CHANNELS, PEOPLE, TEAM, Message, Refused, Workspace

SECONDS = 3.0
_FORM = "application/x-www-form-urlencoded"


class Sender:
    """Sends to the app's request addresses, all below `base`; `hooks` is where response_urls of this workspace are."""

    def __init__(self, space: Workspace, secret: str, hooks: str) -> None:
        self._space, self._secret, self._hooks = space, secret.encode(), hooks
        self.base = ""

    def click(self, user: str, channel: str, ts: str, action_id: str) -> int:
        """Click a button of a message, or of the home tab when `ts` is empty; the app's HTTP status."""
        message = self._space.find(channel, ts, user)
        blocks = message.blocks if message else (self._space.homes.get(user) or {}).get("blocks", [])
        found = _button(blocks, action_id)
        place: dict[str, Any] = {"container": {"type": "view"}}
        if message is not None:
            place = self._place(user, channel, message)
        action = {**found, "action_ts": self._space.next_ts()}
        return self.send("interactive", _payload(self._payload("block_actions", user) | place | {"actions": [action]}))

    def submit(self, user: str, values: Mapping[str, str]) -> int:
        """Send somebody's open window; what the app refuses stays in it, under the fields."""
        window = self._space.windows.get(user)
        if window is None:
            raise Refused("not_found")
        typed = {n: {n: {"type": "plain_text_input", "value": v or None}} for n, v in values.items()}
        view = {**window, "state": {"values": typed}}
        payload = self._payload("view_submission", user) | {"view": view, "response_urls": []}
        status, answer = self.exchange("interactive", _payload(payload))
        said = json.loads(answer) if answer else {}
        if status == 200 and said.get("response_action") == "errors":
            window["errors"] = said["errors"]
        elif status == 200:
            self._space.windows.pop(user, None)
        return status

    def command(self, user: str, channel: str, text: str) -> int:
        """Type `/suture text`; the answer is shown to that person."""
        fields = {
            "token": "legacy",
            "team_id": TEAM,
            "team_domain": "suture",
            "channel_id": channel,
            "channel_name": CHANNELS.get(channel, "directmessage"),
            "user_id": user,
            "user_name": PEOPLE.get(user, "").lower(),
            "command": "/suture",
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self._response_url(user, channel),
            "trigger_id": self._space.trigger(user),
        }
        status, answer = self.exchange("command", urlencode(fields).encode())
        said = json.loads(answer) if answer else {}
        if status == 200 and said:
            self._space.respond(fields["response_url"].rsplit("/", 1)[-1], said)
        return status

    def open_home(self, user: str) -> int:
        event = {"type": "app_home_opened", "user": user, "channel": "D0HOME", "tab": "home"}
        body = {"token": "legacy", "team_id": TEAM, "api_app_id": APP, "type": "event_callback", "event": event}
        return self.send("events", json.dumps(body).encode(), "application/json")

    def verify_url(self) -> str:
        """What Slack asks when the events address is saved; the challenge that came back."""
        body = {"token": "legacy", "challenge": "suture-challenge", "type": "url_verification"}
        status, answer = self.exchange("events", json.dumps(body).encode(), "application/json")
        return str(json.loads(answer).get("challenge", "")) if status == 200 else ""

    def send(self, door: str, body: bytes, kind: str = _FORM) -> int:
        return self.exchange(door, body, kind)[0]

    def exchange(self, door: str, body: bytes, kind: str = _FORM) -> tuple[int, bytes]:
        """One signed request; 0 and nothing when the app does not answer in time."""
        headers = {**self.signed(body), "Content-Type": kind}
        asked = urllib.request.Request(f"{self.base}/slack/{door}", data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
                return int(answer.status), bytes(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers that prove a body sent now, in lower case."""
        at = str(int(self._space.clock()))
        mac = hmac.new(self._secret, f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": at, "x-slack-signature": f"v0={mac}"}

    def _payload(self, kind: str, user: str) -> dict[str, Any]:
        who = {"id": user, "username": PEOPLE.get(user, "").lower(), "team_id": TEAM}
        team = {"id": TEAM, "domain": "suture"}
        return {"type": kind, "user": who, "team": team, "api_app_id": APP, "trigger_id": self._space.trigger(user)}

    def _place(self, user: str, channel: str, message: Message) -> dict[str, Any]:
        container = {"type": "message", "message_ts": message.ts, "channel_id": channel, "is_ephemeral": False}
        shown = {"ts": message.ts, "text": message.text, "blocks": message.blocks}
        where = {"id": channel, "name": CHANNELS.get(channel, "")}
        url = self._response_url(user, channel)
        return {"container": container, "channel": where, "message": shown, "response_url": url}

    def _response_url(self, user: str, channel: str) -> str:
        return f"{self._hooks}/{self._space.response_id(user, channel)}"


def _payload(data: Mapping[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(data)}).encode()


def _button(blocks: list[Any], action_id: str) -> dict[str, Any]:
    for block in blocks:
        for element in block.get("elements", []) if block.get("type") == "actions" else []:
            if element.get("action_id") == action_id:
                named = {"type": "button", "block_id": block.get("block_id", "b")}
                return {**named, **{n: element[n] for n in ("action_id", "text", "value") if n in element}}
    raise Refused("action_not_found")
