from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from runbook_texts import CONTROLS, ROOT, RUNBOOK

from chalicelib.approvals import people_from
from chalicelib.controls import all_controls
from chalicelib.errors import BadGovernance
from chalicelib.governance import (
    Pin,
    Pins,
    Suppression,
    effective_mode,
    pinned,
    pins_from,
    suppressed,
    suppressions_from,
)
from chalicelib.model import Resource
from chalicelib.runbooks import Runbook, load, runbook
from suture import yamlfile
from suture.lint_governance import approvers_problems, pins_problems, suppressions_problems
from suture.yamlfile import Problem, Source

ONE, TWO = "123456789012", "210987654321"
BOOK = runbook(yaml.safe_load(RUNBOOK), "sha256:1")
OTHER = replace(BOOK, id="lambda-shut-url", params={"rate": 5, "on": True, "log": {"deployment": "access_log_arn"}})
ROLE = replace(BOOK, id="iam-close-role", remediates=("role-open",))
BOOKS: dict[str, Runbook] = {
    "lambda-close-url/1.0.0": BOOK,
    "lambda-close-url/1.1.0": replace(BOOK, version="1.1.0"),
    "lambda-shut-url/1.0.0": OTHER,
    "iam-close-role/1.0.0": ROLE,
}


def pin(book: str = "lambda-close-url", version: str = "1.0.0", *accounts: str, mode: str = "auto") -> Pin:
    return Pin(book, version, mode, accounts or ("*",), {})


def on(resource: str, book: str, version: str = "1.0.0", *accounts: str) -> Pin:
    return replace(pin(book, version, *accounts), resources=(resource,))


# --- which runbook --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pins", "control", "account", "chosen"),
    [
        ((pin(),), "url-open", ONE, "lambda-close-url/1.0.0"),
        ((pin(),), "role-open", ONE, None),
        ((), "url-open", ONE, None),
        ((pin("lambda-close-url", "9.0.0"),), "url-open", ONE, None),
        ((pin("lambda-close-url", "1.0.0", TWO),), "url-open", ONE, None),
        ((pin(), pin("lambda-close-url", "1.1.0", ONE)), "url-open", ONE, "lambda-close-url/1.1.0"),
        ((pin("lambda-close-url", "1.1.0", ONE), pin()), "url-open", ONE, "lambda-close-url/1.1.0"),
        ((pin("lambda-close-url", "1.1.0", ONE), pin()), "url-open", TWO, "lambda-close-url/1.0.0"),
        ((pin("lambda-close-url", "9.0.0", ONE), pin()), "url-open", ONE, "lambda-close-url/1.0.0"),
        ((pin(), pin("iam-close-role")), "role-open", ONE, "iam-close-role/1.0.0"),
        ((pin(), on("arn:*:function:f", "lambda-close-url", "1.1.0")), "url-open", ONE, "lambda-close-url/1.1.0"),
        ((pin(), on("arn:*:function:other", "lambda-close-url", "1.1.0")), "url-open", ONE, "lambda-close-url/1.0.0"),
        (
            (pin("lambda-close-url", "1.0.0", ONE), on("arn:*:f", "lambda-close-url", "1.1.0")),
            "url-open",
            ONE,
            "lambda-close-url/1.1.0",
        ),
        ((on("arn:*:f", "lambda-close-url", "1.1.0", TWO), pin()), "url-open", ONE, "lambda-close-url/1.0.0"),
        ((on("arn:*:other", "lambda-close-url"),), "url-open", ONE, None),
    ],
)
def test_only_a_pin_chooses_a_version(pins: tuple[Pin, ...], control: str, account: str, chosen: str | None) -> None:
    found = pinned(Pins("auto", {}, pins), BOOKS, control, account, f"arn:aws:lambda:us-east-1:{account}:function:f")
    assert (found and f"{found[1].id}/{found[1].version}") == chosen


