"""How a mend replaces a method of moto's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

Method = Callable[..., Any]


def around(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Replace `owner.name` by a function that gets the original first: `f(original, self, …)`. Class methods and
    static methods get no `self`. The signature stays the original's."""

    def replace(wrapper: Callable[..., Any]) -> None:
        raw = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
        original: Method = raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw

        @wraps(original)
        def mended(*args: Any, **kwargs: Any) -> Any:
            return wrapper(original, *args, **kwargs)

        setattr(owner, name, type(raw)(mended) if isinstance(raw, classmethod | staticmethod) else mended)

    return replace


def instead(owner: Any, name: str) -> Callable[[Method], None]:
    """Replace or add the method `owner.name`."""

    def replace(method: Method) -> None:
        setattr(owner, name, method)

    return replace
