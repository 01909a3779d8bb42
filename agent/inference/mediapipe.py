"""A second face backend: MediaPipe's FaceLandmarker, from a model file that the site provides.

It exists for comparison. It isn't the default because:

1. **It keeps copies of frames.** MediaPipe copies each picture into its graph, out of the agent's
   reach. `look` pushes nothing extra, so between two looks at least the newest frame is in memory;
   `reset` and `close` push a blank one on top. Searched with `omokage prove-discard`, in a process
   that overwrites what it frees: 820 KB of the last frame while nothing follows it, none after
   `reset`, `close`, or other frames (ADR 0024). The promise that frames die at once is **not** made
   for this backend.
2. It takes several times the time of the own models, and its detector sees near faces only.
3. It doesn't measure some AUs (`mediapipe_map` says which) and knows no emotion.

What it gives is raw: no smoothing, no neutral baseline (`calibrated` is always False); presence
has the same hysteresis as elsewhere. MediaPipe reports neither a score nor an id of a face:
`confidence` is NaN, `quality` is 1.0 for each face that was found, and faces are told apart by
the overlap of their boxes from frame to frame.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS
from agent.domain.frame import Frame, FrameStatus
from agent.domain.observation import Floats, Look, Observation
from agent.domain.policy import Head
from agent.errors import ConfigError, ModelContractError, ModelError, ModelHashMismatch
from agent.inference.backend import PRESENT_OFF, PRESENT_ON
from agent.inference.mediapipe_map import (
    MESH_SIZE,
    MeshFace,
    au_sides_of,
    gaze_of,
    head_rotation,
    pose_of,
    solid_landmarks,
    stronger_known_side,
)
from agent.inference.preprocess import Image
from agent.inference.smoothing import Hysteresis
from agent.inference.tracker import face_box, is_blurred, is_dark, overlap

TASK_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""The `face_landmarker.task` that this mapping was written for (3.8 MB, float16)."""

SAME_FACE = 0.2
"""Overlap (IoU) from which boxes in two frames are one face."""

PATIENCE = 3
"""Frames that a face may be missed before its id ends."""

LONGEST_STEP_MS = 1000
"""A longer pause between two frames counts as this long."""

_ALL_HEADS = frozenset(Head)


class Landmarker(Protocol):
    """Whatever finds meshes in a picture."""

    def find(self, rgb: Image, at_ms: int) -> list[MeshFace]:
        """Return all faces of uint8 (H, W, 3) RGB; `at_ms` grows with each call."""

    def close(self) -> None:
        """Release the model."""


class _Visit:
    """What is remembered of one face between frames."""

    def __init__(self, box: Floats) -> None:
        self.box = box
        self.missed = 0
        self.presence = Hysteresis(len(AU_LABELS), on=PRESENT_ON, off=PRESENT_OFF)


