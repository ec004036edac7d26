from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from runbook_texts import RUNBOOK, SECRET, changed, line_of

from chalicelib.errors import BadGovernance, BadInput, BadRunbook
from chalicelib.runbooks import runbook, seconds
from suture import yamlfile
from suture.schema import PinsDocument, RunbookDocument, SuppressionsDocument, problems
from suture.schema_people import ApproversDocument, ChatDocument
from suture.yamlfile import MAX_BYTES, Problem, Source

# --- YAML -----------------------------------------------------------------------------------------------------------


def read(text: str | bytes) -> Source:
    return yamlfile.loads(text if isinstance(text, bytes) else text.encode(), "f.yaml", BadRunbook)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("a: 1\nb: -2.5\nc: true\nd: null\ne:\nf: ~", {"a": 1, "b": -2.5, "c": True, "d": None, "e": None, "f": None}),
        (
            "a: 2026-01-02\nb: 2026-01-02T03:04:05Z\nc: 24:00",
            {"a": "2026-01-02", "b": "2026-01-02T03:04:05Z", "c": "24:00"},
        ),
        (
            "123456789012: 012345678901\ntrue: 1.0.0\nnull: x",
            {"123456789012": "012345678901", "true": "1.0.0", "null": "x"},
        ),
        (
            "a: 'yes'\nb: \"no\"\nc: 0x10\nd: 1_000\ne: .inf",
            {"a": "yes", "b": "no", "c": "0x10", "d": "1_000", "e": ".inf"},
        ),
        ("{a: =x.y, b: [=p, {c: d}]}", {"a": "=x.y", "b": ["=p", {"c": "d"}]}),
        ("a: >-\n  one\n  two\nb: |\n  three\n", {"a": "one two", "b": "three\n"}),
        ("\ufeffa: é ✓\r\nb: 2\r\n", {"a": "é ✓", "b": 2}),
        ("'<<': 1", {"<<": 1}),
    ],
)
def test_plain_values_are_json(text: str, document: Any) -> None:
    found = read(text).document
    assert found == document
    assert json.loads(json.dumps(found)) == document


BAD_YAML = [
    ("", 1, "the file is empty"),
    ("# only a comment\n", 1, "the file is empty"),
    ("- a\n", 1, "must be a mapping"),
    ("text", 1, "must be a mapping"),
    ("a: 1\nb: 2\na: 3\n", 3, "stands here twice, first in line 1"),
    ("a:\n  b: 1\n  'b': 2\n", 3, "stands here twice, first in line 2"),
    ("x: 1\na: &anchor [1]\nb: *anchor\n", 2, "anchors and aliases"),
    ("a: *nowhere\n", 1, "anchors and aliases"),
    ("a: 1\n<<: {b: 2}\n", 2, "merge keys"),
    ("a: !!python/object/apply:os.system [ls]\n", 1, "the tag"),
    ("a: !!str 1\n", 1, "the tag"),
    ("!!map {a: 1}\n", 1, "the tag"),
    ("a: 1\nb: yes\n", 2, "disagree whether yes is text"),
    ("a: [1,\n  Off]\n", 2, "disagree whether Off is text"),
    ("a: 1.0e999\n", 1, "too large"),
    ("a: 1\n---\nb: 2\n", 2, "a second document"),
    ("a: 1\n? [b]\n: 2\n", 2, "a key must be plain text"),
    ("a: 1\nb:\n\t- x\n", 3, "this is not YAML"),
    ("a: {\n", 2, "this is not YAML"),
    ("%YAML 3.0\n---\na: 1\n", 1, "this is not YAML"),
    ('a: "\\ud800"\n', 1, "U+D800"),
    ('a: "\\U0FFFFFFF"\n', 1, "not YAML"),
    ('a: "\\UFFFFFFFF"\n', 1, "not YAML"),
    ('a: 1\nb: "\\0"\n', 2, "U+0000"),
    ("a: 1\n# harmless\u202e\n", 2, "U+202E"),
    ("a: x\u200by\n", 1, "U+200B"),
    ("a: \x07\n", 1, "U+0007"),
    ("a: 1\n" + "b: " + "[" * 3000, 2, "nested deeper"),
    ("a: " + "{a: " * 400, 1, "nested deeper"),
    ("".join("  " * n + "a:\n" for n in range(60)), 26, "nested deeper"),
    ("a:\n" + "- 1\n" * 20_001, 20_000, "more than 20000 values"),
]


