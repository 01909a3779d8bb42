"""Measure what seeing costs: time per face and per detection, memory, start-up.

Run from the repository's root, with the models in `models/`:

    python -m tests.benchmarks.bench_pipeline [--task-file face_landmarker.task]
        [--minutes 10] [--rounds 300] [--json FILE]

How: the process is pinned to one core, so that every candidate is single-threaded, whatever
threads its library starts. Candidates take turns within each round; the first tenth of the
rounds is warm-up. Times are wall time (median and 95th percentile) and processor time (median).
**Ratios are of processor time**, which other work on the machine stretches least.

- *tracked face*: gray conversion, alignment, encoder, emotion head, smoothing, minimising of one
  face in a 640x480 frame of the demo clip, without the detector.
- *detection*: the detector on one 640x480 gray frame, as live.
- *MediaPipe landmarker* (with `--task-file`, where the extra is installed): one frame in, one
  observation out, following one face: its cheapest way of use.
- *ResNet-18*: random weights, 224 pixels, for timing only.
- *agent RSS*: of `omokage run` on the demo clip after so many minutes.
- *start-up*: `omokage --help` beside `python -c pass`, taking turns, median of 10.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

from agent.cli.demo import prepare
from agent.cli.options import DEFAULT_MODELS
from agent.config.site import Site
from agent.domain.frame import Frame
from agent.domain.observation import FaceBackend
from agent.domain.policy import Head
from agent.errors import ConfigError, ModelError
from agent.inference.backend import OwnBackend, load_backend
from agent.inference.mediapipe import load_mediapipe
from agent.inference.session import _session
from agent.inference.tracker import TrackingRules
from agent.privacy.minimise import minimise
from tests.benchmarks.resnet18 import SIDE, resnet18

CLIP = Path(__file__).resolve().parents[2] / "agent" / "demo" / "clip.mp4"
FIRST, COUNT = 75, 60
"""Frames of the demo clip that show one person (`clip.truth.csv`)."""

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
NEVER = 10**9
STARTS = 10
MEDIAPIPE, RESNET = "MediaPipe landmarker", "ResNet-18, 224 px"


@dataclass(slots=True)
class Candidate:
    """One thing that is timed.

    Attributes:
        name: in the table.
        run: does it once; False where the run doesn't count.
        close: releases what it holds.
        wall: milliseconds of each run that counts.
        cpu: processor milliseconds of the same.
        discarded: runs that didn't count.
    """

    name: str
    run: Callable[[], bool]
    close: Callable[[], object] = lambda: None
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    discarded: int = 0

    def once(self, *, counts: bool) -> None:
        """Run once and note how long it took."""
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        valid = self.run()
        cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
        if counts and valid:
            self.wall.append(wall / 1e6)
            self.cpu.append(cpu / 1e6)
        self.discarded += counts and not valid


class Film:
    """Frames of the demo clip, forth and back without a jump, as a camera gives them."""

    def __init__(self, pictures: list[np.ndarray]) -> None:
        self._pictures = pictures + pictures[-2:0:-1]
        self._place = 0

    def next(self) -> Frame:
        """Return the next frame; its pixels are the film's own."""
        sequence, self._place = self._place, self._place + 1
        pixels = self._pictures[sequence % len(self._pictures)]
        return Frame(pixels, sequence, sequence * 66_666_667, sequence * 66_666_667)


def read_clip() -> list[np.ndarray]:
    """Decode the frames with one person, uint8 (480, 640, 3)."""
    video = cv2.VideoCapture(str(CLIP))
    pictures = [video.read()[1] for _ in range(FIRST + COUNT)][FIRST:]
    video.release()
    assert all(picture is not None and picture.shape == (480, 640, 3) for picture in pictures)
    return pictures


