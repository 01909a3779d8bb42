"""What the centre lacks, decided from what both sides hold."""

from __future__ import annotations

from agent.domain.outgoing import Key, Kind
from agent.sync.plan import decide, living, newest, portions, sums, unlike, waiting

DAY = 86_400
A, B = Key(10 * DAY, Kind.CELL, "door"), Key(10 * DAY + 900, Kind.CELL, "door")
C = Key(11 * DAY, Kind.CELL, "yard")
D = Key(10 * DAY, Kind.DAY, "door")
HERE = {A: 100, B: 101, C: 102, D: 103}


def test_what_is_missing_is_sent_in_order_of_time() -> None:
    """Whatever the other side lacks is sent, oldest first."""
    plan = decide(HERE, {B: 101})

    assert plan.send == (A, D, C)
    assert plan.lower == {}


def test_what_is_there_alone_stays() -> None:
    """What the other side has alone is neither sent for nor deleted."""
    plan = decide({}, HERE)

    assert plan.send == ()
    assert plan.lower == {}


def test_only_a_nearer_deadline_is_carried_over() -> None:
    """A deadline there comes nearer, and is never put off."""
    plan = decide({A: 50, B: 500}, {A: 100, B: 101})

    assert plan.lower == {A: 50}
    assert plan.send == ()


def test_what_is_due_here_is_not_sent() -> None:
    """A bucket whose deadline is over, or just now, doesn't leave any more."""
    assert living(HERE, 101) == {C: 102, D: 103}


def test_equal_sides_have_no_unlike_group() -> None:
    """Where both sides hold the same, no key is asked for."""
    assert unlike(sums(HERE), sums(dict(reversed(HERE.items())))) == []


def test_any_difference_shows_in_its_group() -> None:
    """A missing key, another start or another deadline makes its zone and day unlike."""
    base = sums(HERE)

    without = {key: at for key, at in HERE.items() if key != B}
    moved = {**without, Key(B.start + 900, B.kind, B.zone): 101}
    nearer = {**HERE, B: 90}
    assert [A.group] == unlike(base, sums(without))
    assert [A.group] == unlike(base, sums(moved))
    assert [A.group] == unlike(base, sums(nearer))


def test_two_zones_are_never_taken_for_each_other() -> None:
    """The same instants of another zone are another group."""
    mine, other = {A: 100}, {Key(A.start, A.kind, "yard"): 100}

    assert [A.group] == unlike(sums(mine), sums(other))


def test_a_plan_keeps_to_its_groups() -> None:
    """Keys outside of the groups that were asked for aren't sent on a guess."""
    assert decide(HERE, {}, [C.group]).send == (C,)


def test_portions_are_of_one_kind_and_whole() -> None:
    """Portions together are the plan, each of one kind and none too long."""
    found = list(portions([A, B, C, D], 2))

    assert found == [[A, B], [C], [D]]


def test_waiting_is_counted_by_time() -> None:
    """What began after the newest that was sent waits; before the first run everything does."""
    through = newest({A: 1, D: 1})

    assert waiting(HERE, through) == 2
    assert waiting(HERE, {}) == 4