@pytest.mark.parametrize(("text", "line", "what"), BAD_YAML)
def test_bad_yaml_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(BadRunbook) as caught:
        read(text)
    assert what in caught.value.what
    assert caught.value.where == f"f.yaml:{line}"
    assert caught.value.next_step


def test_bytes_that_are_no_text_and_files_too_large_are_refused(tmp_path: Any) -> None:
    with pytest.raises(BadRunbook, match=r"^f.yaml:2: the file is not UTF-8"):
        read(b"a: 1\nb: \xff\n")
    with pytest.raises(BadRunbook, match="larger than 128 KiB"):
        read(b"#" * (MAX_BYTES + 1))
    assert read(b"a: 1\n" + b"#" * (MAX_BYTES - 5)).document == {"a": 1}
    with pytest.raises(BadGovernance, match=r"^gone.yaml: the file cannot be read"):
        yamlfile.load(tmp_path / "gone.yaml", BadGovernance, tmp_path)
    with pytest.raises(BadGovernance, match="the file cannot be read"):
        yamlfile.load(tmp_path, BadGovernance)


def test_every_place_has_its_line() -> None:
    source = read("a:\n  - b: 1\n    c: {d: 2,\n        e: 3}\n")
    places = {("a",): 1, ("a", 0): 2, ("a", 0, "b"): 2, ("a", 0, "c"): 3, ("a", 0, "c", "e"): 4}
    assert {place: source.where(place) for place in places} == {p: f"f.yaml:{n}" for p, n in places.items()}
    assert source.where(("a", 0, "c", "nothing", "there")) == "f.yaml:3"
    assert source.where(("a", 0, "skipped", "c")) == "f.yaml:3"
    assert source.where() == "f.yaml:1"


def test_the_first_problem_is_raised_and_the_others_counted() -> None:
    one, two = Problem("f:1", "a", "b"), Problem("f:2", "c", "d")
    yamlfile.refuse((), BadRunbook)
    with pytest.raises(BadRunbook, match=r"^f:1: a Next: b$"):
        yamlfile.refuse((one,), BadRunbook)
    with pytest.raises(BadGovernance, match=r"^f:1: a \(1 more problem in it or beside it\)"):
        yamlfile.refuse((one, two), BadGovernance)


# --- runbooks -------------------------------------------------------------------------------------------------------


def found(text: str, model: type[Any] = RunbookDocument) -> tuple[Problem, ...]:
    return problems(model, read(text))


@pytest.mark.parametrize("text", [RUNBOOK, SECRET])
def test_a_valid_runbook_is_silent_and_loads(text: str) -> None:
    assert found(text) == ()
    book = runbook(read(text).document, "sha256:0")
    assert book.steps
    assert book.approval.expires == 86_400


BY_HAND = RUNBOOK[: RUNBOOK.index("steps:")] + RUNBOOK[RUNBOOK.index("approval:") :].rstrip("\n") + "\n"
BY_HAND = BY_HAND.replace("mode: auto", "mode: propose") + "manual: [Ask its owner to close it]\n"


def test_a_runbook_may_have_no_steps_where_people_have_some() -> None:
    assert found(BY_HAND) == () and found(BY_HAND.replace("manual:", "steps: []\nmanual:")) == ()
    book = runbook(read(BY_HAND).document, "sha256:0")
    assert (book.steps, book.operations(), len(book.manual)) == ((), frozenset(), 1)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("manual: [Ask its owner to close it]\n", "", "neither a step nor a `manual` sentence"),
        ("manual: [Ask its owner to close it]\n", "manual: []\n", "neither a step nor a `manual` sentence"),
        ("mode: propose", "mode: auto", "`mode` is about calls"),
        ("manual:", "watch: {for: 30m}\nmanual:", "`watch` is about calls"),
        (
            "manual:",
            "leaves: open\nverify: [{call: lambda:GetPolicy, with: {}, expect: 'true'}]\nmanual:",
            "`verify` is about calls",
        ),
        ("manual:", "leaves: open\nmanual:", "go together"),
    ],
)
def test_without_steps_nothing_may_be_about_calls(old: str, new: str, what: str) -> None:
    (problem,) = found(changed(BY_HAND, old, new))
    assert what in problem.what and problem.next_step


