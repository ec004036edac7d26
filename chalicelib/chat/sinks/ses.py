"""One mail as Amazon SES takes it, and the sending of it.

Every value is escaped; nothing is loaded from anywhere, and SES is told not to track the link. No header can be
injected, because each stands in a field of its own and holds printable ASCII.
Source: Amazon SES API v2, SendEmail (`Simple` content); RFC 3834, RFC 2919.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from ...errors import CallFailed, Throttled
from ...logs import log
from ...model import Json
from ..gate import refuse_secrets
from .line import SinkFailed

if TYPE_CHECKING:
    from ...aws.deployment import Deployment
    from ...routing import Sink

MOST_TO = 50
_UNPRINTABLE = re.compile(r"[^ -~]")


def message(subject: str, plain: str, marked: str, extra: Mapping[str, str]) -> Mapping[str, Json]:
    """A message of subject, text, HTML and headers, none of which holds what it must not."""
    safe = {name: _UNPRINTABLE.sub("?", value)[:900] for name, value in extra.items()}
    return {
        "Subject": {"Data": _UNPRINTABLE.sub("", subject), "Charset": "UTF-8"},
        "Body": {"Text": {"Data": plain, "Charset": "UTF-8"}, "Html": {"Data": marked, "Charset": "UTF-8"}},
        "Headers": [{"Name": name, "Value": value} for name, value in safe.items()],
    }


def automatic(stage: str, domain: str) -> Mapping[str, str]:
    """So that no out-of-office answers, and a filter finds all of them."""
    return {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Id": f"Suture <suture-{stage}.{domain}>",
    }


def html(subject: str, lead: str, text: str, page: str) -> str:
    """The same words as HTML, without a script, a style sheet or anything to load."""
    return "".join(_html(subject, lead, text, page))


def _html(subject: str, lead: str, text: str, page: str) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"></head><body>'
    yield f"<h1>{escape(subject)}</h1>"
    if lead:
        yield f"<p><strong>{escape(lead)}</strong></p>"
    yield f'<pre style="white-space: pre-wrap">{escape(text)}</pre>'
    if page:
        yield f'<p><a ses:no-track href="{escape(page)}">Open the case</a> (you sign in there)</p>'
    yield "</body></html>"


def post(d: Deployment, rules: Sink, to: tuple[str, ...], content: Mapping[str, Json]) -> str:
    """Send one mail; SES's id of it. Raises SinkFailed."""
    refuse_secrets(content)
    if len(to) > MOST_TO:
        log("error", "a mail has more recipients than SES takes: the last ones get none", recipients=len(to))
    request = {"FromEmailAddress": rules.options["from"], "Content": {"Simple": content}}
    try:
        answer = d.clients.call("sesv2:SendEmail", {**request, "Destination": {"ToAddresses": list(to[:MOST_TO])}})
    except CallFailed as error:
        raise SinkFailed(error.code, 429 if isinstance(error, Throttled) else 0) from error
    return str(answer["MessageId"])
