"""ECS: a family means its latest active revision, and only families with one are listed as active.

moto takes the latest revision whatever its status, and lists every family. AWS: ECS API Reference,
DescribeTaskDefinition ("the latest ACTIVE revision"), ListTaskDefinitionFamilies (`status`).
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import TaskDefinitionNotFoundException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse

from .patching import around, instead


def mend() -> None:
    @around(EC2ContainerServiceBackend, "describe_task_definition")
    def describe(original: Any, self: Any, task_definition_str: str) -> Any:
        family = task_definition_str.split("/")[-1]
        if ":" in family:
            return original(self, task_definition_str)
        active = [r for r, found in self.task_definitions.get(family, {}).items() if found.status == "ACTIVE"]
        if not active:
            raise TaskDefinitionNotFoundException
        return original(self, f"{family}:{max(active)}")

    @instead(EC2ContainerServiceResponse, "list_task_definition_families")
    def families(self: Any) -> ActionResult:
        prefix, wanted = self._get_param("familyPrefix") or "", self._get_param("status") or "ALL"
        known = {f: revisions for f, revisions in self.ecs_backend.task_definitions.items() if f.startswith(prefix)}
        active = {f for f, revisions in known.items() if any(r.status == "ACTIVE" for r in revisions.values())}
        return ActionResult(
            {"families": [f for f in known if wanted == "ALL" or (f in active) == (wanted == "ACTIVE")]}
        )
