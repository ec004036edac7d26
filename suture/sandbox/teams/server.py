"""The played tenant on 127.0.0.1: one address for login, keys, metadata and connector."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from .tenant import Tenant


class FakeTeams:
    """A running tenant."""

    def __init__(self) -> None:
        self.tenant = Tenant()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.tenant = self.tenant
        self.tenant.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> FakeTeams:
        run = {"poll_interval": 0.02}
        threading.Thread(target=self._http.serve_forever, kwargs=run, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tenant: Tenant


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        body: Any = dict(parse_qsl(raw.decode())) if is_form else json.loads(raw) if raw else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, said, wait = self.server.tenant.answer(self.command, self.path, headers, body)
        data = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        if wait:
            self.send_header("Retry-After", str(wait))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:
        pass
