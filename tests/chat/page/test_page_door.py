"""Who sees what on the page, and what a form does: the same as at every other door, and a GET nothing at all."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from page_world import ORIGIN, PageWorld
from world import ACCOUNT, role

from chalicelib.chat import switch
from chalicelib.chat.page import door
from chalicelib.chat.page.asked import FORM, Answer, Asked

PAGES = ("/", "/cases", "/posture", "/suppressions", "/runbooks")


def header(answer: Answer, name: str) -> str:
    return next((v for n, v in answer.headers if n == name), "")


class Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hrefs += [v for n, v in attrs if n in ("href", "src", "action") and v]


def test_nobody_sees_anything_before_they_sign_in(pw: PageWorld) -> None:
    case = pw.proposed("hush")
    for path in (*PAGES, f"/cases/{case.id}"):
        answer = pw.get(path)
        assert answer.status == 401, path
        assert "hush" not in answer.body and "Sign in" in answer.body
    assert pw.get("/cases/C-NOTHING").status == 401, "whether a case exists is told to those who may see it"
    assert pw.get("/nothing").status == 404


def test_the_address_opens_the_door_and_a_wrong_one_does_not(pw: PageWorld) -> None:
    assert pw.get("/sign-in?token=wrong").status == 403
    assert pw.get("/sign-in").status == 200 and not pw.jar
    pw.sit("sam")
    assert pw.get("/").status == 200
    pw.d.ahead = timedelta(hours=13)
    assert pw.get("/").status == 401


def test_signing_out_ends_it_and_takes_a_token(pw: PageWorld) -> None:
    token = pw.sit("sam")
    assert pw.get("/sign-out").status == 405
    assert pw.post("/sign-out", csrf="x").status == 403
    assert pw.post("/sign-out", csrf=token).status == 303
    assert pw.get("/").status == 401


def test_every_answer_keeps_a_browser_to_the_page(pw: PageWorld) -> None:
    case = pw.proposed()
    pw.sit("sam")
    for path in (*PAGES, f"/cases/{case.id}", "/nothing", "/sign-in", "/style.css", "/icon.svg"):
        answer = pw.get(path)
        policy = header(answer, "Content-Security-Policy")
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert header(answer, "X-Content-Type-Options") == "nosniff"
        assert header(answer, "Referrer-Policy") == "no-referrer"
        kept = header(answer, "Cache-Control")
        assert kept == "no-store" or (path in ("/style.css", "/icon.svg") and "private" in kept)
        assert "<script" not in answer.body and "style=" not in answer.body and "javascript:" not in answer.body
        outside = [h for h in Links(answer.body).hrefs if not h.startswith(("/", "#"))]
        assert all(h.startswith("https://") for h in outside), outside
        loaded = re.findall(r'<(?:link|img|script)[^>]*(?:href|src)="([^"]+)"', answer.body)
        assert all(h.startswith("/") for h in loaded), "nothing is loaded from anywhere else"


def test_a_mail_scanner_that_gets_every_link_decides_nothing(pw: PageWorld) -> None:
    case = pw.proposed()
    for who in ("sam", ""):
        pw.sit(who) if who else pw.jar.clear()
        before = pw.items()
        seen: set[str] = set()
        todo = ["/", f"/cases/{case.id}", f"/cases/{case.id}/decision", f"/cases/{case.id}/decision?decision=approve"]
        while todo:
            path = todo.pop()
            if path in seen or not path.startswith("/"):
                continue
            seen.add(path)
            todo += [h.partition("#")[0].replace("&amp;", "&") for h in Links(pw.get(path).body).hrefs]
        assert len(seen) > 3
        assert pw.items() == before


def test_the_story_is_told_whole(pw: PageWorld) -> None:
    case = pw.proposed("partner-role")
    pw.sit("olly")
    body = pw.get(f"/cases/{case.id}").body
    assert "partner-role" in body and "shop-deploy (ci)" in body and "iam:UpdateAssumeRolePolicy" in body
    assert re.search(r'<mark><span class="unseen">risky: </span>&quot;\*&quot;,</mark>', body), "the wildcard is marked"
    assert re.search(r'<del><span class="unseen">removed: </span>- +&quot;\*&quot;,', body)
    assert case.plan_digest in body and "Taken back by" in body
    assert "0 of 1 approvals" in body and "Olly, Sam" in body and "It expires" in body
    assert "planned with iam-narrow-trust 1.0.0" in body
    listed = pw.get("/").body
    assert f"/cases/{case.id}" in listed and "Waits for approval" in listed


def test_a_case_is_approved_applied_and_taken_back_on_the_page(pw: PageWorld) -> None:
    case = pw.proposed()
    digits = case.plan_digest[-4:]
    pw.sit("olly")
    assert pw.decide_on_page(case, "approve", reason="agreed", digits=digits).status == 303
    done = pw.cases()[-1]
    assert done.state == "RESOLVED"
    body = pw.get(f"/cases/{case.id}").body
    assert "From change to fix" in body and "agreed" in body and "Ask for undo" in body
    assert "<code>iam:UpdateAssumeRolePolicy</code> answered</li>" in body
    assert pw.decide_on_page(done, "undo", reason="the partner is offline").status == 303
    assert pw.cases()[-1].state == "UNDONE"
    assert "answered, then taken back" in pw.get(f"/cases/{case.id}").body
    records = list(pw.d.ledger.records(case.id))
    assert {r["by"] for r in records} >= {"olly"} and records[3]["details"]["reason"] == "agreed"


def test_high_tier_asks_for_a_reason_and_the_digits_and_keeps_what_was_typed(pw: PageWorld) -> None:
    case = pw.proposed()
    pw.sit("olly")
    table = [
        ({"reason": "", "digits": case.plan_digest[-4:]}, "Say why"),
        ({"reason": "because & so", "digits": ""}, "last 4 characters"),
        ({"reason": "because & so", "digits": "zzzz"}, "last 4 characters"),
        ({"reason": "x" * 1501, "digits": case.plan_digest[-4:]}, "at most 1500"),
    ]
    for fields, said in table:
        answer = pw.decide_on_page(case, "approve", **fields)
        assert answer.status == 400 and said in answer.body, fields
        assert 'role="alert"' in answer.body and 'aria-invalid="true"' in answer.body
        if fields["reason"].startswith("because"):
            assert "because &amp; so</textarea>" in answer.body
    assert pw.case("iam-trust-public").state == "PENDING" and pw.d.ledger.approvals(case.id) == ()


def test_medium_tier_needs_neither(pw: PageWorld) -> None:
    case = pw.unguarded()
    pw.sit("sam")
    body = pw.get(f"/cases/{case.id}").body
    assert "Reason (may stay empty)" in body and 'name="digits"' not in body
    assert pw.decide_on_page(case, "approve").status == 303
    assert pw.case("apigateway-stage-unguarded").state == "RESOLVED"


def test_the_causer_and_the_unlisted_are_told_why_not(pw: PageWorld) -> None:
    case = pw.proposed()
    for who, why in (("drew", "caused this change"), ("dev", "is not listed")):
        pw.sit(who)
        body = pw.get(f"/cases/{case.id}").body
        assert why in body and '<button type="submit" class="primary">Approve' not in body
        answer = pw.decide_on_page(case, "approve", reason="mine", digits=case.plan_digest[-4:])
        assert answer.status == 403 and why in answer.body
    assert pw.d.ledger.approvals(case.id) == ()


def test_two_people_make_a_quorum_and_one_may_take_theirs_back(pw: PageWorld) -> None:
    case = pw.mighty()
    more = {"reason": "needed", "digits": case.plan_digest[-4:]}
    pw.sit("olly")
    assert pw.decide_on_page(case, "approve", **more).status == 303
    assert "1 of 2 approvals" in pw.get(f"/cases/{case.id}").body
    assert "Take my approval back" in pw.get(f"/cases/{case.id}").body
    assert pw.decide_on_page(case, "revoke").status == 303
    assert "0 of 2 approvals" in pw.get(f"/cases/{case.id}").body
    assert pw.decide_on_page(case, "approve", **more).status == 303
    pw.sit("sam")
    assert pw.decide_on_page(case, "approve", **more).status == 303
    assert pw.case("iam-role-admin").state == "RESOLVED"


def test_an_old_plan_is_refused_with_the_new_one_beside_it(pw: PageWorld) -> None:
    case = pw.proposed()
    pw.sit("olly")
    old = "sha256:" + "0" * 64
    answer = pw.decide_on_page(case, "approve", plan=old, reason="r", digits="0000")
    assert answer.status == 409 and "superseded" in answer.body and case.plan_digest in answer.body


@pytest.mark.parametrize("days", ["7", "90"])
def test_a_risk_is_accepted_for_a_while_and_listed(pw: PageWorld, days: str) -> None:
    case = pw.proposed()
    pw.sit("sam")
    assert pw.decide_on_page(case, "suppress", reason="r", days="365").status == 400
    assert pw.decide_on_page(case, "suppress", reason="public by design", days=days).status == 303
    assert pw.case("iam-trust-public").state == "SUPPRESSED"
    body = pw.get("/suppressions").body
    assert "public by design" in body and "Sam" in body and "1 in force" in body


def test_a_rejection_needs_a_reason(pw: PageWorld) -> None:
    case = pw.proposed()
    pw.sit("sam")
    assert pw.decide_on_page(case, "reject", reason=" ").status == 400
    assert pw.decide_on_page(case, "reject", reason="meant").status == 303
    assert pw.case("iam-trust-public").state == "REJECTED"
    assert pw.decide_on_page(case, "approve", reason="r", digits=case.plan_digest[-4:]).status == 409


def test_a_form_from_elsewhere_decides_nothing(pw: PageWorld) -> None:
    case = pw.unguarded()
    token = pw.sit("sam")
    path, good = f"/cases/{case.id}/decision", f"csrf={token}&decision=approve&plan={case.plan_digest}"
    other = pw.sit("olly")
    assert other != token
    refused: list[tuple[int, str, dict[str, str]]] = [
        (403, good, {"content_type": FORM, "origin": ORIGIN}),  # the token of another session
        (403, good.replace(token, ""), {"content_type": FORM}),
        (403, good.replace(token, other), {"content_type": FORM, "origin": "https://evil.example"}),
        (403, good.replace(token, other), {"content_type": FORM, "sec_fetch_site": "cross-site"}),
        (403, good.replace(token, other), {"content_type": FORM, "sec_fetch_site": "same-site", "origin": "null"}),
        (415, good.replace(token, other), {"content_type": "application/json"}),
        (415, good.replace(token, other), {"content_type": "text/plain"}),
        (415, good.replace(token, other), {}),
        (413, good.replace(token, other) + "&reason=" + "x" * 20_000, {"content_type": FORM}),
        (400, good.replace(token, other) + "&reason=%ff", {"content_type": FORM}),
        (400, good.replace(token, other) + "&plan=twice", {"content_type": FORM}),
        (400, good.replace(token, other) + "&more=x", {"content_type": FORM}),
        (400, "no form at all", {"content_type": FORM}),
    ]
    for status, raw, headers in refused:
        assert pw.ask("POST", path, raw.encode(), **headers).status == status, (status, headers)
    assert pw.case("apigateway-stage-unguarded") == case
    allowed = {"content_type": f"{FORM}; charset=utf-8", "origin": "null", "sec_fetch_site": "same-origin"}
    assert pw.ask("POST", path, good.replace(token, other).encode(), **allowed).status == 303


def test_a_session_ends_where_its_person_is_struck_off(pw: PageWorld) -> None:
    case = pw.unguarded()
    pw.sit("olly")
    pw.d.__dict__["packaged"] = replace(pw.d.packaged, people=())
    answer = pw.decide_on_page(case, "approve")
    assert answer.status == 403 and "the list of approvers is empty" in answer.body


def test_filters_search_and_refuse_what_there_is_not(pw: PageWorld) -> None:
    pw.proposed("alpha")
    pw.proposed("beta")
    pw.unguarded()
    pw.sit("dev")
    assert "alpha" in pw.get("/?q=alpha").body and "beta" not in pw.get("/?q=alpha").body
    assert "beta" in pw.get("/?q=ROLE/beta%20trust".replace("%20", " ")).body
    assert "alpha" not in pw.get("/?severity=medium").body and "throttling" in pw.get("/?severity=medium").body
    assert "3 cases" in pw.get("/?show=waiting").body
    assert "Nothing was closed" in pw.get("/?show=closed").body
    for query in ("show=nonsense", "severity=dire", "page=0", "page=2", "page=x", "page=٣"):
        assert pw.get(f"/?{query}").status == 400, query
    assert pw.get('/?q="><script>').status == 200


def test_hostile_names_stay_text(pw: PageWorld) -> None:
    case = pw.proposed()
    hostile = '"><img src=x onerror=alert(1)><!--\u202e'
    named = replace(
        case,
        title=hostile,
        notes=(hostile,),
        action=hostile,
        owner=hostile,
        reasons=(hostile,),
        outcome=hostile,
        evidence=({hostile: hostile, "Statement": {hostile: [hostile]}},),
        causers=({**case.causers[0], "arn": f"arn:aws:iam::{ACCOUNT}:role/{hostile}", "session": hostile},),
    )
    pw.d.ledger.case = lambda id_: named
    pw.sit("sam")
    body = pw.get(f"/cases/{case.id}").body
    assert "<img" not in body and "<!--" not in body.replace("<!doctype", "") and "\u202e" not in body
    assert "&lt;img src=x" in body


def test_what_looks_like_a_secret_is_not_shown(pw: PageWorld) -> None:
    case = pw.proposed()
    key = "AKIA" + "Q3EGRIWJ5LAVJ2LD"
    pw.d.ledger.case = lambda id_: replace(case, evidence=({"Variable": key},))
    pw.sit("sam")
    body = pw.get(f"/cases/{case.id}").body
    assert key not in body and "looks as if it held a secret" in body


def test_posture_says_in_words_and_numbers_what_it_draws(pw: PageWorld) -> None:
    first = pw.proposed("one")
    pw.decide("oncall", first, "approve")
    pw.proposed("two")
    role("three", trust="*")
    pw.change("AWS::IAM::Role", "three", "iam:UpdateAssumeRolePolicy")
    pw.run()
    pw.sit("dev")
    body = pw.get("/posture").body
    assert body.count("<svg") == 5 and body.count('role="img"') == 5 and body.count("<desc") == 5
    assert "Open now: 2 critical" in body and "0 by itself, 1 approved by people, 0 outside Suture." in body
    assert "Most often shop-deploy: 3" in body


def test_the_page_says_when_every_write_is_paused(pw: PageWorld) -> None:
    pw.sit("sam")
    assert "paused" not in pw.get("/").body
    switch.turn(pw.d, pw.d.packaged.people[0].identities[0], "pause", "drill")
    assert "Every write is paused." in pw.get("/runbooks").body


def test_runbooks_stand_with_their_pins_and_the_mode_that_holds(pw: PageWorld) -> None:
    pw.sit("dev")
    body = pw.get("/runbooks").body
    assert "iam-narrow-trust" in body and 'class="mode propose"' in body and 'class="mode auto"' in body
    assert "released and not pinned" in body


def test_a_mistake_of_ours_tells_nothing(pw: PageWorld) -> None:
    def broken(*states: str) -> None:
        raise RuntimeError("hush-hush")

    pw.sit("sam")
    pw.d.ledger.cases_since = broken  # type: ignore[assignment, method-assign]
    answer = pw.get("/")
    assert answer.status == 500 and "hush" not in answer.body


def test_a_base_path_goes_before_every_address(pw: PageWorld) -> None:
    case = pw.proposed()
    pw.sit("sam")
    cookie = "; ".join(f"{n}={v}" for n, v in pw.jar.items())
    answer = door.answer(pw.d, pw.guard, Asked("GET", f"/cases/{case.id}", {}, {"cookie": cookie}, b"", "/api/page"))
    inside = [h for h in Links(answer.body).hrefs if h.startswith("/")]
    assert len(inside) > 8 and all(h.startswith("/api/page") for h in inside)
