"""The own backend keeps no pixel: after a look, after an error, after closing."""

from __future__ import annotations

import numpy as np
import pytest

from agent.domain.frame import FrameStatus
from agent.errors import ModelContractError
from agent.inference.tracker import TrackingRules
from tests.unit.inference.squares import Rig, Square, draw

RULES = TrackingRules()


def assert_wiped(rig: Rig) -> None:
    """Assert that no buffer that the backend holds, or gave to a net, shows anything."""
    assert not rig.backend._gray.any()
    assert not rig.encoder._aligned.any()
    assert not any(tensor.any() for tensor in rig.net.shown)
    assert not any(tensor.any() for tensor in rig.emotion.shown)


@pytest.mark.parametrize("still", [True, False])
def test_every_buffer_is_wiped_after_a_look(still: bool) -> None:
    """When `look` returns, gray frame, aligned face and tensors are all zeros."""
    rig = Rig(still=still, emotion=True)

    look = rig.look(Square(300, 200))

    assert look.observations
    assert_wiped(rig)


@pytest.mark.parametrize("still", [True, False])
def test_every_buffer_is_wiped_after_an_error(still: bool) -> None:
    """When the encoder fails in the middle of a face, nothing of the face is left."""
    rig = Rig(still=still)
    rig.net.error = ModelContractError("broken")

    with pytest.raises(ModelContractError):
        rig.look(Square(300, 200))

    assert rig.net.shown
    assert_wiped(rig)


def test_every_buffer_is_wiped_after_an_error_of_the_emotion_head() -> None:
    """When the emotion head fails, nothing of the face is left either."""
    rig = Rig(emotion=True)
    rig.emotion.error = ModelContractError("broken")

    with pytest.raises(ModelContractError):
        rig.look(Square(300, 200))

    assert rig.emotion.shown
    assert_wiped(rig)
    assert not rig.backend._emotion._buffer.any()


def test_an_error_leaves_the_backend_usable() -> None:
    """After a failed frame the next one is observed."""
    rig = Rig()
    rig.net.error = ModelContractError("broken")
    with pytest.raises(ModelContractError):
        rig.look(Square(300, 200))
    rig.net.error = None

    assert FrameStatus.OK == rig.look(Square(300, 200)).status


def test_the_callers_frame_is_left_to_the_caller() -> None:
    """The backend neither changes nor keeps the frame: its owner wipes it."""
    rig = Rig()
    frame = draw(Square(300, 200))
    before = frame.pixels.copy()

    look = rig.backend.look(frame)

    assert (before == frame.pixels).all()
    assert not any(
        np.shares_memory(frame.pixels, value)
        for seen in look.observations
        for value in (seen.landmarks, seen.box, seen.au)
    )


def test_frames_may_change_their_size() -> None:
    """A camera that changes its resolution is looked at on: the face is found again soon."""
    rig = Rig()
    rig.look(Square(300, 200))

    looks = [rig.look(Square(150, 120), size=(320, 240)) for _ in range(RULES.patience)]

    assert FrameStatus.OK == looks[-1].status
    assert_wiped(rig)


def test_close_wipes_and_may_be_called_twice() -> None:
    """Closing forgets and wipes; a second time does no harm."""
    rig = Rig()
    rig.look(Square(300, 200))

    rig.backend.close()
    rig.backend.close()

    assert_wiped(rig)
