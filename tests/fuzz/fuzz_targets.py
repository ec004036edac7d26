"""What is fed, with what, and what each may answer: one entry for every kind of input that comes from outside.

An input is JSON. `feed` gives it to the product's own entry, and answers with a sentence where something happened that
may not: an exception nobody handled, one that only the last net caught, a write, or no end.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import fuzz_seeds as seeds
from fuzzed_account import CASES, Account, Context
from spoiling import Spoiler

from chalicelib import compliance, events, governance, pipeline, routing, runbooks
from chalicelib.approvals import people_from
from chalicelib.aws.deployment import Deployment
from chalicelib.chat import notices, web
from chalicelib.controls import all_controls
from chalicelib.errors import BadEvent, BadGovernance, BadInput, BadRunbook, SutureError
from suture import compile, explain, lint, lint_governance, yamlfile
from suture.yamlfile import Source

Json = Any
NOW = "2026-11-20T10:00:00Z"
STUCK_SECONDS = 5.0
NET = "mistake of ours"
"""What the last net of every entry says in the log: it keeps one input from harming others, and it is a mistake."""


@dataclass(frozen=True, slots=True)
class Target:
    """`weight` is its share among all inputs; `make` gives an input, `feed` takes it. What `allowed` names, `feed` may
    raise."""

    weight: int
    make: Callable[[Spoiler], Json]
    feed: Callable[[Deployment, Json], object]
    allowed: tuple[type[BaseException], ...] = ()


class Stuck(BaseException):
    """One input took too long."""


class Feeder:
    """Feeds inputs to a deployment in an account that counts writes; `fed` counts the inputs by target."""

    def __init__(self, d: Deployment, account: Account) -> None:
        self._d, self._account, self._out = d, account, io.StringIO()
        self.fed: dict[str, int] = dict.fromkeys(TARGETS, 0)
        signal.signal(signal.SIGALRM, _stuck)

    def wrong(self, target: str, given: Json) -> str:
        """What was wrong with how a target took an input; empty where nothing was."""
        chosen, account = TARGETS[target], self._account
        self.fed[target] += 1
        account.policy, account.fails = "", ""
        if isinstance(given, dict) and "policy in AWS" in given:
            account.policy, account.fails = given["policy in AWS"], given["fails"]
        why = ""
        signal.setitimer(signal.ITIMER_REAL, STUCK_SECONDS)
        try:
            with contextlib.redirect_stdout(self._out):
                chosen.feed(self._d, given)
        except chosen.allowed:
            pass
        except (Exception, Stuck) as error:
            why = f"{type(error).__name__} {_place(error)}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        said = self._out.getvalue()
        if said:
            self._out.seek(0)
            self._out.truncate()
        caught = next((line for line in said.splitlines() if NET in line), "")
        written, account.writes = account.writes, []
        return why or (caught and f"caught by the last net: {caught[:300]}") or (written and f"wrote {written}") or ""


def inputs(seed: int | str, number: int) -> Iterator[tuple[str, Json]]:
    """That many inputs with their targets; a seed gives the same ones again."""
    dice = random.Random(seed)
    spoiler, names = Spoiler(dice), list(TARGETS)
    weights = [TARGETS[name].weight for name in names]
    for name in dice.choices(names, weights, k=number):
        yield name, TARGETS[name].make(spoiler)


def _stuck(*_: object) -> None:
    raise Stuck


def _place(error: BaseException) -> str:
    trace, at = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "/chalicelib/" in name or "/suture/" in name:
            at = f"{name.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"at {at}: {str(error)[:200]}"


# --- Queue messages and events ---------------------------------------------------------------------------------------


def _body(spoiler: Spoiler, texts: tuple[str, ...]) -> str:
    """A message, or a policy, as AWS holds it: text that UTF-8 can write."""
    return spoiler.text(json.dumps(spoiler.document(texts))).encode("utf-8", "replace").decode()


def _batch(spoiler: Spoiler, texts: tuple[str, ...]) -> Json:
    failures = ("", "", "", "", "ThrottlingException", "ResourceNotFoundException")
    return {
        "bodies": [_body(spoiler, texts) for _ in range(spoiler.dice.choice((1, 1, 2)))],
        "policy in AWS": _body(spoiler, seeds.POLICIES),
        "fails": spoiler.dice.choice(failures),
    }


def _records(given: Json) -> Json:
    return {"Records": [{"messageId": str(n), "body": body} for n, body in enumerate(given["bodies"])]}


def _answered(answer: Mapping[str, Json], given: Json) -> None:
    """An entry answers with failures among its own messages: SQS would have the whole batch again for any other."""
    failed = {f["itemIdentifier"] for f in answer["batchItemFailures"]}
    assert failed <= {str(n) for n in range(len(given["bodies"]))}, failed


def _watch(d: Deployment, given: Json) -> None:
    _answered(pipeline.watched(d, _records(given)), given)


def _writer(d: Deployment, given: Json) -> None:
    plan = CASES["C-0000000001"].plan_digest
    bodies = [b.replace("PLAN", plan) for b in given["bodies"]]
    _answered(pipeline.remediated(d, _records({"bodies": bodies}), Context()), given)


def _notice(d: Deployment, given: Json) -> None:
    for body in given["bodies"]:
        with contextlib.suppress(SutureError):
            notices.tell(d, pipeline._message({"messageId": "m", "body": body}))


def _read(d: Deployment, given: Json) -> None:
    """Every change that is read has short texts, so that nothing grows on its way through queues and table."""
    for change in events.read(given).changes:
        assert all(len(getattr(change, n)) <= 2048 for n in ("account", "region", "resource_type", "resource_id"))


def _config(d: Deployment, given: Json) -> None:
    compliance.evaluate(d, given["event"])


def _rule(spoiler: Spoiler) -> Json:
    event = json.loads(spoiler.dice.choice(RULES))
    event["invokingEvent"] = _body(spoiler, NOTICES_OF_CONFIG)
    policy = _body(spoiler, seeds.POLICIES)
    return {"event": spoiler.document((json.dumps(event),)), "policy in AWS": policy, "fails": ""}


RULES = seeds.texts(seeds.RULE, {**seeds.RULE, "eventLeftScope": True})
NOTICES_OF_CONFIG = seeds.texts(
    seeds.NOTICE,
    {**seeds.NOTICE, "configurationItem": {**seeds.ITEM, "configurationItemStatus": "ResourceDeleted"}},
    {"messageType": "OversizedConfigurationItemChangeNotification", "configurationItemSummary": seeds.ITEM},
    {"messageType": "ScheduledNotification"},
)


# --- Policies, requests of people ------------------------------------------------------------------------------------


def _explain(d: Deployment, given: Json) -> None:
    line = str(given).encode("utf-8", "surrogatepass")
    answer = explain.answer(line, NOW)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert "unexpected" not in str(answer["error"]), answer["error"]
    assert answer["error"] or answer["reach"] != "unknown", answer


def _request(d: Deployment, given: Json) -> None:
    status, body = web.answer(d, given)
    assert status in (200, 400, 403, 404, 405, 409, 413), status
    json.dumps(body)


def _asked(spoiler: Spoiler) -> Json:
    """API Gateway makes the request's own shape; what a person writes into it is anybody's."""
    request = json.loads(spoiler.dice.choice(seeds.REQUESTS))
    request["body"] = _body(spoiler, (request["body"],))
    request["path_parameters"]["id"] = spoiler.text(request["path_parameters"]["id"])
    request["query"] = {spoiler.text("state"): spoiler.text("PENDING,RESOLVED")}
    return request


# --- Files -----------------------------------------------------------------------------------------------------------


def _runbook_text(d: Deployment, given: Json) -> None:
    _runbook_source(yamlfile.loads(str(given).encode("utf-8", "replace"), "runbooks/x/1.0.0.yaml", BadRunbook))


def _runbook(d: Deployment, given: Json) -> None:
    _runbook_source(Source("runbooks/x/1.0.0.yaml", given, "sha256:x", {}))


def _runbook_source(source: Source) -> None:
    """What is found good must load in Lambda too."""
    if isinstance(source.document, dict) and not lint.runbook_problems(source, all_controls()):
        runbooks.runbook(source.document, source.digest)


def _governance_text(d: Deployment, given: Json) -> None:
    source = yamlfile.loads(str(given["text"]).encode("utf-8", "replace"), "governance/x.yaml", BadGovernance)
    _governance(d, {"kind": given["kind"], "document": source.document})


def _governance(d: Deployment, given: Json) -> None:
    """What is found good must load in Lambda too."""
    kind, source = given["kind"], Source("governance/x.yaml", given["document"], "sha256:x", {})
    if isinstance(source.document, dict) and not _GOVERNANCE[kind][0](source):
        _GOVERNANCE[kind][1](source.document)


_GOVERNANCE: Mapping[str, tuple[Callable[[Source], object], Callable[[Json], object]]] = {
    "pins": (lambda s: lint_governance.pins_problems(s, _books()), governance.pins_from),
    "approvers": (lint_governance.approvers_problems, people_from),
    "suppressions": (lambda s: lint_governance.suppressions_problems(s, all_controls()), governance.suppressions_from),
    "chat": (lint_governance.chat_problems, lambda found: (routing.slack_from(found), routing.sinks_from(found))),
}


@cache
def _books() -> Mapping[str, runbooks.Runbook]:
    return runbooks.load(json.loads((seeds.ROOT / "runbooks" / compile.PACKAGED).read_text()))


@cache
def _as_json(kind: str) -> tuple[str, ...]:
    """The documents of one kind of file, as JSON text."""
    texts = seeds.GOVERNANCE.get(kind, seeds.RUNBOOKS)
    return seeds.texts(*(yamlfile.loads(t.encode(), "seed.yaml", BadInput).document for t in texts))


def _in_a_file(document: Json) -> Json:
    """A document as the YAML reader may give it: it refuses what is invisible, and numbers that JSON cannot hold."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        return document if text.isprintable() else {}
    except ValueError:
        return {}


