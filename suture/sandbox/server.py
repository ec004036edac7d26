"""moto as a server on loopback that behaves like an account: it knows its callers, judges what they may, and tells
CloudTrail what they did."""

from __future__ import annotations

import logging
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from chalicelib.errors import Misconfigured

from . import authorizer, cloudtrail, mends, principals
from .asked import asked
from .front import Exchange, Front, Handler
from .mends import iam_last_accessed

log = logging.getLogger("suture.sandbox")

Emit = Callable[[dict[str, Any]], None]


class Server:
    """An AWS endpoint on 127.0.0.1. `port` 0 takes a free one; `emit` gets each EventBridge envelope, one after
    the other, from one thread. `handlers` (`{"lambda:Invoke": f}`) answer calls before moto; a None answer lets moto.

    moto's state is global to the process: one server at a time. `lock` is held around every call into moto; hold
    it too when you use moto's backends directly.
    """

    def __init__(
        self,
        port: int = 0,
        account: str = "123456789012",
        region: str = "us-east-1",
        emit: Emit = lambda event: None,
        handlers: Mapping[str, Handler] | None = None,
    ) -> None:
        self.account, self.region, self.lock = account, region, threading.RLock()
        self._asked_port, self._emit = port, emit
        self._exchanges: queue.Queue[Exchange | None] = queue.Queue()
        self._front = Front(account, region, authorizer.reason_against, self._exchanges.put, handlers or {}, self.lock)
        self._http: BaseWSGIServer | None = None
        self._threads: tuple[threading.Thread, ...] = ()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1]) if self._http else self._asked_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Empty moto, apply the mends, make the four people's roles and listen. Raises Misconfigured when the port
        is taken."""
        listener = self._listener()
        mends.apply()
        BackendDict.reset()
        reset_model_data()
        principals.create(self.account, self.region)
        host, port = listener.getsockname()
        self._http = make_server(host, port, self._front, True, request_handler=_QuietHandler, fd=listener.fileno())
        listener.close()
        self._threads = (
            threading.Thread(target=self._http.serve_forever, name="moto", daemon=True),
            threading.Thread(target=self._record, name="cloudtrail", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop listening and emit what is left. Safe to call twice."""
        if self._http is None:
            return
        self._http.shutdown()
        self._http.server_close()
        self._exchanges.put(None)
        for thread in self._threads:
            thread.join(timeout=5)
        self._http = None

    def credentials(self, principal: str) -> dict[str, str]:
        """Credentials of `deployer`, `security`, `oncall` or `developer`, as keyword arguments of a boto3 session."""
        return principals.credentials(principal, self.account, self.region)

    def drain(self) -> None:
        """Wait until every call answered so far has had its event emitted."""
        self._exchanges.join()

    def _listener(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self._asked_port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            raise Misconfigured(
                f"cannot listen on port {self._asked_port}: {error.strerror}",
                where="sandbox",
                next_step="stop what listens there, or choose another with --port",
            ) from error
        return listener

    def _record(self) -> None:
        while True:
            exchange = self._exchanges.get()
            try:
                if exchange is None:
                    return
                for event in cloudtrail.events(exchange):
                    self._emit(event)
                self._remember_use(exchange)
            except Exception:
                log.exception("no event for %s", exchange.call.name if exchange else "")
            finally:
                self._exchanges.task_done()

    def _remember_use(self, exchange: Exchange) -> None:
        """What a role tried is in IAM's last-accessed data, whether it was allowed or not."""
        call, identity = exchange.call, exchange.identity
        if identity.kind == "AssumedRole" and call.operation:
            with self.lock:
                tried = {one.action for one in asked(call, identity.account)}
                iam_last_accessed.saw(identity.account, call.region, identity.issuer_arn, tried, exchange.at)


class _QuietHandler(MotoRequestHandler):  # type: ignore[misc]
    protocol_version = "HTTP/1.1"

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        pass

    def log_error(self, format: str, *args: Any) -> None:
        log.debug(format, *args)
