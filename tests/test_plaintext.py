"""Names and values judged together: what people put into variables, what only looks like it, and what it costs."""

from __future__ import annotations

import base64
import json
import random
import string
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.plaintext import Secret, contains_secret, secret_in
from chalicelib.plaintext.names import ABOUT, HINT, NEUTRAL, PASSWORD, SECRET, name_class

CORPUS = Path(__file__).parents[1] / "../shared/corpora/secrets.dev.jsonl"


def mixed(size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(size).choices(alphabet, k=size))


HEX32, KEY40 = mixed(32, "0123456789abcdef"), mixed(40)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("DB_PASSWORD dbPassword db.password PGPASSWORD AUTH_PASS MONGO_DB_PASS REDIS_PWD PASSPHRASE", PASSWORD),
        (
            "API_KEY apiKey APIKEY STRIPE_SECRET_KEY TOKEN REFRESH_TOKEN githubToken CLIENT_SECRET JWT_SIGNING_KEY",
            SECRET,
        ),
        ("AWS_SECRET_ACCESS_KEY SECRET_KEY_BASE DB_CREDENTIALS ENCRYPTION_KEY WEBHOOK_SECRET XOXB_TOKEN_2", SECRET),
        ("KEY AUTH USER_AUTH COOKIE SALT HMAC_SIGNATURE DATADOG_KEY", HINT),
        ("SECRET_NAME DB_SECRET_ARN PASSWORD_FIELD TOKEN_URL TOKEN_TTL_SECONDS MAX_TOKENS PASSWORD_MIN_LENGTH", ABOUT),
        (
            "JWT_PUBLIC_KEY STRIPE_PUBLISHABLE_KEY ENABLE_PASSWORD_RESET SSM_PASSWORD_PATH SORT_KEY S3_KEY CACHE_KEY",
            ABOUT,
        ),
        ("ACCESS_KEY_ID DB_PASSWORD_ENCRYPTED KMS_KEY USE_SECRET_CACHE TOKEN_ISSUER SECRET_KEY_NAME", ABOUT),
        ("TABLE_NAME clientRequestToken NextToken SECRETSMANAGER_ENDPOINT CREATION_TOKEN", ABOUT),
        ("AUTHOR KEYWORD MONKEY ACCESSOR COMPASS BYPASS STAGE CONFIG 1234 _ é", NEUTRAL),
    ],
)
def test_what_a_name_says(names: str, wanted: str) -> None:
    classes = {name: name_class(name) for name in names.split()}
    expected = {name: (ABOUT if name == "STAGE" else wanted) for name in classes}
    assert classes == expected