EDITS = [
    ("title: Close it\n", "", "approval", "`title` is missing"),
    ("why: It is open.\n", "why: ' '\n", "why: ' '", "the text is empty"),
    ("why: It is open.\n", "why:\n", "why:", "`why` has no value"),
    ("why: It is open.\n", "why: 7\n", "why: 7", "must be text"),
    ("title: Close it", f"title: {'x' * 121}", "title", "at most 120"),
    ("id: lambda-close-url", "id: Lambda-close", "id:", '"Lambda-close" is not allowed'),
    ("id: lambda-close-url", "id: lambda", "id:", '"lambda" is not allowed'),
    ("id: lambda-close-url", "id: lambda-../x", "id:", "is not allowed"),
    ("version: 1.0.0", "version: 1.0", "version", "must be text"),
    ("version: 1.0.0", "version: 1.0.0-rc1", "version", "is not allowed"),
    ("version: 1.0.0", "version: 01.0.0", "version", "is not allowed"),
    ("version: 1.0.0", "version: 1.0.٣", "version", "is not allowed"),
    ("remediates: [url-open]", "remediates: []", "remediates", "at least 1 item"),
    ("remediates: [url-open]", "remediates: [url-open, url-open]", "remediates", "twice"),
    ("remediates: [url-open]", "remediates: url-open", "remediates", "must be a list"),
    ("tier: low", "tier: lowest", "tier", '`tier` cannot be "lowest"'),
    ("mode: auto", "mode: atuo", "mode", "`mode` cannot be"),
    ("tier: low", "tier: medium", "mode", "mode auto needs tier low and reversible full"),
    ("reversible: full", "reversible: partial", "mode", "mode auto needs tier low and reversible full"),
    ("mode: auto\n", "mode: auto\nmod: auto\n", "mod: auto", "`mod` is not known here"),
    ("else: skip", "else: ignore", "- {expect", "`guards[0].else` cannot be"),
    (", why: nothing is open", "", "- {expect", "`guards[0].why` is missing"),
    ("    each: =finding.evidence\n", "    each:\n", "    each:", "`each` has no value"),
    ("    each: =finding.evidence\n", "    eech: =x\n", "    eech", "`steps[0].eech` is not known here"),
    ("    each: =finding.evidence\n", "    when: ''\n", "    when", "at least 1 character"),
    ("    each: =finding.evidence\n", "    when: true\n", "    when", "must be text"),
    (
        "call: lambda:UpdateFunctionUrlConfig\n    each",
        "call: UpdateFunctionUrlConfig\n    each",
        "  - call",
        "is not allowed",
    ),
    (
        "    undo:\n      call: lambda:UpdateFunctionUrlConfig\n",
        "    undo:\n",
        "    undo:",
        "`steps[0].undo[0].call` is missing",
    ),
    (
        "    undo:\n      call: lambda:UpdateFunctionUrlConfig\n",
        "    undo: []\n    each2:\n",
        "    undo",
        "no undo call",
    ),
    ("    undo:\n", "    undone:\n", "  - call", "`steps[0].undo` is missing"),
    ("min: 1", "min: 0", "approval", "greater than or equal to 1"),
    ("min: 1", "min: '1'", "approval", "must be a whole number"),
    ("min: 1", "min: true", "approval", "must be a whole number"),
    ("groups: [owner]", "groups: []", "approval", "at least 1 item"),
    ("groups: [owner]", "groups: [Owner]", "approval", "is not allowed"),
    ("expires: 24h", "expires: 24", "approval", "must be text"),
    ("expires: 24h", "expires: 1 day", "approval", "is no duration"),
    ("expires: 24h", "expires: ²h", "approval", "is no duration"),
    ("expires: 24h", "expires: 8d", "approval", "outside what is allowed"),
    ("expires: 24h", "expires: 10s", "approval", "outside what is allowed"),
    ("per_hour: 20", "per_hour: -1", "limits", "greater than or equal to 1"),
    ("per_hour: 20", "per_hour: 1001", "limits", "less than or equal to 1000"),
    ("max_reapply: 2", "max_reapply: 2.5", "limits", "must be a whole number"),
    ("cooldown: 6h, ", "", "limits", "`limits.cooldown` is missing"),
    ("mode: auto\n", "mode: auto\nwatch: {undo_if: x}\n", "watch", "`watch.for` is missing"),
    ("mode: auto\n", "mode: auto\nwatch: {for: 0m}\n", "watch", "outside what is allowed"),
    ("mode: auto\n", "mode: auto\nleaves: open\n", "leaves", "go together"),
    ("mode: auto\n", "mode: auto\nuses: [token]\n", "uses", "is not allowed"),
    ("mode: auto\n", "mode: auto\nuses: [a@1, a@1]\n", "uses", "twice"),
    ("mode: auto\n", "mode: auto\nparams: {a: =resource.arn}\n", "params", "a plain value"),
    ("mode: auto\n", "mode: auto\nparams: {a: {deployment: account}}\n", "params", "deployment"),
    ("mode: auto\n", "mode: auto\nparams: {A-b: 1}\n", "params", "is not allowed"),
    ("mode: auto\n", "mode: auto\nmanual: ['']\n", "manual", "the text is empty"),
    ("mode: auto\n", "mode: auto\nsteps2: 1\n", "steps2", "not known here"),
]


