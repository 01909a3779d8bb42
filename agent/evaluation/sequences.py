"""Follow the coded face of a sequence, video or pictures, as the product follows a camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.capture.files import decode_picture
from agent.capture.opencv import Address, Kind, OpenCvSource
from agent.capture.source import NS_PER_SECOND
from agent.domain.facs import AU_LABELS
from agent.domain.frame import Frame
from agent.domain.observation import FaceBackend
from agent.evaluation.datasets.model import AuSequence
from agent.evaluation.geometry import stronger
from agent.evaluation.reading import to_gray
from agent.evaluation.task import Setup
from agent.evaluation.tools import box_side
from agent.inference.encoder import FaceEncoder
from agent.inference.preprocess import alignment_from_landmarks

Floats = npt.NDArray[np.float32]


@dataclass(slots=True)
class Followed:
    """What a tool said of each coded frame; NaN where it followed no face.

    Attributes:
        au: float32 (n, 19), as the product reports it: smoothed, the neutral baseline taken off.
        raw: float32 (n, 19), of the frame alone.
        present: float32 (n, 19), 0 or 1.
        beyond: coded frames that the video doesn't have.
    """

    au: Floats
    raw: Floats
    present: Floats
    beyond: int = 0


def follow(
    sequence: AuSequence, setup: Setup, backend: FaceBackend, encoder: FaceEncoder | None
) -> Followed:
    """Follow the largest face of each coded frame; pixels are wiped as they go.

    Args:
        sequence: video or pictures.
        setup: of the run.
        backend: follows faces; it is closed.
        encoder: reads each face a second time, without memory; None leaves `raw` NaN.

    Raises:
        MediaError: a file is missing or damaged.
    """
    place = {int(frame): row for row, frame in enumerate(sequence.frames)}
    count = len(place)
    empty = np.full((count, len(AU_LABELS)), np.nan, np.float32)
    found = Followed(empty, empty.copy(), empty.copy())
    reached = 0
    try:
        for number, frame in _frames(sequence, setup):
            faces = backend.look(frame).observations
            row = place.get(number)
            if row is not None:
                reached += 1
            if row is not None and faces:
                face = max(faces, key=lambda one: box_side(one.box))
                found.au[row] = face.au
                found.present[row] = np.where(np.isnan(face.au), np.nan, face.presence)
                if encoder is not None:
                    found.raw[row] = _alone(encoder, frame, face.landmarks)
            frame.wipe()
    finally:
        backend.close()
        if encoder is not None:
            encoder.wipe()
    found.beyond = count - reached
    return found


def _frames(sequence: AuSequence, setup: Setup) -> Iterator[tuple[int, Frame]]:
    """Yield every frame with its number in the set's own count."""
    if sequence.video is None:
        for number, path in zip(sequence.frames, sequence.pictures, strict=True):
            at = round(int(number) / sequence.fps * NS_PER_SECOND)
            yield int(number), Frame(decode_picture(path), int(number), at, at)
        return
    address = Address(Kind.FILE, str(sequence.video), sequence.video.name)
    with OpenCvSource(address, clock=setup.clock, threads=1) as source:
        number = 0
        while (frame := source.read()) is not None:
            number += 1
            yield number, frame


def _alone(encoder: FaceEncoder, frame: Frame, landmarks: Floats) -> Floats:
    gray = to_gray(frame.pixels)
    try:
        sides = encoder.encode(gray, alignment_from_landmarks(landmarks)).encoding.au_sides
        return np.asarray(stronger(sides[None])[0], np.float32)
    finally:
        gray.fill(0)
