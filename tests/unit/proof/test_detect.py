"""The scan finds pieces of marked frames, and nothing else."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.inference.preprocess import standardise
from agent.proof.detect import Detector, fits, readings
from agent.proof.marks import Kind, clean_frames, draw_marks, marked_frames

MARKS = draw_marks(7)
DETECTOR = Detector(MARKS)
GRADIENT = np.tile(np.linspace(0, 255, 640).astype(np.uint8)[None, :, None], (480, 1, 3))


def frame(kind: Kind) -> np.ndarray:
    """Return one marked frame; a gradient stands in for the clip's faces."""
    return next(marked_frames(MARKS, kind, [GRADIENT]))


def gray(picture: np.ndarray) -> np.ndarray:
    """Return a picture without colour."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def found(data: bytes, address: int = 0) -> set[tuple[Kind, str]]:
    """Return kinds and forms that are found in some bytes."""
    return {(hit.kind, hit.form) for hit in DETECTOR.search(data, address)}


@pytest.mark.parametrize("address", range(4))
@pytest.mark.parametrize("kind", [Kind.TILE, Kind.FACE])
def test_shades_are_found_at_any_size(kind: Kind, address: int) -> None:
    """Halved, quartered, turned and cropped, a frame is still recognised."""
    picture = gray(frame(kind))
    turn = cv2.getRotationMatrix2D((320, 240), 17, 0.9)

    assert (kind, "pixels") in found(picture.tobytes(), address)
    assert (kind, "pixels") in found(cv2.resize(picture, (320, 240)).tobytes(), address)
    assert (kind, "pixels") in found(
        cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA).tobytes(), address
    )
    assert (kind, "pixels") in found(cv2.warpAffine(picture, turn, (640, 480)).tobytes(), address)
    assert (kind, "pixels") in found(picture[100:300, 120:420].tobytes(), address)


@pytest.mark.parametrize("form", ["bgr", "rgb", "gray"])
def test_noise_is_found_by_its_bytes(form: str) -> None:
    """The noise tile is found in colour either way round and in gray, wherever a piece begins."""
    picture = frame(Kind.NOISE)
    shapes = {"bgr": picture, "rgb": picture[:, :, ::-1], "gray": gray(picture)}
    data = shapes[form].tobytes()

    for start in (0, 1, 13, 1001):
        assert {(Kind.NOISE, form)} == found(data[start : start + 64])


def test_floats_are_found_through_any_rising_line() -> None:
    """Standardised and scaled pixels are recognised without knowing mean or scale."""
    picture = gray(frame(Kind.TILE))

    for tensor in (
        standardise(picture),
        picture / np.float32(255),
        np.float32(3) * picture - np.float32(400),
    ):
        assert (Kind.TILE, "floats") in found(np.asarray(tensor, np.float32).tobytes())


def test_quantised_pixels_are_found_with_and_without_sign() -> None:
    """What a quantised net is fed with is recognised as int8 and as uint8."""
    tensor = standardise(gray(frame(Kind.TILE)))

    for low, high, dtype in ((-128, 127, np.int8), (0, 255, np.uint8)):
        values = np.clip(np.round(tensor / 0.025) + (low + 128), low, high).astype(dtype)
        assert (Kind.TILE, "quantised") in found(values.tobytes())


def test_a_shade_that_was_cut_off_hides_no_quantised_face() -> None:
    """The brightest one may lie beyond what a byte holds, and so not on the line of the others."""
    shades = np.array(MARKS.shades[Kind.FACE])
    mapped = np.round((shades - shades.mean()) * 140 / (shades.max() - shades.mean()))
    stored = np.clip(mapped[1:], -128, 127).astype(np.int8)

    assert stored.max() == 127
    assert any(
        fits(np.sort(values), shades, "quantised") for values in readings(stored.view(np.uint8))
    )


@pytest.mark.parametrize("seed", range(3))
def test_other_memory_is_not_mistaken(seed: int) -> None:
    """Noise, zeros, ramps, text, a program and unmarked frames give no hit."""
    random = np.random.default_rng(seed)
    program = Path(cv2.__file__).parent.joinpath("__init__.py").read_bytes()
    library = Path(sys.executable).read_bytes()[: 8 << 20]
    weights = random.normal(0, 0.05, 1 << 18).astype(np.float32)
    stepped = np.repeat(random.integers(0, 9, 4096), 64).astype(np.uint8)
    ladder = np.repeat(np.arange(64, dtype=np.float32), 512)

    for other in (
        random.integers(0, 256, 1 << 21, dtype=np.uint8).tobytes(),
        bytes(1 << 20),
        bytes(range(256)) * 4096,
        program * 50,
        library,
        weights.tobytes(),
        stepped.tobytes(),
        ladder.tobytes(),
        next(clean_frames(seed)).tobytes(),
    ):
        assert set() == found(other)


def test_marks_of_another_run_are_not_found() -> None:
    """Each run draws its own marks, so that an old certificate's frames don't count."""
    other = draw_marks(8)

    for kind in Kind:
        data = next(marked_frames(other, kind, [GRADIENT])).tobytes()
        assert set() == found(data)


def test_no_two_neighbouring_frames_are_alike() -> None:
    """A camera whose picture stands still would be frozen, and nothing would be looked at."""
    clip = [np.roll(GRADIENT, 8 * i, 1) for i in range(4)]

    for frames in (clean_frames(1), *(marked_frames(MARKS, kind, clip) for kind in Kind)):
        shown = [next(frames)[::8, ::8] for _ in range(4)]
        assert all((a != b).any() for a, b in itertools.pairwise(shown))


def test_shades_are_apart() -> None:
    """No shade belongs to both kinds, and all are bytes."""
    for seed in range(200):
        shades = draw_marks(seed).shades.values()
        values = sorted(value for kind in shades for value in kind)

        assert len(set(values)) == 16
        assert values[0] >= 12
        assert values[-1] <= 244


def test_a_falling_line_or_too_few_values_fit_nothing() -> None:
    """Three values always lie on some line, so three are no evidence."""
    shades = np.array(MARKS.shades[Kind.TILE])

    assert fits(shades[:5] * 0.5 + 3, shades, "floats")
    assert not fits(shades[:3] * 0.5 + 3, shades, "floats")
    assert not fits(np.sort(-shades.astype(np.float64)) * 0.5, shades, "floats")
