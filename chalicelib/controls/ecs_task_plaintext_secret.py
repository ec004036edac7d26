"""A container's environment in a task definition holds a secret in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model import Hidden, Json, Resource, canonical
from ..redaction import safe_text
from . import Control, Judgement, OfValues, Signal
from ._secrets import Spot, found_in, spoken, value_at

STORED = "<ARN of the secret or parameter>"


def judge(resource: Resource) -> Judgement | None:
    """One item a variable: Container, Name, At (a JSON pointer), Kind, Confidence, Reason, Patch, and Notes, which show
    the patch to people; never the value.

    The patches (RFC 6902), applied in the order of the items to the task definition that AWS describes, make the
    next revision: each takes a variable out of `environment` and puts it into `secrets`.
    """
    return retold(resource, found_in(_spots(resource)))


def retold(resource: Resource, items: tuple[Mapping[str, Json], ...]) -> Judgement | None:
    """The judgement by these items alone, with the patches for them."""
    told: list[Mapping[str, Json]] = []
    containers = enumerate(resource.config["containerDefinitions"])
    begun = {f"/containerDefinitions/{at}" for at, container in containers if container["secrets"]}
    for item in items:
        container = item["At"].rpartition("/environment/")[0]
        patch = _patch(item, container, container in begun)
        begun.add(container)
        told.append({**item, "Patch": patch, "Notes": [f"JSON patch for {item['Name']}: {canonical(patch)}"]})
    return spoken(f"containers of the task definition {safe_text(resource.id, 100)}", tuple(told), "Name")


def value_of(resource: Resource, item: Mapping[str, Json]) -> Hidden | None:
    """The value that an item of the evidence is about."""
    return value_at(_spots(resource), item)


def _spots(resource: Resource) -> Iterator[Spot]:
    """The last variable of a container comes first, so that taking one out moves none that is still to go."""
    for at, container in enumerate(resource.config["containerDefinitions"]):
        for index, variable in reversed(list(enumerate(container["environment"]))):
            name, place = str(variable["name"]), f"/containerDefinitions/{at}/environment/{index}"
            yield Spot({"Container": container["name"], "Name": name, "At": place}, name, variable["value"])


def _patch(item: Mapping[str, Json], container: str, has_secrets: bool) -> list[dict[str, Json]]:
    stored = {"name": item["Name"], "valueFrom": STORED}
    added = {"op": "add", "path": f"{container}/secrets/-", "value": stored}
    return [
        {"op": "test", "path": f"{item['At']}/name", "value": item["Name"]},
        {"op": "remove", "path": item["At"]},
        added if has_secrets else {"op": "add", "path": f"{container}/secrets", "value": [stored]},
    ]


CONTROL = Control(
    title="Task definitions hold no secrets in environments",
    why=(
        "Everyone who may describe the task definition reads them, each revision keeps them for ever, and ECS can take "
        "them from Secrets Manager or Parameter Store instead."
    ),
    severity="high",
    pillar="secure-coding",
    resource_type="AWS::ECS::TaskDefinition",
    signals=(Signal("aws.ecs", ("RegisterTaskDefinition", "DeregisterTaskDefinition")),),
    judge=judge,
    of_values=OfValues(value_of, retold),
    references=(
        "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html",
        "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security-tasks-containers.html",
    ),
    peers=("ECS.8", "ecs_task_definitions_no_environment_secrets"),
)
