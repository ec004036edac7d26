"""The command line, as click knows it: usage, what it does, arguments, options, examples and exit codes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from suture.cli.app import cli

from .markdown import block, code, page, table

_WIDTH = 100


def page_for() -> str:
    """The page of all commands."""
    return page("# Commands", *(part for context in _contexts(cli, "suture", None) for part in _section(context)))


def names() -> Iterator[str]:
    """Every command by its whole name, such as `suture cases approve`."""
    yield from (context.command_path for context in _contexts(cli, "suture", None))


def _contexts(command: click.Command, name: str, parent: click.Context | None) -> Iterator[click.Context]:
    context = click.Context(command, parent=parent, info_name=name, terminal_width=_WIDTH, max_content_width=_WIDTH)
    yield context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from _contexts(found, below, context)


def _section(context: click.Context) -> Iterator[str]:
    command = context.command
    depth = "#" * (context.command_path.count(" ") + 2)
    yield f"{depth} {context.command_path}"
    yield block(" ".join([context.command_path, *command.collect_usage_pieces(context)]))
    yield _plain(command.help or "")
    yield from _parameters(context)
    if isinstance(command, click.Group):
        yield _below(command, context)
    if command.epilog:
        yield block(_plain(command.epilog)) if "\b" in command.epilog else command.epilog


def _below(group: click.Group, context: click.Context) -> str:
    found = ((name, group.get_command(context, name)) for name in group.list_commands(context))
    rows = [
        (f"[{context.command_path} {name}](#{_anchor(f'{context.command_path} {name}')})", c.get_short_help_str(_WIDTH))
        for name, c in found
        if c is not None and not c.hidden
    ]
    return table(("command", "what it does"), rows)


def _anchor(heading: str) -> str:
    return heading.replace(" ", "-")


def _parameters(context: click.Context) -> Iterator[str]:
    records = [record for p in context.command.params if (record := p.get_help_record(context))]
    rows = [(code(names), what) for names, what in records]
    if rows:
        yield table(("option", "what it does"), rows)


def _plain(text: str) -> str:
    """click's text without its marks for paragraphs that keep their lines."""
    return inspect.cleandoc(text).replace("\b\n", "").replace("\b", "")
