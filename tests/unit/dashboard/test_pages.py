"""The overview page in each of its states, in both languages."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agent.config.site import Site
from agent.domain.policy import Head
from dashboard import queries
from dashboard.text import LANGUAGES, Text
from tests import signed_in
from tests.browser import seed
from tests.unit.dashboard.page import said, tables

APP = Path(queries.__file__).with_name("app.py")


def run(site: Site, monkeypatch: pytest.MonkeyPatch, language: str = "en") -> AppTest:
    """Run the app on a site and return it; an exception on the page fails the test."""
    monkeypatch.setenv(queries.SITE_VARIABLE, str(site.root))
    signed_in.sign_in(monkeypatch, site.root)
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params["lang"] = language
    app.run()
    assert not app.exception
    return app


def now() -> datetime:
    """Return the present; the page compares with the machine's clock."""
    return datetime.now(UTC)


@pytest.fixture
def bare(tmp_path: Path) -> Site:
    """Return a site with rules but without any release."""
    site = Site(tmp_path)
    shutil.copy(seed.DEMO, site.policy)
    return site


@pytest.fixture(params=sorted(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    """Return each language in turn."""
    return str(request.param)


def test_nothing_released_says_when(
    bare: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Before the first release the page says when the first numbers come."""
    words = Text(language)
    text = said(run(bare, monkeypatch, language))

    assert words("state.empty_title") in text
    assert words.duration(30) in text


def test_filled_page_shows_coverage_rates_and_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """With releases there are coverage, AU rates with FACS numbers, categories and terms."""
    words = Text(language)
    site = seed.fill(tmp_path, until=now(), buckets=30, crowd=7)
    app = run(site, monkeypatch, language)
    text = said(app)

    for key in ("coverage.title", "movement.title", "emotion.title", "hidden.title"):
        assert words(key) in text
    assert words("emotion.caveat") in text
    assert words("au.AU12") in text
    assert "AU12" in text
    assert "Lip corner puller" in text
    assert seed.MODELS[1] in text
    assert words("footer.legal") in text
    assert next(m.label for m in app.metric) == words("coverage.observed")


def test_coverage_comes_before_any_number_about_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first heading of the page is coverage."""
    site = seed.fill(tmp_path, until=now(), buckets=10, crowd=7)
    headings = [m.value for m in run(site, monkeypatch).markdown if m.value.startswith("## ")]

    assert headings[0] == f"## {Text('en')('coverage.title')}"


def test_every_chart_has_a_table_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are as many tables as charts."""
    site = seed.fill(tmp_path, until=now(), buckets=10, crowd=7)
    app = run(site, monkeypatch)

    assert len(tables(app)) == len(app.get("vega_lite_chart")) == 8


def test_fully_suppressed_page_shows_no_face_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """With one face at a time, coverage stays and everything about faces says it is hidden."""
    words = Text(language)
    site = seed.fill(tmp_path, until=now(), buckets=10, crowd=0)
    text = said(run(site, monkeypatch, language))

    assert words("movement.none") in text
    assert words("emotion.none") in text
    assert words("hidden.reason_too_few_persons", k=2) in text
    assert words("au.AU12") not in text
    assert f"{words('coverage.hidden')} {words.percent(1)}" in text


def test_old_numbers_are_called_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """When the agent is down, the page shows the last numbers and says how old they are."""
    site = seed.fill(tmp_path, until=now() - timedelta(hours=3, minutes=1), buckets=10, crowd=7)
    text = said(run(site, monkeypatch, language))

    assert Text(language).duration(3 * 3600) in text
    assert "omokage status" in text


def test_fresh_numbers_carry_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page with a recent release doesn't cry wolf."""
    site = seed.fill(tmp_path, until=now(), buckets=4, seconds=3600, crowd=7)

    assert not run(site, monkeypatch).warning


def test_corrupt_database_says_what_to_do(
    bare: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """A broken file gives advice instead of a traceback."""
    bare.aggregates.parent.mkdir()
    bare.aggregates.write_bytes(b"no database" * 500)
    app = run(bare, monkeypatch, language)

    assert "omokage run" in app.error[0].value
    assert Text(language)("trouble.detail") in app.error[0].value
    assert not app.metric


def test_newer_schema_says_upgrade(
    bare: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """A database of a newer Omokage asks for an upgrade."""
    seed.fill(bare.root, until=now(), buckets=2)
    with sqlite3.connect(bare.aggregates) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    app = run(bare, monkeypatch, language)

    upgrade = {"en": "Upgrade Omokage", "ja": "Omokageを更新"}
    assert upgrade[language] in app.error[0].value


def test_locked_database_is_not_a_crash(bare: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the file is locked, the page says so and tries again."""
    seed.fill(bare.root, until=now(), buckets=2)
    monkeypatch.setattr("agent.store.aggregates.READER_PATIENCE_SECONDS", 0.05)
    holder = sqlite3.connect(bare.aggregates)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert "Another program is using" in run(bare, monkeypatch).error[0].value
    finally:
        holder.close()


def test_missing_policy_leaves_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a readable policy file the released numbers stand, and the footer says so."""
    site = seed.fill(tmp_path, until=now(), buckets=10, crowd=7)
    site.policy.unlink()
    text = said(run(site, monkeypatch))

    assert Text("en")("footer.unknown") in text
    assert Text("en")("au.AU12") in text


def test_a_policy_without_emotion_has_no_categories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the head isn't allowed there is a sentence instead of charts."""
    rules = replace(seed.policy(), heads=frozenset({Head.AU}))
    monkeypatch.setattr(seed, "policy", lambda *_: rules)
    site = seed.fill(tmp_path, until=now(), buckets=10, crowd=7)
    text = said(run(site, monkeypatch))

    assert Text("en")("emotion.not_computed") in text
    assert Text("en")("emotion.anger") not in text
    assert Text("en")("derived.attention") in text


def test_zone_and_period_change_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choosing one place and all time is said in the page's first line."""
    site = seed.fill(tmp_path, until=now(), buckets=40, zones=("door", "yard"), crowd=8)
    app = run(site, monkeypatch)
    app.selectbox(key="zone").set_value("yard")
    app.segmented_control(key="period").set_value(queries.Period.ALL)
    app.run()

    line = next(c.value for c in app.caption if "buckets of" in c.value)
    assert "yard" in line
    assert "40 buckets" in line


def test_language_switch_is_kept_in_the_address(
    bare: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Choosing Japanese changes the words and the address."""
    app = run(bare, monkeypatch, "en")
    app.segmented_control(key="language").set_value("ja").run()

    assert Text("ja")("state.empty_title") in said(app)
    assert app.query_params["lang"] in ("ja", ["ja"])
