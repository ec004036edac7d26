"""The picture of the demo in README.md: `python -m suture.demo.picture`, anew after the demo has changed.

It plays the real demo in a process of its own, keeps some scenes of what that printed, and lets Rich draw them.
Nothing is written when the demo fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..cli.options import ROOT

WIDTH = 118
SCENES = ("A grant to everyone", "A role for anyone")
"""What is kept besides the opening and the ending: one fix that happens by itself, and one that people approve."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def main() -> int:
    """Play the demo and write docs/demo.svg; answers with the demo's exit code."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from suture.cli import main; main()", "demo"]
    played = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if played.returncode == 0:
        (ROOT / "docs" / "demo.svg").write_text(drawn(kept(played.stdout.splitlines())), "utf-8")
    return played.returncode


def kept(lines: Sequence[str]) -> list[str]:
    """The opening, the scenes of `SCENES`, and the ending, of a demo's lines (which may hold colours)."""
    found: list[str] = []
    is_kept = True
    for line in lines:
        plain = _ANSI.sub("", line)
        if plain.rstrip("─ ") != plain.rstrip():
            is_kept = plain.rstrip("─ ") in SCENES
        elif plain.startswith("What became of it"):
            is_kept = True
        if is_kept and not plain.startswith("Report of all cases"):
            found.append(line)
    return found


def drawn(lines: Sequence[str]) -> str:
    """The lines as an SVG that loads nothing from elsewhere, the same for the same lines."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
        for line in lines:
            console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis", crop=True)
        svg = console.export_svg(title="make demo", unique_id="suture")
    return re.sub(r"\s*@font-face\s*{[^}]*}", "", svg)


if __name__ == "__main__":
    sys.exit(main())
