"""Lambda: the deployed functions, and the ways in which they are invoked.

Asynchronous invocations are tried again after one and two minutes and then go to the function's dead-letter queue
("Error handling for asynchronous invocation" in the Lambda developer guide).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from moto.sqs.models import sqs_backends

from suture.sandbox.calls import Call
from suture.sandbox.chaos import Chaos
from suture.sandbox.front import Answer, Handler
from suture.sandbox.identity import Identity
from suture.sandbox.later import Later
from suture.sandbox.polling import MappingSpec, Poller
from suture.sandbox.processes import Function, FunctionSpec, Place, Result

log = logging.getLogger("suture.sandbox")

_RETRY_SECONDS = (60, 120)


class Lambdas:
    """The functions of one deployment. `lock` is the server's. Use `deploy`, then `warm` and `start`."""

    def __init__(self, chaos: Chaos, lock: threading.RLock | None = None, most_processes: int = 2) -> None:
        self.lock, self._chaos, self._most = lock or threading.RLock(), chaos, most_processes
        self._functions: dict[str, Function] = {}
        self._pollers: list[Poller] = []
        self._later, self._asynchronous, self._under_way = Later("retries"), ThreadPoolExecutor(8, "invoke"), 0

    def deploy(self, functions: Iterable[FunctionSpec], mappings: Iterable[MappingSpec], place: Place) -> None:
        """Make the functions known, with the queues that feed them. Nothing runs yet."""
        for spec in functions:
            self._functions[spec.name] = Function(spec, place, self._chaos, self._most)
        for mapping in mappings:
            function = self._functions[mapping.function_name]
            self._pollers.append(Poller(mapping, function, self.lock, self._chaos))

    def warm(self) -> None:
        """Start one process a function, all at once, and wait until their handlers are loaded."""
        threads = [threading.Thread(target=function.warm, daemon=True) for function in self._functions.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def start(self) -> None:
        """Begin to poll the queues."""
        for poller in self._pollers:
            poller.start()

    def find(self, name: str) -> Function | None:
        """One of our functions, by name or by any ARN of it."""
        parts = name.split(":")
        found = self._functions.get(parts[6] if len(parts) >= 7 else parts[0])
        if found is None or (len(parts) >= 7 and not name.startswith(found.spec.arn)):
            return None
        return found

    def invoke(self, name: str, event: str) -> Result:
        """A synchronous invocation. Raises KeyError for a function that is not ours."""
        function = self.find(name)
        if function is None:
            raise KeyError(name)
        return function.invoke(event)

    def invoke_async(self, name: str, event: str) -> bool:
        """Accept an event for a function; False when it is not one of ours."""
        function = self.find(name)
        if function is None:
            return False
        with self.lock:
            self._under_way += 1
        self._asynchronous.submit(self._attempt, function, event, 0)
        return True

    def handlers(self) -> Mapping[str, Handler]:
        """The API calls that are answered here instead of by moto."""
        return {"lambda:Invoke": self._invoke_call}

    def names(self) -> tuple[str, ...]:
        return tuple(self._functions)

    def pids(self) -> dict[str, tuple[int, ...]]:
        """The processes of each function."""
        return {name: function.pids() for name, function in self._functions.items()}

    def idle(self) -> bool:
        """Nothing runs, nothing is held, nothing is to be tried again. Ask with `lock` held beside the queues."""
        busy = any(function.running for function in self._functions.values())
        return not busy and not self._under_way and not any(poller.in_hand for poller in self._pollers)

    def close(self) -> None:
        """End all processes and threads."""
        for poller in self._pollers:
            poller._open = False
        for function in self._functions.values():
            function.close()
        for poller in self._pollers:
            poller.close()
        self._later.close()
        self._asynchronous.shutdown(wait=False, cancel_futures=True)

    def _attempt(self, function: Function, event: str, attempt: int) -> None:
        try:
            result = function.invoke(event)
            if not result.failed:
                return
            if attempt < function.spec.retries:
                wait = _RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)]
                self._later.after(wait, partial(self._again, function, event, attempt + 1))
                return
            self._give_up(function.spec, event, result)
        except Exception:
            log.exception("asynchronous invocation of %s", function.spec.name)
        finally:
            with self.lock:
                self._under_way -= 1

    def _again(self, function: Function, event: str, attempt: int) -> None:
        with self.lock:
            self._under_way += 1
        self._asynchronous.submit(self._attempt, function, event, attempt)

    def _give_up(self, spec: FunctionSpec, event: str, result: Result) -> None:
        log.warning("%s: gave up on an asynchronous event: %s", spec.name, result.payload[:200])
        if not spec.dead_letters:
            return
        _, _, _, region, account, queue = spec.dead_letters.split(":")
        attributes = {"RequestID": result.request_id, "ErrorCode": "200", "ErrorMessage": result.payload[:1024]}
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}
        with self.lock:
            sqs_backends[account][region].send_message(queue, event, message_attributes=typed)

    def _invoke_call(self, call: Call, identity: Identity) -> Answer | None:
        name, kind = str(call.parameters.get("FunctionName", "")), call.parameters.get("InvocationType")
        function = self.find(name)
        if function is None:
            return None
        event = _text(call.parameters.get("Payload")) or "{}"
        try:
            json.loads(event)
        except ValueError:
            return _answer(
                400,
                '{"message":"Could not parse request body into json"}',
                ("x-amzn-ErrorType", "InvalidRequestContentException"),
            )
        if kind == "DryRun":
            return _answer(204, "")
        if kind == "Event":
            self.invoke_async(function.spec.name, event)
            return _answer(202, "")
        result = function.invoke(event)
        extra = (("X-Amz-Function-Error", "Unhandled"),) if result.failed else ()
        return _answer(200, result.payload, ("X-Amz-Executed-Version", "$LATEST"), *extra)


def _text(payload: object) -> str:
    if payload is None:
        return ""
    read = getattr(payload, "read", None)
    data = read() if read else payload
    return data.decode() if isinstance(data, bytes) else str(data)


def _answer(status: int, body: str, *headers: tuple[str, str]) -> Answer:
    data = body.encode()
    return Answer(status, (("Content-Type", "application/json"), ("Content-Length", str(len(data))), *headers), data)
