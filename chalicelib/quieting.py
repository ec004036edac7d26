"""Accepted values stay quiet, new ones speak: evidence is told apart by keyed fingerprints, never by the value.

A fingerprint is of the value alone, so that a variable that gets another name is still the accepted one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from .controls import control
from .model import Finding, Json, Resource
from .redaction import Key, fingerprint

WITHOUT = "none"
"""Stands for the fingerprint of an item about no value, such as an environment that could not be read."""


def keyed(finding: Finding, resource: Resource, key: Key) -> Finding:
    """The finding with a `Fingerprint` in each item that is about a hidden value."""
    of_values = control(finding.control).of_values
    if of_values is None:
        return finding
    told = []
    for item in finding.evidence:
        value = of_values.value(resource, item)
        told.append({**item, "Fingerprint": fingerprint(key(), value.reveal())} if value is not None else item)
    return replace(finding, evidence=tuple(told))


def fingerprints(control_id: str, evidence: Iterable[Mapping[str, Json]]) -> tuple[str, ...]:
    """What accepting this evidence accepts; nothing for a control that is about no values, or is no file: all of it."""
    try:
        of_values = control(control_id).of_values
    except ModuleNotFoundError:  # a case of Suture's own parts, or one that outlived its control
        return ()
    if of_values is None:
        return ()
    return tuple(sorted({str(item.get("Fingerprint", WITHOUT)) for item in evidence}))


def less(finding: Finding, resource: Resource, accepted: frozenset[str]) -> Finding | None:
    """The finding without the values that were accepted; None where that leaves nothing."""
    of_values = control(finding.control).of_values
    left = tuple(item for item in finding.evidence if str(item.get("Fingerprint", WITHOUT)) not in accepted)
    if of_values is None or len(left) == len(finding.evidence):
        return finding
    told = of_values.retold(resource, left)
    return replace(finding, title=told.title, evidence=told.evidence) if told else None
