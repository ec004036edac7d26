"""The account that the ordinary AWS credentials name, checked before anything else is tried."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.errors import Misconfigured

from .failures import Unreachable

if TYPE_CHECKING:
    import boto3

    from chalicelib.aws.clients import Clients


def session(region: str | None = None, profile: str | None = None) -> boto3.session.Session:
    """A session with a region. Raises Unreachable when there is no region or there are no credentials."""
    import boto3

    _check_endpoint()
    wanted = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    made = boto3.session.Session(profile_name=profile, region_name=wanted)
    if not made.region_name:
        step = "pass --region or set AWS_REGION, such as eu-west-1"
        raise Unreachable("no AWS region is set", where="AWS region", next_step=step)
    if made.get_credentials() is None:
        step = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`"
        raise Unreachable("no AWS credentials were found", where="AWS", next_step=step)
    return made


def account_of(made: boto3.session.Session) -> str:
    """The account id behind a session's credentials: one call, which nobody can be denied. Raises a CallFailed."""
    from chalicelib.aws.clients import Clients

    answer = Clients("", made.region_name, made).call("sts:GetCallerIdentity", {})
    return str(answer["Account"])


def aws(made: boto3.session.Session, account: str, region: str | None = None) -> Clients:
    """Calls into one region of the session's account."""
    from chalicelib.aws.clients import Clients

    return Clients(account, region or made.region_name, made)


def _check_endpoint() -> None:
    """botocore answers a bad address with a bare ValueError from deep inside: say it here."""
    for name, value in os.environ.items():
        if not name.startswith("AWS_ENDPOINT_URL") or not value:
            continue
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
        except ValueError:
            good = None
        if not good:
            step = f"set {name} to an address such as http://127.0.0.1:4566, or unset it"
            raise Misconfigured(f"{value!r} is no address", where=name, next_step=step)
