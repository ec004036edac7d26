"""Where a channel keeps what it told about a case, for one writer at a time (`MESSAGE#<problem>` in the table)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from ..aws.deployment import Deployment
from ..aws.table import Update, body, unbody
from ..cases import Case
from ..errors import Conflict
from ..model import Json
from ..times import iso

LASTS = timedelta(seconds=60)
"""Longer than `notify` may run, so that nobody writes beside a writer that still lives."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write, until it is given back. `kept` is what was kept when it was taken, empty at first."""

    d: Deployment
    pk: str
    sk: str
    holder: str
    kept: Mapping[str, Json]

    def keep(self, facts: Mapping[str, Json]) -> None:
        """Keep `facts` in the place of what was kept. Raises Conflict when somebody else has the claim by now."""
        changes = Update().set("body", body(facts)).if_equal("holder", self.holder)
        self.d.ledger.table.update(self.pk, self.sk, changes)


def problem(case: Case) -> str:
    """The key of one problem's messages: the same for each case of it."""
    text = "|".join((case.account, case.region, case.arn, case.control))
    return "MESSAGE#" + hashlib.sha256(text.encode()).hexdigest()[:24]


@contextmanager
def claimed(d: Deployment, case: Case, channel: str, lasts: timedelta = LASTS) -> Iterator[Claim]:
    """What a channel keeps about a case. Raises Conflict when somebody else writes it."""
    pk, sk, me, now = problem(case), f"{channel}#{case.id}", uuid4().hex, d.now()
    claim = Update().set("claim", iso(now + lasts)).set("holder", me).if_free("claim", iso(now), "holder", me)
    item = d.ledger.table.update(pk, sk, claim)
    try:
        yield Claim(d, pk, sk, me, unbody(item) if item.get("body") else {})
    finally:
        with suppress(Conflict):  # it took too long, and another has it now
            d.ledger.table.update(pk, sk, Update().remove("claim").remove("holder").if_equal("holder", me))
