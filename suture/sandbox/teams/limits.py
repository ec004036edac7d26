"""What Teams refuses about cards, and what our own may not hold, as sentences.

Sources: "Adaptive Cards schema" 1.5 (TextRun, RichTextBlock, Container, ActionSet, Input.Text, Action.Execute,
refresh); "Cards reference" and "Format your bot messages" (28 KB a message), "User Specific Views" (60 people),
Microsoft Teams. Only the kinds that Suture uses are known; others are refused. A TextBlock reads Markdown, so that it
may mention and no more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

MESSAGE_BYTES, MOST_REFRESHED, MOST_ACTIONS = 28 * 1024, 60, 6
_MENTIONS = re.compile(r"<at>[\w ]+</at>(, <at>[\w ]+</at>)*")

Data = Mapping[str, Any]


def activity_problems(activity: Any) -> list[str]:
    """What is wrong with a message of a bot; empty when Teams would take it."""
    if not isinstance(activity, dict) or activity.get("type") != "message":
        return ["an activity has the type message"]
    found = [f"{name} is too long" for name in ("summary", "text") if len(str(activity.get(name, ""))) > 1200]
    if len(json.dumps(activity).encode()) > MESSAGE_BYTES:
        found.append("the message has more than 28 KB")
    for attached in activity.get("attachments", ()):
        if attached.get("contentType") != "application/vnd.microsoft.card.adaptive":
            found.append("only adaptive cards are known here")
        found += card_problems(attached.get("content"))
    return found if activity.get("attachments") or activity.get("text") else [*found, "the message is empty"]


def card_problems(card: Any) -> list[str]:
    """What is wrong with an Adaptive Card."""
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        return ["a card has the type AdaptiveCard"]
    found = [] if card.get("version") in ("1.4", "1.5") else ["Action.Execute needs version 1.4 or 1.5"]
    extra = set(card) - {"type", "version", "body", "refresh", "msteams"}
    found += [f"the card has an unknown {name}" for name in sorted(extra)]
    found += _refresh(card.get("refresh"))
    ids = [e["id"] for e in card.get("body", ()) if e.get("type") == "Input.Text"]
    found += ["an input stands twice"] if len(ids) != len(set(ids)) else []
    return found + [p for element in card.get("body") or [{}] for p in _element(element)]


def _refresh(refresh: Any) -> list[str]:
    if refresh is None:
        return []
    found = list(_button(refresh.get("action") or {}))
    users = refresh.get("userIds")
    if not isinstance(users, list) or not 1 <= len(users) <= MOST_REFRESHED:
        found.append("refresh names 1 to 60 people")
    return found


def _element(element: Data) -> Iterator[str]:
    kind = element.get("type")
    check = _CHECKS.get(str(kind))
    if check is None:
        yield f"{kind} is no element that is known here"
        return
    yield from check(element)


def _paragraph(element: Data) -> Iterator[str]:
    yield from _only(element, "inlines", "size", "spacing", "color")
    if not element.get("inlines"):
        yield "a paragraph is empty"
    for run in element.get("inlines", ()):
        yield from _only(run, "text", "weight", "fontType", "size")
        if run.get("type") != "TextRun" or not run.get("text"):
            yield "a paragraph holds runs of text"
        if "{{" in run.get("text", "") or "\n" in run.get("text", ""):
            yield "a run holds a function or a line's end"


def _mentions(element: Data) -> Iterator[str]:
    yield from _only(element, "text", "wrap")
    if not _MENTIONS.fullmatch(str(element.get("text", ""))):
        yield "a TextBlock reads Markdown: only mentions may stand there"


def _container(element: Data) -> Iterator[str]:
    yield from _only(element, "items", "style")
    for item in element.get("items") or [{}]:
        yield from _element(item)


def _action_set(element: Data) -> Iterator[str]:
    yield from _only(element, "actions")
    actions = element.get("actions", ())
    if not 1 <= len(actions) <= MOST_ACTIONS:
        yield "1 to 6 actions stand in a row"
    for action in actions:
        yield from _button(action)


def _button(action: Data) -> Iterator[str]:
    yield from _only(action, "title", "verb", "data", "style")
    if action.get("type") != "Action.Execute" or not action.get("verb") or not action.get("title"):
        yield "a button is an Action.Execute with a verb and a title"
    if not isinstance(action.get("data"), dict):
        yield "a button has data"
    if action.get("style", "default") not in ("default", "positive", "destructive"):
        yield "style is positive or destructive"


def _input(element: Data) -> Iterator[str]:
    yield from _only(element, "id", "label", "placeholder", "maxLength", "isMultiline")
    if not element.get("id") or not element.get("label"):
        yield "an input has an id and a label"


def _only(element: Data, *names: str) -> list[str]:
    return [f"{element.get('type')} has an unknown {name}" for name in sorted(set(element) - {"type", *names})]


_CHECKS: Mapping[str, Any] = {
    "RichTextBlock": _paragraph,
    "TextBlock": _mentions,
    "Container": _container,
    "ActionSet": _action_set,
    "Input.Text": _input,
}