@pytest.mark.parametrize(
    ("runbook_mode", "pin_mode", "account_mode", "global_mode", "mode"),
    [
        ("auto", "auto", "auto", "auto", "auto"),
        ("auto", "auto", None, "auto", "auto"),
        ("propose", "auto", "auto", "auto", "propose"),
        ("auto", "observe", "auto", "auto", "observe"),
        ("auto", "auto", "propose", "auto", "propose"),
        ("auto", "auto", "auto", "observe", "observe"),
        ("auto", "auto", "Auto", "auto", "observe"),
        ("auto", "everything", "auto", "auto", "observe"),
    ],
)
def test_the_mode_is_the_least_of_four(
    runbook_mode: str, pin_mode: str, account_mode: str | None, global_mode: str, mode: str
) -> None:
    accounts = {ONE: account_mode} if account_mode else {}
    found, why = effective_mode(
        Pins(global_mode, accounts, ()), pin(mode=pin_mode), replace(BOOK, mode=runbook_mode), ONE
    )
    assert found == mode
    assert why.startswith(f"mode {mode}: the runbook allows {runbook_mode}")
    assert f"the global mode allows {global_mode}" in why


def test_nothing_packaged_pins_nothing_and_acts_on_nothing() -> None:
    assert pins_from({}) == Pins("observe", {}, ())
    assert suppressions_from({}) == ()
    assert people_from({}) == ()


def test_a_packaged_pin_without_accounts_means_all() -> None:
    one = {"runbook": "a-b", "version": "1.0.0", "mode": "auto"}
    document = {"mode": "auto", "accounts": {ONE: {"mode": "observe"}}, "pins": [one]}
    assert pins_from(document) == Pins("auto", {ONE: "observe"}, (Pin("a-b", "1.0.0", "auto", ("*",), {}, ("*",)),))


# --- suppressions ---------------------------------------------------------------------------------------------------

PREFIX = f"arn:aws:lambda:us-east-1:{ONE}:function:"
RESOURCE = Resource("AWS::Lambda::Function", PREFIX + "web-shop", "web-shop", ONE, "us-east-1", {})
KNOWN = Suppression("known", "url-open", PREFIX + "web-*", ONE, "sam", "why", "2026-06-30")


@pytest.mark.parametrize(
    ("changes", "now", "covers"),
    [
        ({}, "2026-06-29T23:59:59.999Z", True),
        ({}, "2026-06-30T00:00:00.000Z", False),
        ({}, "2026-07-01T00:00:00.000Z", False),
        ({"expires": "2026-06-30T12:00:00Z"}, "2026-06-30T11:59:59.000Z", True),
        ({"expires": "2026-06-30T12:00:00Z"}, "2026-06-30T12:00:01.000Z", False),
        ({"control": "other-open"}, "2026-01-02T00:00:00.000Z", False),
        ({"account": TWO}, "2026-01-02T00:00:00.000Z", False),
        ({"account": "*"}, "2026-01-02T00:00:00.000Z", True),
        ({"resource": RESOURCE.arn}, "2026-01-02T00:00:00.000Z", True),
        ({"resource": RESOURCE.arn + "s"}, "2026-01-02T00:00:00.000Z", False),
        ({"resource": RESOURCE.arn[:-1]}, "2026-01-02T00:00:00.000Z", False),
        ({"resource": RESOURCE.arn[:-1] + "?"}, "2026-01-02T00:00:00.000Z", True),
    ],
)
def test_a_suppression_covers_one_control_on_matching_resources_until_it_ends(
    changes: dict[str, str], now: str, covers: bool
) -> None:
    entry = replace(KNOWN, **changes)
    assert suppressed([entry], RESOURCE, "url-open", now) == (entry if covers else None)


def test_suppressions_load_from_the_packaged_document() -> None:
    entry = {"created": "2026-01-01", **{name: getattr(KNOWN, name) for name in Suppression.__slots__}}
    assert suppressions_from({"suppressions": [entry]}) == (KNOWN,)


# --- what is refused before it ships --------------------------------------------------------------------------------


def read(text: str) -> Source:
    return yamlfile.loads(text.encode(), "g.yaml", BadGovernance)


def pin_problems(*pins: str) -> tuple[Problem, ...]:
    return pins_problems(read("mode: auto\npins:\n" + "".join(f"  - {{{p}, mode: auto}}\n" for p in pins)), BOOKS)


CLOSE, NEWER = "runbook: lambda-close-url, version: 1.0.0", "runbook: lambda-close-url, version: 1.1.0"
SHUT, TRUST = "runbook: lambda-shut-url, version: 1.0.0", "runbook: iam-close-role, version: 1.0.0"
F, ANY_F, G = (f'resources: ["arn:aws:lambda:*:*:function:{n}"]' for n in ("f", "f*", "g"))
SOME, REST = f'accounts: ["{ONE}", "333333333333"]', f'accounts: ["{ONE}"]'


