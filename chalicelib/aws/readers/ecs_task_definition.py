"""Task definitions by their family: the latest active revision, with its containers' environments hidden.

A revision never changes, and its family is what goes on: a case about it is over when the next revision is clean.
Source: the ECS API reference, ListTaskDefinitionFamilies, DescribeTaskDefinition (a family without a revision means
the latest active one; `include` brings the tags).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Invalid
from ...model import Hidden, Json, Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::ECS::TaskDefinition"
OPERATIONS = ("ecs:ListTaskDefinitionFamilies", "ecs:DescribeTaskDefinition")
VOLATILE = ("revision",)


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The family `resource_id`, or None when it has no active revision. Raises a CallFailed."""
    try:
        answer = aws.call("ecs:DescribeTaskDefinition", {"taskDefinition": resource_id, "include": ["TAGS"]})
    except Invalid as error:
        if error.code == "ClientException" and "Unable to describe" in error.what:
            return None
        raise
    found = answer["taskDefinition"]
    if found.get("status") == "INACTIVE":
        return None
    config = {
        "family": resource_id,
        "revision": found.get("revision"),
        "executionRoleArn": found.get("executionRoleArn"),
        "containerDefinitions": [_container(c) for c in found.get("containerDefinitions") or ()],
    }
    arn = _holder.arn(aws, "ecs", f"task-definition/{resource_id}")
    tags = _holder.pairs(answer.get("tags") or ())
    return Resource(TYPE, arn, resource_id, aws.account, aws.region, config, tags, VOLATILE)


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all families in this account and region that have an active revision."""
    yield from aws.pages("ecs:ListTaskDefinitionFamilies", {"status": "ACTIVE", "maxResults": 100}, "families")


def _container(definition: Mapping[str, Json]) -> dict[str, Json]:
    """A container's name, its environment in its order, each value hidden, and what it takes from a store."""
    variables, stored = definition.get("environment") or (), definition.get("secrets") or ()
    return {
        "name": definition.get("name", ""),
        "environment": [{"name": v.get("name", ""), "value": Hidden(v.get("value") or "")} for v in variables],
        "secrets": [{"name": s.get("name"), "valueFrom": s.get("valueFrom")} for s in stored],
    }
