"""`suture cases`: read cases and decide about them, through the decision API with one's own AWS credentials."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from chalicelib.errors import BadInput

from . import options, output
from .failures import WrongUsage

if TYPE_CHECKING:
    from chalicelib.model import Json
    from suture.api import DecisionApi

EPILOG = """\b
Examples:
  suture cases list --state PENDING
  suture cases show C-1A2B3C4D5E
  suture cases approve C-1A2B3C4D5E
  suture cases approve C-1A2B3C4D5E --plan sha256:… --reason "agreed with the owner"
  suture cases snooze C-1A2B3C4D5E --until 8h
  suture cases suppress C-1A2B3C4D5E --until 90d --reason "public by design"

\b
Exit codes: 0 done, 1 refused (and why), 2 wrong usage, 3 the decision API does not answer."""


@dataclass(frozen=True, slots=True)
class Session:
    """What every command of the group is given: how to reach the API. Nothing is connected before it is asked for."""

    api_url: str | None
    region: str | None
    profile: str | None

    def api(self) -> DecisionApi:
        return connect(self.api_url, self.region, self.profile)


def _reach(command: Callable[..., None]) -> Callable[..., None]:
    """The options of the group again on one of its commands, since people write them at either place."""
    for name in ("profile", "region", "api_url"):
        flag = f"--{name.replace('_', '-')}"
        command = click.option(flag, hidden=True, expose_value=False, callback=_overriding(name))(command)
    return command


def _overriding(name: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def override(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None and isinstance(ctx.obj, Session):
            ctx.obj = replace(ctx.obj, **{name: value})

    return override


def connect(url: str | None, region: str | None, profile: str | None) -> DecisionApi:
    """The decision API, called as whoever the credentials name. The address is checked before the credentials."""
    from suture import api

    from . import account

    checked = api.checked(url or "")
    return api.DecisionApi(checked, account.session(region or api.region_of(checked), profile))


@click.group(epilog=EPILOG)
@options.api_url
@options.region
@options.profile
@click.pass_context
def cases(ctx: click.Context, api_url: str | None, region: str | None, profile: str | None) -> None:
    """List, read and decide cases.

    Who decides is the role or user behind the AWS credentials, as governance/approvers.yaml knows it.
    """
    ctx.obj = Session(api_url, region, profile)


@cases.command("list")
@click.option("--state", default="", metavar="STATE", help="Only this state, such as PENDING; several by commas.")
@options.as_json
@_reach
@click.pass_obj
def list_cases(session: Session, state: str, as_json: bool) -> None:
    """List cases, the gravest first."""
    _check_state(state)
    answer = session.api().cases(state.upper())
    if as_json:
        output.print_json(answer)
        return
    from . import case_page

    found = answer["cases"]
    if answer.get("paused"):
        output.show([output.text("Paused: nothing is written until two people resume", "bold yellow")])

    if found:
        output.show_table(case_page.COLUMNS, case_page.rows(found))
    else:
        output.show([output.text(f"No cases in state {state.upper()}" if state else "No cases")])


@cases.command("show")
@click.argument("case")
@options.as_json
@_reach
@click.pass_obj
def show_case(session: Session, case: str, as_json: bool) -> None:
    """Show one case: what is wrong, the plan, who may decide, and everything that happened."""
    answer = session.api().case(case)
    if as_json:
        output.print_json(answer)
        return
    from .case_page import page

    output.show(page(answer))


_why = click.option("--reason", required=True, metavar="TEXT", help="Why, for the record.")
_plan = click.option("--plan", "digest", default="", metavar="DIGEST", help="The plan's digest, as `show` prints it.")


@cases.command(
    "approve", epilog="Without --plan the plan is shown, and confirmed by the last four digits of its digest."
)
@click.argument("case")
@_plan
@options.reason
@options.as_json
@_reach
@click.pass_obj
def approve(session: Session, case: str, digest: str, reason: str, as_json: bool) -> None:
    """Approve one plan: exactly its calls, on exactly the state they were planned from."""
    api = session.api()
    chosen = _full(digest) or _confirmed(api, case, "approve")
    _decide(api, case, "approve", chosen, reason, "", as_json)


@cases.command("undo", epilog="On a terminal, without --plan, the undo calls are shown and confirmed first.")
@click.argument("case")
@_plan
@_why
@options.as_json
@_reach
@click.pass_obj
def undo(session: Session, case: str, digest: str, reason: str, as_json: bool) -> None:
    """Ask for a fix to be taken back. It needs the same approvals as the fix did."""
    api = session.api()
    chosen = _full(digest)
    if not chosen:
        found = api.case(case)["case"]
        chosen = ask(found, "undo") if _is_terminal() else _digest_of(found)
    _decide(api, case, "undo", chosen, reason, "", as_json)


@cases.command("reject")
@click.argument("case")
@_plan
@_why
@options.as_json
@_reach
@click.pass_obj
def reject(session: Session, case: str, digest: str, reason: str, as_json: bool) -> None:
    """Reject the plan; the case is asked about again only when the finding itself changes."""
    _simply(session, case, "reject", digest, reason, "", as_json)


@cases.command("revoke")
@click.argument("case")
@_plan
@options.reason
@options.as_json
@_reach
@click.pass_obj
def revoke(session: Session, case: str, digest: str, reason: str, as_json: bool) -> None:
    """Take your own approval back, while nothing has been applied."""
    _simply(session, case, "revoke", digest, reason, "", as_json)


_UNTIL = "2030-12-31, 2030-12-31T08:00Z, or 8h, 30d."
_until = click.option("--until", required=True, metavar="WHEN", help=_UNTIL)


@cases.command("snooze")
@click.argument("case")
@click.option("--until", default="7d", show_default=True, metavar="WHEN", help=_UNTIL)
@_plan
@_why
@options.as_json
@_reach
@click.pass_obj
def snooze(session: Session, case: str, until: str, digest: str, reason: str, as_json: bool) -> None:
    """Put the question off until a moment."""
    _simply(session, case, "snooze", digest, reason, moment(until, datetime.now(UTC)), as_json)


@cases.command("suppress")
@click.argument("case")
@_until
@_plan
@_why
@options.as_json
@_reach
@click.pass_obj
def suppress(session: Session, case: str, until: str, digest: str, reason: str, as_json: bool) -> None:
    """Accept the finding for a while (at most 180 days), in your name and with a reason."""
    _simply(session, case, "suppress", digest, reason, moment(until, datetime.now(UTC)), as_json)


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


def _simply(session: Session, case: str, decision: str, digest: str, reason: str, until: str, as_json: bool) -> None:
    """A decision that applies nothing: for the plan that is named, or the one that the case has now."""
    api = session.api()
    chosen = _full(digest) or _digest_of(api.case(case)["case"])
    _decide(api, case, decision, chosen, reason, until, as_json)


def _decide(api: DecisionApi, case: str, decision: str, digest: str, reason: str, until: str, as_json: bool) -> None:
    answer = api.decide(case, decision, digest, reason, until)
    if as_json:
        output.print_json(answer)
        return
    from rich.text import Text

    said = answer.get("reasons")
    head = Text.assemble(output.text(answer.get("case", case), "bold"), "  ", output.text(answer.get("state", "")))
    why = said if isinstance(said, list) else []
    output.show([head, *(Text.assemble("  ", output.text(reason, limit=1000)) for reason in why)])


def _confirmed(api: DecisionApi, case: str, decision: str) -> str:
    """Show the plan on a terminal and give its digest once the person has typed its last four digits."""
    if not _is_terminal():
        step = f"read `suture cases show {case}`, then pass --plan with the digest that it prints"
        raise WrongUsage(f"{decision} asks for confirmation, and this is no terminal", where="cases", next_step=step)
    return ask(api.case(case)["case"], decision)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(case: Mapping[str, Json], decision: str) -> str:
    """The digest of the plan that a person has read and confirmed. Raises BadInput where there is none."""
    from . import case_page
    from .plans import plan_lines, undo_lines

    plan = case_page.plan_of(case)
    if plan is None:
        raise BadInput("the case has no plan", where=str(case.get("id", "")), next_step="see `suture cases show`")
    shown = _digest_of(case)
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


def _full(digest: str) -> str:
    """A digest as the API wants it, with `sha256:` before it. Raises WrongUsage for anything else."""
    if not digest:
        return ""
    bare = digest.removeprefix("sha256:").lower()
    if len(bare) != 64 or not set(bare) <= set("0123456789abcdef"):
        step = "copy it whole from `suture cases show`: sha256: and 64 digits"
        raise WrongUsage(f"{digest!r} is no plan digest", where="--plan", next_step=step)
    return f"sha256:{bare}"


def _digest_of(case: Mapping[str, Any]) -> str:
    plan = case.get("plan")
    return str(plan.get("digest", "")) if isinstance(plan, Mapping) else ""


def _check_state(state: str) -> None:
    from chalicelib.cases import TRANSITIONS

    for one in filter(None, state.upper().split(",")):
        if one not in TRANSITIONS:
            raise WrongUsage(f"{one!r} is no state", where="--state", next_step=f"use one of {', '.join(TRANSITIONS)}")
