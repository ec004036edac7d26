"""Markdown, built from plain text: tables whose cells cannot break out, code, lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MARK = "<!-- Written by `suture render docs`. Do not edit: change what it follows from. -->"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first row names its columns."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, those without a value left out."""
    return "\n".join(f"- **{name}:** {value}" for name, value in rows if value)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """One line of code. Longer fences keep backquotes inside."""
    line = " ".join(text.split())
    fence = "``" if "`" in line else "`"
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def codes(values: Iterable[str]) -> str:
    return ", ".join(code(v) for v in values)


def block(text: str, language: str = "") -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def page(*parts: str) -> str:
    """A page of its parts, the empty ones left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part)
