"""Legal holds: a reason, an approver, an end; anything less is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.domain.retention import LegalHold
from agent.errors import PolicyError, PolicyWouldKeepForever, StoreError
from agent.store.holds import LONGEST_HOLD
from agent.store.segments import SegmentReader, SegmentStore
from tests.sealing import NOW, bucket, records

DAY = timedelta(days=1)
HOLD = LegalHold(
    id="theft-1",
    zone="door",
    since=NOW - DAY,
    until=NOW,
    reason="Police asked for the evening of the theft",
    approver="M. Sato",
    placed_at=NOW,
    expires_at=NOW + 30 * DAY,
)


@pytest.fixture
def path(tmp_path):
    """Return where the database will lie."""
    return tmp_path / "segments.sqlite"


@pytest.fixture
def holds(path):
    """Return an empty store's holds."""
    with SegmentStore(path) as store:
        yield store.holds


def test_a_hold_comes_back_unchanged(holds, path) -> None:
    """Writer and reader see the same hold."""
    other = replace(HOLD, id="all", zone=None, placed_at=NOW - DAY)
    holds.place(HOLD)
    holds.place(other)

    assert holds.active(NOW) == [other, HOLD]
    with SegmentReader(path) as reader:
        assert reader.holds.all() == [other, HOLD]


def test_a_hold_ends_by_itself(holds) -> None:
    """From its end on it is history."""
    holds.place(HOLD)

    assert holds.active(HOLD.expires_at - timedelta(seconds=1)) == [HOLD]
    assert holds.active(HOLD.expires_at) == []
    assert holds.all() == [HOLD]


def test_a_lifted_hold_ends_then_and_stays_on_record(holds) -> None:
    """Who lifted it early can see when it ended."""
    holds.place(HOLD)

    holds.lift(HOLD.id, NOW + DAY)

    assert holds.active(NOW + DAY) == []
    assert holds.all() == [replace(HOLD, expires_at=NOW + DAY)]


@pytest.mark.parametrize("id_", ["none", "theft-1"])
def test_what_is_not_held_cannot_be_lifted(holds, id_) -> None:
    """A wrong id, or one that was lifted before, is refused."""
    holds.place(HOLD)
    holds.lift(HOLD.id, NOW)

    with pytest.raises(StoreError, match="no such hold"):
        holds.lift(id_, NOW + DAY)
    assert holds.all() == [replace(HOLD, expires_at=NOW)]


@pytest.mark.parametrize("length", [LONGEST_HOLD + timedelta(seconds=1), timedelta(days=3650)])
def test_an_endless_hold_is_refused(holds, length) -> None:
    """No hold lasts longer than a year."""
    with pytest.raises(PolicyWouldKeepForever, match="365"):
        holds.place(replace(HOLD, expires_at=NOW + length))
    assert holds.all() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"reason": " \n"},
        {"reason": "x" * 501},
        {"approver": ""},
        {"id": ""},
        {"expires_at": NOW},
        {"since": NOW, "until": NOW},
    ],
)
def test_a_hold_that_says_too_little_is_refused(holds, wrong) -> None:
    """Reason, approver, id, a period and an end are needed."""
    with pytest.raises(PolicyError):
        holds.place(replace(HOLD, **wrong))
    assert holds.all() == []


def test_an_id_is_given_once(holds) -> None:
    """A second hold doesn't replace the first, and can't prolong it."""
    holds.place(HOLD)

    with pytest.raises(StoreError, match="already"):
        holds.place(replace(HOLD, expires_at=NOW + 300 * DAY))
    assert holds.all() == [HOLD]


def test_a_reader_places_no_hold(holds, path) -> None:
    """The reader's connection can't write."""
    with SegmentReader(path) as reader, pytest.raises(StoreError):
        reader.holds.place(HOLD)
    assert holds.all() == []


def test_a_hold_covers_the_holdings_it_names(path) -> None:
    """What the store tells of a bucket is enough to judge a hold by."""
    with SegmentStore(path) as store:
        for zone in ("door", "till"):
            writer = bucket(zone)
            store.append(writer.seal(records(3)), writer.sealed_key)
        held = replace(HOLD, until=NOW + DAY)

        covered = [h.zone for h in store.holdings() if held.covers(h, NOW)]
        over = [h.zone for h in store.holdings() if held.covers(h, HOLD.expires_at)]

    assert covered == ["door"]
    assert over == []
