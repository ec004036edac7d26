"""What a variable's name says about its value: is it called a secret, or only something about one?"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import pairwise

PASSWORD, SECRET, HINT, ABOUT, NEUTRAL = "password", "secret", "hint", "about", "neutral"
"""Classes. PASSWORD and SECRET tell: any value that is no placeholder counts. HINT: only one that looks random.
ABOUT: the name of a secret, its path, length or lifetime; NEUTRAL says nothing."""


def word_set(words: str) -> frozenset[str]:
    """The words of a text as a set: tables of words read better so."""
    return frozenset(words.split())


_PASSWORDS = word_set("password passwords passwd pwd passphrase passcode passwort pass pw")
_SECRETS = word_set("secret secrets token tokens apikey apikeys credential credentials cred creds bearer jwt")
_TELLING_KEYS = word_set(
    "api access secret private auth encryption signing license licence account master session shared storage "
    "service admin deploy hmac integration ingest consumer webhook subscription function host app aes crypto"
)
_PLAIN_KEYS = word_set(
    "primary foreign partition sort object bucket cache schema sequence public idempotency hash range index "
    "routing s publishable site pub route row column dedup deduplication message event tag"
)
_PAGING = word_set("request creation change next continuation pagination page idempotency cursor")
_HINTS = word_set("key keys auth authorization cookie seed salt pepper signature sig cert license pat sas access")
_ABOUT_LAST = word_set(
    "name names arn arns id ids path paths param params parameter parameters url urls uri endpoint host hostname "
    "port field fields header headers prefix suffix ttl seconds minutes hours days ms expiry expires expiration "
    "expire lifetime duration timeout length len size count limit iterations rotation rotate enabled disabled "
    "cache table bucket queue topic issuer audience algorithm alg type types version file filename location dir "
    "directory region attr attribute column alias encrypted ciphertext ref reference format policy mode provider "
    "store storage vault manager label status source scope scopes method domain email env stage pool rounds "
    "required refresh reset validation strategy backend class module handler function regex pattern"
)
_ABOUT_ANYWHERE = word_set(
    "secretsmanager public publishable pubkey max min num number enable disable use allow arn kms encrypted"
)


@lru_cache(maxsize=4096)
def name_class(name: str) -> str:
    """The class of one name, whatever its spelling: `DB_PASSWORD`, `dbPassword`, `db.password`, `PGPASSWORD`."""
    parts = words_of(name)
    if not parts:
        return NEUTRAL
    if parts[-1] in _ABOUT_LAST or _ABOUT_ANYWHERE.intersection(parts):
        return ABOUT
    if any(p in _PASSWORDS or "password" in p or p.endswith(("passwd", "pwd")) for p in parts):
        return PASSWORD
    if parts[-1] == "token" and parts[-2:-1] and parts[-2] in _PAGING:
        return ABOUT
    if any(p in _SECRETS or "secret" in p or p.endswith(("token", "apikey", "accesskey")) for p in parts):
        return SECRET
    before_key = parts[-2] if len(parts) > 1 and parts[-1] in ("key", "keys") else ""
    if before_key in _TELLING_KEYS:
        return SECRET
    if before_key in _PLAIN_KEYS:
        return ABOUT
    return HINT if parts[-1] in _HINTS else NEUTRAL


def words_of(name: str) -> tuple[str, ...]:
    """A name's words in lower case; digits end a word, and a trailing number is no word."""
    words = _word().findall(name[:200])
    return tuple(w.lower() for w in words)


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]*[a-z]+")


def is_called_secret(text: str) -> bool:
    """Whether some word of a text, or two together, is one by which secrets are called."""
    words = words_of(text)
    if any(w in _PASSWORDS or w in _SECRETS or "password" in w or "secret" in w for w in words):
        return True
    return any(word in _TELLING_KEYS and key == "key" for word, key in pairwise(words))
