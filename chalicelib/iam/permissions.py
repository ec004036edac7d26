"""May a principal do this action on this resource? allowed, denied, or allowed-if.

The evaluation logic of the IAM User Guide ("Policy evaluation logic"): a Deny anywhere wins; service control policies,
permissions boundary and session policy each must allow too; within the account the resource's policy can allow by
itself, and names the role (still within boundary and session) or the very session or user (beyond them). KMS keys and
the assuming of roles need the resource's own policy, and so does every call across accounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import globs, principals
from .conditions import Context, always, context_of, holds, loosened, resolve
from .documents import Document, Statement

NO, PERHAPS, YES = 0, 1, 2

_BY_RESOURCE = ("kms:", "sts:assumerole", "sts:tagsession", "sts:setsourceidentity")
"""Where identity policies count only as far as the resource's own policy lets them: key policies and trust policies.
KMS Developer Guide, "Key policies in AWS KMS"; IAM User Guide, "Passing session tags in AWS STS"."""


class Answer(NamedTuple):
    """`verdict` is allowed, denied or allowed-if; `reasons` name the statements and conditions that decided."""

    verdict: str
    reasons: tuple[str, ...]

    @property
    def is_allowed(self) -> bool:
        """Allowed without an if."""
        return self.verdict == "allowed"


class _Request(NamedTuple):
    action: str
    resource: str
    context: Context | None
    names: tuple[str, ...]


class _Said(NamedTuple):
    """What one layer of policies says: how surely it allows and denies, and the statements that say so."""

    allows: int
    denies: int
    granting: tuple[str, ...]
    denying: tuple[str, ...]


class _Theirs(NamedTuple):
    """What the resource's policy says: to the role or everyone, to the very session or user, to the account."""

    direct: int
    beyond: int
    account: int
    said: _Said


def may(
    identity: Sequence[Document],
    action: str,
    resource: str,
    *,
    boundary: Sequence[Document] | None = None,
    session: Sequence[Document] | None = None,
    scps: Sequence[Document] | Sequence[Sequence[Document]] = (),
    resource_policy: Document | None = None,
    context: Mapping[str, str | Sequence[str]] | None = None,
    principal: str | Sequence[str] = (),
) -> Answer:
    """Whether `action` ("lambda:InvokeFunction") on `resource` (an ARN, or "*" for actions without one) is allowed.

    Without `context` conditions are unknown and the answer can be allowed-if; with one they are evaluated, an absent
    key being absent. `boundary` and `session` are None where there is none; an empty sequence allows nothing. `scps`
    are the policies of one level, or a sequence of levels. `principal` is what the caller goes by (role ARN, session
    ARN, service name); where it is not given, aws:PrincipalArn of the context stands for it.
    """
    known = context_of(context) if context is not None else None
    request = _Request(globs.fold(action), resource, known, _names(principal, known))
    own = _said(identity, request, "the identity policy")
    capped = ((boundary, "the permissions boundary"), (session, "the session policy"))
    limits = [_said(documents, request, layer) for documents, layer in capped if documents is not None]
    by_level = [_said(level, request, "a service control policy") for level in levels(scps)]
    theirs = _theirs(resource_policy, request) if resource_policy is not None else None
    every = [own, *limits, *by_level, *([theirs.said] if theirs else [])]
    if any(s.denies == YES for s in every):
        return Answer("denied", tuple(r for s in every if s.denies == YES for r in s.denying))
    granted = min((s.allows for s in by_level), default=YES)
    granted = min(granted, _granted(own.allows, min((s.allows for s in limits), default=YES), theirs, request))
    if granted == NO:
        return Answer("denied", _missing(own, limits, by_level, request))
    unless = tuple(r for s in every for r in s.denying)
    verdict = "allowed" if granted == YES and not unless else "allowed-if"
    return Answer(verdict, tuple(r for s in every for r in s.granting) + unless)


def _names(principal: str | Sequence[str], context: Context | None) -> tuple[str, ...]:
    given = (principal,) if isinstance(principal, str) else tuple(principal)
    return tuple(filter(None, given)) or (context.get("aws:principalarn", ()) if context else ())


def levels(scps: Sequence[Document] | Sequence[Sequence[Document]]) -> list[Sequence[Document]]:
    """Service control policies as levels: those of one level given flat are one."""
    flat = [d for d in scps if isinstance(d, Document)]
    return [flat] if flat else [level for level in scps if not isinstance(level, Document)]


def _granted(own: int, within: int, theirs: _Theirs | None, request: _Request) -> int:
    by_identity = min(own, within)
    if theirs is None:
        return by_identity
    by_resource = max(min(theirs.direct, within), theirs.beyond)
    if _crosses_accounts(request):
        return min(by_identity, max(theirs.direct, theirs.beyond, theirs.account))
    if request.action.startswith(_BY_RESOURCE):
        by_identity = min(by_identity, max(theirs.account, theirs.direct))
    return max(by_identity, by_resource)


