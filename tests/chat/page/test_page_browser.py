"""The page in a real browser: Debian's Chromium, driven by Playwright. Skipped where one of them is missing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from page_world import PageWorld, chairs_of, page_world

from chalicelib.cases import Case
from chalicelib.times import iso
from suture.web.guard import LocalGuard
from suture.web.server import Page

driver = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: run `make setup`")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")

ALONE = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
ALONE += ["--disable-component-update", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
CHECKS = (Path(__file__).parent / "checks.js").read_text()
SCHEMES = ("light", "dark")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


class Served:
    """The page on loopback, with cases in most states, and a browser."""

    def __init__(self, pw: PageWorld, page: Page, browser: Any) -> None:
        self.pw, self.page, self.browser = pw, page, browser
        self.complaints: list[str] = []

    def open(self, who: str = "Sam", path: str = "/", **more: Any) -> Any:
        """A new window, signed in by hand: the printed address, then a name."""
        context = self.browser.new_context(**{"viewport": DESK, "java_script_enabled": True, **more})
        tab = context.new_page()
        tab.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda e: self.complaints.append(str(e)))
        tab.on("request", lambda r: r.url.startswith(self.page.url) or self.complaints.append(f"asked {r.url}"))
        tab.goto(self.page.address)
        tab.get_by_role("button", name=who).click()
        tab.get_by_role("heading", level=1, name="Cases").wait_for()
        if path != "/":
            tab.goto(self.page.url + path)
        return tab


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with page_world(tmp_path_factory.mktemp("browser")) as pw, Page() as page, driver.sync_playwright() as play:
        _fill(pw)
        key, people = b"k" * 32, pw.d.packaged.people
        pw.guard = LocalGuard(chairs_of(pw), people, page._token, key, page.url, pw.d.now)
        page.serve(pw.d, pw.guard)
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ALONE)
        yield Served(pw, page, browser)
        browser.close()


@pytest.fixture(autouse=True)
def no_complaints(served: Served) -> Iterator[None]:
    """Nothing that a browser refuses or cannot load, and nothing asked of any other host."""
    served.complaints.clear()
    yield
    assert served.complaints == []


def _fill(pw: PageWorld) -> None:
    pw.d.ahead = timedelta(days=-6)
    pw.decide("oncall", pw.proposed("fixed"), "approve")
    pw.decide("security", pw.proposed("meant"), "suppress", until=iso(pw.d.now() + timedelta(days=30)))
    pw.d.ahead = timedelta(minutes=-30)
    pw.decide("oncall", pw.mighty(), "approve")
    pw.unguarded()
    pw.proposed("open")
    pw.d.ahead = timedelta()


def case_of(pw: PageWorld, name: str) -> Case:
    return next(c for c in reversed(pw.cases()) if c.resource_id.endswith(name))


def paths(served: Served) -> list[str]:
    cases = [f"/cases/{case_of(served.pw, name).id}" for name in ("fixed", "meant", "mighty", "live", "open")]
    return ["/", "/?show=all", "/?q=nothing-like-it", "/posture", "/suppressions", "/runbooks", *cases]


def test_somebody_signs_in_filters_and_opens_a_case(served: Served) -> None:
    tab = served.open("Sam")
    assert tab.get_by_role("heading", level=1).inner_text() == "Cases"
    tab.get_by_label("Search").fill("mighty")
    tab.get_by_role("button", name="Filter").click()
    assert tab.get_by_role("status").inner_text().startswith("1 of ")
    tab.get_by_role("link", name="The execution role mighty is an administrator").click()
    assert "1 of 2 approvals" in tab.get_by_role("complementary", name="Decide").inner_text()
    tab.get_by_role("link", name="Cases", exact=True).first.click()
    tab.get_by_label("Severity").select_option("medium")
    tab.get_by_role("button", name="Filter").click()
    assert "throttling" in tab.get_by_role("table").inner_text()
    assert "mighty" not in tab.get_by_role("table").inner_text()


def test_a_case_is_approved_with_the_keyboard_alone(served: Served) -> None:
    case = served.pw.proposed("by-keyboard")
    tab = served.open("Olly", f"/cases/{case.id}")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    _tab_to(tab, "approve-reason")
    tab.keyboard.type("agreed with the owner")
    tab.keyboard.press("Tab")
    tab.keyboard.type(case.plan_digest[-4:])
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Approve"
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px", "where one is can be seen"
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile("#decide$"))
    served.pw.run()
    assert case_of(served.pw, "by-keyboard").state == "RESOLVED"
    tab.reload()
    assert "agreed with the owner" in tab.get_by_role("region", name="Who decided").inner_text()


def _tab_to(tab: Any, id_: str) -> None:
    for _ in range(40):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.id") == id_:
            return
    raise AssertionError(f"no way to {id_}")


def test_wrong_digits_are_refused_where_they_were_typed(served: Served) -> None:
    case = case_of(served.pw, "open")
    tab = served.open("Olly", f"/cases/{case.id}")
    tab.locator("#approve-reason").fill("because I say so")
    tab.get_by_label("The plan's last 4 characters").fill("zzzz")
    tab.get_by_role("button", name="Approve").click()
    alert = tab.get_by_role("alert")
    assert "not the last 4 characters" in alert.inner_text()
    assert tab.evaluate("document.activeElement.id") == "approve-digits"
    assert tab.locator("#approve-reason").input_value() == "because I say so"
    assert tab.evaluate(CHECKS) == []
    assert case_of(served.pw, "open").state == "PENDING"
    assert all("400" in c for c in served.complaints), "the browser notes the refusal itself, and nothing else"
    served.complaints.clear()


def test_everything_works_with_scripts_off(served: Served) -> None:
    case = served.pw.proposed("scripts-off")
    tab = served.open("Sam", f"/cases/{case.id}", java_script_enabled=False)
    tab.locator("#approve-reason").fill("agreed")
    tab.get_by_label("The plan's last 4 characters").fill(case.plan_digest[-4:])
    tab.get_by_role("button", name="Approve").click()
    served.pw.run()
    tab.reload()
    tab.get_by_text("Ask for undo …").click()
    undo = tab.locator("form.undo")
    undo.get_by_label("Reason").fill("it was needed after all")
    undo.get_by_role("button").click()
    served.pw.run()
    assert case_of(served.pw, "scripts-off").state == "UNDONE"
    tab.get_by_role("button", name="Sign out").click()
    assert tab.get_by_role("heading", name="Sign in").is_visible() or tab.url.endswith("/")
    served.complaints = [c for c in served.complaints if "401" not in c]


def test_who_caused_it_has_no_button_and_is_told_why(served: Served) -> None:
    tab = served.open("Drew", f"/cases/{case_of(served.pw, 'open').id}")
    decide = tab.get_by_role("complementary", name="Decide")
    assert "caused this change" in decide.inner_text()
    assert decide.get_by_role("button").count() == 0


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("window", ["desk", "phone"])
def test_every_page_passes_the_checks(served: Served, scheme: str, window: str) -> None:
    size = DESK if window == "desk" else PHONE
    tab = served.open("Sam", color_scheme=scheme, viewport=size)
    for path in paths(served):
        tab.goto(served.page.url + path)
        tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        wrong = tab.evaluate(CHECKS)
        assert wrong == [], f"{path} {scheme} {window}: " + "\n".join(wrong)


def test_dark_is_dark_and_light_is_light(served: Served) -> None:
    light = {s: served.open("Sam", color_scheme=s).evaluate(_LIGHTNESS) for s in SCHEMES}
    assert light["light"] > 220 and light["dark"] < 40


_LIGHTNESS = "Number(getComputedStyle(document.documentElement).backgroundColor.match(/[0-9]+/)[0])"


def test_on_a_phone_the_decision_is_one_tap_away(served: Served) -> None:
    tab = served.open("Sam", f"/cases/{case_of(served.pw, 'open').id}", viewport=PHONE, has_touch=True)
    tab.get_by_role("link", name="Go to the decision").tap()
    assert tab.get_by_role("heading", name="Decide", exact=True).is_visible()
    top = tab.evaluate("document.getElementById('decide').getBoundingClientRect().top")
    assert -5 <= top <= PHONE["height"] / 2


def test_a_page_in_a_frame_of_another_shows_nothing(served: Served) -> None:
    tab = served.open("Sam")
    tab.set_content(f'<iframe src="{served.page.url}/"></iframe>')
    tab.wait_for_timeout(300)
    frames = [f for f in tab.frames if f != tab.main_frame]
    assert all("Cases" not in (f.content() if f.url.startswith("http") else "") for f in frames)
    served.complaints.clear()
