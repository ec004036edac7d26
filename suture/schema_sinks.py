"""What the sinks of governance/chat.yaml look like: mail, alerts, tickets, and which cases each of them takes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict
from pydantic import model_validator as checked

from chalicelib.cases import TRANSITIONS

from .fields import (
    DAY,
    MINUTE,
    AccountId,
    HttpsUrl,
    JiraProject,
    MailAddress,
    Parameter,
    Refused,
    Repository,
    Severity,
    Slug,
    Text,
    distinct,
    lasting,
)
from .schema import Hours
from .schema_parts import Model

_PASSING = ("DETECTED", "PLANNED", "APPROVED", "APPLYING", "VERIFYING", "UNDOING", "SUPERSEDED")
_Addresses = Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=20), AfterValidator(distinct)]
_Few = Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=3), AfterValidator(distinct)]
_Label = Annotated[Text, Field(max_length=50)]


def _lasting(state: str) -> str:
    """A state in which a case may stay, and so one to begin with."""
    if state not in TRANSITIONS or state in _PASSING:
        known = ", ".join(s for s in TRANSITIONS if s not in _PASSING)
        raise Refused(f"a sink cannot begin with {state[:30]}", f"choose from {known}")
    return state


_States = Annotated[tuple[Annotated[str, AfterValidator(_lasting)], ...], Field(min_length=1), AfterValidator(distinct)]


class Quiet(Hours):
    but: Annotated[tuple[Severity, ...], AfterValidator(distinct)] = ()


class Storm(Model):
    more_than: Annotated[int, Strict(), Field(ge=1, le=1000)]
    within: Annotated[str, AfterValidator(lasting(MINUTE, DAY))]


class _Filter(Model):
    severity: Annotated[tuple[Severity, ...], AfterValidator(distinct)] = ()
    accounts: Annotated[tuple[AccountId, ...], AfterValidator(distinct)] = ()
    owners: Annotated[tuple[Text, ...], AfterValidator(distinct)] = ()


class _Route(_Filter):
    @checked(mode="after")
    def _asks_for_something(self) -> _Route:
        if not (self.severity or self.accounts or self.owners):
            raise Refused("this route takes every case", "name `severity:`, `accounts:` or `owners:`")
        return self


class _Sink(_Filter):
    states: _States = ()


class _MailRoute(_Route):
    to: _Addresses


class Email(_Sink):
    """Mail through Amazon SES, of the account and region of the deployment."""

    from_: MailAddress = Field(alias="from")
    to: _Addresses
    routes: tuple[_MailRoute, ...] = ()
    groups: dict[Slug, _Few] = Field(default={})
    quiet: Quiet | None = None
    storm: Storm | None = None


class PagerDuty(_Sink):
    """One service; PagerDuty's event orchestration routes further."""

    url: Literal["https://events.pagerduty.com", "https://events.eu.pagerduty.com"] = "https://events.pagerduty.com"
    key: Parameter = "/suture/pagerduty-key"


class _TeamRoute(_Route):
    team: _Label


class Opsgenie(_Sink):
    url: Literal["https://api.opsgenie.com", "https://api.eu.opsgenie.com"] = "https://api.opsgenie.com"
    key: Parameter = "/suture/opsgenie-key"
    team: Annotated[str, Field(max_length=100)] = ""
    routes: tuple[_TeamRoute, ...] = ()


class _ProjectRoute(_Route):
    project: JiraProject


class Jira(_Sink):
    site: HttpsUrl
    user: MailAddress
    token: Parameter = "/suture/jira-token"
    project: JiraProject
    type: Annotated[Text, Field(max_length=60)] = "Task"
    done: Annotated[str, Field(max_length=60)] = ""
    reopened: Annotated[str, Field(max_length=60)] = ""
    routes: tuple[_ProjectRoute, ...] = ()


class _RepositoryRoute(_Route):
    repository: Repository


class GitHub(_Sink):
    url: HttpsUrl = "https://api.github.com"
    token: Parameter = "/suture/github-token"
    repository: Repository
    labels: Annotated[tuple[_Label, ...], Field(max_length=10), AfterValidator(distinct)] = ()
    routes: tuple[_RepositoryRoute, ...] = ()


class Webhook(_Sink):
    """Which cases the webhook hears of; its address is a parameter of the stack."""


class Workflow(_Sink):
    """A workflow of Teams. Its address is its own key, so an SSM parameter holds it."""

    address: Parameter = "/suture/teams-workflow"
