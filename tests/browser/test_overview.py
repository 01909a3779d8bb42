"""The overview in a real browser: it shows, it speaks both languages, it phones nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from agent.domain.access import Role
from dashboard.text import Text
from tests.browser import seed, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a seeded site and return its address."""
    site = seed.fill(tmp_path_factory.mktemp("site"), until=datetime.now(UTC), buckets=40, crowd=7)
    serving.add_account(site.root, "hana", Role.MANAGER)
    with serving.serve(site.root) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a headless Chromium, or skip."""
    with serving.chromium() as browser:
        yield browser


@pytest.mark.parametrize(
    ("locale", "language", "scheme", "width"),
    [("en-GB", "en", "light", 1366), ("ja-JP", "ja", "dark", 390)],
)
def test_overview_in_a_browser(  # one case is one kind of visitor
    address: str, browser: Any, locale: str, language: str, scheme: str, width: int
) -> None:
    """Coverage and AU names appear in the visitor's language; no error, no foreign request."""
    words = Text(language)
    context = browser.new_context(
        viewport={"width": width, "height": 800}, locale=locale, color_scheme=scheme
    )
    page = context.new_page()
    page.set_default_timeout(serving.PATIENCE_SECONDS * 1000)
    errors: list[str] = []
    hosts: set[str | None] = set()
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.on("websocket", lambda ws: hosts.add(urlsplit(ws.url).hostname))
    serving.sign_in(page, address, "hana")
    page.get_by_text(words("coverage.title")).wait_for()
    page.get_by_text(words("emotion.caveat")).wait_for()
    page.get_by_text(f"{words('au.AU25')} · AU25").first.wait_for(state="attached")
    page.locator("[role=graphics-document][aria-label]").nth(5).wait_for(state="attached")
    # By its words: charts arrive in no fixed order.
    named = f"[role=graphics-document][aria-label*='{words('au.AU25')}']"
    page.locator(named).first.wait_for(state="attached")
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.wait_for_timeout(6_000)  # one refresh by itself
    context.close()

    assert errors == []
    assert hosts <= {"127.0.0.1", None, ""}
    assert wide <= width
