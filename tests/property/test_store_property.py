"""Whatever is asked of the store: deadlines only come nearer, and what is gone is found missing."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.crypto.chain import Finding, verify_zone
from agent.domain.segment import FIRST_LINK
from agent.store.segments import SegmentStore
from tests.sealing import (
    BUCKET_START,
    DELETE_BY,
    RETENTION,
    bucket,
    closed_bucket,
    expire,
    records,
    verifier,
)

HOUR = timedelta(hours=1)
HOURS = 6


def _chain():
    """Return a zone's keys and closed buckets, each following the one before."""
    link, made = FIRST_LINK, []
    for hour in range(HOURS):
        key, segments = closed_bucket(1, previous=link, start=BUCKET_START + hour * HOUR)
        link = segments[-1].link
        made.append((key, segments))
    return made


ZONE = _chain()
instants = st.integers(-100_000, 100_000).map(lambda s: DELETE_BY + timedelta(seconds=s))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 1), instants), max_size=12))
def test_a_deadline_is_the_earliest_that_was_ever_asked_for(asked) -> None:
    """In any order and any number of times, `lower` never extends and touches nothing else."""
    with tempfile.TemporaryDirectory() as folder, SegmentStore(Path(folder) / "a.sqlite") as store:
        ids = []
        for zone in ("door", "till"):
            writer = bucket(zone)
            store.append(writer.seal(records(2)), writer.sealed_key)
            ids.append(writer.sealed_key.key_id.hex())
        expected = dict.fromkeys(ids, DELETE_BY)
        for which, instant in asked:
            changed = store.lower({ids[which]: instant})
            assert changed == (instant < expected[ids[which]])
            expected[ids[which]] = min(instant, expected[ids[which]])

        assert expected == {h.id: h.delete_by for h in store.holdings()}


@settings(max_examples=30)
@given(st.sets(st.integers(0, HOURS - 1)), st.integers(-1, HOURS + 1))
def test_a_purge_takes_what_is_due_and_leaves_the_rest(lowered: set[int], hours: int) -> None:
    """At any instant nothing that is due stays and nothing else goes; twice is once."""
    now = DELETE_BY + hours * HOUR
    with tempfile.TemporaryDirectory() as folder, SegmentStore(Path(folder) / "a.sqlite") as store:
        for key, segments in ZONE:
            store.close_bucket(key, segments)
        store.lower({ZONE[hour][0].key_id.hex(): now for hour in lowered})
        before = {h.id: h.delete_by for h in store.holdings()}

        expire(store, now)
        left = {h.id: h.delete_by for h in store.holdings()}

        assert left == {id_: at for id_, at in before.items() if at > now}
        assert expire(store, now).keys == 0
        assert len(before) == HOURS


@settings(max_examples=60)
@given(st.sets(st.integers(0, HOURS - 1), min_size=1, max_size=HOURS))
def test_every_hole_in_a_zone_is_found(left: set[int]) -> None:
    """Whichever buckets are taken away, there is a finding after each hole, and at the end."""
    kept = sorted(left)
    buckets = [ZONE[hour][1] for hour in kept]

    found = verify_zone(buckets, verifier(), now=BUCKET_START + 20 * HOUR, end=ZONE[-1][1][-1].link)

    holes = [b for a, b in pairwise(kept) if b - a > 1]
    cut = [kept[-1]] if kept[-1] < HOURS - 1 else []
    where = lambda kind: [(f.start - BUCKET_START) // HOUR for f in found if f.kind is kind]  # noqa: E731
    assert holes == where(Finding.GAP)
    assert cut == where(Finding.END_MISSING)
    assert len(found) == len(holes) + len(cut)


@settings(max_examples=60)
@given(st.integers(0, HOURS), st.integers(0, HOURS - 1))
def test_a_purge_in_order_of_deadlines_is_never_a_finding(due: int, held: int) -> None:
    """What a retention leaves behind, with or without a held bucket, looks whole."""
    now = BUCKET_START + due * HOUR + RETENTION
    left = [
        segments
        for hour, (_, segments) in enumerate(ZONE)
        if hour == held or segments[0].header.delete_by > now
    ]

    assert verify_zone(left, verifier(), now=now, end=ZONE[-1][1][-1].link) == []
