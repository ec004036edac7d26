"""Token formats: one row a kind. Adding a kind adds a row here and its examples in tests/test_plaintext_formats.py.

A row is `kind, mark, public prefix, body, confidence, check`. `mark` is a literal that must occur (the cheap
test before any regex). The prefix is what may be shown of a token; it and the body are regex sources, every
repetition bounded or inside the run that the boundary before it opens, so that matching stays linear.
Formats: the vendors' documentation of their tokens, and public examples of each.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

Check = Callable[[str], str]
"""Looks at a whole token and answers with a confidence, or with nothing when it is none."""


class Format(NamedTuple):
    kind: str
    mark: str
    prefix: str
    body: str
    confidence: str = "certain"
    check: Check | None = None


class Match(NamedTuple):
    """One token found: what may be shown of it, how sure, and where it ends."""

    kind: str
    confidence: str
    prefix: str


def find(text: str) -> Match | None:
    """The first row of the table that has a token in `text`; None when none has."""
    return next(find_all(text), None)


def find_all(text: str) -> Iterator[Match]:
    """Every row that has a token in `text`, in the table's order."""
    for row in FORMATS:
        if row.mark in text and (found := _found(row, text)):
            yield found


def _found(row: Format, text: str) -> Match | None:
    for hit in _compiled(row.prefix, row.body).finditer(text):
        token = hit.group(0)
        sure = row.check(token) if row.check else row.confidence
        if sure and not _hollow(token[len(hit.group(1)) :]):
            return Match(row.kind, sure, hit.group(1))
    return None


