"""What the askers share: what one answers with, and how much of an account it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from ....errors import Denied, Gone
from ....model import Json
from ...clients import Aws

Found = Iterator[tuple[str, dict[str, str]] | None]
"""A function's ARN, `$LATEST` left out, with a source that calls it, asked for or not; None where somebody would
not say, or there is too much to ask."""
Ask = Callable[[Aws, set[str]], Found]
"""Takes the ARNs that the function's qualifiers are called by, for services that are asked by function."""

LATEST = ":$LATEST"


def bare(arn: str) -> str:
    """A function's ARN as its own policy names it: that of `$LATEST` has no qualifier."""
    return arn.removesuffix(LATEST)


def of_each(items: Iterable[Json], most: int, look: Callable[[Json], Found]) -> Found:
    """What `look` finds in each item. What goes meanwhile calls nobody; what may not be looked at makes a None.

    Where there are more than `most` items none is looked at: what is asked in part proves nothing.
    """
    listed = list(islice(items, most + 1))
    if len(listed) > most:
        yield None
        return
    for item in listed:
        try:
            yield from look(item)
        except Gone:
            continue
        except Denied:  # its own policy may refuse us
            yield None
