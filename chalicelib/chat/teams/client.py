"""The Bot Connector's REST API, spoken with the standard library alone, and what its refusals mean for a message.

Addresses come from governance/chat.yaml and the stack, never from a request. The bot's secret is an SSM SecureString,
fetched once a process and again when it no longer fits. Sources: "Connector API reference" and "Authentication with
the Bot Connector API" (Azure AI Bot Service); "Status codes from bot conversational APIs" (Microsoft Teams).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from ...errors import CallFailed
from ...model import Json
from ..gate import refuse_secrets
from .places import CONNECTORS, LOGINS, TeamsFailed, checked, exchanged

if TYPE_CHECKING:
    from ...aws.clients import Clients
    from ...routing import Teams as Rules

SCOPE = "https://api.botframework.com/.default"
EARLY = 300.0
"""Seconds before its end at which a token is not used any more."""

DOWN = 10.0
"""Seconds for which Teams is not asked again after it gave no answer: a batch of notices must not wait for each."""

CARD = "application/vnd.microsoft.card.adaptive"
_JSON, _FORM = "application/json; charset=utf-8", "application/x-www-form-urlencoded"


class Teams:
    """One tenant's connector for one process."""

    def __init__(self, clients: Clients, rules: Rules, login: str, parameter: str, *, is_sandboxed: bool) -> None:
        self._service = checked(rules.service, CONNECTORS, is_sandboxed=is_sandboxed)
        self._login = checked(login, LOGINS, is_sandboxed=is_sandboxed)
        self.rules, self._clients, self._parameter = rules, clients, parameter
        self._token, self._until, self._secret = "", 0.0, ""
        self._down: tuple[float, TeamsFailed] = (0.0, TeamsFailed(""))
        self._members: dict[tuple[str, str], str] = {}

    def begin(self, channel: str, activity: Mapping[str, Json]) -> tuple[str, str]:
        """A new post in a channel: the ids of its conversation and of its first message."""
        where = {"channel": {"id": channel}, "tenant": {"id": self.rules.tenant}}
        body = {"isGroup": True, "bot": {"id": f"28:{self.rules.app}"}, "channelData": where, "activity": activity}
        made = self._call("POST", "", body)
        return str(made.get("id") or ""), str(made.get("activityId") or "")

    def reply(self, conversation: str, activity: Mapping[str, Json]) -> str:
        """A message in the thread of a post; its id."""
        return str(self._call("POST", f"/{_quoted(conversation)}/activities", activity).get("id") or "")

    def change(self, conversation: str, id_: str, activity: Mapping[str, Json]) -> None:
        """Put another content into a message of ours."""
        self._call("PUT", f"/{_quoted(conversation)}/activities/{_quoted(id_)}", {**activity, "id": id_})

    def delete(self, conversation: str, id_: str) -> None:
        self._call("DELETE", f"/{_quoted(conversation)}/activities/{_quoted(id_)}", None)

    def member(self, channel: str, object_: str) -> str:
        """What Teams calls somebody of Entra in a channel; empty for who is not in it. Raises TeamsFailed."""
        if (channel, object_) not in self._members:
            try:
                found = self._call("GET", f"/{_quoted(channel)}/members/{_quoted(object_)}", None)
            except TeamsFailed as error:
                if error.status not in (400, 403, 404):
                    raise
                return ""
            self._members[channel, object_] = str(found.get("id") or "")
        return self._members[channel, object_]

    def _call(self, method: str, path: str, body: Mapping[str, Json] | None) -> Mapping[str, Json]:
        """One call. Raises TeamsFailed, and SecretInMessage before anything leaves."""
        refuse_secrets(body or {})
        until, said = self._down
        if time.monotonic() < until:
            raise TeamsFailed(said.code, said.status, said.wait)
        try:
            headers = {"Authorization": f"Bearer {self._bearer()}", "Content-Type": _JSON}
            data = json.dumps(body).encode() if body is not None else None
            return exchanged(f"{self._service}/v3/conversations{path}", data, headers, method)
        except TeamsFailed as error:
            if error.status == 401:
                self._token = self._secret = ""
            if error.status in (0, 401, 429) or error.status >= 500:
                self._down = (time.monotonic() + (error.wait or DOWN), error)
            raise

    def _bearer(self) -> str:
        """The bot's access token, by its client credentials. Raises TeamsFailed where Entra or SSM gives none."""
        if not self._token or time.monotonic() >= self._until:
            form = {"grant_type": "client_credentials", "client_id": self.rules.app, "scope": SCOPE}
            data = urlencode({**form, "client_secret": self._read_secret()}).encode()
            url = f"{self._login}/{self.rules.tenant}/oauth2/v2.0/token"
            try:
                said = exchanged(url, data, {"Content-Type": _FORM})
            except TeamsFailed as error:
                self._secret = ""
                raise TeamsFailed(f"no_token ({error.code})", wait=error.wait) from None  # the message is not refused
            lasts, token = said.get("expires_in"), said.get("access_token")
            if not isinstance(token, str) or not token:
                raise TeamsFailed("no_token (no answer)")
            seconds = float(lasts) if isinstance(lasts, int | float) else 0.0
            self._token, self._until = token, time.monotonic() + max(seconds - EARLY, 30.0)
        return self._token

    def _read_secret(self) -> str:
        if not self._secret:
            try:
                answer = self._clients.call("ssm:GetParameter", {"Name": self._parameter, "WithDecryption": True})
            except CallFailed as error:
                raise TeamsFailed(f"no_secret ({error.code})") from error
            self._secret = str(answer["Parameter"]["Value"]).strip()
        return self._secret


def is_gone(error: TeamsFailed) -> bool:
    """Is the message no more, so that a new one is sent?"""
    return error.code in ("ActivityNotFoundInConversation", "MessageNotFound", "BotMessageNotFound")


def is_nowhere(error: TeamsFailed) -> bool:
    """Does this conversation take nothing: archived, deleted, or the bot is not in it? Another may."""
    return not is_gone(error) and error.status in (403, 404)


def is_ours(error: TeamsFailed) -> bool:
    """Is the card itself refused: a mistake of ours, and a plain line is better than nothing?"""
    return error.status in (400, 413)


def activity(card: Mapping[str, Json] | None, summary: str) -> Mapping[str, Json]:
    """A message with a card, or with a plain line; `summary` is what a notification and a screen reader get."""
    if card is None:
        return {"type": "message", "textFormat": "plain", "text": summary}
    return {"type": "message", "summary": summary, "attachments": [{"contentType": CARD, "content": card}]}


def _quoted(id_: str) -> str:
    return quote(id_, safe="")
