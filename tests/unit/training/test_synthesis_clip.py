"""The demo clip's script: who is there when, smooth, and loops."""

from __future__ import annotations

import numpy as np
import pytest

from agent.domain.facs import AU_SIDE_LABELS

pytest.importorskip("cv2")

from training.synthesis.clip_script import (
    ACTORS,
    FPS,
    SECONDS,
    centre_at,
    gain_at,
    lighting_at,
    ramp,
    scene_of,
)

TIMES = np.arange(SECONDS * FPS) / FPS


def test_the_clip_shows_none_to_three_actors():
    """There are moments with no, one, two and three actors."""
    counts = {sum(actor.present(t) for actor in ACTORS) for t in TIMES}

    assert counts == {0, 1, 2, 3}


def test_nobody_is_there_for_three_seconds_in_the_middle():
    """At least three seconds in a row between the first and last actor are empty."""
    empty = [t for t in TIMES if 10 < t < 55 and not any(a.present(t) for a in ACTORS)]

    assert max(empty) - min(empty) >= 3.0


def test_the_clip_loops():
    """First and last frame are empty and lit alike."""
    for t in (TIMES[0], TIMES[-1]):
        assert not any(actor.present(t) for actor in ACTORS)
    assert gain_at(TIMES[0]) == gain_at(TIMES[-1])
    assert lighting_at(TIMES[0]) == lighting_at(TIMES[-1])


def test_actors_come_and_go_outside_the_picture():
    """An actor's head is out of sight when they enter and when they leave."""
    for actor in ACTORS:
        for t in (actor.enter, actor.leave):
            assert not -10 * actor.scale < centre_at(actor, t)[0] < 640 + 10 * actor.scale


def test_expressions_are_smooth_and_on_the_scale():
    """Apart from the eyes, which blink, no AU moves more than 1.5 between two frames."""
    eyes = ("AU05", "AU07", "AU45")
    slow = [i for i, label in enumerate(AU_SIDE_LABELS) if not label.startswith(eyes)]
    for number, actor in enumerate(ACTORS):
        times = [t for t in TIMES if actor.present(t)]
        au = np.stack([scene_of(actor, number, t).au for t in times])

        assert au.min() >= 0.0
        assert au.max() <= 5.0
        assert np.abs(np.diff(au[:, slow], axis=0)).max() < 1.5


def test_everyone_blinks():
    """Each actor's eyes are nearly closed at some frame."""
    for number, actor in enumerate(ACTORS):
        times = [t for t in TIMES if actor.present(t)]

        assert max(scene_of(actor, number, t).au[-1] for t in times) > 4.0


def test_the_light_goes_down_and_comes_back():
    """The dim stretch is under half as bright, and the rest is full."""
    assert gain_at(27.0) < 0.5
    assert gain_at(20.0) == gain_at(40.0) == 1.0


def test_ramp_is_smooth_and_bounded():
    """A ramp is 0 before, 1 after, and a half in its middle."""
    assert [ramp(t, 1.0, 2.0) for t in (0.0, 2.0, 4.0)] == [0.0, 0.5, 1.0]
