"""IAM: AWS's own managed policies exist, a boundary must exist, and template roles keep JSON policies.

moto knows AWS's managed policies only when all 1,300 are loaded at start, takes a boundary that does not exist, and
stores the inline policies of a role from a template as Python's repr. AWS: IAM API Reference,
PutRolePermissionsBoundary, CreateRole, AttachRolePolicy; CloudFormation User Guide, AWS::IAM::Role.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import NotFoundException
from moto.iam.models import AWSManagedPolicy, IAMBackend, Role, _serialize_version_datetime

from .patching import around, instead

_TAKES_POLICY_FIRST = ("attach_role_policy", "attach_user_policy", "attach_group_policy", "get_policy")
_ALSO = ("get_policy_version", "list_policy_versions")


def mend() -> None:
    for name in (*_TAKES_POLICY_FIRST, *_ALSO):
        _learn_before(name)

    @around(IAMBackend, "list_policies")
    def list_policies(original: Any, self: Any, marker: Any, max_items: Any, only: Any, path: Any, scope: str) -> Any:
        if scope != "Local" and not only:
            for name in _data():
                learn(self, f"arn:{self.partition}:iam::aws:policy{_data()[name]['Path']}{name}")
        return original(self, marker, max_items, only, path, scope)

    @around(IAMBackend, "put_role_permissions_boundary")
    def put_boundary(original: Any, self: Any, role_name: str, permissions_boundary: str) -> None:
        self.get_role(role_name)
        must_exist(self, permissions_boundary)
        original(self, role_name, permissions_boundary)

    @around(IAMBackend, "create_role")
    def create_role(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        boundary = kwargs.get("permissions_boundary") or (args[3] if len(args) > 3 else None)
        if boundary:
            must_exist(self, boundary)
        return original(self, *args, **kwargs)

    _mend_templates()


def learn(backend: Any, arn: str) -> None:
    """Let the backend know the AWS managed policy `arn`, when there is one of that name and path."""
    prefix = f"arn:{backend.partition}:iam::aws:policy/"
    if arn in backend.managed_policies or not arn.startswith(prefix):
        return
    name = arn.rsplit("/", 1)[-1]
    data = _data().get(name)
    if data is None:
        return
    policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
    if policy.arn == arn:
        backend.managed_policies[arn] = policy


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(aws_managed_policies_data)
    return parsed


def _learn_before(name: str) -> None:
    @around(IAMBackend, name)
    def learned(original: Any, self: Any, policy_arn: str, *args: Any, **kwargs: Any) -> Any:
        learn(self, policy_arn)
        return original(self, policy_arn, *args, **kwargs)


def must_exist(backend: Any, arn: str) -> None:
    learn(backend, arn)
    if arn not in backend.managed_policies and backend.policy_arn_regex.match(arn):
        raise NotFoundException(f"Policy {arn} does not exist or is not attachable.")


def _mend_templates() -> None:
    @around(Role, "put_policy")
    def put_policy(original: Any, self: Any, policy_name: str, policy_json: Any) -> None:
        original(self, policy_name, _text(policy_json))

    @around(Role, "create_from_cloudformation_json")
    def create(original: Any, cls: Any, name: str, json_: Any, account: str, region: str, **kwargs: Any) -> Any:
        properties = json_["Properties"]
        role = original(cls, name, json_, account, region, **kwargs)
        _attach(role, account, properties)
        return role

    @around(Role, "update_from_cloudformation_json")
    def update(original: Any, cls: Any, original_resource: Any, **kwargs: Any) -> Any:
        properties = kwargs["cloudformation_json"]["Properties"]
        role = original_resource
        role.assume_role_policy_document = _text(properties["AssumeRolePolicyDocument"])
        role.description = properties.get("Description", "")
        role.permissions_boundary_arn = properties.get("PermissionsBoundary") or None
        role.policies.clear()
        for policy in properties.get("Policies", ()):
            role.put_policy(policy["PolicyName"], policy["PolicyDocument"])
        for policy in list(role.managed_policies.values()):
            policy.detach_from(role)
        _attach(role, kwargs["account_id"], properties)
        return role

    @instead(Role, "delete")
    def delete(self: Any, account_id: str, region: str) -> None:
        for policy in list(self.managed_policies.values()):
            policy.detach_from(self)
        Role.delete_from_cloudformation_json(self.name, {}, account_id, region)


def _attach(role: Any, account: str, properties: dict[str, Any]) -> None:
    from moto.iam.models import iam_backends

    for arn in properties.get("ManagedPolicyArns", ()):
        iam_backends[account][role.partition].attach_role_policy(arn, role.name)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document, default=_serialize_version_datetime)
