"""The nouns of Suture, each frozen; docs/architecture.md gives every word its one meaning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any
"""A value that `json.dumps` takes: what AWS answered, or part of it."""

MODES = ("observe", "propose", "auto")
TIERS = ("low", "medium", "high")
SEVERITIES = ("low", "medium", "high", "critical")


def least_mode(*modes: str) -> str:
    """The weakest of some modes; an unknown word counts as `observe`, so that a typo never arms anything."""
    return min((m if m in MODES else "observe" for m in modes), key=MODES.index)


def canonical(value: Json) -> str:
    """`value` as the one JSON text that digests are taken of: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Json) -> str:
    """`sha256:` and 64 hex digits over the canonical JSON of `value`."""
    return "sha256:" + hashlib.sha256(canonical(value).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Hidden:
    """A value that must not leave the process, such as one environment variable's.

    Readers wrap what AWS marks as sensitive. It prints as `<hidden>`, no JSON encoder takes it, and only
    `reveal()` gives the value: search for that word to see every place that may.
    """

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acted, as CloudTrail's `userIdentity` tells it. Empty strings where it does not say.

    `arn` is the role's or user's own (from `sessionIssuer`, path included), never that of a session.
    """

    kind: str = "Unknown"
    account: str = ""
    arn: str = ""
    session: str = ""
    source_identity: str = ""
    invoked_by: str = ""
    user_agent: str = ""

    @property
    def name(self) -> str:
        """Short form for people: the role or user name, or the service, or `unknown`."""
        return self.arn.rsplit("/", 1)[-1] or self.invoked_by or ("root" if self.kind == "Root" else "unknown")

    @property
    def is_known(self) -> bool:
        return bool(self.arn)


@dataclass(frozen=True, slots=True)
class Change:
    """Something moved, or should be looked at: where to look, and who did it. Never evidence of a state.

    `resource_id` is what the type's reader asks for: a function name, a role name, `<restApiId>/<stage>`,
    a managed policy's ARN. `created` says that this very change made the resource. `via` is one of
    cloudtrail, config, finding, sweep, cli, recheck, read (somebody took a secret that Suture stored for the resource).
    """

    account: str
    region: str
    resource_type: str
    resource_id: str
    action: str
    via: str
    principal: Principal | None = None
    time: str = ""
    event_id: str = ""
    created: bool = False
    deleted: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """An AWS object as AWS describes it now.

    `config` uses AWS's own key names; sensitive leaves are `Hidden`. `volatile` names top-level or dotted keys
    of `config` that move without anybody changing the resource; the state digest leaves them out.
    """

    type: str
    arn: str
    id: str
    account: str
    region: str
    config: Mapping[str, Json]
    tags: Mapping[str, str] = field(default_factory=dict)
    volatile: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One resource breaking one control. `evidence` is JSON without secrets; runbooks compute from it."""

    control: str
    severity: str
    arn: str
    title: str
    evidence: tuple[Mapping[str, Json], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS request: `lambda:RemovePermission` and its parameters, resolved but for late values.

    A late value stands as `{"late": expression, "fingerprint": "hmac:…"}`, and what only the fresh read can know as
    `{"fresh": expression}`; `late_values` of planning fills both inside apply.
    """

    operation: str
    parameters: Mapping[str, Json]

    def as_json(self) -> dict[str, Json]:
        return {"operation": self.operation, "parameters": dict(self.parameters)}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Call:
        return cls(data["operation"], data["parameters"])


@dataclass(frozen=True, slots=True)
class Step:
    """A call and the calls that take it back, in the order in which to run them."""

    call: Call
    undo: tuple[Call, ...] = ()

    def as_json(self) -> dict[str, Json]:
        return {"call": self.call.as_json(), "undo": [u.as_json() for u in self.undo]}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Step:
        return cls(Call.from_json(data["call"]), tuple(Call.from_json(u) for u in data["undo"]))


@dataclass(frozen=True, slots=True)
class Plan:
    """The exact calls for one finding. `digest` covers everything that an approval consents to.

    A staged runbook makes a plan for each `stage`. `facts_digest` is over what that stage read beside the resource,
    `holds` are the keys of other resources (`Place.key`) that nobody else may write while the plan is applied.
    """

    case: str
    account: str
    region: str
    resource_type: str
    resource_id: str
    arn: str
    control: str
    runbook: str
    version: str
    runbook_digest: str
    tier: str
    reversible: str
    steps: tuple[Step, ...]
    state_digest: str
    leaves: str = "closed"
    manual: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stage: str = ""
    facts_digest: str = ""
    holds: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        staged = {"stage": self.stage, "facts": self.facts_digest, "holds": list(self.holds)} if self.stage else {}
        return digest(
            {
                "case": self.case,
                "account": self.account,
                "region": self.region,
                "arn": self.arn,
                "runbook": self.runbook_digest,
                "steps": [s.as_json() for s in self.steps],
                "state": self.state_digest,
                **staged,
            }
        )

    def as_json(self) -> dict[str, Json]:
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in _LISTS}
        lists = {"manual": list(self.manual), "notes": list(self.notes), "holds": list(self.holds)}
        return {**plain, **lists, "steps": [s.as_json() for s in self.steps], "digest": self.digest}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Plan:
        plain = {name: data[name] for name in cls.__slots__ if name not in _LISTS and name in data}
        steps = tuple(Step.from_json(s) for s in data["steps"])
        manual, notes, holds = (tuple(data.get(name, ())) for name in ("manual", "notes", "holds"))
        return cls(**plain, steps=steps, manual=manual, notes=notes, holds=holds)


_LISTS = ("steps", "manual", "notes", "holds")


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a plan: `skip`, `observe`, `propose`, `apply` or `escalate`, and why, in sentences.

    Of a staged runbook also `wait` (a stage in which people act, or time passes) and `close` (all stages are done).
    """

    kind: str
    reasons: tuple[str, ...]
