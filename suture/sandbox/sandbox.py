"""An AWS account on a laptop, with Suture deployed in it: everything put together, started and ended.

Left out: AWS Config does not record by itself (`invoke_config_rule` takes an item), functions' lines go to stderr
and not to CloudWatch Logs.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3

from chalicelib.errors import Misconfigured
from suture.build import build
from suture.sandbox import authorizer, keys, principals
from suture.sandbox.bus import Bus
from suture.sandbox.chaos import Chaos, Switches, parse
from suture.sandbox.clockwork import Clockwork
from suture.sandbox.control import controls
from suture.sandbox.gateway import Gateway
from suture.sandbox.lambdas import Lambdas
from suture.sandbox.mends import iam_last_accessed
from suture.sandbox.mends.cloudtrail import put_down
from suture.sandbox.package import GOVERNANCE, runtime_folder, unpack
from suture.sandbox.polling import MappingSpec
from suture.sandbox.processes import FunctionSpec, Place, Result, Sink, endpoints
from suture.sandbox.quiet import Quiet
from suture.sandbox.server import Server
from suture.sandbox.signers import find_signer
from suture.sandbox.sinks import nowhere, to_stderr
from suture.sandbox.slack.server import FakeSlack
from suture.sandbox.stack import Stack, deploy
from suture.sandbox.state import Lock, check_place, write_whole
from suture.web.desk import of_sandbox
from suture.web.server import Page

PARAMETERS = {
    "Stage": "sandbox",
    "DeployRemediate": "yes",
    "DeployRemediateIam": "yes",
    "DeployRemediateSecrets": "yes",
    "SetApiGatewayAccount": "yes",
    "SlackApiUrl": "",
    "TeamsLoginUrl": "",
    "TeamsOpenIdUrl": "",
}


class Sandbox:
    """A context manager: up when entered, gone when left. One at a time in a process (moto is global) and a folder.

    `port` of the AWS endpoint (None: a free one; the REST API's is any free one), `ready_file` written when all is
    up (its folder must exist), `governance` the folder that the functions decide by (None: the sandbox's own),
    `parameters` more values for the template's parameters, `sink(function, line)` takes what functions print (None:
    stderr; with `quiet`, nowhere), `slack` plays a workspace too, `web` serves the page, `state` is its folder (None:
    root/.suture/sandbox).
    `start` raises Misconfigured: the port is taken, another sandbox runs here, the template cannot be deployed.
    """

    def __init__(
        self,
        root: Path,
        port: int | None = None,
        ready_file: Path | None = None,
        governance: Path | None = None,
        chaos: Switches | str | None = None,
        *,
        quiet: bool = False,
        slack: bool = False,
        web: bool = False,
        state: Path | None = None,
        account: str = "123456789012",
        region: str = "us-east-1",
        parameters: Mapping[str, str] | None = None,
        sink: Sink | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        most_processes: int = 2,
    ) -> None:
        self.root, self.account, self.region = root.resolve(), account, region
        self._port, self._ready_file = port or 0, ready_file
        self._state = state or self.root / ".suture" / "sandbox"
        self._governance = governance or GOVERNANCE
        self._parameters, self._most = {**PARAMETERS, **(parameters or {})}, most_processes
        self._sink = sink or (nowhere if quiet else to_stderr)
        self.slack = FakeSlack() if slack else None
        self.page: Page | None = None
        self._serves = web
        self.chaos: Chaos = Chaos(parse(chaos) if isinstance(chaos, str) else chaos)
        self._clock, self._deployed = clock, False
        self._undo: list[Callable[[], None]] = []
        self.client, self.session = cache(self._client), cache(self._session)

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bring everything up and write the ready file; when that fails, nothing is left behind."""
        try:
            self._bring_up()
        except BaseException:
            self.stop()
            raise
        self._sink("sandbox", f"AWS endpoint {self.endpoint_url}, decision API {self.api_url}, Ctrl-C ends it")

    def stop(self) -> None:
        """End everything, in the reverse order. Safe to call twice."""
        while self._undo:
            self._undo.pop()()

    def _bring_up(self) -> None:
        state = self._state
        if self._ready_file is not None:
            check_place(self._ready_file)
        self._undo.append(Lock(state).release)
        self._listen()
        self._open_slack()
        made = build(self.root, self._governance)
        self._place = Place(
            package=unpack(made.zip, state),
            runtime=runtime_folder(state),
            endpoint_url=self.endpoint_url,
            region=self.region,
            credentials=self._role_credentials,
            sink=lambda name, line: self._sink(name.removeprefix(f"suture-{self._parameters['Stage']}-"), line),
        )
        self.stack = self._deploy(made.template, made.zip.read_bytes())
        self._open()

    def _open_slack(self) -> None:
        """The workspace, before the functions learn its address."""
        if self.slack is not None:
            self.slack.start()
            self._undo.append(self.slack.stop)
            self._parameters["SlackApiUrl"] = self.slack.api_url

    def _listen(self) -> None:
        """The account without Suture: server, bus, and the clock that fires schedules."""
        self.lambdas = Lambdas(self.chaos, most_processes=self._most)
        self.bus = Bus(self.account, self.region, self.lambdas.invoke_async, self.chaos)
        handlers = {**self.bus.handlers(), **self.lambdas.handlers()}
        self.server = Server(self._port, self.account, self.region, self._emit, handlers)
        self.bus.lock = self.lambdas.lock = self.server.lock
        self.server.start()
        self._undo += [self.server.stop, self.bus.close, self.lambdas.close]
        self.credentials = {name: self.server.credentials(name) for name in principals.NAMES}

    def _deploy(self, template: Path, code: bytes) -> Stack:
        """The functions warm up beside, while the rest of the stack is made."""
        warming: list[threading.Thread] = []

        def running(functions: Iterable[FunctionSpec], mappings: Iterable[MappingSpec]) -> None:
            self.lambdas.deploy(functions, mappings, self._place)
            warming.append(threading.Thread(target=self.lambdas.warm, name="warm", daemon=True))
            warming[0].start()

        stack = deploy(
            template,
            code,
            self.client,
            account=self.account,
            region=self.region,
            parameters=self._parameters,
            running=running,
        )
        for thread in warming:
            thread.join()
        environments = {name: spec.environment for name, spec in stack.functions.items()}
        keys.make(environments, self.client("ssm"), self.slack, lambda line: self._sink("sandbox", line))
        # What the deployment itself did is before Suture's time.
        self.server.drain()
        self._deployed = True
        return stack

    def _open(self) -> None:
        self._quiet = Quiet(self.server, self.bus, self.lambdas, (mapping.queue_arn for mapping in self.stack.mappings))
        self.lambdas.start()
        clockwork = Clockwork(self.bus, self.account, self.region, self._clock)
        clockwork.start()
        self.clockwork = clockwork
        self._undo.append(clockwork.close)
        self._open_api()
        if self._serves:
            self._open_page()
        if self._ready_file is not None:
            path = self._ready_file
            write_whole(path, self.ready)
            self._undo.append(lambda: path.unlink(missing_ok=True))

    def _open_api(self) -> None:
        if self.stack.api is None:
            raise Misconfigured("the template has no REST API", where="template", next_step="look at app.py's routes")
        self._gateway = Gateway(
            self.stack.api,
            self.account,
            self.region,
            lambda key, token: find_signer(key, token, self.region),
            authorizer.api_denial,
            self.lambdas.invoke,
            extra=controls(self),
        )
        self._gateway.start()
        if self.slack is not None:
            self.slack.point_to(self.api_url)
            self._sink("sandbox", f"Slack is played at {self.slack.url}/")
        self._undo.append(self._gateway.stop)

    def _open_page(self) -> None:
        self.page = Page()
        self._undo.append(self.page.stop)
        self.page.start(*of_sandbox(self.ready))
        self._sink("sandbox", f"the page is at {self.page.address}")

    @property
    def endpoint_url(self) -> str:
        return self.server.url

    @property
    def api_url(self) -> str:
        return self._gateway.url

    @property
    def table(self) -> str:
        """The case table's name."""
        return self.stack.tables[0]

    @property
    def ready(self) -> dict[str, Any]:
        """What the ready file holds."""
        return {
            "endpoint_url": self.endpoint_url,
            "api_url": self.api_url,
            "account": self.account,
            "region": self.region,
            "table": self.table,
            "package": str(self._place.package),
            "slack_url": self.slack.url if self.slack else "",
            "web_url": self.page.address if self.page else "",
            "credentials": self.credentials,
            "env": {name: self.environment(name) for name in self.credentials},
        }

    def environment(self, principal: str) -> dict[str, str]:
        """The variables that make a shell, the AWS CLI or `suture` act as one of the four people."""
        return {
            **endpoints(self.endpoint_url),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            **{name.upper(): value for name, value in self.credentials[principal].items()},
            "SUTURE_API_URL": self.api_url,
            "SUTURE_TABLE": self.table,
            "SUTURE_AUDIT_BUCKET": self.stack.buckets[0],
            "SUTURE_AUDIT_KEY": self.stack.key_aliases[0],
        }

    def drain(self, timeout: float = 30, horizon: float = 5) -> bool:
        """Wait until queues are empty and functions idle; False when `timeout` (seconds) ends first. Messages that
        wait for a time more than `horizon` seconds away are left alone."""
        return self._quiet.drain(timeout, horizon)

    def waiting(self) -> dict[str, int]:
        """Messages in the queues that feed functions, by queue name."""
        return self._quiet.waiting()

    def processes(self) -> dict[str, tuple[int, ...]]:
        """The process ids of each function, by its deployed name."""
        return self.lambdas.pids()

    def tell_use(self, role: str, used: Mapping[str, datetime], created: datetime | None = None) -> None:
        """Say what a role used when (`s3`, `s3:CreateBucket`), and when it was made: months cannot be waited for."""
        with self.server.lock:
            iam_last_accessed.told(self.account, self.region, role, used, created)

    def invoke(self, name: str, event: Mapping[str, Any]) -> Result:
        """Run one function (`sweep`, `config_rule`, …) now and wait for its answer."""
        return self.lambdas.invoke(self._function(name).name, json.dumps(event))

    def fire_schedule(self, name: str) -> int:
        """Fire the schedules of one function now; how many there were."""
        return self.clockwork.fire(self._function(name).arn)

    def invoke_config_rule(
        self, item: Mapping[str, Any], *, left_scope: bool = False, oversized: bool = False
    ) -> Result:
        """What AWS Config does when it has recorded an item: invoke the custom rule's function with it. `oversized`
        sends the item as a summary, as Config does above 256 KB."""
        kind = "ConfigurationItemChangeNotification"
        message: dict[str, Any] = {
            "configurationItemSummary" if oversized else "configurationItem": dict(item),
            "configurationItemDiff": None,
            "notificationCreationTime": self._clock().strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "messageType": f"Oversized{kind}" if oversized else kind,
            "recordVersion": "1.3",
        }
        rule = next(iter(self.stack.config_rules), "config-rule")
        event = {
            "version": "1.0",
            "invokingEvent": json.dumps(message),
            "ruleParameters": "{}",
            "resultToken": uuid.uuid4().hex,
            "eventLeftScope": left_scope,
            "configRuleName": rule,
            "configRuleId": rule,
            "configRuleArn": f"arn:aws:config:{self.region}:{self.account}:config-rule/{rule}",
            "accountId": self.account,
            "executionRoleArn": f"arn:aws:iam::{self.account}:role/aws-service-role/config.amazonaws.com/config",
        }
        return self.invoke("config_rule", event)

    def _function(self, name: str) -> FunctionSpec:
        if name not in self.stack.functions:
            known = ", ".join(sorted(self.stack.functions))
            raise Misconfigured(f"there is no function {name!r}", where="sandbox", next_step=f"choose from {known}")
        return self.stack.functions[name]

    def _emit(self, event: dict[str, Any]) -> None:
        if event.get("detail-type") == "AWS API Call via CloudTrail":
            with self.server.lock:
                put_down(event["detail"])
        if self._deployed:
            self.bus.emit(event)

    def _client(self, service: str, principal: str = "deployer") -> Any:
        """A boto3 client of one of the four people, one for each pair."""
        return self.session(principal).client(service, endpoint_url=self.endpoint_url)

    def _session(self, principal: str = "deployer") -> boto3.Session:
        return boto3.Session(region_name=self.region, **self.credentials[principal])

    def _role_credentials(self, role_arn: str, session_name: str) -> Mapping[str, str]:
        with self.server.lock:
            return principals.credentials_for_role(role_arn, session_name, self.region)