@pytest.mark.parametrize(
    "pins",
    [
        (CLOSE,),
        (CLOSE, TRUST),
        (CLOSE, f"{NEWER}, {SOME}"),
        (f'{CLOSE}, accounts: ["{TWO}"]', f"{SHUT}, {SOME}"),
        (f"{SHUT}, params: {{rate: 2.5, on: false, log: 'arn:x'}}",),
        (CLOSE, f"{SHUT}, {F}"),
        (f"{CLOSE}, {G}", f"{SHUT}, {F}"),
        (f"{CLOSE}, {F}, {REST}", f"{SHUT}, {F}"),
    ],
)
def test_pins_that_leave_nothing_open_are_silent(pins: tuple[str, ...]) -> None:
    assert pin_problems(*pins) == ()


@pytest.mark.parametrize(
    ("pins", "line", "what"),
    [
        (("runbook: lambda-close-url, version: 2.0.0",), 3, "there is no runbook lambda-close-url in version 2.0.0"),
        ((CLOSE, "runbook: no-such, version: 1.0.0"), 4, "there is no runbook no-such"),
        ((CLOSE, SHUT), 4, "url-open is pinned twice for all accounts"),
        ((CLOSE, NEWER), 4, "url-open is pinned twice for all accounts"),
        ((CLOSE, TRUST, CLOSE), 5, "url-open is pinned twice for all accounts"),
        ((f"{CLOSE}, {SOME}", f"{SHUT}, {REST}"), 4, f"url-open is pinned twice for account {ONE}"),
        ((f"{CLOSE}, {F}", f"{SHUT}, {ANY_F}"), 4, "url-open is pinned twice for all accounts"),
        ((f"{CLOSE}, resources: [f]",), 3, "is not allowed here"),
        ((f"{CLOSE}, resources: []",), 3, "resources"),
        ((f"{CLOSE}, params: {{rate: 1}}",), 3, "lambda-close-url has no parameter rate"),
        ((f"{SHUT}, params: {{rate: '1'}}",), 3, "the parameter rate of lambda-shut-url is a number, and this is text"),
        ((f"{SHUT}, params: {{rate: true}}",), 3, "is a number, and this is true or false"),
        ((f"{SHUT}, params: {{on: 1}}",), 3, "is true or false, and this is a number"),
        ((f"{SHUT}, params: {{log: {{deployment: boundary_arn}}}}",), 3, "is text, and this is a mapping"),
        ((f"{SHUT}, params: {{log: }}",), 3, "is text, and this is nothing"),
        (("runbook: lambda-close-url, version: 1",), 3, "must be text"),
    ],
)
def test_pins_that_leave_something_open_are_refused(pins: tuple[str, ...], line: int, what: str) -> None:
    wanted = [p for p in pin_problems(*pins) if what in p.what]
    assert wanted, [str(p) for p in pin_problems(*pins)]
    assert wanted[0].where == f"g.yaml:{line}"
    assert wanted[0].next_step


def people(*identities: str) -> tuple[Problem, ...]:
    entries = "".join(
        f"  person{n}:\n    name: P\n    groups: [owner]\n    iam:\n      - {{{i}}}\n" for n, i in enumerate(identities)
    )
    return approvers_problems(read(f"people:\n{entries}"))


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        ("role: security", "role: security", True),
        ("user: sam", "user: sam", True),
        ("role: sam", "user: sam", False),
        ("role: AWSReservedSSO_A_1, session: sam", "role: AWSReservedSSO_A_1, session: olly", False),
        ("role: AWSReservedSSO_A_1, session: sam", "role: AWSReservedSSO_A_1, session: sam", True),
        ("role: security", "role: Security", False),
    ],
)
def test_one_login_is_one_person(one: str, other: str, is_shared: bool) -> None:
    found = people(f'account: "{ONE}", {one}', f'account: "{ONE}", {other}')
    assert [p.what for p in found] == (
        ["person1 and person0 share one identity, so one login would count as two people"] if is_shared else []
    )
    assert people(f'account: "{ONE}", {one}', f'account: "{TWO}", {other}') == ()


