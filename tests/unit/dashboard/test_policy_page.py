"""The policy page: what is kept is said, nothing can be changed, trouble is explained."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from agent.cli.main import main
from agent.config.policy_file import load_policy
from agent.domain.retention import Tier
from agent.errors import StoreError
from dashboard import queries_policy
from dashboard.text import LANGUAGES, Text
from dashboard.views import policy as view
from tests.browser import seed, seed_agent
from tests.unit.dashboard.page import draw, said, tables

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with numbers, sealed records, a hold and a log."""
    now = seed_agent.present()
    made = seed.fill(tmp_path, until=now, buckets=4, crowd=7)
    digest = load_policy(made.policy).digest
    seed_agent.seal(made, now, 3)
    seed_agent.hold(made, now)
    seed_agent.log(made, now, digest)
    seed_agent.write_report(made, seed_agent.report(now, digest))
    return made


def test_every_tier_is_summed_up(site: Site) -> None:
    """Pieces, rows and dates of each tier come from headers alone; no tier is left out."""
    policy = load_policy(site.policy)
    stock = queries_policy.stock(site)
    lots = queries_policy.outlook(site, policy, stock).plan
    rows = queries_policy.tiers(policy, stock, lots, queries_policy.log_row(site, policy))
    by_tier = {row.tier: row for row in rows}

    assert list(by_tier) == list(Tier)
    assert (by_tier[Tier.RECORDS].parts, by_tier[Tier.RECORDS].rows) == (3, 60)
    assert by_tier[Tier.AGGREGATES].parts == 4
    assert by_tier[Tier.DAILY].oldest is None
    assert by_tier[Tier.ACCESS_LOG].rows == 27


def test_the_logs_oldest_entry_decides_when_it_goes(site: Site) -> None:
    """The access log's line begins with its first entry, not with its newest."""
    policy = load_policy(site.policy)
    row = queries_policy.log_row(site, policy)

    assert row.oldest is not None
    assert row.newest is not None
    assert row.newest - row.oldest > timedelta(hours=60)
    assert row.next_due == row.oldest + policy.retention.access_log


def test_records_that_may_not_be_opened_leave_the_rest(site: Site) -> None:
    """An account without the records' file sees numbers, and that it doesn't see records."""
    site.segments.unlink()
    site.segments.mkdir()
    found = queries_policy.stock(site)

    assert isinstance(found.refused["segments"], StoreError)
    assert {holding.tier for holding in found.holdings} == {Tier.AGGREGATES}


def test_receipts_show_each_deletion_once_and_no_access(site: Site) -> None:
    """The announcement makes way for the outcome; who unlocked what isn't a manager's business."""
    found = queries_policy.receipts(site)

    assert len([e for e in found if e.event.action.value == "purged"]) == 10
    assert {e.event.purpose for e in found if e.event.action.value == "purged"} == {"done"}
    assert {e.event.action for e in found} <= set(queries_policy.RECEIPTS)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_page_says_what_is_kept_and_why(
    site: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Tiers, plan, hold, sentences and receipts; no name and no note of the log."""
    words = Text(language)
    app = draw("policy", site, monkeypatch, language)
    text = said(app)
    receipts = next(rows for rows in tables(app) if words("receipt.policy") in rows[0])

    for tier in Tier:
        assert words(f"kept.tier_{tier.value}") in text
    assert words("kept.fate_kept") in text
    assert "M. Sato" in text
    assert words("rules.same") in text
    assert "omokage policy apply" in text
    assert "sato" not in str(receipts)
    assert not app.error


def test_no_widget_changes_anything(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one button, and it makes a paper; no field takes a rule."""
    app = draw("policy", site, monkeypatch)

    assert [button.key for button in app.button] == ["notice_make"]
    assert not app.text_input
    assert not app.text_area


def test_a_changed_file_asks_for_a_restart(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent reports another digest than the file's: the page says that the old one counts."""
    seed_agent.write_report(site, seed_agent.report(seed_agent.present(), "cd" * 32))

    assert "Restart the agent" in draw("policy", site, monkeypatch).warning[0].value


def test_a_stopped_agent_deletes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an agent the page says that nothing is deleted."""
    site.status.unlink()

    assert Text("en")("rules.down") in draw("policy", site, monkeypatch).warning[0].value


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_wrong_policy_names_its_lines(
    site: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """What is wrong is said with its place; no rule is shown as if it were in force."""
    site.policy.write_text(site.policy.read_text().replace("k = 2", "k = 0"))
    app = draw("policy", site, monkeypatch, language)

    assert Text(language)("rules.broken_title") in app.error[0].value
    assert "release.k" in app.code[0].value
    assert not tables(app)


def test_an_empty_site_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy and nothing else: nothing is kept, nothing was deleted."""
    made = seed.fill(tmp_path, until=seed_agent.present(), buckets=1)
    made.aggregates.unlink()
    text = said(draw("policy", made, monkeypatch))

    assert Text("en")("kept.nothing") in text
    assert Text("en")("receipt.none") in text


@pytest.mark.parametrize("name", ["segments", "aggregates", "access_log"])
def test_a_damaged_database_is_named_with_advice(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Each database may be broken alone; the page goes on with the others."""
    getattr(site, name).write_bytes(b"no database" * 500)
    app = draw("policy", site, monkeypatch, "ja")
    words = Text("ja")

    assert words("trouble.corrupt", what=words(f"store.{name}")) in app.error[0].value
    assert words("kept.hidden") in said(app)


def test_the_notice_is_drawn_in_both_languages_and_as_pdf(site: Site) -> None:
    """HTML at once, a real PDF by the typesetter's own process."""
    policy = load_policy(site.policy)
    day = seed_agent.present().date()

    page = queries_policy.notice_page(policy, "both", day)
    assert 'lang="ja"' in page
    assert 'lang="en"' in page
    assert queries_policy.notice_pdf(site, "ja", day).startswith(b"%PDF-")


def test_a_notice_that_cannot_be_set_is_refused(site: Site) -> None:
    """A policy that can't be used yields no paper, and the reason is handed on."""
    site.policy.write_text("nonsense")

    with pytest.raises(queries_policy.ConfigError):
        queries_policy.notice_pdf(site, "ja", seed_agent.present().date())


def test_the_commands_on_the_page_exist() -> None:
    """Each command that the page names is one of ours."""
    lines = [line for text in view.COMMANDS.values() for line in text.splitlines()]
    named = [line.split()[1:3] for line in lines if line.startswith("omokage ")]

    assert named
    for group, name in named:
        command = main.get_command(None, group)  # type: ignore[arg-type]  # no context is needed
        assert name in command.list_commands(None)
