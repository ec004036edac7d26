"""Every way to fail, as one line on stderr and an exit code. No traceback, unless SUTURE_DEBUG=1 asks for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from chalicelib import errors
from chalicelib.redaction import safe_text
from suture.api import NoAnswer

OK, FOUND, INCOMPLETE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: done; findings or a refusal; wrong usage or could not look everywhere; no AWS or API; Ctrl-C."""

REFUSED = FOUND
USAGE = INCOMPLETE

_NO_CREDENTIALS = "check with `aws sts get-caller-identity`; set AWS_PROFILE, or log in again"
_CREDENTIALS = """
NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError SSOTokenLoadError
UnauthorizedSSOTokenError ProfileNotFound InvalidClientTokenId UnrecognizedClientException ExpiredToken
ExpiredTokenException SignatureDoesNotMatch InvalidSignatureException AuthFailure InvalidAccessKeyId InvalidToken
IncompleteSignature IncompleteSignatureException RequestExpired MissingAuthenticationToken
MissingAuthenticationTokenException LoginRefreshRequired
"""
_NETWORK = """
EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError ConnectionError SSLError
ProxyConnectionError HTTPClientError ResponseParserError ResponseStreamingError UnknownEndpointError
EndpointProviderError
"""
_REGION = "InvalidRegionError UnknownRegionError NoRegionError"


class Unreachable(NoAnswer):
    """AWS cannot be talked to: no answer, no credentials, no such region."""


class WrongUsage(errors.BadInput):
    """What was typed names nothing that there is, or cannot be done here."""


def code_of(run: Callable[[], Any]) -> int:
    """Run, say on stderr what went wrong if anything did, and give the exit code."""
    try:
        answer = run()
        return answer if isinstance(answer, int) else OK
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        print(_usage(error), file=sys.stderr)
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt, EOFError):
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("SUTURE_DEBUG", "") not in ("", "0"):
            sys.stderr.write(_traced(error))
        line, code = explained(error)
        print(line, file=sys.stderr)
        return code


def explained(error: Exception) -> tuple[str, int]:
    """The line `error: where: what. Next: …` and the exit code for an exception."""
    told = told_plainly(error)
    if told is not None:
        return "error: " + sentence(told), _code(told)
    kind = type(error).__name__
    return f"error: unexpected {kind}. Next: run it again with SUTURE_DEBUG=1 and report what it says", USAGE


def _traced(error: BaseException) -> str:
    """The traceback of an error and of what led to it. Only our own errors keep their words: those of any other may
    hold a value that the command was looking at.
    """
    import traceback

    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    kind, words = type(error).__name__, f": {error}" if isinstance(error, errors.SutureError) else ""
    lines = ["Traceback (most recent call last):\n", *traceback.format_tb(error.__traceback__), f"{kind}{words}\n"]
    return (_traced(before) + "\nand then:\n\n" if before else "") + "".join(lines)


def _usage(error: click.ClickException) -> str:
    """A wrong command line in one line: what is wrong with it, and where its help is."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    step = f" Next: see `{context.command_path} --help`" if context else ""
    return "error: " + _ended(safe_text(error.format_message(), 500)) + step


def sentence(error: errors.SutureError) -> str:
    """`where: what. Next: step` as one safe line."""
    place = safe_text(error.where) + ": " if error.where else ""
    step = " Next: " + safe_text(error.next_step, 500) if error.next_step else ""
    return place + _ended(safe_text(error.what, 600)) + step


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!", "…")) else text + "."


def told_plainly(error: Exception) -> errors.SutureError | None:
    """The error in our own words: AWS's failures classified, files that cannot be opened named; None if unknown."""
    if isinstance(error, errors.CallFailed):
        return _of_aws(error.code, error.what, error.where) or _denied(error)
    if isinstance(error, errors.SutureError):
        return error
    if isinstance(error, OSError) and error.filename is not None:
        reason = error.strerror or type(error).__name__
        return errors.BadInput(f"cannot be used: {reason}", where=str(error.filename), next_step="check the path")
    if type(error).__module__.split(".")[0] in ("botocore", "boto3", "s3transfer"):
        return _of_botocore(error)
    return None


def _denied(error: errors.CallFailed) -> errors.CallFailed:
    """A denied call with what to allow; any other failure as it is."""
    if not isinstance(error, errors.Denied) or error.next_step:
        return error
    step = f"allow {error.operation} to these credentials; AWS's SecurityAudit policy has the reads"
    return errors.Denied(error.what, operation=error.operation, code=error.code, where=error.where, next_step=step)


def _of_botocore(error: Exception) -> errors.SutureError:
    code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
    return _of_aws(code, str(error), "") or Unreachable(str(error), where="AWS", next_step=_NO_CREDENTIALS)


def _of_aws(code: str, what: str, where: str) -> errors.SutureError | None:
    if code == "NoCredentialsError":
        return Unreachable("no AWS credentials were found", where="AWS", next_step=_NO_CREDENTIALS)
    if code in _CREDENTIALS.split():
        return Unreachable(f"the credentials are of no use: {what}", where=where or "AWS", next_step=_NO_CREDENTIALS)
    if code in _REGION.split():
        return Unreachable(what, where="AWS region", next_step="pass --region or set AWS_REGION, such as eu-west-1")
    if code in _NETWORK.split():
        step = "check the network, the region and AWS_ENDPOINT_URL"
        return Unreachable(what, where=where or "AWS", next_step=step)
    return None


def _code(error: errors.SutureError) -> int:
    return next((code for kind, code in _CODES if isinstance(error, kind)), USAGE)


_CODES: tuple[tuple[type[errors.SutureError], int], ...] = (
    (NoAnswer, UNREACHABLE),
    (errors.Throttled, UNREACHABLE),
    (WrongUsage, USAGE),
    (errors.Denied, INCOMPLETE),
    (errors.CallFailed, REFUSED),
    (errors.Misconfigured, USAGE),
    (errors.BadInput, REFUSED),
    (errors.Escalation, REFUSED),
    (errors.Conflict, REFUSED),
)
