"""Who really owns a resource's configuration: traces that infrastructure as code leaves in tags and callers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .model import Principal

_AGENTS = (
    ("terraform", ("terraform", "opentofu", "terragrunt")),
    ("cdk", ("aws-cdk", "cdk-hotswap")),
    ("serverless", ("serverless/", "serverless-framework", "osls/")),
    ("pulumi", ("pulumi",)),
)


@dataclass(frozen=True, slots=True)
class Iac:
    """The tool that owns a resource, as far as the traces say; `tool` is empty when none does.

    `tool` is cloudformation, cdk, serverless, terraform, pulumi or empty; `where` is the stack's name when known.
    """

    tool: str = ""
    where: str = ""
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.tool)


def iac_of(principals: Iterable[Principal], tags: Mapping[str, str]) -> Iac:
    """Which infrastructure as code will put its own version back at the next deploy.

    CloudFormation's own tags decide first: only AWS can write the `aws:` prefix. Then who called, for the
    principals that changed the resource: CloudFormation on somebody's behalf, or a tool's user agent, which a
    caller may fake; so the answer may make us more careful, never less.
    """
    stack = tags.get("aws:cloudformation:stack-name", "")
    if stack:
        tool, why = _stack_tool(stack, tags)
        return Iac(tool, stack, why)
    callers = tuple(principals)
    if any(p.invoked_by == "cloudformation.amazonaws.com" for p in callers):
        return Iac("cloudformation", "", "CloudFormation made the change")
    agents = (p.user_agent.lower() for p in callers)
    return next((found for agent in agents if (found := _agent_tool(agent))), Iac())


def owner_tag(tags: Mapping[str, str]) -> str:
    """What the tag `owner` (or `team`) of a resource says. Whoever may tag may set it, so it only routes messages."""
    by_name = {name.lower(): value for name, value in sorted(tags.items())}
    return (by_name.get("owner") or by_name.get("team") or "")[:100]


def _stack_tool(stack: str, tags: Mapping[str, str]) -> tuple[str, str]:
    logical = tags.get("aws:cloudformation:logical-id", "")
    stage = tags.get("STAGE", "")
    if any(name.startswith("aws-cdk:") for name in tags) or re.search(r"[A-Za-z][0-9A-F]{8}\Z", logical):
        return "cdk", f"it belongs to the stack {stack}, whose names are of the CDK's making"
    if stage and stack.endswith(f"-{stage}"):
        return "serverless", f"it belongs to the stack {stack}, tagged as the Serverless Framework does"
    if tags.get("lambda:createdBy") == "SAM":
        return "cloudformation", f"it belongs to the stack {stack}, written with SAM"
    return "cloudformation", f"it belongs to the stack {stack}"


def _agent_tool(agent: str) -> Iac:
    for tool, marks in _AGENTS:
        if any(mark in agent for mark in marks):
            return Iac(tool, "", f"the user agent of a change says {tool}")
    return Iac()
