"""What counts as lost, swapped, trembling and late."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from agent.evaluation.clips import is_cut
from agent.evaluation.tracks import (
    Clip,
    Seen,
    delay,
    followed,
    lost,
    share_covered,
    still_passages,
    swapped,
    tremble,
)

LEFT, RIGHT = (0, 0, 40, 40), (100, 0, 140, 40)


def face(track: int, box: tuple[int, ...]) -> Seen:
    """One face at a place."""
    points = np.zeros((68, 2), np.float32)
    return Seen(track, np.array(box, np.float32), points, np.zeros(3, np.float32), np.zeros(19))


def clip(*frames: list[Seen]) -> Clip:
    """A clip of ten frames a second."""
    return Clip("a.mp4", 10.0, list(frames), [{} for _ in frames])


def test_a_new_track_at_an_old_place_is_a_loss() -> None:
    """The face was there all the time: track 1 ends, track 2 begins at its place."""
    assert lost(clip([face(1, LEFT)], [face(1, LEFT)], [], [face(2, LEFT)])) == 1


def test_a_newcomer_elsewhere_or_later_is_no_loss() -> None:
    """Another place, or more than a second, is somebody else."""
    assert lost(clip([face(1, LEFT)], [], [face(2, RIGHT)])) == 0
    assert lost(clip([face(1, LEFT)], *([[]] * 11), [face(2, LEFT)])) == 0


def test_nobody_is_lost_at_a_cut() -> None:
    """Where the scene changes, a new face at an old place is another person's."""
    film = clip([face(1, LEFT)], [face(1, LEFT)], [face(2, LEFT)])
    film.cuts.add(2)

    assert lost(film) == 0


def test_another_scene_is_a_cut_and_a_moving_face_is_none() -> None:
    """A changed picture is told from one in which something moves, also when it is dark."""
    rng = np.random.default_rng(1)
    scenes = [
        cv2.resize(rng.integers(0, 255, (6, 8), dtype=np.uint8), (320, 240)) for _ in range(2)
    ]
    moved = scenes[0].copy()
    moved[60:160, 80:160] = scenes[0][70:170, 90:170]

    assert is_cut(scenes[0], scenes[1])
    assert not is_cut(scenes[0], moved)
    assert not is_cut(np.zeros_like(moved), np.zeros_like(moved))


def test_a_track_that_goes_on_is_no_loss() -> None:
    """A missed frame in between doesn't end a track."""
    assert lost(clip([face(1, LEFT)], [], [face(1, LEFT)])) == 0


def test_tracks_that_change_places_are_swapped() -> None:
    """Both tracks stand where the other was."""
    both = [face(1, LEFT), face(2, RIGHT)]
    crossed = [face(1, RIGHT), face(2, LEFT)]

    assert swapped(clip(both, crossed)) == 2
    assert swapped(clip(both, both)) == 0


def test_a_jump_to_an_empty_place_is_no_swap() -> None:
    """A cut to another picture moves a track, but nobody was there before."""
    assert swapped(clip([face(1, LEFT)], [face(1, RIGHT)])) == 0


def test_rest_needs_enough_quiet_frames() -> None:
    """Eight quiet frames are a passage, seven aren't; a movement ends it."""
    quiet = clip(*([[face(1, LEFT)]] * 17))
    quiet.motion = [{1: 0.5}] * 8 + [{1: 9.0}] + [{1: 0.5}] * 7 + [{}]

    (passage,) = still_passages(quiet)

    assert (passage.start, len(passage.boxes)) == (0, 8)


def test_a_tool_without_the_face_can_t_be_compared() -> None:
    """A passage is compared only where every frame has the face."""
    own = clip(*([[face(1, LEFT)]] * 8))
    own.motion = [{1: 0.0}] * 8
    (passage,) = still_passages(own)
    gappy = clip(*([[face(7, LEFT)]] * 7), [face(7, RIGHT)])

    assert followed(own, passage) is not None
    assert followed(gappy, passage) is None


def test_tremble_measures_noise_and_not_drift() -> None:
    """Noise of deviation 0.2 gives 0.2, also on a slope."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.2, (4000, 1))

    assert tremble(noise)[0] == pytest.approx(0.2, rel=0.05)
    assert tremble(noise + np.linspace(0, 3, 4000)[:, None])[0] == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("late", [0, 1, 3])
def test_a_known_delay_is_found(late: int) -> None:
    """A track that repeats another one some frames later has just that delay."""
    times = np.arange(300) / 25
    raw = 2 + 2 * np.sin(2 * np.pi * 0.7 * times) + np.sin(2 * np.pi * 1.3 * times)
    live = np.roll(raw, late)

    assert delay(live[10:-10], raw[10:-10], 25.0) == pytest.approx(late / 25, abs=0.01)


def test_no_movement_has_no_delay() -> None:
    """A resting AU, a short track, and an unrelated one have none: NaN, not 0."""
    rng = np.random.default_rng(1)
    rest = rng.normal(0, 0.05, 300)

    assert math.isnan(delay(rest, rest, 25.0))
    assert math.isnan(delay(np.arange(9.0), np.arange(9.0), 25.0))
    assert math.isnan(delay(rng.normal(0, 1, 300), rng.normal(0, 1, 300) * 2, 25.0))


def test_coverage_counts_reference_faces() -> None:
    """Two reference faces, one of them followed."""
    boxes = [np.array(LEFT, np.float32), np.array(RIGHT, np.float32)]

    assert share_covered(clip([face(1, LEFT)]), [boxes]) == (2, 1)
