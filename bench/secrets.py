"""Finding secrets: ours beside detect-secrets, the gitleaks rules and checkov's runner, in one run.

    .venv/bin/python bench/secrets.py [--json] [--corpus FILE]
        [--detect-secrets PYTHON] [--checkov PYTHON] [--gitleaks gitleaks.toml [--re2 PYTHON]]

The values are those of `../shared/corpora/secrets.dev.jsonl`, where it is. Each engine is asked about every named
value as it would stand in a file (`NAME="value"`), once with its real name and once with a neutral one. Recall is the
mean over kinds, since one kind has sixty examples and another one; false positives are of variables harvested from
public templates, and of benign shapes written by hand; `rule-negative` values are neither. Time is the processor's,
of one value. Most of the secrets are test values of the gitleaks rules, so that their recall says little of them.

detect-secrets and checkov bring two different modules of one name, so that each runs in an interpreter of its own,
given by an option (`python -m venv v && v/bin/pip install detect-secrets`). The gitleaks rules are run with RE2
(`pip install google-re2`), as gitleaks does, keywords first, entropy and allow lists after. What is not given is named.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "../shared/corpora/secrets.dev.jsonl"
NEUTRAL = "CONFIG_VALUE"

Row = dict[str, Any]
Engine = Callable[[Sequence[tuple[str, str]]], list[bool]]
"""For each name and value, whether it holds a secret."""


def main() -> int:
    """Print the table, or one JSON document; 2 where there is no corpus."""
    options = _options()
    if options.worker:
        return _work(options.worker, options.gitleaks)
    if not options.corpus.exists():
        print(f"no corpus at {options.corpus}: nothing to measure", file=sys.stderr)
        return 2
    rows = [json.loads(line) for line in options.corpus.read_text().splitlines()]
    scores, absent = [], {}
    for name, python in _interpreters(options).items():
        told = _asked(name, python, rows, options.gitleaks) if python else None
        if told is None:
            absent[name] = "it was not given" if not python else "its interpreter cannot run it"
        else:
            scores.append(_score(name, rows, told))
    if options.json:
        print(json.dumps({"scores": scores, "absent": absent}, indent=2))
        return 0
    columns = ("engine", "recall", "neutral", "harvested", "by hand", "µs a value")
    print(f"{columns[0]:<16}" + "".join(f"{c:>12}" for c in columns[1:]))
    for s in scores:
        cells = (s["recall"], s["recall_neutral"], s["fp_harvested"], s["fp_by_hand"], s["us_a_value"])
        print(f"{s['engine']:<16}" + "".join(f"{c:>12}" for c in cells))
    for name, why in absent.items():
        print(f"not measured: {name} ({why})")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Recall, false positives and time of secret detection.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--detect-secrets", metavar="PYTHON", help="an interpreter that has detect-secrets")
    parser.add_argument("--checkov", metavar="PYTHON", help="an interpreter that has checkov")
    parser.add_argument("--gitleaks", metavar="FILE", help="gitleaks' config/gitleaks.toml")
    parser.add_argument("--re2", metavar="PYTHON", help="an interpreter that has google-re2", default=sys.executable)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def _interpreters(options: argparse.Namespace) -> dict[str, str | None]:
    return {
        "suture": sys.executable,
        "detect-secrets": options.detect_secrets,
        "gitleaks rules": options.re2 if options.gitleaks else None,
        "checkov": options.checkov,
    }


def _asked(name: str, python: str, rows: Sequence[Row], rules: str | None) -> dict[str, Any] | None:
    """An engine's answers and its time, from a process of its own."""
    asked = {
        "real": [(r["name"], r["value"]) for r in rows],
        "neutral": [(NEUTRAL, r["value"]) for r in rows if r["label"] == "secret"],
    }
    command = [python, __file__, "--worker", name, *(["--gitleaks", rules] if rules else [])]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else '?'}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _score(name: str, rows: Sequence[Row], told: dict[str, Any]) -> dict[str, Any]:
    secrets = [r for r in rows if r["label"] == "secret"]
    real = dict(zip((r["id"] for r in rows), told["real"], strict=True))
    benign = [r for r in rows if r["label"] == "benign" and not r["kind"].startswith("rule-negative")]
    flagged = [r for r in benign if real[r["id"]]]
    harvested = sum(r["source"].startswith("env-harvest") for r in flagged)
    return {
        "engine": name,
        "recall": _macro(secrets, [real[r["id"]] for r in secrets]),
        "recall_neutral": _macro(secrets, told["neutral"]),
        "kinds": len({r["kind"] for r in secrets}),
        "fp_harvested": harvested,
        "fp_by_hand": len(flagged) - harvested,
        "benign": len(benign),
        "us_a_value": round(told["seconds"] / len(rows) * 1e6, 1),
    }


