"""What a rule's target gets: the whole event, a part of it, a constant, or a template filled in.

Source: "Amazon EventBridge input transformation" in the EventBridge user guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']+)'\]")


def payload(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    """The text that this target receives for `event`. Raises ValueError when a template does not give JSON."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(at_path(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    return _filled(transformer, event, rule_arn) if transformer else json.dumps(event)


def at_path(event: Any, path: str) -> Any:
    """The value at a JSONPath of EventBridge's small dialect (`$.detail.list[0].name`); None when nothing is there."""
    rest, node = path.removeprefix("$"), event
    for step in _STEP.finditer(rest):
        name, index, quoted = step.groups()
        key = name or quoted
        if index is not None:
            node = node[int(index)] if isinstance(node, list) and int(index) < len(node) else None
        else:
            node = node.get(key) if isinstance(node, Mapping) else None
    return node


def _filled(transformer: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    values = {name: at_path(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rsplit("/", 1)[-1],
        "aws.events.event.ingestion-time": event.get("time"),
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
    }
    template = str(transformer["InputTemplate"])
    text = _PLACEHOLDER.sub(lambda found: _value(found, template, values), template)
    json.loads(text)
    return text


def _value(found: re.Match[str], template: str, values: Mapping[str, Any]) -> str:
    """Inside quotes a value stands as text, outside them as JSON."""
    if found[1] not in values:
        return found[0]
    value = values[found[1]]
    before = template[: found.start()].replace('\\"', "")
    if before.count('"') % 2 == 0:
        return json.dumps(value)
    return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]
