"""Signing in, in a real browser: who sees what, and what is left when somebody leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from agent.config.site import Site
from agent.domain.access import Role
from agent.store.access_log import AccessReader
from agent.store.accounts import AccountBook
from dashboard.auth.sessions import Ending
from dashboard.pages import PAGES
from dashboard.text import Text
from tests.browser import seed, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
EN = Text("en")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a site's folder with an account for each of three persons."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "policy.toml").write_bytes(seed.DEMO.read_bytes())
    for name, role in (("hana", Role.MANAGER), ("ren", Role.REVIEWER), ("aoi", Role.AUDITOR)):
        serving.add_account(folder, name, role)
    return folder


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


@pytest.fixture
def person(browser: Any) -> Iterator[Any]:
    """Return what opens a page of a browser of its own, with its own cookies."""
    contexts = []

    def page(**options: Any) -> Any:
        context = browser.new_context(**({"locale": "en-GB"} | options))
        context.set_default_timeout(serving.PATIENCE_SECONDS * 1000)
        contexts.append(context)
        return context.new_page()

    yield page
    for context in contexts:
        context.close()


def who(page: Any) -> Any:
    """Return the line that says who is signed in."""
    return page.locator("[data-testid=stSidebar] [data-testid=stCaptionContainer]").first


def links(page: Any) -> set[str]:
    """Return the paths in the navigation."""
    found = page.locator("[data-testid=stSidebarNavLink]").all()
    return {urlsplit(link.get_attribute("href")).path for link in found}


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("locale", "language"), [("en-GB", "en"), ("ja-JP", "ja")])
def test_the_form_speaks_the_visitors_language_and_fits(
    address: str, person: Any, locale: str, language: str, scheme: str, width: int
) -> None:
    """Labels, title and language fit; nothing is wider than the screen; no script is needed."""
    words = Text(language)
    page = person(
        locale=locale,
        color_scheme=scheme,
        viewport={"width": width, "height": 768},
        java_script_enabled=False,
    )
    page.goto(address)

    assert page.get_by_label(words("signin.name")).is_visible()
    assert page.get_by_label(words("signin.password")).is_visible()
    assert page.locator("html").get_attribute("lang") == language
    assert words("signin.title") in page.title()
    assert page.locator("main").bounding_box()["width"] <= width


def test_signing_in_without_a_script_leads_to_the_page(address: str, person: Any) -> None:
    """The form works as plain HTML; only what comes after it needs scripts."""
    page = person(java_script_enabled=False)
    serving.sign_in(page, f"{address}/live", "hana")

    assert urlsplit(page.url).path == "/live"
    assert "/auth/watch.js" in page.content()


def test_two_browsers_see_two_users(address: str, person: Any) -> None:
    """Each browser is its own user, with that user's pages and its own state."""
    first, second = person(), person()
    serving.sign_in(first, address, "hana")
    who(first).get_by_text("hana").wait_for()
    serving.sign_in(second, address, "ren")
    who(second).get_by_text("ren").wait_for()
    second.get_by_role("radio", name="日本語").or_(
        second.get_by_role("button", name="日本語")
    ).first.click()
    second.get_by_role("button", name=Text("ja")("account.sign_out")).wait_for()
    first.reload()
    who(first).get_by_text("hana").wait_for()

    first.get_by_role("button", name=EN("account.sign_out")).wait_for()

    assert "ren" not in first.locator("[data-testid=stSidebar]").inner_text()
    assert "hana" not in second.locator("[data-testid=stSidebar]").inner_text()
    assert links(first) <= _paths(Role.MANAGER)
    assert links(second) <= _paths(Role.REVIEWER)


def _paths(role: Role) -> set[str]:
    mine = [page for page in PAGES if role in page.roles]
    return {"/", *(f"/{page.url_path}" for page in mine)}


def test_a_manager_cannot_reach_a_reviewers_page_by_its_address(address: str, person: Any) -> None:
    """The address of a page that isn't the user's leads to none."""
    page = person()
    foreign = [p.url_path for p in PAGES if Role.MANAGER not in p.roles] or ["review"]
    serving.sign_in(page, address, "hana")
    who(page).get_by_text("hana").wait_for()
    for path in foreign:
        page.goto(f"{address}/{path}")
        page.get_by_role("dialog").get_by_text("Page not found").wait_for()

        assert f"/{path}" not in links(page)