SECRETS = [
    ("AUTH_PASS", "whiteduke", "password", "likely"),
    ("db_password", "Tr0ub4" + "dor&3", "password", "likely"),
    ("DB_PASSWORD", "correct-horse-battery", "password", "likely"),
    ("DB_PASSWORD", "12345678", "password", "likely"),
    ("ADMIN_PASSWORD", "hunter" + "2!", "password", "likely"),
    ("API_KEY", HEX32, "secret", "likely"),
    ("HEROKU_API_KEY", "437331fe-a95f-5b64-f3e7-4bb2" + "35e7e2ad", "secret", "likely"),
    ("DISCORD_TOKEN", mixed(32, string.digits), "secret", "likely"),
    ("SESSION_SECRET", "mysuperlongvalue", "secret", "possible"),
    ("DATADOG_KEY", HEX32, "secret", "possible"),
    ("AWS_SECRET_ACCESS_KEY", KEY40, "aws-secret-access-key", "certain"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY", "aws-secret-access-key", "certain"),
    ("AWS_ACCESS_KEY_ID", "AKIA" + "IOSFODNN7EXAMPLE", "aws-access-key-id", "certain"),
    ("DATABASE_URL", "postgres://app:" + "s3cr3tpw@db.internal:5432/orders", "url-password", "likely"),
    ("REDIS_URL", "redis://:" + "s3cr3tpw@cache:6379/0", "url-password", "likely"),
    ("MONGO_URI", "mongodb://app:" + "s3cr3tpw@a:27017,b:27017/orders?replicaSet=r", "url-password", "likely"),
    ("PROXY", "HTTP://ann:" + "pa/ss@proxy:3128", "url-password", "likely"),
    ("JDBC_URL", "jdbc:mysql://db/orders?user=app&password=" + "s3cr3tpw9", "password", "likely"),
    ("CONNECTION", "Server=db;User Id=app;Password=whiteduke;", "password", "likely"),
    ("DSN", "host=db user=app password=whiteduke", "password", "likely"),
    ("SETTINGS", json.dumps({"db": [{"user": "app", "password": "whiteduke"}]}), "password", "likely"),
    ("SETTINGS", base64.b64encode(json.dumps({"apiKey": HEX32, "n": 1}).encode()).decode(), "secret", "likely"),
    ("ENV_FILE", f"STAGE=prod\nAPI_TOKEN={HEX32}\nLOG=debug\n", "secret", "likely"),
    ("STARTUP", "curl -u elastic:" + "P4ssw0rd https://localhost:9200", "command-login", "likely"),
    ("HEADERS", "Authorization: Bearer " + HEX32, "authorization-header", "likely"),
    ("Authorization", "Bearer " + HEX32, "authorization-header", "likely"),
    ("HEADERS", "Authorization: Basic " + base64.b64encode(b"app:s3cr3tpw").decode(), "authorization-header", "likely"),
    ("SIGNER", json.dumps({"kty": "OKP", "crv": "Ed25519", "x": mixed(43), "d": mixed(42) + "1"}), "secret", "likely"),
    ("NETRC", "machine git.example.com login ann password wh1teDuke9", "password", "likely"),
    ("NUGET", '<add key="ClearTextPassword" value="wh1teDuke9" />', "password", "likely"),
    ("MAVEN", "<server><id>nexus</id><password>wh1teDuke9</password></server>", "password", "likely"),
    ("TLS", "-----BEGIN RSA PRIVATE " + "KEY-----\\n" + mixed(64) + "\\n" + mixed(64), "private-key", "certain"),
]


@pytest.mark.parametrize(("name", "value", "kind", "confidence"), SECRETS)
def test_what_must_be_caught(name: str, value: str, kind: str, confidence: str) -> None:
    found = secret_in(name, value)
    assert found is not None
    assert (found.kind, found.confidence) == (kind, confidence)
    _says_nothing_of(value, found)


ORDINARY = [
    ("EVENTS_TABLE_NAME", "app-prod-WebhookEventsTable-1A2B3C4D5E6F"),
    ("WEBHOOK_SECRET", "app-prod-GithubSecretAsString-JFZDXEU52ZWVQ"),
    ("QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/orders"),
    ("TOKEN_URL", "https://login.example.com/oauth2/token"),
    ("SECRET_NAME", "prod/payments/stripe"),
    ("API_KEY_SECRET", "prod/payments/stripe"),
    ("DB_SECRET", "rds-db-credentials/cluster-ABC2DEF3GH/postgres"),
    ("DB_SECRET", "shop-db-secret-AbC123"),
    ("COOKIE", "orders2024v1"),
    ("AUTH", "oauth2-proxy"),
    ("DB_PASSWORD", "app-MasterUser"),
    ("DB_PASSWORD", "app-databasecluster-endpoint-address"),
    ("DB_PASSWORD", "prod/app/mysql"),
    ("DB_PASSWORD", "DatabasePassword"),
    ("JWT_SECRET", "MyStackSecretA720EF05"),
    ("DB_SECRET", "DatabaseSecret3B817195-AbCdEf"),
    ("DB_SECRET", "rds!db-1234abcd-12ab-34cd-56ef-1234567890ab"),
    ("SIGNING_KEY", "jwt-signing-key-2023"),
    ("ENCRYPTION_KEY", "alias/orders"),
    ("ENCRYPTION_KEY", "aes-256-gcm"),
    ("PRIVATE_KEY", "config/private.pem"),
    ("TOKEN", "x-hub-signature"),
    ("API_KEY", "AWS::NoValue"),
    ("API_KEY", "insertkeyhere"),
    ("PASSWORD_FIELD", "password"),
    ("DB_PASSWORD", "password"),
    ("DB_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbC1dE"),
    ("API_KEY", "arn:aws:ssm:us-east-1:123456789012:parameter/prod/key"),
    ("DB_PASSWORD", "{{resolve:secretsmanager:prod/db:SecretString:password}}"),
    ("DB_PASSWORD", "ssm:/prod/db/password"),
    ("DB_PASSWORD", "/prod/db/password"),
    ("DB_PASSWORD", "${ssm:/prod/db}"),
    (
        "DB_PASSWORD",
        "AQICAHhiw2QHY14N8Msn6IfwtdZeji5BUbIRS5G7TlrDgclSvEI/FkicYPB1JBJITWzvYJzOzwDaydntXK3crIbPVWI8U9AINXIk",
    ),
    ("STRIPE_KEY", "pk" + "_live_" + mixed(24)),
    ("RECAPTCHA_SITE_KEY", "6Lc" + mixed(37)),
    ("GIT_SHA", mixed(40, "0123456789abcdef")),
    ("BUILD_ID", "20261123.4-c1e23cff"),
    ("ARTIFACT_SHA256", mixed(64, "0123456789abcdef")),
    ("DB_PASSWORD", "changeme-via-ssm"),
    ("DB_PASSWORD", "********"),
    ("DB_PASSWORD", "REPLACE_ME"),
    ("API_KEY", "<your-api-key>"),
    ("API_KEY", "YOUR-SECRET-HERE"),
    ("API_KEY", "xxxxxxxxxxxxxxxxxxxxxxxx"),
    ("API_KEY", "KEYEXAMPLE1234"),
    ("API_KEY", "abc123"),
    ("EMAIL_SERVICE_API_KEY", "app-EMAIL_SERVICE_API_KEY"),
    ("GITHUB_TOKEN", "prod"),
    ("POWERTOOLS_SERVICE_NAME", "payments"),
    ("JWT_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----\n" + mixed(64) + "\n-----END PUBLIC KEY-----"),
    ("SSH_KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5" + mixed(40) + " deploy@ci"),
    ("DATABASE_URL", "postgresql://app@db.internal.example.com:5432/orders"),
    ("DATABASE_URL", "postgres://user:password@localhost/db"),
    ("DATABASE_URL", "postgres://app:${DB_PASSWORD}@db/orders"),
    ("DATABASE_URL", "postgres://app:****@db/orders"),
    ("API", "http://host:8080/path/user@example.com"),
    ("JDBC_URL", "jdbc:mysql://db.internal:3306/orders?useSSL=true"),
    ("SENTRY_DSN", f"https://{HEX32}@o1.ingest.sentry.io/2"),
    ("CLIENT_ID", "a691e617-1a18-4a8e-9672-196dbfa2146d"),
    ("COGNITO_APP_CLIENT_ID", mixed(26, string.ascii_lowercase + string.digits)),
    ("USER_POOL", "us-east-1_Ab1Cd2Ef3"),
    ("TOKEN_TTL_SECONDS", "3600"),
    ("MAX_TOKENS", "4096"),
    ("FEATURE_TOKEN_REFRESH", "true"),
    ("CONFIG", '{"retries":3,"timeoutMs":2500,"region":"us-east-1","passwordField":"password"}'),
    ("CONFIG", base64.b64encode(b'{"retries":3,"timeoutMs":2500}').decode()),
    ("ALLOWED", "10.0.0.0/8,192.168.0.0/16"),
    ("HANDLER", "app.handler"),
    ("HEADERS", "Authorization: Bearer ${TOKEN}"),
    ("Authorization", "Bearer ${TOKEN}"),
    ("AUTHORIZATION_SCHEME", "Bearer of tokens"),
    ("HEADERS", "Authorization: Basic Og=="),
    ("STARTUP", "curl -u $USER:$PASSWORD https://localhost"),
    ("STARTUP", "curl -i -u 'test:test'"),
    ("NOTE", "password: ask Ann, token: see the wiki"),
    ("CODE", 'token = os.environ["TOKEN"]; password = getpass()'),
    ("", ""),
    ("X", ""),
]


@pytest.mark.parametrize(("name", "value"), ORDINARY)
def test_what_must_be_left_alone(name: str, value: str) -> None:
    assert secret_in(name, value) is None


def test_a_document_is_looked_into_once() -> None:
    inner = json.dumps({"password": "whiteduke"})
    assert secret_in("A", inner) is not None
    assert secret_in("A", json.dumps({"settings": inner})) is None


def test_a_reason_says_where_and_why() -> None:
    found = secret_in("SETTINGS", json.dumps({"token": HEX32}))
    assert found is not None
    assert found.reason == "inside JSON: a telling name and a random value"


@pytest.mark.parametrize(
    "message",
    [
        "Suture removed the public grant 'open' from arn:aws:lambda:eu-west-1:123456789012:function:shop (sha256:"
        + "ab12" * 16
        + ").",
        "The variable DB_PASSWORD holds a password (hmac:0123456789abcdef): a telling name and a random value.",
        "Approve: https://api.example.com/cases/01JD/decision?plan=sha256:" + "0f" * 32,
        "Authorization: the caller needs sts:AssumeRole; password rotation is due",
        json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "lambda:*"}]}
        ),
        "",
    ],
)
def test_the_last_gate_lets_ordinary_messages_pass(message: str) -> None:
    assert contains_secret(message) is None


