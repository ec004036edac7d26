"""One tenant of Teams: who is in it, what stands in its channels, what the connector refuses, and who presses what.

Source: "Connector API reference" (Azure AI Bot Service), "Universal Actions for Adaptive Cards" and "Status codes from
bot conversational APIs" (Microsoft Teams).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote

from .limits import activity_problems
from .signer import Key

TENANT = "7e0a0000-0000-4000-8000-000000000001"
APP = "0b070000-0000-4000-8000-00000000000b"
SECURITY = "19:security0000000000@thread.tacv2"
URGENT = "19:urgent000000000000@thread.tacv2"
PEOPLE = {
    "sam": "5a000000-0000-4000-8000-000000000001",
    "olly": "01100000-0000-4000-8000-000000000002",
    "drew": "d0e00000-0000-4000-8000-000000000003",
    "mallory": "3a110000-0000-4000-8000-000000000004",
}
ISSUER = "https://api.botframework.com"

Door = Callable[[Mapping[str, str], bytes], tuple[int, Any]]


@dataclass(slots=True)
class Message:
    """A message of the bot: `personal` are the cards that single people got in its place."""

    conversation: str
    id: str
    activity: dict[str, Any]
    edited: int = 0
    personal: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def card(self) -> dict[str, Any]:
        attached = self.activity.get("attachments") or [{"content": {"body": []}}]
        return dict(attached[0]["content"])

    @property
    def is_post(self) -> bool:
        return self.conversation.endswith(f";messageid={self.id}")


@dataclass(slots=True)
class Fault:
    status: int
    code: str
    wait: int
    times: int
    only: str


class Tenant:
    """The state of the played tenant, and its connector as functions of requests. `url` is where it is reached."""

    def __init__(self) -> None:
        self.url, self.secret, self.token = "", "-".join(("the", "bots", "secret")), ""
        self.messages: list[Message] = []
        self.calls: list[tuple[str, str, Any]] = []
        self.faults: list[Fault] = []
        self.closed: set[str] = set()
        self.keys = [Key()]
        self.clock: Callable[[], float] = time.time
        self.metadata: dict[str, Any] = {}
        self.door: Door = lambda headers, raw: (0, None)
        self.lock = threading.RLock()
        self._ids = count(1_700_000_000_000)

    # --- what Suture asks ------------------------------------------------------------------------------------------

    def fail(self, status: int, code: str = "", *, wait: int = 0, times: int = 1, only: str = "") -> None:
        """Make the next `times` requests fail; `only` those whose method and path hold it."""
        self.faults.append(Fault(status, code, wait, times, only))

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> tuple[int, Any, int]:
        """One request to any of the played services: status, body, and Retry-After or 0."""
        with self.lock:
            self.calls.append((method, path, body))
            fault = next((f for f in self.faults if f.times > 0 and f.only in f"{method} {path}"), None)
            if fault is not None:
                fault.times -= 1
                return fault.status, _error(fault.code or "ServiceError"), fault.wait
            return *self._answered(method, path, headers, body), 0

    def _answered(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> tuple[int, Any]:
        if path == "/openid":
            facts = {"issuer": ISSUER, "jwks_uri": f"{self.url}/keys"}
            return 200, {**facts, "id_token_signing_alg_values_supported": ["RS256"], **self.metadata}
        if path == "/keys":
            return 200, {"keys": [key.jwk for key in self.keys]}
        if path == f"/{TENANT}/oauth2/v2.0/token":
            return self._login(body)
        if path == "/workflow":
            self.messages.append(Message("workflow", next_id(self._ids), body))
            return (202, None) if not activity_problems(body) else (400, _error("BadRequest"))
        if headers.get("authorization") != f"Bearer {self.token}" or not self.token:
            return 401, _error("Unauthorized")
        return self._connector(method, [unquote(part) for part in path.split("/")[4:]], body)

    def _login(self, form: Mapping[str, str]) -> tuple[int, Any]:
        wanted = {"grant_type": "client_credentials", "client_id": APP, "client_secret": self.secret}
        if any(form.get(name) != value for name, value in wanted.items()):
            return 401, {"error": "invalid_client"}
        if form.get("scope") != "https://api.botframework.com/.default":
            return 400, {"error": "invalid_scope"}
        self.token = f"token-{next_id(self._ids)}"
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": self.token}

    def _connector(self, method: str, parts: list[str], body: Any) -> tuple[int, Any]:
        """`parts` are those of the path below /v3/conversations."""
        problems = activity_problems(body.get("activity", body)) if isinstance(body, dict) else []
        if problems:
            big = any("28 KB" in p for p in problems)
            return (413, _error("MessageSizeTooBig")) if big else (400, _error("BadSyntax", "; ".join(problems)))
        if method == "POST" and parts == []:
            return self._begin(body)
        if method == "GET" and parts[1] == "members":
            listed = parts[2] in PEOPLE.values()
            return (200, {"id": f"29:{parts[2]}"}) if listed else (404, _error("MemberNotFoundInConversation"))
        conversation, _, id_ = (*parts, "", "")[0], *(*parts, "", "")[1:3]
        if self._is_closed(conversation):
            return 404, _error("ConversationNotFound")
        if method == "POST":
            return 201, {"id": self._put(conversation, body).id}
        found = self.find(conversation, id_)
        if found is None:
            return 404, _error("ActivityNotFoundInConversation")
        if method == "DELETE":
            self.messages.remove(found)
            return 200, None
        found.activity, found.edited, found.personal = dict(body), found.edited + 1, {}
        return 200, {"id": id_}

    def _begin(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        channel = body["channelData"]["channel"]["id"]
        is_ours = body["bot"]["id"] == f"28:{APP}" and body["channelData"]["tenant"]["id"] == TENANT
        if not is_ours or self._is_closed(channel):
            return 403, _error("BotNotInConversationRoster")
        made = self._put(f"{channel};messageid=", body["activity"])
        made.conversation += made.id
        return 201, {"id": made.conversation, "activityId": made.id}

    def _put(self, conversation: str, activity: Mapping[str, Any]) -> Message:
        made = Message(conversation, next_id(self._ids), dict(activity))
        self.messages.append(made)
        return made

    def _is_closed(self, conversation: str) -> bool:
        return conversation in self.closed or conversation.partition(";")[0] in self.closed

    def find(self, conversation: str, id_: str) -> Message | None:
        return next((m for m in self.messages if (m.conversation, m.id) == (conversation, id_)), None)

    # --- what people do --------------------------------------------------------------------------------------------

    def execute(self, who: str, message: Message, verb: str, trigger: str = "manual", **typed: str) -> tuple[int, Any]:
        """Press a button of what this person sees of a message; the app's status and answer."""
        card = message.personal.get(who) or message.card
        pressed = next((b for b in _buttons(card) if b["verb"] == verb), None)
        if pressed is None:
            raise LookupError(f"{who} sees no button for {verb}")
        shown = {e["id"] for e in card["body"] if e["type"] == "Input.Text"}
        if not set(typed) <= shown:
            raise LookupError(f"{who} sees no field for {sorted(set(typed) - shown)}")
        action = {"type": "Action.Execute", "verb": verb, "data": {**pressed["data"], **typed}}
        status, said = self.send(self.activity(who, message, action, trigger))
        if said and said.get("type") == "application/vnd.microsoft.card.adaptive":
            message.personal[who] = said["value"]
        return status, said

    def activity(self, who: str, message: Message, action: Any, trigger: str = "manual") -> dict[str, Any]:
        channel = message.conversation.partition(";")[0]
        return {
            "type": "invoke",
            "name": "adaptiveCard/action",
            "id": f"f:{next_id(self._ids)}",
            "channelId": "msteams",
            "serviceUrl": f"{self.url}/teams/",
            "from": {"id": f"29:{who}", "name": who.title(), "aadObjectId": PEOPLE.get(who, who)},
            "conversation": {"conversationType": "channel", "tenantId": TENANT, "id": message.conversation},
            "recipient": {"id": f"28:{APP}", "name": "Suture"},
            "channelData": {"channel": {"id": channel}, "tenant": {"id": TENANT}},
            "replyToId": message.id,
            "value": {"action": action, "trigger": trigger},
        }

    def send(self, activity: Any, token: str = "") -> tuple[int, Any]:
        headers = {
            "authorization": f"Bearer {token or self.proof()}",
            "content-type": "application/json; charset=utf-8",
        }
        return self.door(headers, json.dumps(activity).encode())

    def proof(self, key: Key | None = None, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """The token that comes with an activity, but for what is changed; a claim of None is left out."""
        now = int(self.clock())
        good = {"iss": ISSUER, "aud": APP, "nbf": now - 60, "exp": now + 3600, "serviceurl": f"{self.url}/teams/"}
        said = {name: value for name, value in {**good, **claims}.items() if value is not None}
        return (key or self.keys[0]).signed(said, **(header or {}))


def next_id(ids: count[int]) -> str:
    return str(next(ids))


def _buttons(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [b for e in card["body"] if e["type"] == "ActionSet" for b in e["actions"]]
    return found + ([card["refresh"]["action"]] if "refresh" in card else [])


def _error(code: str, message: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