def looking(name: str, backend: FaceBackend, pictures: list[np.ndarray]) -> Candidate:
    """Time a backend from a frame to the record of its one face."""
    film = Film(pictures)

    def run() -> bool:
        look = backend.look(film.next())
        for seen in look.observations:
            minimise(seen, at=NOW, bucket_start=NOW, track=1)
        return len(look.observations) == 1

    return Candidate(name, run, backend.close)


def own_candidates(models: Path, pictures: list[np.ndarray]) -> list[Candidate]:
    """Time a tracked face, and the detector alone."""
    backend = load_backend(models, heads=frozenset(Head))
    assert isinstance(backend, OwnBackend)
    # The detector is timed by itself; here it only starts the track.
    backend._rules = TrackingRules(detect_every=NEVER)
    grays = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in pictures]
    count = iter(range(NEVER))
    # The sessions are shared: they keep nothing between two runs.
    detector = backend._detector

    def detect() -> bool:
        detector.detect(grays[next(count) % len(grays)])
        return True

    return [looking("tracked face", backend, pictures), Candidate("detection", detect)]


def resnet_candidate() -> Candidate:
    """Time a ResNet-18 in the same onnxruntime, one thread."""
    session = _session(resnet18(), "resnet18", 1)
    picture = np.random.default_rng(0).standard_normal((1, 3, SIDE, SIDE)).astype(np.float32)

    def run() -> bool:
        session.run(None, {"x": picture})
        return True

    return Candidate(RESNET, run)


def candidates(models: Path, task_file: Path | None) -> tuple[list[Candidate], list[str]]:
    """Build all that can be measured here, and say what can't."""
    pictures = read_clip()
    found, missing = [], []
    try:
        found += own_candidates(models, pictures)
    except ModelError as error:
        missing.append(f"own models: {error}")
    if task_file is None:
        missing.append("MediaPipe: no --task-file")
    else:
        try:
            found.append(looking(MEDIAPIPE, load_mediapipe(task_file, most_faces=1), pictures))
        except (ConfigError, ModelError) as error:
            missing.append(f"MediaPipe: {error}")
    return [*found, resnet_candidate()], missing


