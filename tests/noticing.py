"""The small account of world.py, with `notify` at work too, and messages that wait held back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from world import ACCOUNT, REGION, World, role

from chalicelib import pipeline
from chalicelib.cases import Case
from chalicelib.chat import notices

TRUST = "iam-trust-public"
STAGE = "AWS::ApiGateway::Stage"


class NoticingWorld(World):
    """`held` are messages with a delay, until `later` lets them come."""

    held: list[tuple[str, Mapping[str, Any], int]]

    def hold(self) -> None:
        """From here on messages with a delay are held back."""
        self.held, real = [], self.d.queues.send

        def send(name: str, message: Mapping[str, Any], delay: int = 0) -> None:
            self.held.append((name, message, delay)) if delay else real(name, message)

        self.d.queues.send = send  # type: ignore[method-assign]

    def _handler(self, name: str) -> Any:
        if name != "notices":
            return super()._handler(name)
        return lambda d, event: pipeline._each(
            d, event["Records"], lambda record: notices.tell(d, pipeline._message(record))
        )

    def later(self, times: int = 1) -> None:
        """Let what waits come, to services that are taken to have recovered."""
        for _ in range(times):
            if self.d.slack:
                self.d.slack._down.clear()
            self.d.lines.clear()
            held, self.held = self.held, []
            for name, message, _ in held:
                self.send(name, message)
            self.run()

    def proposed(self, name: str = "open", control: str = TRUST, **more: Any) -> Case:
        role(name, trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
        self.change("AWS::IAM::Role", name, "iam:UpdateAssumeRolePolicy", **more)
        self.run()
        return self.case(control)

    def unguarded(self, name: str = "live") -> Case:
        """A proposal of the medium tier: an API stage without throttling and log."""
        gateway = boto3.client("apigateway", region_name=REGION)
        role_arn = role("gateway-logs")
        account = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role_arn}
        gateway.update_account(patchOperations=[account])
        api = gateway.create_rest_api(name="shop")["id"]
        root = gateway.get_resources(restApiId=api)["items"][0]["id"]
        gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
        deployment = gateway.create_deployment(restApiId=api)["id"]
        gateway.create_stage(restApiId=api, stageName=name, deploymentId=deployment)
        self.change(STAGE, f"{api}/{name}", "apigateway:CreateStage", created=True)
        self.run()
        return self.case("apigateway-stage-unguarded")