def test_a_wrong_password_says_nothing_about_the_account(address: str, person: Any) -> None:
    """An unknown name and a wrong password look the same, and there is no session."""
    said = []
    for name in ("hana", "nobody"):
        page = person()
        serving.sign_in(page, address, name, "not the password")
        said.append(page.get_by_role("alert").inner_text())

        assert len(page.context.cookies()) == 1  # the form's

    assert said == [EN("signin.wrong")] * 2


def test_signing_out_leaves_all_tabs_and_the_log_knows(
    address: str, person: Any, root: Path
) -> None:
    """All tabs go to the form, going back shows nothing, and the log has both ends."""
    page = person()
    serving.sign_in(page, address, "aoi")
    who(page).get_by_text("aoi").wait_for()
    other = page.context.new_page()
    other.goto(address)
    who(other).get_by_text("aoi").wait_for()
    other.get_by_role("button", name=EN("account.sign_out")).click()
    other.wait_for_url("**/signin**")
    page.bring_to_front()
    page.wait_for_url("**/signin**")
    page.goto(f"{address}/overview")
    told = [(e.action.value, e.purpose) for e in _events(root) if e.actor == "aoi"]

    assert page.locator("#password").is_visible()
    assert other.get_by_role("status").inner_text() == EN("signin.signed_out")
    assert told == [("signed-out", "signed-out"), ("signed-in", "pages")]


def _events(root: Path) -> list[Any]:
    return [entry.event for entry in AccessReader(Site(root).access_log).entries()]


def test_a_disabled_account_is_out_at_once_and_stays_out(
    address: str, person: Any, root: Path
) -> None:
    """Disabling ends the open session within seconds; the password doesn't help any more."""
    serving.add_account(root, "gone", Role.MANAGER)
    page = person()
    serving.sign_in(page, address, "gone")
    who(page).get_by_text("gone").wait_for()
    book = AccountBook(Site(root).accounts)
    book.change("gone", book.read()["gone"].changed, disabled=True)
    page.wait_for_url("**/signin**")
    serving.sign_in(page, address, "gone")

    assert page.get_by_role("alert").inner_text() == EN("signin.wrong")


def test_an_idle_page_is_locked(person: Any, tmp_path: Path) -> None:
    """Without a key or a movement the page locks itself, though it refreshes all the while."""
    (tmp_path / "policy.toml").write_bytes(seed.DEMO.read_bytes())
    serving.add_account(tmp_path, "hana", Role.MANAGER)
    with serving.serve(tmp_path, idle_minutes=0.25) as address:
        page = person()
        serving.sign_in(page, address, "hana")
        who(page).get_by_text("hana").wait_for()
        page.wait_for_url("**/signin**")

        assert Ending.IDLE.value in page.url
        assert page.get_by_role("status").is_visible()


def test_no_account_yet_says_which_command_makes_one(person: Any, tmp_path: Path) -> None:
    """The first start shows the command instead of a form that nobody could fill in."""
    with serving.serve(tmp_path) as address:
        page = person()
        page.goto(address)

        assert page.locator("input:visible").count() == 0
        assert "omokage users add" in page.locator("pre").inner_text()


def test_the_demos_link_needs_no_account(person: Any, tmp_path: Path) -> None:
    """Its link opens the pages of each role; without it there is no way in."""
    (tmp_path / "policy.toml").write_bytes(seed.DEMO.read_bytes())
    with serving.serve(tmp_path, variables={"OMOKAGE_DEMO_KEY": "a-key"}) as address:
        page, stranger = person(), person()
        page.goto(f"{address}/enter?key=a-key")
        page.locator("[data-testid=stSidebar]").get_by_role(
            "link", name=EN("role.reviewer")
        ).click()
        page.locator("[data-testid=stSidebar] b", has_text=EN("role.reviewer")).wait_for()
        stranger.goto(f"{address}/enter?role=admin")

        assert stranger.get_by_text(EN("signin.demo_title")).is_visible()
        assert len(stranger.context.cookies()) == 1
