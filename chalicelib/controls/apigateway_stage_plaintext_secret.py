"""A variable of a REST API stage, or of its canary, holds a secret in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model import Hidden, Json, Resource
from ..redaction import safe_text
from . import Control, Judgement, OfValues, Signal
from ._secrets import Spot, found_in, spoken, value_at


def judge(resource: Resource) -> Judgement | None:
    """One item a variable: Place (stage or canary), Name, Kind, Confidence, Reason; never the value."""
    return retold(resource, found_in(_spots(resource)))


def retold(resource: Resource, items: tuple[Mapping[str, Json], ...]) -> Judgement | None:
    """The judgement by these items alone."""
    return spoken(f"variables of the API stage {safe_text(resource.id, 100)}", items, "Name")


def value_of(resource: Resource, item: Mapping[str, Json]) -> Hidden | None:
    """The value that an item of the evidence is about."""
    return value_at(_spots(resource), item)


def _spots(resource: Resource) -> Iterator[Spot]:
    canary = resource.config.get("canarySettings") or {}
    for place, variables in (
        ("stage", resource.config.get("variables")),
        ("canary", canary.get("stageVariableOverrides")),
    ):
        for name, value in sorted((variables or {}).items()):
            yield Spot({"Place": place, "Name": name}, name, value)


CONTROL = Control(
    title="API stage variables hold no secrets",
    why=(
        "Everyone who may read the API's configuration reads its stage variables; they stand in exports and mapping "
        "templates too, and cannot refer to a store of secrets."
    ),
    severity="high",
    pillar="secure-coding",
    resource_type="AWS::ApiGateway::Stage",
    signals=(Signal("aws.apigateway", ("CreateStage", "UpdateStage", "DeleteStage", "CreateDeployment")),),
    judge=judge,
    of_values=OfValues(value_of, retold),
    references=(
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/stage-variables.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/aws-api-gateway-stage-variables-reference.html",
    ),
    peers=("apigateway_restapi_no_secrets_in_stage_variables",),
)
