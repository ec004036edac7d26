"""Do conditions hold in a call that somebody who wants to would make? Yes, no, or perhaps.

The caller chooses what it can: the policy to attach, the service to pass a role to. What is known of it (its ARN,
the time) is compared; the rest is perhaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import globs
from .conditions import always, context_of, holds, loosened
from .documents import Condition, Statement
from .operators import positive

NO, PERHAPS, YES = 0, 1, 2

SELF = "\ue0ff"
"""The name of a caller that is not known, in patterns."""
_USERNAME = "${aws:username}"

WRITTEN = "2025-01-01T00:00:00Z"
"""A moment that has passed wherever this runs: what ended before it is over, without a clock."""
_LATER = "9999-12-31T00:00:00Z"
_DAYS = {"aws:currenttime", "aws:epochtime"}

_WORTH_ATTACHING = tuple(
    f"arn:aws:iam::aws:policy/{name}"
    for name in (
        "AdministratorAccess",
        "IAMFullAccess",
        "PowerUserAccess",
        "AdministratorAccess-Amplify",
        "AdministratorAccess-AWSElasticBeanstalk",
        "AWSCloudFormationFullAccess",
        "AWSLambda_FullAccess",
        "AWSLambdaFullAccess",
        "AWSOpsWorksRegisterCLI",
        "AWSSSOMasterAccountAdministrator",
        "AmazonElasticMapReduceFullAccess",
        "AmazonSSMFullAccess",
        "job-function/SystemAdministrator",
    )
)
"""Policies of AWS's own that make whoever has them an administrator, or lead there. A condition that lets only others
be attached lets nobody escalate."""


class Known(NamedTuple):
    """What is known of the call: the caller's ARN or nothing, the service a role is passed to, the time."""

    principal: str = ""
    services: tuple[str, ...] = ()
    now: str = WRITTEN

    def filled(self, pattern: str) -> str | None:
        """A resource pattern with `${aws:username}` replaced; None where the caller is known to have no such name.

        Where the caller is not known, `SELF` stands for its name: a character that no name has.
        """
        if self.principal and ":user/" not in self.principal:
            return None if _USERNAME in pattern.lower() else pattern
        parts: list[str] = []
        rest = pattern
        while (at := rest.lower().find(_USERNAME)) >= 0:
            parts += [rest[:at], self.own_name]
            rest = rest[at + len(_USERNAME) :]
        return "".join([*parts, rest])

    @property
    def own_name(self) -> str:
        return globs.literal(self.principal.rsplit("/", 1)[-1]) if self.principal else SELF


def held(statement: Statement, known: Known) -> int:
    """How surely a statement's conditions hold: the least sure of them decides."""
    return min((stands(c, known, statement.variables) for c in statement.conditions), default=YES)


def stands(condition: Condition, known: Known, variables: bool) -> int:
    """How surely one condition holds."""
    if always((condition,)):
        return YES
    if not condition.known:
        return PERHAPS
    if not condition.values and not positive(condition.operator)[1]:
        return NO
    key = condition.key.lower()
    if key == "iam:policyarn":
        return _of_policy(condition, variables)
    if variables and any("${" in v for v in condition.values):
        return PERHAPS
    if key in _DAYS:
        return _both(condition, ((known.now,), (_LATER,)), variables)
    if key == "iam:passedtoservice" and known.services:
        return _both(condition, tuple((s,) for s in known.services), variables)
    if key == "aws:principalarn" and known.principal:
        return _both(condition, ((known.principal,),), variables)
    if key == "aws:principalaccount" and known.principal.count(":") >= 5:
        return _both(condition, ((known.principal.split(":")[4],),), variables)
    return PERHAPS


def _both(condition: Condition, values: Sequence[tuple[str, ...]], variables: bool) -> int:
    """YES where the condition holds with each of the values, NO where with none."""
    context = condition.key.lower()
    answers = {holds((condition,), context_of({context: list(v)}), variables) for v in values}
    if None in answers or len(answers) > 1:
        return PERHAPS
    return YES if answers == {True} else NO


def _of_policy(condition: Condition, variables: bool) -> int:
    """About the policy to attach: whether the condition holds for none that is worth it, for all, or for some."""
    operator, negated = positive(condition.operator)
    if operator not in ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "StringEqualsIgnoreCase"):
        return PERHAPS
    values = [loosened(v) if variables else v for v in condition.values]
    if "*" in values and operator != "StringEquals":
        named = YES
    else:
        named = PERHAPS if any(_is_worth(v, operator) for v in values) else NO
    return YES - named if negated else named


def _is_worth(value: str, operator: str) -> bool:
    """Whether a value may name a policy with more rights: one of the account's own, or a powerful one of AWS's."""
    parts = value.split(":", 5)
    patterned = operator not in ("StringEquals", "StringEqualsIgnoreCase")
    if len(parts) != 6 or parts[4] != "aws":
        return True
    name = parts[5]
    return any(globs.matches(name, w.split(":", 5)[5]) if patterned else value == w for w in _WORTH_ATTACHING)
