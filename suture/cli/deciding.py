"""What the commands that decide share: moments, digests, and a plan that a person reads before saying yes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from chalicelib.errors import BadInput

from . import output
from .failures import WrongUsage

if TYPE_CHECKING:
    from chalicelib.model import Json
    from suture.api import DecisionApi


def moment(text: str, now: datetime) -> str:
    """`8h`, `30d` from now, a date (its end) or a time with an offset, as ISO 8601 in UTC. Raises WrongUsage."""
    from chalicelib.errors import BadRunbook
    from chalicelib.runbooks import seconds

    try:
        if text[-1:] in ("s", "m", "h", "d") and text[:-1].isdigit():
            found = now + timedelta(seconds=seconds(text))
        elif len(text) == 10:
            found = datetime.fromisoformat(text).replace(hour=23, minute=59, second=59, tzinfo=UTC)
        else:
            found = datetime.fromisoformat(text)
            if found.tzinfo is None:
                raise ValueError("no offset")
    except (BadRunbook, ValueError, OverflowError):
        step = "write 2026-12-31, 2026-12-31T08:00Z, or a duration such as 8h or 30d"
        raise WrongUsage(f"{text!r} is no moment", where="--until", next_step=step) from None
    if found <= now:
        raise WrongUsage(f"{text!r} is in the past", where="--until", next_step="choose a moment to come")
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def decide(
    api: DecisionApi,
    case: str,
    decision: str,
    digest: str,
    reason: str,
    until: str,
    as_json: bool,
    attested: Mapping[str, str] | None = None,
) -> None:
    answer = api.decide(case, decision, digest, reason, until, attested)
    if as_json:
        output.print_json(answer)
        return
    from rich.text import Text

    said = answer.get("reasons")
    head = Text.assemble(output.text(answer.get("case", case), "bold"), "  ", output.text(answer.get("state", "")))
    why = said if isinstance(said, list) else []
    output.show([head, *(Text.assemble("  ", output.text(reason, limit=1000)) for reason in why)])


def confirmed(api: DecisionApi, case: str, decision: str) -> str:
    """Show the plan on a terminal and give its digest once the person has typed its last four digits."""
    if not is_terminal():
        step = f"read `suture cases show {case}`, then pass --plan with the digest that it prints"
        raise WrongUsage(f"{decision} asks for confirmation, and this is no terminal", where="cases", next_step=step)
    return ask(api.case(case)["case"], decision)


def is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(case: Mapping[str, Json], decision: str) -> str:
    """The digest of the plan that a person has read and confirmed. Raises BadInput where there is none."""
    from . import case_page
    from .plans import plan_lines, undo_lines

    plan = case_page.plan_of(case)
    if plan is None:
        raise BadInput("the case has no plan", where=str(case.get("id", "")), next_step="see `suture cases show`")
    shown = digest_of(case)
    if plan.digest != shown:
        what = "the plan's digest is not that of its calls: the answer was tampered with, or this command is too old"
        raise BadInput(what, where=str(case.get("id", "")), next_step="update suture, and tell security if it stays so")
    err = output.console(stderr=True)
    for line in undo_lines(plan) if decision == "undo" else plan_lines(plan, case_page.evidence_of(case)):
        err.print(line)
    typed = click.prompt(f"To {decision}, type the last four digits of the plan's digest ({shown})", err=True)
    if typed.strip().lower() != shown[-4:]:
        raise BadInput("those are not the last four digits: nothing was decided", where="cases", next_step="try again")
    return shown


def full(digest: str) -> str:
    """A digest as the API wants it, with `sha256:` before it. Raises WrongUsage for anything else."""
    if not digest:
        return ""
    bare = digest.removeprefix("sha256:").lower()
    if len(bare) != 64 or not set(bare) <= set("0123456789abcdef"):
        step = "copy it whole from `suture cases show`: sha256: and 64 digits"
        raise WrongUsage(f"{digest!r} is no plan digest", where="--plan", next_step=step)
    return f"sha256:{bare}"


def digest_of(case: Mapping[str, Any]) -> str:
    plan = case.get("plan")
    return str(plan.get("digest", "")) if isinstance(plan, Mapping) else ""


def to_undo(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The case with the plan that an undo takes back: of a staged one, that of its last stage with a way back."""
    case, last = answer["case"], answer.get("undoable") or {}
    stages = case.get("stages")
    plans = [s.get("plan") for s in stages if isinstance(s, Mapping)] if isinstance(stages, list) else []
    found = next((p for p in plans if isinstance(p, Mapping) and p.get("digest") == last.get("plan")), None)
    return {**case, "plan": found} if found else case


def past(text: str, now: datetime) -> str:
    """When something was done, as ISO 8601 in UTC: a time with an offset, or now when nothing is said."""
    try:
        found = datetime.fromisoformat(text) if text else now
        if found.tzinfo is None:
            raise ValueError("no offset")
    except (ValueError, OverflowError):
        step = "write 2026-12-31T08:00Z"
        raise WrongUsage(f"{text!r} is no time", where="--at", next_step=step) from None
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
