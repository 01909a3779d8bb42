"""What the scan must be able to find before its finding nothing means anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.errors import ProofBroken
from agent.inference.detector import FaceDetector, load_detector
from agent.inference.preprocess import align, alignment_from_five, letterbox, standardise
from agent.inference.session import load_model
from agent.proof.children import KEEPER, Child
from agent.proof.detect import Detector
from agent.proof.marks import Kind, Marks, face_frame, marked_frames

Picture = npt.NDArray[np.uint8]

FRAGMENTS = {
    "bgr": (16, 32, 48, 64, 128, 1024),
    "gray": (16, 32, 48, 64, 128, 1024),
    "pixels": (512, 1024, 1536, 2048, 4096, 8192),
    "floats": (512, 1024, 1536, 2048, 4096, 8192),
}
"""Sizes, bytes, of which the smallest that is found is reported, by form."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Something that a process kept on purpose.

    Attributes:
        what: name, for the certificate.
        kind: of frame.
        form: in which it must be found.
        content: its bytes.
        required: False for a fragment, which may be too small.
    """

    what: str
    kind: Kind
    form: str
    content: bytes
    required: bool = True


@dataclass(frozen=True, slots=True)
class Control:
    """What became of something planted.

    Attributes:
        what: name.
        kind: of frame.
        form: in which it was searched for.
        size: bytes.
        found: whether it was.
        required: whether it must be.
    """

    what: str
    kind: Kind
    form: str
    size: int
    found: bool
    required: bool


def plant(marks: Marks, clip: list[Picture], models: Path, cwd: Path) -> tuple[Control, ...]:
    """Let a process keep a frame in every form, and look for it.

    Raises:
        ProofBroken: something that must be found isn't.
    """
    planted = [*forms(marks, clip, models), *fragments(marks)]
    detector = Detector(marks)
    with Child(KEEPER, cwd) as child:
        child.receive_files()
        addresses = []
        for item in planted:
            child.say(size=len(item.content))
            child.send(item.content)
            addresses.append(child.hear()["address"])
        pieces = child.copy().pieces
        hits = [hit for _, start, data in pieces for hit in detector.search(data, start)]
    controls = tuple(
        Control(
            item.what,
            item.kind,
            item.form,
            len(item.content),
            any(
                address <= hit.address < address + len(item.content)
                and (hit.kind, hit.form) == (item.kind, item.form)
                for hit in hits
            ),
            item.required,
        )
        for item, address in zip(planted, addresses, strict=True)
    )
    blind = [control.what for control in controls if control.required and not control.found]
    if blind:
        raise ProofBroken(f"the scan doesn't find what was kept on purpose: {', '.join(blind)}")
    return controls


def smallest(controls: tuple[Control, ...]) -> dict[str, int]:
    """Return by form the size from which on every fragment was found, bytes."""
    found: dict[str, int] = {}
    for form in FRAGMENTS:
        sizes = sorted((c.size, c.found) for c in controls if c.form == form and not c.required)
        while sizes and sizes[-1][1]:
            found[form] = sizes.pop()[0]
    return found


def forms(marks: Marks, clip: list[Picture], models: Path) -> Iterator[Planted]:
    """Yield a frame of each kind in the forms that the agent makes of it.

    Raises:
        ProofBroken: no face is found in the bundled clip.
        ModelError: the detector's model can't be used.
    """
    noise, tile, face = (next(marked_frames(marks, kind, clip)) for kind in Kind)
    yield Planted("frame, BGR", Kind.NOISE, "bgr", noise.tobytes())
    yield Planted("frame, RGB", Kind.NOISE, "rgb", noise[:, :, ::-1].tobytes())
    yield Planted("frame, gray", Kind.NOISE, "gray", _gray(noise).tobytes())
    yield Planted("frame, BGR", Kind.TILE, "pixels", tile.tobytes())
    yield Planted("frame, gray", Kind.TILE, "pixels", _gray(tile).tobytes())
    half = cv2.resize(_gray(tile), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR)
    yield Planted("frame, half as large", Kind.TILE, "pixels", half.tobytes())
    model = load_model(models, "face_detector")
    height, width = model.card.inputs[0].shape[-2:]
    boxed = np.zeros((height, width), np.uint8)
    letterbox(_gray(tile), width, height, boxed)
    yield Planted("detector's input", Kind.TILE, "pixels", boxed.tobytes())
    yield Planted("frame / 255, float32", Kind.TILE, "floats", _scaled(_gray(tile)))
    yield Planted("frame, BGR", Kind.FACE, "pixels", face.tobytes())
    yield Planted("frame, gray", Kind.FACE, "pixels", _gray(face).tobytes())
    crops = _crops(load_detector(model), clip[::10], marks.shades[Kind.FACE])
    yield Planted("aligned face", Kind.FACE, "pixels", crops[0].tobytes())
    tensors = [standardise(crop) for crop in crops]
    yield Planted("encoder's input, float32", Kind.FACE, "floats", tensors[0].tobytes())
    # Four of five quantised faces are recognised each by itself; of many, some always are.
    quantised = np.clip(np.round(np.concatenate(tensors) / 0.02), -128, 127).astype(np.int8)
    yield Planted("encoder's inputs, int8", Kind.FACE, "quantised", quantised.tobytes())


def _crops(
    detector: FaceDetector, pictures: list[Picture], shades: tuple[int, ...]
) -> list[Picture]:
    """Return aligned faces, the clearest first: one at the frame's edge has few pixels of its own.

    Raises:
        ProofBroken: there is no face.
    """
    grays = [_gray(face_frame(picture, shades)) for picture in pictures]
    crops = [
        align(gray, alignment_from_five(face.points))
        for gray in grays
        for face in detector.detect(gray)
    ]
    if not crops:
        raise ProofBroken("no face is found in the bundled clip")
    return sorted(crops, key=lambda crop: -float(crop.std()))


def fragments(marks: Marks) -> Iterator[Planted]:
    """Yield pieces of frames, smaller and smaller, cut anywhere."""
    random = np.random.default_rng(marks.seed)
    noise, tile = (next(marked_frames(marks, kind, [])) for kind in (Kind.NOISE, Kind.TILE))
    sources = {
        "bgr": (Kind.NOISE, noise.tobytes()),
        "gray": (Kind.NOISE, _gray(noise).tobytes()),
        "pixels": (Kind.TILE, _gray(tile).tobytes()),
        "floats": (Kind.TILE, _scaled(_gray(tile))),
    }
    for form, (kind, content) in sources.items():
        step = 4 if form == "floats" else 1
        for size in FRAGMENTS[form]:
            start = int(random.integers(0, (len(content) - size) // step)) * step
            piece = content[start : start + size]
            yield Planted(f"{size} bytes", kind, form, piece, required=False)


def _gray(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _scaled(gray: Picture) -> bytes:
    return (gray.astype(np.float32) / 255).tobytes()
