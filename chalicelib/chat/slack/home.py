"""The home tab: what is open, for somebody who is listed, each with its details one click away."""

from __future__ import annotations

from collections.abc import Mapping

from ...aws.deployment import Deployment
from ...model import Json
from ...pausing import waits
from .. import switch
from . import blocks
from .commands import open_cases
from .text import bold, plain_text, rich, said, words

MOST = 25


def view(d: Deployment, *, is_listed: bool) -> Mapping[str, Json]:
    """The tab for somebody: open cases, or how to be listed."""
    if not is_listed:
        text = "You are not listed in governance/approvers.yaml, so there is nothing here for you to decide."
        return {"type": "home", "blocks": [rich(said(words(text)))]}
    cases, off = open_cases(d), switch.pauses_of(d)
    head = f"{len(cases)} open" + switch.told(off)
    shown: blocks.Blocks = [{"type": "header", "text": plain_text(head, 150)}]
    for case in cases[:MOST]:
        facts = " · ".join(filter(None, (case.severity, case.state, case.control, waits(off, case))))
        shown.append(rich(said(bold(f"{case.id} "), words(case.title)), said(words(facts))))
        shown.append({"type": "actions", "elements": [blocks.button("Details", "details", case)]})
    if len(cases) > MOST:
        shown.append(rich(said(f"{len(cases) - MOST} more: /suture list")))
    return {"type": "home", "blocks": shown}
