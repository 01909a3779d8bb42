"""Clips, as the product follows them: faces lost or swapped, trembling at rest, delay, speed.

Nobody labelled the shared clips, so most rows compare a tool with itself: a face counts as lost
when a track ends and another begins at its place within a second; the delay is that of the smoothed
track behind the same tool's unsmoothed reading. Beside a clip may lie `NAME.truth.csv` (one row
per frame and face, as `agent/demo/clip.truth.csv`); then delay and correlation are those with the
truth. Whether a face rests is decided by the picture alone, the same passages for every tool.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.capture.files import VIDEO_SUFFIXES, media_files
from agent.capture.opencv import Address, Kind, OpenCvSource
from agent.capture.source import NS_PER_SECOND, Picture
from agent.domain.facs import AU_LABELS
from agent.domain.frame import Frame
from agent.domain.observation import FaceBackend, Observation
from agent.errors import MediaError
from agent.evaluation.clip_truth import ClipTruth, read_truth
from agent.evaluation.detector import SMALLEST, YuNet
from agent.evaluation.geometry import stronger
from agent.evaluation.metrics import pearson
from agent.evaluation.reading import Image, to_gray
from agent.evaluation.report import (
    DEGREES,
    INTENSITY,
    MILLISECONDS,
    NUMBER,
    RATIO,
    SHARE,
    Report,
    Row,
    Score,
)
from agent.evaluation.scoring import Sample, own_units
from agent.evaluation.task import Setup
from agent.evaluation.tools import MEDIAPIPE, OWN, box_side
from agent.evaluation.tracks import (
    Clip,
    Floats,
    Passage,
    Seen,
    by_track,
    delay,
    followed,
    lost,
    share_covered,
    still_passages,
    swapped,
    tremble,
)
from agent.inference.encoder import FaceEncoder
from agent.inference.preprocess import alignment_from_landmarks
from agent.inference.tracker import overlap

Raw = Callable[[Frame, tuple[Observation, ...]], list[Floats | None]]
"""Reads the unsmoothed intensities of a frame's observations."""

_THUMB = (32, 24)
"""Width and height to which frames are averaged down before they are compared for a cut."""

LEAST_LIKE = 0.5
"""Correlation of two frames' thumbnails under which a cut lies between them."""

_GRID = 24
"""Side to which a face is averaged down before frames are compared: noise goes, motion stays."""


def evaluate(path: Path, setup: Setup) -> Report:
    """Score a clip, or every clip of a folder.

    Raises:
        MediaError: there is no clip, or one can't be decoded.
    """
    files = _clips(path)
    report = Report(
        "clips",
        f"Clips · {path.name} · {len(files)} clips",
        {"name": path.name, "clips": len(files)},
        "each tool's own unsmoothed reading; the truth where NAME.truth.csv lies beside a clip",
        {OWN: setup.own.models("detector", "encoder")},
    )
    own = [_follow_own(file, setup, row, len(files)) for row, file in enumerate(files)]
    tools = {OWN: own}
    if setup.mediapipe is not None:
        report.tools[MEDIAPIPE] = setup.mediapipe.identity
        tools[MEDIAPIPE] = [
            _follow_mediapipe(file, setup, row, len(files)) for row, file in enumerate(files)
        ]
    truths = [read_truth(file) for file in files]
    report.data["frames"] = sum(len(clip.frames) for clip in own)
    _tracking(report, tools, files, setup)
    _steadiness(report, tools, [still_passages(clip) for clip in own])
    _delays(report, tools, truths)
    _against_truth(report, tools, truths)
    _speed(report, tools)
    return report


