"""What in the account has a service call a function: asked of the services that can say it, for open grants only.

One file a family of services. Each says in `ASKERS` whom it can ask, and in `OPERATIONS` what it calls for that. A
family bounds what it asks at most in one read; where there is more, or somebody may not look, nothing is said to be
complete. What is in another region or account is never seen.

Not asked are services that few people let call a function, or that have no list to ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ....errors import Denied, Gone, Invalid
from ....iam.principals import global_name
from ....iam.reach import Trust, reach_of
from ....model import Json
from ...clients import Aws
from . import apis, balancers, happenings, hooks, watchers
from .asking import Ask

_FAMILIES = (apis, balancers, happenings, hooks, watchers)
OPERATIONS = tuple(operation for family in _FAMILIES for operation in family.OPERATIONS)


def callers(aws: Aws, policies: Mapping[str, Mapping[str, Json] | None]) -> dict[str, Json]:
    """By service, as the grant names it: Complete (was everything asked?) and Sources, each with FunctionArn and the
    conditions that bind the grant to it, SourceArn and SourceAccount; or with Caller, the ARN of what calls, where
    its SourceArn is not to be a condition. `policies` are those of one function's qualifiers, by ARN.

    Only services with a grant that anybody's resources may use are asked: no call for a function without one.
    Raises a CallFailed when AWS is unwell; a refusal only makes the answer incomplete.
    """
    wanted: dict[str, set[str]] = {}
    for arn, policy in policies.items():
        for service in _unbound(policy, aws.account):
            wanted.setdefault(service, set()).add(arn)
    askers = {service: _asker(global_name(service)) for service in sorted(wanted)}
    return {service: _asked(aws, ask, wanted[service]) for service, ask in askers.items() if ask}


def _unbound(policy: Mapping[str, Json] | None, account: str) -> Iterator[str]:
    """The services that a policy lets act for any customer; none of a policy that cannot be read."""
    for one in reach_of(policy, "resource", Trust(account=account)).statements if policy else ():
        if one.verdict == "service-unbound":
            yield from one.principals


def _asker(service: str) -> Ask | None:
    return next((family.ASKERS[service] for family in _FAMILIES if service in family.ASKERS), None)


def _asked(aws: Aws, ask: Ask, arns: set[str]) -> dict[str, Json]:
    found: set[tuple[tuple[str, str], ...]] = set()
    complete = True
    try:
        for one in ask(aws, arns):
            if one is None:
                complete = False
            elif one[0] in arns:
                found.add((("FunctionArn", one[0]), *one[1].items()))
    except (Denied, Gone, Invalid):
        complete = False
    return {"Complete": complete, "Sources": [dict(source) for source in sorted(found)]}
