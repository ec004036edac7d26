"""A parameter of a stack without NoEcho, or an output of it, shows a secret in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model import Hidden, Json, Resource
from ..redaction import safe_text
from . import Control, Judgement, OfValues, Signal
from ._secrets import Spot, found_in, spoken, value_at


def judge(resource: Resource) -> Judgement | None:
    """One item a value: Place (parameter or output), Name, Exported, Kind, Confidence, Reason; never the value.

    AWS shows what has NoEcho as stars, which is no value.
    """
    return retold(resource, found_in(_spots(resource)))


def retold(resource: Resource, items: tuple[Mapping[str, Json], ...]) -> Judgement | None:
    """The judgement by these items alone."""
    places = " and ".join(f"{place}s" for place in dict.fromkeys(item["Place"] for item in items))
    return spoken(f"{places} of the stack {safe_text(resource.id, 100)}", items, "Name")


def value_of(resource: Resource, item: Mapping[str, Json]) -> Hidden | None:
    """The value that an item of the evidence is about."""
    return value_at(_spots(resource), item)


def _spots(resource: Resource) -> Iterator[Spot]:
    config = resource.config
    for name, value in sorted((config.get("Parameters") or {}).items()):
        yield Spot({"Place": "parameter", "Name": name, "Exported": False}, name, value)
    for name, value in sorted((config.get("Outputs") or {}).items()):
        facts = {"Place": "output", "Name": name, "Exported": name in (config.get("Exports") or ())}
        yield Spot(facts, name, value)


CONTROL = Control(
    title="Stacks show no secrets in parameters and outputs",
    why=(
        "Everyone who may describe the stack reads them, every later stack that imports an output does, and deployment "
        "tools print them into their logs."
    ),
    severity="high",
    pillar="secure-coding",
    resource_type="AWS::CloudFormation::Stack",
    signals=(Signal("aws.cloudformation", ("CreateStack", "UpdateStack", "ExecuteChangeSet", "DeleteStack")),),
    judge=judge,
    of_values=OfValues(value_of, retold),
    references=(
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html",
    ),
    peers=("cloudformation_stack_outputs_find_secrets",),
)
