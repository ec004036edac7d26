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
        """Send one message to the queue of that name, to be seen after `delay` seconds (at most 900).

        What asks for a look is in the group of why it asks, so that a sweep of thousands keeps no event waiting: Amazon
        SQS Developer Guide, "Amazon SQS fair queues".
        """
        url = self._urls.get(name)
        if not url:
            raise Misconfigured(f"no queue is configured for {name}", where="environment", next_step="deploy again")
        request: dict[str, Json] = {"QueueUrl": url, "MessageBody": json.dumps(message, sort_keys=True)}
        if delay:
            request["DelaySeconds"] = min(delay, MAX_DELAY)
        if message.get("changes"):
            request["MessageGroupId"] = f"look-{message['changes'][0]['via']}"
        self._clients.call("sqs:SendMessage", request)
