"""The value of Python expressions, and the AWS calls that evaluating them makes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from chalicelib.model import Json

from . import pycalls, sdk
from .pycalls import Made, Unreadable
from .pynames import SDK_MODULES, Names, Scope
from .pyvalues import (
    ANYTHING,
    NOTHING,
    Class,
    Collection,
    Environment,
    Function,
    Instance,
    Method,
    Module,
    Polled,
    Resource,
    Sdk,
    Value,
    Values,
    carries_aws,
    keywords,
    one_text,
)
from .values import Client, Text

_HARMLESS = frozenset(
    ("print", "len", "isinstance", "type", "id", "hash", "bool", "str", "repr", "hasattr", "callable")
)
_HARMLESS |= {"append", "add", "debug", "info"}
_PASSING_ON = frozenset(("list", "tuple", "set", "iter", "next", "sorted", "reversed", "enumerate", "dict", "zip"))


@dataclass(slots=True)
class Evaluator(Names):
    """`last`: the final reading, in which calls and doubts count. `blind`: services with calls that cannot be read."""

    last: bool = False
    settling: bool = False
    blind: dict[str, str] = field(default_factory=dict)
    made_services: set[str] = field(default_factory=set)
    calls: dict[tuple[str, str, str, str], sdk.Call] = field(default_factory=dict)
    polled: dict[str, tuple[str, str]] = field(default_factory=dict)
    polled_used: set[str] = field(default_factory=set)
    known: dict[tuple[int, int], Values] = field(default_factory=dict)
    nodes: dict[int, list[ast.AST]] = field(default_factory=dict)

    # --- values ------------------------------------------------------------------------------------------------------

    def value(self, node: ast.AST, scope: Scope) -> Values:
        """All that an expression may be, as far as it matters; reckoned once a reading."""
        key = (id(node), id(scope))
        if key not in self.known:
            self.known[key] = NOTHING
            self.known[key] = self._value(node, scope)
        return self.known[key]

    def begin(self, *, settling: bool, last: bool) -> None:
        """Begin another reading of all code."""
        self.last, self.settling = last, settling or last
        self.known.clear()

    def settled(self, values: Values) -> Values:
        """In the last two readings what is not known by now is anything."""
        return values or (ANYTHING if self.settling else NOTHING)

    def _value(self, node: ast.AST, scope: Scope) -> Values:
        if isinstance(node, ast.Constant):
            return frozenset((Text(node.value),)) if isinstance(node.value, str) else NOTHING
        if isinstance(node, ast.Name):
            return self.lookup(node.id, scope)
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        if isinstance(node, ast.Attribute):
            return self._read(node, scope)
        if isinstance(node, ast.Subscript):
            return self._item(node, scope)
        if isinstance(node, (ast.Await, ast.NamedExpr, ast.Starred)):
            return self.value(node.value, scope)
        return self._combined(node, scope)

    def _combined(self, node: ast.AST, scope: Scope) -> Values:
        if isinstance(node, ast.JoinedStr):
            return self._joined([v.value if isinstance(v, ast.FormattedValue) else v for v in node.values], scope)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([node.left, node.right], scope)
        parts: list[ast.expr] = []
        if isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, (ast.BoolOp, ast.Dict)):
            parts = node.values
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            parts = node.elts
        values = frozenset(v for part in parts for v in self.value(part, scope))
        return values if isinstance(node, (ast.IfExp, ast.BoolOp)) else self.members(values)

    def members(self, values: Values) -> Values:
        """What iterating gives."""
        made: set[Value] = set()
        for value in values:
            if isinstance(value, Collection):
                made.add(Resource(value.service, value.kind, value.ids))
            elif not isinstance(value, Text):
                made.add(value)
        return frozenset(made)

    def _joined(self, parts: list[ast.expr], scope: Scope) -> Values:
        texts = [one_text(self.value(p, scope)) for p in parts]
        return frozenset((Text("".join(texts)),)) if all(texts) else NOTHING

    def _item(self, node: ast.Subscript, scope: Scope) -> Values:
        owners = self.value(node.value, scope)
        if any(isinstance(o, Environment) for o in owners):
            return self._variable(one_text(self.value(node.slice, scope)), NOTHING)
        return self.members(owners)

    def _variable(self, name: str, default: Values) -> Values:
        value = self.environment.get(name)
        return frozenset((Text(value),)) if value else (NOTHING if value is None else default)

    def _read(self, node: ast.Attribute, scope: Scope) -> Values:
        found: set[Value] = set()
        for owner in self.value(node.value, scope):
            found |= self._attribute_of(owner, node.attr, f"{scope.path}:{node.lineno}")
        return frozenset(found)

    def _attribute_of(self, owner: Value, name: str, place: str) -> Values:
        if isinstance(owner, Sdk):
            return frozenset((owner,)) if name == "session" else frozenset((Method(owner, name),))
        if isinstance(owner, (Client, Polled, Environment, Collection)):
            return frozenset((Method(owner, name),)) if name not in ("meta", "exceptions") else NOTHING
        if isinstance(owner, Resource):
            if name == "meta":
                return frozenset((Method(owner, "meta"),))
            made, values = pycalls.attribute(owner, name)
            self._record(made, place)
            return values
        if isinstance(owner, Method) and owner.name == "meta" and isinstance(owner.of, Resource):
            return frozenset((Client(owner.of.service),)) if name == "client" else NOTHING
        if isinstance(owner, Module):
            if f"{owner.name}.{name}" in (*SDK_MODULES, *self.inside):
                return self.module(f"{owner.name}.{name}")
            return self.imported(owner.name, name)
        if isinstance(owner, (Instance, Class)):
            return self.attributes.get((owner.id, name), NOTHING)
        return NOTHING

    # --- calls -------------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, scope: Scope) -> Values:
        place = f"{scope.path}:{node.lineno}"
        called = self._called(node, scope, place)
        known = [c for c in called if isinstance(c, (Method, Function, Class, Sdk))]
        found: set[Value] = set()
        doubts: list[Unreadable] = []
        for one in known:
            try:
                found |= self._apply(one, node, scope, place)
            except Unreadable as error:
                doubts.append(error)
        if len(doubts) == len(known):  # of several that it may be, it is one that has the method
            for doubt in doubts:
                self._doubt(doubt.service, f"{place}: {doubt.what}")
        if not known:
            found |= self._unknown(node, scope, place)
        return frozenset(found)

    def _called(self, node: ast.Call, scope: Scope, place: str) -> Values:
        if isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) > 1:
            owners, name = self.value(node.args[0], scope), one_text(self.value(node.args[1], scope))
            for owner in owners:
                if carries_aws(owner) and not name:
                    self._doubt(carries_aws(owner), f"{place}: getattr with a name that is not written there")
            return NOTHING
        return self.value(node.func, scope)

    def _apply(self, one: Value, node: ast.Call, scope: Scope, place: str) -> Values:
        if isinstance(one, Function):
            self._pass_arguments(one.id, node, scope, skip=one.bound)
            return self.returns.get(one.id, NOTHING)
        if isinstance(one, Class):
            for init in self.attributes.get((one.id, "__init__"), NOTHING):
                if isinstance(init, Function):
                    self._pass_arguments(init.id, node, scope, skip=True)
            return frozenset((Instance(one.id),))
        if isinstance(one, Method):
            return self._method(one.of, one.name, node, scope, place)
        return frozenset((one,))

    def _method(self, of: Value, name: str, node: ast.Call, scope: Scope, place: str) -> Values:
        texts: Callable[[ast.expr], Values] = lambda e: self.value(e, scope)  # noqa: E731
        made: list[Made] = []
        values = NOTHING
        if isinstance(of, Sdk):
            return self._from_sdk(name, node, scope, place)
        if isinstance(of, Environment):
            asked = one_text(texts(node.args[0])) if node.args else ""
            default = texts(node.args[1]) if len(node.args) > 1 else NOTHING
            return self._variable(asked, default)
        if isinstance(of, Client):
            made, values = pycalls.of_client(of, name, node, texts, place)
            self.polled |= {p.made: (p.service, p.operation) for p in values if isinstance(p, Polled)}
        elif isinstance(of, Polled):
            self.polled_used.add(of.made)
            made = pycalls.of_polled(of, node, texts)
        elif isinstance(of, Resource):
            made, values = pycalls.of_resource(of, name, node, texts)
        elif isinstance(of, Collection):
            made, values = pycalls.of_collection(of, name)
        self._record(made, place)
        return values

    def _from_sdk(self, name: str, node: ast.Call, scope: Scope, place: str) -> Values:
        if name in ("client", "create_client", "resource"):
            asked = keywords(node).get("service_name") or (node.args[0] if node.args else None)
            services = {v.value for v in (self.value(asked, scope) if asked else ()) if isinstance(v, Text)}
            known = {s for s in services if sdk.operations(s)}
            if not services or known != services:
                self._doubt("*", f"{place}: a client of a service that is not named")
            self.made_services |= known
            return frozenset(Resource(s, "") if name == "resource" else Client(s) for s in known)
        return frozenset((Sdk(),)) if name in ("Session", "session", "get_session", "_get_default_session") else NOTHING

    def _pass_arguments(self, identity: str, node: ast.Call, scope: Scope, *, skip: bool) -> None:
        function = self.functions.get(identity)
        if function is None:
            return
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][1 if skip else 0 :]
        given = [*zip(names, node.args, strict=False), *((k, v) for k, v in keywords(node).items())]
        for name, expression in given:
            self.pass_argument(identity, name, self.settled(self.value(expression, scope)))
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            self._anything_into(identity)

    def _anything_into(self, identity: str) -> None:
        """Whoever calls this function gives it what nobody knows."""
        function = self.functions.get(identity)
        for argument in (*function.args.posonlyargs, *function.args.args) if function else ():
            self.pass_argument(identity, argument.arg, ANYTHING)

    def _unknown(self, node: ast.Call, scope: Scope, place: str) -> Values:
        """A call of nobody knows what: on an unknown receiver a method may be any client's; its arguments may go on."""
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if isinstance(node.func, ast.Attribute):
            for service in sorted(self.made_services):
                operation = sdk.operations(service).get(name) if not name.islower() or "_" in name else None
                operation = operation or pycalls.methods(service).get(name) or _short(service).get(name)
                if operation and not self.value(node.func.value, scope) - ANYTHING:
                    given: Mapping[str, Json] = pycalls.parameters(node, lambda e: self.value(e, scope))
                    self._record([(service, operation, given)], place)
        if name == "getattr" and len(node.args) > 1:
            asked = one_text(self.value(node.args[1], scope))
            return frozenset(v for o in self.value(node.args[0], scope) for v in self._attribute_of(o, asked, place))
        passed = [v for a in (*node.args, *keywords(node).values()) for v in self.value(a, scope)]
        if name in _PASSING_ON:
            return self.members(frozenset(passed))
        if name not in _HARMLESS:
            for value in passed:
                self._escape(value, name, place)
        return NOTHING

    def _escape(self, value: Value, to: str, place: str) -> None:
        if isinstance(value, Function):
            self._anything_into(value.id)
        if isinstance(value, Method) and isinstance(value.of, Client):
            operation = sdk.operations(value.of.service).get(value.name)
            if operation:
                self._record([(value.of.service, operation, {})], place)
                return
        service = carries_aws(value)
        if service:
            self._doubt(service, f"{place}: a client goes into {to or 'something'}, which is not in the package")

    def _record(self, made: list[Made], place: str) -> None:
        if not self.last:
            return
        for service, operation, given in made:
            key = (service, operation, place, repr(sorted(given.items(), key=lambda kv: kv[0])))
            self.calls.setdefault(key, sdk.Call(service, operation, given, place))

    def _doubt(self, service: str, why: str) -> None:
        if self.last:
            self.blind.setdefault(service, why)

    def calls_made(self) -> list[sdk.Call]:
        """All calls, with paginators and waiters that were made and never seen used."""
        rest = [
            sdk.Call(service, operation, {}, made)
            for made, (service, operation) in self.polled.items()
            if made not in self.polled_used
        ]
        return [*self.calls.values(), *rest]


@cache
def _short(service: str) -> Mapping[str, str]:
    """Method names of one word: `publish`, `query`, `invoke`."""
    return {n: o for n, o in sdk.operations(service).items() if "_" not in n and n == o.lower()}
