"""Who a `Principal` element names (IAM User Guide, "AWS JSON policy elements: Principal")."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .documents import Principal, Statement

_UNIQUE_ID_PREFIXES = ("AROA", "AIDA", "AGPA", "ANPA", "AIPA", "ASIA", "AKIA")
_REGIONAL = re.compile(r"^([a-z0-9-]+)\.[a-z]{2}(?:-[a-z]+)+-\d(\.amazonaws\.com(?:\.cn)?)$")


def global_name(service: str) -> str:
    """`logs.amazonaws.com` of `logs.eu-west-1.amazonaws.com`, which is the same service in one region."""
    return _REGIONAL.sub(r"\1\2", service)


def is_account(text: str) -> bool:
    return len(text) == 12 and text.isascii() and text.isdigit()


def is_everyone(principal: Principal) -> bool:
    """`*`, `{"AWS": "*"}`, any canonical user, and an ARN in which the account is a wildcard."""
    if principal.kind not in ("AWS", "CanonicalUser"):
        return False
    account = account_field(principal.value)
    return principal.value.strip("*") == "" or "*" in account or "?" in account


def account_field(value: str) -> str:
    """What stands for the account in an AWS principal: of `arn:aws:iam::*:root` it is `*`; nothing where none does."""
    if is_account(value):
        return value
    parts = value.split(":", 5)
    if len(parts) == 6:
        return parts[4]
    return value if "*" in value else ""


def account_of(principal: Principal) -> str:
    """The twelve digits of the account that an AWS principal or an identity provider belongs to, or nothing."""
    field = account_field(principal.value)
    return field if is_account(field) else ""


def is_whole_account(principal: Principal) -> bool:
    """The account itself, which hands the decision to that account's own policies."""
    return principal.kind == "AWS" and (is_account(principal.value) or principal.value.endswith(":root"))


def is_deleted(principal: Principal) -> bool:
    """A unique id (`AROA…`) stands where a role or user was named that no longer exists: it matches nobody."""
    value = principal.value
    return principal.kind == "AWS" and value.startswith(_UNIQUE_ID_PREFIXES) and value.isalnum() and len(value) >= 16


def canonical(principal: Principal) -> Principal:
    """The one spelling of a principal: an account number becomes its root ARN, `**` becomes `*`."""
    if principal.kind == "AWS" and is_account(principal.value):
        return Principal("AWS", f"arn:aws:iam::{principal.value}:root")
    if is_everyone(principal) and ":" not in principal.value:
        return Principal("AWS", "*")
    return principal


def names_everyone(statement: Statement) -> bool:
    """Whether a Deny with this principal meets every caller."""
    return any(p.kind == "AWS" and p.value.strip("*") == "" for p in statement.principal or ())


def includes(theirs: Sequence[Principal], ours: Principal) -> bool:
    """Whether a grant to `theirs` is proved to reach `ours` in the same way.

    Everyone includes AWS principals and services. An account's root does not include its roles here: naming the
    root leaves the decision to identity policies, naming the role takes it.
    """
    wanted = canonical(ours)
    known = {canonical(p) for p in theirs}
    return wanted in known or (Principal("AWS", "*") in known and wanted.kind in ("AWS", "Service", "CanonicalUser"))


def names_caller(principal: Principal, names: Sequence[str]) -> bool:
    """Whether a caller who goes by `names` (role ARN and session ARN, or a service) is meant, alone or by account."""
    return is_everyone(principal) or principal.value in names or names_account_of(principal, names)


def names_account_of(principal: Principal, names: Sequence[str]) -> bool:
    """Whether the account that the caller belongs to is meant as a whole."""
    account = account_of(principal)
    return is_whole_account(principal) and bool(account) and any(account_field(n) == account for n in names)
