"""The definition of a state machine holds a secret in plain text.

A field whose name ends in `.$`, and a value `{% … %}`, are computed when the machine runs: there only a token's form
counts. Amazon States Language: "Parameters", "JSONata"; containers get their environment as `Name` and `Value`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from ..model import Hidden, Json, Resource
from ..redaction import safe_text
from . import Control, Judgement, OfValues, Signal
from ._secrets import Spot, found_in, spoken, value_at

MOST = 20_000
"""Texts of one definition that are looked at; AWS takes a definition of 1 MB."""


def judge(resource: Resource) -> Judgement | None:
    """One item a text: Path (a JSON path), Name, Kind, Confidence, Reason; never the value. Or one that says why the
    definition is Unknown.
    """
    return retold(resource, found_in(_spots(resource)) or _unknown(resource))


def retold(resource: Resource, items: tuple[Mapping[str, Json], ...]) -> Judgement | None:
    """The judgement by these items alone."""
    name = safe_text(resource.id, 80)
    if any("Unknown" in item for item in items):
        return Judgement(f"The definition of the state machine {name} cannot be read", items, "low")
    return spoken(f"the definition of the state machine {name}", items, "Path")


def value_of(resource: Resource, item: Mapping[str, Json]) -> Hidden | None:
    """The text that an item of the evidence is about."""
    return value_at(_spots(resource), item) if "Path" in item else None


def _unknown(resource: Resource) -> tuple[Mapping[str, Json], ...]:
    """Evidence of a definition that is encrypted with a key that we may not use."""
    if resource.config.get("definition") is not None:
        return ()
    key = (resource.config.get("encryptionConfiguration") or {}).get("kmsKeyId") or "a customer managed key"
    why = f"it is encrypted with {safe_text(key, 200)}, and reading it needs kms:Decrypt there"
    return ({"Unknown": why, "Code": resource.config.get("Unreadable")},)


def _spots(resource: Resource) -> Iterator[Spot]:
    hidden = resource.config.get("definition")
    if hidden is None:
        return
    try:
        document = json.loads(hidden.reveal())
    except (ValueError, RecursionError):
        yield Spot({"Path": "$", "Name": "definition"}, "", hidden)
        return
    for _, (path, name, text) in zip(range(MOST), _texts(document), strict=False):
        is_computed = name.endswith(".$") or text.lstrip().startswith("{%")
        facts = {"Path": safe_text(path, 300), "Name": safe_text(name, 80)}
        yield Spot(facts, "" if is_computed else name, Hidden(text))


def _texts(document: Json) -> Iterator[tuple[str, str, str]]:
    """Every text of a definition in its order, with its path and the name that it goes by."""
    waiting: list[tuple[str, str, Json]] = [("$", "", document)]
    while waiting:
        path, name, here = waiting.pop()
        if isinstance(here, str):
            yield path, name, here
        elif isinstance(here, Mapping):
            named = here.get("Name") or here.get("Key")
            inner = [(f"{path}.{key}", _name(key, named), item) for key, item in here.items()]
            waiting.extend(reversed(inner))
        elif isinstance(here, list):
            waiting.extend(reversed([(f"{path}[{n}]", name, item) for n, item in enumerate(here)]))


def _name(key: str, named: Json) -> str:
    """`Value` beside a `Name` goes by that name: so a task's environment is written."""
    return named if key == "Value" and isinstance(named, str) else key


CONTROL = Control(
    title="State machines hold no secrets in their definition",
    why=(
        "Everyone who may describe the machine reads its definition; each version and each execution's history keeps "
        "what it passed on."
    ),
    severity="high",
    pillar="secure-coding",
    resource_type="AWS::StepFunctions::StateMachine",
    signals=(Signal("aws.states", ("CreateStateMachine", "UpdateStateMachine", "DeleteStateMachine")),),
    judge=judge,
    of_values=OfValues(value_of, retold),
    references=(
        "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html",
        "https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html",
    ),
    peers=("stepfunctions_statemachine_no_secrets_in_definition",),
)
