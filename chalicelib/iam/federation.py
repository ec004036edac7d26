"""Whether a trust in an identity provider is open to strangers.

A provider that many customers share (GitHub, GitLab.com, Terraform Cloud, …) signs tokens for all of them alike: only
the subject says whose they are, so it must be fixed as far as the customer's name ends (IAM User Guide, "Configuring
a role for GitHub OIDC identity provider", and the providers' own pages). A provider of one customer (an EKS cluster, a
Bitbucket workspace, a CircleCI organisation) needs a subject or an audience. Web identities (Cognito, Google,
Facebook, Amazon) sign in whoever comes: the audience is one's own application, the subject one person.
"""

from __future__ import annotations

from collections.abc import Sequence

from .documents import Condition, Principal
from .operators import positive

_SHARED = {
    "token.actions.githubusercontent.com": "/:",
    "gitlab.com": "/:",
    "app.terraform.io": ":",
    "app.eu.terraform.io": ":",
    "agent.buildkite.com": ":",
    "oidc.vercel.com": ":",
    "oidc.scalr.io": ":",
}
"""Host and the characters that end the customer's name within a subject: `repo:acme/…`, `organization:acme:…`."""

_OWNED = {
    "token.actions.githubusercontent.com": frozenset(
        [
            "repo",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "enterprise",
            "enterprise_id",
        ]
    )
}
"""First words of a subject that only its owner can get, where every customer lays out its own subjects (GitHub,
"Customizing the token claims"): anybody may name a workflow or an environment as he likes."""

_PEOPLE = ("accounts.google.com", "graph.facebook.com", "www.amazon.com", "appleid.apple.com")
_TENANT_CLAIMS = frozenset(
    [
        "sub",
        "repository",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "enterprise",
        "enterprise_id",
        "project_path",
        "project_id",
        "namespace_path",
        "namespace_id",
        "terraform_organization_id",
        "terraform_organization_name",
        "organization_id",
        "organization_slug",
    ]
)
_COGNITO = "cognito-identity.amazonaws.com"


def host_of(principal: Principal) -> str:
    """The provider's host: `gitlab.com` of its ARN or of itself, with the path where it has one."""
    return principal.value.partition(":oidc-provider/")[2] or principal.value


def is_saml(principal: Principal) -> bool:
    return ":saml-provider/" in principal.value


def stranger(principal: Principal, conditions: Sequence[Condition], variables: bool) -> str:
    """Why strangers can come in through this provider, as a clause; nothing when they cannot."""
    host = host_of(principal)
    claims = _claims(host, conditions, variables)
    if is_saml(principal):
        return ""
    if host == _COGNITO:
        return _cognito(claims)
    if host in _PEOPLE:
        fixed = any(_is_fixed(v) for v in claims.get("sub", ()))
        return "" if fixed else "anyone with an account there can sign in: no condition fixes the subject"
    if host in _SHARED or host.split("/")[0] in _SHARED:
        return _shared(host if host in _SHARED else host.split("/")[0], claims)
    if any(_all_fixed(claims.get(name, ())) for name in ("aud", "app_id", *_TENANT_CLAIMS)):
        return ""
    if any(values and all(_has_head(v) for v in values) for name, values in claims.items() if name in _TENANT_CLAIMS):
        return ""
    return "no condition fixes the subject or the audience of its tokens"


def _claims(host: str, conditions: Sequence[Condition], variables: bool) -> dict[str, tuple[str, ...]]:
    """The values each claim must have, of the conditions that restrict: `sub` → its allowed values."""
    found: dict[str, tuple[str, ...]] = {}
    for c in conditions:
        prefix, _, claim = c.key.lower().rpartition(":")
        optional = c.if_exists or c.quantifier == "all" or not c.known
        if prefix != host.lower() or optional or positive(c.operator)[1] or not c.operator.startswith("String"):
            continue
        if not (variables and any("${" in v for v in c.values)) and claim not in found:
            found[claim] = c.values
    return found


def _cognito(claims: dict[str, tuple[str, ...]]) -> str:
    if not _all_fixed(claims.get("aud", ())):
        return "no condition fixes which identity pool (its aud) may sign in"
    if any("unauthenticated" in v or "*" in v for v in claims.get("amr", ("*",))) and "sub" not in claims:
        return "guests of the identity pool, who signed in nowhere, come in too"
    return ""


def _shared(host: str, claims: dict[str, tuple[str, ...]]) -> str:
    """The first open value speaks; one claim whose values are all bound is enough."""
    if not claims.keys() & _TENANT_CLAIMS:
        return "every customer of this provider gets such tokens, and no condition fixes the subject"
    for claim, values in claims.items():
        if claim in _TENANT_CLAIMS and values and all(_names_tenant(host, claim, v) for v in values):
            return ""
    shown = next(v for claim, values in claims.items() if claim in _TENANT_CLAIMS for v in (*values, ""))
    return f'the subject "{shown[:100]}" leaves open whose token it is'


def _names_tenant(host: str, claim: str, value: str) -> bool:
    """Whether the text before the first wildcard holds the customer's whole name."""
    word, colon, _ = value.partition(":")
    if claim == "sub" and host in _OWNED and (not colon or word not in _OWNED[host]):
        return False
    if _is_fixed(value):
        return True
    before = value[: min(i for i in (value.find("*"), value.find("?")) if i >= 0)]
    named = before.partition(":")[2] if claim == "sub" else before
    return any(end in named[1:] for end in _SHARED[host])


def _all_fixed(values: Sequence[str]) -> bool:
    return bool(values) and all(_is_fixed(v) for v in values)


def _is_fixed(value: str) -> bool:
    return bool(value) and "*" not in value and "?" not in value


def _has_head(value: str) -> bool:
    """More than a bare wildcard, or a wildcard behind the first word only (`repo:*`)."""
    head = value.split("*")[0].split("?")[0].rstrip(":/")
    return len(head.partition(":")[2] or head.partition("/")[2]) > 0
