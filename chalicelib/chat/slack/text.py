"""Words for Slack that stay words: what AWS or a person typed cannot mention, link or format anything.

Such text goes into `plain_text` objects and literal rich text, which Slack does not parse. Where only mrkdwn is
taken (a message's fallback text), `&`, `<` and `>` are escaped as Slack's "Formatting text for app surfaces" says,
and what would still be read as formatting or as an address gets an invisible joiner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from ...model import Json
from ...redaction import safe_text

Element = Mapping[str, Json]

NOTHING: Element = {"type": "text", "text": ""}
"""No words: Slack refuses empty text, so a paragraph leaves it out."""

_JOINER = "\u2060"
ROOM = 8
"""Characters kept free for joiners below a limit of Slack's."""


def plain(text: object, limit: int = 300) -> str:
    """One harmless line for a `plain_text` object or literal rich text: a link in it does not become one."""
    return safe_text(text, limit - ROOM).replace("://", f":{_JOINER}//")


def fallback(text: object, limit: int = 300) -> str:
    """One harmless line for a field that Slack reads as mrkdwn."""
    line = plain(text, limit)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([*_~`@#])", rf"\1{_JOINER}", line)


def plain_text(text: object, limit: int = 300) -> Element:
    return {"type": "plain_text", "text": plain(text, limit) or "…", "emoji": False}


def said(*parts: str | Element) -> Element:
    """A paragraph of rich text from literal words and elements."""
    return {
        "type": "rich_text_section",
        "elements": [words(p) if isinstance(p, str) else p for p in parts if p and p != NOTHING],
    }


def words(text: object, *, bold: bool = False, code: bool = False, limit: int = 500) -> Element:
    """Literal words. Code keeps addresses as they are: Slack makes no links in it."""
    shown = safe_text(text, limit) if code else _spaced(str(text), limit)
    style = {name: True for name, on in (("bold", bold), ("code", code)) if on}
    return {"type": "text", "text": shown, **({"style": style} if style else {})} if shown else NOTHING


def bold(text: object) -> Element:
    return words(text, bold=True)


def code(text: object, limit: int = 500) -> Element:
    return words(text, code=True, limit=limit)


def person(user: str) -> Element:
    """A mention, which only we make, and only of somebody listed."""
    return {"type": "user", "user_id": user}


def moment(iso: str) -> Element:
    """A time, shown to each reader in their own zone; ISO text where it is none."""
    try:
        at = int(datetime.fromisoformat(iso).timestamp())
    except ValueError:
        return words(iso)
    return {"type": "date", "timestamp": at, "format": "{date_short_pretty} at {time}", "fallback": iso}


def preformatted(lines: Sequence[str]) -> Element:
    """Lines as they are, in a fixed width: Slack neither formats nor links in it."""
    text = "\n".join(lines)
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text or "…"}]}


def rich(*elements: Element) -> Element:
    return {"type": "rich_text", "elements": list(elements)}


def _spaced(text: str, limit: int) -> str:
    """As `plain`, with the spaces at both ends that join it to its neighbours."""
    head, tail = " " * text.startswith(" "), " " * (text.endswith(" ") and len(text) > 1)
    return f"{head}{plain(text, limit)}{tail}"
