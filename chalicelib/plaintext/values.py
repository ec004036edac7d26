"""What a value looks like by itself: something ordinary, a placeholder, or something made at random."""

from __future__ import annotations

import math
import re
from functools import cache

from .names import is_called_secret, word_set, words_of

_WORDS = word_set(
    "true false yes no on off none null nil undefined unset empty default auto enabled disabled "
    "prod production dev develop development test testing tests stage staging qa uat local localhost sandbox demo "
    "foo bar baz qux todo tbd fixme na info debug warn warning error main master latest "
    "password passwd secret token key apikey string value text test123 abc123 abcd1234 xxx "
    "hidden redacted masked removed omitted encrypted basic bearer oauth oauth2 jwt hmac iam saml oidc "
    "authorization x-api-key x-hub-signature x-auth-token username email session_id sessionid dynamodb serverless "
    "hs256 hs384 hs512 rs256 rs384 rs512 es256 es384 eddsa sha1 sha256 sha512 md5 bcrypt argon2id scrypt pbkdf2 "
    "aes-128-cbc aes-256-cbc aes-128-gcm aes-256-gcm aes256 gsi1 gsi1pk gsi1sk gsi2 gsi2pk gsi2sk aws_iam"
)
_RESOURCE_WORDS = word_set(
    "prod production dev staging stage test qa app service stack table bucket queue topic function lambda cluster "
    "endpoint address instance database db api role policy alias"
)
_TELLTALES = word_set(
    "changeme changeit replace replaceme replacewith placeholder dummy example sample fake mock your yours insert "
    "todo tbd redacted fixme somesecret mysecret mypassword mytoken myapikey secrethere tokenhere passwordhere"
)


def is_ordinary(value: str) -> bool:
    """Whether the whole value is of a shape that never is a secret: flags, numbers, ARNs, paths, addresses, …"""
    short = value.strip()
    if len(short) < 4 or len(short) > 4096:
        return len(short) < 4
    return short.lower() in _WORDS or _ordinary().fullmatch(short) is not None


def is_placeholder(value: str, name: str = "") -> bool:
    """Whether a value stands for one that is to come, or is filled in elsewhere.

    `${…}`, `<…>`, `{{…}}`, stars and crosses, `changeme`, `your-key-here`, or the variable's own name again.
    """
    short = value.strip().strip("\"'`")
    if len(short) < 4 or short.lower() in _WORDS or _reference().search(short):
        return True
    if len(set(short.lower())) <= min(4, max(2, len(short) // 12)):
        return True
    words = words_of(short[:400])
    if _TELLTALES.intersection(words) or {"change", "me"} <= set(words) or "example" in short.lower():
        return True
    named = "".join(words_of(name))
    return len(named) >= 3 and "".join(words).endswith(named) and not any(c.isdigit() for c in short)


def is_listed(value: str, *, of_secrets: bool = False) -> bool:
    """Whether a value is a resource's name: words joined by dashes, or what CloudFormation makes of them.

    `of_secrets` asks for more: joined words may be a passphrase, so one of them must be called a secret, or be a word
    that resources are named with, or be written as identifiers are.
    """
    if "/" in value and len(value) <= 256 and is_called_secret(value):
        return True
    found = _slug().fullmatch(value)
    if found is None:
        return _is_identifier(value)
    return not of_secrets or found.group("made") is not None or is_called_secret(value) or _names_resource(value)


def _is_identifier(value: str) -> bool:
    """`DatabasePassword`, `accessToken`: the name of a secret, not one; the CDK's names end in eight digits more."""
    return _identifier().fullmatch(value) is not None and is_called_secret(value)


def _names_resource(value: str) -> bool:
    path = "/" in value and value.islower()
    return path or not _RESOURCE_WORDS.isdisjoint(words_of(value)) or _humped().search(value) is not None


def looks_random(value: str, floor: float = 3.0) -> bool:
    """Whether a value has the mixture of characters that generators make and people do not: bits a character."""
    body = value[:4096]
    kinds = sum((any(c.isdigit() for c in body), any(c.islower() for c in body), any(c.isupper() for c in body)))
    return len(body) >= 16 and kinds >= 2 and entropy(body) >= floor


def entropy(value: str) -> float:
    """Shannon entropy of a value's characters in bits a character; 0 for an empty one."""
    size = len(value)
    counts = (value.count(c) for c in set(value))
    return -sum(n / size * math.log2(n / size) for n in counts) if size else 0.0


@cache
def _ordinary() -> re.Pattern[str]:
    shapes = (
        r"[+-]?[0-9][0-9.,_:]{0,20}(?:ms|s|m|h|d|[kmg]b?)?",  # numbers, times, sizes
        r"arn:aws[a-z-]*:[^\s]*",
        r"\{\{resolve:[^\s]*\}\}",
        r"(?:ssm|secretsmanager|awssm|vault|op|gcp-?sm)://?[^\s]*",  # references that a library resolves
        r"/[\w.@-]{1,128}(?:/[\w.@-]{1,128}){0,32}/?",  # paths, of files and of SSM parameters
        r"(?:/[\w.-]{1,64}){1,32}(?::(?:/[\w.-]{1,64}){1,32}){1,16}",  # PYTHONPATH
        r"AQ(?:ICAH|ECAH)[A-Za-z0-9+/=]*",  # KMS ciphertext
        r"[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}",  # mail addresses
        r"(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\.?(?::[0-9]{2,5})?",  # host names
        r"(?:[a-z0-9.-]{1,120}:[0-9]{2,5},?){1,16}",  # host:port lists
        r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:/[0-9]{1,2})?(?:,(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:/[0-9]{1,2})?){0,64}",
        r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-gov|-iso[a-z]?)?-[a-z]{4,9}-[0-9][a-f]?",  # regions, zones
        r"(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-\w{1,20}) [A-Za-z0-9+/=]*(?: [^\n]{0,200})?",
        r"(?:pk_(?:live|test)_|pubkey-|pub-c-)[\w-]*",  # publishable by design
        r"[vV]?[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}[\w.+-]{0,40}",  # versions
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]{5,15}(?:Z|[+-][0-9:]{2,6})?)?",  # dates
        r"(?:i|sg|vpc|subnet|eni|ami|vol|rtb|igw|nat|vpce|eipalloc|fs|snap)-[0-9a-f]{8,17}",
        r"[a-z]{2}-[a-z]{4,9}-[0-9]_[A-Za-z0-9]{9}",  # Cognito user pools
        r"sha(?:1|256|384|512)[:-][A-Za-z0-9+/=]*",  # digests of images and scripts
        r"alias/[\w/-]{1,250}|mrk-[0-9a-f]{32}",  # KMS
        r"(?:rds|ecs-sc|events)![\w/-]{1,200}",  # secrets that AWS services manage, by name
        r"[a-z]{2}-[A-Z]{2}",  # languages
        r"(?:\./)?[\w./@-]{1,200}\.(?:pem|key|crt|cer|p12|pfx|jks|json|ya?ml|toml|ini|env|txt|zip|html?|[cm]?js|ts|py)",
        r"-----BEGIN (?:RSA |EC )?(?:PUBLIC KEY|CERTIFICATE)-----[^-]*-----END [A-Z ]{1,30}-----\s*",
    )
    return re.compile("|".join(f"(?:{s})" for s in shapes), re.ASCII)


