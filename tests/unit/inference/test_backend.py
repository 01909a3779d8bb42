"""The own backend: who is followed, who left, what is observed, live and in stills."""

from __future__ import annotations

import numpy as np
import pytest

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS
from agent.domain.frame import Frame, FrameStatus
from agent.domain.observation import Look
from agent.inference.backend import stronger_side
from agent.inference.tracker import TrackingRules
from tests.unit.inference.squares import DARK, Rig, Square

RULES = TrackingRules()


def tracks(look: Look) -> list[int]:
    """List the tracks of a look."""
    return [seen.track for seen in look.observations]


def centre(look: Look, place: int = 0) -> tuple[float, float]:
    """Return the middle of an observation's eyes and mouth corners."""
    x, y = look.observations[place].landmarks[[36, 45, 48, 54]].mean(0)
    return float(x), float(y)


def test_one_face_is_followed_under_one_number() -> None:
    """A face that moves keeps its number, and its landmarks move along."""
    rig = Rig()

    looks = [rig.look(Square(200 + 6 * step, 200 + 2 * step)) for step in range(30)]

    assert {(0,)} == {tuple(tracks(look)) for look in looks}
    moved = np.subtract(centre(looks[-1]), centre(looks[0]))
    assert [6 * 29, 2 * 29] == pytest.approx(moved.tolist(), abs=3)


def test_the_detector_runs_rarely() -> None:
    """With a face in view the detector runs at first and then at every tenth frame."""
    rig = Rig()

    rig.looks(31, Square(300, 200))

    assert 4 == len(rig.detector.calls)
    assert {False} == set(rig.detector.calls)


def test_without_a_face_the_detector_runs_each_time() -> None:
    """As long as nobody is there every frame is searched, and says that nobody is there."""
    rig = Rig()

    looks = rig.looks(5)

    assert 5 == len(rig.detector.calls)
    assert {FrameStatus.NO_FACE} == {look.status for look in looks}


def test_a_newcomer_gets_the_next_number() -> None:
    """A second person is found within ten frames; the first keeps their number."""
    rig = Rig()
    here, there = Square(150, 200), Square(450, 250)
    rig.looks(3, here)

    looks = rig.looks(RULES.detect_every, here, there)

    assert [0] == tracks(looks[0])
    assert [0, 1] == tracks(looks[-1])


def test_two_persons_have_their_own_places() -> None:
    """Two faces at once are two observations, each where its face is."""
    rig = Rig()

    look = rig.looks(3, Square(150, 200), Square(450, 250, 100))[-1]

    middles = sorted(centre(look, place) for place in (0, 1))
    assert [150, 450] == pytest.approx([middle[0] for middle in middles], abs=3)


def test_who_left_is_forgotten_within_a_few_frames() -> None:
    """A face that is gone is reported no more, and its number never comes back."""
    rig = Rig()
    rig.looks(5, Square(300, 200))

    gone = rig.looks(RULES.patience)
    back = rig.looks(RULES.detect_every, Square(300, 200))

    assert {FrameStatus.NO_FACE} == {look.status for look in gone}
    assert {1} == {track for look in back for track in tracks(look)}


def test_a_short_miss_keeps_the_number() -> None:
    """One frame without the face, a hand before it, doesn't make the person a new one."""
    rig = Rig()
    rig.looks(5, Square(300, 200))
    rig.look()

    assert [0] == tracks(rig.look(Square(300, 200)))


def test_numbers_are_never_reused_while_people_come_and_go() -> None:
    """Ten visits of one place, one after the other, are ten numbers in order."""
    rig = Rig()
    visits = []

    for _ in range(10):
        seen = [track for look in rig.looks(3, Square(300, 200)) for track in tracks(look)]
        visits.append(set(seen))
        rig.looks(RULES.patience + 1)

    assert [{number} for number in range(10)] == visits


def test_two_who_pass_each_other_keep_their_numbers() -> None:
    """Two people walk past each other, one before and below the other, without a mix-up."""
    rig = Rig()
    rig.look(Square(160, 140, 60), Square(480, 240, 60))

    for step in range(1, 65):
        look = rig.look(Square(160 + 5 * step, 140, 60), Square(480 - 5 * step, 240, 60))

        at = {seen.track: float(seen.box[[0, 2]].mean()) for seen in look.observations}
        assert {0, 1} == set(at)
        first = 160 + 5 * step if centre_of_zero_is_above(look) else 480 - 5 * step
        assert first == pytest.approx(at[0], abs=6)


