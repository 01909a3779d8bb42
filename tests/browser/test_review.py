"""A reviewer codes a clip with the keyboard alone, in a real browser, and it is in the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from agent.domain.access import Action, Role
from agent.domain.facs import AU_LABELS
from agent.domain.review import Mark, Verdict
from agent.store.access_log import AccessReader
from agent.store.access_reader import AccessQuery
from agent.store.reviews import ReviewReader
from dashboard.text import Text
from tests.browser import seed_review, serving
from tests.browser.test_access import judged
from tests.reviewing import PASSPHRASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

IN_PLAYER = "document.activeElement.shadowRoot"
"""The keyboard's focus is somewhere in the player."""
AT_AN_ANSWER = f"{IN_PLAYER}?.activeElement?.type === 'radio'"
"""It is there at an answer, where keys are answers."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site with clips of the demo's faces and two accounts."""
    found = seed_review.fill(tmp_path_factory.mktemp("site"), datetime.now(UTC), seconds=30)
    serving.add_account(found.root, "sato", Role.REVIEWER)
    serving.add_account(found.root, "hana", Role.MANAGER)
    return found


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    """Serve it."""
    with serving.serve(site.root) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a headless Chromium, or skip."""
    with serving.chromium() as browser:
        yield browser


def keys(page: Any, *pressed: str) -> None:
    """Press keys one after the other."""
    for key in pressed:
        page.keyboard.press(key)


def open_review(browser: Any, address: str, language: str, width: int) -> tuple[Any, set[Any]]:
    """Sign in, go to the page by its link and unlock it; return the page and all hosts asked."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, locale="ja-JP" if language == "ja" else "en-GB"
    )
    page = context.new_page()
    page.set_default_timeout(serving.PATIENCE_SECONDS * 1000)
    hosts: set[Any] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    serving.sign_in(page, address, "sato")
    page.goto(f"{address}/review?lang={language}")
    page.locator("input[type=password]").first.fill(PASSPHRASE)
    page.keyboard.press("Enter")
    page.locator(".player .answers").first.wait_for()
    return page, hosts


def test_a_clip_is_reviewed_by_keyboard(site: Site, browser: Any, address: str) -> None:
    """Coding blind, seeing the label, judging, submitting: no mouse, and all of it is stored."""
    words = Text("ja")
    page, hosts = open_review(browser, address, "ja", 1366)
    page.wait_for_function(AT_AN_ANSWER)
    assert page.locator(".player .compare").count() == 0
    page.locator(".player .face svg").wait_for()
    keys(page, "1", "3", "2")  # AU01 present, AU02 can't be seen, AU04 absent
    keys(page, "1", "u")  # a slip, taken back
    keys(page, "r", "0")  # the rest is absent; the class can't be told
    page.get_by_text(words("review.board.complete")).wait_for()
    keys(page, "Enter")
    page.locator(".player .compare").first.wait_for()
    page.wait_for_function(IN_PLAYER)
    keys(page, "End", " ")  # once more, from the start
    page.get_by_role("button", name=words("review.board.pause"), exact=True).wait_for()
    keys(page, "a")
    page.get_by_role("button", name=words("review.step.submit")).wait_for()
    keys(page, "Control+Enter")
    page.get_by_text(words("review.thanks")).wait_for()
    page.locator(".player .answers").first.wait_for()
    page.context.close()

    (stored,) = ReviewReader(site.reviews).reviews()
    marks = dict(zip(AU_LABELS, stored.review.coding.marks, strict=True))
    assert (Mark.PRESENT, Mark.UNSEEN) == (marks.pop("AU01"), marks.pop("AU02"))
    assert {Mark.ABSENT} == set(marks.values())
    assert stored.review.coding.expression is None
    assert Verdict.ACCEPT is stored.review.verdict
    assert "sato" == stored.review.reviewer
    log = AccessReader(site.access_log)
    (entry,) = log.entries(AccessQuery(action=Action.REVIEWED))
    assert (stored.review.clip.id.bucket, f"review:{stored.digest}") == entry.event.objects
    assert log.count(AccessQuery(action=Action.UNLOCKED)) == 1
    assert hosts <= {"127.0.0.1", None, ""}


def stop_at(page: Any, name: str, most: int = 60) -> None:
    """Press Tab until what has the focus bears a name."""
    for _ in range(most):
        page.keyboard.press("Tab")
        there = page.evaluate(
            "(() => { let a = document.activeElement;"
            " while (a.shadowRoot?.activeElement) a = a.shadowRoot.activeElement;"
            " const text = a.matches('a, button, summary') ? a.innerText : '';"
            " return `${a.getAttribute('aria-label') ?? ''} ${text}` })()"
        )
        if name in there:
            return
    pytest.fail(f"the keyboard doesn't reach {name}")


