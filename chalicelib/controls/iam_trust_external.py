"""A role trusts another account, and neither an external id nor an organisation says for whom it may come."""

from __future__ import annotations

from ..iam.documents import Statement
from ..model import Resource
from . import Control, Judgement, Signal
from ._trusts import SIGNALS, trusted

_KEYS = frozenset({"sts:externalid", "aws:principalorgid", "aws:principalorgpaths"})


def judge(resource: Resource) -> Judgement | None:
    """One item a statement: Index, Sid, Statement, the Principals of other accounts, and the Reason.

    Every account but the role's own counts as another: a control sees nothing but its resource.
    """
    return trusted(resource, "external", _unbound, "Another account ({who}) may assume the role {role}")


def _unbound(statement: Statement, principals: tuple[str, ...]) -> tuple[str, ...]:
    """The principals, unless a condition names an external id or an organisation, and holds only where it is given."""
    bound = any(
        c.key.lower() in _KEYS
        and c.operator.startswith("String")
        and "Not" not in c.operator
        and not c.if_exists
        and c.quantifier != "all"
        and all(v and "*" not in v.split("/")[0] and "?" not in v.split("/")[0] for v in c.values)
        for c in statement.conditions
    )
    return () if bound else principals


CONTROL = Control(
    title="Roles that other accounts assume say for whom",
    why=(
        "Whoever may act in the other account may act with the role's rights, and a vendor's account acts for all of "
        "the vendor's customers unless an external id says for which."
    ),
    severity="medium",
    pillar="iam-hardening",
    resource_type="AWS::IAM::Role",
    signals=(Signal("aws.iam", SIGNALS),),
    judge=judge,
    references=("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html",),
    peers=("iam_role_cross_account_readonlyaccess_policy", "aws_iam_role_external_permission"),
)