def _hollow(body: str) -> bool:
    return len(set(body.lower())) < min(6, max(1, len(body) // 3)) or "xxxx" in body.lower()


@cache
def _compiled(prefix: str, body: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_-])({prefix})(?:{body})(?![A-Za-z0-9])", re.ASCII)


def _crc_base62(token: str) -> str:
    """GitHub and npm end a token with the CRC-32 of its random part, six base-62 digits (github.blog, 2021)."""
    random, given = token.rsplit("_", 1)[1][:-6], token[-6:]
    number, digits = zlib.crc32(random.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[digit] + digits
    return "certain" if digits.rjust(6, "0") == given else "likely"


def _has_digits(token: str) -> str:
    return "certain" if sum(c.isdigit() for c in token) >= 5 else ""


def _a_jwt(token: str) -> str:
    """A JSON Web Token carries its claims, and is as good as a password while it lives."""
    return "likely" if len(token) >= 40 else ""


_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

FORMATS: tuple[Format, ...] = (
    Format(
        "private-key",
        "PRIVATE KEY",
        r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----",
        r"(?:\s|\\[nr]){0,8}(?:[A-Za-z-]{3,20}: [^\n\\]{1,80}(?:\s|\\[nr]){1,4}){0,4}"
        r"[A-Za-z0-9+/=](?:[A-Za-z0-9+/= \r\n]|\\[nr]){39,65536}",
    ),
    Format("age-secret-key", "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    Format("aws-access-key-id", "AKIA", "AKIA", r"[A-Z2-7]{16}"),
    Format("aws-access-key-id", "ASIA", "ASIA", r"[A-Z2-7]{16}"),
    Format("aws-bedrock-key", "ABSK", "ABSK", r"[A-Za-z0-9+/]{109,269}={0,2}"),
    Format(
        "aws-bedrock-key", "bedrock-api-key-", "bedrock-api-key-", r"YmVkcm9jay5hbWF6b25hd3MuY29t[A-Za-z0-9+/=]{0,4096}"
    ),
    Format("github-token", "gh", r"gh[pousr]_", r"[A-Za-z0-9]{36}", "certain", _crc_base62),
    Format("github-token", "github_pat_", "github_pat_", r"[A-Za-z0-9_]{82}"),
    Format("gitlab-token", "gl", r"gl(?:pat|ptt|dt|rt|cbt|ft|ffct|imt|agent|soat|wt)-", r"[A-Za-z0-9_.-]{20,300}"),
    Format("gitlab-token", "gloas-", "gloas-", r"[A-Za-z0-9_-]{64}"),
    Format("gitlab-token", "GR1348941", "GR1348941", r"[A-Za-z0-9_-]{20}"),
    Format("gitlab-session", "_gitlab_session=", "", r"_gitlab_session=[0-9a-z]{32}"),
    Format("slack-token", "xox", r"xox[abdeoprs](?:\.xox[bp])?-", r"[A-Za-z0-9-]{10,400}", "certain", _has_digits),
    Format("slack-token", "xapp-", r"xapp-", r"\d-[A-Z0-9]{5,20}-\d{5,20}-[a-z0-9]{20,128}"),
    Format(
        "slack-webhook",
        "hooks.slack.com/",
        r"(?:https?://)?hooks\.slack\.com/(?:services|workflows|triggers)/",
        r"[A-Za-z0-9+/]{40,60}",
    ),
    Format(
        "teams-webhook",
        ".webhook.office.com/",
        r"(?:https://)?[a-z0-9]{1,60}\.webhook\.office\.com/webhookb2/",
        r"[A-Za-z0-9@/-]{60,200}",
    ),
    Format(
        "discord-webhook",
        "/api/webhooks/",
        r"(?:https://)?(?:\w{2,10}\.)?discord(?:app)?\.com/api/webhooks/",
        r"\d{17,20}/[A-Za-z0-9_-]{60,80}",
    ),
    Format("telegram-bot-token", ":AA", "", r"\d{8,10}:AA[A-Za-z0-9_-]{32,34}"),
    Format("stripe-key", "k_", r"(?:sk|rk)_(?:live|test|prod)_", r"[A-Za-z0-9]{10,247}"),
    Format("stripe-webhook-secret", "whsec_", "whsec_", r"[A-Za-z0-9+/]{24,88}={0,2}"),
    Format("npm-token", "npm_", "npm_", r"[A-Za-z0-9]{36}", "certain", _crc_base62),
    Format("pypi-token", "pypi-AgE", r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)", r"[A-Za-z0-9_-]{50,1000}"),
    Format("rubygems-token", "rubygems_", "rubygems_", r"[0-9a-f]{48}"),
    Format("sendgrid-key", "SG.", r"SG\.", r"[A-Za-z0-9_=.-]{66}"),
    Format("twilio-key", "SK", "SK", r"[0-9a-f]{32}", "likely"),
    Format("google-api-key", "AIza", "AIza", r"[A-Za-z0-9_-]{35}"),
    Format("google-oauth-secret", "GOCSPX-", "GOCSPX-", r"[A-Za-z0-9_-]{28}"),
    Format("google-oauth-token", "ya29.", r"ya29\.", r"[A-Za-z0-9_-]{20,1000}"),
    Format("anthropic-key", "sk-ant-", r"sk-ant-(?:api|admin)\d\d-", r"[A-Za-z0-9_-]{80,120}"),
    Format(
        "openai-key", "T3BlbkFJ", r"sk-(?:proj-|svcacct-|admin-)?", r"[A-Za-z0-9_-]{20,80}T3BlbkFJ[A-Za-z0-9_-]{20,80}"
    ),
    Format("huggingface-token", "hf_", "hf_", r"[A-Za-z]{34}"),
    Format("huggingface-token", "api_org_", "api_org_", r"[A-Za-z]{34}"),
    Format("groq-key", "gsk_", "gsk_", r"[A-Za-z0-9]{52}"),
    Format("perplexity-key", "pplx-", "pplx-", r"[A-Za-z0-9]{48}"),
    Format("databricks-token", "dapi", "dapi", r"[0-9a-f]{32}(?:-\d)?"),
    Format("digitalocean-token", "_v1_", r"do[opr]_v1_", r"[0-9a-f]{64}"),
    Format("docker-token", "dckr_", r"dckr_(?:pat|oat)_", r"[A-Za-z0-9_-]{27,40}"),
    Format("doppler-token", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.", r"(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    Format("dynatrace-token", "dt0", r"dt0[a-z]\d\d\.", r"[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}"),
    Format("easypost-key", "EZ", r"EZ[AT]K", r"[A-Za-z0-9]{54}"),
    Format("facebook-token", "EAA", r"EAA[MC]", r"[A-Za-z0-9]{100,500}"),
    Format("facebook-token", "|", "", r"\d{15,16}(?:\||%7C)[A-Za-z0-9_-]{27,40}"),
    Format("flutterwave-key", "FLW", r"FLW(?:PUB|SEC)K_TEST-", r"[0-9a-f]{12}(?:[0-9a-f]{20}-X)?", "likely"),
    Format("fly-token", "fo1_", "fo1_", r"[A-Za-z0-9_-]{43}"),
    Format("fly-token", "fm", r"fm(?:1[ar]|2)_", r"[A-Za-z0-9+/]{100,2000}={0,3}"),
    Format("frameio-token", "fio-u-", "fio-u-", r"[A-Za-z0-9_=-]{64}"),
    Format("grafana-key", "gl", r"gl(?:c|sa)_", r"[A-Za-z0-9+/_]{32,400}={0,3}"),
    Format("grafana-key", "eyJrIjoi", "eyJrIjoi", r"[A-Za-z0-9]{70,400}={0,3}"),
    Format("harness-key", "at.", r"[ps]at\.", r"[A-Za-z0-9_-]{22}\.[0-9a-zA-Z]{24}\.[A-Za-z0-9]{20}"),
    Format("terraform-token", ".atlasv1.", "", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"),
    Format("vault-token", "hv", r"hv[bs]\.", r"[A-Za-z0-9_-]{90,300}"),
    Format("vault-token", "s.", r"s\.", r"(?=[A-Za-z]{0,23}\d)[A-Za-z0-9]{24}", "likely"),
    Format("heroku-key", "HRKU-", "HRKU-", r"[A-Za-z0-9_-]{58,60}"),
    Format("infracost-key", "ico-", "ico-", r"[A-Za-z0-9]{32}"),
    Format("42-secret", "s-s4t2", r"s-s4t2(?:ud|af)-", r"[0-9a-f]{64}"),
    Format("jfrog-key", "AKCp", "AKCp", r"[A-Za-z0-9]{69}"),
    Format("jfrog-token", "cmVmd", "cmVmd", r"[A-Za-z0-9]{59}"),
    Format("linear-key", "lin_api_", "lin_api_", r"[A-Za-z0-9]{40}"),
    Format("mailchimp-key", "-us", "", r"[0-9a-f]{32}-us\d{1,2}"),
    Format("mailgun-key", "key-", "key-", r"[0-9a-f]{32}"),
    Format("maxmind-key", "_mmk", "", r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk"),
    Format("new-relic-key", "NR", r"NR(?:AK|II|JS|RA|IQ)-", r"[A-Za-z0-9_-]{19,32}"),
    Format("notion-token", "ntn_", "ntn_", r"\d{11}[A-Za-z0-9]{35}"),
    Format("octopus-key", "API-", "API-", r"(?=[A-Z]{0,25}\d)[A-Z0-9]{26}"),
    Format("okta-token", "00", "00", r"(?=[A-Za-z_=-]{0,39}\d)(?=[a-z0-9_=-]{0,39}[A-Z])[A-Za-z0-9_=-]{40}", "likely"),
    Format("openshift-token", "sha256~", "sha256~", r"[A-Za-z0-9_-]{43}"),
    Format("planetscale-token", "pscale_", r"pscale_(?:pw|tkn|oauth)_", r"[A-Za-z0-9_=.-]{32,64}"),
    Format("postman-key", "PMAK-", "PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),
    Format("prefect-key", "pnu_", "pnu_", r"[A-Za-z0-9]{36}"),
    Format("pulumi-token", "pul-", "pul-", r"[0-9a-f]{40}"),
    Format("readme-key", "rdme_", "rdme_", r"[a-z0-9]{70}"),
    Format("scalingo-token", "tk-us-", "tk-us-", r"[A-Za-z0-9_-]{48}"),
    Format("brevo-key", "xkeysib-", "xkeysib-", r"[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    Format("sentry-token", "sntrys_", "sntrys_", r"eyJ[A-Za-z0-9+/=]{20,500}_[A-Za-z0-9+/]{40,50}"),
    Format("sentry-token", "sntryu_", "sntryu_", r"[0-9a-f]{64}"),
    Format("settlemint-token", "sm_", r"sm_(?:pat|aat|sat)_", r"[A-Za-z0-9]{16}"),
    Format("shippo-token", "shippo_", r"shippo_(?:live|test)_", r"[0-9a-fA-F]{40}"),
    Format("shopify-token", "shp", r"shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}"),
    Format("sourcegraph-token", "sgp_", r"sgp_", r"(?:(?:local|[0-9a-fA-F]{16})_)?[0-9a-fA-F]{40}"),
    Format("square-token", "sq0", r"sq0(?:csp|atp)-", r"[A-Za-z0-9_^\\-]{22,60}"),
    Format("square-token", "EAAA", "EAAA", r"[A-Za-z0-9_-]{42,60}"),
    Format("supabase-key", "sb", r"sb(?:p|_secret)_", r"[A-Za-z0-9_]{31,48}"),
    Format("typeform-token", "tfp_", "tfp_", r"[A-Za-z0-9_=.-]{59}"),
    Format("yandex-key", "AQVN", "AQVN", r"[A-Za-z0-9_-]{35,38}"),
    Format("yandex-key", "YC", "YC", r"(?=[A-Za-z_-]{0,37}\d)[A-Za-z0-9_-]{38}", "likely"),
    Format("yandex-token", "t1.", r"t1\.", r"[A-Za-z0-9_-]{1,12}={0,2}\.[A-Za-z0-9_-]{80,90}={0,2}"),
    Format("1password-token", "ops_", "ops_", r"eyJ[A-Za-z0-9+/]{250,2000}={0,3}"),
    Format(
        "1password-key",
        "A3-",
        "A3-",
        r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
    ),
    Format("adobe-secret", "p8e-", "p8e-", r"[0-9a-f]{32}"),
    Format("airtable-token", "pat", "pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    Format("alibaba-key-id", "LTAI", "LTAI", r"[A-Za-z0-9]{17,21}"),
    Format("atlassian-token", "ATATT3", "ATATT3", r"[A-Za-z0-9_=-]{180,200}"),
    Format(
        "authress-key",
        "acc",
        r"(?:sc|ext|scauth|authress)_",
        r"[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][A-Za-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}",
    ),
    Format("azure-secret", "Q~", "", r"[A-Za-z0-9_.~-]{3}\dQ~[A-Za-z0-9_.~-]{31,34}"),
    Format("azure-storage-key", "AccountKey=", "", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    Format("azure-shared-key", "SharedAccessKey=", "", r"SharedAccessKey=[A-Za-z0-9+/]{43}="),
    Format("clickhouse-key", "4b1d", "4b1d", r"[A-Za-z0-9]{38}"),
    Format("clojars-token", "CLOJARS_", "CLOJARS_", r"[A-Za-z0-9]{60}"),
    Format("cloudflare-origin-key", "v1.0-", r"v1\.0-", r"[0-9a-f]{24}-[0-9a-f]{146}"),
    Format("defined-token", "dnkey", "dnkey-", r"[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}"),
    Format("duffel-token", "duffel_", r"duffel_(?:test|live)_", r"[A-Za-z0-9_=-]{43}"),
    Format("figma-token", "figd_", "figd_", r"[A-Za-z0-9_-]{40,50}"),
    Format("gocardless-token", "live_", "live_", r"(?=[A-Za-z_=-]{0,39}[0-9])[A-Za-z0-9_=-]{40}", "likely"),
    Format("lob-key", "test_", "test_", r"[0-9a-f]{35}", "likely"),
    Format("lob-key", "live_", "live_", r"[0-9a-f]{35}", "likely"),
    Format("plaid-token", "access-", r"access-(?:sandbox|development|production)-", _UUID),
    Format(
        "jwt",
        "ey",
        r"ey[A-Za-z0-9_-]{1,4}",
        r"[A-Za-z0-9_-]{6,4096}\.ey[A-Za-z0-9_/\\-]{6,65536}(?:\.[A-Za-z0-9_/\\=-]{8,65536})",
        "likely",
        _a_jwt,
    ),
    Format("jwt", "ZXlK", "ZXlK", r"(?=[A-Za-z0-9+/]{0,200}(?:LmV5|5leU|uZXlK))[A-Za-z0-9+/]{60,8192}={0,2}", "likely"),
)
