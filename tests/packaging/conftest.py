"""One build for all packaging tests, and its template with CloudFormation's intrinsics worked out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from suture.build import Build, build

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture(scope="session")
def built() -> Build:
    return build(ROOT)


@pytest.fixture(scope="session")
def sam(built: Build) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(built.sam_template.read_text())
    return found


@pytest.fixture(scope="session")
def template(built: Build) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(built.template.read_text())
    return found


@pytest.fixture(scope="session")
def stack(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """The template's resources as CloudFormation would make them, under its default parameters."""
    return Resolver(template).resources()


class Resolver:
    """Just enough of CloudFormation: Ref, Fn::GetAtt and Fn::Sub, with readable stand-ins for physical names."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self._resources = template["Resources"]
        defaults = {name: p.get("Default", "") for name, p in template["Parameters"].items()}
        pseudo = {
            "AccountId": ACCOUNT,
            "Region": REGION,
            "Partition": "aws",
            "URLSuffix": "amazonaws.com",
            "NoValue": "",
            "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/suture/0a1b",
        }
        self._values = {**defaults, **{f"AWS::{name}": value for name, value in pseudo.items()}}

    def resources(self) -> Mapping[str, Any]:
        return {name: {"Properties": {}, **self.value(resource)} for name, resource in self._resources.items()}

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.value(item) for item in node]
        if not isinstance(node, dict):
            return node
        if node.keys() == {"Ref"}:
            return self._reference(node["Ref"])
        if node.keys() == {"Fn::GetAtt"}:
            return self._attribute(*node["Fn::GetAtt"])
        if node.keys() == {"Fn::Sub"} and isinstance(node["Fn::Sub"], str):
            return re.sub(r"\${([^}]+)}", lambda m: self._named(m[1]), node["Fn::Sub"])
        return {key: self.value(item) for key, item in node.items()}

    def _named(self, name: str) -> str:
        return self._attribute(*name.split(".")) if "." in name else self._reference(name)

    def _reference(self, name: str) -> str:
        if name in self._values:
            return str(self._values[name])
        if self._resources.get(name, {}).get("Type") == "AWS::IAM::ManagedPolicy":
            return self._attribute(name, "Arn")
        return self._physical(name)

    def _physical(self, name: str) -> str:
        properties = self._resources[name].get("Properties", {})
        keys = ("FunctionName", "RoleName", "QueueName", "LogGroupName", "ManagedPolicyName", "BucketName")
        named = next((properties[k] for k in keys if k in properties), None)
        if self._resources[name]["Type"] in ("AWS::Events::Rule",):
            named = properties.get("Name", name)
        return str(self.value(named)) if named else f"made-{name}"

    def _attribute(self, name: str, attribute: str) -> str:
        if attribute != "Arn":
            return self._physical(name)
        kind, physical = self._resources[name]["Type"], self._physical(name)
        return f"arn:aws:{_ARNS[kind].format(account=ACCOUNT, region=REGION, name=physical)}"


_ARNS = {
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
}
