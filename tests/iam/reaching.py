"""What is trusted in the tests of reach, and the short way to a verdict."""

from __future__ import annotations

from typing import Any

from iam_policies import grant, policy

from chalicelib.iam.reach import Trust, reach

OWN, OTHER = "123456789012", "999999999999"
TRUST = Trust(
    account=OWN,
    accounts=frozenset({"111122223333"}),
    org_ids=frozenset({"o-own"}),
    org_paths=frozenset({"o-part/r-1/ou-2/*"}),
    vpcs=frozenset({"vpc-own"}),
    vpc_endpoints=frozenset({"vpce-own"}),
)


def verdict(principal: Any, condition: dict[str, Any] | None = None, kind: str = "resource", **more: Any) -> str:
    block = {"Condition": condition} if condition else {}
    return reach(policy(grant(principal, **block, **more), kind=kind), TRUST).verdict