@pytest.mark.parametrize(("old", "new", "at", "what"), EDITS)
def test_a_broken_runbook_is_refused_where_it_is_broken(old: str, new: str, at: str, what: str) -> None:
    text = changed(RUNBOOK, old, new)
    line = 1 if f"`{old.split(':')[0]}` is missing" in what and "[" not in what else line_of(text, at)
    wanted = [p for p in found(text) if what in p.what]
    assert wanted, [str(p) for p in found(text)]
    assert wanted[0].where == f"f.yaml:{line}"
    assert wanted[0].next_step


def test_verify_needs_an_open_case_and_allows_no_when() -> None:
    assert "go together" in found(changed(SECRET, "leaves: open\n", ""))[0].what
    text = changed(SECRET, "    with: {SecretId: =each.Name}\n", "    with: {SecretId: =each.Name}\n    when: a\n")
    assert found(text)[0].what == "`verify[0].when` is not known here"


def test_a_misspelt_name_gets_a_suggestion() -> None:
    assert any(p.next_step == "did you mean `limits`?" for p in found(changed(RUNBOOK, "limits:", "limit:")))


@pytest.mark.parametrize(("text", "length"), [("30s", 30), ("5m", 300), ("6h", 21_600), ("7d", 604_800), ("0m", 0)])
def test_durations(text: str, length: int) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "m", "5", "5w", "-5m", "5 m", "1.5h", "²h", "٣m", "9" * 5000 + "d", "5M"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(BadRunbook, match="is no duration"):
        seconds(text)


# --- governance -----------------------------------------------------------------------------------------------------

PINS = (
    'mode: auto\naccounts:\n  "123456789012": {mode: observe}\npins:\n  - {runbook: a-b, version: 1.0.0, mode: auto}\n'
)
PEOPLE = (
    "people:\n"
    "  sam:\n"
    "    name: Sam\n"
    "    groups: [owner]\n"
    "    iam:\n"
    '      - {account: "123456789012", role: security}\n'
    '      - {account: "123456789012", user: sam}\n'
    '      - {account: "123456789012", role: AWSReservedSSO_Ops_01, session: sam@example.com}\n'
)
SUPPRESSED = (
    "suppressions:\n"
    "  - id: known\n"
    "    control: url-open\n"
    "    resource: arn:aws:lambda:us-east-1:123456789012:function:web-*\n"
    '    account: "123456789012"\n'
    "    owner: payments\n"
    "    reason: The provider cannot sign.\n"
    "    created: 2026-01-01\n"
    "    expires: 2026-06-30\n"
)


