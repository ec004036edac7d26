"""A function, version or alias policy lets an AWS service call it on behalf of any of that service's customers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..errors import BadPolicy
from ..iam.documents import parse
from ..iam.reach import Trust, reach
from ..model import Json, Resource, canonical
from ..surgery import statements
from . import Control, Judgement, Signal
from ._functions import LIFE_SIGNALS, SIGNALS, qualifiers, spoken, unknown
from ._grants import grant_of, statement_of
from ._sources import own_account

_SOURCES = ("SourceArn", "SourceAccount")


def judge(resource: Resource) -> Judgement | None:
    """One item an unbound statement: Qualifier, Sid, Statement, Service, and what a fix needs.

    Grant rebuilds the statement by AddPermission, or is null. Bound is the grant with a source condition: the one
    source that the policy names for that service elsewhere, else whatever this account owns. It is null where the
    service's page says no way, or where the policy names several sources (Sources). NewSid is the name for it.
    """
    items = tuple(item for name, entry in qualifiers(resource) for item in _items(name, entry, resource))
    unbound = [item for item in items if "Unknown" not in item]
    if unbound:
        services = ", ".join(sorted({item["Service"] for item in unbound})[:3])
        where = spoken(resource, (item["Qualifier"] for item in unbound))
        return Judgement(f"Any AWS customer may have {services} call {where}", items)
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
    sids = Counter(str(s.get("Sid")) for s in raw)
    for one in found.statements:
        if one.verdict == "service-unbound":
            yield _item(name, arn, raw[one.index], one.principals, raw, sids, resource.account)


def _item(
    name: str | None,
    arn: str,
    statement: Mapping[str, Json],
    services: tuple[str, ...],
    policy: Sequence[Mapping[str, Json]],
    sids: Mapping[str, int],
    account: str,
) -> dict[str, Json]:
    sid = statement.get("Sid")
    grant = grant_of(statement, arn) if sids[str(sid)] == 1 else None
    sources = _sources(services[0], policy, arn)
    new_sid = "suture-" + hashlib.sha256(canonical([arn, sid]).encode()).hexdigest()[:12]
    return {
        "Qualifier": name,
        "Sid": sid,
        "Statement": dict(statement),
        "Service": services[0],
        "Grant": grant,
        "Sources": sources,
        "Bound": _bound(grant, sources, services[0], account, arn) if new_sid not in sids else None,
        "NewSid": new_sid,
    }


def _sources(service: str, policy: Sequence[Mapping[str, Json]], arn: str) -> list[dict[str, Json]]:
    """The sources that the policy's other statements name for a service, each once, sorted."""
    found = {}
    for statement in policy:
        grant = grant_of(statement, arn)
        if grant and grant["Principal"] == service and "SourceArn" in grant:
            source = {name: grant[name] for name in _SOURCES if name in grant}
            found[canonical(source)] = source
    return [found[key] for key in sorted(found)]


def _bound(
    grant: Mapping[str, Json] | None, sources: Sequence[Mapping[str, Json]], service: str, account: str, arn: str
) -> dict[str, Json] | None:
    """`grant` with a condition on its source that makes it private, or None when there is none to propose."""
    if grant is None or len(sources) > 1:
        return None
    source = sources[0] if sources else own_account(service, account, arn.split(":")[1])
    if source is None or any(name in grant for name in source):
        return None
    bound = {**grant, **source}
    policy = {"Version": "2012-10-17", "Statement": [statement_of(bound, "bound", arn)]}
    return bound if reach(parse(policy, "resource"), Trust(account=account)).verdict == "private" else None


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
