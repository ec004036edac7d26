"""Who can reach what a resource or trust policy guards.

Verdicts, from the worst: `public` (anyone on the internet), `federated-unbound` (an identity provider open to
strangers), `external` (a principal outside what is trusted), `service-unbound` (an AWS service, on behalf of any
customer), `unknown` (it cannot be told), `private`. Each statement that allows gets one, with a sentence; a Deny of
everyone takes away what it covers. What cannot be proved to be closed counts as open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import BadPolicy
from . import federation, spaces
from .callers import Bound, bounds, spared, why_open
from .documents import Document, Principal, Statement, parse
from .principals import account_of, includes, is_deleted, is_everyone, names_everyone

VERDICTS = ("public", "federated-unbound", "external", "service-unbound", "unknown", "private")
_RANK = {verdict: i for i, verdict in enumerate(VERDICTS)}

_MOST_PAIRS = 100_000
"""Kinds of Allows times Denies that are compared; a Deny left out of it only leaves more open."""

_TRUSTED = {"org": "org_ids", "vpc": "vpcs", "endpoint": "vpc_endpoints"}
_NOUNS = {
    "account": "account",
    "org": "organisation",
    "path": "organisation path",
    "vpc": "VPC",
    "endpoint": "VPC endpoint",
    "address": "address range",
    "subscriber": "subscriber",
}


class Trust(NamedTuple):
    """What counts as one's own: the resource's account, and other accounts, organisations, VPCs and endpoints."""

    account: str = ""
    accounts: frozenset[str] = frozenset()
    org_ids: frozenset[str] = frozenset()
    org_paths: frozenset[str] = frozenset()
    vpcs: frozenset[str] = frozenset()
    vpc_endpoints: frozenset[str] = frozenset()

    def has_account(self, account: str) -> bool:
        return bool(account) and (account == self.account or account in self.accounts)


NO_TRUST = Trust()
"""Nothing is known to be one's own: every named account is external."""


@dataclass(frozen=True, slots=True)
class StatementReach:
    """One Allow: its place and Sid, its verdict, the sentence, and the principals that decided, as written."""

    index: int
    sid: str
    verdict: str
    reason: str
    principals: tuple[str, ...]


class Reach(NamedTuple):
    """The worst verdict of a document, every Allow's own, and the sentences behind the worst."""

    verdict: str
    statements: tuple[StatementReach, ...]
    reasons: tuple[str, ...]


_Found = tuple[str, str]
"""A verdict and the clause that explains it."""


def reach(document: Document, trust: Trust = NO_TRUST) -> Reach:
    """Who can reach the resource that the document hangs on. Pure, and linear in statements without Deny."""
    denies = _Denies(document.statements)
    judged = tuple(_judge(s, denies, document.kind, trust) for s in document.statements if s.allows)
    if not judged:
        return Reach("private", (), ("No statement allows anything.",))
    worst = min((s.verdict for s in judged), key=_RANK.__getitem__)
    return Reach(worst, judged, tuple(s.reason for s in judged if s.verdict == worst))


def reach_of(raw: str | Mapping[str, Any], kind: str, trust: Trust = NO_TRUST) -> Reach:
    """As `reach`, from a document as AWS gives it; `unknown` with the place where it cannot be read."""
    try:
        return reach(parse(raw, kind), trust)
    except BadPolicy as e:
        return Reach("unknown", (), (f"The policy cannot be read: {e.what}",))


