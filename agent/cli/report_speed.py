"""Measure this PC with the shipped models on the bundled synthetic clip, for `omokage report`.

A short look, not a benchmark: it says how long one frame with one face takes here and now, with
whatever else the PC is doing. No camera is opened and nothing of the clip is kept.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FIRST, FRAMES, WARM_UP = 75, 60, 15
"""Frames of the clip with one face."""
STEP_NS = 66_666_667
CPU_INFO = Path("/proc/cpuinfo")
MEMORY_INFO = Path("/proc/meminfo")


def measure(models: Path) -> dict[str, Any]:
    """Return what was measured, ready for JSON.

    Args:
        models: folder of the models.

    Raises:
        ModelError: a model can't be trusted.
        CameraError: the bundled clip can't be read.
    """
    from agent.domain.policy import Head
    from agent.inference.backend import load_backend

    backend = load_backend(models, heads=frozenset(Head))
    walls, works = [], []
    try:
        for frame in _frames():
            wall, work = time.perf_counter_ns(), time.process_time_ns()
            look = backend.look(frame)
            wall, work = time.perf_counter_ns() - wall, time.process_time_ns() - work
            frame.wipe()
            if frame.sequence >= WARM_UP and len(look.observations) == 1:
                walls.append(wall / 1e6)
                works.append(work / 1e6)
    finally:
        backend.close()
    return {**machine(), "models": list(backend.models), **_summary(walls, works)}


def _summary(walls: list[float], works: list[float]) -> dict[str, Any]:
    if len(walls) < 10:
        return {"frames": len(walls)}
    ranked = sorted(walls)
    return {
        "frames": len(walls),
        "median_ms": round(statistics.median(walls), 2),
        "p95_ms": round(ranked[int(0.95 * (len(ranked) - 1))], 2),
        "cpu_ms": round(statistics.mean(works), 2),
    }


def machine() -> dict[str, Any]:
    """Name the PC, as far as it says so itself."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 0,
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _frames() -> Iterator[Any]:
    import cv2
    import numpy as np

    from agent.capture.factory import DEMO_CLIP
    from agent.domain.frame import Frame

    video = cv2.VideoCapture(str(DEMO_CLIP))
    try:
        for number in range(FIRST + FRAMES):
            found, pixels = video.read()
            if not found:
                return
            if number >= FIRST:
                sequence = number - FIRST
                yield Frame(
                    np.asarray(pixels, np.uint8), sequence, sequence * STEP_NS, sequence * STEP_NS
                )
    finally:
        video.release()


def _cpu_name() -> str:
    for line in _lines(CPU_INFO):
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.split())
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    for line in _lines(MEMORY_INFO):
        name, _, value = line.partition(":")
        if name == "MemTotal":
            return round(int(value.split()[0]) / 2**20, 1)
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