@cache
def _reference() -> re.Pattern[str]:
    return re.compile(
        r"\$\{|\{\{|\$\(|%\(|^<[^>]{1,200}>\Z|^\[[^\]]{1,200}\]\Z|^\$[A-Za-z_]|^%[A-Za-z_]{1,60}%\Z"
        r"|AWS::[A-Z]|\b(?i:your|my|insert|enter|put|add)[\w -]{0,40}here\b"
        r"|\*{3}|[xX]{4}|\.\.\.|\u2026|-{6}|_{6}|#{4}|process\.env|os\.environ|getenv|!(?:Ref|Sub|GetAtt)",
    )


@cache
def _slug() -> re.Pattern[str]:
    made = (
        r"(?P<made>[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9:_]{1,80}){1,8}-[0-9A-Z]{12,13})"  # stack-LogicalId-1ABCDEFGHIJKL
    )
    words = r"[A-Za-z]{2,24}(?:[-_./:](?:[A-Za-z]{1,24}[0-9]{0,4}|[0-9]{1,4})){1,12}(?:-[A-Za-z0-9]{6})?"
    return re.compile(f"{made}|{words}", re.ASCII)


@cache
def _identifier() -> re.Pattern[str]:
    humps = r"[A-Za-z]?[a-z]{0,24}(?:[A-Z]{1,6}[a-z]{1,24}){1,8}"
    return re.compile(f"{humps}(?:[0-9A-F]{{8}})?(?:-[A-Za-z0-9]{{6}})?", re.ASCII)


@cache
def _humped() -> re.Pattern[str]:
    return re.compile(r"(?<![A-Za-z])[A-Z]{0,6}[a-z]{1,24}[A-Z]{1,6}[a-z]|(?<![A-Za-z])[A-Z]{2,24}_[A-Z]{2}", re.ASCII)


def looks_made(value: str) -> bool:
    """Whether a value mixes letters with digits or signs as keys and good passwords do; length at least 8.

    Dashes, dots and the like between words make no mixture: resources are named so.
    """
    if len(value) < 8 or " " in value:
        return False
    letters, digits = any(c.isalpha() for c in value), sum(c.isdigit() for c in value)
    signs = any(c in "!@#$%^&*~?+=|\\" for c in value)
    cases = len(value) >= 16 and value.isalpha() and not (value.islower() or value.isupper() or value.istitle())
    return (letters and (digits >= 2 or signs)) or digits >= 16 or (cases and entropy(value) >= 3.5)


def is_key_of_forty(value: str) -> bool:
    """Whether a value could be an AWS secret access key: forty characters of base64, well mixed."""
    return len(value) == 40 and _forty().fullmatch(value) is not None and entropy(value) >= 4.0


@cache
def _forty() -> re.Pattern[str]:
    return re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[A-Za-z0-9/+]{40}", re.ASCII)
