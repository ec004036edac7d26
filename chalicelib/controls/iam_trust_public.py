"""A role's trust policy lets anyone, in any AWS account, assume it."""

from __future__ import annotations

from ..errors import BadPolicy
from ..model import Resource
from ..redaction import safe_text
from ..surgery import public_trust, statements
from . import Control, Judgement, Signal


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Statement, and the Principals in it that are everyone."""
    trust = resource.config["AssumeRolePolicyDocument"]
    name = f"role {safe_text(resource.id, 70)}"
    try:
        public = public_trust(trust)
    except BadPolicy as error:
        unknown = ({"Unknown": safe_text(error.what)},)
        return Judgement(f"Who may assume the {name} cannot be judged", unknown, "low")
    if not public:
        return None
    raw = statements(trust)
    items = tuple({"Statement": dict(raw[i]), "Principals": list(names)} for i, names in public.items())
    return Judgement(f"Anyone in any AWS account may assume the {name} and act with its rights", items)


CONTROL = Control(
    title="Roles name who may assume them",
    why="A trust policy for everyone hands the role's rights to any AWS account in the world that learns its ARN.",
    severity="critical",
    pillar="iam-hardening",
    resource_type="AWS::IAM::Role",
    signals=(Signal("aws.iam", ("CreateRole", "DeleteRole", "UpdateAssumeRolePolicy")),),
    judge=judge,
    public_access=True,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
    ),
    peers=("CKV_AWS_60", "CKV_AWS_61"),
)