def _rules(spoiler: Spoiler) -> Json:
    kind = spoiler.dice.choice(list(seeds.GOVERNANCE))
    return {"kind": kind, "document": _in_a_file(spoiler.document(_as_json(kind)))}


def _rules_text(spoiler: Spoiler) -> Json:
    kind = spoiler.dice.choice(list(seeds.GOVERNANCE))
    return {"kind": kind, "text": spoiler.lines(spoiler.dice.choice(seeds.GOVERNANCE[kind]))}


TARGETS: dict[str, Target] = {
    "event": Target(300, lambda s: s.document(seeds.EVENTS), _read, (BadEvent,)),
    "watch": Target(120, lambda s: _batch(s, (*seeds.LOOKS, *seeds.EVENTS)), _watch),
    "looks": Target(80, lambda s: _batch(s, seeds.LOOKS), _watch),
    "config rule": Target(60, _rule, _config, (SutureError,)),
    "writer": Target(100, lambda s: _batch(s, seeds.WRITES), _writer),
    "notice": Target(60, lambda s: _batch(s, seeds.NOTICES), _notice),
    "policy": Target(120, lambda s: s.text(json.dumps(s.document(seeds.QUESTIONS))), _explain),
    "request": Target(60, _asked, _request),
    "runbook": Target(30, lambda s: _in_a_file(s.document(_as_json("runbooks"))), _runbook),
    "runbook text": Target(5, lambda s: s.lines(s.dice.choice(seeds.RUNBOOKS)), _runbook_text, (BadRunbook,)),
    "governance": Target(60, _rules, _governance),
    "governance text": Target(5, _rules_text, _governance_text, (BadGovernance,)),
}
