"""Clips: one track, 3-10 s, cut where nothing moves, labelled by what lasted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agent.domain.circumstance import Circumstance
from agent.domain.facs import AU_LABELS
from agent.domain.record import MISSING, to_batch
from agent.domain.review import Why
from agent.review.cutting import Place, look, pieces, rows_of, seen_under, unsure
from tests.reviewing import course, view

START = datetime(2026, 11, 25, 10, tzinfo=UTC)
PLACE = Place("ab" * 16, "door", START, START + timedelta(hours=72))


def still(count: int, hertz: float = 5.0, **fields):
    """Return records of a face at rest."""
    one = replace(
        course(7, 1.0)[0], au_sides=(0,) * 32, presence=0, emotion=(90, 2, 2, 2, 1, 1, 1, 1)
    )
    return [replace(one, offset=round(i / hertz * 10), **fields) for i in range(count)]


def test_a_short_visit_gives_no_clip() -> None:
    """Less than three seconds of a face isn't shown to anybody."""
    assert [] == pieces(to_batch(still(14)), PLACE)


def test_too_few_frames_give_no_clip() -> None:
    """At one frame a second nobody could judge a movement."""
    assert [] == pieces(to_batch(still(6, hertz=1.0)), PLACE)


def test_a_pause_ends_a_clip() -> None:
    """A track that wasn't seen for two seconds becomes two clips."""
    later = [replace(r, offset=r.offset + 60) for r in still(20)]
    found = pieces(to_batch(still(20) + later), PLACE)

    assert [0, 60] == [piece.clip.id.start for piece in found]


def test_a_long_visit_is_cut_where_the_face_rests() -> None:
    """The cut of a 12 s run falls into its still stretch, not into the movement."""
    rows = still(60)
    for i in (*range(5, 31), *range(42, 58)):
        rows[i] = replace(rows[i], au_sides=(10 + i % 3 * 4,) * 32)
    found = pieces(to_batch(rows), PLACE)

    assert 2 == len(found)
    assert 31 <= found[1].clip.id.start / 2 <= 42


def test_a_blink_counts_in_one_frame_and_a_smile_does_not() -> None:
    """Presence of 0.2 s is a blink's, but not enough for another movement."""
    rows = still(20)
    bits = 1 << AU_LABELS.index("AU45") | 1 << AU_LABELS.index("AU12")
    rows[9] = replace(rows[9], presence=bits)
    said = dict(zip(AU_LABELS, look(to_batch(rows)).present, strict=True))

    assert said["AU45"]
    assert not said["AU12"]


def test_what_is_not_measured_is_not_said_to_be_absent() -> None:
    """A backend without an AU gives None, and a site without the head has no class."""
    rows = still(20, au_sides=(MISSING,) * 32, emotion=(MISSING,) * 8)
    found = look(to_batch(rows))

    assert {None} == set(found.present) == set(found.held)
    assert found.emotion is None
    assert found.label is None


def test_rows_of_gives_back_exactly_the_clip() -> None:
    """A clip's records are those it was cut from, and only those of its track."""
    batch = to_batch(sorted(course(1, 9.0) + course(2, 9.0), key=lambda r: r.offset))
    for piece in pieces(batch, PLACE):
        rows = rows_of(batch, piece.clip)

        assert piece.clip.frames == len(rows)
        assert {piece.clip.id.track} == set(rows["track"].tolist())
        assert piece.model == look(rows)


def test_the_same_records_give_the_same_clips() -> None:
    """The order of the records doesn't matter, so a clip keeps its name."""
    records = course(1, 25.0) + course(2, 25.0)
    mixed = [records[i] for i in np.random.default_rng(1).permutation(len(records))]

    assert pieces(to_batch(records), PLACE) == pieces(to_batch(mixed), PLACE)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"emotion": (0.45, 0.44, 0.11, 0, 0, 0, 0, 0)}, Why.MARGIN),
        ({"held": (1.0,) * 19}, Why.THRESHOLD),
        ({"quality": 0.1}, Why.QUALITY),
    ],
)
def test_each_sign_of_doubt_is_named(changed: dict, why: Why) -> None:
    """A narrow lead, intensities at the threshold and a poor picture are each called so."""
    amount, found = unsure(replace(view(), **changed))

    assert why is found
    assert amount > 0.5


def test_a_clear_clip_is_sure() -> None:
    """A confident, good clip has no uncertainty at all."""
    assert unsure(view())[0] == 0


def test_a_clips_circumstances_are_those_of_most_of_its_records() -> None:
    """Far and dim in seven of ten records, near and bright in three: the clip is far and dim."""
    rows = still(20)
    for i in range(20):
        rows[i] = replace(rows[i], scene=1 if i < 14 else 4, pose=(0, 4 if i < 14 else 30, 0))

    assert seen_under(to_batch(rows)) == (
        Circumstance.FAR, Circumstance.DIM, Circumstance.FACING,
    )  # fmt: skip


def test_records_that_do_not_know_their_scene_have_no_say() -> None:
    """Old records among new ones are passed over; alone they leave distance and light open."""
    rows = still(20, pose=(6, 0, 0), scene=0)
    rows[3] = replace(rows[3], scene=4)

    assert seen_under(to_batch(rows)) == (
        Circumstance.NEAR, Circumstance.BRIGHT, Circumstance.TURNED,
    )  # fmt: skip
    assert seen_under(to_batch(still(20, pose=(6, 0, 0), scene=0))) == (Circumstance.TURNED,)
    assert seen_under(to_batch(still(20, scene=9))) == (Circumstance.FACING,)
