"""The names of a Python package: what modules, functions, classes and their attributes may hold."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from .pyvalues import ANYTHING, NOTHING, Class, Environment, Function, Instance, Method, Module, Sdk, Values

SDK_MODULES = ("boto3", "boto3.session", "botocore.session", "aioboto3", "aiobotocore.session")
MOST_VALUES = 40
"""Values that one name may have before it counts as unknown."""


@dataclass(slots=True)
class Scope:
    """Names of a module, a class or a function (`function` is its identity)."""

    path: str
    parent: Scope | None = None
    function: str = ""
    names: dict[str, Values] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)

    def bind(self, name: str, values: Values) -> None:
        joined = self.names.get(name, NOTHING) | values
        self.names[name] = joined if len(joined) <= MOST_VALUES else self.names.get(name, NOTHING) | ANYTHING

    def module(self) -> Scope:
        return self.parent.module() if self.parent else self

    def outside_class(self) -> Scope:
        return self.parent or self


@dataclass(slots=True)
class Names:
    """All that is known of a package's names; grows with every reading."""

    inside: frozenset[str]
    environment: Mapping[str, str]
    modules: dict[str, Scope] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    arguments: dict[tuple[str, str], Values] = field(default_factory=dict)
    returns: dict[str, Values] = field(default_factory=dict)
    attributes: dict[tuple[str, str], Values] = field(default_factory=dict)
    members_of: dict[str, set[str]] = field(default_factory=dict)

    def value(self, node: ast.AST, scope: Scope) -> Values:
        raise NotImplementedError

    def module(self, name: str) -> Values:
        if name in SDK_MODULES:
            return frozenset((Sdk(),))
        return frozenset((Module(name, name in self.inside),))

    def imported(self, base: str, name: str) -> Values:
        """`from base import name`."""
        if f"{base}.{name}".lstrip(".") in self.inside or f"{base}.{name}" in SDK_MODULES:
            return self.module(f"{base}.{name}".lstrip("."))
        if base in SDK_MODULES:
            return frozenset((Method(Sdk(), name),))
        if base in self.inside:
            return self.lookup(name, self.modules.get(base))
        if base == "os" and name == "environ":
            return frozenset((Environment(),))
        if base == "os" and name == "getenv":
            return frozenset((Method(Environment(), "get"),))
        return NOTHING

    def define_class(self, node: ast.ClassDef, identity: str, scope: Scope) -> None:
        scope.bind(node.name, frozenset((Class(identity),)))
        for base in node.bases:
            for value in self.value(base, scope):
                if isinstance(value, Class):
                    for name in tuple(self.members_of.get(value.id, ())):
                        self.give(identity, name, self.attributes[value.id, name])

    def define_function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, identity: str, scope: Scope, of_class: str
    ) -> None:
        self.functions[identity] = node
        if of_class:
            static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
            is_property = any("property" in ast.unparse(d) for d in node.decorator_list)
            values = (
                self.returns.get(identity, NOTHING) if is_property else frozenset((Function(identity, not static),))
            )
            self.give(of_class, node.name, values)

    def bind_parameters(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, identity: str, scope: Scope, of_class: str
    ) -> None:
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        if of_class and every:
            scope.bind(every[0].arg, frozenset((Instance(of_class),)))
        positional = [*node.args.posonlyargs, *node.args.args]
        defaults = [*zip(reversed(positional), reversed(node.args.defaults), strict=False)]
        defaults += [(a, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None]
        for argument, default in defaults:
            scope.bind(argument.arg, self.value(default, scope))
        for argument in every:
            scope.bind(argument.arg, self.arguments.get((identity, argument.arg), NOTHING))

    def returned(self, function: str, values: Values) -> None:
        if function:
            self.returns[function] = self.returns.get(function, NOTHING) | values

    def set_attribute(self, target: ast.Attribute, values: Values, scope: Scope) -> None:
        for owner in self.value(target.value, scope):
            if isinstance(owner, (Instance, Class)):
                self.give(owner.id, target.attr, values)
            elif isinstance(owner, Module) and owner.inside:
                self.modules.setdefault(owner.name, Scope(owner.name)).bind(target.attr, values)

    def give(self, identity: str, name: str, values: Values) -> None:
        self.members_of.setdefault(identity, set()).add(name)
        joined = self.attributes.get((identity, name), NOTHING) | values
        self.attributes[identity, name] = joined if len(joined) <= MOST_VALUES else ANYTHING

    def pass_argument(self, identity: str, name: str, values: Values) -> None:
        joined = self.arguments.get((identity, name), NOTHING) | values
        self.arguments[identity, name] = joined if len(joined) <= MOST_VALUES else ANYTHING

    def lookup(self, name: str, scope: Scope | None) -> Values:
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            for star in scope.stars:
                if found := self.imported(star, name):
                    return found
            scope = scope.parent
        return NOTHING
