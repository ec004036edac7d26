"""The server on loopback: what is no request of a browser's, or names another host, is refused before the page."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from page_world import PageWorld, page_world

from suture.web.server import Page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PageWorld, Page]]:
    with page_world(tmp_path_factory.mktemp("server")) as pw, Page() as made:
        made.serve(pw.d, pw.guard)
        yield pw, made


def ask(page: Page, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", int(page.url.rpartition(":")[2]), timeout=5)
    try:
        connection.request(method, path, body or None, {n.replace("_", "-"): v for n, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def raw(page: Page, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", int(page.url.rpartition(":")[2])), timeout=5) as line:
        line.sendall(text)
        return line.recv(4096)


def test_another_host_s_name_is_not_answered(page: tuple[PageWorld, Page]) -> None:
    """A name that somebody else's DNS points here (DNS rebinding)."""
    _, made = page
    for host in ("evil.example", f"evil.example:{made.url.rpartition(':')[2]}", "127.0.0.1", "127.0.0.1:1"):
        status, _, body = ask(made, "GET", "/", Host=host)
        assert status == 403 and b"Sign in" not in body
    assert ask(made, "GET", "/", Host=f"localhost:{made.url.rpartition(':')[2]}")[0] == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_405(page: tuple[PageWorld, Page], method: str) -> None:
    assert ask(page[1], method, "/style.css")[0] == 405


def test_head_has_no_body(page: tuple[PageWorld, Page]) -> None:
    status, headers, body = ask(page[1], "HEAD", "/style.css")
    assert (status, body) == (200, b"") and int(headers["content-length"]) > 1000


def test_bodies_that_lie_are_refused(page: tuple[PageWorld, Page]) -> None:
    _, made = page
    host = f"Host: 127.0.0.1:{made.url.rpartition(':')[2]}\r\n".encode()
    table = [
        (b"POST /sign-in HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n", b" 400 "),
        (b"POST /sign-in HTTP/1.1\r\n" + host + b"Content-Length: many\r\n\r\n", b" 400 "),
        (b"POST /sign-in HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b" 400 "),
        (b"POST /sign-in HTTP/1.1\r\n" + host + b"Content-Length: 99999999999\r\n\r\n", b" 413 "),
        (b"POST /sign-in HTTP/1.1\r\n" + host + b"Content-Length: 16385\r\n\r\n", b" 413 "),
        (b"GET / HTTP/9.9\r\n" + host + b"\r\n", b" 400 "),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + host + b"\r\n", b" 414 "),
    ]
    for text, said in table:
        assert said in raw(made, text), text[:80]


def test_odd_paths_are_404_and_no_file_is_read(page: tuple[PageWorld, Page]) -> None:
    for path in (
        "/../app.py",
        "/%2e%2e/app.py",
        "/style.css/../door.py",
        "/door.py",
        "//",
        "/%00",
        "/%ff",
        "/cases/%2e",
    ):
        status, _, body = ask(page[1], "GET", path)
        assert status in (401, 404), path
        assert b"import " not in body


def test_the_printed_address_lets_its_holder_in(page: tuple[PageWorld, Page]) -> None:
    pw, made = page
    assert made.address.startswith(f"{made.url}/sign-in?token=") and len(made.address) > len(made.url) + 40
    status, headers, _ = ask(made, "GET", f"/sign-in?token={pw.guard._token}&next=/posture")
    assert (status, headers["location"]) == (303, "/sign-in?next=/posture")
    assert "HttpOnly" in headers["set-cookie"] and "SameSite=Strict" in headers["set-cookie"]
    assert ask(made, "GET", "/sign-in?token=%ff%fe")[0] == 403
