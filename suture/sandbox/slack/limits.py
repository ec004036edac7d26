"""What Slack refuses about blocks and views, as sentences.

Sources: Slack's "Reference: Blocks", "Reference: Block elements", "Reference: Views", and for whole messages the
observed `msg_blocks_too_long` (slackapi/bolt-js #2509). Only the kinds that Suture uses are known; others are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MESSAGE_BLOCKS, VIEW_BLOCKS, MESSAGE_CHARACTERS = 50, 100, 13_200
_ID, _TEXT, _FIELD = 255, 3000, 2000
_INLINE = frozenset({"text", "link", "user", "usergroup", "channel", "emoji", "date", "broadcast", "color"})
_RICH = frozenset({"rich_text_section", "rich_text_preformatted", "rich_text_quote", "rich_text_list"})

Data = Mapping[str, Any]


def message_problems(blocks: Any) -> list[str]:
    """What is wrong with the blocks of a message; empty when Slack would take them."""
    found = list(_blocks(blocks, MESSAGE_BLOCKS, inputs=False))
    if not found and len(json.dumps(blocks)) > MESSAGE_CHARACTERS:
        found.append(f"msg_blocks_too_long: {len(json.dumps(blocks))} characters")
    return found


def view_problems(view: Any) -> list[str]:
    """What is wrong with a modal or a home tab."""
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        return ["a view has the type modal or home"]
    is_modal = view["type"] == "modal"
    found = list(_blocks(view.get("blocks"), VIEW_BLOCKS, inputs=is_modal))
    for name, most in (("title", 24), ("submit", 24), ("close", 24)):
        if is_modal and (name in view or name == "title"):
            found += _plain(view.get(name), most, name)
    if is_modal and any(b.get("type") == "input" for b in view["blocks"]) and "submit" not in view:
        found.append("a modal with an input needs submit")
    found += _short(view, "callback_id", _ID)
    return found + _short(view, "private_metadata", _TEXT)


def _blocks(blocks: Any, most: int, *, inputs: bool) -> Iterator[str]:
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= most:
        yield f"blocks must be a list of 1 to {most}"
        return
    ids = [b["block_id"] for b in blocks if isinstance(b, dict) and "block_id" in b]
    if len(ids) != len(set(ids)):
        yield "a block_id stands twice"
    for number, block in enumerate(blocks):
        check = _CHECKS.get(block.get("type") if isinstance(block, dict) else None)
        if check is None or (block["type"] == "input" and not inputs):
            yield f"blocks[{number}]: this type is not allowed here"
            continue
        yield from (f"blocks[{number}]: {p}" for p in (*_short(block, "block_id", _ID), *check(block)))


def _header(block: Data) -> Iterator[str]:
    yield from _plain(block.get("text"), 150, "text")


def _section(block: Data) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        yield "a section needs text or fields"
    if "text" in block:
        yield from _any_text(block["text"], _TEXT, "text")
    if len(fields) > 10:
        yield "more than 10 fields"
    for field in fields:
        yield from _any_text(field, _FIELD, "field")


def _context(block: Data) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 10:
        yield "context has 1 to 10 elements"
        return
    for element in elements:
        yield from _any_text(element, _TEXT, "element")


def _actions(block: Data) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 25:
        yield "actions has 1 to 25 elements"
        return
    ids = [e.get("action_id") for e in elements]
    if len(ids) != len(set(ids)):
        yield "an action_id stands twice"
    for element in elements:
        yield from _button(element)


def _button(element: Data) -> Iterator[str]:
    if element.get("type") != "button":
        yield f"{element.get('type')} is no button"
        return
    yield from _plain(element.get("text"), 75, "button text")
    yield from _short(element, "action_id", _ID)
    yield from _short(element, "value", 2000)
    if element.get("style", "primary") not in ("primary", "danger"):
        yield "style is primary or danger"


def _input(block: Data) -> Iterator[str]:
    yield from _plain(block.get("label"), 2000, "label")
    if "hint" in block:
        yield from _plain(block["hint"], 2000, "hint")
    element = block.get("element") or {}
    if element.get("type") != "plain_text_input":
        yield "only plain_text_input is known here"
    if not 1 <= int(element.get("max_length", 3000)) <= 3000:
        yield "max_length is 1 to 3000"
    yield from _short(element, "action_id", _ID)


def _rich_text(block: Data) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield "rich_text needs elements"
        return
    for element in elements:
        if element.get("type") not in _RICH:
            yield f"{element.get('type')} is no element of rich_text"
            continue
        yield from _rich_elements(element)


def _rich_elements(element: Data) -> Iterator[str]:
    inner: Sequence[Data] = element.get("elements") or ()
    if not inner:
        yield "a rich text element is empty"
    code_only = element["type"] == "rich_text_preformatted"
    for one in inner:
        kind = one.get("type")
        if kind not in (("text", "link") if code_only else _INLINE):
            yield f"{kind} is not allowed in {element['type']}"
        if kind == "text" and not one.get("text"):
            yield "a text is empty"
        if kind == "date" and not {"timestamp", "format"} <= set(one):
            yield "a date needs timestamp and format"


def _divider(block: Data) -> Iterator[str]:
    yield from ()


def _plain(text: Any, most: int, name: str) -> list[str]:
    if not isinstance(text, dict) or text.get("type") != "plain_text":
        return [f"{name} must be plain_text"]
    return _any_text(text, most, name)


def _any_text(text: Any, most: int, name: str) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in ("plain_text", "mrkdwn"):
        return [f"{name} must be a text object"]
    length = len(str(text.get("text", "")))
    return [] if 1 <= length <= most else [f"{name} has {length} characters, and 1 to {most} are allowed"]


def _short(data: Data, name: str, most: int) -> list[str]:
    value = data.get(name, "")
    return [] if isinstance(value, str) and len(value) <= most else [f"{name} has more than {most} characters"]


_CHECKS: Mapping[Any, Any] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "rich_text": _rich_text,
    "divider": _divider,
}