SLACKED = changed(
    PEOPLE,
    "    iam:\n",
    "    slack:\n"
    "      - {team: T0123ABCD, user: U0123ABCD}\n"
    "    entra:\n"
    "      - {tenant: 11111111-2222-3333-4444-555555555555, object: aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee}\n"
    "    oidc:\n"
    "      - {issuer: 'https://id.example/realm', subject: sam}\n"
    "    source_identity: [sam@example.com]\n"
    "    iam:\n",
)
ONLY_SLACK = "people:\n  sam:\n    name: Sam\n    groups: [owner]\n    slack: [{team: T0123, user: W0123}]\n"
CHAT = (
    "slack:\n"
    "  team: T0123ABCD\n"
    "  app: A0123ABCD\n"
    "  channel: C0123ABCD\n"
    "  routes:\n"
    "    - {severity: [critical], channel: C0456EFGH}\n"
    "  quiet: {zone: Europe/Berlin, from: '20:00', to: '07:00', but: [high]}\n"
    "  storm: {more_than: 10, within: 10m}\n"
)
IN_TEAMS = (
    "teams:\n"
    "  tenant: 11111111-2222-3333-4444-555555555555\n"
    "  app: aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\n"
    "  channel: 19:0123abcd0123@thread.tacv2\n"
    "  service: https://smba.trafficmanager.net/emea/\n"
    "  routes:\n"
    "    - {owners: [payments], channel: '19:payments0123@thread.tacv2'}\n"
    "  quiet: {zone: Europe/Berlin, from: '20:00', to: '07:00', but: [high]}\n"
    "  storm: {more_than: 10, within: 10m}\n"
    "workflow: {severity: [critical], address: /suture/teams-alerts}\n"
)
ASKED = changed(
    PINS,
    "mode: auto}",
    "mode: auto, remind: 4h, escalate: {after: 8h, to: [platform]}, "
    "hours: {zone: UTC, from: '08:00', to: '18:00'}, outside: [oncall]}",
)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (ApproversDocument, SLACKED),
        (ApproversDocument, ONLY_SLACK),
        (ChatDocument, CHAT),
        (ChatDocument, "{}\n"),
        (ChatDocument, IN_TEAMS),
        (ChatDocument, "workflow: {}\n"),
        (PinsDocument, ASKED),
        (PinsDocument, PINS),
        (PinsDocument, "mode: observe\npins: []\n"),
        (ApproversDocument, PEOPLE),
        (ApproversDocument, "people: {}\n"),
        (SuppressionsDocument, SUPPRESSED),
        (SuppressionsDocument, "suppressions: []\n"),
        (SuppressionsDocument, changed(SUPPRESSED, "expires: 2026-06-30", "expires: 2026-01-01T00:00:01Z")),
        (SuppressionsDocument, changed(SUPPRESSED, 'account: "123456789012"', "account: '*'")),
    ],
)
def test_valid_governance_is_silent(model: type[Any], text: str) -> None:
    assert found(text, model) == ()


