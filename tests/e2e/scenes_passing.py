"""A role that ends at administrator in two hops: it passes one that may assume an administrator, which lets it in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from foreign import Client, allow
from scenes import OWN_ROOT, Scene, arn_of, document, identity_ask, may_do
from scenes_roles import LOGS, bounded

ESCALATION = "iam-role-escalation"
RUNS = may_do(["lambda:CreateFunction", "lambda:InvokeFunction"])
CLIMBER, CARRIER, SUMMIT = "e2e-climber", "e2e-carrier", "e2e-summit"


def passes(name: str) -> dict[str, Any]:
    return may_do("iam:PassRole", arn_of("role", name))


def climbing() -> Scene:
    """The boundary that Suture's stack carries passes no role."""
    passing = identity_ask("pass the carrier", "iam:PassRole", True, arn_of("role", CARRIER))
    scene = bounded("iam-bound-role", ESCALATION, CLIMBER, passes(CARRIER), RUNS, asks=[passing])

    def breaks(client: Client) -> str:
        client.role(SUMMIT, allow({"AWS": OWN_ROOT}, "sts:AssumeRole"), all=json.dumps(document(may_do("*"))))
        assuming = document(may_do("sts:AssumeRole", arn_of("role", SUMMIT)), LOGS)
        client.role(CARRIER, all=json.dumps(assuming))
        return scene.breaks(client)

    return replace(scene, breaks=breaks)


SCENES = (climbing(),)
