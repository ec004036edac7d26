"""Policy documents as Python values, parsed once and then only read.

The grammar is that of the IAM User Guide, "Grammar of the IAM JSON policy language". What IAM would refuse is refused
here with `BadPolicy` and its place (`Statement[2].Principal.AWS`); nothing else is ever raised.

Values here and beside are named tuples, frozen like the rest: a dataclass costs a cold start seven times as much.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from ..errors import BadPolicy
from .operators import canonical_operator

KINDS = ("identity", "resource", "trust")
OLD, NEW = "2008-10-17", "2012-10-17"
LONGEST = 262_144
"""Characters of a text that is read at all; AWS's own limits are below 33,000."""

_PRINCIPAL_KINDS = {"aws": "AWS", "service": "Service", "federated": "Federated", "canonicaluser": "CanonicalUser"}
_ELEMENTS = frozenset(
    ("sid", "effect", "principal", "notprincipal", "action", "notaction", "resource", "notresource", "condition")
)
_NEXT = "Correct the document where the place says; IAM refuses it as it stands."


class Principal(NamedTuple):
    """`kind` is AWS, Service, Federated or CanonicalUser; `value` is as written. A bare `"*"` is kind AWS."""

    kind: str
    value: str


class Condition(NamedTuple):
    """One operator on one key: `ForAnyValue:StringLikeIfExists` is quantifier `any`, operator `StringLike`, if_exists.

    `operator` is in IAM's own spelling, or as written where IAM knows no such operator (`known` is False then).
    `key` is as written; keys are compared without regard to case. `values` are texts: true is `true`, 5 is `5`.
    """

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: str = ""
    if_exists: bool = False
    known: bool = True

    def __str__(self) -> str:
        prefix = {"all": "ForAllValues:", "any": "ForAnyValue:"}.get(self.quantifier, "")
        suffix = "IfExists" if self.if_exists else ""
        shown = [v if len(v) <= 80 else v[:77] + "…" for v in self.values[:3]]
        more = f", and {len(self.values) - 3} more" if len(self.values) > 3 else ""
        return f"{prefix}{self.operator}{suffix} {self.key} = {' or '.join(shown) or 'nothing'}{more}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Of each pair (`actions`/`not_actions`, …) exactly one is a tuple and the other None.

    A resource or trust statement without `Resource` is about the resource that it hangs on: `("*",)`.
    `variables` says whether `${…}` in it are policy variables, which they are in version 2012-10-17 only.
    """

    index: int
    sid: str
    effect: str
    principal: tuple[Principal, ...] | None
    not_principal: tuple[Principal, ...] | None
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    conditions: tuple[Condition, ...]
    variables: bool

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    @property
    def name(self) -> str:
        """How sentences name it: `statement 2 "PublicRead"`, counted from 1 as people do."""
        return f'statement {self.index + 1} "{self.sid[:100]}"' if self.sid else f"statement {self.index + 1}"


class Document(NamedTuple):
    """`name` is what sentences call it, where it has one: a policy's name or ARN."""

    version: str
    statements: tuple[Statement, ...]
    kind: str = "identity"
    name: str = ""


def parse(document: str | Mapping[str, Any], kind: str) -> Document:
    """A policy from JSON text (URL-encoded or not) or from a mapping. Raises BadPolicy, and nothing else.

    `kind` is identity (also boundaries, session policies, SCPs), resource or trust. Without `Version` it is
    2008-10-17, as IAM says.
    """
    if kind not in KINDS:
        raise _bad("kind", f"a document is of one of the kinds {', '.join(KINDS)}, not {kind!r:.40}")
    root = _fields(_load(document) if isinstance(document, str) else document, "document")
    if strange := root.keys() - {"version", "id", "statement"}:
        raise _bad(min(strange)[:80], "no such element at the top of a policy")
    version = root.get("version", OLD)
    if version not in (OLD, NEW):
        raise _bad("Version", f"must be {NEW} or {OLD}")
    if "statement" not in root:
        raise _bad("Statement", "is missing")
    raw = root["statement"]
    listed = raw if isinstance(raw, (list, tuple)) else [raw]
    statements = tuple(_statement(s, i, kind, version == NEW) for i, s in enumerate(listed))
    return Document(version, statements, kind)


def _load(text: str) -> Any:
    if len(text) > LONGEST:
        raise _bad("document", f"longer than {LONGEST} characters")
    if text.lstrip()[:1] == "%":
        from urllib.parse import unquote

        text = unquote(text)
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except BadPolicy:
        raise
    except json.JSONDecodeError as e:
        cut = e.pos >= len(text.rstrip()) - 1 or e.msg.startswith("Unterminated")
        raise _bad(
            f"line {e.lineno} column {e.colno}", f"not JSON: {e.msg}{', and it seems cut off' if cut else ''}"
        ) from None
    except (ValueError, RecursionError):
        raise _bad("document", "not JSON that can be read: a number too long, or nesting too deep") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _bad(name, "occurs twice in one object")
            seen.add(name)
    return found


def _no_constant(name: str) -> NoReturn:
    raise _bad("document", f"{name} is no JSON number")


