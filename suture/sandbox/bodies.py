"""The body of an HTTP request, from a client that may say anything about it (RFC 9112, section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BadBody(ValueError):
    """The request does not say how long its body is, or its chunks are wrong. For 400 Bad Request."""


def is_chunked(environ: Mapping[str, Any]) -> bool:
    return "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower()


def length_of(environ: Mapping[str, Any]) -> int:
    """Content-Length in bytes, 0 without. Raises BadBody."""
    text = str(environ.get("CONTENT_LENGTH") or "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise BadBody("Content-Length is no number of bytes")
    return int(text)


def read(environ: Mapping[str, Any], most: int = -1) -> bytes:
    """The whole body, or no more of a chunked one than `most` bytes. Raises BadBody."""
    stream, length = environ["wsgi.input"], length_of(environ)
    if not is_chunked(environ):
        return bytes(stream.read(length)) if length else b""
    try:
        return bytes(stream.read(most))
    except (OSError, ValueError, BufferError) as wrong:
        raise BadBody(f"the body's chunks are wrong: {wrong}") from wrong
