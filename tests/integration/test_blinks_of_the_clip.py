"""Blinks of the demo clip, whose truth is known frame by frame."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import cv2
import pytest

from agent.domain.blink import AU45, Blinks
from agent.domain.frame import Frame
from agent.evaluation.clip_truth import read_truth
from agent.inference.backend import load_backend

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "agent" / "demo" / "clip.mp4"
FPS = 15


def true_blinks(frames: int) -> int:
    """Count the blinks that the clip's script made: one person is never near another's place."""
    truth = read_truth(CLIP)
    assert truth is not None
    people: list[tuple[float, int, Blinks]] = []
    for number in range(frames):
        for known in truth.frames.get(number, []):
            middle = float(known.box[[0, 2]].mean())
            near = [p for p in people if abs(p[0] - middle) < 60 and number - p[1] <= 3]
            blinks = near[0][2] if near else Blinks()
            people = [p for p in people if p not in near] + [(middle, number, blinks)]
            blinks(bool(known.au[AU45] >= 1), number / FPS)
    return sum({id(p[2]): p[2].count for p in people}.values())


@pytest.mark.slow
@pytest.mark.parametrize(("every", "least"), [(1, 0.9), (3, 0.8)])
def test_most_blinks_of_the_clip_are_counted(every: int, least: float) -> None:
    """At 15 looks a second nine in ten blinks are counted, at 5 four in five, and none twice."""
    backend = load_backend(ROOT / "models", heads=frozenset())
    video = cv2.VideoCapture(str(CLIP))
    seen: dict[int, Blinks] = defaultdict(Blinks)
    frames = 0
    while (read := video.read())[0]:
        if frames % every == 0:
            at = frames / FPS
            look = backend.look(Frame(read[1], frames, int(at * 1e9), int(at * 1e9)))
            for face in look.observations:
                seen[face.track](bool(face.presence[AU45]), at)
        frames += 1
    backend.close()

    counted = sum(blinks.count for blinks in seen.values())
    assert least <= counted / true_blinks(frames) <= 1.1
