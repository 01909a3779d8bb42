"""A day's numbers: made of released ones, of that day, and of nothing hidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from agent.aggregate.daily import day_of, days_over, sum_up
from agent.domain.aggregate import (
    DROPPED_FRAMES,
    FACES_PEAK,
    METRICS,
    TOTAL_SECONDS,
    Aggregate,
    Reason,
    au_rate,
    status_share,
)
from agent.domain.daily import DailyAggregate
from agent.domain.frame import FrameStatus
from tests.retaining import DAY, HOUR, policy

START = datetime(2026, 11, 22, 15, tzinfo=UTC)  # Tokyo's midnight
TOKYO = day_of(START, "Asia/Tokyo")
RATE = au_rate("AU12")


def row(hour: int = 0, metric: str = RATE, value: float = 0.25, **changes) -> Aggregate:
    """Return a shown row of an hour of the day."""
    technical = METRICS[metric].technical
    made = Aggregate(
        zone="door", bucket_start=START + hour * HOUR, bucket_seconds=3600, metric=metric,
        unit=METRICS[metric].unit, value=value, standard_error=None if technical else 0.01,
        samples=None if technical else 100, tracks=None if technical else 8,
        persons=None if technical else 6, suppressed=False, reason=None, k=5, policy="ab" * 32,
        models=("m",),
    )  # fmt: skip
    return replace(made, **changes)


def hidden(hour: int, metric: str = RATE, reason: Reason = Reason.TOO_FEW_PERSONS) -> Aggregate:
    """Return a hidden row."""
    return row(
        hour, metric, value=None, standard_error=None, samples=None, tracks=None, persons=None,
        suppressed=True, reason=reason,
    )  # fmt: skip


def one(*rows: Aggregate) -> DailyAggregate:
    """Sum up to a single row."""
    (found,) = sum_up(rows, TOKYO)
    return found


def test_a_mean_is_weighted_by_face_records() -> None:
    """An hour with three times as many records counts three times."""
    found = one(row(0, value=0.1, samples=100), row(1, value=0.5, samples=300))

    assert (0.4, 400, 16, 6) == (found.value, found.samples, found.tracks, found.persons)


def test_errors_add_up_as_independent_strata() -> None:
    """sqrt((100·0.01)² + (300·0.02)²) / 400, rounded up."""
    found = one(row(0, samples=100), row(1, samples=300, standard_error=0.02))

    assert found.standard_error == 0.016


def test_an_hour_without_an_error_leaves_the_day_without_one() -> None:
    """No interval is invented."""
    assert one(row(0), row(1, standard_error=None)).standard_error is None


def test_hidden_hours_count_in_coverage_only() -> None:
    """The day is made of what is shown, and says of how much of itself it speaks."""
    found = one(row(0, value=0.1), hidden(1), hidden(2), hidden(3, reason=Reason.DOMINATED))

    assert (0.1, 1, 4, 24) == (found.value, found.shown, found.cells, found.expected)
    assert found.reason is Reason.TOO_FEW_PERSONS
    assert found.coverage == pytest.approx(1 / 24)


def test_a_day_of_hidden_hours_has_no_number() -> None:
    """Many hidden cells together stay hidden."""
    found = one(*(hidden(hour) for hour in range(24)))

    assert (None, None, None, 0) == (found.value, found.samples, found.persons, found.shown)


def test_hidden_rows_change_no_number() -> None:
    """Whatever was hidden, the day's value is a function of the shown rows alone."""
    shown = [row(0, value=0.1), row(1, value=0.3)]

    assert one(*shown).value == one(*shown, hidden(5), hidden(6)).value


def test_seconds_are_summed_and_shares_weighted_by_time() -> None:
    """Coverage of a day: a half-ticked hour counts half."""
    share = status_share(FrameStatus.OK)
    rows = [
        row(0, TOTAL_SECONDS, 3600), row(1, TOTAL_SECONDS, 1800), row(0, share, 1.0),
        row(1, share, 0.4), row(0, DROPPED_FRAMES, 3), row(1, DROPPED_FRAMES, 4),
    ]  # fmt: skip

    found = {r.metric: r for r in sum_up(rows, TOKYO)}

    assert found[TOTAL_SECONDS].value == 5400
    assert found[DROPPED_FRAMES].value == 7
    assert found[share].value == 0.8
    assert found[share].persons is None


def test_a_share_of_no_time_is_no_number() -> None:
    """An hour without a tick says nothing about its share."""
    share = status_share(FrameStatus.OK)
    found = sum_up([row(0, TOTAL_SECONDS, 0), row(0, share, 0.5)], TOKYO)

    assert {r.metric: r.value for r in found}[share] is None


def test_the_peak_is_the_largest_shown_one() -> None:
    """A peak isn't averaged."""
    assert one(row(0, FACES_PEAK, 3), row(1, FACES_PEAK, 7), hidden(2, FACES_PEAK)).value == 7


def test_a_row_of_another_day_is_refused() -> None:
    """Days never mix."""
    with pytest.raises(ValueError, match="another day"):
        sum_up([row(0), row(24)], TOKYO)
    with pytest.raises(ValueError, match="another day"):
        sum_up([row(-1)], TOKYO)


def test_a_day_follows_the_sites_clock() -> None:
    """Midnight in Tokyo; 23 and 25 hours where daylight saving changes."""
    assert (date(2026, 11, 23), START, START + DAY) == (TOKYO.date, TOKYO.start, TOKYO.end)
    spring = day_of(datetime(2027, 3, 28, 12, tzinfo=UTC), "Europe/Berlin")
    autumn = day_of(datetime(2026, 10, 25, 12, tzinfo=UTC), "Europe/Berlin")
    assert (23 * 3600, 25 * 3600) == (spring.seconds, autumn.seconds)


def over(first: datetime, now: datetime, done: datetime | None = None, **rules) -> list[date]:
    """Return the dates that are summed up."""
    return [d.date for d in days_over(first, done, policy(**rules), now)]


def test_a_day_is_over_one_bucket_after_its_end() -> None:
    """The day's last bucket is released first."""
    assert over(START, START + DAY + HOUR - timedelta(seconds=1)) == []
    assert over(START, START + DAY + HOUR) == [date(2026, 11, 23)]


def test_a_day_that_is_summed_up_isnt_summed_up_again() -> None:
    """Late releases don't change a day that was published."""
    assert over(START, START + 3 * DAY, START + DAY) == [date(2026, 11, 24)]


def test_a_day_whose_life_is_over_isnt_made_again() -> None:
    """What a short daily retention deleted doesn't come back from the cells."""
    assert over(START, START + 10 * DAY, daily=2 * DAY) == [date(2026, 12, 1)]


def test_no_day_is_made_of_buckets_that_should_be_gone() -> None:
    """An agent that comes back after months doesn't use what is overdue."""
    assert over(START, START + 100 * DAY, aggregates=2 * DAY) == [date(2027, 3, 1)]


def test_another_time_zone_counts_no_hour_twice() -> None:
    """After a move the new day begins where the old one ended."""
    berlin = policy(timezone="Europe/Berlin")
    days = list(days_over(START, START + DAY, berlin, START + 3 * DAY))

    assert days[0].start == START + DAY
    assert days[0].seconds == 8 * 3600


def test_a_number_without_shown_buckets_is_refused() -> None:
    """The type itself keeps the rule."""
    with pytest.raises(ValueError, match="no number"):
        replace(one(row(0)), shown=0)
    with pytest.raises(ValueError, match="more buckets"):
        replace(one(row(0)), shown=3)
