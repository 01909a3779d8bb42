"""Fill a site with sealed records of the demo clip, as the real models see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import cv2

from agent.config.site import Site
from agent.domain.frame import Frame
from agent.domain.policy import Head
from agent.domain.record import FeatureRecord
from agent.inference.backend import load_backend
from agent.privacy.minimise import minimise
from tests import reviewing

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 11, 25, tzinfo=UTC)
HERTZ = 5.0


@cache
def clip_records(seconds: float) -> list[FeatureRecord]:
    """Return what the models say of the clip's first seconds."""
    heads = frozenset({Head.AU, Head.GAZE, Head.EMOTION})
    backend = load_backend(ROOT / "models", heads=heads, threads=1)
    capture = cv2.VideoCapture(str(ROOT / "agent" / "demo" / "clip.mp4"))
    every = round(capture.get(cv2.CAP_PROP_FPS) / HERTZ)
    found: list[FeatureRecord] = []
    number = 0
    while (read := capture.read())[0] and number / every / HERTZ < seconds:
        if number % every == 0:
            at = number / every / HERTZ
            stamp = int(at * 1e9)
            for face in backend.look(Frame(read[1], stamp, stamp, stamp)).observations:
                when = START + timedelta(seconds=at)
                found.append(minimise(face, at=when, bucket_start=START, track=face.track + 1))
        number += 1
    capture.release()
    return found


def fill(root: Path, now: datetime, seconds: float = 20.0) -> Site:
    """Write a site with one closed bucket of the clip; its passphrase is `reviewing.PASSPHRASE`."""
    return reviewing.site(root, now, buckets=1, lots=[clip_records(seconds)])
