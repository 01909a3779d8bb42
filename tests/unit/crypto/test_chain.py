"""Across the buckets of a zone: what is gone, doubled, forged or unfinished is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.crypto.chain import Finding, verify_zone
from agent.domain.segment import FIRST_LINK
from agent.errors import UnknownKey
from tests.sealing import (
    BUCKET_START,
    RETENTION,
    bucket,
    closed_bucket,
    old_bucket,
    records,
    verifier,
)

HOUR = timedelta(hours=1)
LATER = BUCKET_START + 20 * HOUR
"""All buckets are over, none is due."""


def zone(count: int = 6):
    """Return the closed buckets of some hours, each following the one before."""
    link, buckets = FIRST_LINK, []
    for hour in range(count):
        _, segments = closed_bucket(previous=link, start=BUCKET_START + hour * HOUR)
        link = segments[-1].link
        buckets.append(segments)
    return buckets


@pytest.fixture(scope="module")
def whole():
    """Return a zone of six buckets, made once; tests copy before they change it."""
    return zone()


def kinds(buckets, **how):
    """Return what is found, and at which hour."""
    found = verify_zone(buckets, verifier(), **{"now": LATER, **how})
    return [(f.kind, (f.start - BUCKET_START) // HOUR) for f in found]


def test_a_whole_zone_has_no_findings(whole) -> None:
    """Nothing is wrong where nothing is wrong, also with the store's own record of the end."""
    assert kinds(whole) == []
    assert kinds(whole, end=whole[-1][-1].link) == []


def test_no_buckets_have_no_findings() -> None:
    """A zone in which nothing was ever stored is fine."""
    assert kinds([]) == []


@pytest.mark.parametrize("gone", [1, 2, 4])
def test_a_bucket_taken_out_of_the_middle_is_a_gap(whole, gone: int) -> None:
    """Its successor follows something that isn't there."""
    left = [b for i, b in enumerate(whole) if i != gone]

    assert kinds(left) == [(Finding.GAP, gone + 1)]


def test_the_oldest_buckets_may_be_gone(whole) -> None:
    """A purge takes the oldest first: that is no gap."""
    assert kinds(whole[2:]) == []


def test_a_gap_after_a_bucket_that_is_due_is_a_purge(whole) -> None:
    """A bucket that a legal hold kept stays alone when the ones after it were purged."""
    due = BUCKET_START + HOUR + RETENTION
    left = [whole[0], *whole[3:]]

    assert kinds(left, now=due) == []
    assert kinds(left, now=due - timedelta(seconds=1)) == [(Finding.GAP, 3)]


def test_lowered_deadlines_explain_a_gap(whole) -> None:
    """Where a policy brought the deadlines forward, the purge came earlier."""
    left = [whole[0], *whole[3:]]
    lowered = {whole[0][0].header.key_id: LATER}

    assert kinds(left, deadlines=lowered) == []


def test_a_later_deadline_explains_nothing(whole) -> None:
    """The signed deadline is the latest one."""
    left = [whole[0], *whole[3:]]
    raised = {whole[0][0].header.key_id: LATER + timedelta(days=900)}

    assert kinds(left, deadlines=raised) == [(Finding.GAP, 3)]


def test_the_newest_bucket_is_missed_by_who_remembers_it(whole) -> None:
    """Only the store's record of the end tells that the last buckets are gone."""
    end = whole[-1][-1].link

    assert kinds(whole[:-1]) == []
    assert kinds(whole[:-1], end=end) == [(Finding.END_MISSING, 4)]
    assert kinds(whole[:-2], end=end) == [(Finding.END_MISSING, 3)]


def test_a_purged_zone_has_no_missing_end(whole) -> None:
    """When what is left is due itself, the newer ones may have been purged."""
    end = whole[-1][-1].link

    assert kinds(whole[:1], end=end, now=BUCKET_START + HOUR + RETENTION) == []