BAD_GOVERNANCE = [
    (ApproversDocument, SLACKED, "user: U0123ABCD", "user: sam", 6, "is not allowed here"),
    (ApproversDocument, SLACKED, "user: U0123ABCD", "user: sam@example.com", 6, "is not allowed here"),
    (ApproversDocument, SLACKED, "team: T0123ABCD, ", "", 6, "`people.sam.slack[0].team` is missing"),
    (ApproversDocument, SLACKED, "object: a", "object: A", 8, "is not allowed here"),
    (ApproversDocument, SLACKED, "https://id", "http://id", 10, "is not allowed here"),
    (ApproversDocument, SLACKED, "[sam@example.com]", "['*']", 11, "is not allowed here"),
    (ApproversDocument, ONLY_SLACK, "    slack: [{team: T0123, user: W0123}]\n", "", 2, "nobody can be recognised"),
    (ChatDocument, CHAT, "channel: C0123ABCD", "channel: '#security'", 4, "is not allowed here"),
    (ChatDocument, CHAT, "{severity: [critical], channel", "{channel", 6, "takes every case"),
    (ChatDocument, CHAT, "[critical]", "[grave]", 6, "cannot be"),
    (ChatDocument, CHAT, "'20:00'", "'8pm'", 7, "is not allowed here"),
    (ChatDocument, CHAT, "Europe/Berlin", "Berlin!", 7, "is not allowed here"),
    (ChatDocument, CHAT, "more_than: 10", "more_than: 0", 8, "greater than or equal to 1"),
    (ChatDocument, CHAT, "  app: A0123ABCD\n", "", 1, "`slack.app` is missing"),
    (ChatDocument, IN_TEAMS, "smba.trafficmanager", "evil.trafficmanager", 5, "Microsoft's own hosts only"),
    (ChatDocument, IN_TEAMS, "19:0123abcd0123@thread.tacv2", "Security", 4, "is not allowed here"),
    (ChatDocument, IN_TEAMS, "aaaaaaaa-", "AAAAAAAA-", 3, "is not allowed here"),
    (ChatDocument, IN_TEAMS, "{owners: [payments], channel", "{channel", 7, "takes every case"),
    (PinsDocument, ASKED, "remind: 4h", "remind: 4", 5, "must be text"),
    (PinsDocument, ASKED, "remind: 4h", "remind: 1m", 5, "outside what is allowed"),
    (PinsDocument, ASKED, "to: [platform]", "to: []", 5, "at least 1 item"),
    (PinsDocument, ASKED, ", outside: [oncall]", "", 5, "go together"),
    (PinsDocument, PINS, "mode: auto\n", "", 1, "`mode` is missing"),
    (PinsDocument, PINS, "mode: auto\n", "mode: automatic\n", 1, "cannot be"),
    (PinsDocument, PINS, '"123456789012"', '"12345678901"', 3, "is not allowed here"),
    (PinsDocument, PINS, "{mode: observe}", "{mod: observe}", 3, "not known here"),
    (PinsDocument, PINS, "{mode: observe}", "observe", 3, "must be a mapping"),
    (PinsDocument, PINS, "version: 1.0.0", "version: latest", 5, "is not allowed here"),
    (PinsDocument, PINS, "version: 1.0.0, ", "", 5, "`pins[0].version` is missing"),
    (PinsDocument, PINS, "mode: auto}", "mode: auto, accounts: []}", 5, "at least 1 item"),
    (PinsDocument, PINS, "mode: auto}", "mode: auto, accounts: [123456789012]}", 5, "must be text"),
    (PinsDocument, PINS, "mode: auto}", "mode: auto, accounts: ['*', '123456789012']}", 5, "already means every"),
    (PinsDocument, PINS, "mode: auto}", "mode: auto, params:}", 5, "`params` has no value"),
    (ApproversDocument, PEOPLE, "    groups: [owner]\n", "    groups: []\n", 4, "at least 1 item"),
    (ApproversDocument, PEOPLE, "    name: Sam\n", "", 2, "`people.sam.name` is missing"),
    (ApproversDocument, PEOPLE, "  sam:", "  Sam Example:", 2, "is not allowed here"),
    (
        ApproversDocument,
        PEOPLE,
        '{account: "123456789012", user: sam}',
        '{account: "123", user: sam}',
        7,
        "not allowed",
    ),
    (
        ApproversDocument,
        PEOPLE,
        '{account: "123456789012", user: sam}',
        "{account: 1, user: sam}",
        7,
        "must be text",
    ),
    (ApproversDocument, PEOPLE, "user: sam}", "user: sam, role: x}", 7, "a role or a user"),
    (ApproversDocument, PEOPLE, ", user: sam}", "}", 7, "a role or a user"),
    (ApproversDocument, PEOPLE, "role: security}", "role: path/security}", 6, "is not allowed here"),
    (ApproversDocument, PEOPLE, "role: security}", "role: security, session: sam}", 6, "a session name proves nothing"),
    (ApproversDocument, PEOPLE, ", session: sam@example.com}", "}", 8, "shared by everyone"),
    (ApproversDocument, PEOPLE, "session: sam@example.com", "session: '*'", 8, "is not allowed here"),
    (ApproversDocument, PEOPLE, "user: sam}", "user: sam, session: sam}", 7, "a session name proves nothing"),
    (ApproversDocument, "people:\n", "people:", "people:", 1, "`people` has no value"),
    (ApproversDocument, "people: {}\n", "people: {}", "people: []", 1, "must be a mapping"),
    (SuppressionsDocument, SUPPRESSED, "reason: The provider cannot sign.", "reason: ''", 7, "the text is empty"),
    (SuppressionsDocument, SUPPRESSED, "    owner: payments\n", "", 2, "`suppressions[0].owner` is missing"),
    (SuppressionsDocument, SUPPRESSED, "    expires: 2026-06-30\n", "", 2, "`suppressions[0].expires` is missing"),
    (
        SuppressionsDocument,
        SUPPRESSED,
        "expires: 2026-06-30",
        "expires: 2026-07-01",
        9,
        "181 days, and 180 are allowed",
    ),
    (SuppressionsDocument, SUPPRESSED, "expires: 2026-06-30", "expires: 2026-06-30T00:00:01Z", 9, "180 days"),
    (SuppressionsDocument, SUPPRESSED, "expires: 2026-06-30", "expires: 2025-06-30", 9, "before it was created"),
    (SuppressionsDocument, SUPPRESSED, "expires: 2026-06-30", "expires: 2026-01-01", 9, "before it was created"),
    (SuppressionsDocument, SUPPRESSED, "expires: 2026-06-30", "expires: 2026-02-30", 9, "not in the calendar"),
    (
        SuppressionsDocument,
        SUPPRESSED,
        "expires: 2026-06-30",
        "expires: 2026-06-30T00:00:00+02:00",
        9,
        "is not allowed",
    ),
    (SuppressionsDocument, SUPPRESSED, "expires: 2026-06-30", "expires: never", 9, "is not allowed"),
    (
        SuppressionsDocument,
        SUPPRESSED,
        "arn:aws:lambda:us-east-1:123456789012:function:web-*",
        "'*'",
        4,
        "is not allowed",
    ),
    (
        SuppressionsDocument,
        SUPPRESSED,
        "arn:aws:lambda:us-east-1:123456789012:function:web-*",
        "arn:aws:*",
        4,
        "is not allowed",
    ),
    (SuppressionsDocument, SUPPRESSED, "arn:aws:lambda:us", "arn:aws:l*:us", 4, "is not allowed"),
    (SuppressionsDocument, SUPPRESSED, 'account: "123456789012"', "account: any", 5, "is not allowed"),
]


