"""`suture completion`: the script that teaches a shell to complete our commands."""

from __future__ import annotations

import click

from chalicelib.errors import Misconfigured


@click.command(epilog="\b\nExamples:\n  source <(suture completion bash)\n  suture completion fish | source")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell; source it, or save it where your shell looks."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise Misconfigured(f"no completion is known for {shell}", where="completion")
    root = ctx.find_root()
    if shell == "bash":
        click.echo(_source_without_asking_bash(kind, root.command))
        return
    click.echo(kind(root.command, {}, "suture", "_SUTURE_COMPLETE").source())


def _source_without_asking_bash(kind: type, command: click.Command) -> str:
    """click starts bash to learn its version, and fails where there is none: the script is the same anyway."""
    made = kind(command, {}, "suture", "_SUTURE_COMPLETE")
    return str(made.source_template % made.source_vars())
