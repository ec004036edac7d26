"""Secrets in files: what counts as an assignment, on which line, and what ordinary code looks like."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.secretcheck.text import secrets_in_file
from tests.recipes import HEX, expand, mixed

KEY, WORD = mixed(32, HEX), "wh1teDuke92"
AWS = expand("AK<>IA<b16>")


def places(name: str, text: str) -> list[tuple[int, str, str]]:
    return [(f.line, f.name, f.kind) for f in secrets_in_file(name, text)]


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        (".env", "A=1\nDB_PASS=whiteduke\n", [(2, "DB_PASS", "password")]),
        (".env.prod", f"export API_KEY={KEY}", [(1, "API_KEY", "secret")]),
        ("a.ini", "[db]\npassword = whiteduke", [(2, "password", "password")]),
        ("a.toml", 'password = "whiteduke"', [(1, "password", "password")]),
        ("a.properties", "db.password=whiteduke", [(1, "db.password", "password")]),
        ("c.yml", "db:\n  password: whiteduke\n  user: x", [(2, "password", "password")]),
        (
            "c.json",
            f'{{"password":"whiteduke",\n"apiKey": "{KEY}"}}',
            [(1, "password", "password"), (2, "apiKey", "secret")],
        ),
        ("m.xml", f"<a>\n<password>{WORD}</password></a>", [(2, "password", "password")]),
        ("app.py", f'\nDB_PASSWORD: str = "{WORD}"', [(2, "DB_PASSWORD", "password")]),
        ("app.py", f'p = os.environ.get("DB_PASSWORD", "{WORD}")', [(1, "DB_PASSWORD", "password")]),
        ("app.py", f'connect(user="a", password=b"{WORD}")', [(1, "password", "password")]),
        ("app.py", f"if password == '{WORD}':", [(1, "password", "password")]),
        ("app.py", f'os.environ["API_KEY"] = "{KEY}"', [(1, "API_KEY", "secret")]),
        ("i.ts", f"const apiKey: string = `{KEY}`;", [(1, "apiKey", "secret")]),
        ("i.js", f"const a = 1;\nsend({{'x-api-key': '{KEY}'}})", [(2, "x-api-key", "secret")]),
        ("notes.md", f"call it with {AWS} and wait", [(1, "", "aws-access-key-id")]),
        ("app.py", f'token = "{AWS}"', [(1, "token", "aws-access-key-id")]),
        ("app.py", "x = 'postgres://app:" + "s3cr3tpw@db/x'", [(1, "x", "url-password")]),
        ("k.py", "A = '''\n" + expand("-----BEGIN<sp>PRIV<>ATE<sp>KEY-----<nl><w64>"), [(2, "", "private-key")]),
    ],
)
def test_what_is_found_and_where(name: str, text: str, found: list[tuple[int, str, str]]) -> None:
    assert places(name, text) == found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app.py", 'token = os.environ["TOKEN"]; password = getpass()'),
        ("app.py", 'def login(password="changeme", token=None): ...'),
        ("app.py", 'TOKEN_TYPE = "Bearer"; PASSWORD_FIELD = "password"; secret_name = "prod/db"'),
        ("app.py", 'raise ValueError("password: must be longer than eight characters")'),
        ("app.py", 'password = "whiteduke"'),
        ("i.ts", "interface Login { password: string; token?: string }"),
        ("i.js", 'const label = { password: "Password", token: "Token", apiKey: "API key" };'),
        ("c.yml", "password: !Ref DbPassword\nsecret: ${env:SECRET}\ntoken: '{{resolve:ssm:/x}}'"),
        ("c.yml", "DB_PASSWORD:\n  Type: String\n  NoEcho: true"),
        ("package.json", '{"name": "auth-token", "keywords": ["password", "secret"]}'),
        (".env.example", "DB_PASSWORD=\nAPI_KEY=your-api-key-here\nTOKEN=<token>"),
    ],
)
def test_ordinary_files_are_left_alone(name: str, text: str) -> None:
    assert places(name, text) == []


def test_a_notebook_keeps_its_lines_where_it_has_any() -> None:
    cells = {"cells": [{"cell_type": "code", "source": ["import x\n", f'password = "{WORD}"\n'], "outputs": []}]}
    spread, packed = json.dumps(cells, indent=1), json.dumps(cells)
    (line,) = [n for n, text in enumerate(spread.splitlines(), 1) if WORD in text]
    assert places("n.ipynb", spread) == [(line, "password", "password")]
    assert places("n.ipynb", packed) == [(1, "password", "password")]


@given(st.sampled_from(["a.py", ".env", "a.json", "n.ipynb", "x"]), st.text(max_size=300))
def test_any_text_is_read_and_never_repeated(name: str, text: str) -> None:
    for found in secrets_in_file(name, text):
        assert 1 <= found.line <= text.count("\n") + 1
        assert found.masked.endswith("…")


@pytest.mark.parametrize(
    "trap",
    [
        "a",
        "password=",
        "a=b\n",
        'x: "',
        "k=>",
        "[",
        '"',
        "password: a =",
        "eyJ",
        "\n",
        "a:1,",
        '"a",',
        "machine a login b ",
    ],
)
def test_time_grows_with_the_length_only(trap: str) -> None:
    """A large file takes seconds at most, and twice the length about twice the time."""
    taken = []
    for size in (1 << 18, 1 << 19):
        text = trap * (size // len(trap))
        started = time.process_time()
        secrets_in_file("a.yml", text)
        taken.append(time.process_time() - started)
    assert taken[1] < 5
    assert taken[1] < 4 * max(taken[0], 0.05)
