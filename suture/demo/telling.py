"""The story as a person sees it: a timeline in the terminal, plain text elsewhere, or one JSON document."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chalicelib.model import Json, Plan

from ..cli.plans import step_lines, undo_lines

INDENT = 10

WIDE = 120
"""Columns from which on the summary also says why."""

_STYLES = {
    "RESOLVED": "green",
    "WAITING_OWNER": "green",
    "PENDING": "yellow",
    "REJECTED": "magenta",
    "UNDONE": "cyan",
    "ESCALATED": "bold red",
    "UNDO_FAILED": "bold red",
}
_SAYS = {
    "PENDING": "proposes, and touches nothing",
    "RESOLVED": "fixed it, and read the resource again to be sure",
    "WAITING_OWNER": "did its part; now the owner",
    "REJECTED": "leaves it as it is",
    "UNDONE": "took its fix back: the resource is as it was",
    "ESCALATED": "stops fighting and calls a person",
}
_BY_HAND = "may do nothing itself; now the owner"


class Telling:
    """Tells each event as it happens; with `as_json` it keeps them and prints one document at the end."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(file=sys.stderr if as_json else sys.stdout, highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._events: list[Mapping[str, Json]] = []
        self._told_plans: set[str] = set()
        self._told_cases: set[str] = set()

    def opening(self) -> None:
        self._say("Suture · the main job on a sandbox: an AWS account on this machine", "bold")
        self._say("Nothing here reaches AWS. The functions run as packaged, each in its own process and role.", "dim")

    def built(self, functions: Sequence[str], api: str) -> None:
        self._tell("built", functions=list(functions), api=api)
        names = ", ".join(functions)
        self._line("the shop is up", f"{names}, one API, one role each; Suture has seen all of it clean", "green")

    def scene(self, title: str, intro: str) -> None:
        self._tell("scene", title=title)
        if not self._as_json:
            self._console.print()
            self._console.rule(Text(title, "bold"), align="left", style="dim")
            self._say(intro, "italic")

    def case(self, page: Mapping[str, Json]) -> None:
        """A case that came to a state worth telling."""
        case = page["case"]
        self._tell("case", case=case["id"], state=case["state"], control=case["control"], outcome=case["outcome"])
        if case["id"] not in self._told_cases:
            self._finding(case)
            self._told_cases.add(case["id"])
        style, says = _STYLES.get(case["state"], ""), f"Suture {_SAYS.get(case['state'], '')}"
        if case["standing"]:
            says = _stage_of(case["standing"])
        elif case["state"] == "WAITING_OWNER" and not case["applied"]:
            says = f"Suture {_BY_HAND}"
        self._line(f"{case['id']} {case['state']}", says, style)
        if case["state"] in ("ESCALATED", "UNDONE", "WAITING_OWNER", "RESOLVED"):
            self._more(str(case["outcome"]))
        self._plan_once(case)

    def decided(
        self, who: str, decision: str, case: Mapping[str, Json], reason: str, answer: Mapping[str, Json]
    ) -> None:
        self._tell("decision", who=who, decision=decision, case=case["id"], reason=reason, state=answer["state"])
        self._line(f"{who}: {decision}", f"“{reason}”", "bold blue")
        for line in answer["reasons"]:
            self._more(str(line))

    def refused(self, who: str, decision: str, case: Mapping[str, Json], why: str) -> None:
        self._tell("refused", who=who, decision=decision, case=case["id"], why=why)
        self._line(f"{who}: {decision}", why, "bold magenta")

    def ending(self, cases: Sequence[Mapping[str, Json]], differences: Sequence[str], report: Path) -> None:
        """The summary, the report's path, and the verdict of the reads made after the fact."""
        took = round(time.monotonic() - self._began, 1)
        if self._as_json:
            document = {
                "events": self._events,
                "cases": [page["case"] for page in cases],
                "differences": list(differences),
                "report": str(report),
                "seconds": took,
            }
            sys.stdout.write(json.dumps(document, indent=2) + "\n")
            return
        self._console.print()
        self._console.print(_summary(cases, is_wide=self._console.width >= WIDE))
        for problem in differences:
            self._say(f"✗ {problem}", "bold red")
        if not differences:
            self._say("✓ plain boto3 reads, made after the fact, find AWS in exactly this state", "bold green")
        self._say(f"Report of all cases: {report}", "bold")
        self._say(f"{took} s", "dim")

    def staying(self, slack: str, page: str) -> None:
        """Where a newcomer plays approver."""
        self._say("", "")
        self._say(f"Your turn: open {slack} and approve what is proposed there. You are Sam; Ctrl-C ends it.", "bold")
        self._say(f"Or on the page, with every case of the story: {page}", "bold")

    def _finding(self, case: Mapping[str, Json]) -> None:
        causers = ", ".join(c["arn"].rsplit("/", 1)[-1] or c["kind"] for c in case["causers"]) or "unknown"
        tool = case["owned_by"]
        self._line("changed", f"{case['action']} by {causers}" + (f", with {tool}" if tool else ""), "")
        self._line(f"found [{case['severity']}]", f"{case['control']}: {case['title']}", "yellow")
        for reason in case["reasons"]:
            self._more(f"because {reason}")

    def _plan_once(self, case: Mapping[str, Json]) -> None:
        if not case["plan"] or self._as_json:
            return
        plan = Plan.from_json(case["plan"])
        if case["state"] == "UNDONE":
            self._lines(undo_lines(plan))
        elif plan.digest not in self._told_plans and case["state"] not in ("ESCALATED", "WAITING_OWNER"):
            for number, step in enumerate(plan.steps, 1):
                self._lines(step_lines(number, step, case["evidence"]))
            self._lines([Text(f"by hand: {m}", "dim") for m in (() if plan.steps else plan.manual)])
            self._lines([Text(f"note: {n}", "dim") for n in case["notes"]])
        self._told_plans.add(plan.digest)

    def _line(self, head: str, what: str, style: str) -> None:
        if not self._as_json:
            at = f"{time.monotonic() - self._began:6.1f}s "
            self._console.print(Text.assemble((at, "dim"), (f"{head:<28}", style or "bold"), (what, "")))

    def _more(self, what: str) -> None:
        if not self._as_json:
            self._console.print(Text(" " * INDENT + what, "dim"))

    def _lines(self, lines: Sequence[Text]) -> None:
        for line in lines:
            self._console.print(Text(" " * INDENT).append_text(line))

    def _say(self, what: str, style: str) -> None:
        if not self._as_json:
            self._console.print(Text(what, style))

    def _tell(self, what: str, **facts: Json) -> None:
        self._events.append({"at": round(time.monotonic() - self._began, 2), "event": what, **facts})


def _stage_of(standing: Mapping[str, Json]) -> str:
    return f"stage {standing['number']} of {standing['of']}, {standing['stage']}; {standing['who']}: {standing['says']}"


def _summary(cases: Sequence[Mapping[str, Json]], *, is_wide: bool) -> Table:
    table = Table(title="What became of it", title_justify="left", title_style="bold", show_edge=False)
    for column in ("case", "state", "control", "resource"):
        table.add_column(column, no_wrap=True)
    if is_wide:
        table.add_column("why")
    for page in cases:
        case = page["case"]
        resource = str(case["resource_id"])
        state = Text(case["state"], _STYLES.get(case["state"], ""))
        cells = (case["id"], state, case["control"], Text(resource), Text(str(case["outcome"])))
        table.add_row(*cells[: len(table.columns)])
    return table