class _Denies:
    """The Denies of a document, by the actions and resources of the Allows that they cover. Answers are kept."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        denies = (s for s in statements if not s.allows)
        self._all = [(s, spaces.actions(s), spaces.at_least(s)) for s in denies]
        self._kept: dict[tuple[spaces.Space, spaces.Space], list[Statement]] = {}
        self._left = _MOST_PAIRS

    def over(self, allow: Statement) -> list[Statement]:
        """Those that deny all that an Allow is about, to whomever."""
        if not self._all:
            return []
        acts, things = key = (spaces.actions(allow), spaces.at_most(allow))
        if key not in self._kept:
            tried = self._all[: max(self._left, 0)]
            self._left -= len(tried)
            self._kept[key] = [s for s, a, r in tried if a.covers(acts) and r.covers(things)]
        return self._kept[key]


def _judge(statement: Statement, denies: _Denies, kind: str, trust: Trust) -> StatementReach:
    verdict, clause, principals = _allowed(statement, trust)
    if verdict != "private" and kind == "trust" and not _can_assume(statement):
        verdict, clause = "private", "it lets nobody assume the role: sts:AssumeRole is not among its actions"
    if verdict != "private":
        guards = (_denied(statement, deny, trust) for deny in denies.over(statement))
        verdict, clause = _all_of([(verdict, clause), *(g for g in guards if g)])
    reason = f"{statement.name[0].upper()}{statement.name[1:]}: {clause}."
    return StatementReach(statement.index, statement.sid, verdict, reason, principals)


def _allowed(statement: Statement, trust: Trust) -> tuple[str, str, tuple[str, ...]]:
    """The worst of what its principals make of one Allow, and who they are."""
    fixed = bounds(statement.conditions, statement.variables)
    if statement.not_principal is not None:
        verdict, clause = _everyone(statement, fixed, trust, "NotPrincipal with Allow means everyone else")
        return verdict, clause, ("*",)
    found = [(p, _principal(p, statement, fixed, trust)) for p in statement.principal or ()]
    worst = min((f[0] for _, f in found), key=_RANK.__getitem__)
    deciding = tuple(p.value for p, f in found if f[0] == worst)
    return worst, next(f[1] for _, f in found if f[0] == worst), deciding


def _principal(principal: Principal, statement: Statement, fixed: tuple[Bound, ...], trust: Trust) -> _Found:
    if is_everyone(principal):
        return _everyone(statement, fixed, trust, f'the principal is "{principal.value[:100]}"')
    if principal.kind == "Service":
        return _service(principal, fixed, trust)
    if principal.kind == "Federated":
        return _federated(principal, statement, trust)
    if principal.kind == "CanonicalUser":
        return "unknown", f"whose the canonical user {principal.value[:12]}… is cannot be told from the policy"
    return _aws(principal, fixed, trust)


def _everyone(statement: Statement, fixed: tuple[Bound, ...], trust: Trust, who: str) -> _Found:
    if fixed:
        return _bound(fixed, trust, who)
    what = _actions_text(statement)
    if not statement.conditions:
        return "public", f"anyone on the internet may use {what}: {who} and there is no condition"
    shown = "; ".join(f"{c}: {why_open(c)}" for c in statement.conditions[:3])
    return "public", f"anyone on the internet may use {what}: {who} and no condition says who must call ({shown})"


def _service(principal: Principal, fixed: tuple[Bound, ...], trust: Trust) -> _Found:
    name = principal.value[:100]
    about_callers = tuple(b for b in fixed if b.kind != "service")
    if any(b.kind == "token" for b in about_callers):
        return "private", f"the service {name} comes only with the token of one skill or one source"
    if not about_callers:
        return "service-unbound", (
            f"the service {name} acts for every AWS customer, and no condition (aws:SourceAccount, aws:SourceArn, …) "
            "says on whose behalf it may come"
        )
    return _bound(about_callers, trust, f"the service {name} comes")


def _federated(principal: Principal, statement: Statement, trust: Trust) -> _Found:
    account = account_of(principal)
    if account and not trust.has_account(account):
        return "external", f"the identity provider {principal.value[:200]} is of account {account}, not a trusted one"
    open_to = federation.stranger(principal, statement.conditions, statement.variables)
    if open_to:
        return "federated-unbound", f"the identity provider {federation.host_of(principal)[:100]}: {open_to}"
    return "private", f"the identity provider {federation.host_of(principal)[:100]} is bound by its conditions"


def _aws(principal: Principal, fixed: tuple[Bound, ...], trust: Trust) -> _Found:
    account, name = account_of(principal), principal.value[:200]
    if trust.has_account(account):
        return "private", f"{name} is of a trusted account"
    if is_deleted(principal):
        return "private", f"{name} is what is left of a deleted principal and matches nobody"
    if not account:
        return "unknown", f"whose the principal {name} is cannot be told"
    closed = next((c for b in fixed for v, c in [_judge_bound(b, trust)] if v == "private"), "")
    if closed:
        return "private", f"{name} only where {closed}"
    return "external", f"{name} is of account {account}, which is not a trusted one"


def _bound(fixed: Sequence[Bound], trust: Trust, who: str) -> _Found:
    verdict, clause = _all_of([_judge_bound(b, trust) for b in fixed])
    return verdict, f"{who}, but only where {clause}"


def _all_of(found: Sequence[_Found]) -> _Found:
    """What is left where several limits hold at once: one that closes is enough, one that keeps out strangers counts
    for more than their being let in, and of those left the worst is what is sure."""
    closed = [f for f in found if f[0] == "private"]
    limited = [f for f in found if f[0] not in ("public", "federated-unbound")]
    return min(closed or limited or found, key=lambda one: _RANK[one[0]])


def _judge_bound(bound: Bound, trust: Trust) -> _Found:
    text = str(bound.condition)
    if bound.kind == "service":
        return "service-unbound", f"{text}: an AWS service calls, on behalf of any customer"
    if bound.kind == "bucket":
        return "private", f"{text}: one named resource is the source (its name says no account: add aws:SourceAccount)"
    if bound.kind == "nobody":
        return "private", f"{text}: no caller ever has that value"
    if bound.kind in ("userid", "token", "mixed"):
        return "unknown", f"{text}: whose that is cannot be told from the policy"
    strangers = [h for h in bound.holders if not _is_trusted(bound.kind, h, trust)]
    if not strangers:
        return "private", f"{text}: that is trusted"
    return "external", f"{text}: the {_NOUNS[bound.kind]} {strangers[0][:100]} is not a trusted one"


def _is_trusted(kind: str, holder: str, trust: Trust) -> bool:
    if kind == "account":
        return trust.has_account(holder)
    if kind == "path":
        return holder.partition("/")[0] in trust.org_ids or any(_is_below(holder, p) for p in trust.org_paths)
    known: frozenset[str] = getattr(trust, _TRUSTED[kind]) if kind in _TRUSTED else frozenset()
    return holder in known


def _is_below(path: str, trusted: str) -> bool:
    """Whether all of a path lies in a trusted organisational unit; the id of a unit is unique in its organisation."""
    ours, theirs = path.split("/"), [part for part in trusted.split("/") if part.strip("*")]
    return bool(theirs) and ours[0] == theirs[0] and theirs[-1] in ours


def _can_assume(statement: Statement) -> bool:
    assume = spaces.Space(("sts:assumerole", "sts:assumerolewith*"))
    return spaces.actions(statement).meets(assume)


def _denied(allow: Statement, deny: Statement, trust: Trust) -> _Found | None:
    """What a Deny over all of an Allow's actions and resources leaves of it; None where strangers are not met."""
    if deny.not_principal is not None:
        return None if deny.conditions else _only(deny, trust)
    met = allow.principal and all(includes(deny.principal or (), p) for p in allow.principal)
    if not met and not names_everyone(deny):
        return None
    if not deny.conditions:
        return "private", f"{deny.name} denies all of it"
    left = spared(deny.conditions, deny.variables)
    if not left:
        return None
    if allow.principal and not any(p.kind != "AWS" or is_everyone(p) for p in allow.principal):
        left = tuple(b for b in left if b.kind != "service")
        if not left:
            return "private", f"{deny.name} denies it to all but AWS services, and these it does not name"
    verdict, clause = min((_judge_bound(b, trust) for b in left), key=lambda found: _RANK[found[0]])
    return verdict, f"{deny.name} denies everyone else than {clause}"


def _only(deny: Statement, trust: Trust) -> _Found | None:
    """A Deny with NotPrincipal leaves those it names."""
    named = [_principal(p, deny, (), trust) for p in deny.not_principal or ()]
    verdict, clause = min(named, key=lambda found: _RANK[found[0]])
    return verdict, f"{deny.name} denies everyone but: {clause}"


def _actions_text(statement: Statement) -> str:
    listed = statement.actions if statement.actions is not None else statement.not_actions or ()
    shown = ", ".join(a[:80] for a in listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
    return shown if statement.actions is not None else f"everything but {shown}"