@pytest.mark.parametrize(("model", "text", "old", "new", "line", "what"), BAD_GOVERNANCE)
def test_broken_governance_is_refused_with_its_line(
    model: type[Any], text: str, old: str, new: str, line: int, what: str
) -> None:
    bad = changed(text, old, new)
    wanted = [p for p in found(bad, model) if what in p.what]
    assert wanted, [str(p) for p in found(bad, model)]
    assert wanted[0].where == f"f.yaml:{line}"
    assert wanted[0].next_step


# --- laws -----------------------------------------------------------------------------------------------------------

MODELS = (RunbookDocument, PinsDocument, ApproversDocument, SuppressionsDocument, ChatDocument)
TEXTS = (RUNBOOK, SECRET, PINS, PEOPLE, SUPPRESSED, SLACKED, CHAT, ASKED)


def only_our_refusals(text: str | bytes, check: Callable[[Source], object]) -> None:
    try:
        source = read(text)
    except BadInput as error:
        assert error.where.startswith("f.yaml")
        assert error.next_step
    else:
        check(source)


def all_models(source: Source) -> None:
    for model in MODELS:
        for problem in problems(model, source):
            assert problem.where.startswith("f.yaml:")
            assert problem.what
            assert problem.next_step


@given(st.text(max_size=80) | st.text(alphabet="ab:- \n\t[]{}&*!'\"\\x0uU#%|>?,<~.1", max_size=60))
@settings(deadline=None)
def test_any_text_gives_a_document_or_our_refusal(text: str) -> None:
    only_our_refusals(text.encode("utf-8", "replace"), all_models)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_document_or_our_refusal(data: bytes) -> None:
    only_our_refusals(data, all_models)


@given(st.sampled_from(TEXTS), st.data())
@settings(deadline=None, max_examples=200)
def test_a_damaged_file_gives_a_document_or_our_refusal(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    put = data.draw(st.text(alphabet="a:- \n{}[]&*!'\"=1\t", max_size=6))
    only_our_refusals(text[:start] + put + text[end:], all_models)


KEYS = st.sampled_from(
    ["id", "version", "title", "remediates", "steps", "undo", "with", "call", "verify", "guards", "params", "limits"]
) | st.sampled_from(["watch", "people", "iam", "groups", "pins", "accounts", "mode", "suppressions", "created", "uses"])
LEAVES = st.none() | st.booleans() | st.integers(-(10**14), 10**14) | st.text("az-=@1.:*", max_size=8)
TREES = st.recursive(LEAVES, lambda t: st.lists(t, max_size=3) | st.dictionaries(KEYS, t, max_size=4), max_leaves=20)


@given(st.dictionaries(KEYS, TREES, max_size=6))
@settings(deadline=None)
def test_any_tree_gives_a_document_or_our_refusal(tree: dict[str, Any]) -> None:
    only_our_refusals(yaml.safe_dump(tree), all_models)