class MediaPipeBackend:
    """Implements `domain.observation.FaceBackend` with a landmarker."""

    name = "mediapipe"

    def __init__(
        self,
        landmarker: Landmarker,
        *,
        models: tuple[str, ...],
        heads: frozenset[Head] = _ALL_HEADS,
        still: bool = False,
    ) -> None:
        self.models = models
        self._landmarker = landmarker
        self._heads, self._still = heads, still
        self._rgb: Image = np.zeros((1, 1, 3), np.uint8)
        self._visits: dict[int, _Visit] = {}
        self._next_id = 0
        self._at_ms = 0
        self._last_ns: int | None = None
        self._flushed, self._closed = True, False

    def look(self, frame: Frame) -> Look:
        """Observe all faces of one frame, uint8 (H, W, 3) BGR.

        Raises:
            ModelContractError: MediaPipe refused the frame, or gave something else than a face.
        """
        self._flushed = False
        rgb = self._to_rgb(frame)
        try:
            faces = self._landmarker.find(rgb, self._advance(frame))
            found = self._observe_all(faces, frame.size)
            return Look(FrameStatus.OK if found else _empty_status(rgb), found)
        finally:
            rgb.fill(0)

    def reset(self) -> None:
        """Forget all faces and push a blank frame through the graph; ids go on counting."""
        self._flush()
        self._visits.clear()
        self._last_ns = None

    def close(self) -> None:
        """Push a blank frame through the graph, then release it; may be called twice."""
        if self._closed:
            return
        self._flush()
        self._visits.clear()
        self._landmarker.close()
        self._closed = True

    def _flush(self) -> None:
        """Overwrite what the graph still holds with a blank picture of the same size."""
        if self._flushed:
            return
        self._rgb.fill(0)
        self._at_ms += LONGEST_STEP_MS
        self._landmarker.find(self._rgb, self._at_ms)
        self._flushed = True

    def _to_rgb(self, frame: Frame) -> Image:
        if self._rgb.shape != frame.pixels.shape:
            self._rgb = np.zeros(frame.pixels.shape, np.uint8)
        cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2RGB, dst=self._rgb)
        return self._rgb

    def _advance(self, frame: Frame) -> int:
        """Return a time in ms that always grows, in the source's own pace."""
        before, self._last_ns = self._last_ns, frame.captured_at_ns
        passed = 1 if before is None else (frame.captured_at_ns - before) // 1_000_000
        self._at_ms += min(max(passed, 1), LONGEST_STEP_MS)
        return self._at_ms

    def _observe_all(self, faces: list[MeshFace], size: tuple[int, int]) -> tuple[Observation, ...]:
        solids = [solid_landmarks(face.mesh, size) for face in faces]
        boxes = [face_box(solid[:, :2]) for solid in solids]
        tracks = list(range(len(boxes))) if self._still else self._recognise(boxes)
        return tuple(
            self._observe(face, solid, box, track)
            for face, solid, box, track in zip(faces, solids, boxes, tracks, strict=True)
        )

    def _observe(self, face: MeshFace, solid: Floats, box: Floats, track: int) -> Observation:
        rotation = head_rotation(face.matrix)
        sides = np.full(len(AU_SIDE_LABELS), np.nan, np.float32)
        if Head.AU in self._heads:
            sides = au_sides_of(face.coefficients, solid)
        gaze = np.full(2, np.nan, np.float32)
        if Head.GAZE in self._heads:
            gaze = gaze_of(face.coefficients, rotation)
        au = stronger_known_side(sides)
        return Observation(
            track=track,
            box=box,
            confidence=float("nan"),
            landmarks=solid[:, :2].copy(),
            pose=pose_of(rotation),
            gaze=gaze,
            au_sides=sides,
            au=au,
            # A comparison with NaN is False: what wasn't measured is never present.
            presence=au >= PRESENT_ON if self._still else self._visits[track].presence(au),
            emotion=None,
            quality=1.0,
            calibrated=False,
        )

    def _recognise(self, boxes: list[Floats]) -> list[int]:
        """Give each box the id of the face that it overlaps most, or a new id."""
        pairs = sorted(
            (
                (overlap(visit.box, box), track, place)
                for track, visit in self._visits.items()
                for place, box in enumerate(boxes)
            ),
            reverse=True,
        )
        known: dict[int, int] = {}
        for shared, track, place in pairs:
            if shared >= SAME_FACE and place not in known and track not in known.values():
                known[place] = track
        self._forget_missing(set(known.values()))
        return [self._visit(known.get(place), box) for place, box in enumerate(boxes)]

    def _forget_missing(self, seen: set[int]) -> None:
        for track in [t for t in self._visits if t not in seen]:
            self._visits[track].missed += 1
            if self._visits[track].missed >= PATIENCE:
                del self._visits[track]

    def _visit(self, track: int | None, box: Floats) -> int:
        if track is None:
            track, self._next_id = self._next_id, self._next_id + 1
            self._visits[track] = _Visit(box)
        self._visits[track].box = box
        self._visits[track].missed = 0
        return track


def _empty_status(rgb: Image) -> FrameStatus:
    """Say why a frame shows no face; the gray copy is wiped."""
    gray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    try:
        if is_dark(gray):
            return FrameStatus.TOO_DARK
        return FrameStatus.BLURRED if is_blurred(gray) else FrameStatus.NO_FACE
    finally:
        gray.fill(0)


