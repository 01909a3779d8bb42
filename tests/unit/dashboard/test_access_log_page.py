"""The access log page: looking is written down, exports too, forgeries are named in plain words."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.audit.findings import Kind
from agent.audit.note import Verifier
from agent.config.site import Site
from agent.domain.access import Action, Decision, Role
from agent.domain.account import User
from agent.errors import ConfigError, StoreError
from agent.store.access_reader import AccessQuery, AccessReader
from dashboard import entries, queries_access
from dashboard.text import LANGUAGES, Text, catalogue
from tests.browser import seed_agent
from tests.logs import Forger
from tests.unit.dashboard.page import draw, said, tables

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

KATO = User("kato", Role.AUDITOR)
WRITTEN = 27


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with a signed log."""
    made = Site(tmp_path)
    seed_agent.log(made, seed_agent.present())
    return made


@pytest.fixture
def key(site: Site) -> str:
    """Return the device's key as it stands on paper."""
    note = AccessReader(site.access_log).checkpoints()[-1].note
    return Verifier(note.split("\n")[0], seed_agent.VERIFY_KEY).text()


def looks(site: Site) -> list[str]:
    """Return who looked at the log, newest first."""
    query = AccessQuery(action=Action.OPENED)
    return [entry.event.actor for entry in AccessReader(site.access_log).entries(query)]


@pytest.mark.parametrize("name", [*Action, *Role, *Decision, *Kind])
def test_every_value_has_words(name: Action | Role | Decision | Kind) -> None:
    """No action, role, result or finding is without a name in the texts."""
    groups = {Action: "action", Role: "who", Decision: "decision", Kind: "finding"}

    assert f"{groups[type(name)]}.{name.value}" in catalogue()


