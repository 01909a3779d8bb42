"""What a tool's tracks through a clip are worth: lost, swapped, trembling, late. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from agent.evaluation.metrics import Array, pearson
from agent.inference.tracker import overlap

Floats = npt.NDArray[np.float32]

RETURN_SECONDS = 1.0
"""A new track this soon at the place where one ended is the same face, lost in between."""

SAME_PLACE = 0.3
"""Overlap (IoU) of two boxes at one place; of another face's place in a swap."""

MOVED_AWAY = 0.1
"""Overlap with its own last box under which a track has jumped."""

STILL_LEVELS = 2.0
"""Mean change of gray levels (0-255) of a face from frame to frame, up to which it is still."""

STILL_FRAMES = 8
"""Frames of a still passage, at least."""

LARGEST_LAG = 0.6
"""Seconds up to which a delay is looked for."""

LEAST_MOVEMENT = 1.0
"""Range of an AU's raw intensity, 5th to 95th percentile, without which no delay is defined."""

LEAST_LIKENESS = 0.3
"""Correlation of the two tracks' changes at the best delay, without which it is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One face of one frame as a tool reports it, and its intensities without smoothing."""

    track: int
    box: Floats
    landmarks: Floats
    pose: Floats
    au: Floats
    raw: Floats | None = None


@dataclass(slots=True)
class Clip:
    """One tool on one clip.

    Attributes:
        name: of the file.
        fps: frames a second by the file's own times.
        frames: the faces of every frame.
        motion: by frame and track, how much the picture of the face changed; only of own tracks.
        seconds: that each look took.
        cuts: frames with which another scene begins, as in a film.
    """

    name: str
    fps: float = 25.0
    frames: list[list[Seen]] = field(default_factory=list)
    motion: list[dict[int, float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cuts: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive frames in which a face rests: `boxes` float32 (n, 4) of the frames from start."""

    start: int
    boxes: Floats


def lost(clip: Clip) -> int:
    """Count how often a track ended although a new one began at its place within a second.

    Whoever was seen before a cut is somebody else, or elsewhere: nobody is lost there.
    """
    last: dict[int, tuple[int, Floats]] = {}
    count = 0
    gap = max(1, round(RETURN_SECONDS * clip.fps))
    for number, faces in enumerate(clip.frames):
        if number in clip.cuts:
            last.clear()
        for face in faces:
            if face.track not in last:
                ended = [
                    track
                    for track, (at, box) in last.items()
                    if number - gap <= at < number and overlap(box, face.box) > SAME_PLACE
                ]
                count += bool(ended)
                for track in ended:
                    del last[track]
            last[face.track] = (number, face.box)
    return count


def swapped(clip: Clip) -> int:
    """Count how often a track jumped to where another track was in the frame before."""
    count = 0
    for before, now in zip(clip.frames, clip.frames[1:], strict=False):
        places = {face.track: face.box for face in before}
        for face in now:
            own = places.get(face.track)
            if own is None or overlap(own, face.box) >= MOVED_AWAY:
                continue
            others = [box for track, box in places.items() if track != face.track]
            count += any(overlap(box, face.box) > SAME_PLACE for box in others)
    return count


def still_passages(clip: Clip) -> list[Passage]:
    """Find the passages in which the picture of a tracked face hardly changes."""
    open_runs: dict[int, list[Floats]] = {}
    found: list[Passage] = []

    def end(track: int, at: int) -> None:
        boxes = open_runs.pop(track, [])
        if len(boxes) >= STILL_FRAMES:
            found.append(Passage(at - len(boxes), np.stack(boxes)))

    for number, (faces, motion) in enumerate(zip(clip.frames, clip.motion, strict=True)):
        resting = {
            face.track: face.box for face in faces if motion.get(face.track, np.inf) <= STILL_LEVELS
        }
        for track in [t for t in open_runs if t not in resting]:
            end(track, number)
        for track, box in resting.items():
            open_runs.setdefault(track, []).append(box)
    for track in list(open_runs):
        end(track, len(clip.frames))
    return found


def followed(clip: Clip, passage: Passage) -> list[Seen] | None:
    """Return a tool's face in every frame of a passage, or None where it lacks one."""
    found = []
    for number, box in enumerate(passage.boxes, passage.start):
        faces = [face for face in clip.frames[number] if overlap(face.box, box) > SAME_PLACE]
        if not faces:
            return None
        found.append(max(faces, key=lambda face: overlap(face.box, box)))
    return found


def tremble(values: Array) -> Floats:
    """Measure the noise of resting tracks (n, k): deviation of the changes over the root of 2.

    A slow drift hardly counts; independent noise of deviation s gives s.
    """
    return np.asarray(np.diff(values, axis=0).std(0) / np.sqrt(2), np.float32)


def delay(live: Array, raw: Array, fps: float) -> float:
    """Find by how many seconds one track of an AU follows another; NaN where none is defined.

    The shift at which the two tracks' changes correlate best, between frames by a parabola.
    """
    low, high = np.percentile(raw, [5, 95])
    most = round(LARGEST_LAG * fps)
    if high - low < LEAST_MOVEMENT or len(raw) < 3 * most:
        return float("nan")
    first, second = np.diff(live), np.diff(raw)
    shifts = np.arange(-2, most + 1)
    likeness = np.array([_shifted(first, second, int(shift)) for shift in shifts])
    if np.isnan(likeness).any():
        return float("nan")
    best = int(likeness.argmax())
    if likeness[best] < LEAST_LIKENESS or best in {0, len(shifts) - 1}:
        return float("nan")
    left, middle, right = likeness[best - 1 : best + 2]
    bend = left - 2 * middle + right
    part = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float((shifts[best] + part) / fps)


def _shifted(live: Array, raw: Array, shift: int) -> float:
    if shift >= 0:
        return pearson(live[shift:], raw[: len(raw) - shift])
    return pearson(live[:shift], raw[-shift:])


def by_track(clip: Clip) -> dict[int, tuple[int, list[Seen]]]:
    """Return each track's first frame and its faces; a track ends at its first gap here."""
    runs: dict[int, tuple[int, list[Seen]]] = {}
    for number, faces in enumerate(clip.frames):
        for face in faces:
            start, run = runs.setdefault(face.track, (number, []))
            if number == start + len(run):
                run.append(face)
    return runs


def share_covered(clip: Clip, reference: Sequence[Sequence[Floats]]) -> tuple[int, int]:
    """Count reference faces, and how many of them a tool's tracks cover."""
    faces = covered = 0
    for seen, boxes in zip(clip.frames, reference, strict=True):
        for box in boxes:
            faces += 1
            covered += any(overlap(face.box, box) > SAME_PLACE for face in seen)
    return faces, covered
