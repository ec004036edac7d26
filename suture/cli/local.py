"""`suture demo` and `suture sandbox`: what runs on this machine alone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import click

from . import options

CHAOS = "duplicate=0.2,reorder=0.2,delay=0.1,drop=0.05,kill=0.1,seed=7"


@click.command(epilog="\b\nExamples:\n  suture demo\n  suture demo --stay\n  suture demo --json > story.json")
@options.as_json
@click.option("--stay", is_flag=True, help="Stay afterwards: approve a fix yourself, in a browser. Ctrl-C ends it.")
@click.pass_context
def demo(ctx: click.Context, as_json: bool, stay: bool) -> None:
    """Play the main job on a sandbox: what changed, what was found, each exact call, what was verified.

    Exits 0 only when plain reads, made afterwards, show that AWS is in the state that the story claims.
    """
    from suture import demo as the_demo

    ctx.exit(int(the_demo.run(options.ROOT, as_json=as_json, stay=_until_interrupted if stay else None)))


def _until_interrupted() -> None:
    up, stop = threading.Event(), threading.Event()
    up.set()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ending(up, stop))
    while not stop.wait(0.5):
        pass


@click.command(
    epilog=f"\b\nExamples:\n  suture sandbox --ready-file ready.json\n  suture sandbox --port 4566 --chaos {CHAOS}"
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port.  [default: a free one]")
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Written when everything is up.")
@click.option(
    "--governance",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Pins, approvers and suppressions.  [default: the sandbox's own, which fixes by itself]",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps what it unpacks; one sandbox a folder.  [default: .suture/sandbox here]",
)
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    callback=lambda ctx, option, given: dict(map(_pair, given)),
    metavar="NAME=VALUE",
    help="A value for a parameter of the template, such as WebhookUrl; may be repeated.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 32),
    default=2,
    show_default=True,
    metavar="N",
    help="How many processes a function has at most, where its own concurrency allows them.",
)
@click.option("--slack", is_flag=True, help="Play a Slack workspace too, with a page to click in.")
@click.option("--web", is_flag=True, help="Serve the page too; its address is printed.")
@click.option("--chaos", default="", metavar="SWITCHES", help=f"What goes wrong on purpose, such as {CHAOS}")
def sandbox(
    port: int,
    ready_file: Path | None,
    governance: Path | None,
    state: Path | None,
    parameters: dict[str, str],
    processes: int,
    slack: bool,
    web: bool,
    chaos: str,
) -> None:
    """Run an AWS account on this machine, with Suture deployed in it. Ctrl-C ends it.

    The ready file says where it listens and holds credentials for deployer, security, oncall and developer. One
    line on stderr for each decision.
    """
    from chalicelib.errors import Misconfigured

    try:
        from suture.sandbox.sandbox import Sandbox
    except ModuleNotFoundError as error:
        step = "run `make setup`, or install suture[sandbox]"
        raise Misconfigured(f"{error.name} is not installed", where="sandbox", next_step=step) from error
    up, stop = threading.Event(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ending(up, stop))
    folder = state or Path.cwd() / ".suture" / "sandbox"
    placed = partial(Sandbox, options.ROOT, port, ready_file, governance, chaos, state=folder)
    made = placed(slack=slack, web=web, parameters=parameters, most_processes=processes)
    with made:
        up.set()
        while not stop.wait(0.5):
            pass


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (name and found):
        raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


def _ending(up: threading.Event, stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    """While it comes up, a signal breaks it off; once it is up, a signal ends it cleanly."""

    def end(number: int, frame: FrameType | None) -> None:
        if not up.is_set():
            raise KeyboardInterrupt
        stop.set()

    return end