def test_the_last_gate_stops_a_login_in_a_message() -> None:
    found = contains_secret("the variable was postgres://app:" + "s3cr3tpw@db/orders, says the log")
    assert found is not None
    assert found.masked == "postgres://…"


@given(st.text(max_size=20), st.text(alphabet=st.characters(), max_size=200))
@settings(max_examples=300, deadline=None)
@example("DB_PASSWORD", "a\0b\0c")
@example("A", "{" * 5000)
@example("A", "\ud800" * 8)
@example("PASSWORD", "\u202e" * 8)
@example("A", base64.b64encode(b"\xff\xfe" * 20).decode())
def test_any_name_and_value_is_judged_without_a_word_of_it(name: str, value: str) -> None:
    found = secret_in(name, value)
    if found is not None:
        _says_nothing_of(value, found)
    contains_secret(value)


@given(
    st.recursive(
        st.text(max_size=12) | st.integers() | st.none(),
        lambda i: st.lists(i) | st.dictionaries(st.text(max_size=8), i),
    )
)
@settings(max_examples=100, deadline=None)
def test_any_document_is_judged(document: Any) -> None:
    found = secret_in("CONFIG", json.dumps(document))
    assert found is None or found.confidence in ("certain", "likely", "possible")


MEGABYTE = 1_000_000
TRAPS = [
    "a",
    "ab1",
    "eyJ",
    "eyAAAAAAA.",
    "glpat-",
    "://a:b",
    "a://",
    "/a",
    "a=bcdefgh ",
    "{",
    "[",
    '{"a":',
    "ZXlK/",
    "QUJD",
    "\0",
]
TRAPS += [
    "machine a login b password ",
    "<password>",
    'key="a" value="',
    "MIIEpAIBAAKC",
    "https://a.b/hooks/",
    "aaaaaa.aaaaaa:",
    "AAAAaaaaaaa:",
    "sig=a%",
    "-a-B",
    "aB",
    "Authorization: ",
    "curl -u ",
    "-----BEGIN PRIVATE KEY-----",
    "xoxb-1-",
    'a="',
    "Q~",
    "live_",
    "00",
    "a.b",
    "a:1,",
]


