"""Masks: what is behind them never leaves the source, whatever the picture's size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.capture.factory import DEMO_CLIP
from agent.capture.latest import LatestFrame
from agent.capture.mask import Mask, MaskedSource
from agent.domain.frame import Frame
from agent.domain.policy import Head
from agent.errors import FrameTimeout
from agent.inference.backend import load_backend
from tests.fakes import FakeSource, picture

MODELS = Path(__file__).resolve().parents[3] / "models"
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
MIDDLE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
TRIANGLE = ((0.1, 0.1), (0.9, 0.2), (0.4, 0.95))


def inside(polygon, x: float, y: float) -> bool:
    """Say whether a point lies in a polygon (even-odd rule)."""
    found = False
    for (ax, ay), (bx, by) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            found = not found
    return found


def test_what_is_masked_is_zero_and_the_rest_is_untouched():
    """Half of the picture goes, up to two pixels beyond the border; the other half stays."""
    pixels = picture(200, (64, 48))

    Mask((LEFT,)).blank(pixels)

    assert pixels[:, :33].max() == 0
    assert pixels[:, 35:].min() == 200


def test_outside_of_what_is_kept_everything_is_zero():
    """`keep` is the mask of everything else; its border goes, too."""
    pixels = picture(200, (64, 48))

    Mask((), (MIDDLE,)).blank(pixels)

    assert pixels[:12].max() == pixels[36:].max() == 0
    assert pixels[:, :16].max() == pixels[:, 48:].max() == 0
    assert pixels[15:33, 19:45].min() == 200


def test_a_mask_wins_over_what_is_kept():
    """A masked corner inside of a kept part is blank."""
    pixels = picture(200, (64, 48))

    Mask((LEFT,), (MIDDLE,)).blank(pixels)

    assert pixels[:, :33].max() == 0
    assert pixels[24, 40].min() == 200


@pytest.mark.parametrize("polygon", [LEFT, MIDDLE, TRIANGLE])
@pytest.mark.parametrize("size", [(64, 48), (641, 479), (7, 5), (1, 1)])
def test_no_pixel_with_its_centre_inside_survives(polygon, size):
    """Rounding is always to the side of blanking."""
    pixels = picture(255, size)

    Mask((polygon,)).blank(pixels)

    width, height = size
    for y in range(0, height, max(1, height // 40)):
        for x in range(0, width, max(1, width // 40)):
            if inside(polygon, (x + 0.5) / width, (y + 0.5) / height):
                assert pixels[y, x].max() == 0, (x, y)


def test_another_size_is_masked_anew():
    """A stream that changes its size doesn't slip out from behind its mask."""
    mask = Mask((LEFT,))

    for size in ((64, 48), (128, 96), (64, 48)):
        pixels = picture(200, size)
        mask.blank(pixels)
        assert pixels[:, : size[0] // 2].max() == 0


def test_a_source_gives_masked_frames_only():
    """Nobody behind the source ever sees what is hidden."""
    source = MaskedSource(FakeSource([picture(90), picture(120)], live=False), Mask((LEFT,)))

    with source:
        frames = [source.read(), source.read()]

    assert [frame.pixels[:, :33].max() for frame in frames] == [0, 0]
    assert [frame.pixels[:, 40:].max() for frame in frames] == [90, 120]


def test_a_frame_that_cant_be_masked_is_wiped():
    """A gray picture doesn't fit the mask: it is wiped, not passed on."""
    odd = np.full((48, 64), 90, np.uint8)
    given = Frame(odd, 0, 0, 0)

    class Odd(FakeSource):
        def read(self, out=None):
            return given

    with pytest.raises(cv2.error):
        MaskedSource(Odd([]), Mask((LEFT,))).read()

    assert odd.max() == 0


def test_the_rest_of_a_source_is_passed_through():
    """Opening, skipping, ending, failing and closing are the source's own."""
    inner = FakeSource([picture(90), FrameTimeout("gone")], live=False)
    source = MaskedSource(inner, Mask((LEFT,)))

    with source:
        assert source.skip()
        with pytest.raises(FrameTimeout):
            source.read()
        assert source.read() is None

    assert not source.live
    assert (inner.opened, inner.skipped, inner.closed) == (1, 1, 1)


def test_a_masked_source_works_behind_the_reader():
    """The reader's own slots hold masked pictures only."""
    inner = FakeSource([picture(90)], live=False)
    with LatestFrame(MaskedSource(inner, Mask((LEFT,)))) as reader:
        frame = reader.take(5)
        assert frame.pixels[:, :33].max() == 0
        assert frame.pixels[:, 40:].max() == 90


@pytest.fixture(scope="module")
def scene():
    """A frame of the bundled clip with two rendered faces: left of the middle, and right of it."""
    clip = cv2.VideoCapture(str(DEMO_CLIP))
    for _ in range(241):
        clip.grab()
    _, pixels = clip.retrieve()
    clip.release()
    return pixels


@pytest.fixture(scope="module")
def backend():
    """The own models, for stills."""
    return load_backend(MODELS, heads=frozenset({Head.AU}), still=True)


def centres(backend, pixels):
    """Return the faces' middles, as shares of the picture's width."""
    seen = backend.look(Frame(pixels, 0, 0, 0)).observations
    return sorted(float(o.box[0] + o.box[2]) / 2 / pixels.shape[1] for o in seen)


def test_a_face_behind_a_mask_isnt_found_and_another_is(scene, backend):
    """The same frame, with and without the mask."""
    masked = scene.copy()
    Mask((((0.2, 0.2), (0.55, 0.2), (0.55, 0.95), (0.2, 0.95)),)).blank(masked)

    free, hidden = centres(backend, scene.copy()), centres(backend, masked)

    assert 2 == len(free)
    assert free[0] < 0.5 < free[1]
    assert 1 == len(hidden)
    assert hidden[0] == pytest.approx(free[1], abs=0.03)
