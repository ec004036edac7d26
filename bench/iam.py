"""Accuracy and time of policy reasoning: ours beside the libraries that users could take instead, in one run.

    .venv/bin/python bench/iam.py [--json] [--corpus FILE]

The cases are those of `../shared/corpora/iam.dev.jsonl`, where it is. policyuniverse, parliament, cloudsplaining and
Cloud Custodian's checker (the extra `bench`) are measured where they are installed, and named where they are not. Ours
is what `suture iam explain` answers to a line of JSON; the others are given the document as they take it. An exception
counts as "no finding", as their callers would take it, and is counted. Each verdict is taken once, for the count and
for its CPU time, after one warm-up of the engine on its first cases. A case that asks for what an engine does not
judge is not given to it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "../shared/corpora/iam.dev.jsonl"
sys.path.insert(0, str(ROOT))

Row = dict[str, Any]
Judge = Callable[[Row], bool]
NOW = "2026-01-01T00:00:00Z"
LABELS = {"public": "public", "external": "external", "privesc": "escalation"}


@dataclass
class Score:
    """One engine on one kind of question."""

    engine: str
    question: str
    cases: int = 0
    right: int = 0
    found: int = 0
    wanted: int = 0
    errors: int = 0
    taken: list[float] = field(default_factory=list)

    def add(self, wanted: bool, got: bool, seconds: float) -> None:
        self.cases += 1
        self.wanted += wanted
        self.found += got
        self.right += wanted and got
        self.taken.append(seconds)

    def as_json(self) -> dict[str, Any]:
        times = sorted(self.taken) or [0.0]
        return {
            "engine": self.engine,
            "question": self.question,
            "cases": self.cases,
            "precision": round(self.right / self.found, 3) if self.found else None,
            "recall": round(self.right / self.wanted, 3) if self.wanted else None,
            "errors": self.errors,
            "median_us": round(times[len(times) // 2] * 1e6, 1),
            "p95_us": round(times[int(len(times) * 0.95)] * 1e6, 1),
        }


def main() -> int:
    """Print the table, or one JSON document; 2 where there is no corpus."""
    parser = argparse.ArgumentParser(description="Accuracy and time of IAM reasoning, ours and others'.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    options = parser.parse_args()
    if not options.corpus.exists():
        print(f"no corpus at {options.corpus}: nothing to measure", file=sys.stderr)
        return 2
    rows = [_read(line) for line in options.corpus.read_text().splitlines()]
    engines, absent = available()
    scores = [s.as_json() for name, judges in engines.items() for s in measured(name, judges, rows)]
    if options.json:
        print(json.dumps({"scores": scores, "absent": absent}, indent=2))
        return 0
    print(f"{'engine':<16}{'question':<22}{'cases':>6}{'precision':>11}{'recall':>8}", end="")
    print(f"{'errors':>8}{'median µs':>11}{'p95 µs':>10}")
    for s in scores:
        shown = [f"{s[k]:.3f}" if s[k] is not None else "-" for k in ("precision", "recall")]
        print(
            f"{s['engine']:<16}{s['question']:<22}{s['cases']:>6}{shown[0]:>11}{shown[1]:>8}{s['errors']:>8}"
            f"{s['median_us']:>11}{s['p95_us']:>10}"
        )
    for name, why in absent.items():
        print(f"not measured: {name} ({why})")
    return 0


def _read(line: str) -> Row:
    """A case, and the line in which `suture iam explain` is asked about it."""
    row: Row = json.loads(line)
    asked = {"id": row["id"], "kind": row["kind"], "policy": row["policy"], "context": row["ctx"]}
    return {**row, "line": json.dumps(asked).encode()}


def measured(name: str, judges: dict[str, Judge], rows: Sequence[Row]) -> Iterator[Score]:
    """A score a question that the engine answers, derived variants apart."""
    for label, judge in judges.items():
        for derived in (False, True):
            asked = [r for r in rows if r["labels"].get(label) is not None and bool(r["derived"]) is derived]
            asked = [r for r in asked if (r["kind"] == "identity") is (label == "privesc")]
            if not asked:
                continue
            score = Score(name, LABELS[label] + (", derived" if derived else ""))
            for row in asked[:5]:
                _asked(judge, row)
            for row in asked:
                begun = time.process_time()
                answer = _asked(judge, row)
                taken = time.process_time() - begun
                score.errors += answer is None
                score.add(row["labels"][label], bool(answer), taken)
            yield score


def _asked(judge: Judge, row: Row) -> bool | None:
    """The engine's answer, or None where it raised."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return bool(judge(row))
        except Exception:
            return None


def available() -> tuple[dict[str, dict[str, Judge]], dict[str, str]]:
    """The engines that are installed, each with what it judges, and why the others are not there."""
    engines: dict[str, dict[str, Judge]] = {}
    absent: dict[str, str] = {}
    for name, make in ENGINES.items():
        try:
            engines[name] = make()
        except ImportError as error:
            absent[name] = str(error)
    return engines, absent


def suture() -> dict[str, Judge]:
    from suture.explain import answer

    def judge(field_: str) -> Judge:
        return lambda row: bool(answer(row["line"], NOW)[field_])

    return {"public": judge("public"), "external": judge("external"), "privesc": judge("escalation")}


def policyuniverse() -> dict[str, Judge]:
    made = importlib.import_module("policyuniverse.policy").Policy
    return {"public": lambda row: made(row["policy"]).is_internet_accessible()}


def parliament() -> dict[str, Judge]:
    analyze = importlib.import_module("parliament").analyze_policy_string

    def escalates(row: Row) -> bool:
        found = analyze(json.dumps(row["policy"]), include_community_auditors=True)
        return any(finding.issue == "PRIVILEGE_ESCALATION" for finding in found.findings)

    return {"privesc": escalates}


def cloudsplaining() -> dict[str, Judge]:
    made = importlib.import_module("cloudsplaining.scan.policy_document").PolicyDocument
    resource = importlib.import_module("cloudsplaining.scan.resource_policy_document").ResourcePolicyDocument
    return {
        "privesc": lambda row: bool(made(row["policy"]).allows_privilege_escalation),
        "public": lambda row: bool(resource(row["policy"]).internet_accessible_actions),
    }


def custodian() -> dict[str, Judge]:
    checker = importlib.import_module("c7n.filters.iamaccess").PolicyChecker

    def external(row: Row) -> bool:
        own = row["ctx"].get("account") or "123456789012"
        allowed = {own, *row["ctx"].get("trusted_accounts", ())}
        return bool(checker({"allowed_accounts": allowed}).check(json.dumps(row["policy"])))

    def public(row: Row) -> bool:
        return bool(checker({"everyone_only": True}).check(json.dumps(row["policy"])))

    return {"public": public, "external": external}


ENGINES: dict[str, Callable[[], dict[str, Judge]]] = {
    "suture": suture,
    "policyuniverse": policyuniverse,
    "parliament": parliament,
    "cloudsplaining": cloudsplaining,
    "c7n": custodian,
}

if __name__ == "__main__":
    sys.exit(main())