def centre_of_zero_is_above(look: Look) -> bool:
    """Tell whether track 0 is the upper of two faces."""
    heights = {seen.track: float(seen.box[1]) for seen in look.observations}
    return heights[0] < heights[1]


def test_two_tracks_never_share_a_face() -> None:
    """When one face hides another, one of the two tracks ends; both on one face would lie."""
    rig = Rig()
    rig.look(Square(200, 200), Square(440, 200))

    for step in range(1, 31):
        look = rig.look(Square(200 + 8 * step, 200), Square(440 - 8 * step, 200))

        assert len(tracks(look)) == len(set(tracks(look)))
        if 14 <= step <= 16:  # one patch is all that is to be seen
            assert len(tracks(look)) <= 1


def test_after_hiding_both_are_found_again() -> None:
    """Who was hidden is found again as a newcomer: numbers are not handed back."""
    rig = Rig()
    left, right = Square(200, 200), Square(440, 200)
    rig.looks(3, left, right)
    rig.looks(5, Square(320, 200))

    look = rig.looks(RULES.detect_every + 5, left, right)[-1]

    assert 2 == len(tracks(look))
    assert max(tracks(look)) >= 2


def test_no_more_faces_than_the_rules_allow_are_followed() -> None:
    """A crowd is followed up to the limit."""
    rig = Rig(rules=TrackingRules(most=3))
    crowd = [Square(80 + 110 * column, 240, 60) for column in range(5)]

    look = rig.looks(25, *crowd)[-1]

    assert 3 == len(tracks(look))


def test_a_poor_track_that_the_detector_does_not_confirm_ends() -> None:
    """A net that sees a face in the wallpaper is overruled by the detector after three looks."""
    rig = Rig()
    rig.look(Square(300, 200))
    rig.detector.detect = lambda gray, thorough=False: []  # type: ignore[method-assign]
    answers = rig.net.run
    rig.net.run = lambda inputs: [  # type: ignore[method-assign]
        np.full((1, 1), 0.5, np.float32) if value.shape == (1, 1) else value
        for value in answers(inputs)
    ]

    looks = rig.looks(3 * RULES.detect_every + 1, Square(300, 200))

    assert FrameStatus.OK == looks[0].status
    assert FrameStatus.NO_FACE == looks[-1].status


def test_a_smile_is_present_and_its_stronger_side_counts() -> None:
    """Intensity is that of the stronger side; presence follows it."""
    rig = Rig()
    rig.net.au[AU_SIDE_LABELS.index("AU12_L")] = 1.5
    rig.net.au[AU_SIDE_LABELS.index("AU12_R")] = 4

    (seen,) = rig.look(Square(300, 200)).observations

    smile = AU_LABELS.index("AU12")
    assert 4 == seen.au[smile]
    assert [smile] == np.flatnonzero(seen.presence).tolist()


def test_stronger_side_covers_every_au() -> None:
    """19 intensities come of 32 sides; an AU without sides is its own."""
    sides = np.arange(32, dtype=np.float32)

    au = stronger_side(sides)

    expected = [
        max(i for i, side in enumerate(AU_SIDE_LABELS) if side.startswith(label))
        for label in AU_LABELS
    ]
    assert expected == au.tolist()


def test_presence_and_intensity_do_not_disagree() -> None:
    """Whatever the intensities do, present means at least 0.7 and absent means under 1."""
    rig, random = Rig(), np.random.default_rng(4)

    for _ in range(60):
        rig.net.au = random.uniform(0, 1.6, 32).astype(np.float32)
        (seen,) = rig.look(Square(300, 200)).observations

        assert (seen.au[seen.presence] >= 0.7).all()
        assert (seen.au[~seen.presence] < 1.0).all()


def test_a_track_becomes_calibrated() -> None:
    """After enough frames the neutral baseline is settled and says so; a newcomer's isn't."""
    rig = Rig()

    looks = rig.looks(30, Square(200, 200))
    later = rig.looks(RULES.detect_every, Square(200, 200), Square(450, 200))

    assert not looks[0].observations[0].calibrated
    assert looks[-1].observations[0].calibrated
    assert not later[-1].observations[-1].calibrated


