"""Invariants of retention: one list each, nothing outlives its limit, nothing is ever extended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.domain.policy import LONGEST_LIFE
from agent.domain.retention import Holding, Tier
from agent.errors import PolicyEmpty, PolicyError, PolicyWouldKeepForever
from agent.retention.plan import Why, deadlines, limit, plan
from agent.retention.safety import Stop, clear
from agent.retention.trust import Clocks, Mark, judge
from tests.retaining import DAY, HOUR, NOW, hold, policy

TIERS = st.sampled_from([Tier.RECORDS, Tier.AGGREGATES, Tier.DAILY])
LIVES = st.integers(1, 3650 * 24).map(lambda hours: hours * HOUR)
OFFSETS = st.integers(-100_000, 100_000).map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def holdings(draw) -> Holding:
    """Any holding, also from the future, undatable, or with a lowered deadline."""
    start = NOW + draw(OFFSETS)
    end = start + timedelta(minutes=draw(st.integers(-5, 1500)))
    return Holding(
        id=draw(st.uuids()).hex,
        tier=draw(TIERS),
        zone=draw(st.sampled_from(["", "door", "till"])),
        start=start,
        end=end,
        rows=draw(st.integers(0, 5000)),
        stored_bytes=0,
        delete_by=start + draw(OFFSETS),
    )


STOCKS = st.lists(holdings(), max_size=12)
POLICIES = st.builds(policy, records=LIVES, aggregates=LIVES, daily=LIVES)
HOLDS = st.lists(
    st.builds(
        hold,
        zone=st.sampled_from([None, "door", "till"]),
        since=OFFSETS.map(lambda o: NOW - 100 * DAY + o),
        until=OFFSETS.map(lambda o: NOW + o),
        expires_at=OFFSETS.map(lambda o: NOW + o),
    ),
    max_size=3,
)


@given(STOCKS, POLICIES, HOLDS, st.none() | st.just(NOW + 300 * DAY))
def test_every_holding_is_in_exactly_one_list(stock, rules, holds, ahead) -> None:
    """The plan is a partition, in whatever state the clocks are."""
    found = plan(stock, rules, holds, NOW, ahead=ahead)

    ids = [lot.holding.id for lot in found]
    assert sorted(h.id for h in stock) == sorted(ids)


@given(STOCKS, POLICIES, HOLDS)
def test_planning_again_after_the_purge_finds_nothing_more(stock, rules, holds) -> None:
    """What was left is left again: a purge is idempotent."""
    first = plan(stock, rules, holds, NOW)
    left = [lot.holding for lot in (*first.keep, *first.held)]

    assert plan(left, rules, holds, NOW).expire == ()


@given(STOCKS, POLICIES, st.integers(0, 5_000_000))
def test_what_is_due_stays_due(stock, rules, seconds) -> None:
    """Without a hold, time only ever adds to what must go."""
    later = NOW + timedelta(seconds=seconds)
    before = {lot.holding.id for lot in plan(stock, rules, (), NOW).expire}

    assert before <= {lot.holding.id for lot in plan(stock, rules, (), later).expire}


@given(STOCKS, POLICIES)
def test_nothing_outlives_its_limit(stock, rules) -> None:
    """What is kept has neither reached its deadline nor lived longer than the policy allows."""
    for lot in plan(stock, rules, (), NOW).keep:
        assert lot.holding.delete_by > NOW
        assert lot.at <= lot.holding.delete_by
        assert lot.at <= max(NOW, lot.holding.end) + limit(lot.holding.tier, rules)


@given(STOCKS, POLICIES, HOLDS)
def test_lowering_never_extends_and_changes_no_lot(stock, rules, holds) -> None:
    """Deadlines come nearer only, and applying them leaves the same holdings due."""
    nearer = deadlines(stock, rules, NOW)
    lowered = [replace(h, delete_by=nearer.get(h.id, h.delete_by)) for h in stock]

    assert all(new.delete_by <= old.delete_by for new, old in zip(lowered, stock, strict=True))
    before, after = plan(stock, rules, holds, NOW), plan(lowered, rules, holds, NOW)
    assert [lot.holding.id for lot in before] == [lot.holding.id for lot in after]
    assert deadlines(lowered, rules, NOW) == {}


@given(STOCKS, POLICIES, POLICIES)
def test_a_policy_that_grows_back_extends_nothing(stock, short, long) -> None:
    """What a shorter policy brought forward stays there under a longer one."""
    nearer = deadlines(stock, short, NOW)
    lowered = [replace(h, delete_by=nearer.get(h.id, h.delete_by)) for h in stock]

    back = deadlines(lowered, long, NOW)

    assert all(back[h.id] < h.delete_by for h in lowered if h.id in back)


@given(STOCKS, POLICIES, HOLDS)
def test_holds_keep_records_only_and_only_until_they_end(stock, rules, holds) -> None:
    """Whatever is held is a due record under a hold that hasn't ended; after all ends it goes."""
    found = plan(stock, rules, holds, NOW)
    free = {lot.holding.id for lot in plan(stock, rules, (), NOW).expire}

    for lot in found.held:
        assert lot.holding.tier is Tier.RECORDS
        assert lot.hold.expires_at > NOW
        assert lot.holding.id in free
    over = max((one.expires_at for one in holds), default=NOW)
    assert plan(stock, rules, holds, max(NOW, over)).held == ()


