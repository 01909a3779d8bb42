"""The report of a trial: its facts, its documents in both languages, and what it refuses."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from agent.cli.main import main
from agent.config.site import Site
from agent.domain.access import AccessEvent, Action, Role
from agent.domain.account import PAGE_ROLES
from agent.domain.retention import Holding, Tier
from agent.domain.review import Verdict
from agent.domain.words import LANGUAGES
from agent.errors import ConfigError
from agent.evaluation.bias import Kind
from agent.evaluation.differences import Said
from agent.retention.plan import Lot, Why
from agent.retention.receipt import Actor, done, due
from agent.store.access_log import AccessLog
from agent.store.reviews import ReviewStore
from agent.submission import submit
from dashboard import queries
from dashboard.documents.html import document_html
from dashboard.documents.model import Figure, Paragraph, Table
from dashboard.documents.page import Paper
from dashboard.documents.pdf import document_pdf
from dashboard.pages import pages_for
from dashboard.queries_live import Health, Load, State
from dashboard.report import draw
from dashboard.report.build import build_report
from dashboard.report.draw import Mark
from dashboard.report.facts import Facts, collect, parse_speed
from dashboard.report.run import make_report
from dashboard.report.sentences import not_noted, spread
from dashboard.text import Text
from tests.browser.seed_days import fill_days
from tests.reviewing import coding, review, view

LAST = date(2026, 11, 23)
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
MEASURED = json.dumps(
    {"cpu": "A PC", "cores": 4, "memory_gib": 8, "system": "Linux x86_64", "python": "3.11",
     "frames": 45, "median_ms": 2.5, "p95_ms": 4.0, "cpu_ms": 3.0, "omokage": "0.1"}
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a shop with eight days of numbers in two places."""
    root = tmp_path_factory.mktemp("shop")
    return fill_days(root, last=LAST, days=8, zones=("door", "yard"), seconds=3600, crowd=4)


@pytest.fixture(scope="module")
def facts(shop: Site) -> Facts:
    """Return its facts."""
    return collect(shop, MEASURED, NOW, None, None)


def texts(facts: Facts, language: str) -> str:
    """Return a report's HTML."""
    return document_html([build_report(facts, language)], Paper.A4)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_report_says_all_parts_in_its_language(facts: Facts, language: str) -> None:
    """Coverage, movements, speed, accuracy, bias, deletion, access and limits are all there."""
    made = texts(facts, language)
    words = Text(language)

    assert words("au.AU12") in made
    assert "A PC" in made
    for key in ("photos_live", "ferplus_valid", "renders_held_out"):
        assert key in made
    for number in range(1, 9):
        assert f">{number}. " in made
    assert ">None<" not in made
    assert "{" not in made.split("</style>")[1]


def test_the_pdf_is_one(facts: Facts) -> None:
    """Both languages are set without a missing character."""
    made = document_pdf([build_report(facts, code) for code in LANGUAGES], Paper.A4)

    assert made.startswith(b"%PDF")


def test_without_reviews_no_misjudgement_is_claimed(facts: Facts) -> None:
    """A site nobody reviewed says that its error rate isn't known."""
    assert facts.reviews is None
    assert "how often the model is wrong at this site is not known" in texts(facts, "en")


def test_what_cannot_be_said_is_said(facts: Facts) -> None:
    """The report names what released numbers don't carry, people first of all."""
    made = texts(facts, "en")

    assert "people of different age, sex, skin colour" in made
    assert "Nobody&#x27;s age, sex or origin is inferred" in made


def test_a_figure_never_stands_alone(facts: Facts) -> None:
    """Each figure says what it shows, and the report has more tables than figures."""
    blocks = build_report(facts, "en").blocks
    figures = [block for block in blocks if isinstance(block, Figure)]

    assert figures
    assert all(figure.alt and "http" not in figure.svg[60:] for figure in figures)
    assert sum(isinstance(block, Table) for block in blocks) > len(figures)


def test_days_outside_are_refused(shop: Site) -> None:
    """A report of days for which nothing is kept says for which there is something."""
    with pytest.raises(ConfigError) as refused:
        collect(shop, MEASURED, NOW, date(2020, 1, 1), date(2020, 1, 2))

    assert "2026-11-16 to 2026-11-23" in refused.value.advice


def test_a_period_narrows_the_report(shop: Site, facts: Facts) -> None:
    """The named days are in, the others aren't."""
    found = collect(shop, MEASURED, NOW, date(2026, 11, 20), date(2026, 11, 21))

    assert found.days == queries.Days(date(2026, 11, 20), date(2026, 11, 21))
    assert 0 < found.page.coverage.cells < facts.page.coverage.cells
    assert found.page.coverage.observed_seconds < facts.page.coverage.observed_seconds


def test_an_empty_site_is_refused(tmp_path: Path, shop: Site) -> None:
    """Before the first release there is nothing to report."""
    (tmp_path / "policy.toml").write_bytes(shop.policy.read_bytes())
    with pytest.raises(ConfigError, match="nothing has been released"):
        collect(Site(tmp_path), MEASURED, NOW, None, None)


