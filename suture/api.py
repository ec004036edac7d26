"""A client of the decision API: HTTPS (plain HTTP on loopback only), signed with the caller's own credentials."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from chalicelib.errors import BadRequest, Misconfigured, SutureError
from chalicelib.model import Json

SERVICE = "execute-api"
DECISIONS = ("approve", "reject", "revoke", "undo", "snooze", "suppress", "attest", "continue")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TIMEOUT = (5, 35)
_ALL: Mapping[str, str] = {}


class NoAnswer(SutureError):
    """The decision API did not answer, or not as the decision API does."""


class DecisionApi:
    """The routes of the decision API at `url`, called as whoever `session` (boto3) is.

    Every method raises BadRequest (refused; `status` is HTTP's), NoAnswer, or Misconfigured.
    """

    def __init__(self, url: str, session: Any) -> None:
        self._base, self._session = checked(url), session
        self._region = region_of(self._base) or session.region_name

    def cases(self, state: str = "") -> Mapping[str, Json]:
        """`cases`: the summaries of all cases, or of those in some states (by commas), with why one
        `waits` for a switch; `paused`: is every write stopped; `pauses`: each kill switch that is off."""
        answer = self._ask("GET", "/cases", {"state": state} if state else {})
        return {**answer, "cases": [c for c in _field(answer, "cases", list) if isinstance(c, Mapping)]}

    def case(self, case_id: str) -> Mapping[str, Json]:
        """One case with its records, journal and approvals, as the API answers."""
        answer = self._ask("GET", f"/cases/{_case(case_id)}")
        _field(answer, "case", dict)
        return answer

    def decide(
        self,
        case_id: str,
        decision: str,
        plan: str,
        reason: str = "",
        until: str = "",
        attested: Mapping[str, str] | None = None,
    ) -> Mapping[str, Json]:
        """Decide about a case: one of DECISIONS, for the plan with the digest `plan`. Times are ISO 8601, UTC.

        `attested` says of an attestation `by` whom and `at` what time.
        """
        body = {"decision": decision, "plan": plan, "reason": reason, "until": until, **(attested or {})}
        return self._ask("POST", f"/cases/{_case(case_id)}/decision", body={k: v for k, v in body.items() if v})

    def pause(self, reason: str, scope: Mapping[str, str] = _ALL) -> Mapping[str, Json]:
        """Stop all writes, or those of a `scope`: one `account`, `control` or `runbook`."""
        return self._ask("POST", "/pause", body={"reason": reason, **scope})

    def resume(self, reason: str, scope: Mapping[str, str] = _ALL) -> Mapping[str, Json]:
        """One person's word for writing again; it takes two."""
        return self._ask("POST", "/resume", body={"reason": reason, **scope})

    def _ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Json = None
    ) -> Mapping[str, Json]:
        address = self._base + path + ("?" + urlencode(query, quote_via=quote) if query else "")
        response = self._send(method, address, None if body is None else json.dumps(body).encode())
        document = _parsed(response.content)
        if response.status_code == 200 and isinstance(document, Mapping):
            return document
        raise _refusal(response.status_code, document, f"{method} {path}")

    def _send(self, method: str, address: str, data: bytes | None) -> Any:
        """Sign and send. Redirects are not followed: a signature is for one address."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError
        from botocore.httpsession import URLLib3Session

        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if data else {})
        request = AWSRequest(method=method, url=address, data=data, headers=headers)
        credentials = self._session.get_credentials().get_frozen_credentials()
        SigV4Auth(credentials, SERVICE, self._region).add_auth(request)
        try:
            return URLLib3Session(timeout=_TIMEOUT).send(request.prepare())
        except BotoCoreError as error:
            step = "check the address and that the API runs; for the sandbox: `suture sandbox`"
            raise NoAnswer(f"no answer: {type(error).__name__}", where=self._base, next_step=step) from error


def checked(url: str) -> str:
    """The address without a trailing slash. Plain HTTP would show the session token to the network: loopback only."""
    step = "pass --api-url or set SUTURE_API_URL to the output ApiUrl of the stack, or of the sandbox's ready file"
    if not url:
        raise Misconfigured("the decision API's address is not set", where="SUTURE_API_URL", next_step=step)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        good = None
    if not good or parts.query or parts.fragment or parts.username:
        raise Misconfigured(f"{url!r} is no address of an API", where="SUTURE_API_URL", next_step=step)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        what = "plain http would show your session token to the network"
        raise Misconfigured(what, where="SUTURE_API_URL", next_step="use https://; http:// is for this machine only")
    return url.rstrip("/")


def region_of(base: str) -> str:
    """The region in API Gateway's own host names, which the signature must name; empty for any other host."""
    found = re.search(r"\.execute-api\.([a-z0-9-]+)\.amazonaws\.com", urlsplit(base).hostname or "")
    return found[1] if found else ""


def _case(case_id: str) -> str:
    if not _CASE_ID.fullmatch(case_id):
        step = "copy the id from `suture cases list`; it looks like C-1A2B3C4D5E"
        raise BadRequest(f"{case_id!r} is no case id", where="cases", next_step=step)
    return case_id


def _parsed(content: bytes) -> Json:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _field(answer: Mapping[str, Json], name: str, kind: type) -> Any:
    value = answer.get(name)
    if not isinstance(value, kind):
        raise NoAnswer(f"the answer has no {name!r}", where="decision API", next_step="check the address")
    return value


def _refusal(status: int, document: Json, where: str) -> SutureError:
    """What an answer other than 200 means. API Gateway itself says `message` or `Message`, ours `error` and `next`."""
    said = document if isinstance(document, Mapping) else {}
    what = str(said.get("error") or said.get("message") or said.get("Message") or "")
    step = str(said.get("next") or "")
    if 400 <= status < 500 and status not in (407, 408, 429) and said:
        if not said.get("error") and status in (401, 403):
            step = (
                step or "check whose credentials these are (`aws sts get-caller-identity`) and that they may invoke it"
            )
        return BadRequest(f"refused ({status}): {what}", status=status, where=where, next_step=step)
    what = f"answered {status}" + (f": {what}" if what else ", and no JSON" if document is None else "")
    return NoAnswer(what, where=where, next_step=step or "check the address; if it is right, look at the API's log")
