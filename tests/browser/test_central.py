"""The pages of a centre in a browser: by axe-core's judgement, and by the address of one site."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from agent.domain.access import Role
from agent.store.central_site import SiteAtCentre
from agent.store.outgoing import Outgoing
from agent.sync.run import sync
from dashboard import places
from dashboard.pages import AT_A_CENTRE, pages_for
from dashboard.text import Text
from tests.browser import seed, serving
from tests.browser.test_access import LOOKS, judged, states
from tests.central import prepared, rules
from tests.fakes import FrozenClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a centre with two sites that sent numbers and one that is silent."""
    root, now = tmp_path_factory.mktemp("centre"), datetime.now(UTC)
    with prepared(root / "central.sqlite", "kyoto", "nara", "osaka") as centre:
        for name, crowd in (("kyoto", 9), ("osaka", 4)):
            made = seed.fill(root / name, until=now, buckets=40, seconds=900, crowd=crowd)
            there = SiteAtCentre(centre, name)
            policy = rules(keep=timedelta(days=90))
            sync(Outgoing(made.aggregates), there, policy, FrozenClock(now))
    with serving.serve(office(root), variables={places.VARIABLE: str(root / "office.toml")}) as at:
        yield at


def office(root: Path) -> Path:
    """Make a folder with an auditor's account, and the address of the centre."""
    (root / "office" / "state").mkdir(parents=True)
    serving.add_account(root / "office", "hana", Role.AUDITOR)
    file = root / "office.toml"
    file.write_text(f'url = "sqlite:///{root}/central.sqlite"\n')
    file.chmod(0o600)
    return root / "office"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a headless Chromium, or skip."""
    with serving.chromium() as browser:
        yield browser


@pytest.mark.parametrize(("language", "locale", "scheme", "width"), LOOKS)
def test_no_page_of_a_centre_has_a_serious_fault(
    address: str, browser: Any, language: str, locale: str, scheme: str, width: int
) -> None:
    """Each page that a centre alone has, unfolded, is free of serious findings, and fits."""
    faults: dict[str, object] = {}
    context = browser.new_context(
        viewport={"width": width, "height": 800}, locale=locale, color_scheme=scheme
    )
    page = context.new_page()
    serving.sign_in(page, address, "hana")
    alike = None
    for one in pages_for(Role.AUDITOR, central=True):
        if one.target == alike or one.key in AT_A_CENTRE:
            continue  # the same pages as at a site are judged there; the other ones look alike
        alike = one.target
        page.goto(f"{address}/{one.url_path}?lang={language}")
        serving.settle(page)
        for state in states(page):
            if found := judged(page):
                faults[f"{one.key}, {state}"] = found
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                faults[f"{one.key}, {state}, is wider than the screen"] = wide
    context.close()

    assert faults == {}


def test_an_address_leads_to_one_site(address: str, browser: Any) -> None:
    """A link to the overview of a site opens that site, and choosing another changes the link."""
    context = browser.new_context(viewport={"width": 1366, "height": 800}, locale="en-GB")
    page = context.new_page()
    serving.sign_in(page, address, "hana")
    page.goto(f"{address}/overview?site=osaka&lang=en")
    serving.settle(page)
    title = page.locator("h1").first.inner_text()
    page.goto(f"{address}/overview?site=nara&lang=en")
    serving.settle(page)
    empty = page.locator("[data-testid=stMainBlockContainer]").inner_text()

    assert "(osaka)" in title
    assert Text("en")("state.empty_title") in empty
    context.close()
