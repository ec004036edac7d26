"""The principal of the account that a command names: `role/x`, `user/x`, `group/x`, or an ARN."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.errors import BadPolicy

from .failures import WrongUsage

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients
    from suture.account_roles import Read

_NAMED = re.compile(r"(role|user|group)/(?:[\x21-\x7e]*/)?([\w+=,.@-]{1,128})", re.ASCII)
_ARN = re.compile(r"arn:[\w-]+:(?:iam|sts)::(\d{12}):(.+)", re.ASCII)
_STEP = "name a role, user or group: role/NAME, user/NAME, or an ARN"


class Named(NamedTuple):
    """What a text names: role, user or group, the name without path, its account, and the ARN of a session."""

    kind: str
    name: str
    account: str = ""
    session: str = ""


def named(source: str) -> Named | None:
    """What a text names, or None where it names no principal (then it may be a file)."""
    arn = _ARN.fullmatch(source)
    account, rest = (arn[1], arn[2]) if arn else ("", source)
    if arn and rest.startswith("assumed-role/"):
        _, name, *_ = rest.split("/")
        return Named("role", name, account, source)
    found = _NAMED.fullmatch(rest)
    return Named(found[1], found[2], account) if found else None


def is_principal(source: str) -> bool:
    """Whether a text is meant for a principal: then it is no file."""
    return source.startswith(("role/", "user/", "group/", "arn:"))


def account_of(region: str | None, profile: str | None) -> Clients:
    from . import account

    made = account.session(region, profile)
    return account.aws(made, account.account_of(made))


def principal_named(aws: Clients, source: str, kinds: tuple[str, ...] = ("role", "user", "group")) -> Read:
    """The principal with its policies. Raises WrongUsage where the account has none such, or it cannot be judged."""
    from suture import account_roles, account_users

    asked = named(source)
    if asked is None or asked.kind not in kinds:
        raise WrongUsage(f"{source!r} is no {' or '.join(kinds)}", where="iam", next_step=_STEP)
    if asked.account not in ("", aws.account):
        step = f"use credentials of account {asked.account}"
        raise WrongUsage(f"the credentials are for account {aws.account}", where=source, next_step=step)
    reads = {"role": account_roles.read_role, "user": account_users.read_user, "group": account_users.read_group}
    try:
        read = reads[asked.kind](aws, asked.name)
    except BadPolicy as error:
        raise WrongUsage(f"cannot be judged: {error.where}: {error.what}", where=source) from None
    if read is None:
        raise WrongUsage(f"there is no {asked.kind} {asked.name!r} in account {aws.account}", where="iam")
    if asked.account and not asked.session and read.role.arn != source:
        raise WrongUsage("there is none with this path", where=source, next_step=f"perhaps {read.role.arn}")
    return read
