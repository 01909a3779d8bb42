"""Every page in every bad state of what it reads: drawn, honest, and with something to do."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest

from agent.config.policy_file import load_policy
from agent.domain.access import Role
from dashboard import queries
from dashboard.pages import PAGES, Page
from tests import signed_in
from tests.browser import seed, seed_agent
from tests.unit.dashboard.page import said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.config.site import Site

pytestmark = pytest.mark.slow

STATES = ("aggregates", "segments", "access_log")
"""The databases, by the site's attribute."""
FAULTS = ("corrupt", "newer", "locked", "missing")
DO = {
    "corrupt": ("omokage run", "omokage audit verify"),
    "newer": ("Upgrade Omokage", "newer"),
    "locked": ("Another program is using", "locked"),
    "missing": ("omokage run", "omokage policy start-over", "Come back", "yet"),
}
"""What a page says, in one of these words, if it needs what is broken."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site in which all is well."""
    now = seed_agent.present()
    site = seed.fill(tmp_path, until=now, buckets=4, crowd=7)
    digest = load_policy(site.policy).digest
    seed_agent.write_report(site, seed_agent.report(now, digest))
    seed_agent.seal(site, now, hours=2)
    seed_agent.log(site, now, digest)
    return site


def shown(
    page: Page,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    language: str = "en",
    role: Role | None = None,
) -> str:
    """Draw a page as somebody who may see it, and return what it says."""
    monkeypatch.setenv(queries.SITE_VARIABLE, str(site.root))
    role = role or min(page.roles)
    signed_in.sign_in(monkeypatch, site.root, role)
    app = AppTest.from_function(_script, default_timeout=120, args=(page.key, language, role))
    app.run()
    assert not app.exception, page.key
    assert app.title
    return said(app)


def _script(key: str, language: str, role: str) -> None:
    from agent.domain.access import Role
    from agent.domain.account import User
    from dashboard.pages import PAGES
    from dashboard.text import Text

    page = next(page for page in PAGES if page.key == key)
    page.load()(Text(language), User("kato", Role(role)))


@contextmanager
def broken(path: Path, fault: str) -> Iterator[None]:
    """Keep a database in a bad state."""
    if fault == "corrupt":
        for part in path.parent.glob(f"{path.name}-*"):
            part.unlink()
        path.write_bytes(b"no database" * 500)
    elif fault == "newer":
        with closing(sqlite3.connect(path)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                connection.execute("UPDATE meta SET number = 99 WHERE name = 'schema'")
            else:
                connection.execute("PRAGMA user_version=99")
            connection.commit()
    elif fault == "missing":
        for part in path.parent.glob(f"{path.name}*"):
            part.unlink()
    if fault != "locked":
        yield
        return
    with closing(sqlite3.connect(path)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        yield


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have readers give up at once on a locked database."""
    monkeypatch.setattr("agent.store.aggregates.READER_PATIENCE_SECONDS", 0.05)


NEEDS = {
    ("overview", "aggregates"),
    ("live", "aggregates"),
    ("policy", "aggregates"),
    ("policy", "segments"),
    ("policy", "access_log"),
    ("access_log", "access_log"),
    ("report", "aggregates"),
}
"""What a page can't do without."""
BEGINS = {("policy", "aggregates")}
"""Where a file that isn't there means that nothing is kept, and the page says that."""


BY_KEY = {page.key: page for page in PAGES}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("key", "state"), sorted(NEEDS))
def test_a_page_says_what_is_wrong_and_what_to_do(
    site: Site, monkeypatch: pytest.MonkeyPatch, key: str, state: str, fault: str
) -> None:
    """No traceback but a title, what is wrong with the file that the page needs, and advice."""
    impatient(monkeypatch)
    well = shown(BY_KEY[key], site, monkeypatch)
    with broken(getattr(site, state), fault):
        ill = shown(BY_KEY[key], site, monkeypatch)

    assert ill != well
    assert "Traceback" not in ill
    if fault != "missing" or (key, state) not in BEGINS:
        assert any(word in ill for word in DO[fault]), ill


@pytest.mark.parametrize(
    ("key", "role"), [(page.key, role) for page in PAGES for role in sorted(page.roles)]
)
def test_each_page_is_drawn_for_each_of_its_roles(
    site: Site, monkeypatch: pytest.MonkeyPatch, key: str, role: Role
) -> None:
    """Whoever may see a page sees it whole, in Japanese, with nothing in red."""
    text = shown(BY_KEY[key], site, monkeypatch, "ja", role)

    assert any("\u3040" <= letter <= "\u30ff" for letter in text)
    assert "trouble." not in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_what_a_page_does_not_need_does_not_stop_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, page: Page
) -> None:
    """Damage elsewhere leaves a page as it is; and all damaged at once, each page is drawn."""
    impatient(monkeypatch)
    for state in STATES:
        if (page.key, state) not in NEEDS:
            with broken(getattr(site, state), "corrupt"):
                assert shown(page, site, monkeypatch)
    for state in STATES:
        with broken(getattr(site, state), "corrupt"):
            pass

    assert "Traceback" not in shown(page, site, monkeypatch)


@pytest.mark.parametrize(("key", "state"), sorted(NEEDS))
def test_a_page_reads_while_the_agent_writes(
    site: Site, monkeypatch: pytest.MonkeyPatch, key: str, state: str
) -> None:
    """An agent in the middle of a write keeps nobody from reading what was there before."""
    impatient(monkeypatch)
    with closing(sqlite3.connect(getattr(site, state))) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("CREATE TABLE half_written (x)")
        busy = shown(BY_KEY[key], site, monkeypatch)
        writer.rollback()
    free = shown(BY_KEY[key], site, monkeypatch)

    assert "Another program is using" not in busy
    assert busy.count("\n") >= free.count("\n") - 2


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_a_page_of_a_bare_site_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: Page, language: str
) -> None:
    """Before the agent's first start each page is drawn and says in a sentence what is missing."""
    from agent.config.site import Site

    (tmp_path / "policy.toml").write_bytes(seed.DEMO.read_bytes())
    text = shown(page, Site(tmp_path), monkeypatch, language)

    assert len(text) > 40
    assert "None" not in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_a_page_lives_without_the_agent(
    site: Site, monkeypatch: pytest.MonkeyPatch, page: Page
) -> None:
    """With the agent down, what was released and written down stays to be seen."""
    site.status.unlink()
    text = shown(page, site, monkeypatch)

    if page.key == "live":
        assert "omokage run" in text
    if page.key == "overview":
        assert "AU12" in text
    assert Role.MANAGER not in page.roles or "Traceback" not in text
