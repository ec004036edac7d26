"""Messages between the functions. What must wait is sent anew with a delay; waiting never looks like failing."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..errors import Misconfigured
from ..model import Json
from .clients import Clients

MAX_DELAY = 900


class Queues:
    def __init__(self, clients: Clients, urls: Mapping[str, str]) -> None:
        self._clients, self._urls = clients, urls

    def send(self, name: str, message: Mapping[str, Json], delay: int = 0) -> None:
        """Send one message to the queue of that name, to be seen after `delay` seconds (at most 900)."""
        url = self._urls.get(name)
        if not url:
            raise Misconfigured(f"no queue is configured for {name}", where="environment", next_step="deploy again")
        request = {"QueueUrl": url, "MessageBody": json.dumps(message, sort_keys=True)}
        self._clients.call("sqs:SendMessage", {**request, "DelaySeconds": min(delay, MAX_DELAY)} if delay else request)