@pytest.mark.parametrize("trap", TRAPS)
def test_a_megabyte_takes_bounded_time(trap: str) -> None:
    value = trap * (MEGABYTE // len(trap))
    started = time.process_time()
    secret_in("DB_PASSWORD", value)
    contains_secret(value)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "trap", ["a", "a=bcdefgh ", "://a:b", "-a-B", "{", "sk-a", "Authorization: ", "aaaaaa.aaaaaa:"]
)
def test_twice_the_length_takes_about_twice_the_time(trap: str) -> None:
    taken = []
    for size in (MEGABYTE // 4, MEGABYTE // 2):
        started = time.process_time()
        secret_in("DB_PASSWORD", trap * (size // len(trap)))
        taken.append(time.process_time() - started)
    assert taken[1] < 4 * max(taken[0], 0.05)


@pytest.mark.skipif(not CORPUS.exists(), reason="labelled values: needs ../shared/corpora/secrets.dev.jsonl")
def test_recall_and_false_positives_on_the_labelled_values() -> None:
    rows = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    secrets = [r for r in rows if r["label"] == "secret"]
    benign = [r for r in rows if r["label"] == "benign" and not r["kind"].startswith("rule-negative")]
    assert _macro_recall(secrets, {}) >= 0.95
    assert _macro_recall(secrets, {"name": "CONFIG_VALUE"}) >= 0.60
    flagged = [(r["name"], r["kind"]) for r in benign if secret_in(r["name"], r["value"])]
    assert len(benign) > 200
    assert flagged == []
    started = time.process_time()
    for row in rows:
        secret_in(row["name"], row["value"])
    assert (time.process_time() - started) / len(rows) < 1e-3


def _macro_recall(rows: list[dict[str, str]], override: dict[str, str]) -> float:
    kinds: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        given_row = {**row, **override}
        kinds[row["kind"]].append(secret_in(given_row["name"], given_row["value"]) is not None)
    return sum(sum(caught) / len(caught) for caught in kinds.values()) / len(kinds)


def _says_nothing_of(value: str, found: Secret) -> None:
    assert found.masked.endswith("…")
    assert found.confidence in ("certain", "likely", "possible")
    body = value.strip()
    assert len(body) < 8 or body not in f"{found.reason} {found.masked} {found.kind}"
    assert len(found.masked) <= 60
