"""E-mail through Amazon SES: the plan as text and HTML, one thread a case, and a link to the case's page.

A mail decides nothing: it holds no token and no link but the page's, where deciding needs sign-in, so it may be
forwarded, and a scanner may follow every link.

SES writes the Message-ID itself, from the id that it answers with, and refuses one of ours; the thread hangs on
References to a root that each mail of a case names. Who hears is the route's addresses and those of the groups that
are asked. SES knows no idempotency key: after a lost answer a mail may come twice, and it is better so than not at all.
Source: Amazon SES API v2, SendEmail; Developer Guide, "Amazon SES header fields"; RFC 5322 3.6.4, RFC 3834, RFC 2919.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...approvals import SECURITY
from ...cases import IN_FLIGHT
from ...model import Json
from ..facts import facts_of, requirement_of
from . import QUIET_HOURS, Job, Told, mail_storms, ses, words
from .line import SinkFailed

MOST_SUBJECT, MOST_TEXT = 200, 60_000
QUIET_WAIT = 900
UNMAILED = frozenset({*IN_FLIGHT, "DETECTED", "PLANNED", "OBSERVED", "SUPERSEDED"})
"""States on the way to another one, of which the next mail tells."""


def send(job: Job) -> Told:
    """Mail what is new about a case, or a reminder. Raises SinkFailed; in quiet hours, to come back later."""
    case, told = job.case, job.told
    if not job.why and (not job.is_news or case.state in UNMAILED):
        return told
    if not told.version and job.rules.is_quiet(case, job.d.now()):
        raise SinkFailed(QUIET_HOURS, wait=QUIET_WAIT)
    if not told.window:
        count, window = mail_storms.count(job.d, job.rules)
        told = replace(told, window=window, in_digest=count > job.rules.storm_count)
        job.keep(told)  # so that another try is not counted again
    if told.in_digest and not job.why and (told.version or mail_storms.add(job.d, job.rules, told.window, case)):
        return told
    id_ = ses.post(job.d, job.rules, recipients(job), mail(job))
    return replace(told, id=told.id or id_)


def recipients(job: Job) -> tuple[str, ...]:
    """The route's addresses, and those of the groups that are asked. An address grants nothing."""
    groups = job.rules.options.get("groups") or {}
    asked = requirement_of(job.d, job.case)
    wanted = [*(asked.groups if asked else ()), *filter(None, job.case.escalated.split(", "))]
    if SECURITY in facts_of(job.d, job.case).missing:
        wanted.append(SECURITY)
    to = [*job.rules.targets_of(job.case), *(a for g in wanted for a in groups.get(g, ()))]
    return tuple(dict.fromkeys(to))


def mail(job: Job) -> Mapping[str, Json]:
    """The message as SES takes it."""
    case, page = job.case, words.link(job)
    subject = ("Re: " if job.told.id else "") + words.subject(case, MOST_SUBJECT)
    text, lead = words.text(job, MOST_TEXT), words.inert(job.why)
    head, _, rest = text.partition("\n")
    follow = f"\n\nOpen the case (you sign in there): {page}\n" if page else "\n"
    plain = f"{lead}\n\n{text}{follow}" if lead else f"{text}{follow}"
    domain = job.rules.options["from"].rpartition("@")[2]
    return ses.message(subject, plain, ses.html(head, lead, rest, page), headers(job, domain))


def headers(job: Job, domain: str) -> Mapping[str, str]:
    """What makes a case one thread and its mails those of a machine."""
    root = f"<{job.case.id}.{job.d.stage}.{job.d.account}@{domain}>"
    first = message_id(job.told.id, job.d.region)
    thread = " ".join(filter(None, (root, first)))
    return {**ses.automatic(job.d.stage, domain), "References": thread, "In-Reply-To": first or root}


def message_id(id_: str, region: str) -> str:
    """The Message-ID header that SES made of the id that it answered with."""
    host = "email" if region == "us-east-1" else region
    return f"<{id_}@{host}.amazonses.com>" if id_ else ""
