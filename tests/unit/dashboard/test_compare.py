"""Differences between periods: clusters of days, honest intervals, and what is said of them."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import date

import pytest

from agent.domain.sums import Sum
from dashboard.compare import Verdict, difference
from dashboard.estimates import summed
from dashboard.queries import Comparison, Days
from dashboard.text import LANGUAGES, Text
from dashboard.views.change import around, cautions, conclusion
from tests.unit.dashboard.test_estimates import row


def day(value: float | None, index: int, *, error: float = 0.01) -> Sum:
    """Return one day's sum."""
    return replace(summed([row(value, error=error)])[0], step=index)


def days(*values: float | None, error: float = 0.01) -> list[Sum]:
    """Return a day for each value."""
    return [day(value, index, error=error) for index, value in enumerate(values)]


def test_a_clear_difference_has_a_side() -> None:
    """Two steady weeks 20 points apart differ, and the interval holds the difference."""
    found = difference(days(0.1, 0.11, 0.09, 0.1, 0.1), days(0.3, 0.31, 0.29, 0.3, 0.3))

    assert found is not None
    assert found.verdict is Verdict.HIGHER
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.2 < found.high
    assert (found.first.days, found.second.days) == (5, 5)


def test_the_other_way_round_it_is_lower() -> None:
    """Swapping the periods turns the sign."""
    found = difference(days(0.3, 0.31, 0.29), days(0.1, 0.11, 0.09))

    assert found is not None
    assert found.verdict is Verdict.LOWER


def test_days_that_scatter_widen_the_interval() -> None:
    """Many visits a day don't help where the days themselves differ much."""
    steady = difference(days(0.2, 0.2, 0.2, error=0.001), days(0.25, 0.25, 0.25, error=0.001))
    wild = difference(days(0.1, 0.2, 0.3, error=0.001), days(0.15, 0.25, 0.35, error=0.001))

    assert steady is not None
    assert wild is not None
    assert steady.verdict is Verdict.HIGHER
    assert wild.value == pytest.approx(steady.value)
    assert wild.verdict is Verdict.NONE


def test_days_that_agree_by_chance_dont_narrow_it_below_the_visits() -> None:
    """Identical days would give an interval of width 0; the visits' spread stays."""
    found = difference(days(0.2, 0.2, 0.2, error=0.05), days(0.21, 0.21, 0.21, error=0.05))

    assert found is not None
    assert found.low is not None
    assert found.verdict is Verdict.NONE
    assert found.value - found.low > 0.05


def test_one_day_on_a_side_gives_no_interval() -> None:
    """A single day says nothing about the spread between days."""
    found = difference(days(0.1), days(0.3, 0.3, 0.3))

    assert found is not None
    assert (found.low, found.high, found.verdict) == (None, None, Verdict.UNKNOWN)


def test_hidden_days_dont_count() -> None:
    """A hidden day is no zero: it changes neither the mean nor the number of days."""
    found = difference(days(0.1, None, 0.1), days(0.1, 0.1))

    assert found is not None
    assert found.value == pytest.approx(0)
    assert found.first.days == 2
    assert difference(days(None, None), days(0.1, 0.1)) is None


def test_the_interval_holds_what_it_promises() -> None:
    """Where nothing changed, but days differ, about 95 of 100 comparisons say so."""
    dice = random.Random(3)
    missed = 0
    for _ in range(400):
        sides = [
            days(*(0.3 + dice.gauss(0, 0.05) for _ in range(10)), error=0.005) for _ in range(2)
        ]
        found = difference(*sides)
        assert found is not None
        missed += found.verdict is not Verdict.NONE

    assert 6 <= missed <= 36  # 20 are expected; the bounds lie over 3 standard deviations away


def test_a_naive_interval_would_not() -> None:
    """With visits alone as the unit, the same days would look different most of the time."""
    dice = random.Random(3)
    wrong = 0
    for _ in range(200):
        means = [sum(0.3 + dice.gauss(0, 0.05) for _ in range(10)) / 10 for _ in range(2)]
        wrong += abs(means[0] - means[1]) > 2 * math.hypot(0.005, 0.005) / math.sqrt(10)

    assert wrong > 100


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_is_said_names_the_interval(language: str) -> None:
    """A clear difference is said with both ends; the rest is no proof of anything."""
    words = Text(language)
    clear = difference(days(0.1, 0.1, 0.1), days(0.3, 0.3, 0.3))
    none = difference(days(0.1, 0.1, 0.1), days(0.1, 0.1, 0.1))
    assert clear is not None
    assert none is not None
    said = conclusion(words, [("AU12", clear), ("AU25", none)])

    assert clear.low is not None
    assert words("au.AU12") in said[0]
    assert f"{100 * clear.low:.1f}" in said[0]
    assert said[-1] == words("change.rest", n=1)
    assert conclusion(words, [("AU25", none)]) == [words("change.none", n=1)]


def test_no_sentence_claims_a_cause() -> None:
    """The words of the comparison never say that something led to something."""
    for language, causal in (("en", ("because", "caused", "led to", "effect", "due to")),
                             ("ja", ("効果", "おかげ", "影響で", "によって上が"))):  # fmt: skip
        words = Text(language)
        said = " ".join(
            words(f"change.{key}", parts="x", n=1)
            for key in ("higher", "lower", "none", "rest", "rest_none", "unknown")
        )
        assert not [word for word in causal if word in said]


def test_few_days_and_other_models_are_told() -> None:
    """A reader is warned where the comparison stands on weak feet, and only there."""
    words = Text("en")
    weak = Comparison({}, (3, 9), ((1, 1), (1, 1)), same_models=False, same_policy=False)
    sound = Comparison({}, (9, 9), ((1, 1), (1, 1)), same_models=True, same_policy=True)

    assert len(cautions(words, weak)) == 3
    assert cautions(words, sound) == []


def test_the_day_itself_is_left_out() -> None:
    """Before ends the day before, after begins the day after; both end where numbers do."""
    kept = Days(date(2026, 3, 1), date(2026, 3, 10))
    before, after = around(date(2026, 3, 5), 7, kept)

    assert before == Days(date(2026, 3, 1), date(2026, 3, 4))
    assert after == Days(date(2026, 3, 6), date(2026, 3, 10))
    assert not before.meets(after)
