"""The group of all commands. Each lives in its own module, imported when it is called for."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from . import failures

COMMANDS = {
    "demo": ("local:demo", "Play the main job on a sandbox, and watch it."),
    "sandbox": ("local:sandbox", "Run an AWS account on this machine, with Suture deployed in it."),
    "scan": ("scanning:scan", "Look at every resource of an account; change nothing."),
    "cases": ("cases:cases", "List, read and decide cases."),
    "iam": ("iam:iam", "Say what IAM policies let happen; prove what they do not."),
    "secrets": ("secrets:secrets", "Find secrets that stand in plain text; see how far they are led out."),
    "controls": ("controls:controls", "What should hold, and how it is remediated."),
    "runbooks": ("runbooks:runbooks", "List, check, lock and try runbooks."),
    "render": ("render:render", "Write the files that follow from controls and runbooks."),
    "replay": ("replaying:replay", "Say what Suture would look at for recorded events."),
    "audit": ("audit:audit", "Is the record whole; and all of it for an auditor."),
    "redrive": ("redrive:redrive", "What is in the dead-letter queues, and why; again, or drop it."),
    "pause": ("switch:pause", "Stop all writes."),
    "resume": ("switch:resume", "Allow writes again; it takes two people."),
    "web": ("web:web", "The page: cases, posture, suppressions, runbooks; and deciding."),
    "slack": ("slack:slack", "Write the manifest of the Slack app."),
    "teams": ("teams:teams", "Write the manifest of the Microsoft Teams app."),
    "completion": ("completion:completion", "Print the completion script of a shell."),
}
"""Each command's module and attribute, and its line in the help: so that `--help` imports none of them."""

EXAMPLES = """\b
Examples:
  suture demo                                    watch the main job from end to end
  suture scan --region eu-west-1 --plan          findings, and the exact calls of their fixes
  suture cases list --state PENDING              what waits for a decision
  suture cases approve C-1A2B3C4D5E              read the plan, then confirm it
  suture runbooks plan lambda-require-url-auth arn:aws:lambda:…:function:shop

\b
Exit codes:
  0    done; for scan: nothing found
  1    findings, a refused decision, files that are stale or wrong
  2    wrong usage, or could not look everywhere (and says where)
  3    could not reach AWS or the decision API
  130  interrupted

\b
Environment: the ordinary AWS variables (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, …);
SUTURE_API_URL, the decision API's address; SUTURE_DEBUG=1, tracebacks; NO_COLOR, no colours."""


class Suture(click.Group):
    """A group that imports a command when it is called for, and turns every failure into one line and a code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a name that is nearly right."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        run: Any = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **extra)
        _tolerate_odd_terminals()
        sys.exit(failures.code_of(lambda: run(*args, standalone_mode=False, **extra)))

    def invoke(self, ctx: click.Context) -> Any:
        with _quiet_pipe():
            return super().invoke(ctx)


@contextlib.contextmanager
def _quiet_pipe() -> Iterator[None]:
    """When the reader of our output has gone (`| head`), end as a program does that SIGPIPE stops: quietly, 141."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(141) from None


def _tolerate_odd_terminals() -> None:
    """A terminal that cannot show a character gets a `?`, never an exception."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from .output import version

    click.echo(f"suture {version()}")
    ctx.exit()


@click.command(cls=Suture, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say the version.")
@click.option("-v", "--verbose", count=True, help="Say more on stderr; -vv for every detail.")
def cli(verbose: int) -> None:
    """Suture closes security wounds in serverless AWS accounts.

    It finds what is risky, plans the exact and reversible calls that fix it, and applies them when a person, or
    the mode that you chose, allows it. Commands that read take --json and then print one JSON document.
    """
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    if verbose < 2:
        logging.getLogger("botocore").setLevel(logging.ERROR)
