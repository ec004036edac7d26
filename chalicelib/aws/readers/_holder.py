"""What readers of resources with a policy of their own share: one resource, one document, few facts beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...errors import Gone
from ...model import Json, Resource
from ..answers import document
from ..clients import Aws


def holder(aws: Aws, resource_type: str, arn: str, id_: str, policy: Json, **facts: Json) -> Resource:
    """A resource that holds `policy`: JSON text as AWS gives it, or nothing. `config` is `Policy` and the facts."""
    config = {"Policy": document(policy) if policy else None, **facts}
    return Resource(resource_type, arn, id_, aws.account, aws.region, config)


def arn(aws: Aws, service: str, rest: str) -> str:
    """The ARN of what this account has in this region."""
    return f"arn:{aws.partition}:{service}:{aws.region}:{aws.account}:{rest}"


def tagged(aws: Aws, operation: str, parameters: Mapping[str, Json], key: str) -> dict[str, str]:
    """The tags that an answer has under `key`, in whatever form AWS lists them; none when the resource is gone."""
    try:
        found = aws.call(operation, parameters).get(key) or {}
    except Gone:
        return {}
    return dict(found) if isinstance(found, Mapping) else pairs(found)


def pairs(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """A list of tags as a map. Keys are `Key` and `Value`; KMS spells `TagKey` and `TagValue`, others in lower case."""
    return {_first(t, "Key", "TagKey", "key"): _first(t, "Value", "TagValue", "value") for t in tags}


def _first(tag: Mapping[str, str], *spellings: str) -> str:
    return next((tag[name] for name in spellings if name in tag), "")
