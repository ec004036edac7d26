"""No value breaks out of the markup that it is put into, whatever it holds and wherever it stands."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.chat.page.html import Html, ago, el, escaped, join, path, span, table

nasty = st.text(alphabet=st.sampled_from("<>\"'&;/=` \n\t\x00\x1b\u202e\u2028\ud800ax!-[]()"), max_size=30) | st.text()


class Read(HTMLParser):
    """What a browser would find: tags with attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")


def visible(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "\ufffd" for c in text)


@given(inside=nasty, value=nasty, title=nasty)
def test_text_stays_text_and_an_attribute_stays_one(inside: str, value: str, title: str) -> None:
    made = el("p", inside, el("input", value=value, name="q"), title=title, data_of=value)
    found = Read(made)
    assert [tag for tag, _ in found.tags] == ["p", "input"]
    assert found.tags[0][1] == {"title": visible(title), "data-of": visible(value)}
    assert found.tags[1][1] == {"value": visible(value), "name": "q"}
    assert found.text == visible(inside)
    made.encode("utf-8")


@given(parts=st.lists(nasty, max_size=4), step=nasty, query=nasty)
def test_cells_and_addresses_hold_what_they_are_given(parts: list[str], step: str, query: str) -> None:
    cells = Read(table("t", ["a"], [parts], "k")).tags
    assert sum(tag in ("th", "td") for tag, _ in cells) == 1 + len(parts)
    if not any("\ud800" <= c <= "\udfff" for c in step + query):
        address = path("/base", step, q=query)
        assert address.startswith("/base/") and address.isascii()
        assert not set(address) & set("<>\"' \n")
        assert address.count("/") == 2 and address.count("?") == bool(query)


def test_markup_is_markup_only_where_it_was_made_here() -> None:
    assert join("<b>", Html("<i></i>"), None, 3, ["<", el("b", "x")]) == "&lt;b&gt;<i></i>3&lt;<b>x</b>"
    assert el("a", href="x", hidden=True, gone=None, off=False) == '<a href="x" hidden></a>'
    assert escaped("\u202e<") == "\ufffd&lt;"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (61, "1 min"), (7300, "2 h"), (200_000, "2 d")]
)
def test_lengths_of_time_are_said_shortly(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_a_time_that_is_none_is_shown_as_it_is() -> None:
    now = datetime(2027, 1, 2, tzinfo=UTC)
    assert ago("<soon>", now) == "&lt;soon&gt;"
    assert ">1 h ago<" not in ago("2027-01-01T00:00:00Z", now) and "24 h ago" in ago("2027-01-01T00:00:00Z", now)
    assert "in 24 h" in ago("2027-01-03T00:00:00Z", now)