def test_the_whole_way_needs_no_mouse(site: Site, browser: Any, address: str) -> None:
    """From the form over the navigation and the passphrase to a judgement and the lock."""
    words = Text("en")
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(serving.PATIENCE_SECONDS * 1000)
    before = len(ReviewReader(site.reviews).reviews())
    page.goto(address)
    page.locator("#name:focus").wait_for()  # the form puts it there, a moment after it is loaded
    page.keyboard.type("sato")
    keys(page, "Tab")
    page.keyboard.type(serving.PASSWORD)
    keys(page, "Enter")
    page.get_by_role("link", name=words("review.title")).first.wait_for()
    stop_at(page, words("review.title"))
    keys(page, "Enter")
    page.get_by_text(words("review.locked.title")).wait_for()
    stop_at(page, words("review.locked.passphrase"))
    page.keyboard.type(PASSPHRASE)
    stop_at(page, words("review.locked.unlock"))
    keys(page, "Enter")
    page.locator(".player .answers").first.wait_for()
    page.wait_for_function(AT_AN_ANSWER)
    keys(page, "r", "1", "Enter")
    page.locator(".player .compare").first.wait_for()
    page.wait_for_function(IN_PLAYER)
    stop_at(page, words("review.verdict.accept"))
    keys(page, "Enter")
    page.locator("button:not([disabled])", has_text=words("review.step.submit")).wait_for()
    stop_at(page, words("review.step.submit"))
    keys(page, "Enter")
    page.get_by_text(words("review.thanks")).wait_for()
    page.locator(".player .answers").first.wait_for()
    page.wait_for_function(AT_AN_ANSWER)
    stop_at(page, words("review.lock"))
    keys(page, "Enter")
    page.get_by_text(words("review.locked.title")).wait_for()
    context.close()

    assert len(ReviewReader(site.reviews).reviews()) == before + 1


def test_a_mind_can_be_changed_until_it_is_submitted(
    site: Site, browser: Any, address: str
) -> None:
    """Reject, then fix instead: one answer corrected by keyboard, and only the last word counts."""
    words = Text("en")
    page, _ = open_review(browser, address, "en", 1366)
    page.locator(".player input[type=radio]").first.focus()
    keys(page, "r", "1")  # all absent, neutral
    page.get_by_text(words("review.board.complete")).wait_for()
    keys(page, "Enter")
    page.locator(".player .compare").first.wait_for()
    keys(page, "j")
    page.get_by_text(words("review.reason.talking")).wait_for()
    keys(page, "f")
    page.locator(".player .answers label.said").first.wait_for()
    blocked = page.get_by_role("button", name=words("review.step.submit")).is_disabled()
    page.locator(".player input[name=mark-AU12]").nth(1).focus()
    keys(page, "1", "Enter")
    page.get_by_text(words("review.step.fixed")).wait_for()
    keys(page, "Control+Enter")
    page.get_by_text(words("review.thanks")).wait_for()
    page.locator(".player .answers").first.wait_for()
    page.context.close()

    assert blocked
    stored = ReviewReader(site.reviews).reviews()[-1].review
    place = AU_LABELS.index("AU12")
    assert Verdict.FIX is stored.verdict
    assert {Mark.ABSENT} == set(stored.coding.marks)
    assert stored.final is not None
    assert Mark.PRESENT is stored.final.marks[place]
    assert "neutral" == stored.coding.expression == stored.final.expression


def test_on_a_phone_the_page_is_as_wide_as_the_phone(browser: Any, address: str) -> None:
    """Nothing sticks out sideways, and the face is drawn; locking takes it away."""
    words = Text("en")
    page, _ = open_review(browser, address, "en", 390)
    wide = page.evaluate(
        "Math.max(document.documentElement.scrollWidth,"
        " document.querySelector('[data-testid=stMain]').scrollWidth)"
    )
    drawn = page.locator(".player .face svg path").count()
    # Far down among the answers the face is still in view, below the page's header.
    page.locator(".player .track").last.scroll_into_view_if_needed()
    face = page.locator(".player .face svg").bounding_box()
    page.get_by_role("button", name=words("review.lock"), exact=False).first.click()
    page.get_by_text(words("review.locked.title")).wait_for()
    page.locator(".player").wait_for(state="detached")
    left = page.locator(".player").count()
    page.context.close()

    assert wide <= 390
    assert drawn > 20
    assert face["y"] >= 55
    assert face["y"] + face["height"] < 400
    assert 0 == left


def test_a_manager_has_no_review_page(browser: Any, address: str) -> None:
    """Its address leads a manager nowhere near a passphrase, and the player isn't sent."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(serving.PATIENCE_SECONDS * 1000)
    serving.sign_in(page, address, "hana")
    page.goto(f"{address}/review?lang=en")
    page.get_by_text("Omokage").first.wait_for()
    page.wait_for_timeout(2_000)
    fields, text = page.locator("input[type=password]").count(), page.inner_text("body")
    context.close()

    assert 0 == fields
    assert Text("en")("review.locked.title") not in text


def test_everything_fits_on_a_laptop(browser: Any, address: str) -> None:
    """Face, curves, answers and the button are on one screen of 1366 x 768 without scrolling."""
    page, _ = open_review(browser, address, "ja", 1366)
    page.set_viewport_size({"width": 1366, "height": 768})
    lowest = [
        page.locator(name).last.bounding_box()
        for name in (".player .track", ".player .buttons .primary", ".player .face svg")
    ]
    page.context.close()

    assert all(box["y"] > 0 and box["y"] + box["height"] <= 768 for box in lowest)


@pytest.mark.parametrize(("language", "width"), [("en", 1366), ("ja", 390)])
def test_every_step_can_be_used_by_everybody(
    browser: Any, address: str, language: str, width: int
) -> None:
    """Coding, comparing and correcting have no serious fault by axe-core's judgement."""
    page, _ = open_review(browser, address, language, width)
    found = {"code": judged(page)}
    page.locator(".player input[type=radio]").first.focus()
    keys(page, "r", "1", "Enter")
    page.locator(".player .compare").first.wait_for()
    page.wait_for_timeout(500)
    found["show"] = judged(page)
    keys(page, "j")
    page.get_by_text(Text(language)("review.reason.talking")).wait_for()
    page.wait_for_timeout(500)
    found["reasons"] = judged(page)
    keys(page, "f")
    page.locator(".player .answers label.said").first.wait_for()
    page.wait_for_timeout(500)
    found["fix"] = judged(page)
    page.context.close()

    assert {"code": [], "show": [], "reasons": [], "fix": []} == found
