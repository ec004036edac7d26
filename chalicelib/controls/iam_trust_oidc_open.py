"""A role trusts an identity provider that signs tokens for many customers, and does not say whose tokens it means."""

from __future__ import annotations

from ..model import Resource
from . import Control, Judgement, Signal
from ._trusts import SIGNALS, trusted


def judge(resource: Resource) -> Judgement | None:
    """One item a statement: Index, Sid, Statement, the Principals (providers) that are open, and the Reason."""
    title = "Strangers who sign in at {who} may assume the role {role}"
    return trusted(resource, "federated-unbound", lambda statement, principals: principals, title)


CONTROL = Control(
    title="Roles for identity providers name whose tokens they take",
    why=(
        "GitHub, GitLab, Terraform Cloud and their like sign tokens for all of their customers. Where no condition "
        "fixes the subject as far as the customer's own name, anybody's pipeline gets the role."
    ),
    severity="critical",
    pillar="iam-hardening",
    resource_type="AWS::IAM::Role",
    signals=(Signal("aws.iam", SIGNALS),),
    judge=judge,
    public_access=True,
    references=("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",),
    peers=("CKV_AWS_358", "iam_role_github_actions_trust"),
)
