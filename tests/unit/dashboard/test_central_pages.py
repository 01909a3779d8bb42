"""The pages of a centre: sites beside each other, one site's overview, and what needs the site."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from agent.cli.dashboard import CENTRAL_VARIABLE, SITE_VARIABLE, server_environment
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.domain.access import Role
from agent.domain.account import PAGE_ROLES
from agent.domain.aggregate import au_rate
from agent.store.central_site import SiteAtCentre
from agent.store.outgoing import Outgoing
from agent.sync.run import sync
from dashboard import places, queries, queries_sites
from dashboard.pages import AT_A_CENTRE, SITES, central_pages, pages_for
from dashboard.places import Afar, key_of, place_of
from dashboard.queries import Period
from dashboard.text import LANGUAGES, Text, catalogue
from tests.browser import seed
from tests.central import prepared
from tests.fakes import FrozenClock
from tests.unit.dashboard.page import draw, said, tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.store.central import Centre

NOW = datetime.now(UTC)
RATE = au_rate("AU12")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a centre: kyoto with two places, osaka, and nara that sent nothing."""
    root = tmp_path_factory.mktemp("centre")
    centre = prepared(root / "central.sqlite", "kyoto", "nara", "osaka")
    for name, zones, crowd in (("kyoto", ("door", "yard"), 9), ("osaka", ("door",), 7)):
        place = seed.fill(root / name, until=NOW, buckets=20, seconds=900, zones=zones, crowd=crowd)
        policy = load_policy(place.policy)
        lives = replace(policy.retention, aggregates=timedelta(days=90))
        there = SiteAtCentre(centre, name)
        named = replace(policy, site=f"Shop in {name}", retention=lives)
        sync(Outgoing(place.aggregates), there, named, FrozenClock(NOW))
    centre.close()
    file = root / "office.toml"
    file.write_text(f'url = "sqlite:///{root}/central.sqlite"\n')
    file.chmod(0o600)
    return root


