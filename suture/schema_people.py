"""What approvers and chat rules look like: who people are at each door, and where and when they are told."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic import model_validator as checked

from chalicelib.approvals import IDENTITY_CENTER
from chalicelib.chat.teams.places import CONNECTORS, is_at
from chalicelib.routing import SERVICE

from .fields import (
    AccountId,
    Guid,
    HttpsUrl,
    IamName,
    PersonId,
    Refused,
    Session,
    Severity,
    SlackApp,
    SlackChannel,
    SlackTeam,
    SlackUser,
    Slug,
    TeamsChannel,
    Text,
    distinct,
)
from .schema_parts import Model
from .schema_sinks import Email, GitHub, Jira, Opsgenie, PagerDuty, Quiet, Storm, Webhook, Workflow


class _Identity(Model):
    account: AccountId
    role: IamName = ""
    session: Session = ""
    user: IamName = ""

    @checked(mode="after")
    def _one_of_two(self) -> _Identity:
        if bool(self.role) == bool(self.user):
            raise Refused("an identity is a role or a user", "write `role:` or `user:`, one of them")
        is_center = self.role.startswith(IDENTITY_CENTER)
        if is_center and not self.session:
            raise Refused(
                f"{self.role} is shared by everyone with that permission set",
                "add `session:`, the person's user name in Identity Center",
                ("role",),
            )
        if self.session and not is_center:
            raise Refused(
                "a session name proves nothing for an ordinary role: whoever assumes it chooses the name",
                "remove `session:` and give each person a role of their own",
                ("session",),
            )
        return self


class _SlackIdentity(Model):
    team: SlackTeam
    user: SlackUser


class _EntraIdentity(Model):
    tenant: Guid
    object: Guid


class _OidcIdentity(Model):
    issuer: HttpsUrl
    subject: Annotated[Text, Field(max_length=255)]


class _Person(Model):
    name: Annotated[Text, Field(max_length=80)]
    groups: Annotated[tuple[Slug, ...], Field(min_length=1), AfterValidator(distinct)]
    iam: tuple[_Identity, ...] = ()
    slack: tuple[_SlackIdentity, ...] = ()
    entra: tuple[_EntraIdentity, ...] = ()
    oidc: tuple[_OidcIdentity, ...] = ()
    source_identity: Annotated[tuple[Session, ...], AfterValidator(distinct)] = ()

    @checked(mode="after")
    def _is_somebody(self) -> _Person:
        if not (self.iam or self.slack or self.entra or self.oidc):
            raise Refused("nobody can be recognised without an identity", "add `iam:`, `slack:`, `entra:` or `oidc:`")
        return self


class ApproversDocument(Model):
    """governance/approvers.yaml: who may decide, by the identity that a door authenticated."""

    people: dict[PersonId, _Person]


class _Conditions(Model):
    severity: Annotated[tuple[Severity, ...], AfterValidator(distinct)] = ()
    accounts: Annotated[tuple[AccountId, ...], AfterValidator(distinct)] = ()
    owners: Annotated[tuple[Text, ...], AfterValidator(distinct)] = ()

    @checked(mode="after")
    def _asks_for_something(self) -> _Conditions:
        if not (self.severity or self.accounts or self.owners):
            raise Refused("this route takes every case", "name `severity:`, `accounts:` or `owners:`", ("channel",))
        return self


class _Route(_Conditions):
    channel: SlackChannel


class _Slack(Model):
    team: SlackTeam
    app: SlackApp
    channel: SlackChannel
    routes: tuple[_Route, ...] = ()
    quiet: Quiet | None = None
    storm: Storm | None = None


class _TeamsRoute(_Conditions):
    channel: TeamsChannel


class _Teams(Model):
    tenant: Guid
    app: Guid
    channel: TeamsChannel
    service: HttpsUrl = SERVICE
    routes: tuple[_TeamsRoute, ...] = ()
    quiet: Quiet | None = None
    storm: Storm | None = None

    @checked(mode="after")
    def _is_microsofts(self) -> _Teams:
        if not is_at(self.service, CONNECTORS):
            hosts = ", ".join(f"*{h}" if h.startswith(".") else h for h in CONNECTORS)
            raise Refused("Suture speaks to Teams at Microsoft's own hosts only", f"use one of {hosts}", ("service",))
        return self


class ChatDocument(Model):
    """governance/chat.yaml: where and when people are told. It names channels and grants nothing."""

    page: HttpsUrl = ""
    slack: _Slack | None = None
    teams: _Teams | None = None
    email: Email | None = None
    pagerduty: PagerDuty | None = None
    opsgenie: Opsgenie | None = None
    jira: Jira | None = None
    github: GitHub | None = None
    webhook: Webhook | None = None
    workflow: Workflow | None = None
