"""What stands in for the Lambda runtime inside a function's process: `python -I -S bootstrap.py`.

Standard library only: nothing of the project, nothing of the sandbox. It takes invocations as JSON lines from
stdin and answers as JSON lines on what was stdout; everything that the function prints goes to stderr. When stdin
ends, so does the process, whatever it is doing: a sandbox that died leaves no orphans.

In:  {"id", "event": JSON text, "deadline": unix seconds, "kill": null | ["before"|"after", n]}
Out: {"ready": true} | {"error": {...}} once, then {"id", "payload": JSON text, "error": bool}
"""

from __future__ import annotations

import json
import logging
import os
import queue
import resource
import signal
import sys
import threading
import time
import traceback
from importlib import import_module
from typing import Any


class Context:
    """The context object; names and units as the Lambda developer guide gives them for Python."""

    def __init__(self, request_id: str, deadline: float) -> None:
        self.aws_request_id = request_id
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = os.environ["SANDBOX_FUNCTION_ARN"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = self.client_context = None
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))


def main() -> None:
    keep_no_core()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    logging.basicConfig(stream=sys.stdout, format="[%(levelname)s] %(message)s")
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=read_requests, args=(requests,), daemon=True).start()
    try:
        handler = load_handler()
    except BaseException as error:
        answer(answers, {"error": as_error(error)})
        raise SystemExit(1) from None
    answer(answers, {"ready": True})
    while True:
        answer(answers, handle(handler, json.loads(requests.get())))


def keep_no_core() -> None:
    """A process that crashes leaves no image of its memory, as in Lambda. One byte, not none: at that limit the kernel
    hands no core to a program either, where `core_pattern` names one (Linux, fs/coredump.c).
    """
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    most = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def read_requests(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def load_handler() -> Any:
    """The function that `_HANDLER` (`module.name`) names, found in the package first, as Lambda finds it."""
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], os.environ["LAMBDA_RUNTIME_DIR"]]
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    return getattr(import_module(module), name)


def handle(handler: Any, request: dict[str, Any]) -> dict[str, Any]:
    restore = strike_at(*request["kill"]) if request["kill"] else None
    try:
        result = handler(json.loads(request["event"]), Context(request["id"], request["deadline"]))
        return {"id": request["id"], "payload": json.dumps(result), "error": False}
    except Exception as error:
        return {"id": request["id"], "payload": json.dumps(as_error(error)), "error": True}
    finally:
        if restore:
            restore()


def as_error(error: BaseException) -> dict[str, Any]:
    lines = traceback.format_exception(error)
    sys.stderr.write("".join(lines))
    sys.stderr.flush()
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": lines[1:-1]}


def strike_at(when: str, number: int) -> Any:
    """Die at the n-th AWS call of this invocation: before it leaves, or after its answer has come."""
    session = import_module("botocore.httpsession").URLLib3Session
    send, calls = session.send, iter(range(1, number + 1))

    def counted(self: Any, request: Any) -> Any:
        last = next(calls, None) == number
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        response = send(self, request)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    session.send = counted

    def restore() -> None:
        session.send = send

    return restore


def answer(answers: Any, body: dict[str, Any]) -> None:
    answers.write(json.dumps(body) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