@pytest.mark.parametrize("measured", ["", "[]", "{}", '{"cpu": 1}', '{"cpu":"x","cores":"y"}'])
def test_a_measurement_that_isnt_one_is_refused(measured: str) -> None:
    """What comes on standard input is checked."""
    with pytest.raises(ConfigError, match="measurement"):
        parse_speed(measured)


def test_the_log_is_counted_without_names(shop: Site, facts: Facts, tmp_path: Path) -> None:
    """Counts of what was done go in, the names of who did it don't."""
    assert facts.log is not None
    assert facts.log.entries == 0
    site = Site(tmp_path)
    for path in ("policy", "aggregates"):
        to = getattr(site, path)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(getattr(shop, path).read_bytes())
    at = datetime(2026, 11, 20, 3, tzinfo=UTC)
    with closing(AccessLog(site.access_log)) as log:
        log.record(AccessEvent(at, "hanako", Role.REVIEWER, Action.UNLOCKED, "weekly review"))
        for purpose, counts in (("due", {"records_rows": 1234}), ("done", {"keys": 5})):
            log.record(AccessEvent(at, "omokage-agent", Role.AGENT, Action.PURGED, purpose,
                                   ("receipt:00ff",), counts=counts))  # fmt: skip
    made = texts(collect(site, MEASURED, NOW, None, None), "en")

    assert "1,234 of sealed records" in made
    assert "Sealed records unlocked" in made
    assert "hanako" not in made


def test_a_broken_log_doesnt_stop_the_report(shop: Site, tmp_path: Path) -> None:
    """The part that can't be read is named, with what to do."""
    site = Site(tmp_path)
    for path in ("policy", "aggregates"):
        to = getattr(site, path)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(getattr(shop, path).read_bytes())
    site.access_log.write_bytes(b"no log" * 500)
    found = collect(site, MEASURED, NOW, None, None)

    assert found.log is None
    said = [b.text for b in build_report(found, "en").blocks if isinstance(b, Paragraph)]
    assert any("can't be given" in text for text in said)


def test_a_mark_without_a_value_is_no_zero() -> None:
    """A hidden line shows its reason and neither bar nor point; names are never markup."""
    made = draw.intervals([Mark("a<b", 0.2, 0.1, 0.3, "20%"), Mark("c", None, note="hidden")])

    assert made.count("<circle") == 1
    assert "hidden" in made
    assert "a&lt;b" in made


def test_the_command_writes_a_file(shop: Site, tmp_path: Path) -> None:
    """The page gets the file that the command writes; a format nobody named is refused."""
    out = tmp_path / "report.html"
    made = make_report(shop, queries.Days(date(2026, 11, 20), date(2026, 11, 21)), "en", "html")
    assert b"Report of a trial" in made
    result = CliRunner().invoke(
        main, ["report", "--site", str(shop.root), "--out", str(out.with_suffix(".txt"))]
    )

    assert result.exit_code == 2
    assert "--format" in result.output


def test_the_page_is_told_why_it_failed(tmp_path: Path) -> None:
    """A site without a policy gives the command's own sentence, not a traceback."""
    with pytest.raises(ConfigError) as refused:
        make_report(Site(tmp_path), queries.Days(LAST, LAST), "en", "html")

    assert "Traceback" not in str(refused.value)
    assert refused.value.advice


