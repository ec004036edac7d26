"""Signed tokens, judged by joserfc: the one place that needs it, and imports it where one is shown.

What an ID token must say: OpenID Connect Core 1.0, 3.1.3.7. Algorithms are a fixed list of signatures with public keys,
so that neither `none` nor an HMAC with a published key is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...errors import SutureError
from ...model import Json

if TYPE_CHECKING:
    from joserfc.jwt import JWTClaimsRegistry

ALGORITHMS = ("RS256", "PS256", "ES256")
LEEWAY = 60
"""Seconds by which two clocks may differ."""

OLDEST = 600
"""Seconds after which a token is no answer to somebody who just signed in."""


class NoSuchKey(SutureError):
    """The token may be good: its key is none of those that we know."""


class BadToken(SutureError):
    """The token proves nothing; the text says what is wrong, and nothing of what it holds."""


def claims_of(
    token: str, keys: Mapping[str, Json], issuer: str, client: str, nonce: str, now: float
) -> Mapping[str, Json]:
    """What an ID token says, once all of it is proved. Raises BadToken or NoSuchKey."""
    claims = proved(token, keys, {"iss": issuer, "nonce": nonce}, ("sub", "aud", "exp", "iat"), now)
    _meant_for(claims, client)
    if now - float(claims["iat"]) > OLDEST + LEEWAY:
        raise BadToken("it was given too long ago")
    return claims


def proved(
    token: str,
    keys: Mapping[str, Json],
    exactly: Mapping[str, str],
    present: Sequence[str],
    now: float,
    leeway: int = LEEWAY,
) -> Mapping[str, Json]:
    """The claims of a token that one of `keys` signed and that stands now: some `exactly` so, others at least there.

    Raises BadToken or NoSuchKey. Whom it is meant for is the caller's to check.
    """
    from joserfc import jwt
    from joserfc.errors import ClaimError, JoseError
    from joserfc.jwk import KeySet
    from joserfc.jws import JWSRegistry

    usable = [k for k in keys.get("keys") or () if isinstance(k, dict) and k.get("use", "sig") == "sig"]
    usable = [k for k in usable if k.get("kty") in ("RSA", "EC")]
    _known(token, usable)
    try:
        known = KeySet.import_key_set({"keys": usable})
        said = jwt.decode(token, known, algorithms=list(ALGORITHMS), registry=JWSRegistry(algorithms=list(ALGORITHMS)))
        _rules(exactly, present, now, leeway).validate(said.claims)
    except ClaimError as error:
        raise BadToken(f"its claim {error.claim} is not as it must be") from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadToken(f"it cannot be believed: {type(error).__name__}") from error
    return said.claims


def _rules(exactly: Mapping[str, str], present: Sequence[str], now: float, leeway: int) -> JWTClaimsRegistry:
    from joserfc.jwt import JWTClaimsRegistry

    wanted = {name: {"essential": True, "value": value} for name, value in exactly.items()}
    there = {name: {"essential": True} for name in present}
    return JWTClaimsRegistry(now=int(now), leeway=leeway, **wanted, **there)  # type: ignore[arg-type]


def _meant_for(claims: Mapping[str, Json], client: str) -> None:
    """Is it for this client, and for a person whom it names?"""
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if client not in audience or claims.get("azp", client) != client or (len(audience) > 1 and "azp" not in claims):
        raise BadToken("it is meant for somebody else")
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise BadToken("it names nobody")


def _known(token: str, keys: Sequence[Mapping[str, Json]]) -> None:
    """Raise NoSuchKey where the token's header names a key that is not here."""
    from joserfc.errors import JoseError
    from joserfc.jws import extract_compact

    try:
        kid = extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError, TypeError) as error:
        raise BadToken("it is no signed token") from error
    if kid is not None and not any(key.get("kid") == kid for key in keys):
        raise NoSuchKey("its key is not published")
