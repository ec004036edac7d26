"""A function's processes: started as Lambda starts an execution environment, kept warm, killed when they run late."""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from suture.sandbox.chaos import Chaos, Kill

log = logging.getLogger("suture.sandbox")

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
INIT_SECONDS = 10  # Lambda's limit for the init phase
FRESH_SECONDS = 11 * 3600  # credentials last twelve hours; an older process is replaced before its next invocation

Sink = Callable[[str, str], None]  # function name, one line that it printed


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One deployed function, as its template says. `timeout` in seconds, `memory` in MB; `concurrency` is the
    reserved or maximum one (0: none given). `retries` and `dead_letters` (queue ARN or "") are for asynchronous
    invocations."""

    name: str
    arn: str
    role_arn: str
    handler: str
    timeout: int = 3
    memory: int = 128
    environment: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 0
    retries: int = 2
    dead_letters: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What an invocation gave: JSON text; `failed` when the function raised, ran late or died."""

    request_id: str
    payload: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where functions run: the unpacked package, the runtime's libraries, and the endpoint they call."""

    package: Path
    runtime: Path
    endpoint_url: str
    region: str
    credentials: Callable[[str, str], Mapping[str, str]]  # role ARN, session name → boto3's argument names
    sink: Sink


class Process:
    """One execution environment. Not to be shared between two invocations at once."""

    def __init__(self, spec: FunctionSpec, place: Place) -> None:
        self._spec, self._sink, self._started = spec, place.sink, time.monotonic()
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(BOOTSTRAP)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment(spec, place),
            cwd=place.package,
            start_new_session=True,
        )
        self._threads = (self._reader(self._read_answers), self._reader(self._forward_lines))
        self._ready: str | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def usable(self) -> bool:
        return self._process.poll() is None and time.monotonic() - self._started < FRESH_SECONDS

    def wait_ready(self) -> str:
        """ "" when the handler is loaded, else the error's JSON text (then the process is gone)."""
        if self._ready is None:
            first = self._next(INIT_SECONDS)
            body = json.loads(first) if first else {"error": _exit_error("init", "Runtime exited during init")}
            self._ready = "" if body.get("ready") else json.dumps(body["error"])
            if self._ready:
                self.stop()
        return self._ready

    def invoke(self, event: str, kill: Kill | None) -> Result:
        """Run the handler once. `event` is JSON text."""
        request_id, timeout = str(uuid.uuid4()), self._spec.timeout
        wrong = self.wait_ready()
        if wrong:
            return Result(request_id, wrong, failed=True)
        at_call = [kill.when, int(kill.at)] if kill and kill.when != "time" else None
        request = {"id": request_id, "event": event, "deadline": time.time() + timeout, "kill": at_call}
        timer = threading.Timer(kill.at, self._process.kill) if kill and kill.when == "time" else None
        if timer:
            timer.start()
        try:
            return self._answer(request, timeout)
        finally:
            if timer:
                timer.cancel()

    def stop(self) -> None:
        """End it at once and reap it. Safe to call twice."""
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(timeout=1)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            _close(stream)

    def _answer(self, request: Mapping[str, object], timeout: int) -> Result:
        request_id, line = str(request["id"]), None
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._next(timeout)
        except TimeoutError:
            self.stop()
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            message = f"{now} {request_id} Task timed out after {timeout:.2f} seconds"
            self._sink(self._spec.name, message)
            return Result(request_id, json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": message}), True)
        except OSError:
            line = None
        if line is None:
            self.stop()
            self._sink(self._spec.name, f"RequestId: {request_id} Error: Runtime exited")
            return Result(
                request_id, json.dumps(_exit_error(request_id, "Runtime exited with error: signal: killed")), True
            )
        body = json.loads(line)
        return Result(request_id, body["payload"], failed=bool(body["error"]))

    def _next(self, seconds: float) -> str | None:
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None

    def _reader(self, what: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=what, name=self._spec.name, daemon=True)
        thread.start()
        return thread

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(None)

    def _forward_lines(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._sink(self._spec.name, line.rstrip("\n"))


class Function:
    """A deployed function: a few processes, each doing one invocation at a time; more wait."""

    def __init__(self, spec: FunctionSpec, place: Place, chaos: Chaos, most: int = 2) -> None:
        self.spec, self._place, self._chaos = spec, place, chaos
        self.size = max(1, min(spec.concurrency or most, most))
        self._room, self._lock = threading.Semaphore(self.size), threading.Lock()
        self._idle: list[Process] = []
        self._all: list[Process] = []
        self._closed, self.running = False, 0

    def warm(self) -> None:
        """Have one process up with its handler loaded. A function that cannot load says so at its invocations."""
        if not self._all:
            process = self._start()
            try:
                process.wait_ready()
            except TimeoutError:
                log.warning("%s: not loaded after %d s", self.spec.name, INIT_SECONDS)
            self._give_back(process)

    def invoke(self, event: str) -> Result:
        """One synchronous invocation with a JSON text; waits for a free process."""
        with self._lock:
            self.running += 1
        try:
            with self._room:
                return self._run(event)
        finally:
            with self._lock:
                self.running -= 1

    def pids(self) -> tuple[int, ...]:
        with self._lock:
            return tuple(process.pid for process in self._all)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            processes, self._all, self._idle = self._all, [], []
        for process in processes:
            process.stop()

    def _run(self, event: str) -> Result:
        process = self._take()
        try:
            return process.invoke(event, self._chaos.kill())
        except TimeoutError:
            process.stop()
            return Result("", json.dumps(_exit_error("init", f"Init timed out after {INIT_SECONDS} seconds")), True)
        finally:
            self._give_back(process)

    def _take(self) -> Process:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.usable():
                    return process
                self._all.remove(process)
                process.stop()
        return self._start()

    def _start(self) -> Process:
        process = Process(self.spec, self._place)
        with self._lock:
            self._all.append(process)
            closed = self._closed
        if closed:
            process.stop()
        return process

    def _give_back(self, process: Process) -> None:
        with self._lock:
            if process in self._all:
                if process.usable():
                    self._idle.append(process)
                    return
                self._all.remove(process)
        process.stop()


def environment(spec: FunctionSpec, place: Place) -> dict[str, str]:
    """The variables that Lambda sets (developer guide, "Defined runtime environment variables"), the function's
    own, and what keeps the developer's AWS profile and proxies out."""
    credentials = place.credentials(spec.role_arn, spec.name)
    return {
        "PATH": os.defpath,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": str(place.package),
        "LAMBDA_RUNTIME_DIR": str(place.runtime),
        "_HANDLER": spec.handler,
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_REGION": place.region,
        "AWS_DEFAULT_REGION": place.region,
        "AWS_ACCESS_KEY_ID": credentials["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": credentials["aws_secret_access_key"],
        "AWS_SESSION_TOKEN": credentials["aws_session_token"],
        **spec.environment,
        "SANDBOX_FUNCTION_ARN": spec.arn,
        **endpoints(place.endpoint_url),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
    }


def endpoints(url: str) -> dict[str, str]:
    """The variables that send a boto3 client to the sandbox.

    S3 Control puts the account and a dot before the host, which resolves nowhere on loopback. Behind a user name it
    becomes a part of that, which nobody reads.
    """
    return {"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_S3_CONTROL": url.replace("//", "//account@", 1)}


def _exit_error(request_id: str, message: str) -> dict[str, str]:
    return {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {message}"}


def _close(stream: IO[str] | None) -> None:
    try:
        if stream is not None:
            stream.close()
    except OSError:
        pass  # what a dead process never read
