"""The packaged runbooks and pins of this project, and the planner that scan and `runbooks plan` use."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from chalicelib import governance, planning, runbooks
from chalicelib.aws.clients import Clients
from chalicelib.aws.standing import stand
from chalicelib.cases import Case, case_id
from chalicelib.errors import Misconfigured, SutureError
from chalicelib.model import Finding, Json, Plan, Resource
from chalicelib.runbooks import Runbook

from .failures import WrongUsage
from .options import ROOT

FACTS = ("boundary_arn", "access_log_arn", "secrets_writer_arn")
"""What runbooks may ask of a deployment; here the environment tells it: BOUNDARY_ARN and so on."""


def packaged_runbooks(root: Path = ROOT) -> Mapping[str, Runbook]:
    """All packaged runbooks by `id/version`. Raises Misconfigured where they were not packaged."""
    return runbooks.load(_document(root / "runbooks" / "packaged.json"))


def documents(root: Path = ROOT) -> Mapping[str, Mapping[str, Json]]:
    """The packaged runbooks as their authors wrote them, by `id/version`, each with its digest."""
    entries = _document(root / "runbooks" / "packaged.json")["runbooks"]
    return {name: {**entry["document"], "digest": entry["digest"]} for name, entry in entries.items()}


def pins(root: Path = ROOT) -> governance.Pins:
    """The packaged pins."""
    return governance.pins_from(_document(root / "governance" / "packaged.json").get("pins", {}))


def chosen(books: Mapping[str, Runbook], all_pins: governance.Pins, name: str) -> Runbook:
    """The runbook that `name` names: `id/version`, or an id, which then means its pinned version. Raises WrongUsage."""
    if name in books:
        return books[name]
    pinned = next((p for p in all_pins.pins if p.runbook == name and f"{name}/{p.version}" in books), None)
    if pinned is not None:
        return books[f"{name}/{pinned.version}"]
    versions = [b for b in books.values() if b.id == name]
    if len(versions) == 1:
        return versions[0]
    what = f"{name!r} is not pinned and has {len(versions)} versions" if versions else f"there is no runbook {name!r}"
    raise WrongUsage(what, where="runbooks", next_step="see `suture runbooks list`; a version is named id/1.0.0")


class Planner:
    """Plans as the deployed functions would, with a fingerprint key of this run alone.

    Digests of plans with secrets are comparable within one run only.
    """

    def __init__(
        self,
        books: Mapping[str, Runbook],
        all_pins: governance.Pins,
        facts: Mapping[str, str] | None = None,
        doors: Mapping[str, Clients] | None = None,
    ):
        self._books, self._pins, self._doors = books, all_pins, doors or {}
        self._facts = deployment_facts() if facts is None else facts
        self._key = secrets.token_bytes(32)

    def pinned(self, resource: Resource, finding: Finding) -> Plan | planning.Refusal:
        """The plan of the runbook that is pinned for this finding."""
        found = governance.pinned(self._pins, self._books, finding.control, resource.account, resource.arn)
        if found is None:
            return planning.Refusal("skip", f"no runbook is pinned for {finding.control} in account {resource.account}")
        pin, book = found
        return self.with_book(book, resource, finding, pin.params)

    def with_book(
        self, book: Runbook, resource: Resource, finding: Finding, pinned: Mapping[str, Json] | None = None
    ) -> Plan | planning.Refusal:
        """The plan of one runbook."""
        answer = self._plan(book, resource, finding, pinned or {}, self._facts)
        missing = [f for f in _facts_of(book) if not self._facts.get(f)]
        if isinstance(answer, Plan) or not missing:
            return answer
        supposed = {**self._facts, **{name: f"arn:aws:suture:::{name}" for name in missing}}
        if self._plan(book, resource, finding, pinned or {}, supposed) == answer:
            return answer
        names = " and ".join(name.upper() for name in missing)
        return replace(answer, why=f"{answer.why}: Suture's stack provides it; set {names} to plan without the stack")

    def _plan(
        self,
        book: Runbook,
        resource: Resource,
        finding: Finding,
        pinned: Mapping[str, Json],
        facts: Mapping[str, str],
    ) -> Plan | planning.Refusal:
        case = case_id(resource.account, resource.region, resource.arn, finding.control, 1)
        params = planning.parameters_of(book, pinned, facts)
        if book.stages:
            return self._staged(case, book, resource, finding, params)
        return planning.plan(case, resource, finding, book, params, lambda: self._key)

    def _staged(
        self, case: str, book: Runbook, resource: Resource, finding: Finding, params: Mapping[str, Json]
    ) -> Plan | planning.Refusal:
        """The plan of the stage that would be due if its case were opened now."""
        if resource.region not in self._doors:
            return planning.Refusal("wait", "which stage is due is read from AWS when a case is open")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        opened = unopened(case, resource, finding, now)

        def key() -> bytes:
            return self._key

        try:
            standing = stand(self._doors[resource.region], opened, resource, finding, book, params, key, now)
        except SutureError as error:
            return planning.Refusal("escalate", error.what)
        if standing.stage is None:
            return planning.Refusal("close", "every stage is done")
        view = book.at(standing.stage.name)
        return planning.plan(case, resource, finding, view, params, key, standing.known)


def unopened(id_: str, resource: Resource, finding: Finding, now: str) -> Case:
    """A case as it would be on its first day: nothing is remembered."""
    return Case(
        id=id_,
        account=resource.account,
        region=resource.region,
        resource_type=resource.type,
        resource_id=resource.id,
        arn=resource.arn,
        control=finding.control,
        state="DETECTED",
        version=1,
        opened=now,
        updated=now,
    )


def deployment_facts() -> dict[str, str]:
    return {name: os.environ.get(name.upper(), "") for name in FACTS}


def _facts_of(book: Runbook) -> list[str]:
    return [v["deployment"] for v in book.params.values() if isinstance(v, Mapping) and "deployment" in v]


@cache
def _document(path: Path) -> Mapping[str, Json]:
    step = "run `suture render packaged` in the project's folder"
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        raise Misconfigured("is not there", where=str(path), next_step=step) from None
    except (OSError, ValueError) as error:
        raise Misconfigured(f"cannot be read: {error}", where=str(path), next_step=step) from error
    return document if isinstance(document, Mapping) else {}
