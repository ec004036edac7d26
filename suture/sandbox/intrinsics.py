"""CloudFormation's intrinsic functions, parameters and conditions, worked out for a template without transforms.

Sources: "Intrinsic function reference" and "Pseudo parameters reference" in the CloudFormation user guide. Left out:
FindInMap, ImportValue, GetAZs, Transform; a template that uses them is refused.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from chalicelib.errors import Misconfigured

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_NO_VALUE = object()
_ELSE = "see Parameters in resources.json"


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that exists: what `Ref` and `Fn::GetAtt` give for it."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def _check(name: str, value: str, declared: Mapping[str, Any]) -> None:
    allowed, pattern = declared.get("AllowedValues"), declared.get("AllowedPattern")
    if allowed is not None and value not in map(str, allowed):
        raise _bad(f"the parameter {name} may be {', '.join(map(str, allowed))}, not {value!r}", "template", _ELSE)
    if pattern is not None and not re.fullmatch(pattern, value):
        raise _bad(f"the parameter {name} must match {pattern}, not {value!r}", "template", _ELSE)


class Scope:
    """The names that a template's values may mention: parameters, pseudo parameters, resources made so far."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str], pseudo: Mapping[str, str]) -> None:
        self._conditions = template.get("Conditions", {})
        declared = template.get("Parameters", {})
        defaults = {name: body["Default"] for name, body in declared.items() if "Default" in body}
        unknown = set(parameters) - set(declared)
        missing = set(declared) - set(defaults) - set(parameters)
        if unknown or missing:
            raise _bad(f"parameters: unknown {sorted(unknown)}, without a value {sorted(missing)}", "template", _ELSE)
        for name, value in parameters.items():
            _check(name, value, declared[name])
        self._values: dict[str, str] = {**defaults, **parameters, **pseudo}
        self.made: dict[str, Made] = {}

    def condition(self, name: str) -> bool:
        """Whether a named condition holds."""
        if name not in self._conditions:
            raise _bad(f"there is no condition {name}", "Conditions")
        return bool(self.resolve(self._conditions[name]))

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function worked out; what is AWS::NoValue disappears."""
        found = self._resolve(value)
        return None if found is _NO_VALUE else found

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self._resolve, value) if item is not _NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            name, operand = next(iter(value.items()))
            function = self._functions().get(name)
            if function is not None:
                return function(operand)
            if name.startswith("Fn::"):
                raise _bad(f"the sandbox does not know {name}", name)
        resolved = {key: self._resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def _functions(self) -> Mapping[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Condition": self._condition_or_key,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda o: str(o[0]).join(str(item) for item in self._resolve(o[1])),
            "Fn::Split": lambda o: str(self._resolve(o[1])).split(o[0]),
            "Fn::Select": lambda o: self._resolve(o[1])[int(self._resolve(o[0]))],
            "Fn::Base64": lambda o: base64.b64encode(str(self._resolve(o)).encode()).decode(),
            "Fn::ToJsonString": lambda o: json.dumps(self._resolve(o)),
            "Fn::If": lambda o: self._resolve(o[1] if self.condition(o[0]) else o[2]),
            "Fn::Equals": lambda o: self._resolve(o[0]) == self._resolve(o[1]),
            "Fn::And": lambda o: all(map(self._resolve, o)),
            "Fn::Or": lambda o: any(map(self._resolve, o)),
            "Fn::Not": lambda o: not self._resolve(o[0]),
        }

    def _condition_or_key(self, operand: Any) -> Any:
        """`{"Condition": "Name"}` inside a condition; a policy's Condition block keeps its mapping."""
        return self.condition(operand) if isinstance(operand, str) else {"Condition": self._resolve(operand)}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._values:
            return self._values[name]
        if name in self.made:
            return self.made[name].ref
        raise _bad(f"there is nothing called {name}", f"Ref {name}")

    def _attribute(self, operand: Any) -> str:
        name, _, attribute = operand.partition(".") if isinstance(operand, str) else (operand[0], "", operand[1])
        if name not in self.made:
            raise _bad(f"there is no resource {name}", f"Fn::GetAtt {name}.{attribute}")
        attributes = self.made[name].attributes
        if attribute not in attributes:
            raise _bad(f"the sandbox knows no attribute {attribute}", f"Fn::GetAtt {name}.{attribute}")
        return attributes[attribute]

    def _sub(self, operand: Any) -> str:
        text, local = (operand[0], self._resolve(operand[1])) if isinstance(operand, list) else (operand, {})

        def value(found: re.Match[str]) -> str:
            name = found[1].strip()
            if name in local:
                return str(local[name])
            return str(self._attribute(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(value, text).replace("${!", "${")


def in_order(resources: Mapping[str, Mapping[str, Any]], first: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """The logical ids, each after those that it mentions or depends on: those of the types that `first` picks, with
    all that they need, and then the others."""
    graph = {
        name: {other for other in _mentioned(body) if other in resources and other != name}
        for name, body in resources.items()
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as cycle:
        raise _bad(f"resources depend on each other: {' → '.join(cycle.args[1])}", "Resources") from None
    needed: set[str] = set()
    for name in reversed(order):
        if name in needed or first(resources[name]["Type"]):
            needed |= {name, *graph[name]}
    return [name for name in order if name in needed], [name for name in order if name not in needed]


def _mentioned(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _mentioned(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref":
                yield str(item)
            elif key == "Fn::GetAtt":
                yield str(item).split(".")[0] if isinstance(item, str) else str(item[0])
            elif key == "Fn::Sub":
                text = item[0] if isinstance(item, list) else item
                yield from (name.split(".")[0].strip() for name in _VARIABLE.findall(text))
                yield from _mentioned(item[1] if isinstance(item, list) else None)
            elif key == "DependsOn":
                yield from item if isinstance(item, list) else [str(item)]
            else:
                yield from _mentioned(item)


def _bad(
    what: str, where: str, next_step: str = "correct resources.json, or teach suture/sandbox/intrinsics.py"
) -> Misconfigured:
    return Misconfigured(what, where=where, next_step=next_step)