def _crosses_accounts(request: _Request) -> bool:
    """Does the caller come from another account than the resource's? A bucket's ARN names none; the context may."""
    parts = request.resource.split(":", 5)
    owner = parts[4] if len(parts) == 6 else ""
    if not owner and request.context:
        owner = next(iter(request.context.get("aws:resourceaccount", ())), "")
    callers = {a for n in request.names if principals.is_account(a := principals.account_field(n))}
    return principals.is_account(owner) and bool(callers) and owner not in callers


def _said(documents: Sequence[Document], request: _Request, layer: str) -> _Said:
    allows = denies = NO
    granting: list[str] = []
    denying: list[str] = []
    for document in documents:
        where = f"{layer} {document.name[:120]}" if document.name else layer
        for statement in document.statements:
            applies = _applies(statement, request)
            if applies == NO:
                continue
            if statement.allows:
                allows = max(allows, applies)
                granting.append(_reason(statement, applies, where))
            else:
                denies = max(denies, applies)
                denying.append(_reason(statement, applies, where))
    return _Said(allows, denies, tuple(granting), tuple(denying))


def _theirs(policy: Document, request: _Request) -> _Theirs:
    best = [NO, NO, NO]
    denies = NO
    granting: list[str] = []
    denying: list[str] = []
    for statement in policy.statements:
        applies = _applies(statement, request)
        if applies == NO:
            continue
        how = [min(applies, h) for h in _named(statement, request)]
        if max(how) == NO:
            continue
        reason = _reason(statement, max(how), "the resource's policy")
        if statement.allows:
            best = [max(b, h) for b, h in zip(best, how, strict=True)]
            granting.append(reason)
        else:
            denies = max(denies, *how)
            denying.append(reason)
    return _Theirs(best[0], best[1], best[2], _Said(max(best), denies, tuple(granting), tuple(denying)))


def _named(statement: Statement, request: _Request) -> tuple[int, int, int]:
    """How surely a statement names the caller: as role or everyone, as session or user, as account."""
    if statement.not_principal is not None:
        if not request.names:
            return PERHAPS, NO, NO
        spared = any(principals.names_caller(p, request.names) for p in statement.not_principal)
        return (NO if spared else YES), NO, NO
    listed = statement.principal or ()
    direct = beyond = account = NO
    for principal in listed:
        if principals.is_everyone(principal):
            direct = YES
        elif not request.names:
            direct = max(direct, PERHAPS)
        elif principal.value in request.names:
            if ":assumed-role/" in principal.value or ":user/" in principal.value:
                beyond = YES
            else:
                direct = YES
        elif principals.names_account_of(principal, request.names):
            account = YES
    return direct, beyond, account


def _applies(statement: Statement, request: _Request) -> int:
    """How surely a statement is about the request: its action, its resource, its conditions."""
    if not _has_action(statement, request.action):
        return NO
    on_it = _has_resource(statement, request)
    if on_it == NO or not statement.conditions:
        return on_it
    if request.context is None:
        return on_it if always(statement.conditions) else PERHAPS
    holding = holds(statement.conditions, request.context, statement.variables)
    if holding is None:
        return PERHAPS
    return on_it if holding else NO


def _has_action(statement: Statement, action: str) -> bool:
    if statement.actions is not None:
        return any(globs.matches(globs.fold(p), action) for p in statement.actions)
    return not any(globs.matches(globs.fold(p), action) for p in statement.not_actions or ())


def _has_resource(statement: Statement, request: _Request) -> int:
    if statement.resources is not None:
        return max(_on(p, statement.variables, request) for p in statement.resources)
    return YES - max(_on(p, statement.variables, request, unresolved=PERHAPS) for p in statement.not_resources or ())


def _on(pattern: str, variables: bool, request: _Request, *, unresolved: int = NO) -> int:
    """Whether one resource pattern matches; without a context a policy variable may be anything."""
    if not variables or "${" not in pattern:
        return YES if globs.matches(pattern, request.resource) else NO
    if request.context is None:
        return PERHAPS if globs.matches(loosened(pattern), request.resource) else NO
    resolved = resolve(pattern, request.context, pattern=True)
    if resolved is None:
        return unresolved
    return YES if globs.matches(resolved, request.resource) else NO


def _reason(statement: Statement, applies: int, layer: str) -> str:
    verb = "allows" if statement.allows else "denies"
    if applies == YES:
        return f"{layer}: {statement.name} {verb} it"
    clauses = "; ".join(map(str, statement.conditions[:3])) or "a policy variable or a principal that is not known here"
    return f"{layer}: {statement.name} {verb} it where {clauses}"


def _missing(own: _Said, limits: Sequence[_Said], levels: Sequence[_Said], request: _Request) -> tuple[str, ...]:
    what = f"{request.action} on {request.resource[:200]}"
    if any(s.allows == NO for s in levels):
        return (f"no service control policy of one level allows {what}",)
    if any(s.allows == NO for s in limits):
        return (f"the permissions boundary or the session policy does not allow {what}",)
    if own.allows == NO:
        return (f"no identity policy allows {what}",)
    return (f"the resource's own policy does not allow {what}",)