def test_the_page_makes_a_report_and_hands_it_out(
    shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manager presses the button and may download what came of it."""
    monkeypatch.setenv(queries.SITE_VARIABLE, str(shop.root))
    app = AppTest.from_function(_page, default_timeout=120).run()
    app.selectbox(key="report_format").set_value("html")
    app.button[0].click().run()

    assert not app.exception
    assert not app.error
    assert Text("en")("reporting.ready") in [element.value for element in app.success]


def _page() -> None:
    from agent.domain.access import Role
    from agent.domain.account import User
    from dashboard.text import Text
    from dashboard.views import report

    report.show(Text("en"), User("m", Role.MANAGER))


@pytest.mark.parametrize("role", list(PAGE_ROLES))
def test_only_who_answers_for_the_trial_sees_the_page(role: Role) -> None:
    """Manager, auditor and admin have the page, a reviewer hasn't."""
    there = "report" in {page.key for page in pages_for(role)}

    assert there == (role in {Role.MANAGER, Role.AUDITOR, Role.ADMIN})


@pytest.fixture(scope="module")
def told(shop: Site, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """Return the facts of the shop with reviews, a marked day and a deletion."""
    place = Site(tmp_path_factory.mktemp("told") / "shop")
    shutil.copytree(shop.root, place.root)
    (place.root / "markers.toml").write_text(
        '[[marker]]\ndate = 2026-11-20\ntext = { en = "New checkout", ja = "新しいレジ" }\n',
        "utf-8",
    )
    actor = Actor("omokage-agent", Role.AGENT, "ab" * 32)
    gone = Holding("1", Tier.RECORDS, "door", NOW, NOW, 120, 9, NOW)
    with closing(AccessLog(place.access_log)) as log, ReviewStore(place.reviews) as store:
        lots = [Lot(gone, Why.PAST_DEADLINE, NOW)]
        at = NOW - timedelta(hours=30)
        for number in ("one", "two"):
            for event in due(actor, at, number, lots):
                log.record(event)
            log.record(done(actor, at, number, {"keys": 1}, failed="" if number == "one" else "x"))
        for i in range(60):
            wrong = i % 5 == 0
            zone = "door" if i % 2 else "yard"
            one = review(
                i, at=NOW - timedelta(hours=20 + i),
                verdict=Verdict.REJECT if wrong else Verdict.ACCEPT,
                coded=coding(frozenset({"AU12"}) if i % 3 else frozenset()),
                model=view(frozenset({"AU12"}) if i % 3 or wrong else frozenset()),
            )  # fmt: skip
            one = replace(one, clip=replace(one.clip, zone=zone))
            submit(store, log, one, timedelta(days=30))
    return collect(place, MEASURED, NOW, None, None)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_reviewed_trial_says_how_often_the_model_was_wrong(told: Facts, language: str) -> None:
    """Share with its interval, agreement by movement, circumstances, before and after: all told."""
    made = texts(told, language)
    words = Text(language)

    assert told.reviews is not None
    assert told.reviews.found.misjudged.value == pytest.approx(0.2)
    assert "PABAK" in made
    assert words("errors.kind.zone") in made
    assert words("bias.kind.zone", name="yard") in made
    assert {"en": "New checkout", "ja": "新しいレジ"}[language] in made
    assert "{" not in made.split("</style>")[1]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_mistakes_by_circumstance_are_told_with_what_would_have_been_noticed(
    told: Facts, language: str
) -> None:
    """No evidence at two places, and how large a difference would have had to be."""
    assert told.bias is not None
    (zone,) = [one for one in told.bias.errors if one.kind is Kind.ZONE]
    made = texts(told, language)

    assert zone.said is Said.NO_EVIDENCE
    assert spread(Text(language), zone) in made
    assert f"{100 * (zone.noticeable or 0):.0f}" in spread(Text(language), zone)


def test_clips_without_circumstances_are_counted_and_said(told: Facts) -> None:
    """Reviews from before distance and light were noted are in neither half, and it is said."""
    assert told.bias is not None
    assert not_noted(Text("en"), told.bias.errors).startswith("Distance and light of 60 clips")
    assert "Distance and light of 60 clips" in texts(told, "en")
    assert not_noted(Text("en"), ()) == ""


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_versions_are_not_mixed(told: Facts, shop: Site, tmp_path: Path, language: str) -> None:
    """The newest version's share stands for the site; an older one has its own line."""
    place = Site(tmp_path / "shop")
    shutil.copytree(shop.root, place.root)
    with closing(AccessLog(place.access_log)) as log, ReviewStore(place.reviews) as store:
        for i in range(80):
            old = i < 40
            one = review(
                i, at=NOW - timedelta(hours=100 if old else 20) + timedelta(minutes=i),
                verdict=Verdict.REJECT if i % (2 if old else 8) == 0 else Verdict.ACCEPT,
            )  # fmt: skip
            one = replace(one, models=("encoder@old" if old else "encoder@new",))
            submit(store, log, one, timedelta(days=30))
    found = collect(place, MEASURED, NOW, None, None)
    made = texts(found, language)

    assert found.reviews is not None
    assert found.reviews.found.misjudged.value == pytest.approx(1 / 8)
    assert [one.misjudged.value for one in found.reviews.versions] == pytest.approx([1 / 8, 1 / 2])
    assert found.reviews.drifted.said is Said.DIFFERENT
    assert "encoder@old" in made
    assert "encoder@old" not in texts(told, language)
    assert "{" not in made.split("</style>")[1]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_memory_and_load_of_the_agent_are_told(told: Facts, language: str) -> None:
    """As the agent said itself, or that nobody knows; never a zero."""
    load = Load(118 << 20, 131 << 20, 0.07, 7200.0)
    known = replace(told, health=Health(State.RUNNING, NOW, load=load))

    assert "118 MiB" in texts(known, language)
    assert "131 MiB" in texts(known, language)
    assert "7\u202f%" in texts(known, language)
    assert "MiB" not in texts(told, language)


def test_a_deletion_that_failed_is_not_counted_as_rows_that_went(told: Facts) -> None:
    """Rows are counted where the deletion's end is in the log, and only there."""
    assert told.log is not None
    assert (told.log.rounds, told.log.failed) == (1, 1)
    assert told.log.deleted["records_rows"] == 120


def test_a_marked_day_belongs_to_neither_side(told: Facts) -> None:
    """Before ends the day before, after begins the day after."""
    (change,) = told.changes

    assert change.before.last == date(2026, 11, 19)
    assert change.after.first == date(2026, 11, 21)
    assert change.found.differences


def test_a_reviewed_report_is_set_whole(told: Facts) -> None:
    """Both languages with every table are typeset without a missing character."""
    made = document_pdf([build_report(told, code) for code in LANGUAGES], Paper.A4)

    assert made.startswith(b"%PDF")
