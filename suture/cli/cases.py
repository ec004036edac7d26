"""`suture cases`: read cases and decide about them, through the decision API with one's own AWS credentials."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from . import options, output
from .deciding import ask, confirmed, decide, digest_of, full, is_terminal, moment, past, to_undo
from .failures import WrongUsage

if TYPE_CHECKING:
    from suture.api import DecisionApi

EPILOG = """\b
Examples:
  suture cases list --state PENDING
  suture cases show C-1A2B3C4D5E
  suture cases watch
  suture cases approve C-1A2B3C4D5E
  suture cases approve C-1A2B3C4D5E --plan sha256:… --reason "agreed with the owner"
  suture cases snooze C-1A2B3C4D5E --until 8h
  suture cases suppress C-1A2B3C4D5E --until 90d --reason "public by design"
  suture cases attest C-1A2B3C4D5E --by Olly --reason "new database password, old one dropped"

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
    output.show(case_page.paused(answer))
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


@cases.command("watch", epilog="Ends with Ctrl-C. What happened between two looks is in `suture cases show`.")
@click.option("--state", default="", metavar="STATE", help="Only cases that come into or leave it; several by commas.")
@click.option(
    "--every", type=click.IntRange(1, 3600), default=5, show_default=True, metavar="SECONDS", help="How often to look."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
@_reach
@click.pass_obj
def watch(session: Session, state: str, every: int, as_json: bool) -> None:
    """Show what is open, and then each case that moves, as it moves."""
    _check_state(state)
    from . import watching

    chosen = {s for s in state.upper().split(",") if s}
    for move in watching.moves(session.api().cases, lambda: time.sleep(every)):
        if not chosen or "id" not in move or chosen & {move.get("state"), move["from"]}:
            watching.tell(move, as_json)


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
    chosen = full(digest) or confirmed(api, case, "approve")
    decide(api, case, "approve", chosen, reason, "", as_json)


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
    chosen = full(digest)
    if not chosen:
        found = to_undo(api.case(case))
        chosen = ask(found, "undo") if is_terminal() else digest_of(found)
    decide(api, case, "undo", chosen, reason, "", as_json)


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


@cases.command(
    "attest",
    epilog="For what AWS cannot show: that what leaked is worthless, because it was changed where it is valid.",
)
@click.argument("case")
@click.option("--by", required=True, metavar="NAME", help="Who did it.")
@click.option("--at", "when", default="", metavar="WHEN", help="When: 2030-12-31T08:00Z. Default: now.")
@_why
@options.as_json
@_reach
@click.pass_obj
def attest(session: Session, case: str, by: str, when: str, reason: str, as_json: bool) -> None:
    """Say that the stage which waits for people is done: who did it, when, and how. Never name a value."""
    decide(session.api(), case, "attest", "", reason, "", as_json, {"by": by, "at": past(when, datetime.now(UTC))})


@cases.command("continue")
@click.argument("case")
@_why
@options.as_json
@_reach
@click.pass_obj
def go_on(session: Session, case: str, reason: str, as_json: bool) -> None:
    """Take a staged case up again that rests, after an undo, a rejection or an escalation."""
    decide(session.api(), case, "continue", "", reason, "", as_json)


def _simply(session: Session, case: str, decision: str, digest: str, reason: str, until: str, as_json: bool) -> None:
    """A decision that applies nothing: for the plan that is named, or the one that the case has now."""
    api = session.api()
    chosen = full(digest) or digest_of(api.case(case)["case"])
    decide(api, case, decision, chosen, reason, until, as_json)


def _check_state(state: str) -> None:
    from chalicelib.cases import TRANSITIONS

    for one in filter(None, state.upper().split(",")):
        if one not in TRANSITIONS:
            raise WrongUsage(f"{one!r} is no state", where="--state", next_step=f"use one of {', '.join(TRANSITIONS)}")