class _FaceLandmarker:
    """MediaPipe's own class behind the `Landmarker` port."""

    def __init__(self, mediapipe: Any, landmarker: Any, *, still: bool) -> None:
        self._mediapipe, self._landmarker, self._still = mediapipe, landmarker, still

    def find(self, rgb: Image, at_ms: int) -> list[MeshFace]:
        """Return all faces of uint8 (H, W, 3) RGB."""
        try:
            image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb)
            if self._still:
                result = self._landmarker.detect(image)
            else:
                result = self._landmarker.detect_for_video(image, at_ms)
        except (RuntimeError, ValueError) as error:
            raise ModelContractError(f"mediapipe refused a frame: {error}") from error
        faces = zip(
            result.face_landmarks,
            result.face_blendshapes,
            result.facial_transformation_matrixes,
            strict=True,
        )
        return [_mesh_face(*face) for face in faces]

    def close(self) -> None:
        """Release the graph."""
        self._landmarker.close()


def _mesh_face(points: Any, shapes: Any, matrix: Any) -> MeshFace:
    """Copy one face out of MediaPipe's result.

    Raises:
        ModelContractError: it isn't the mesh that the mapping was written for.
    """
    mesh = np.array([(p.x, p.y, p.z) for p in points], np.float32)
    if mesh.shape != (MESH_SIZE, 3) or not np.isfinite(mesh).all():
        raise ModelContractError("mediapipe gave another mesh than 478 finite points")
    coefficients = {shape.category_name: float(shape.score) for shape in shapes}
    return MeshFace(mesh, coefficients, np.asarray(matrix, np.float64))


def load_mediapipe(
    task_file: Path,
    *,
    still: bool = False,
    most_faces: int = 8,
    heads: frozenset[Head] = _ALL_HEADS,
    expected_sha256: str = TASK_SHA256,
) -> MediaPipeBackend:
    """Load MediaPipe with a model file.

    Args:
        task_file: `face_landmarker.task`.
        still: each picture stands alone; otherwise faces are followed.
        most_faces: found at once.
        heads: what the policy allows; emotion is never computed here.
        expected_sha256: of the file; name another one only to allow another model on purpose.

    Raises:
        ConfigError: the extra isn't installed.
        ModelHashMismatch: the file is another one.
        ModelError: the file is missing, or MediaPipe can't load it.
    """
    landmarker = load_landmarker(
        task_file, still=still, most_faces=most_faces, expected_sha256=expected_sha256
    )
    return MediaPipeBackend(
        landmarker, models=(f"mediapipe@{expected_sha256[:8]}",), heads=heads, still=still
    )


def load_landmarker(
    task_file: Path,
    *,
    still: bool = False,
    most_faces: int = 8,
    expected_sha256: str = TASK_SHA256,
) -> Landmarker:
    """Load MediaPipe's own class, for whoever wants its meshes and coefficients as they are.

    Arguments and refusals are those of `load_mediapipe`.
    """
    content = _read_checked(task_file, expected_sha256)
    mediapipe = _import_mediapipe()
    vision = mediapipe.tasks.vision
    mode = vision.RunningMode.IMAGE if still else vision.RunningMode.VIDEO
    try:
        landmarker = vision.FaceLandmarker.create_from_options(
            vision.FaceLandmarkerOptions(
                # The bytes that were hashed are the bytes that are run.
                base_options=mediapipe.tasks.BaseOptions(model_asset_buffer=content),
                running_mode=mode,
                num_faces=most_faces,
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
            )
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"mediapipe can't load {task_file.name}: {error}") from error
    return _FaceLandmarker(mediapipe, landmarker, still=still)


def _read_checked(task_file: Path, expected_sha256: str) -> bytes:
    try:
        content = task_file.read_bytes()
    except OSError as error:
        raise ModelError(f"can't read {task_file.name}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != expected_sha256:
        raise ModelHashMismatch(
            f"{task_file.name} isn't the model that Omokage was checked with",
            advice=f"Use the face_landmarker.task whose SHA-256 begins with {TASK_SHA256[:8]}.",
        )
    return content


def _import_mediapipe() -> Any:
    try:
        import mediapipe  # noqa: PLC0415  (optional, and slow to import)
    except ImportError as error:
        raise ConfigError(
            "the mediapipe backend isn't installed", advice="Run: pip install omokage[mediapipe]"
        ) from error
    return mediapipe
