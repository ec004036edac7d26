"""Layer versions with their policy; the id is `<layer>:<version>`.

Source: the Lambda API reference, ListLayers, ListLayerVersions, GetLayerVersionPolicy. GetLayerVersion is not used: it
hands out a link to the code.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import Gone
from ...model import Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::Lambda::LayerVersion"
OPERATIONS = ("lambda:ListLayers", "lambda:ListLayerVersions", "lambda:GetLayerVersionPolicy")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The version `<layer>:<version>`, or None when it is gone. Raises a CallFailed."""
    layer, _, number = resource_id.rpartition(":")
    if not (number.isascii() and number.isdigit()) or int(number) not in _versions(aws, layer):
        return None
    try:
        policy = aws.call("lambda:GetLayerVersionPolicy", {"LayerName": layer, "VersionNumber": int(number)})["Policy"]
    except Gone:
        policy = None
    arn = _holder.arn(aws, "lambda", f"layer:{resource_id}")
    return _holder.holder(aws, TYPE, arn, resource_id, policy, LayerName=layer, Version=int(number))


def list_ids(aws: Aws) -> Iterator[str]:
    """`<layer>:<version>` of every version of every layer in this account and region."""
    for layer in aws.pages("lambda:ListLayers", {}, "Layers"):
        yield from (f"{layer['LayerName']}:{number}" for number in _versions(aws, layer["LayerName"]))


def _versions(aws: Aws, layer: str) -> list[int]:
    try:
        found = list(aws.pages("lambda:ListLayerVersions", {"LayerName": layer}, "LayerVersions"))
    except Gone:
        return []
    return [int(version["Version"]) for version in found]
