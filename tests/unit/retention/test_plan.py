"""What must go, what stays, and the reason for each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.retention import Tier
from agent.retention.plan import Why, deadlines, overdue, plan
from tests.retaining import DAY, HOUR, NOW, hold, holding, policy


def why(one, rules=None, holds=(), **kwargs) -> Why:
    """Return the reason of a single holding's lot."""
    (lot,) = plan([one], rules or policy(), holds, NOW, **kwargs)
    return lot.why


def test_what_is_young_is_kept_until_its_deadline() -> None:
    """A holding that isn't due says when it will be."""
    (lot,) = plan([holding(2)], policy(), (), NOW).keep

    assert (Why.DUE_LATER, NOW + 70 * HOUR) == (lot.why, lot.at)


def test_a_deadline_is_the_last_instant() -> None:
    """At its deadline a holding goes, not a moment later."""
    assert why(holding(72)) is Why.PAST_DEADLINE
    assert why(holding(71.999)) is Why.DUE_LATER


def test_a_longer_policy_refuses_to_extend() -> None:
    """What was collected under 24 hours goes after 24 hours, whatever the policy says now."""
    assert why(holding(25, life=24 * HOUR), policy(records=72 * HOUR)) is Why.PAST_DEADLINE


def test_a_shorter_policy_brings_the_end_forward() -> None:
    """What was collected under 72 hours goes after 24, once the policy says 24."""
    assert why(holding(25), policy(records=24 * HOUR)) is Why.POLICY_SHORTER
    assert why(holding(23), policy(records=24 * HOUR)) is Why.DUE_LATER


def test_each_tier_has_its_own_life() -> None:
    """Numbers outlive records, and days outlive single buckets."""
    old = 24 * 100

    assert why(holding(old)) is Why.PAST_DEADLINE
    assert why(holding(old, tier=Tier.AGGREGATES)) is Why.PAST_DEADLINE
    assert why(holding(old, tier=Tier.DAILY)) is Why.DUE_LATER
    assert why(holding(24 * 731, tier=Tier.DAILY)) is Why.PAST_DEADLINE


def test_what_cant_be_dated_goes() -> None:
    """A privacy store doesn't keep what it can't understand."""
    odd = replace(holding(2), end=NOW - 10 * HOUR)

    assert why(odd) is Why.UNDATABLE


def test_a_hold_keeps_records_and_says_until_when() -> None:
    """Due records under a hold stay; the lot names the hold and its end."""
    (lot,) = plan([holding(100)], policy(), [hold()], NOW).held

    assert (Why.HELD, NOW + 30 * DAY, "H1") == (lot.why, lot.at, lot.hold.id)


def test_of_several_holds_the_longest_counts() -> None:
    """What two holds keep stays until both have ended."""
    short = hold(id="short", expires_at=NOW + DAY)

    (lot,) = plan([holding(100)], policy(), [short, hold()], NOW).held

    assert lot.hold.id == "H1"


@pytest.mark.parametrize(
    "refused",
    [
        hold(zone="till"),
        hold(expires_at=NOW),
        hold(since=NOW - 2 * HOUR),
        hold(until=NOW - 30 * DAY, since=NOW - 60 * DAY),
    ],
    ids=["another zone", "ended", "later", "earlier"],
)
def test_a_hold_keeps_nothing_else(refused) -> None:
    """Another place, another time, an ended hold: what is due goes."""
    assert why(holding(100), holds=[refused]) is Why.PAST_DEADLINE


@pytest.mark.parametrize("tier", [Tier.AGGREGATES, Tier.DAILY])
def test_numbers_are_never_held(tier: Tier) -> None:
    """A hold is about sealed records only."""
    assert why(holding(24 * 800, tier=tier), holds=[hold(since=NOW - 1000 * DAY)]) in {
        Why.PAST_DEADLINE,
        Why.POLICY_SHORTER,
    }


def test_a_damaged_database_is_held_with_any_zone() -> None:
    """What is in a file that nobody can read may be what a hold is about."""
    assert why(holding(100, zone=""), holds=[hold(zone="till")]) is Why.HELD


def test_rows_from_the_future_are_kept_and_named() -> None:
    """A wrong clock's rows aren't wiped, but get at most one full life from now."""
    future = holding(-24 * 365)
    (lot,) = plan([future], policy(), (), NOW).keep

    assert (Why.FROM_THE_FUTURE, NOW + 72 * HOUR) == (lot.why, lot.at)
    assert deadlines([future], policy(), NOW) == {future.id: NOW + 72 * HOUR}


def test_a_lowered_future_row_goes_at_its_new_deadline() -> None:
    """Once its deadline was brought forward it is due then, long before the date it claims."""
    lowered = replace(holding(-24 * 365), delete_by=NOW)

    assert why(lowered) is Why.PAST_DEADLINE


def test_the_running_bucket_isnt_from_the_future() -> None:
    """A clock that is set back by seconds makes nothing suspicious."""
    running = replace(holding(0), start=NOW + 2 * HOUR / 3600, end=NOW + HOUR)

    assert why(running) is Why.DUE_LATER


def test_while_clocks_disagree_each_row_is_judged_by_its_own() -> None:
    """A clock a year ahead deletes neither the old rows early nor the new ones late."""
    ahead = NOW + 365 * DAY
    old, new = holding(2), holding(-24 * 365 + 2)
    new_and_due = holding(-24 * 365 + 80)

    found = plan([old, new, new_and_due], policy(), (), NOW, ahead=ahead)

    assert [old.id, new.id] == [lot.holding.id for lot in found.keep]
    assert [new_and_due.id] == [lot.holding.id for lot in found.expire]


def test_while_clocks_disagree_the_future_keeps_its_deadlines() -> None:
    """Nothing is brought forward by a clock that isn't believed."""
    assert deadlines([holding(-24 * 365)], policy(), NOW, ahead=NOW + 366 * DAY) == {}


def test_only_nearer_deadlines_are_returned() -> None:
    """A longer policy yields no new deadline at all."""
    assert deadlines([holding(2)], policy(records=500 * HOUR), NOW) == {}
    assert deadlines([holding(2, id="x")], policy(records=5 * HOUR), NOW) == {"x": NOW + 3 * HOUR}


def test_overdue_counts_rows_that_are_still_there() -> None:
    """The goal is 0: what is due and wasn't deleted, without what a hold keeps."""
    found = plan([holding(100, id="a"), holding(90, id="b"), holding(2)], policy(), (), NOW)

    assert overdue(found, Tier.RECORDS) == 200
    assert overdue(found, Tier.RECORDS, frozenset({"a"})) == 100
    assert overdue(found, Tier.DAILY) == 0
    held = plan([holding(100)], policy(), [hold()], NOW)
    assert overdue(held, Tier.RECORDS) == 0


def test_the_next_deadline_is_the_earliest_of_all() -> None:
    """Kept and held lots both have one; nothing left has none."""
    found = plan([holding(2), holding(100)], policy(), [hold(expires_at=NOW + HOUR)], NOW)

    assert found.next_due == NOW + HOUR
    assert plan([], policy(), (), NOW).next_due is None
