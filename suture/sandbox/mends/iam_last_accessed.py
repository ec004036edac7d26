"""IAM's report on what a role used last, which moto does not have at all.

A report lists every service that the role's permissions policies allow, with the last attempt, and under
ACTION_LEVEL the management actions that AWS tracks. Here those are the ones that the policies name or that were used.
A job is in progress when it is asked about first. What was used is what the sandbox's front saw (`saw`), and what a
test says (`told`). AWS: IAM API Reference, GenerateServiceLastAccessedDetails, GetServiceLastAccessedDetails; IAM User
Guide, "Refine permissions in AWS using last accessed information".
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.utilities.utils import get_partition

from chalicelib.errors import BadInput
from chalicelib.iam import actions, globs

from .patching import instead

_PAGE = 100
_UNTRACKED = frozenset({"iam:passrole"})


def mend() -> None:
    @instead(IamResponse, "generate_service_last_accessed_details")
    def generate(self: Any) -> Any:
        role = _role(self.backend, self._get_param("Arn"))
        is_detailed = self._get_param("Granularity") == "ACTION_LEVEL"
        job = str(uuid.uuid4())
        report = list(_report(role, _uses(self.backend).get(role.id, {}), is_detailed))
        _jobs(self.backend)[job] = {"Type": "ACTION_LEVEL" if is_detailed else "SERVICE_LEVEL", "Services": report}
        _jobs(self.backend)[job] |= {"Created": _now(), "Asked": 0}
        return ActionResult({"JobId": job})

    @instead(IamResponse, "get_service_last_accessed_details")
    def get(self: Any) -> Any:
        job = _jobs(self.backend).get(self._get_param("JobId"))
        if job is None:
            raise NotFoundException(f"Job {self._get_param('JobId')} does not exist.")
        job["Asked"] += 1
        basic = {"JobType": job["Type"], "JobCreationDate": job["Created"]}
        if job["Asked"] <= slowness(self.backend):
            return ActionResult({**basic, "JobStatus": "IN_PROGRESS", "ServicesLastAccessed": []})
        start, size = int(self._get_param("Marker") or 0), int(self._get_param("MaxItems") or _PAGE)
        page, left = job["Services"][start : start + size], job["Services"][start + size :]
        more = {"IsTruncated": True, "Marker": str(start + size)} if left else {"IsTruncated": False}
        done = {"JobStatus": "COMPLETED", "JobCompletionDate": job["Created"]}
        return ActionResult({**basic, **done, "ServicesLastAccessed": page, **more})


def saw(account: str, region: str, role_arn: str, asked: Iterable[str], at: datetime) -> None:
    """The role tried these actions now; refused attempts count as well."""
    backend = iam_backends[account][str(get_partition(region))]
    role = next((r for r in list(backend.roles.values()) if r.arn == role_arn), None)
    for action in asked if role is not None else ():
        if action.lower() not in _UNTRACKED:
            _used(backend, role, action, at, region)


def told(account: str, region: str, role: str, used: Mapping[str, datetime], created: datetime | None = None) -> None:
    """Say what a role used and when, services (`s3`) or actions (`s3:CreateBucket`), and when it was made.

    Raises BadInput for a role that is not there.
    """
    backend = iam_backends[account][str(get_partition(region))]
    found = next((r for r in list(backend.roles.values()) if r.name == role), None)
    if found is None:
        raise BadInput(f"there is no role {role!r}", where="sandbox", next_step="create it first")
    if created is not None:
        found.create_date = created.astimezone(UTC).replace(tzinfo=None)
    for name, at in used.items():
        _used(backend, found, name, at, region)


def slow(account: str, region: str, asked: int) -> None:
    """Let reports be in progress for so many questions; 1 is the default."""
    iam_backends[account][str(get_partition(region))].__dict__["suture_slowness"] = asked


def slowness(backend: Any) -> int:
    return int(backend.__dict__.get("suture_slowness", 1))


def _jobs(backend: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = backend.__dict__.setdefault("suture_jobs", {})
    return found


def _uses(backend: Any) -> dict[str, dict[str, tuple[datetime, str]]]:
    """When and where each role, by its id, tried each service and action: a reset of moto's empties it."""
    found: dict[str, dict[str, tuple[datetime, str]]] = backend.__dict__.setdefault("suture_uses", {})
    return found


def _used(backend: Any, role: Any, name: str, at: datetime, region: str) -> None:
    uses = _uses(backend).setdefault(role.id, {})
    for key in dict.fromkeys((name, name.partition(":")[0])):
        uses[key] = max(uses.get(key, (at, region)), (at, region))


def _role(backend: Any, arn: str) -> Any:
    role = next((r for r in list(backend.roles.values()) if r.arn == arn), None)
    if role is None:
        raise NotFoundException(f"ARN {arn} is not found.")
    return role


def _report(role: Any, uses: Mapping[str, tuple[datetime, str]], is_detailed: bool) -> Iterator[dict[str, Any]]:
    patterns = list(_allowed(role))
    for service in sorted(_services(patterns, uses)):
        found: dict[str, Any] = {"ServiceName": service, "ServiceNamespace": service, "TotalAuthenticatedEntities": 0}
        if service in uses:
            at, where = uses[service]
            found |= {"LastAuthenticated": at, "LastAuthenticatedRegion": where, "TotalAuthenticatedEntities": 1}
            found["LastAuthenticatedEntity"] = role.arn
        if is_detailed:
            found["TrackedActionsLastAccessed"] = [_tracked(a, uses) for a in _actions(service, patterns, uses)]
        yield found


def _tracked(action: str, uses: Mapping[str, tuple[datetime, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {"ActionName": action.partition(":")[2]}
    if action in uses:
        found |= {"LastAccessedTime": uses[action][0], "LastAccessedRegion": uses[action][1]}
    return found


def _allowed(role: Any) -> Iterator[str]:
    """The action patterns that the role's permissions policies allow; `*` for NotAction. Nothing else is looked at."""
    versions = [v for policy in role.managed_policies.values() for v in policy.versions if v.is_default]
    texts = [*role.policies.values(), *(version.document for version in versions)]
    for text in texts:
        listed = (json.loads(text) if isinstance(text, str) else text).get("Statement", [])
        for statement in [listed] if isinstance(listed, dict) else listed:
            if statement.get("Effect") == "Allow":
                given = statement.get("Action", "*")
                yield from [given] if isinstance(given, str) else given


def _services(patterns: list[str], uses: Mapping[str, Any]) -> set[str]:
    """Services that the patterns allow, of those that anybody here has heard of."""
    known = {*actions.listed_services(), *(name.partition(":")[0] for name in uses)}
    known |= {prefix for p in patterns if globs.is_literal(prefix := p.partition(":")[0].lower()) and ":" in p}
    return {service for service in known if any(globs.intersects(globs.fold(p), f"{service}:*") for p in patterns)}


def _actions(service: str, patterns: list[str], uses: Mapping[str, Any]) -> list[str]:
    """The management actions that are tracked: no data event is, and passing a role is no call."""
    silent = {globs.fold(a) for a in actions.unseen(service)} | _UNTRACKED
    named = {p for p in patterns if globs.is_literal(p)} | {u for u in uses if ":" in u}
    ours = {a for a in named if a.partition(":")[0].lower() == service and globs.fold(a) not in silent}
    return sorted(a for a in ours if any(globs.matches(globs.fold(p), globs.fold(a)) for p in patterns))


def _now() -> datetime:
    return datetime.now(UTC)
