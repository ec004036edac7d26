"""Findings of AWS's own tools: only the resources that they name are taken from them; we judge for ourselves.

Shapes: Security Hub's ASFF and its newer OCSF 1.5 form, GuardDuty, Inspector and Access Analyzer, each from
its service's page on EventBridge events. Which fields each really has was read from recorded findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..errors import BadEvent
from ..model import Change, Json
from .fields import at, first, table, text, truth
from .places import ROLE, Place, home_region, place_of_arn, role_name

Named = Iterator[Place | str]
"""What one finding names: places to look at, and reasons for what is passed over."""

MOST = 100
"""More findings or resources than AWS puts into one event (Security Hub: 20 findings with 32 resources each)."""


def read_findings(envelope: Mapping[str, Json], *, account: str, region: str, where: str) -> tuple[list[Change], str]:
    """The changes that a finding's envelope asks for, and why the rest is passed over. Raises BadEvent."""
    detail = table(envelope.get("detail"), "detail", where)
    tool = text(envelope, "source").removeprefix("aws.")
    named = list(_READERS[text(envelope, "detail-type")](detail))
    changes: dict[tuple[str, str], Change] = {}
    reasons = [n for n in named if isinstance(n, str)]
    for place in (n for n in named if isinstance(n, Place)):
        if place.account and place.account != account:
            reasons.append(f"the finding is about account {place.account}, delivered in {account}")
        else:
            found = _change(envelope, place, f"{tool}:Finding", account, region, where)
            changes.setdefault((found.resource_type, found.resource_id), found)
    return list(changes.values()), reasons[0] if reasons else "the finding names no resource"


def read_asff(finding: Mapping[str, Json]) -> tuple[list[Change], str]:
    """The same for one bare Security Hub finding, as the API and files give it."""
    account, region = text(finding, "AwsAccountId"), text(finding, "Region")
    envelope = {
        "source": "aws.securityhub",
        "detail-type": IMPORTED,
        "detail": {"findings": [finding]},
        "time": text(finding, "UpdatedAt"),
    }
    region = region or (text(finding, "ProductArn").split(":") + [""] * 4)[3]
    return read_findings(envelope, account=account, region=region, where=text(finding, "Id") or "Security Hub finding")


IMPORTED = "Security Hub Findings - Imported"


def is_finding(envelope: Mapping[str, Json]) -> bool:
    """Whether an envelope is a finding of the tool that its source names."""
    return (text(envelope, "source"), text(envelope, "detail-type")) in _KINDS


def _security_hub(detail: Mapping[str, Json]) -> Named:
    for finding in _several(detail.get("findings"), "findings"):
        if text(finding, "GeneratorId").startswith("suture"):
            yield "the finding is our own report"
        elif text(finding, "RecordState") == "ARCHIVED":
            yield "the finding is archived"
        elif text(finding, "Workflow.Status") in ("SUPPRESSED", "RESOLVED"):
            yield f"the finding is {text(finding, 'Workflow.Status').lower()}"
        elif text(finding, "Compliance.Status") in ("PASSED", "NOT_AVAILABLE"):
            yield "the finding says that the control passed"
        else:
            yield from _by_arn(text(r, "Id") for r in _several(finding.get("Resources"), "Resources"))


def _security_hub_v2(detail: Mapping[str, Json]) -> Named:
    for finding in _several(detail.get("findings"), "findings"):
        if text(finding, "finding_info.analytic.uid").startswith("suture"):
            yield "the finding is our own report"
        elif text(finding, "status") in ("Suppressed", "Resolved", "Archived"):
            yield f"the finding is {text(finding, 'status').lower()}"
        else:
            yield from _by_arn(text(r, "uid") for r in _several(finding.get("resources"), "resources"))


def _guard_duty(detail: Mapping[str, Json]) -> Named:
    if truth(at(detail, "service.additionalInfo.sample")):
        yield "a sample finding, about nothing real"
    elif truth(at(detail, "service.archived")):
        yield "the finding is archived"
    elif text(detail, "resource.lambdaDetails.functionArn"):
        yield from _by_arn([text(detail, "resource.lambdaDetails.functionArn")])
    elif text(detail, "resource.accessKeyDetails.userType") in ("Role", "AssumedRole"):
        name = role_name(text(detail, "resource.accessKeyDetails.userName"))
        yield Place(ROLE, name, text(detail, "accountId")) if name else "the finding names no role"
    else:
        yield f"no control reads what GuardDuty calls {text(detail, 'resource.resourceType')[:40] or 'this'}"


def _inspector(detail: Mapping[str, Json]) -> Named:
    if text(detail, "status") in ("CLOSED", "SUPPRESSED"):
        yield f"the finding is {text(detail, 'status').lower()}"
    else:
        yield from _by_arn(text(r, "id") for r in _several(detail.get("resources"), "resources"))


def _access_analyzer(detail: Mapping[str, Json]) -> Named:
    if text(detail, "status") in ("ARCHIVED", "RESOLVED") or truth(at(detail, "isDeleted")):
        yield f"the finding is {text(detail, 'status').lower() or 'deleted'}"
    else:
        yield from _by_arn([first(detail, "resource", "resourceArn")])


def _by_arn(arns: Iterator[str] | list[str]) -> Named:
    for arn in arns:
        yield (
            place_of_arn(arn)
            or f"no control reads {':'.join(arn.split(':')[2:3]) or 'what has no ARN'} resources of this kind"
        )


def _several(value: Json, name: str) -> Iterator[Mapping[str, Json]]:
    if value is None:
        return
    if not isinstance(value, list) or len(value) > MOST:
        raise BadEvent(f"{name} is not a list of at most {MOST}", next_step="compare it with a recorded finding")
    for item in value:
        yield table(item, name, "")


def _change(envelope: Mapping[str, Json], place: Place, action: str, account: str, region: str, where: str) -> Change:
    return Change(
        account=account,
        region=home_region(place.type, place.region or region),
        resource_type=place.type,
        resource_id=place.id,
        action=action,
        via="finding",
        time=text(envelope, "time"),
        event_id=where,
        replayed=bool(envelope.get("replay-name")),
    )


_READERS: Mapping[str, Callable[[Mapping[str, Json]], Named]] = {
    IMPORTED: _security_hub,
    "Findings Imported V2": _security_hub_v2,
    "GuardDuty Finding": _guard_duty,
    "Inspector2 Finding": _inspector,
    "Access Analyzer Finding": _access_analyzer,
}
_KINDS = frozenset(
    [
        ("aws.securityhub", IMPORTED),
        ("aws.securityhub", "Findings Imported V2"),
        ("aws.guardduty", "GuardDuty Finding"),
        ("aws.inspector2", "Inspector2 Finding"),
        ("aws.access-analyzer", "Access Analyzer Finding"),
    ]
)
