"""Documents spoilt at random: nearly right, so that they get far, and wrong where nobody expects it.

A plain seeded generator, since it makes thirty times as many inputs a second as hypothesis would, and needs no
shrinking: an input begins as a good document, and differs from it in a few places.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

Json = Any


def _deep(levels: int) -> Json:
    found: Json = "bottom"
    for n in range(levels):
        found = [found] if n % 2 else {"a": found}
    return found


ODD: tuple[Json, ...] = (
    *(None, True, False, 0, -1, 1, 10**30, 1.5, float("nan"), float("inf"), [], {}, [[]], [None], {"": ""}, {"*": "*"}),
    *("", " ", "*", "?", "\x00", "\ud800", "\u202e", "é" * 40, "a" * 5000, "-", "null", "true", "=", "=a.b", "${x}"),
    *("123456789012", "000000000000", "2026-11-20T10:00:00Z", "9999-99-99", "24h", "0s", "1.0.0", "NONE", "Allow"),
    *("arn:aws:iam::123456789012:root", "arn:aws:lambda:us-east-1:123456789012:function:shop:1", "arn:::::", "arn:"),
    *("lambda:InvokeFunction", "iam:*", "*:*", "s3:", ":", "AWS::Lambda::Function", "AWS::", "../../x", "\n", "'\"`"),
    *("C-0000000001", "apply", "undo", "look", "write", "[" * 3000, '{"a":' * 3000, "{}", "[]", "1e999"),
    *([1, "a", None], {"AWS": "*"}, {"Effect": "Allow"}, ["*"] * 300, dict.fromkeys(map(str, range(300)), "x")),
    *(_deep(60), _deep(400)),
)


def _copied(value: Json) -> Json:
    """Nothing in a document is there twice, so that no later change reaches two places."""
    return json.loads(json.dumps(value)) if isinstance(value, (dict, list)) else value


class Spoiler:
    """Spoils good documents. Everything follows from `dice`."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def document(self, texts: Sequence[str]) -> Json:
        """One of some documents (given as JSON text), spoilt in up to five places; now and then as it is."""
        document = json.loads(self.dice.choice(texts))
        for _ in range(self.dice.choice((0, 1, 1, 1, 2, 2, 3, 5))):
            document = self._spoilt(document, texts)
        return document

    def text(self, text: str) -> str:
        """A text with a piece lost, doubled, moved or replaced; mostly as it is."""
        for _ in range(self.dice.choice((0, 0, 0, 1, 1, 3))):
            text = self._torn(text)
        return text

    def lines(self, text: str) -> str:
        """A text of lines with some of them lost, doubled, indented or given another value."""
        lines = text.split("\n")
        for _ in range(self.dice.choice((0, 1, 1, 2, 3))):
            n = self.dice.randrange(len(lines))
            head, colon, _ = lines[n].partition(":")
            value = json.dumps(self._odd()) if self.dice.random() < 0.7 else str(self._odd())[:200]
            lines[n : n + 1] = self.dice.choice(
                ([], [lines[n]] * 2, [f"  {lines[n]}"], [lines[n].lstrip()], [f"{head}{colon} {value}"])
            ) or [""]
        return "\n".join(lines)

    def _odd(self) -> Json:
        return _copied(self.dice.choice(ODD))

    def _spoilt(self, document: Json, texts: Sequence[str]) -> Json:
        """One place in the document is changed: the walk to it ends anywhere."""
        parent, key, node = None, None, document
        while isinstance(node, (dict, list)) and node and (parent is None or self.dice.random() < 0.85):
            parent, key = (
                node,
                self.dice.choice(list(node)) if isinstance(node, dict) else self.dice.randrange(len(node)),
            )
            node = parent[key]
        if parent is None:
            return self._odd()
        self._change(parent, key, node, texts)
        return document

    def _change(self, parent: Json, key: Json, node: Json, texts: Sequence[str]) -> None:
        deed = self.dice.randrange(8)
        if deed <= 2:
            parent[key] = self._odd()
        elif deed == 3:
            del parent[key]
        elif deed == 4 and isinstance(node, str):
            parent[key] = self._torn(node)
        elif deed == 5:
            parent[key] = [node] if self.dice.random() < 0.5 else json.dumps(node)
        elif deed == 6 and isinstance(parent, dict):
            parent[self._torn(str(key))] = _copied(node)
        else:
            parent[key] = json.loads(self.dice.choice(texts))

    def _torn(self, text: str) -> str:
        if not text:
            return str(self._odd())[:500]
        at, end = sorted((self.dice.randrange(len(text) + 1), self.dice.randrange(len(text) + 1)))
        odd = str(self._odd())[:200]
        return self.dice.choice(
            (text[:at] + text[end:], text[:end] + text[at:], text[:at] + odd + text[at:], text[:at], text.swapcase())
        )
