"""The page behind HTTP on loopback. Only requests that name this very host are answered (DNS rebinding)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_bytes, token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from chalicelib.aws.deployment import Deployment
from chalicelib.chat.page import door
from chalicelib.chat.page.asked import MAX_BODY, Answer, Asked
from chalicelib.errors import Misconfigured

from .desk import Chair
from .guard import LocalGuard


class Page:
    """A page that listens on 127.0.0.1. `address` is what a person opens: it holds the token. A context manager.

    Raises Misconfigured for a port that is taken.
    """

    def __init__(self, port: int = 0) -> None:
        try:
            self._http = _Server(("127.0.0.1", port), _Handler)
        except OSError as error:
            step = "choose another --port, or leave it out"
            raise Misconfigured(
                f"port {port} cannot be used: {error.strerror}", where="page", next_step=step
            ) from error
        self._token = token_urlsafe(24)
        self._runs = False

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def address(self) -> str:
        return f"{self.url}/sign-in?token={self._token}"

    def start(self, d: Deployment, chairs: Sequence[Chair]) -> None:
        """Serve the page of a deployment to those who may sit down at it."""
        people = d.packaged.people
        guard = LocalGuard(chairs, people, self._token, token_bytes(32), self.url, lambda: datetime.now(UTC))
        self.serve(d, guard)

    def serve(self, d: Deployment, guard: door.Guard) -> None:
        self._http.answer = lambda asked: door.answer(d, guard, asked)
        run, self._runs = {"poll_interval": 0.05}, True
        threading.Thread(target=self._http.serve_forever, kwargs=run, name="page", daemon=True).start()

    def stop(self) -> None:
        if self._runs:  # else there is no loop that could hear of it
            self._http.shutdown()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Any = None


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._do()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = do_GET

    def _do(self) -> None:
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            return self._send(_plain(403, "this is not the host that you asked for"))
        raw = self._body()
        if isinstance(raw, Answer):
            return self._send(raw)
        place = urlsplit(self.path)
        query = dict(parse_qsl(place.query, keep_blank_values=True, errors="replace"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        method = "GET" if self.command == "HEAD" else self.command
        asked = Asked(method, unquote(place.path, errors="replace"), query, headers, raw)
        return self._send(self.server.answer(asked))

    def _body(self) -> bytes | Answer:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            return _plain(400, "the request does not say how long it is")
        if len(length) > 9 or int(length) > MAX_BODY:
            return _plain(413, f"a form has at most {MAX_BODY} bytes")
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode("utf-8", "replace")
        self.send_response(answer.status)
        for name, value in (("Content-Type", answer.kind), ("Content-Length", str(len(body))), *answer.headers):
            self.send_header(name, value)
        if answer.status in (400, 403, 413):
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no HTTP as we know it is the asker's mistake, and no failure of ours."""
        wrong = _plain(405 if code == 501 else 400 if code >= 500 else code, "this is no request of a browser")
        self.request_version, self.close_connection = self.protocol_version, True
        self._send(wrong)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _plain(status: int, words: str) -> Answer:
    return Answer(status, words + "\n", kind="text/plain; charset=utf-8")
