"""YAML files that people write and functions trust: plain JSON values out, with the line of every one of them.

A small, strict part of YAML, so that a reviewer and the parser see the same thing: no anchors, aliases, merge keys
or tags, one document, no key twice, no invisible characters. Keys are always text, dates stay text, and words that
YAML versions read differently (`yes`, `off`) must be quoted. Syntax: https://yaml.org/spec/1.2.2/.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from chalicelib.errors import BadInput
from chalicelib.model import Json

MAX_BYTES = 128 * 1024
MAX_DEPTH = 24
MAX_VALUES = 20_000

Place = tuple[str | int, ...]
"""Where in a document: the keys and indexes that lead there."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `where` is file:line, `what` a sentence, `next_step` an instruction."""

    where: str
    what: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} Next: {self.next_step}"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read: its name as messages show it, its value, its bytes' digest, and the line of each place."""

    name: str
    document: Json
    digest: str
    lines: Mapping[Place, int]

    def where(self, place: Place = ()) -> str:
        """file:line of `place`, or of what is nearest around it. Parts that the file does not have are passed over."""
        found: Place = ()
        for part in place:
            if (*found, part) in self.lines:
                found = (*found, part)
        return f"{self.name}:{self.lines.get(found, 1)}"

    def problem(self, place: Place, what: str, next_step: str) -> Problem:
        return Problem(self.where(place), what, next_step)


def refuse(problems: tuple[Problem, ...], error: type[BadInput]) -> None:
    """Raises `error` for the first of `problems` (saying how many more there are); nothing when there is none."""
    if not problems:
        return
    first, more = problems[0], len(problems) - 1
    tail = f" ({more} more problem{'s' if more > 1 else ''} in it or beside it)" if more else ""
    raise error(first.what + tail, where=first.where, next_step=first.next_step)


def load(path: Path, error: type[BadInput], root: Path | None = None) -> Source:
    """The file at `path`, named relative to `root`. Raises `error`, whatever is wrong with the file."""
    name = path.relative_to(root).as_posix() if root and path.is_relative_to(root) else str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as failure:
        raise error(
            f"the file cannot be read: {failure.strerror}", where=name, next_step="create it or allow reading it"
        ) from None
    return loads(data, name, error)


def loads(data: bytes, name: str, error: type[BadInput]) -> Source:
    """A document from its bytes. Raises `error` with file and line for all that is not a mapping of plain values."""
    if len(data) > MAX_BYTES:
        raise error(
            f"the file is larger than {MAX_BYTES // 1024} KiB", where=name, next_step="split it or shorten its texts"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = data[: failure.start].count(b"\n") + 1
        raise error("the file is not UTF-8", where=f"{name}:{line}", next_step="save it as UTF-8") from None
    reader = _Reader(name, error)
    reader.check_visible(text, 1)
    document = reader.read(text)
    return Source(name, document, "sha256:" + hashlib.sha256(data).hexdigest(), reader.lines)


class _Reader:
    """Builds the value from parser events, which come one by one: depth and size are checked before they cost."""

    def __init__(self, name: str, error: type[BadInput]) -> None:
        self._name, self._error = name, error
        self._events: Iterator[yaml.Event] = iter(())
        self._values = 0
        self.lines: dict[Place, int] = {(): 1}

    def read(self, text: str) -> Json:
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        try:
            return self._document()
        except yaml.MarkedYAMLError as failure:
            mark = failure.problem_mark or failure.context_mark
            said = " ".join(str(failure.problem or failure.context).split())
            hint = "quote keys that end in `?` inside braces" if "'?'" in said else "correct the syntax"
            self._refuse(mark.line + 1 if mark else 1, f"this is not YAML: {said}", hint)
        except yaml.YAMLError as failure:
            said = str(failure).splitlines()[0]
            self._refuse(1, f"this is not YAML: {said}", "correct the syntax")
        except (ValueError, OverflowError, IndexError, AttributeError):
            line = max(self.lines.values())
            self._refuse(line, "this is not YAML: an escape or a number in it means nothing", "correct the syntax")

    def check_visible(self, text: str, line: int) -> None:
        """Refuses characters that a reviewer cannot see. `line` is where `text` begins."""
        for character in text:
            if character == "\n":
                line += 1
            elif unicodedata.category(character) in _INVISIBLE and character not in "\t\r":
                self._refuse(line, f"an invisible character, U+{ord(character):04X}", "remove it")

    def _document(self) -> Json:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            self._refuse(1, "the file is empty", "write the document, or remove the file")
        first = next(self._events)
        if not isinstance(first, yaml.MappingStartEvent):
            self._refuse(_line(first), "the file must be a mapping of names to values", "begin with `name: value`")
        document = self._value(first, ())
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._refuse(_line(after), "a second document begins here", "keep one document a file")
        return document

    def _value(self, event: yaml.Event, place: Place) -> Json:
        line = _line(event)
        self._values += 1
        if self._values > MAX_VALUES:
            self._refuse(line, f"more than {MAX_VALUES} values", "split the file")
        if len(place) > MAX_DEPTH:
            self._refuse(line, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) or event.anchor:
            self._refuse(line, "anchors and aliases are not read here", "write the value out where it is used")
        if event.tag is not None:
            self._refuse(line, f"the tag {event.tag!r} is not read here", "remove it, and quote text where in doubt")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, line)
        return self._sequence(place)

    def _mapping(self, place: Place) -> Json:
        result: dict[str, Json] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag is not None:
                self._refuse(line, "a key must be plain text", "write `name: value`")
            key = event.value
            self.check_visible(key, line)
            if key == "<<" and event.style is None:
                self._refuse(line, "merge keys are not read here", "write the values out")
            if key in result:
                before = self.lines[(*place, key)]
                self._refuse(line, f"the key {_short(key)} stands here twice, first in line {before}", "keep one")
            self.lines[(*place, key)] = line
            result[key] = self._value(next(self._events), (*place, key))
        return result

    def _sequence(self, place: Place) -> Json:
        result: list[Json] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self.lines[(*place, len(result))] = _line(event)
            result.append(self._value(event, (*place, len(result))))
        return result

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Json:
        text: str = event.value
        self.check_visible(text, line)
        if event.style is not None:
            return text
        if text.lower() in _AMBIGUOUS:
            self._refuse(line, f"YAML versions disagree whether {text} is text", f"write true or false, or '{text}'")
        for pattern, made in _PLAIN:
            if re.fullmatch(pattern, text):
                return self._number(made(text), text, line)
        return text

    def _number(self, value: Json, text: str, line: int) -> Json:
        if isinstance(value, float) and not math.isfinite(value):
            self._refuse(line, f"the number {_short(text)} is too large", "quote it if it is text")
        return value

    def _refuse(self, line: int, what: str, next_step: str) -> NoReturn:
        raise self._error(what, where=f"{self._name}:{line}", next_step=next_step)


_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_AMBIGUOUS = frozenset({"yes", "no", "on", "off", "y", "n"})
_PLAIN: tuple[tuple[str, Callable[[str], Json]], ...] = (
    (r"|~|null|Null|NULL", lambda _: None),
    (r"true|True|TRUE", lambda _: True),
    (r"false|False|FALSE", lambda _: False),
    (r"-?(?:0|[1-9][0-9]{0,14})", int),
    (r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}(?:[eE][+-]?[0-9]{1,3})?", float),
)


def _line(event: yaml.Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark else 1


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
