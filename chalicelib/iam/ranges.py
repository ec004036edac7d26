"""Whether a set of address ranges still leaves most of the internet in.

The line is Amazon S3's meaning of "public" ("Blocking public access"): a range broader than /8 in IPv4 or than /32 in
IPv6 is open, private ranges excepted. Ours adds that adjacent ranges count as the one they make, that all together
may not reach an eighth of the address space, and that a text that is no range at all is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache


def is_open(texts: Sequence[str]) -> bool:
    """Whether callers from (nearly) everywhere are inside; `texts` are the values of one IpAddress condition."""
    return _is_open(tuple(texts))


def within(inner: Sequence[str], outer: Sequence[str]) -> bool:
    """Whether every range of `inner` is proved to be inside one of `outer`."""
    from ipaddress import ip_network

    try:
        ours = [ip_network(t, strict=False) for t in inner]
        theirs = [ip_network(t, strict=False) for t in outer]
    except ValueError:
        return False
    return all(any(_inside(o, t) for t in theirs) for o in ours)


@lru_cache(maxsize=1024)
def _is_open(texts: tuple[str, ...]) -> bool:
    from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

    try:
        networks = [ip_network(t, strict=False) for t in texts]
    except ValueError:
        return True
    four = list(collapse_addresses(n for n in networks if isinstance(n, IPv4Network)))
    six = list(collapse_addresses(n for n in networks if isinstance(n, IPv6Network)))
    broad = any(n.prefixlen < 8 for n in four) or any(n.prefixlen < 32 for n in six)
    return broad or sum(n.num_addresses for n in four) >= 2**29 or sum(n.num_addresses for n in six) >= 2**125


def _inside(inner: object, outer: object) -> bool:
    from ipaddress import IPv4Network, IPv6Network

    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)