def _fields(value: Any, place: str) -> dict[str, Any]:
    """A mapping by lower-case key: IAM reads element names without regard to case."""
    if not isinstance(value, Mapping):
        raise _bad(place, f"must be an object, not {_kind_of(value)}")
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if not isinstance(key, str):
            raise _bad(place, "a key is not text")
        if key.lower() in found:
            raise _bad(f"{place}.{key[:80]}", "occurs twice")
        found[key.lower()] = inner
    return found


def _statement(raw: Any, index: int, kind: str, variables: bool) -> Statement:
    place = f"Statement[{index}]"
    fields = _fields(raw, place)
    if strange := fields.keys() - _ELEMENTS:
        raise _bad(f"{place}.{min(strange)[:80]}", "no such element in a statement")
    effect = fields.get("effect")
    if effect not in ("Allow", "Deny"):
        raise _bad(f"{place}.Effect", "must be Allow or Deny, in that spelling")
    sid = fields.get("sid")
    if sid is not None and not isinstance(sid, str):
        raise _bad(f"{place}.Sid", f"must be text, not {_kind_of(sid)}")
    principal, not_principal = _principals(fields, place, kind)
    actions, not_actions = _pair(fields, place, "Action", required=True)
    resources, not_resources = _pair(fields, place, "Resource", required=kind == "identity")
    if resources is None and not_resources is None:
        resources = ("*",)
    conditions = _conditions(fields.get("condition"), f"{place}.Condition")
    pairs = (principal, not_principal, actions, not_actions, resources, not_resources)
    return Statement(index, sid or "", str(effect), *pairs, conditions, variables)


def _pair(
    fields: Mapping[str, Any], place: str, name: str, *, required: bool
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    plain, negated = name.lower(), f"not{name.lower()}"
    if plain in fields and negated in fields:
        raise _bad(place, f"has both {name} and Not{name}")
    if plain in fields:
        return _texts(fields[plain], f"{place}.{name}"), None
    if negated in fields:
        return None, _texts(fields[negated], f"{place}.Not{name}")
    if required:
        raise _bad(place, f"has neither {name} nor Not{name}")
    return None, None


def _texts(value: Any, place: str) -> tuple[str, ...]:
    values = value if isinstance(value, (list, tuple)) else (value,)
    if not values:
        raise _bad(place, "is empty")
    for i, text in enumerate(values):
        if not isinstance(text, str) or not text:
            raise _bad(f"{place}[{i}]", f"must be text, not {_kind_of(text)}")
    return tuple(values)


def _principals(
    fields: Mapping[str, Any], place: str, kind: str
) -> tuple[tuple[Principal, ...] | None, tuple[Principal, ...] | None]:
    has = [name for name in ("Principal", "NotPrincipal") if name.lower() in fields]
    if kind == "identity":
        if has:
            raise _bad(f"{place}.{has[0]}", "an identity policy names no principal")
        return None, None
    if len(has) != 1:
        raise _bad(place, "has both Principal and NotPrincipal" if has else "has neither Principal nor NotPrincipal")
    found = tuple(_named(fields[has[0].lower()], f"{place}.{has[0]}"))
    return (found, None) if has[0] == "Principal" else (None, found)


def _named(value: Any, place: str) -> Iterable[Principal]:
    if isinstance(value, str) and value:
        return [Principal("AWS", value)]
    found: list[Principal] = []
    for key, inner in _fields(value, place).items():
        if key not in _PRINCIPAL_KINDS:
            raise _bad(f"{place}.{key[:80]}", f"must be one of {', '.join(_PRINCIPAL_KINDS.values())}")
        named = _PRINCIPAL_KINDS[key]
        found += [Principal(named, text) for text in _texts(inner, f"{place}.{named}")]
    if not found:
        raise _bad(place, "names nobody")
    return found


def _conditions(value: Any, place: str) -> tuple[Condition, ...]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise _bad(place, f"must be an object, not {_kind_of(value)}")
    found: list[Condition] = []
    for written, block in value.items():
        if not isinstance(written, str) or not isinstance(block, Mapping):
            raise _bad(f"{place}.{str(written)[:80]}", "must be an object of condition keys")
        quantifier, operator, if_exists, known = canonical_operator(written)
        for key, values in block.items():
            if not isinstance(key, str):
                raise _bad(f"{place}.{written[:80]}", "a condition key is not text")
            texts = _condition_values(values, f"{place}.{written[:80]}.{key[:80]}")
            found.append(Condition(operator, key, texts, quantifier, if_exists, known))
    return tuple(found)


def _condition_values(value: Any, place: str) -> tuple[str, ...]:
    values = value if isinstance(value, (list, tuple)) else (value,)
    return tuple(_condition_text(v, place) for v in values)


def _condition_text(value: Any, place: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        try:
            return str(value)
        except ValueError:
            raise _bad(place, "a number too long") from None
    raise _bad(place, f"a value must be text, a number or a Boolean, not {_kind_of(value)}")


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return "empty text" if not value else "text"
    names = {bool: "a Boolean", int: "a number", float: "a number", list: "a list", tuple: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


def _bad(place: str, what: str) -> BadPolicy:
    return BadPolicy(f"{place}: {what}.", where="policy", next_step=_NEXT)