def suppression(**changes: str) -> str:
    entry: dict[str, Any] = {
        "id": "known",
        "control": "url-open",
        "resource": KNOWN.resource,
        "account": ONE,
        "owner": "sam",
        "reason": "why",
        "created": "2026-01-01",
        "expires": "2026-06-30",
    }
    return "  - " + json.dumps({**entry, **changes}) + "\n"


@pytest.mark.parametrize(
    ("entries", "line", "what"),
    [
        ((suppression(control="url-opn"),), 2, "there is no control url-opn"),
        ((suppression(), suppression()), 3, "the id known stands here twice"),
        ((suppression(account=TWO),), 2, f"the resource is in account {ONE}"),
        ((suppression(), suppression(id="more", account="*")), 0, ""),
        ((suppression(resource="arn:aws:lambda:*:*:function:x"),), 0, ""),
    ],
)
def test_suppressions_name_what_exists(entries: tuple[str, ...], line: int, what: str) -> None:
    found = suppressions_problems(read("suppressions:\n" + "".join(entries)), CONTROLS)
    assert [(p.where, what in p.what) for p in found] == ([(f"g.yaml:{line}", True)] if what else [])


# --- what ships -----------------------------------------------------------------------------------------------------


def packaged(folder: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / folder / "packaged.json").read_text())
    return document


def shipped() -> dict[str, Runbook]:
    return dict(load(json.loads((ROOT / "runbooks/packaged.json").read_text())))


def modes(folder: str, account: str) -> dict[str, str]:
    pins = pins_from(packaged(folder)["pins"])
    arn = f"arn:aws:iam::{account}:role/any"
    found = {control: pinned(pins, shipped(), control, account, arn) for control in all_controls()}
    return {c: effective_mode(pins, *entry, account)[0] for c, entry in found.items() if entry}


OBSERVED = {"iam-policy-stale-version", "iam-role-unused-permissions", "ssm-parameter-plaintext-secret"}
"""Controls whose runbook is not pinned as shipped: it would let a writer delete policy versions, attach policies or
put any parameter."""


def test_what_ships_proposes_everything_and_nobody_may_decide() -> None:
    assert modes("governance", ONE) == dict.fromkeys(set(all_controls()) - OBSERVED, "propose")
    assert people_from(packaged("governance")["approvers"]) == ()
    assert suppressions_from(packaged("governance")["suppressions"]) == ()


def test_the_sandbox_fixes_the_two_low_ones_by_itself() -> None:
    found = modes("suture/sandbox/governance", ONE)
    assert {c for c, mode in found.items() if mode == "auto"} == {"lambda-policy-public", "lambda-url-public"}
    assert set(found) == set(all_controls())
    groups = {p.id: p.groups for p in people_from(packaged("suture/sandbox/governance")["approvers"])}
    assert groups == {
        "sam": ("security", "owner"),
        "olly": ("owner", "platform"),
        "dana": ("developers",),
        "drew": ("owner",),
    }


def test_the_example_in_the_comments_of_what_ships_is_valid() -> None:
    for name, check in (
        ("approvers", approvers_problems),
        ("suppressions", lambda source: suppressions_problems(source, all_controls())),
    ):
        lines = (ROOT / "governance" / f"{name}.yaml").read_text().splitlines()
        example = [line.removeprefix("#   ") for line in lines if line.startswith("#   ")]
        assert check(read("\n".join(example))) == (), name


@pytest.mark.parametrize(
    ("kind", "one", "other", "is_shared"),
    [
        ("slack", "team: T01, user: U01", "team: T01, user: U01", True),
        ("slack", "team: T01, user: U01", "team: T02, user: U01", False),
        ("oidc", "issuer: https://a.example, subject: s", "issuer: https://a.example, subject: s", True),
        ("oidc", "issuer: https://a.example, subject: s", "issuer: https://b.example, subject: s", False),
    ],
)
def test_one_login_at_another_door_is_one_person_too(kind: str, one: str, other: str, is_shared: bool) -> None:
    entries = "".join(
        f"  person{n}:\n    name: P\n    groups: [owner]\n    {kind}:\n      - {{{i}}}\n"
        for n, i in enumerate((one, other))
    )
    found = approvers_problems(read(f"people:\n{entries}"))
    assert any("share one identity" in p.what for p in found) == is_shared, found
