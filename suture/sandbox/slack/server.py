"""The workspace behind HTTP on loopback: the Web API, response_urls, and the page with its own few calls.

    POST /api/<method>   POST /hooks/<id>   GET /   GET /ui/state?user=U0SAM
    POST /ui/click {user, channel, ts, action}   /ui/submit {user, values}   /ui/close {user}
    /ui/command {user, channel, text}   /ui/home {user}   /ui/fault {method, error, status, retry_after, times}

The page's calls want JSON and a loopback host, so that no other page in a browser can make them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import webapi
from .clicks import Sender
from .page import PAGE
from .workspace import CHANNELS, PEOPLE, Refused, Workspace

MOST_BODY = 1 << 20
_HOSTS = ("127.0.0.1", "localhost")
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
)


class FakeSlack:
    """A workspace that listens. `point_to` names the app's address; a context manager."""

    def __init__(self, port: int = 0) -> None:
        self.space = Workspace(token="-".join(("xoxb", token_hex(12))))
        self.secret = token_hex(16)
        self._http = _Server(("127.0.0.1", port), _Handler)
        self.sender = Sender(self.space, self.secret, f"{self.url}/hooks")
        self._http.slack = self

    def __enter__(self) -> FakeSlack:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def name_of(self, user: str) -> str:
        return PEOPLE[user]

    def point_to(self, base: str) -> None:
        """The app's address, with its stage: requests go to `base`/slack/…"""
        self.sender.base = base.rstrip("/")

    def start(self) -> None:
        run = {"poll_interval": 0.05}
        threading.Thread(target=self._http.serve_forever, kwargs=run, name="slack", daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def state(self, user: str) -> dict[str, Any]:
        """What one person sees: channels with their messages and threads, their window and their home tab."""
        with self.space.lock:
            seen = [m for m in self.space.messages if m.only_for in ("", user)]
            return {
                "people": dict(PEOPLE),
                "channels": [
                    {
                        "id": id_,
                        "name": name,
                        "archived": id_ in self.space.archived,
                        "messages": [
                            {**asdict(m), "replies": [asdict(r) for r in seen if r.thread_ts == m.ts]}
                            for m in seen
                            if m.channel == id_ and (not m.thread_ts or m.broadcast)
                        ],
                    }
                    for id_, name in CHANNELS.items()
                ],
                "window": self.space.windows.get(user),
                "home": self.space.homes.get(user),
            }

    def play(self, what: str, body: Mapping[str, Any]) -> Any:
        """One of the page's own calls. Raises Refused."""
        user = str(body.get("user") or "")
        if what != "fault" and user not in PEOPLE:
            raise Refused("user_not_found")
        if what == "click":
            return self.sender.click(user, str(body.get("channel")), str(body.get("ts") or ""), str(body.get("action")))
        if what == "submit":
            return self.sender.submit(user, {str(k): str(v) for k, v in dict(body.get("values") or {}).items()})
        if what == "command":
            return self.sender.command(user, str(body.get("channel")), str(body.get("text") or "")[:3000])
        if what == "home":
            return self.sender.open_home(user)
        if what == "close":
            self.space.windows.pop(user, None)
            return 200
        if what == "fault":
            numbers = {n: int(body.get(n) or 0) for n in ("status", "retry_after")}
            self.space.fail(
                str(body["method"]), str(body.get("error") or ""), times=int(body.get("times") or 1), **numbers
            )
            return 200
        raise Refused("not_found")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    slack: FakeSlack


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if place.path in PAGE:
            kind, content = PAGE[place.path]
            return self._answer(200, content.encode(), kind, {"Content-Security-Policy": _CSP})
        if place.path == "/ui/state" and self._is_local():
            user = parse_qs(place.query).get("user", [""])[0]
            return self._json(200, self.server.slack.state(user))
        return self._json(404, {"ok": False, "error": "not_found"})

    def do_POST(self) -> None:
        raw = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MOST_BODY))
        slack, (first, _, rest) = self.server.slack, urlsplit(self.path).path.lstrip("/").partition("/")
        try:
            body = self._body(raw)
            if first == "api":
                return self._api(rest, body)
            if first == "hooks":
                return self._hook(rest, body)
            if first == "ui" and self._is_local():
                return self._json(200, {"ok": True, "status": slack.play(rest, body)})
            return self._json(404, {"ok": False, "error": "not_found"})
        except Refused as refused:
            status = 404 if first == "hooks" else 200
            return self._json(status, {"ok": False, "error": refused.code, **refused.more})
        except (ValueError, KeyError, TypeError):
            return self._json(400, {"ok": False, "error": "invalid_arguments"})

    def _api(self, method: str, body: Mapping[str, Any]) -> None:
        fault = self.server.slack.space.fault_of(method)
        if fault is not None:
            more = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
            return self._json(fault.status or 200, {"ok": False, "error": fault.error or "internal_error"}, more)
        try:
            answer = webapi.call(self.server.slack.space, method, self.headers.get("Authorization", ""), body)
        except Refused as refused:
            if refused.code != "ratelimited":
                raise
            wait = {"Retry-After": str(refused.more["retry_after"])}
            return self._json(429, {"ok": False, "error": "ratelimited"}, wait)
        return self._json(200, answer)

    def _hook(self, response_id: str, body: Mapping[str, Any]) -> None:
        fault = self.server.slack.space.fault_of("response_url")
        if fault is not None:
            return self._json(fault.status or 500, {"ok": False, "error": fault.error})
        self.server.slack.space.respond(response_id, body)
        return self._answer(200, b"ok", "text/plain", {})

    def _body(self, raw: bytes) -> Mapping[str, Any]:
        if "json" in self.headers.get("Content-Type", ""):
            found = json.loads(raw or b"{}")
            return found if isinstance(found, dict) else {}
        form = {name: values[-1] for name, values in parse_qs(raw.decode()).items()}
        return {n: json.loads(v) if n in ("blocks", "view") else v for n, v in form.items()}

    def _is_local(self) -> bool:
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        is_json = self.command == "GET" or "json" in self.headers.get("Content-Type", "")
        return host in _HOSTS and is_json

    def _json(self, status: int, data: Any, more: Mapping[str, str] | None = None) -> None:
        self._answer(status, json.dumps(data).encode(), "application/json; charset=utf-8", more or {})

    def _answer(self, status: int, content: bytes, kind: str, more: Mapping[str, str]) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-store", **more}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: functions' lines are what a sandbox shows."""
