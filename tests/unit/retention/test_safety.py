"""What of a plan is refused although it is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.domain.policy import LONGEST_LIFE, Retention
from agent.domain.retention import Tier
from agent.errors import PolicyEmpty, PolicyError, PolicyWouldKeepForever
from agent.retention.plan import plan
from agent.retention.safety import Stop, clear
from tests.retaining import HOUR, NOW, hold, holding, policy

SHORT = policy(records=24 * HOUR)


def cleared(holdings, rules=SHORT, holds=(), *, known=True, agreed=None):
    """Plan and clear."""
    return clear(plan(holdings, rules, holds, NOW), rules, known=known, agreed=agreed)


def test_own_deadlines_need_nobody() -> None:
    """A store that slept for a month deletes all it has without asking."""
    stock = [holding(24 * 30 + hours, rows=5000) for hours in range(10)]

    found = cleared(stock, policy())

    assert (10, (), None) == (len(found.go), found.wait, found.stop)


def test_most_of_a_large_store_waits_when_the_policy_became_shorter() -> None:
    """Three quarters would go at once, before their own deadline: somebody must agree."""
    stock = [holding(hours, rows=1000) for hours in (30, 40, 50, 2)]

    found = cleared(stock)

    assert ((), Stop.MANY_AT_ONCE, 3000) == (found.go, found.stop, found.waiting_rows)


def test_everything_waits_however_little_it_is() -> None:
    """All there is of a tier isn't deleted by a slip in a file."""
    found = cleared([holding(30, rows=3)])

    assert ((), Stop.MANY_AT_ONCE) == (found.go, found.stop)


def test_a_small_part_goes_at_once() -> None:
    """A policy that became a little shorter takes effect by itself."""
    stock = [holding(hours, rows=1000) for hours in (30, 2, 3, 4)]

    found = cleared(stock)

    assert (1, None) == (len(found.go), found.stop)


def test_half_of_a_small_store_goes_at_once() -> None:
    """Below a thousand rows only the loss of everything is asked about."""
    found = cleared([holding(30, rows=400), holding(2, rows=100)])

    assert (1, None) == (len(found.go), found.stop)


def test_what_waits_doesnt_hold_up_what_is_due() -> None:
    """Own deadlines go on while the rest waits for a word."""
    found = cleared([holding(100), holding(30), holding(40)])

    assert [h.holding.id for h in found.go] == [holding(100).id]
    assert len(found.wait) == 2


def test_each_tier_is_judged_by_itself() -> None:
    """Many numbers don't excuse the loss of all records."""
    numbers = [holding(hours, tier=Tier.AGGREGATES, rows=100_000) for hours in range(1, 9)]

    found = cleared([holding(30, rows=10), *numbers])

    assert {lot.holding.tier for lot in found.wait} == {Tier.RECORDS}


def test_held_records_count_as_staying() -> None:
    """A hold on the rest means it isn't everything."""
    stock = [holding(30, rows=10), holding(40, zone="till", rows=10)]

    found = cleared(stock, holds=[hold(zone="till")])

    assert (1, None) == (len(found.go), found.stop)


def test_the_right_number_lets_it_go() -> None:
    """Who types the number has read it."""
    found = cleared([holding(30, rows=3)], agreed=3)

    assert (1, None) == (len(found.go), found.stop)


@pytest.mark.parametrize("agreed", [0, 2, 4, 30])
def test_another_number_is_refused(agreed: int) -> None:
    """A number from another day or another site isn't an agreement to this."""
    with pytest.raises(PolicyError, match="isn't the number") as caught:
        cleared([holding(30, rows=3)], agreed=agreed)
    assert "It is 3" in caught.value.advice


def test_a_number_is_refused_where_nothing_waits() -> None:
    """Agreeing to what isn't asked is a misunderstanding."""
    with pytest.raises(PolicyError):
        cleared([holding(100, rows=3)], agreed=3)


def test_nothing_goes_from_another_database() -> None:
    """While the old one may lie elsewhere, even what is due here waits; it is said at once."""
    found = cleared([holding(100)], known=False)

    assert ((), Stop.OTHER_DATABASE) == (found.go, found.stop)
    assert Stop.OTHER_DATABASE is cleared([holding(2)], known=False).stop


@pytest.mark.parametrize("life", [timedelta(0), -HOUR])
@pytest.mark.parametrize("tier", ["records", "aggregates", "access_log", "daily"])
def test_a_policy_that_keeps_nothing_is_refused(tier: str, life: timedelta) -> None:
    """No life at all is an empty policy, not a wish."""
    kept = replace(policy().retention, **{tier: life})

    with pytest.raises(PolicyEmpty, match=tier.replace("_", " ")):
        cleared([], replace(policy(), retention=kept))


@pytest.mark.parametrize("tier", ["records", "aggregates", "access_log", "daily"])
def test_a_policy_that_keeps_for_ever_is_refused(tier: str) -> None:
    """Ten years is the longest that any tier may live."""
    kept: Retention = replace(policy().retention, **{tier: LONGEST_LIFE + HOUR})

    with pytest.raises(PolicyWouldKeepForever):
        cleared([], replace(policy(), retention=kept))
