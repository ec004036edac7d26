"""A layer version's policy lets anyone use it, and so read its code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..model import Json, Resource, canonical
from ..surgery import statements
from . import Control, Judgement, Signal
from ._holders import everyone

_ACTION = "lambda:GetLayerVersion"


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Sid, Statement, Principals, Reason, and Grant where it can be written again."""
    found = everyone(resource, "layer version", "use")
    if found is None:
        return None
    sids = Counter(str(s.get("Sid")) for s in statements(resource.config["Policy"]) if isinstance(s, Mapping))
    items = tuple({**i, "Grant": _grant(i, resource, sids)} if "Sid" in i else i for i in found.evidence)
    return Judgement(found.title, items, found.severity)


def _grant(item: Mapping[str, Json], resource: Resource, sids: Mapping[str, int]) -> dict[str, str] | None:
    """The AddLayerVersionPermission parameters that rebuild exactly this statement, or None."""
    sid = item["Sid"]
    rebuilt = {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": _ACTION, "Resource": resource.arn}
    same = canonical(item["Statement"]) == canonical(rebuilt) and sids[str(sid)] == 1
    return {"Action": _ACTION, "Principal": "*"} if same else None


CONTROL = Control(
    title="Only named accounts may use a layer version",
    why=(
        "A statement for everyone lets any AWS account download the layer: the code in it, and whatever else was "
        "packed along."
    ),
    severity="high",
    pillar="iam-hardening",
    resource_type="AWS::Lambda::LayerVersion",
    signals=(
        Signal(
            "aws.lambda",
            (
                "PublishLayerVersion",
                "DeleteLayerVersion",
                "AddLayerVersionPermission",
                "RemoveLayerVersionPermission",
            ),
        ),
    ),
    judge=judge,
    public_access=True,
    references=("https://docs.aws.amazon.com/lambda/latest/dg/permissions-layer-cross-account.html",),
    peers=("Lambda.4", "lambda-layer-cross-account"),
)
