"""A function, version or alias policy lets an AWS service call it on behalf of any of that service's customers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..errors import BadPolicy
from ..iam.documents import parse
from ..iam.reach import Trust, reach
from ..model import Json, Resource, canonical
from ..redaction import safe_text
from ..surgery import statements
from . import Control, Judgement, Signal
from ._functions import LIFE_SIGNALS, SIGNALS, qualifiers, spoken, unknown
from ._grants import grant_of, statement_of
from ._sources import own_account

_SOURCE = ("SourceArn", "SourceAccount")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the account said about one service: whether `callers` were all asked for, and who they are, sorted."""

    service: str
    complete: bool
    callers: tuple[Mapping[str, Json], ...]

    @property
    def sources(self) -> list[dict[str, Json]]:
        """The conditions that bind a grant to a caller, each once: some callers have only their account for one."""
        found = {canonical(source): source for source in (_source(caller) for caller in self.callers)}
        return list(found.values())

    def notes(self, bound_to_account: bool) -> Iterator[str]:
        """What whoever decides must know about the source that the plan names, or does not name."""
        names = _names(self.callers)
        if not self.complete:
            some = f" It found {names}." if names else ""
            yield f"Suture could not ask all of the account for what has {self.service} call this function.{some}"
        elif not names:
            yield f"Nothing in this account and region has {self.service} call this function: the grant may be a relic."
        else:
            yield f"In this account and region {self.service} calls this function for {names}, and for nothing else."
        if bound_to_account:
            yield "The grant is bound to the account, and to no single source."


def judge(resource: Resource) -> Judgement | None:
    """One item an unbound statement: Qualifier, Sid, Statement, Service, what a fix needs, and Notes.

    Grant rebuilds the statement by AddPermission, or is null. Sources are what the reader found in the account to have
    the service call this qualifier, else what the policy's other statements name for it. Bound is the grant with a
    source condition: the one source, else whatever this account owns. It is null where the service's page says no way,
    and where there are several sources. NewSid is the name for it. Where AWS binds by the account alone, as for secrets
    that the function rotates, all of them are one source, and Notes name them.
    """
    items = tuple(item for name, entry in qualifiers(resource) for item in _items(name, entry, resource))
    unbound = [item for item in items if "Unknown" not in item]
    if unbound:
        services = ", ".join(sorted({item["Service"] for item in unbound})[:3])
        where = spoken(resource, (item["Qualifier"] for item in unbound))
        several = [source for item in unbound if len(item["Sources"]) > 1 for source in item["Sources"]]
        choice = f", whose own sources are several: {_names(several)}" if several else ""
        return Judgement(f"Any AWS customer may have {services} call {where}{choice}", items)
    if items:
        where = spoken(resource, (item["Qualifier"] for item in items))
        return Judgement(f"Which services may call {where} cannot be judged", items, "low")
    return None


def _items(name: str | None, entry: Mapping[str, Json], resource: Resource) -> Iterator[dict[str, Json]]:
    if entry["Policy"] is None:
        return
    try:
        found = reach(parse(entry["Policy"], "resource"), Trust(account=resource.account))
    except BadPolicy as error:
        yield unknown(name, error)
        return
    arn, raw = resource.arn if name is None else f"{resource.arn}:{name}", statements(entry["Policy"])
    for one in found.statements:
        if one.verdict == "service-unbound":
            asked = _asked(resource.config.get("Callers") or {}, one.principals[0], arn)
            yield _item(name, arn, raw[one.index], one.principals[0], asked, raw, resource.account)


def _asked(callers: Mapping[str, Json], service: str, arn: str) -> _Asked | None:
    """What the reader asked for one service and qualifier, or None where that service was not asked."""
    if service not in callers:
        return None
    of_this = tuple(one for one in callers[service]["Sources"] if one["FunctionArn"] == arn)
    return _Asked(service, callers[service]["Complete"], of_this)


def _source(of: Mapping[str, Json]) -> dict[str, Json]:
    """What of a caller, or of a grant, are conditions on its source."""
    return {name: of[name] for name in _SOURCE if name in of}


def _item(
    name: str | None,
    arn: str,
    statement: Mapping[str, Json],
    service: str,
    asked: _Asked | None,
    policy: Sequence[Mapping[str, Json]],
    account: str,
) -> dict[str, Json]:
    sid, sids = statement.get("Sid"), Counter(str(s.get("Sid")) for s in policy)
    grant = grant_of(statement, arn) if sids[str(sid)] == 1 else None
    sources = (asked.sources if asked else []) or _named(service, policy, arn)
    new_sid = "suture-" + hashlib.sha256(canonical([arn, sid]).encode()).hexdigest()[:12]
    partly = asked is not None and not asked.complete
    source = sources[0] if sources and not partly else own_account(service, account, arn.split(":")[1])
    bound = _bound(grant, source, account, arn) if len(sources) < 2 and new_sid not in sids else None
    to_account = bound is not None and (source not in sources or "SourceArn" not in bound)
    return {
        "Qualifier": name,
        "Sid": sid,
        "Statement": dict(statement),
        "Service": service,
        "Grant": grant,
        "Sources": sources,
        "Bound": bound,
        "NewSid": new_sid,
        "Notes": list(asked.notes(to_account)) if asked else [_NOT_ASKED],
    }


_NOT_ASKED = "Suture does not ask this service what in the account has it call the function: look yourself."


def _named(service: str, policy: Sequence[Mapping[str, Json]], arn: str) -> list[dict[str, Json]]:
    """The sources that the policy's other statements name for a service, each once, sorted."""
    found = {}
    for statement in policy:
        grant = grant_of(statement, arn)
        if grant and grant["Principal"] == service and "SourceArn" in grant:
            source = _source(grant)
            found[canonical(source)] = source
    return [found[key] for key in sorted(found)]


def _bound(
    grant: Mapping[str, Json] | None, source: Mapping[str, Json] | None, account: str, arn: str
) -> dict[str, Json] | None:
    """`grant` with `source` as a condition that makes it private, or None when it does not or there is none."""
    if grant is None or source is None or any(name in grant for name in source):
        return None
    bound = {**grant, **source}
    policy = {"Version": "2012-10-17", "Statement": [statement_of(bound, "bound", arn)]}
    return bound if reach(parse(policy, "resource"), Trust(account=account)).verdict == "private" else None


def _names(sources: Sequence[Mapping[str, Json]]) -> str:
    """The ARNs of sources or callers, for a sentence; empty for none."""
    arns = sorted({str(source.get("SourceArn") or source["Caller"]) for source in sources})
    shown = ", ".join(safe_text(arn, 150) for arn in arns[:_SHOWN])
    return f"{shown} and {len(arns) - _SHOWN} more" if len(arns) > _SHOWN else shown


CONTROL = Control(
    title="Services call a Lambda function for its owner only",
    why=(
        "A service acts for all of its customers. Without a condition on the source, anybody's bucket, rule or API in "
        "any AWS account can have the service run the function (confused deputy)."
    ),
    severity="medium",
    pillar="iam-hardening",
    resource_type="AWS::Lambda::Function",
    signals=(Signal("aws.lambda", (*SIGNALS, *LIFE_SIGNALS)),),
    judge=judge,
    references=(
        "https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-services.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
    ),
    peers=("CKV_AWS_364",),
)
