"""What the pages read: period, card and policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from agent.aggregate.daily import days_over, sum_up
from agent.config.site import Site
from agent.domain.aggregate import au_rate
from agent.store.aggregates import AggregateWriter
from dashboard import queries
from dashboard.queries import Period
from tests import retaining
from tests.browser import seed
from tests.retaining import DAY

if TYPE_CHECKING:
    from pathlib import Path

UNTIL = datetime(2026, 9, 27, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site of two zones with 90 released minutes."""
    root = tmp_path_factory.mktemp("site")
    return seed.fill(root, until=UNTIL, buckets=90, seconds=60, zones=("door", "yard"), crowd=9)


@pytest.mark.parametrize(
    ("period", "minutes"), [(Period.QUARTER, 15), (Period.HOUR, 60), (Period.ALL, 90)]
)
def test_a_period_ends_with_the_last_release(site: Site, period: Period, minutes: int) -> None:
    """Periods are whole buckets, counted back from the newest one, never beyond the oldest."""
    newest = queries.latest(site)
    assert newest is not None
    page = queries.overview(site, newest, period, None)

    assert page.until == UNTIL
    assert page.until - page.since == timedelta(minutes=minutes)


def test_a_period_shorter_than_a_bucket_shows_one_bucket(tmp_path: Path) -> None:
    """With hourly buckets, the last 15 minutes are the last hour."""
    place = seed.fill(tmp_path, until=UNTIL, buckets=3, seconds=3600, crowd=6)
    newest = queries.latest(place)
    assert newest is not None
    page = queries.overview(place, newest, Period.QUARTER, None)

    assert page.since == UNTIL - timedelta(hours=1)


def test_one_zone_and_all_zones_differ(site: Site) -> None:
    """A zone's page is about that zone alone."""
    newest = queries.latest(site)
    assert newest is not None
    door = queries.overview(site, newest, Period.HOUR, "door")
    both = queries.overview(site, newest, Period.HOUR, None)
    rate = au_rate("AU12")

    assert both.whole[rate].samples > door.whole[rate].samples
    assert {cell.zone for cell in door.cells} == {"door"}
    assert both.coverage.seconds == 2 * door.coverage.seconds


@pytest.mark.parametrize(
    ("seconds", "period"), [(30, Period.QUARTER), (300, Period.HOUR), (3600, Period.DAY)]
)
def test_the_first_period_fits_the_bucket(seconds: int, period: Period) -> None:
    """A page opens with some tens of buckets."""
    assert queries.fitting_period(seconds) is period


@pytest.mark.parametrize(
    ("score", "letter"),
    [(0.8, "A"), (0.79, "B"), (0.6, "B"), (0.4, "C"), (0.1, "D"), (-0.2, "D"), (None, "–"),
     ("high", "–"), (True, "–")],
)  # fmt: skip
def test_grades_come_from_the_correlation(score: object, letter: str) -> None:
    """A from 0.8, B from 0.6, C from 0.4, D below; what isn't a number is unknown."""
    assert queries.grade(score) == letter


def test_grades_are_read_from_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card's `[scores.au]` decides; an AU that it doesn't name is unknown."""
    card = "[scores.au]\nAU12 = 0.91\nAU04 = 0.5\n"
    (tmp_path / "face_encoder.card.toml").write_text(card, encoding="utf-8")
    monkeypatch.setenv(queries.MODELS_VARIABLE, str(tmp_path))
    grades = queries.grades()

    assert (grades["AU12"], grades["AU04"], grades["AU01"]) == ("A", "C", "–")


@pytest.mark.parametrize("card", [None, "not toml [", "scores = 3", "[scores]\nau = 'good'"])
def test_an_unusable_card_leaves_grades_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card: str | None
) -> None:
    """Without a card that says so, no AU is called reliable."""
    if card is not None:
        (tmp_path / "face_encoder.card.toml").write_text(card, encoding="utf-8")
    monkeypatch.setenv(queries.MODELS_VARIABLE, str(tmp_path))

    assert set(queries.grades().values()) == {"–"}


def test_an_unreadable_policy_is_absent(tmp_path: Path) -> None:
    """Numbers stand without a policy file; the page says that it can't be read."""
    assert queries.policy(Site(tmp_path)) is None


def summed_up(place: Site, until: datetime) -> None:
    """Sum up all days that are over, as the agent does."""
    with AggregateWriter(place.aggregates) as writer:
        first = writer.reader.earliest()
        assert first is not None
        for day in days_over(first, None, retaining.policy(aggregates=200 * DAY), until):
            writer.close_day(sum_up(writer.reader.rows(day.start, day.end), day))


def test_a_long_period_is_read_from_days(tmp_path: Path) -> None:
    """All of five months: days instead of buckets, the same numbers, older than the oldest bucket.

    The total of records, the hidden cells and the mean agree with what the buckets say.
    """
    place = seed.fill(tmp_path, until=UNTIL, buckets=300, seconds=43_200, zones=("door",), crowd=6)
    newest = queries.latest(place)
    assert newest is not None
    before = queries.overview(place, newest, Period.ALL, None)
    summed_up(place, UNTIL)
    after = queries.overview(place, newest, Period.ALL, None)
    rate = au_rate("AU12")

    assert before.whole[rate].samples == after.whole[rate].samples
    assert abs(before.whole[rate].value - after.whole[rate].value) < 0.001
    assert before.coverage.cells == after.coverage.cells
    assert before.coverage.hidden == after.coverage.hidden
    assert abs(before.coverage.observed_seconds - after.coverage.observed_seconds) < 60
    with AggregateWriter(place.aggregates) as writer:
        writer.purge([h.id for h in writer.holdings() if h.id.startswith("cell:")][:100])
    assert queries.overview(place, newest, Period.ALL, None).coverage.cells == after.coverage.cells


def test_a_short_period_is_read_from_buckets(site: Site) -> None:
    """Days would hide what an hour shows."""
    newest = queries.latest(site)
    assert newest is not None
    summed_up(site, UNTIL + timedelta(days=3))

    assert queries.overview(site, newest, Period.ALL, None).bucket == 60
    assert queries.overview(site, newest, Period.ALL, None).coverage.cells == 2 * 88
