"""What one deployment is: its facts, its packaged runbooks and governance, and the tools made from them.

Nothing is made before it is needed, and everything is made once a process. Packaged files that cannot be read
leave nothing pinned and nobody able to decide: no broken configuration fails open.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import Misconfigured
from ..logs import log
from ..model import Json
from .clients import Clients
from .keys import derived
from .ledger import Ledger
from .queues import Queues
from .table import Table

if TYPE_CHECKING:  # what only a finding needs is imported where it is used: most events find nothing
    from .. import governance, routing, runbooks
    from ..approvals import Person
    from ..chat.sinks.line import Line
    from ..chat.slack.client import Slack
    from ..chat.teams.client import Teams
    from ..chat.teams.signing import Signers
    from ..defence import Own
    from .journal import Journal

ROOT = Path(__file__).parent.parent.parent
WRITERS = ("remediate", "remediate_iam", "remediate_secrets")


@dataclass(frozen=True, slots=True)
class Packaged:
    """What was validated before it shipped. `page` is the address below which `/cases/<id>` shows a case, or empty."""

    runbooks: Mapping[str, runbooks.Runbook]
    pins: governance.Pins
    people: tuple[Person, ...]
    suppressions: tuple[governance.Suppression, ...]
    slack: routing.Slack | None = None
    sinks: Mapping[str, routing.Sink] = field(default_factory=dict)
    page: str = ""
    teams: routing.Teams | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """Where the records are anchored: the bucket, and the ARN of the key that signs. Empty where there is none."""

    bucket: str
    key: str


class Deployment:
    """One deployment as its functions see it, from the environment that `resources.json` gives them."""

    def __init__(self, environment: Mapping[str, str], root: Path = ROOT) -> None:
        self._environment, self._root = environment, root
        self.stage = environment.get("STAGE", "prod")
        self.account = self._need("ACCOUNT_ID")
        self.region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", "")
        self.function = environment.get("AWS_LAMBDA_FUNCTION_NAME", "local")
        self.lines: dict[str, Line] = {}

    @cached_property
    def clients(self) -> Clients:
        return Clients(self.account, self.region)

    def home(self, resource_type: str) -> str:
        """The region under which a resource of that type is known here: IAM's home for what is global."""
        from ..events import home_region

        return home_region(resource_type, self.region)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self._table)

    @cached_property
    def queues(self) -> Queues:
        urls = {name: self._environment.get(f"{name.upper()}_QUEUE", "") for name in ("changes", "notices", *WRITERS)}
        return Queues(self.clients, urls)

    @cached_property
    def fingerprint_key(self) -> Callable[[], bytes]:
        return derived(self.clients, self._environment.get("FINGERPRINT_KEY", ""), "fingerprint")

    @cached_property
    def _journal_key(self) -> Callable[[], bytes]:
        return derived(self.clients, self._environment.get("JOURNAL_KEY", ""), "journal")

    @cached_property
    def page_key(self) -> Callable[[], bytes]:
        return derived(self.clients, self._environment.get("PAGE_KEY", ""), "page")

    @property
    def oidc(self) -> tuple[str, str, str]:
        """The OpenID provider of the page: issuer, our client's id, and the SSM parameter with its secret."""
        given = self._environment
        return given.get("OIDC_ISSUER", ""), given.get("OIDC_CLIENT_ID", ""), given.get("OIDC_SECRET_PARAMETER", "")

    @cached_property
    def packaged(self) -> Packaged:
        return _packaged(self._root)

    @cached_property
    def _table(self) -> Table:
        return Table(self.clients, self._need("TABLE"))

    def journal(self, worker: str) -> Journal:
        from .journal import Journal

        return Journal(self._table, self._journal_key, worker)

    @property
    def facts(self) -> Mapping[str, str]:
        """What runbooks may ask of the deployment. The secrets' writer is named as resources.json names it."""
        told = {name.lower(): self._environment.get(name, "") for name in ("BOUNDARY_ARN", "ACCESS_LOG_ARN")}
        stage, of = self._environment.get("STAGE", ""), f"arn:{self.clients.partition}:iam::{self.clients.account}"
        return {**told, "secrets_writer_arn": f"{of}:role/suture-{stage}-remediate-secrets" if stage else ""}

    @property
    def is_sandboxed(self) -> bool:
        """Is AWS itself on loopback? Nothing deployed can be, and there loopback is Lambda's own runtime."""
        return urlsplit(self._environment.get("AWS_ENDPOINT_URL", "")).hostname in ("127.0.0.1", "localhost")

    @property
    def audit(self) -> Audit:
        return Audit(self._environment.get("AUDIT_BUCKET", ""), self._environment.get("AUDIT_KEY", ""))

    @property
    def webhook(self) -> tuple[str, str]:
        """The address of the signed webhook and the SSM parameter that holds its key; empty when there is none."""
        return self._environment.get("WEBHOOK_URL", ""), self._environment.get("WEBHOOK_SECRET_PARAMETER", "")

    @cached_property
    def slack(self) -> Slack | None:
        """What speaks Slack for this deployment; None where governance names no workspace or the stack no address."""
        from ..chat.slack.client import Slack

        url, rules = self._environment.get("SLACK_API_URL", ""), self.packaged.slack
        token, secret = (self._environment.get(f"SLACK_{what}_PARAMETER", "") for what in ("TOKEN", "SECRET"))
        return Slack(self.clients, rules, url, token, secret) if url and rules else None

    @cached_property
    def teams(self) -> Teams | None:
        """What speaks Microsoft Teams for this deployment; None where governance names no tenant."""
        from ..chat.teams.client import Teams

        url, rules = self._environment.get("TEAMS_LOGIN_URL", ""), self.packaged.teams
        secret = self._environment.get("TEAMS_SECRET_PARAMETER", "")
        return Teams(self.clients, rules, url, secret, is_sandboxed=self.is_sandboxed) if url and rules else None

    @cached_property
    def teams_signers(self) -> Signers | None:
        """Whose signature proves that a request comes from Teams; None where governance names no tenant."""
        from ..chat.teams.signing import Signers

        url = self._environment.get("TEAMS_OPENID_URL", "")
        return Signers(url, is_sandboxed=self.is_sandboxed) if url and self.packaged.teams else None

    @property
    def own_roles(self) -> frozenset[str]:
        """The ARNs of the roles that write for Suture: their changes are ours."""
        return frozenset(self.role_of(writer) for writer in WRITERS)

    @property
    def stack(self) -> str:
        """The ARN of our own stack; empty where the package was not deployed by one."""
        return self._environment.get("STACK", "")

    @property
    def own(self) -> Own:
        """What is ours, by name and by id. Only `watch` is told the ids."""
        from ..defence import Own

        named = (part for part in self._environment.get("OWN_PARTS", "").split("|") if part)
        return Own(f"suture-{self.stage}-", frozenset(named))

    def role_of(self, function: str) -> str:
        """The ARN of the role of one of our functions."""
        return f"arn:{self.clients.partition}:iam::{self.account}:role/{self.name_of(function)}"

    def name_of(self, function: str) -> str:
        """The deployed name of one of our functions, and of its role."""
        return f"suture-{self.stage}-{function.replace('_', '-')}"

    def is_own(self, resource_id: str) -> bool:
        """Is this one of Suture's own resources, which it never writes to?"""
        return resource_id.startswith(f"suture-{self.stage}-")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def _need(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            raise Misconfigured(f"{name} is not set", where="environment", next_step="deploy this release again")
        return value


def _packaged(root: Path) -> Packaged:
    from .. import governance, routing, runbooks
    from ..approvals import people_from

    rules = _read(root / "governance" / "packaged.json")
    books = _read(root / "runbooks" / "packaged.json")
    return Packaged(
        runbooks=runbooks.load(books) if books else {},
        pins=governance.pins_from(rules.get("pins", {})),
        people=people_from(rules.get("approvers", {})),
        suppressions=governance.suppressions_from(rules.get("suppressions", {})),
        slack=routing.slack_from(rules.get("chat", {})),
        sinks=routing.sinks_from(rules.get("chat", {})),
        page=str(rules.get("chat", {}).get("page", "")),
        teams=routing.teams_from(rules.get("chat", {})),
    )


def _read(path: Path) -> Mapping[str, Json]:
    try:
        found = json.loads(path.read_text())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError) as error:
        log(
            "error",
            "a packaged file cannot be read: nothing is pinned and nobody can decide",
            where=str(path),
            why=error,
        )
        return {}