def take_turns(found: list[Candidate], rounds: int) -> None:
    """Run every candidate once a round, each round beginning with another one."""
    for number in range(rounds):
        first = number % len(found)
        for candidate in found[first:] + found[:first]:
            candidate.once(counts=number >= rounds // 10)


def time_row(candidate: Candidate, found: list[Candidate]) -> dict[str, Any]:
    """Summarise one candidate, with its ratios to the two yardsticks."""
    row: dict[str, Any] = {"name": candidate.name, "discarded": candidate.discarded}
    if not candidate.wall:
        return row
    p50, p95 = np.percentile(candidate.wall, (50, 95))
    cpu = float(np.median(candidate.cpu))
    row |= {"wall_p50_ms": float(p50), "wall_p95_ms": float(p95), "cpu_p50_ms": cpu}
    for key, name in (("of_mediapipe", MEDIAPIPE), ("of_resnet18", RESNET)):
        for other in found:
            if other.name == name and other.cpu:
                row[key] = cpu / float(np.median(other.cpu))
    return row


def resident_mb(pid: int, key: str = "VmRSS") -> float:
    """Read a process's memory, megabytes (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def agent_memory(models: Path, minutes: float) -> dict[str, Any]:
    """Run the real agent on the demo clip and watch its memory."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "site")
        prepare(site)
        command = [
            sys.executable, "-m", "agent.cli.main", "run", "--site", str(site.root),
            "--source", "demo", "--models", str(models),
        ]  # fmt: skip
        agent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            samples, peak = watch(agent, minutes * 60)
        finally:
            agent.terminate()
            agent.wait(timeout=30)
        status = json.loads(site.status.read_text("utf-8"))
    late = samples[-max(len(samples) // 10, 1) :]
    return {
        "minutes": minutes,
        "rss_mb": float(np.median(late)),
        "rss_at_half_time_mb": samples[len(samples) // 2],
        "peak_mb": peak,
        "faces": status["faces"],
        "stored_records": status["stored_records"],
    }


def watch(agent: subprocess.Popen[bytes], seconds: float) -> tuple[list[float], float]:
    """Sample a process's memory once a second; return the samples and its peak."""
    samples, until = [], time.monotonic() + seconds
    peak = 0.0
    while time.monotonic() < until:
        time.sleep(1)
        if agent.poll() is not None:
            raise SystemExit(f"the agent ended with {agent.returncode}")
        samples.append(resident_mb(agent.pid))
        peak = resident_mb(agent.pid, "VmHWM")
    return samples, peak


def start_up() -> dict[str, float]:
    """Time the command's start beside the interpreter's own, seconds."""
    script = Path(sys.executable).with_name("omokage")
    help_command = [str(script)] if script.exists() else [sys.executable, "-m", "agent.cli.main"]
    commands = {"omokage_help_s": [*help_command, "--help"],
                "python_pass_s": [sys.executable, "-c", "pass"]}  # fmt: skip
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(STARTS):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            spent[name].append(time.perf_counter() - began)
    return {name: float(np.median(times)) for name, times in spent.items()}


def circumstances() -> dict[str, Any]:
    """State where and under which load this was measured."""
    return {
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "opencv": cv2.__version__,
        "load_before": [round(load, 1) for load in os.getloadavg()],
    }


def show(report: dict[str, Any]) -> None:
    """Print the tables."""
    where = report["circumstances"]
    print(f"{where['processors']} processors, load {where['load_before'][0]} before and "
          f"{where['load_after'][0]} after (1 minute)")  # fmt: skip
    for reason in report["not_measured"]:
        print(f"not measured: {reason}")
    heads = ("wall p50", "wall p95", "CPU p50", "/MediaPipe", "/ResNet-18")
    keys = ("wall_p50_ms", "wall_p95_ms", "cpu_p50_ms", "of_mediapipe", "of_resnet18")
    print(f"\n{'one thread, ms':24}" + "".join(f"{head:>12}" for head in heads))
    for row in report["times"]:
        cells = (f"{row[key]:12.3f}" if key in row else f"{'-':>12}" for key in keys)
        print(f"{row['name']:24}" + "".join(cells))
    start = report["start_up"]
    print(f"\nomokage --help {start['omokage_help_s']:.2f} s, "
          f"python -c pass {start['python_pass_s']:.2f} s")  # fmt: skip
    if memory := report["memory"]:
        print(f"agent after {memory['minutes']:g} minutes: {memory['rss_mb']:.0f} MB resident "
              f"({memory['rss_at_half_time_mb']:.0f} MB at half time, peak "
              f"{memory['peak_mb']:.0f} MB), {memory['faces']} faces seen")  # fmt: skip


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure everything; start-up and memory run unpinned, as they would at a site."""
    report: dict[str, Any] = {"circumstances": circumstances(), "start_up": start_up()}
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    cv2.setNumThreads(1)
    found, report["not_measured"] = candidates(arguments.models, arguments.task_file)
    take_turns(found, arguments.rounds)
    report["times"] = [time_row(candidate, found) for candidate in found]
    for candidate in found:
        candidate.close()
    os.sched_setaffinity(0, cores)
    report["memory"] = None
    if arguments.minutes > 0 and not any("own models" in m for m in report["not_measured"]):
        report["memory"] = agent_memory(arguments.models, arguments.minutes)
    report["circumstances"]["load_after"] = [round(load, 1) for load in os.getloadavg()]
    return report


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description="Measure time, memory and start-up.")
    parser.add_argument("--models", type=Path, default=DEFAULT_MODELS)
    parser.add_argument("--task-file", type=Path, help="MediaPipe's face_landmarker.task")
    parser.add_argument("--minutes", type=float, default=10.0, help="0 leaves the agent out")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write the numbers there too")
    arguments = parser.parse_args()
    report = measure(arguments)
    show(report)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
