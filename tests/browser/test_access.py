"""Whether everybody can use the pages: axe-core's judgement, in both themes and languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.domain.access import Role
from dashboard.pages import PAGES
from dashboard.text import Text
from dashboard.views import access_log, policy
from tests.browser import seed_agent, seed_whole, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
GRAVE = {"serious", "critical"}
LOOKS = (("en", "en-GB", "light", 1366), ("ja", "ja-JP", "dark", 390))
"""Language, locale, theme and width: each theme is judged on every page."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a site that has something on each page."""
    return seed_whole.fill_whole(tmp_path_factory.mktemp("site"), reviewed=True).root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    """Serve the site and return its address."""
    with serving.serve(root) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a headless Chromium, or skip."""
    with serving.chromium() as browser:
        yield browser


def judged(page: Any) -> list[str]:
    """Return axe-core's serious findings on a page, each with the parts that it names."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in found
        if one["impact"] in GRAVE
    ]


def states(page: Any) -> Iterator[str]:
    """Bring a page into each of its states: tab by tab, with everything unfolded that is closed."""
    tabs = page.locator("[data-testid=stTab]")
    for number in range(max(1, tabs.count())):
        name = "page"
        if tabs.count():
            name = tabs.nth(number).inner_text()
            tabs.nth(number).click()
            page.locator("[role=tabpanel]:visible").first.wait_for()
        folded = page.locator("details:not([open]) > summary:visible")
        for _ in range(folded.count()):
            folded.first.click()
        serving.loaded(page)
        page.wait_for_timeout(400)  # what unfolds does so slowly
        yield name


ENGLISH = """() => [...document.querySelectorAll("[aria-label], [placeholder]")]
  .filter((node) => node.checkVisibility() && !node.closest("[aria-hidden=true]"))
  .flatMap((node) => [node.ariaLabel, node.placeholder])
  .filter((text) => /[a-z]{3}/.test(text ?? "") && !/[\u3040-\u30ff\u4e00-\u9fff]/.test(text))"""
"""What a Japanese page says in other words to who can't see it."""


@pytest.mark.parametrize(("language", "locale", "scheme", "width"), LOOKS)
def test_no_page_has_a_serious_fault(
    address: str, browser: Any, language: str, locale: str, scheme: str, width: int
) -> None:
    """Each tab of each page, unfolded, is free of serious findings, fits, and names its tongue."""
    faults: dict[str, object] = {}
    seen = set()
    judgements = 0
    for role in (Role.AUDITOR, Role.REVIEWER):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, locale=locale, color_scheme=scheme
        )
        page = context.new_page()
        serving.sign_in(page, address, seed_whole.NAMES[role])
        for one in PAGES:
            if role not in one.roles or one.key in seen:
                continue
            seen.add(one.key)
            page.goto(f"{address}/{one.url_path}?lang={language}")
            serving.settle(page)
            for state in states(page):
                judgements += 1
                if found := judged(page):
                    faults[f"{one.key}, {state}"] = found
                if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                    faults[f"{one.key}, {state}, is wider than the screen"] = wide
                if language == "ja" and (foreign := page.evaluate(ENGLISH)):
                    faults[f"{one.key}, {state}, is read out in English"] = foreign
            page.locator(f"html[lang={language}]").wait_for(state="attached")
        context.close()

    assert faults == {}
    assert seen == {page.key for page in PAGES}
    assert judgements == len(PAGES) + (len(policy.TABS) - 1) + (len(access_log.TABS) - 1)


FOCUSED = """() => {
  const there = document.activeElement;
  const ringed = [there, there.parentElement].some((node) => {
    const style = getComputedStyle(node);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  });
  return { name: there.getAttribute("aria-label") || there.innerText || there.tagName, ringed,
    part: there.closest("[data-testid=stSidebar]") ? "side"
      : there.closest("[data-testid=stMain]") ? "main" : "top" };
}"""
"""What has the focus, whether a ring marks it, and where on the page it is."""


def opened(address: str, browser: Any, path: str) -> Any:
    """Return a page in a browser of its own, as a Japanese manager sees it on a laptop."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="ja-JP")
    page = context.new_page()
    serving.sign_in(page, address, seed_whole.NAMES[Role.MANAGER])
    page.goto(f"{address}/{path}?lang=ja")
    serving.settle(page)
    return page


def test_the_keyboard_goes_through_a_page_in_order(address: str, browser: Any) -> None:
    """First a way past the navigation, then side, then page; each stop is marked as such."""
    words = Text("ja")
    page = opened(address, browser, "overview")
    page.get_by_text(words("shell.skip")).wait_for(state="attached")
    stops = []
    for _ in range(30):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
    page.goto(f"{address}/overview?lang=ja")
    serving.settle(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    after = page.evaluate(FOCUSED)
    page.context.close()
    parts = [stop["part"] for stop in stops]

    assert stops[0]["name"] == words("shell.skip")
    assert parts == sorted(parts, key=["top", "side", "main"].index)
    assert [stop["name"] for stop in stops if not stop["ringed"]] == []
    assert words("coverage.observed") in "".join(stop["name"] for stop in stops)
    assert after["part"] == "main"


def test_a_list_that_opens_speaks_the_pages_language(address: str, browser: Any) -> None:
    """Also what the page server writes by itself; a place of the same name stays as it is."""
    words = Text("ja")
    page = opened(address, browser, "overview")
    page.locator("[data-testid=stSelectbox] input").first.click()
    place = page.get_by_role("option", name="checkout").locator("div").element_handle()
    place.evaluate("(there) => { there.firstChild.nodeValue = 'No results' }")
    page.wait_for_timeout(1_200)  # two rounds of the page's own script
    untouched = place.inner_text()
    page.keyboard.press("Escape")
    for kind, sentence in (
        ("stMultiSelect", words("served.too_many", n=3)),
        ("stSelectbox", words("served.nothing")),
    ):
        field = page.locator(f"[data-testid={kind}] input").first
        field.click()
        page.keyboard.type("zzz")
        page.get_by_text(sentence).wait_for()
        page.keyboard.press("Escape")
    page.context.close()

    assert untouched == "No results"


def test_the_focus_stays_where_it_is_while_the_page_refreshes(
    address: str, browser: Any, root: Path
) -> None:
    """What refreshes by itself keeps what is unfolded, and the keyboard stays on it."""
    words = Text("ja")
    page = opened(address, browser, "live")
    heading = page.locator("summary", has_text=words("fact.title"))
    heading.focus()
    page.keyboard.press("Enter")
    page.get_by_text("15,321").wait_for()
    site, now = Site(root), seed_agent.present()
    digest = load_policy(site.policy).digest
    seed_agent.write_report(site, seed_agent.report(now, digest, stored_records=16_002))
    page.get_by_text("16,002").wait_for()
    stays = heading.evaluate("(there) => there === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    back = heading.evaluate("(there) => there === document.activeElement")
    page.context.close()

    assert stays
    assert back


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_has_no_serious_fault(address: str, browser: Any, scheme: str) -> None:
    """Nor has the sign-in page, before and after a wrong password."""
    context = browser.new_context(locale="ja-JP", color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    before = judged(page)
    serving.sign_in(page, address, "hana", "not the password")
    after = judged(page)

    assert page.get_by_role("alert").inner_text() == Text("ja")("signin.wrong")
    assert (before, after) == ([], [])
    context.close()