def test_a_session_looks_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening the page is an entry; turning a filter isn't another one."""
    app = draw("access_log", site, monkeypatch)
    app.toggle(key="log_refused").set_value(True).run()

    assert looks(site) == ["kato"]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_entries_are_shown_in_words(
    site: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """The table has everybody and everything, without raw codes."""
    text = str(tables(draw("access_log", site, monkeypatch, language))[0])

    assert Text(language)("action.unlocked") in text
    assert Text(language)("purpose_code.done") in text
    assert Text(language)("who.reviewer") in text
    assert "{n}" not in text


def test_filters_choose(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused by a reviewer: one entry."""
    app = draw("access_log", site, monkeypatch)
    app.selectbox(key="log_role").set_value("reviewer")
    app.toggle(key="log_refused").set_value(True).run()

    assert len(tables(app)[0]) == 1


def test_a_name_that_nobody_has_finds_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that matches nothing says so instead of showing all."""
    app = draw("access_log", site, monkeypatch)
    app.text_input(key="log_actor").set_value("nobody").run()

    assert Text("en")("filter.nothing") in said(app)
    assert not tables(app)


def numbers(app: AppTest) -> list[int]:
    """Return the numbers of the entries that are shown, in order."""
    return [int(row[Text("en")("column.number")]) for row in tables(app)[0]]


def test_pages_turn_both_ways(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older and newer lead there and back; no entry is left out or shown twice."""
    monkeypatch.setattr(queries_access, "PAGE_ROWS", 20)
    app = draw("access_log", site, monkeypatch)
    first = numbers(app)
    app.button(key="log_older").click().run()
    second = numbers(app)
    app.button(key="log_newer").click().run()

    assert first + second == list(range(WRITTEN + 1, 0, -1))
    assert numbers(app) == first


def verify(app: AppTest, key: str, pasted: str = "") -> AppTest:
    """Press the button."""
    app.text_input(key="log_key").set_value(key)
    app.text_area(key="log_pasted").set_value(pasted)
    return app.button(key="log_verify").click().run()


def test_a_whole_log_is_called_whole(site: Site, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """With the key from paper the checkpoint fits, and what it can't show is said."""
    app = verify(draw("access_log", site, monkeypatch), key)

    assert Text("en")("verify.sound") in app.success[0].value
    assert Text("en")("verify.no_witness") in said(app)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_an_edited_entry_is_named(
    site: Site, monkeypatch: pytest.MonkeyPatch, key: str, language: str
) -> None:
    """A forged body is found, with its number, in the page's language."""
    Forger(site.access_log).run("UPDATE entry SET body = replace(body, 'allowed', 'refused')"
                                " WHERE number = 20")  # fmt: skip
    app = verify(draw("access_log", site, monkeypatch, language), key)

    assert Text(language)("verify.broken") in app.error[0].value
    assert Text(language)("finding.edited") in said(app)
    assert Text(language)("verify.where", numbers="20") in said(app)
    assert not app.success


def test_a_cut_log_is_found_by_a_paper(
    site: Site, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Newest entries and checkpoint gone: only what was kept elsewhere shows it."""
    paper = AccessReader(site.access_log).checkpoints()[-1].note
    forger = Forger(site.access_log)
    forger.run("DELETE FROM checkpoint")
    forger.run("DELETE FROM entry WHERE number > 20")
    site.access_log.with_suffix(".checkpoints").unlink()

    assert queries_access.check(site, "", key).sound
    app = verify(draw("access_log", site, monkeypatch), key, "\n".join(paper.split("\n")[:3]))
    assert not app.success
    assert app.error


def test_without_a_key_nothing_is_called_forged(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that can't read keys says that signatures weren't checked, and no more."""
    app = verify(draw("access_log", site, monkeypatch), "")

    assert Text("en")("verify.no_key") in app.warning[0].value
    assert not app.error


@pytest.mark.parametrize(("pasted", "key"), [("three lines of nothing", ""), ("", "no+key")])
def test_nonsense_from_paper_is_refused(site: Site, pasted: str, key: str) -> None:
    """A typing mistake is said, never taken for a sound log."""
    with pytest.raises(ConfigError):
        queries_access.check(site, pasted, key)


def test_the_checkpoint_is_shown_to_be_copied(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest checkpoint stands there as it was signed, with how to keep it."""
    note = AccessReader(site.access_log).checkpoints()[-1].note
    text = said(draw("access_log", site, monkeypatch))

    assert note.split("\n")[2] in text
    assert Text("en")("checkpoint.step_4") in text


def test_an_export_is_written_down_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry about the export is itself in the export, with its purpose."""
    app = draw("access_log", site, monkeypatch)
    app.text_input(key="log_purpose").set_value("yearly audit")
    app.button(key="log_make").click().run()
    _, content = app.session_state["log_file"]
    last = json.loads(content.decode().splitlines()[-1])

    assert (last["action"], last["purpose"], last["actor"]) == ("exported", "yearly audit", "kato")


def test_an_export_without_a_purpose_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is prepared and nothing is written down."""
    app = draw("access_log", site, monkeypatch)
    app.button(key="log_make").click().run()

    assert Text("en")("hand.no_purpose") in app.warning[0].value
    assert "log_file" not in app.session_state
    assert AccessReader(site.access_log).count(AccessQuery(action=Action.EXPORTED)) == 0


def test_an_export_that_cannot_be_written_down_hands_out_nothing(site: Site) -> None:
    """A locked log: refused, before a line is read."""
    holder = sqlite3.connect(site.access_log)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreError):
            queries_access.export(
                site, AccessQuery(), "csv", user=KATO, purpose="x", now=seed_agent.present()
            )
    finally:
        holder.close()


def test_a_csv_holds_what_the_filter_asks_for(site: Site) -> None:
    """One head, and the matching entries alone."""
    query = AccessQuery(role=Role.REVIEWER)
    now = seed_agent.present()
    made = queries_access.export(site, query, "csv", user=KATO, purpose="x", now=now)

    assert len(made.decode().splitlines()) == 4


def test_without_a_log_the_page_begins_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at a site without a log doesn't create one."""
    app = draw("access_log", Site(tmp_path), monkeypatch)

    assert "omokage run" in app.info[0].value
    assert not Site(tmp_path).access_log.exists()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_damaged_log_is_explained(
    site: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """The look can't be written down, which is said; so is what to do."""
    site.access_log.write_bytes(b"no database" * 500)
    app = draw("access_log", site, monkeypatch, language)
    words = Text(language)

    assert words("access.unlogged") in app.warning[0].value
    assert any(words("trouble.title", what=words("store.access_log"))[1:] in e.value
               for e in app.error)  # fmt: skip


def test_a_newer_log_asks_for_an_upgrade(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of a newer Omokage isn't written to and isn't guessed at."""
    with sqlite3.connect(site.access_log) as connection:
        connection.execute("UPDATE meta SET number = 99 WHERE name = 'schema'")
    connection.close()
    app = draw("access_log", site, monkeypatch)

    assert "Upgrade Omokage" in app.error[0].value


ROOT = Path(__file__).parents[3]


def test_all_that_the_program_counts_has_words() -> None:
    """No name of a count in the program reaches an auditor as it is."""
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "agent").rglob("*.py"))
    found = set(re.findall(r'counts=\{"(\w+)":', source)) | {"seconds", "delete_by", "steps"}

    assert {"rows", "entries", "epochs", "thresholds", "zones", "waiting_rows"} <= found
    assert {name for name in found if f"count.{name}" not in catalogue()} == set()


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "to be deleted by 2027-01-26 01:24 UTC"), ("ja", "2027-01-26 01:24 UTCまでに削除")],
)
def test_an_instant_is_written_as_one(language: str, told: str) -> None:
    """A deadline is a date, never the seconds since 1970; a pause is a duration."""
    words = Text(language)

    assert entries.counts(words, {"delete_by": 1_800_926_688}) == told
    assert entries.counts(words, {"seconds": 5400}) in {"for 1 h 30 min", "1時間 30分間"}


def test_unknown_counts_and_purposes_stay_readable() -> None:
    """What a newer version counts is shown by its own name, a person's purpose as it is."""
    words = Text("en")

    assert entries.counts(words, {"new_thing": 3, "keys": 0}) == "new thing: 3"
    assert entries.purpose(words, "complaint 12") == "complaint 12"
    assert entries.purpose(words, "") == ""
    assert entries.objects(("a", "b", "c", "d", "e", "f")) == "a, b, c, d +2"
