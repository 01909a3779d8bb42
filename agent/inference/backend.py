"""The own-models backend: one frame in, all its faces' observations out.

For a camera or a video it tracks, smooths and takes a neutral baseline; for stills each picture
stands alone and the detector looks more thoroughly. Every buffer that held pixels is wiped before
`look` returns.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from agent.domain.calibration import PRESENT, Calibration
from agent.domain.circumstance import Scene
from agent.domain.face import DetectedFace
from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS, SIDE_INDEX
from agent.domain.frame import Frame, FrameStatus
from agent.domain.observation import Floats, Look, Observation
from agent.domain.policy import Head
from agent.inference.careful import CarefulFace, read_carefully
from agent.inference.detector import FaceDetector, load_detector, shifted
from agent.inference.emotion import EmotionHead
from agent.inference.encoder import EncodedFace, FaceEncoder
from agent.inference.preprocess import Image, alignment_from_landmarks
from agent.inference.session import load_model
from agent.inference.smoothing import Hysteresis, NeutralBaseline, OneEuro
from agent.inference.tracker import (
    Track,
    TrackingRules,
    face_box,
    is_blurred,
    is_dark,
    looks_like_a_face,
    nearest,
    next_matrix,
    overlap,
    start_matrix,
)

_AIR = (0.25, 0.5)
"""Margins, as shares of the shorter side, tried around a picture without a face."""

PRESENT_ON, PRESENT_OFF = PRESENT, 0.7
"""Presence begins at FACS level A and ends somewhat under it; calibrated ones keep the ratio."""

_SIDES = tuple(np.array(index) for index in SIDE_INDEX)


def stronger_side(au_sides: Floats) -> Floats:
    """Return the 19 intensities: each AU's stronger side (FACS' rule for asymmetry)."""
    return np.array([au_sides[index].max() for index in _SIDES], np.float32)


def _thresholds(calibration: Calibration) -> tuple[Floats, Floats]:
    """Return from which intensity each AU is present, and under which it no longer is: (19,)."""
    on = np.array([calibration.threshold(label) for label in AU_LABELS], np.float32)
    return on, (on * (PRESENT_OFF / PRESENT_ON)).astype(np.float32)


class _Temporal:
    """Everything that one track remembers beside its landmarks."""

    def __init__(self, on: Floats, off: Floats) -> None:
        self.au = OneEuro(rest_hz=1.5, speed_gain=1.0)
        self.pose = OneEuro(rest_hz=1.0, speed_gain=0.05)
        self.gaze = OneEuro(rest_hz=1.0, speed_gain=0.05)
        self.emotion = OneEuro(rest_hz=0.8, speed_gain=0.5)
        self.baseline = NeutralBaseline(len(AU_SIDE_LABELS), settled_after=25, limit=1.0)
        self.presence = Hysteresis(len(AU_LABELS), on=on, off=off)


class OwnBackend:
    """Detector, tracker, encoder and, where allowed, the emotion head."""

    name = "own"

    def __init__(
        self,
        detector: FaceDetector,
        encoder: FaceEncoder,
        emotion: EmotionHead | None,
        *,
        models: tuple[str, ...],
        gaze: bool = True,
        still: bool = False,
        rules: TrackingRules | None = None,
    ) -> None:
        self.models = models
        self._detector, self._encoder, self._emotion = detector, encoder, emotion
        self._gaze, self._still = gaze, still
        self._rules = rules or TrackingRules()
        self._gray: Image = np.zeros((1, 1), np.uint8)
        self._light = 0.0
        self._on, self._off = _thresholds(Calibration())
        self.reset()

    def adjust(self, calibration: Calibration) -> None:
        """Decide presence and certainty by a site's calibration from the next frame on."""
        self._on, self._off = _thresholds(calibration)
        for memory in self._temporal.values():
            memory.presence.move(on=self._on, off=self._off)
        if self._emotion is not None:
            self._emotion.soften(calibration.temperature)

    def reset(self) -> None:
        """Forget all tracks; numbering starts again."""
        self._lose_all()
        self._next_number = 0
        self._last_ns: int | None = None

    def _lose_all(self) -> None:
        """Forget all tracks; whoever is seen next gets a number that nobody had."""
        self._tracks: list[Track] = []
        self._temporal: dict[int, _Temporal] = {}
        self._since_detection = 0

    def close(self) -> None:
        """Forget all tracks and wipe all buffers."""
        self.reset()
        self._gray.fill(0)
        self._encoder.wipe()

    def look(self, frame: Frame) -> Look:
        """Observe all faces of one frame, uint8 (H, W, 3) BGR."""
        gray = self._to_gray(frame)
        # Of the whole picture: a face's own brightness would say something about its skin.
        self._light = float(gray[::8, ::8].mean()) / 255
        try:
            seconds = self._elapsed(frame)
            found = self._look_once(gray) if self._still else self._follow(gray, seconds)
            return Look(self._status(gray, found), tuple(found))
        finally:
            gray.fill(0)
            self._encoder.wipe()

    def _to_gray(self, frame: Frame) -> Image:
        width, height = frame.size
        if self._gray.shape != (height, width):
            self._gray = np.zeros((height, width), np.uint8)
            self._lose_all()  # where a face was in pictures of another size says nothing here
        cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2GRAY, dst=self._gray)
        return self._gray

    def _elapsed(self, frame: Frame) -> float:
        """Seconds since the frame before, by the source's own time; files play at any speed."""
        before, self._last_ns = self._last_ns, frame.captured_at_ns
        if before is None:
            return 0.0
        return min(max((frame.captured_at_ns - before) / 1e9, 1e-3), 1.0)

    def _status(self, gray: Image, found: list[Observation]) -> FrameStatus:
        if found:
            return FrameStatus.OK
        if is_dark(gray):
            return FrameStatus.TOO_DARK
        return FrameStatus.BLURRED if is_blurred(gray) else FrameStatus.NO_FACE

    def _look_once(self, gray: Image) -> list[Observation]:
        """Observe a still: no memory, no smoothing, no baseline, but several looks at a face."""
        found = []
        faces = self._detector.detect(gray, thorough=True) or self._close_up(gray)
        for number, face in enumerate(faces):
            read = self._read_still(gray, face)
            if read is not None:
                found.append(self._observe_raw(number, face.score, read))
        return found

    def _close_up(self, gray: Image) -> list[DetectedFace]:
        """Look for one face that fills the picture: a detector wants some air around a face."""
        for share in _AIR:
            margin = round(min(gray.shape) * share)
            framed = cv2.copyMakeBorder(gray, *(margin,) * 4, cv2.BORDER_REPLICATE)
            try:
                faces = self._detector.detect(np.asarray(framed, np.uint8))
            finally:
                framed.fill(0)
            if faces:
                return [shifted(face, -margin) for face in faces[:1]]
        return []

    def _read_still(self, gray: Image, face: DetectedFace) -> CarefulFace | None:
        """Read a detected face carefully; None where the encoder sees none."""
        size = (gray.shape[1], gray.shape[0])
        first = self._encoder.encode(gray, start_matrix(face))
        if not looks_like_a_face(first.encoding.landmarks, size):
            return None
        starts = [alignment_from_landmarks(first.encoding.landmarks)]
        read = read_carefully(self._encoder, gray, starts, self._emotion)
        usable = looks_like_a_face(read.encoding.landmarks, size)
        return read if usable and read.encoding.quality >= self._rules.lost_below else None

    def _encode_twice(self, gray: Image, face: DetectedFace) -> EncodedFace | None:
        """Encode by the detector's points, then again by the landmarks that this gave."""
        size = (gray.shape[1], gray.shape[0])
        first = self._encoder.encode(gray, start_matrix(face))
        if not looks_like_a_face(first.encoding.landmarks, size):
            return None
        track = Track(0, first.encoding, face.score)
        second = self._encoder.encode(gray, next_matrix(track))
        usable = looks_like_a_face(second.encoding.landmarks, size)
        return second if usable and second.encoding.quality >= self._rules.lost_below else None

    def _observe_raw(self, number: int, confidence: float, face: CarefulFace) -> Observation:
        encoding = face.encoding
        au = stronger_side(encoding.au_sides)
        return Observation(
            track=number,
            box=face_box(encoding.landmarks),
            confidence=confidence,
            landmarks=encoding.landmarks,
            pose=encoding.pose,
            gaze=encoding.gaze if self._gaze else np.full(2, np.nan, np.float32),
            au_sides=encoding.au_sides,
            au=au,
            presence=au >= self._on,
            emotion=face.emotion,
            quality=encoding.quality,
            calibrated=False,
            scene=self._scene(encoding.landmarks),
        )

    def _scene(self, landmarks: Floats) -> Scene:
        box = face_box(landmarks)
        return Scene(float(box[3] - box[1]) / self._gray.shape[0], self._light)

    def _follow(self, gray: Image, seconds: float) -> list[Observation]:
        """Move every track to this frame, look for newcomers when due, observe."""
        found = []
        for track in list(self._tracks):
            face = self._advance(gray, track)
            if face is not None:
                found.append(self._observe(track, face, seconds))
        self._since_detection += 1
        due = not self._tracks or self._since_detection >= self._rules.detect_every
        if due or any(track.missed for track in self._tracks):
            self._since_detection = 0
            found += self._welcome(gray, seconds)
        return found

    def _advance(self, gray: Image, track: Track) -> EncodedFace | None:
        """Encode a track's face in this frame; None (and maybe the track's end) when missed."""
        size = (gray.shape[1], gray.shape[0])
        face = self._encoder.encode(gray, next_matrix(track))
        good = face.encoding.quality >= self._rules.lost_below
        shaped = looks_like_a_face(face.encoding.landmarks, size)
        slid = any(
            other.number < track.number
            and overlap(face_box(face.encoding.landmarks), other.box) > self._rules.same_face
            for other in self._tracks
        )
        if slid:
            self._end(track)
            return None
        if not (shaped and good):
            track.missed += 1
            if track.missed >= self._rules.patience:
                self._end(track)
            return None
        track.missed = 0
        track.encoding = face.encoding
        return face

    def _end(self, track: Track) -> None:
        self._tracks.remove(track)
        self._temporal.pop(track.number, None)

    def _welcome(self, gray: Image, seconds: float) -> list[Observation]:
        """Run the detector: find missed faces again, start tracks for newcomers, end doubtful ones.

        A face that moved too far since the last frame is missed by its own landmarks; where the
        detector sees one of its size nearby, and no other track has it, it is that face.
        """
        faces = self._detector.detect(gray)
        self._confirm(faces)
        found = []
        for face in faces:
            if any(overlap(face.box, t.box) > 0.2 for t in self._tracks if not t.missed):
                continue
            track = nearest([t for t in self._tracks if t.missed], face)
            if track is None and len(self._tracks) >= self._rules.most:
                continue
            encoded = self._encode_twice(gray, face)
            if encoded is None:
                continue
            found.append(self._take_up(track, encoded, face.score, seconds))
        return found

    def _take_up(
        self, track: Track | None, encoded: EncodedFace, score: float, seconds: float
    ) -> Observation:
        """Go on with a missed track, or begin one."""
        if track is not None:
            track.encoding, track.missed = encoded.encoding, 0
            return self._observe(track, encoded, seconds)
        track = Track(self._next_number, encoded.encoding, score)
        self._next_number += 1
        self._tracks.append(track)
        return self._observe(track, encoded, 0.0)

    def _confirm(self, faces: list[DetectedFace]) -> None:
        """End tracks that the detector failed to see three times in a row while they look poor."""
        for track in list(self._tracks):
            if any(overlap(face.box, track.box) > 0.2 for face in faces):
                track.unconfirmed = 0
                continue
            track.unconfirmed += 1
            if track.unconfirmed >= 3 and track.encoding.quality < 0.6:
                self._end(track)

    def _observe(self, track: Track, face: EncodedFace, seconds: float) -> Observation:
        """Smooth, take the baseline off, decide presence."""
        memory = self._temporal.setdefault(track.number, _Temporal(self._on, self._off))
        encoding = face.encoding
        sides = memory.au(memory.baseline(encoding.au_sides), seconds)
        au = stronger_side(sides)
        emotion = None
        if self._emotion is not None:
            emotion = memory.emotion(self._emotion.classify_face(face), seconds)
            emotion = (emotion / emotion.sum()).astype(np.float32)
        gaze = memory.gaze(encoding.gaze, seconds)
        return Observation(
            track=track.number,
            box=face_box(encoding.landmarks),
            confidence=track.confidence,
            landmarks=encoding.landmarks,
            pose=memory.pose(encoding.pose, seconds),
            gaze=gaze if self._gaze else np.full(2, np.nan, np.float32),
            au_sides=sides,
            au=au,
            presence=memory.presence(au),
            emotion=emotion,
            quality=encoding.quality,
            calibrated=memory.baseline.settled,
            scene=self._scene(encoding.landmarks),
        )


def load_backend(
    models: Path, *, heads: frozenset[Head], still: bool = False, threads: int = 1
) -> OwnBackend:
    """Load the own models that the policy's heads need; the others' files aren't opened.

    Raises:
        ModelError: a model is missing, altered, or breaks its card's contract.
    """
    detector = load_model(models, "face_detector", threads=threads)
    encoder = load_model(models, "face_encoder", threads=threads)
    emotion = None
    cards = [detector.card, encoder.card]
    if Head.EMOTION in heads:
        head = load_model(models, "emotion_head", threads=threads)
        emotion = EmotionHead(head)
        cards.append(head.card)
    return OwnBackend(
        load_detector(detector),
        FaceEncoder(encoder),
        emotion,
        models=tuple(card.identifier for card in cards),
        gaze=Head.GAZE in heads,
        still=still,
    )