def _macro(rows: Sequence[Row], caught: Sequence[bool]) -> float:
    kinds: dict[str, list[bool]] = defaultdict(list)
    for row, hit in zip(rows, caught, strict=True):
        kinds[row["kind"]].append(hit)
    return round(sum(sum(hits) / len(hits) for hits in kinds.values()) / len(kinds), 3)


# --- in the engine's own process --------------------------------------------------------------------------------------


def _work(name: str, rules: str | None) -> int:
    """Answer what stands on stdin; 1 where the engine cannot be loaded."""
    asked = json.load(sys.stdin)
    try:
        engine = ENGINES[name](rules)
    except ImportError as error:
        print(error, file=sys.stderr)
        return 1
    engine([tuple(pair) for pair in asked["real"][:20]])  # warm
    out: dict[str, Any] = {}
    for question in ("neutral", "real"):
        begun = _spent()
        with contextlib.redirect_stdout(io.StringIO()):
            out[question] = [bool(hit) for hit in engine([tuple(pair) for pair in asked[question]])]
        out["seconds"] = _spent() - begun
    print(json.dumps(out))
    return 0


def _spent() -> float:
    """Processor time of this process and of those it started: the machine may be shared."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def suture(_: str | None) -> Engine:
    sys.path.insert(0, str(ROOT))
    from chalicelib.plaintext import secret_in

    return lambda pairs: [secret_in(name, value) is not None for name, value in pairs]


def detect_secrets(_: str | None) -> Engine:
    from detect_secrets.core.scan import scan_line  # type: ignore[import-not-found]
    from detect_secrets.settings import default_settings  # type: ignore[import-not-found]

    def judge(pairs: Sequence[tuple[str, str]]) -> list[bool]:
        with default_settings():
            return [any(True for line in _written(*pair) for _ in scan_line(line)) for pair in pairs]

    return judge


def checkov(_: str | None) -> Engine:
    from checkov.runner_filter import RunnerFilter  # type: ignore[import-not-found]
    from checkov.secrets.runner import Runner  # type: ignore[import-not-found]

    def judge(pairs: Sequence[tuple[str, str]]) -> list[bool]:
        with tempfile.TemporaryDirectory() as folder:
            for number, pair in enumerate(pairs):
                text = "\n".join(_written(*pair)).encode("utf-8", "replace")
                Path(folder, f"{number}.yml").write_bytes(text)
            report = Runner().run(root_folder=folder, runner_filter=RunnerFilter(framework=["secrets"]))
        hit = {Path(record.file_path).name for record in report.failed_checks}
        return [f"{number}.yml" in hit for number in range(len(pairs))]

    return judge


def gitleaks(rules: str | None) -> Engine:
    import tomllib

    import re2  # type: ignore[import-not-found]

    document = tomllib.loads(Path(rules or "").read_text())
    common = document.get("allowlist", {})
    compiled = [
        (
            re2.compile(rule["regex"]),
            [k.lower() for k in rule.get("keywords", ())],
            rule,
            [re2.compile(a) for entry in rule.get("allowlists", ()) for a in entry.get("regexes", ())],
            [w for entry in rule.get("allowlists", ()) for w in entry.get("stopwords", ())],
        )
        for rule in document["rules"]
        if "regex" in rule and "path" not in rule
    ]
    allowed = [re2.compile(a) for a in common.get("regexes", ())]
    stop = common.get("stopwords", ())

    def holds(text: str) -> bool:
        low = text.lower()
        for pattern, keywords, rule, mine, words in compiled:
            if keywords and not any(k in low for k in keywords):
                continue
            for hit in pattern.finditer(text):
                groups = [g for g in hit.groups() if g]
                wanted = rule.get("secretGroup")
                secret = hit.group(wanted) if wanted else groups[0] if groups else hit.group(0)
                if _entropy(secret) <= rule.get("entropy", -1):
                    continue
                is_allowed = any(a.search(secret) for a in (*allowed, *mine))
                if not is_allowed and not any(w in secret.lower() for w in (*stop, *words)):
                    return True
        return False

    return lambda pairs: [holds("\n".join(_written(*pair))) for pair in pairs]


def _written(name: str, value: str) -> Iterator[str]:
    """A named value as it stands in a file."""
    yield from f'{name}="{value}"'.replace("\0", "").encode("utf-8", "replace").decode().split("\n")


def _entropy(text: str) -> float:
    counts = [text.count(c) for c in set(text)]
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts) if text else 0.0


ENGINES: dict[str, Callable[[str | None], Engine]] = {
    "suture": suture,
    "detect-secrets": detect_secrets,
    "gitleaks rules": gitleaks,
    "checkov": checkov,
}


if __name__ == "__main__":
    sys.exit(main())