def test_a_bucket_put_back_is_a_fork(whole) -> None:
    """A bucket that was replaced follows the same one as its replacement."""
    _, again = closed_bucket(previous=whole[1][-1].link, start=BUCKET_START + 2 * HOUR)

    found = kinds([*whole[:3], again, *whole[3:]])

    assert (Finding.FORK, 2) in found


def test_a_bucket_of_another_zones_chain_is_a_gap(whole) -> None:
    """A bucket that doesn't belong here follows nothing that is here."""
    _, stranger = closed_bucket(previous=b"\1" * 32, start=BUCKET_START + 9 * HOUR)

    assert kinds([*whole, stranger]) == [(Finding.GAP, 9)]


def test_an_unclosed_bucket_is_reported_once_it_is_over(whole) -> None:
    """While it runs it is fine; after its end it lacks its closing segments."""
    writer = bucket(previous=whole[-1][-1].link, start=BUCKET_START + 6 * HOUR)
    flushes = [writer.seal(records(5, seed=i)) for i in range(3)]

    assert kinds([*whole, flushes], now=BUCKET_START + 6.5 * HOUR) == []
    assert kinds([*whole, flushes]) == [(Finding.UNCLOSED, 6)]


def test_a_crashed_bucket_is_still_a_link(whole) -> None:
    """What follows a bucket that was never closed follows its last flush."""
    writer = bucket(previous=whole[-1][-1].link, start=BUCKET_START + 6 * HOUR)
    flushes = [writer.seal(records(5, seed=i)) for i in range(3)]
    _, after = closed_bucket(previous=flushes[-1].link, start=BUCKET_START + 7 * HOUR)

    assert kinds([*whole, flushes, after]) == [(Finding.UNCLOSED, 6)]
    assert (Finding.GAP, 7) in kinds([*whole, flushes[:-1], after])
    assert (Finding.GAP, 7) in kinds([*whole, after])


def test_a_changed_segment_is_found(whole) -> None:
    """A flipped bit shows at its bucket, and at its successor, which doesn't follow it."""
    changed = [
        replace(s, ciphertext=bytes([s.ciphertext[0] ^ 1]) + s.ciphertext[1:]) for s in whole[2]
    ]

    assert kinds([*whole[:2], changed, *whole[3:]]) == [
        (Finding.TAMPERED, 2),
        (Finding.GAP, 3),
    ]


def test_a_cut_segment_is_found(whole) -> None:
    """A segment that ends early is named for what it is."""
    cut = [replace(s, ciphertext=s.ciphertext[:-1]) for s in whole[5]]

    assert (Finding.TRUNCATED, 5) in kinds([*whole[:5], cut])


def test_an_unknown_schema_is_not_called_forged(whole) -> None:
    """A newer Omokage's bucket is unreadable, and nothing worse."""
    newer = [replace(s, header=replace(s.header, schema_version=7)) for s in whole[5]]

    assert (Finding.UNREADABLE, 5) in kinds([*whole[:5], newer])


def test_a_device_without_a_key_is_unreadable(whole) -> None:
    """Without a verification key nothing can be said of a bucket."""

    def nobody(device, at):
        raise UnknownKey("no key")

    found = verify_zone(whole, nobody, now=LATER)

    assert [f.kind for f in found] == [Finding.UNREADABLE] * 6


def test_old_buckets_are_not_chained_to_each_other() -> None:
    """Schema 1 knew no chain across buckets, so holes between its buckets aren't seen."""
    old = []
    for hour in (0, 2):
        writer = old_bucket(start=BUCKET_START + hour * HOUR)
        old.append([writer.seal(records(5)) for _ in range(2)])
    _, first = closed_bucket(start=BUCKET_START + 3 * HOUR)

    assert kinds([*old, first]) == []


def test_findings_name_their_bucket(whole) -> None:
    """Zone, start and key id lead to the place, and the sentence holds no value."""
    (found,) = verify_zone([whole[0], *whole[2:]], verifier(), now=LATER)

    assert (found.zone, found.key_id) == ("door", whole[2][0].header.key_id)
    assert "gone" in found.text
