"""The cookie: ours or nothing, for an hour, and the token of a form is of one session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.chat.page.session import LASTS, Cookies

NOW = datetime(2027, 1, 1, tzinfo=UTC)
OURS = Cookies("s", lambda: b"k" * 32, secure=True)


def value(header: tuple[str, str]) -> str:
    return header[1].partition("=")[2].partition(";")[0]


def test_a_cookie_is_read_until_it_expires() -> None:
    given_ = OURS.given({"p": "sam"}, NOW)
    held = OURS.read(value(given_), NOW + timedelta(seconds=LASTS - 1))
    assert held is not None and held["p"] == "sam"
    assert OURS.read(value(given_), NOW + timedelta(seconds=LASTS)) is None
    assert OURS.csrf(held) == OURS.csrf(held) != OURS.csrf({**held, "n": "other"})


def test_a_cookie_keeps_to_the_site_and_from_scripts() -> None:
    parts = OURS.given({}, NOW)[1].split("; ")[1:]
    assert parts == ["Path=/", f"Max-Age={LASTS}", "HttpOnly", "SameSite=Lax", "Secure"]
    local = Cookies("s", lambda: b"k", secure=False, lax=False).given({}, NOW)[1]
    assert "SameSite=Strict" in local and "Secure" not in local
    assert "Max-Age=0" in OURS.taken()[1]


def test_another_key_another_name_and_a_form_token_are_no_cookie() -> None:
    text = value(OURS.given({"p": "sam"}, NOW))
    assert Cookies("s", lambda: b"other", secure=True).read(text, NOW) is None
    assert Cookies("t", lambda: b"k" * 32, secure=True).read(text, NOW) is None
    held = OURS.read(text, NOW)
    assert held is not None
    assert OURS.read(f"{text.partition('.')[0]}.{OURS.csrf(held)}", NOW) is None


@given(text=st.text(max_size=60), at=st.integers(0, 60), put=st.characters())
def test_whatever_else_is_sent_is_nobody(text: str, at: int, put: str) -> None:
    assert OURS.read(text, NOW) is None
    good = value(OURS.given({"p": "sam"}, NOW))
    bad = good[:at] + put + good[at + 1 :]
    assert bad == good or OURS.read(bad, NOW) is None