def _clips(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.exists():
        raise MediaError(f"{path.name} doesn't exist")
    files = [file for file in media_files(path) if file.suffix.lower() in VIDEO_SUFFIXES]
    if not files:
        raise MediaError(f"{path.name} holds no video")
    return files


def _follow_own(file: Path, setup: Setup, row: int, of: int) -> Clip:
    encoder = setup.own.encoder()
    setup.progress(f"{OWN} follows faces", row, of)
    try:
        return _follow(
            file, setup, setup.own.video(), lambda f, seen: _unsmoothed(encoder, f, seen)
        )
    finally:
        encoder.wipe()


def _unsmoothed(
    encoder: FaceEncoder, frame: Frame, seen: tuple[Observation, ...]
) -> list[Floats | None]:
    """Read each tracked face again by its own landmarks, without memory of earlier frames."""
    gray = to_gray(frame.pixels)
    found: list[Floats | None] = []
    for one in seen:
        encoded = encoder.encode(gray, alignment_from_landmarks(one.landmarks))
        found.append(stronger(encoded.encoding.au_sides[None])[0])
    gray.fill(0)
    return found


def _follow_mediapipe(file: Path, setup: Setup, row: int, of: int) -> Clip:
    assert setup.mediapipe is not None
    setup.progress(f"{MEDIAPIPE} follows faces", row, of)
    stills = setup.mediapipe.stills(most_faces=8)

    def raw(frame: Frame, seen: tuple[Observation, ...]) -> list[Floats | None]:
        alone = stills.look(frame).observations
        return [
            max(alone, key=lambda a: overlap(a.box, one.box)).au if alone else None for one in seen
        ]

    try:
        return _follow(file, setup, setup.mediapipe.video(), raw)
    finally:
        stills.close()


def _follow(file: Path, setup: Setup, backend: FaceBackend, raw: Raw) -> Clip:
    """Let one tool follow the faces of one clip; pixels are wiped as they go."""
    clip = Clip(file.name)
    address = Address(Kind.FILE, str(file), file.name)
    before: Image | None = None
    buffer: Picture | None = None
    times: list[float] = []
    try:
        with OpenCvSource(address, clock=setup.clock, threads=1) as source:
            while (frame := source.read(buffer)) is not None:
                buffer = frame.pixels
                started = setup.clock.monotonic()
                look = backend.look(frame)
                clip.seconds.append(setup.clock.monotonic() - started)
                times.append(frame.captured_at_ns / NS_PER_SECOND)
                readings = raw(frame, look.observations)
                pairs = zip(look.observations, readings, strict=True)
                clip.frames.append([_seen(one, reading) for one, reading in pairs])
                gray = to_gray(frame.pixels)
                if before is not None and is_cut(before, gray):
                    clip.cuts.add(len(clip.frames) - 1)
                clip.motion.append(_motion(before, gray, clip.frames[-1]))
                if before is not None:
                    before.fill(0)
                before = gray
                frame.wipe()
    finally:
        backend.close()
        if before is not None:
            before.fill(0)
    if len(times) > 1 and times[-1] > times[0]:
        clip.fps = (len(times) - 1) / (times[-1] - times[0])
    return clip


def is_cut(before: Image, now: Image) -> bool:
    """Say whether two frames, uint8 (H, W), show different scenes: their outlines hardly agree."""
    if before.shape != now.shape:
        return True
    small = [
        cv2.resize(gray, _THUMB, interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
        for gray in (before, now)
    ]
    if min(one.std() for one in small) < 1:  # a dark or covered frame says nothing
        return False
    return pearson(*small) < LEAST_LIKE


def _seen(one: Observation, raw: Floats | None) -> Seen:
    return Seen(one.track, one.box, one.landmarks, one.pose, one.au, raw)


def _motion(before: Image | None, now: Image, faces: list[Seen]) -> dict[int, float]:
    """Measure how much the picture at each face's place changed since the frame before."""
    if before is None or before.shape != now.shape:
        return {}
    found = {}
    height, width = now.shape
    for face in faces:
        x1, y1, x2, y2 = (int(v) for v in np.clip(face.box, 0, [width, height] * 2))
        if x2 - x1 < _GRID or y2 - y1 < _GRID:
            continue
        small = [
            cv2.resize(gray[y1:y2, x1:x2], (_GRID, _GRID), interpolation=cv2.INTER_AREA)
            for gray in (before, now)
        ]
        found[face.track] = float(np.abs(small[1].astype(np.float32) - small[0]).mean())
    return found


def _tracking(
    report: Report, tools: dict[str, list[Clip]], files: list[Path], setup: Setup
) -> None:
    """Add what was lost, swapped and, with a reference, not covered."""
    for key, label, measure in (
        ("lost", "faces lost and found again", lost),
        ("swapped", "faces swapped", swapped),
    ):
        scores = {t: Score(float(sum(map(measure, clips)))) for t, clips in tools.items()}
        report.rows.append(Row(key, label, NUMBER, "lower", scores))
    report.data["by_clip"] = {
        file.name: {
            tool: {"lost": lost(clips[row]), "swapped": swapped(clips[row]),
                   "tracks": len(by_track(clips[row])), "frames": len(clips[row].frames)}
            for tool, clips in tools.items()
        }
        for row, file in enumerate(files)
    }  # fmt: skip
    tracks = {
        t: Score(float(sum(len(by_track(clip)) for clip in clips))) for t, clips in tools.items()
    }
    report.rows.append(Row("tracks", "tracks begun", NUMBER, "", tracks))
    if setup.reference is None:
        return
    net = YuNet(setup.reference)
    boxes = [_reference_boxes(file, net, setup) for file in files]
    scores = {}
    for tool, clips in tools.items():
        parts = [share_covered(clip, one) for clip, one in zip(clips, boxes, strict=True)]
        faces, covered = (np.array([part[i] for part in parts]) for i in (0, 1))
        scores[tool] = Sample(own_units(len(parts))).score(_ratio(covered, faces))
    label = f"faces of {SMALLEST:.0f} px that YuNet is sure of, and that are followed"
    report.rows.append(Row("covered", label, SHARE, "higher", scores))


def _ratio(
    part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]
) -> Callable[[npt.NDArray[np.intp]], float]:
    return lambda rows: (
        float(part[rows].sum() / whole[rows].sum()) if whole[rows].sum() else float("nan")
    )


def _reference_boxes(file: Path, net: YuNet, setup: Setup) -> list[list[Floats]]:
    found = []
    address = Address(Kind.FILE, str(file), file.name)
    with OpenCvSource(address, clock=setup.clock, threads=1) as source:
        while (frame := source.read()) is not None:
            boxes, sure = net.boxes(frame.pixels)
            kept = [b for b, s in zip(boxes, sure, strict=True) if s and box_side(b) >= SMALLEST]
            found.append(kept)
            frame.wipe()
    return found


def _steadiness(
    report: Report, tools: dict[str, list[Clip]], passages: list[list[Passage]]
) -> None:
    """Add the noise of AU, landmark and pose tracks while the picture of the face rests."""
    noise: dict[str, list[list[float]]] = {tool: [] for tool in tools}
    units: list[int] = []
    frames = 0
    measured = _measured_by_all(tools)
    for number, found in enumerate(passages):
        for passage in found:
            runs = {tool: followed(clips[number], passage) for tool, clips in tools.items()}
            if any(run is None for run in runs.values()):
                continue
            frames += len(passage.boxes)
            units.append(number)
            for tool, run in runs.items():
                noise[tool].append(_noise_of(run or [], measured))
    report.rows.append(
        Row("still_frames", "frames with a face at rest", NUMBER, "", {OWN: Score(float(frames))})
    )
    sample = Sample(np.array(units))
    for column, (key, label, unit) in enumerate(
        (
            ("jitter_au", f"noise at rest, mean of {len(measured)} AUs", INTENSITY),
            ("jitter_landmarks", "noise at rest, landmarks", RATIO),
            ("jitter_pose", "noise at rest, head pose", DEGREES),
        )
    ):
        scores = {
            tool: sample.mean(np.array([row[column] for row in rows], np.float64))
            for tool, rows in noise.items()
            if rows
        }
        report.rows.append(Row(key, label, unit, "lower", scores))


def _measured_by_all(tools: dict[str, list[Clip]]) -> list[int]:
    """List the AUs that every tool measures."""
    measured = []
    for column in range(len(AU_LABELS)):
        values = [
            f.au[column] for c in tools.values() for clip in c for r in clip.frames for f in r
        ]
        if values and not np.isnan(values).any():
            measured.append(column)
    return measured


def _noise_of(run: list[Seen], measured: list[int]) -> list[float]:
    au = np.stack([face.au[measured] for face in run])
    points = np.stack([face.landmarks for face in run])
    apart = float(np.linalg.norm(points[:, 36] - points[:, 45], axis=1).mean())
    around = points.reshape(len(points), -1)
    pose = np.stack([face.pose for face in run])
    return [
        float(tremble(au).mean()),
        float(tremble(around).mean()) / max(apart, 1e-6),
        float(tremble(pose).mean()),
    ]


def _delays(report: Report, tools: dict[str, list[Clip]], truths: list[ClipTruth | None]) -> None:
    """Add the delay of AU tracks behind the unsmoothed reading, or behind the truth."""
    scores: dict[str, Score] = {}
    for tool, clips in tools.items():
        found, units = [], []
        for number, (clip, truth) in enumerate(zip(clips, truths, strict=True)):
            for lag in _clip_delays(clip, truth):
                found.append(1000 * lag)
                units.append(number)
        if found:
            values = np.array(found)
            scores[tool] = Sample(np.array(units)).score(_median(values))
    report.rows.append(Row("lag", "delay of moving AUs, median", MILLISECONDS, "lower", scores))


def _median(values: npt.NDArray[np.float64]) -> Callable[[npt.NDArray[np.intp]], float]:
    return lambda rows: float(np.median(values[rows]))


def _clip_delays(clip: Clip, truth: ClipTruth | None) -> list[float]:
    found = []
    for start, run in by_track(clip).values():
        live = np.stack([face.au for face in run])
        if truth is not None:
            raw = truth.intensities(start, [face.box for face in run])
        elif any(face.raw is None for face in run):
            continue
        else:
            raw = np.stack([face.raw for face in run if face.raw is not None])
        for column in range(len(AU_LABELS)):
            if np.isnan(raw[:, column]).any() or np.isnan(live[:, column]).any():
                continue
            lag = delay(live[:, column], raw[:, column], clip.fps)
            found += [] if np.isnan(lag) else [lag]
    return found


def _against_truth(
    report: Report, tools: dict[str, list[Clip]], truths: list[ClipTruth | None]
) -> None:
    """Add correlation and pose error where the truth is known."""
    if not any(truths):
        return
    for tool, clips in tools.items():
        predicted, truth, turns = [], [], []
        for clip, known in zip(clips, truths, strict=True):
            if known is None:
                continue
            for start, run in by_track(clip).values():
                boxes = [face.box for face in run]
                truth.append(known.intensities(start, boxes))
                predicted.append(np.stack([face.au for face in run]))
                turns.append(np.stack([f.pose for f in run]) - known.poses(start, boxes))
        a, b, turn = (np.concatenate(parts) for parts in (predicted, truth, turns))
        rows = ~np.isnan(b[:, 0])
        each = [pearson(a[rows, i], b[rows, i]) for i in range(len(AU_LABELS))]
        known_ones = [r for r in each if not np.isnan(r)]
        mean = float(np.mean(known_ones)) if known_ones else float("nan")
        label = f"correlation with the truth, mean of {len(known_ones)} AUs"
        report.rows.append(Row(f"truth_r_{tool}", label, SHARE, "higher", {tool: Score(mean)}))
        pose = float(np.abs(turn[rows]).mean())
        label = "head pose against the truth, mean error"
        report.rows.append(Row(f"truth_pose_{tool}", label, DEGREES, "lower", {tool: Score(pose)}))


def _speed(report: Report, tools: dict[str, list[Clip]]) -> None:
    """Add the time of a look, decoding left out."""
    one_face = {}
    rate = {}
    for tool, clips in tools.items():
        seconds = np.concatenate([np.array(clip.seconds) for clip in clips])
        faces = np.concatenate([[len(row) for row in clip.frames] for clip in clips])
        alone = seconds[faces == 1]
        one_face[tool] = Score(1000 * float(np.median(alone)) if len(alone) else float("nan"))
        rate[tool] = Score(round(len(seconds) / float(seconds.sum()), 1))
    label = "one look at a frame with one face, median"
    report.rows.append(Row("look_ms", label, MILLISECONDS, "lower", one_face))
    report.rows.append(Row("fps", "frames a second over all clips", NUMBER, "higher", rate))
    report.notes.append(
        "Times are of this machine, this moment and one thread; only their ratio says much."
    )
