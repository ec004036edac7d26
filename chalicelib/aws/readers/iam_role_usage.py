"""What an execution role of Lambda may do beside what it used: the role, and IAM's own report on its use.

CloudFormation has no such type, hence our own name for it. It is read apart from AWS::IAM::Role because a report is a
job of AWS's that takes seconds: no event about a role asks for one, the sweep does once a day for each role that a
function runs with. Sources: iam_role's, and the IAM API reference, GetServiceLastAccessedDetails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Gone
from ...model import Json, Resource
from .. import last_accessed
from ..clients import Aws
from . import iam_role
from ._usage import LISTING, functions_by_role, role_name

TYPE = "Suture::IAM::RoleUsage"
OBJECT = iam_role.TYPE
EVERY = 24
OPERATIONS = (
    *iam_role.OPERATIONS,
    LISTING,
    "iam:GenerateServiceLastAccessedDetails",
    "iam:GetServiceLastAccessedDetails",
)
VOLATILE = (*iam_role.VOLATILE, "LastAccessed")

_OF_SERVICE = ("ServiceNamespace", "LastAuthenticated")
_OF_ACTION = ("ActionName", "LastAccessedTime", "LastAccessedRegion")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The role named `resource_id` with its use, or None when it is gone. Raises a CallFailed; NotYet: ask again.

    `config` is iam_role's with LastAccessed: JobCompletionDate and ServicesLastAccessed, and of services in use the
    actions that AWS tracks. What a plan assumes of it is in the plan's calls, so that it is volatile.
    """
    role = iam_role.alone(aws, resource_id)
    if role is None:
        return None
    try:
        found = last_accessed.report(aws, role.arn)
    except Gone:
        return None
    services = [_service(service) for service in found["ServicesLastAccessed"]]
    used = {"JobCompletionDate": found["JobCompletionDate"], "ServicesLastAccessed": services}
    return Resource(
        type=TYPE,
        arn=role.arn,
        id=role.id,
        account=role.account,
        region=role.region,
        config={**role.config, "LastAccessed": used},
        tags=role.tags,
        volatile=VOLATILE,
    )


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of the roles that functions of this account and region run with."""
    yield from map(role_name, functions_by_role(aws))


def _service(service: Mapping[str, Json]) -> dict[str, Json]:
    """What is judged of a service. Without any use of it, its actions say nothing more, and there may be hundreds."""
    found: dict[str, Json] = {key: service[key] for key in _OF_SERVICE if service.get(key)}
    tracked = service.get("TrackedActionsLastAccessed") or ()
    if tracked and service.get("LastAuthenticated"):
        actions = ({key: action[key] for key in _OF_ACTION if action.get(key)} for action in tracked)
        found["TrackedActionsLastAccessed"] = sorted(actions, key=lambda action: str(action["ActionName"]))
    return found