@given(
    st.integers(-400, 400), st.integers(0, 30 * 24), st.booleans(), st.none() | st.integers(0, 200)
)
@settings(max_examples=300)
def test_no_clock_deletes_before_its_time_has_proven(days, hours, same_boot, doubted) -> None:
    """While a clock is doubted, the earlier of both rules what was written before."""
    spent = None if doubted is None else doubted * HOUR
    mark = Mark(NOW, NOW, 1000.0, "a", spent)
    clocks = Clocks(NOW + days * DAY, 1000.0 + hours * 3600, "a" if same_boot else "b")

    found = judge(clocks, mark, None)

    assert found.now <= clocks.wall
    if found.doubt is None:
        assert (found.now, found.ahead) == (clocks.wall, None)
    else:
        assert {found.now, found.ahead} == {clocks.wall, found.mark.proven}
        assert found.now < found.ahead
        assert found.mark.proven >= NOW


@given(STOCKS, POLICIES, HOLDS)
def test_what_has_reached_its_own_deadline_waits_for_nobody(stock, rules, holds) -> None:
    """Only what a shorter policy brings forward may wait, and nothing is let go of twice."""
    found = plan(stock, rules, holds, NOW)
    allowed = clear(found, rules, known=True)

    assert {lot.why for lot in allowed.wait} <= {Why.POLICY_SHORTER}
    both = [lot.holding.id for lot in (*allowed.go, *allowed.wait)]
    assert sorted(both) == sorted(lot.holding.id for lot in found.expire)
    assert (allowed.stop is None) == (not allowed.wait)


@given(STOCKS, POLICIES, HOLDS, st.none() | st.integers(0, 20_000))
def test_nothing_at_all_goes_from_an_unknown_database(stock, rules, holds, agreed) -> None:
    """Whatever is due, and whatever number somebody types."""
    found = plan(stock, rules, holds, NOW)
    allowed = clear(found, rules, known=False, agreed=agreed)

    assert ((), found.expire, Stop.OTHER_DATABASE) == (allowed.go, allowed.wait, allowed.stop)


@given(STOCKS, POLICIES, HOLDS, st.integers(0, 100_000))
def test_any_other_number_is_refused(stock, rules, holds, agreed) -> None:
    """Only the number of the rows that wait lets them go."""
    found = plan(stock, rules, holds, NOW)
    rows = clear(found, rules, known=True).waiting_rows
    assume(agreed != rows)

    with pytest.raises(PolicyError) as caught:
        clear(found, rules, known=True, agreed=agreed)
    assert f"It is {rows}." in caught.value.advice
    assert found.expire == clear(found, rules, known=True, agreed=rows).go


@given(
    STOCKS,
    st.sampled_from(["records", "aggregates", "daily"]),
    st.timedeltas(timedelta(days=-9999), timedelta(0)),
)
def test_a_life_of_nothing_is_refused(stock, tier, life) -> None:
    """Whatever there is, a policy that keeps it for no time deletes nothing."""
    rules = policy(**{tier: life})

    with pytest.raises(PolicyEmpty):
        clear(plan(stock, rules, (), NOW), rules, known=True)


@given(
    STOCKS,
    st.sampled_from(["records", "aggregates", "daily"]),
    st.timedeltas(timedelta(seconds=1), timedelta(days=99_999)),
)
def test_a_life_beyond_ten_years_is_refused(stock, tier, more) -> None:
    """Ten years are the longest; a second more keeps for ever."""
    rules = policy(**{tier: LONGEST_LIFE + more})

    with pytest.raises(PolicyWouldKeepForever):
        clear(plan(stock, rules, (), NOW), rules, known=True)
