"""What governance/chat.yaml may say, read out of its schema: no key without a sentence, and none that is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from chalicelib.errors import Misconfigured
from chalicelib.routing import sinks_from

from ..schema_people import ChatDocument
from .markdown import code, codes, table

SENTENCES: Mapping[str, str] = {
    "page": "The address of the page (the stack's `EndpointURL`, and `page`): messages link to `cases/<id>` below it, "
    "and to nothing without it",
    "slack.team": "The workspace's id",
    "slack.app": "The app's id",
    "slack.channel": "The channel's id, for what no route takes",
    "slack.routes": "The first route that fits a case says its channel",
    "slack.quiet": "Hours in which new messages wait, but those of the severities in `but`",
    "slack.storm": "More new cases than this within that time become one digest",
    "teams.tenant": "The id of the tenant of Entra",
    "teams.app": "The application id of the bot",
    "teams.channel": "The channel's id, for what no route takes",
    "teams.service": "The connector; another one for GCC, GCC High and DoD",
    "teams.routes": "The first route that fits a case says its channel",
    "teams.quiet": "Hours in which new messages wait, but those of the severities in `but`",
    "teams.storm": "More new cases than this within that time become one digest",
    "email.from": "The sender: an address that SES has verified in this account and region, itself or by its domain",
    "email.to": "Who gets what no route takes",
    "email.groups": "Addresses of the groups of `approvers.yaml`: those whose approval is asked for get the mail too",
    "email.routes": "The first route that fits a case says who gets it, as `to`",
    "email.quiet": "Hours in which new mails wait, but those of the severities in `but`",
    "email.storm": "More new cases than this within that time become one digest, sent when the time is over",
    "pagerduty.url": "Events API v2; `https://events.eu.pagerduty.com` for accounts in the EU",
    "pagerduty.key": "The SSM parameter with the integration key of the service",
    "opsgenie.url": "Alert API; `https://api.eu.opsgenie.com` for accounts in the EU",
    "opsgenie.key": "The SSM parameter with the key of the API integration",
    "opsgenie.team": "The team that answers where no route says another; empty for the integration's own",
    "opsgenie.routes": "The first route that fits a case says its `team`",
    "jira.site": "The site, such as `https://acme.atlassian.net`",
    "jira.user": "The address of the account that the API token belongs to",
    "jira.token": "The SSM parameter with the API token",
    "jira.project": "The key of the project for what no route takes",
    "jira.type": "The issue's type",
    "jira.done": "The status that ends an issue; empty for the first one of the category Done",
    "jira.reopened": "The status of an issue whose case opens again; empty for the first one of To Do or In Progress",
    "jira.routes": "The first route that fits a case says its `project`",
    "github.url": "REST API; `https://HOST/api/v3` for GitHub Enterprise Server",
    "github.token": "The SSM parameter with the token",
    "github.repository": "A private repository, as `owner/name`, for what no route takes",
    "github.labels": "Labels of each issue",
    "github.routes": "The first route that fits a case says its `repository`",
    "workflow.address": "The SSM parameter with the address of a workflow of Teams, which is told and decides nothing",
}
"""What each key is for; `severity`, `accounts`, `owners` and `states` are the same everywhere."""

COMMON: Mapping[str, str] = {
    "severity": "Cases of these severities alone",
    "accounts": "Cases of these accounts alone",
    "owners": "Cases on resources with one of these `owner` tags alone",
    "states": "The states of a case in which its first message is sent",
}


def keys() -> str:
    """The table."""
    return table(("key", "default", "what it is for"), _rows())


def _rows() -> Iterator[tuple[str, str, str]]:
    yield code("page"), "", SENTENCES["page"]
    states = {
        name: sorted(sink.states) for name, sink in sinks_from({n: {} for n in ChatDocument.model_fields}).items()
    }
    for name, field in ChatDocument.model_fields.items():
        model = _model(field)
        for key, inner in model.model_fields.items() if model else ():
            written = inner.alias or key
            place = f"{name}.{written}"
            known = COMMON if model and written in COMMON and place not in SENTENCES else {}
            if not known and place not in SENTENCES:
                step = "say in SENTENCES of suture/docs/chat_rules.py what it is for"
                raise Misconfigured(f"nobody says what {place} is for", where="governance/chat.yaml", next_step=step)
            default = "all" if name == "webhook" else codes(states.get(name, ()))
            yield (
                code(place),
                default if written == "states" else _default(inner),
                known.get(written) or SENTENCES[place],
            )


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return next((p for p in parts if isinstance(p, type) and issubclass(p, BaseModel)), None)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    return code(field.default) if isinstance(field.default, str) and field.default else ""