def test_gaze_that_is_not_allowed_is_missing() -> None:
    """Without the gaze head both angles are NaN, not 0, live and still."""
    for still in (True, False):
        (seen,) = Rig(still=still, gaze=False).look(Square(300, 200)).observations

        assert np.isnan(seen.gaze).all()


def test_emotion_is_a_distribution_or_nothing() -> None:
    """With the head there are 8 probabilities that sum to 1, without it there is None."""
    rig = Rig(emotion=True)

    last = rig.looks(5, Square(300, 200))[-1].observations[0]

    assert 1 == pytest.approx(float(last.emotion.sum()), abs=1e-5)
    assert Rig().look(Square(300, 200)).observations[0].emotion is None


@pytest.mark.parametrize(
    ("fill", "expected"), [(5, FrameStatus.TOO_DARK), (120, FrameStatus.BLURRED)]
)
def test_an_empty_frame_says_why(fill: int, expected: FrameStatus) -> None:
    """Without a face, a dark frame and one without edges are told apart from an empty room."""
    frame = Frame(np.full((480, 640, 3), fill, np.uint8), 0, 0, 0)

    assert expected == Rig().backend.look(frame).status


def test_reset_forgets_everybody() -> None:
    """After a reset the next source's first face has no history."""
    rig = Rig()
    rig.looks(40, Square(300, 200))

    rig.backend.reset()

    (seen,) = rig.look(Square(300, 200)).observations
    assert not seen.calibrated
    assert 0 == seen.track


def test_stills_stand_alone() -> None:
    """A picture's result doesn't depend on the pictures before it."""
    busy, fresh = Rig(still=True), Rig(still=True)
    for rig in (busy, fresh):
        rig.net.au[:] = 0.9
    busy.net.au[:] = 5
    for step in range(30):
        busy.look(Square(250 + step, 200), Square(450, 300))
    busy.net.au[:] = 0.9

    (after,) = busy.look(Square(300, 200)).observations

    (alone,) = fresh.look(Square(300, 200)).observations
    assert (alone.track, alone.calibrated) == (after.track, after.calibrated)
    assert not after.calibrated
    for name in ("au_sides", "pose", "gaze", "landmarks", "presence"):
        assert getattr(alone, name).tolist() == getattr(after, name).tolist()


def test_stills_are_searched_thoroughly() -> None:
    """Each picture gets the detector's thorough look, and its faces count from 0."""
    rig = Rig(still=True)

    looks = rig.looks(2, Square(150, 200), Square(450, 200))

    assert [True, True] == rig.detector.calls
    assert [[0, 1], [0, 1]] == [tracks(look) for look in looks]


def test_a_face_that_jumps_keeps_its_number() -> None:
    """Somebody who moves by most of a face's width between two frames is still the same visit."""
    rig = Rig()
    rig.looks(3, Square(200, 200, 72))

    jumped = rig.looks(3, Square(255, 215, 72))

    assert [[0], [0], [0]] == [tracks(look) for look in jumped]
    assert centre(jumped[-1], 0)[0] == pytest.approx(255, abs=3)


def test_a_face_far_away_does_not_continue_a_visit() -> None:
    """A face elsewhere that appears as one is missed is somebody new."""
    rig = Rig()
    rig.looks(3, Square(200, 200, 72))

    looks = rig.looks(RULES.patience + 2, Square(420, 200, 72))

    assert [1] == tracks(looks[-1])
    assert not any(track == 0 for look in looks for track in tracks(look))


def test_the_scene_tells_how_near_a_face_is_and_how_bright_the_picture() -> None:
    """Twice the side is twice the size; the light is the whole picture's, not the face's."""
    near, far = Rig(), Rig()

    close = near.look(Square(300, 200, 144)).observations[0].scene
    away = far.look(Square(300, 200, 72)).observations[0].scene

    assert close is not None
    assert away is not None
    assert 2.0 == pytest.approx(close.size / away.size, rel=0.1)
    assert 0 < away.size < close.size < 1
    assert DARK / 255 == pytest.approx(away.light, abs=0.04)