@pytest.fixture
def office(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return the folder of the pages' accounts; the pages are about the centre."""
    monkeypatch.setenv(places.VARIABLE, str(folder / "office.toml"))
    places.centre.cache_clear()
    monkeypatch.setattr(places._Purged, "at", None)
    yield Site(folder / "office")
    places.centre().close()
    places.centre.cache_clear()


@pytest.fixture(params=sorted(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    """Return each language in turn."""
    return str(request.param)


def test_sites_stand_beside_each_other_coverage_first(
    office: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Each site has its coverage and its rate, in the order of names; nobody is ranked."""
    words = Text(language)
    app = draw("sites", office, monkeypatch, language)
    text = said(app)
    covered, rates = tables(app)

    names = ["Shop in kyoto (kyoto)", "nara", "Shop in osaka (osaka)"]
    assert names == [row[words("sites.site")] for row in covered]
    assert names == [row[words("sites.site")] for row in rates]
    assert "%" in covered[0][words("sites.usable")]
    assert covered[1][words("sites.usable")] == words("sites.nothing")
    assert words("sites.subtitle") in text
    assert text.index(words("sites.coverage")) < text.index(words("sites.rates"))
    assert "nara" in next(one.value for one in app.warning)


def test_a_site_has_the_number_that_its_own_page_has(office: Site, folder: Path) -> None:
    """What stands beside others is what the site's own overview says of the same time."""
    page = queries_sites.beside(places.sites(), Period.DAY)
    own = Site(folder / "kyoto")
    newest = queries.latest(own)
    assert page is not None
    assert newest is not None
    there = queries.overview(own, newest, Period.DAY, None)

    kyoto = page.sites[0].rates[RATE]
    assert kyoto.estimate == there.whole[RATE]
    assert page.sites[0].coverage is not None
    assert page.sites[0].coverage.cells == there.coverage.cells
    assert page.sites[0].coverage.hidden == there.coverage.hidden


def test_a_silent_site_is_named(office: Site) -> None:
    """Who never sent anything is silent, and so is who stopped a day ago."""
    found = places.sites()

    assert [one.name for one in queries_sites.silent(found, NOW)] == ["nara"]
    later = NOW + timedelta(days=1, seconds=1)
    assert [one.name for one in queries_sites.silent(found, later)] == ["kyoto", "nara", "osaka"]


def test_the_overview_is_about_one_site(
    office: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """The same overview as at the site, with a choice of sites, and without its policy."""
    app = draw("overview", office, monkeypatch, language)
    first = said(app)
    app.selectbox(key="site").set_value("nara").run()
    second = said(app)

    assert not app.exception
    assert "Shop in kyoto" in first
    assert Text(language)("coverage.title") in first
    assert Text(language)("coverage.title") not in second
    assert Text(language)("state.empty_title") in second


def test_the_centre_reads_as_the_site_does(office: Site, folder: Path) -> None:
    """Overview, hours, places and comparison are those of the site's own file."""
    here, there = Site(folder / "kyoto"), Afar("kyoto")
    newest = queries.latest(there)
    assert newest is not None
    assert newest == queries.latest(here)

    for zone in (None, "yard"):
        mine, theirs = (queries.overview(p, newest, Period.ALL, zone) for p in (here, there))
        assert mine == theirs
        assert queries.hours(here, newest, RATE, zone, "UTC") == queries.hours(
            there, newest, RATE, zone, "UTC"
        )
    assert queries.places(here, newest, Period.ALL, RATE, "UTC") == queries.places(
        there, newest, Period.ALL, RATE, "UTC"
    )
    assert queries.policy(there) is None
    assert queries.markers(there) == ()


def test_other_pages_say_that_they_need_the_site(
    office: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """What needs records, keys, policy or the agent says where it is to be found."""
    for page in central_pages():
        needs = page.key not in AT_A_CENTRE | {SITES.key}
        assert needs == page.target.startswith("dashboard.views.elsewhere")

    app = draw("elsewhere", office, monkeypatch, language)
    assert Text(language)("sites.elsewhere") in said(app)


@pytest.mark.parametrize("role", sorted(PAGE_ROLES))
def test_nobody_gets_a_page_that_the_role_lacks(role: Role) -> None:
    """A centre adds one page for all, and opens none."""
    own = {page.key for page in pages_for(role)}

    assert {page.key for page in pages_for(role, central=True)} == own | {"sites"}
    assert pages_for(role, central=True)[0] is SITES
    assert SITES.title in catalogue()


def test_a_centre_out_of_reach_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Without the centre both pages say so, and what the sites do meanwhile."""
    file = tmp_path / "office.toml"
    file.write_text('url = "postgresql://office:s3cret-word@127.0.0.1:9/omokage"\n')
    file.chmod(0o600)
    monkeypatch.setenv(places.VARIABLE, str(file))
    places.centre.cache_clear()
    monkeypatch.setattr(places._Purged, "at", None)
    words = Text(language)

    for view in ("sites", "overview"):
        text = said(draw(view, Site(tmp_path), monkeypatch, language))
        assert words("trouble.away", what=words("store.central"))[1:] in text
        assert "s3cret-word" not in text
    places.centre.cache_clear()


def test_an_empty_centre_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without sites, and with sites that sent nothing, the page says who does what."""
    centre: Centre = prepared(tmp_path / "central.sqlite")
    file = tmp_path / "office.toml"
    file.write_text(f'url = "sqlite:///{tmp_path}/central.sqlite"\n')
    file.chmod(0o600)
    monkeypatch.setenv(places.VARIABLE, str(file))
    places.centre.cache_clear()

    assert "central add" in said(draw("sites", Site(tmp_path), monkeypatch))
    assert "central add" in said(draw("overview", Site(tmp_path), monkeypatch))
    centre.add("kyoto", "kyoto")
    assert "omokage sync" in said(draw("sites", Site(tmp_path), monkeypatch))
    centre.close()
    places.centre.cache_clear()


def test_what_is_due_is_not_shown(office: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages have the centre purged before they show it, once an hour."""
    called: list[datetime] = []
    monkeypatch.setattr(places.Centre, "purge", lambda _self, now: called.append(now) or 0)

    places.sites()
    places.sites()

    assert len(called) == 1


def test_the_site_that_serves_pages_is_no_centre_by_accident(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is left over doesn't turn a site's pages into a centre's."""
    monkeypatch.setenv(CENTRAL_VARIABLE, "/somewhere/office.toml")

    assert CENTRAL_VARIABLE == places.VARIABLE
    assert CENTRAL_VARIABLE not in server_environment(tmp_path)
    there = server_environment(tmp_path, tmp_path / "office.toml")
    assert there[CENTRAL_VARIABLE] == str(tmp_path / "office.toml")
    assert there[SITE_VARIABLE] == str(tmp_path)


def test_a_place_survives_the_shared_cache(office: Site) -> None:
    """A key stands for one place, and a site's folder is never taken for a site at the centre."""
    assert place_of(key_of(Afar("kyoto"))) == Afar("kyoto")
    assert place_of(key_of(office)) == office


def test_a_folder_with_a_strange_name_is_no_site_at_a_centre(tmp_path: Path) -> None:
    """Where the pages are about a site, no folder's name leads to a centre."""
    assert place_of("central:kyoto") == Site(type(tmp_path)("central:kyoto"))
