"""The page: one channel as people see it. Every text is set as text, so nothing that AWS says becomes markup."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path(__file__).parent

_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slack, played on this machine</title><link rel="stylesheet" href="/style.css"></head>
<body>
<header><strong>Slack, played on this machine</strong>
<label>You are <select id="user"></select></label></header>
<div id="app">
<nav aria-label="Channels"><ul id="channels"></ul></nav>
<main><h1 id="name"></h1><div id="messages" role="log" aria-live="polite"></div>
<form id="composer"><label for="text">/suture</label>
<input id="text" autocomplete="off" placeholder="list, show, plan, why, approve, reject, undo, snooze, pause, resume">
<button type="submit">Send</button></form></main>
</div>
<dialog id="window"><form id="fields" method="dialog"></form></dialog>
<p id="notice" role="status"></p>
<script src="/script.js"></script>
</body></html>
"""


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


class _Pages(dict[str, tuple[str, str]]):
    """The page's parts by path, each read when first asked for."""

    def __missing__(self, path: str) -> tuple[str, str]:
        kinds = {"/style.css": "text/css; charset=utf-8", "/script.js": "text/javascript; charset=utf-8"}
        self[path] = kinds[path], _asset(path[1:])
        return self[path]

    def __contains__(self, path: object) -> bool:
        return path in ("/", "/style.css", "/script.js")


PAGE: Mapping[str, tuple[str, str]] = _Pages({"/": ("text/html; charset=utf-8", _HTML)})
