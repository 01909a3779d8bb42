"""The bundled clip through the whole product, compared with what was rendered.

The clip's truth stands beside it: every face's box, pose, gaze and Action Units in every frame.
"""

from __future__ import annotations

import csv
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.cli.demo import PASSPHRASE, prepare
from agent.clock import SystemClock
from agent.config.site import Site
from agent.crypto.open import unlock
from agent.domain.facs import AU_LABELS
from agent.domain.record import AU_STEP
from agent.service import Agent, RunOptions
from agent.store.aggregates import AggregateReader
from agent.store.segments import SegmentReader

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "agent" / "demo" / "clip.mp4"
TRUTH = ROOT / "agent" / "demo" / "clip.truth.csv"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def omokage(*arguments: str) -> list[str]:
    """Return the command line of `omokage`."""
    return [sys.executable, "-m", "agent.cli.main", *arguments]


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """Rows of `omokage analyze` on the bundled clip."""
    out = tmp_path_factory.mktemp("analyze") / "clip.csv"
    subprocess.run(
        omokage("analyze", str(CLIP), "-o", str(out), "--no-progress"), check=True, cwd=ROOT
    )
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def truth():
    """Rows of the clip's truth by frame."""
    rows = defaultdict(list)
    with TRUTH.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[int(row["frame"])].append(row)
    return rows


def matched(analysed, truth):
    """Pair each analysed face with the true face whose box holds its centre."""
    pairs = []
    for row in analysed:
        if row["success"] != "1":
            continue
        x = float(row["face_x"]) + float(row["face_w"]) / 2
        y = float(row["face_y"]) + float(row["face_h"]) / 2
        for true in truth[int(row["frame"]) - 1]:  # OpenFace counts from 1
            if true["face"] == "-1":
                continue
            low = float(true["x1"]) <= x <= float(true["x2"])
            if low and float(true["y1"]) <= y <= float(true["y2"]):
                pairs.append((row, true))
                break
    return pairs


def test_every_frame_has_a_row(analysed, truth):
    """No frame vanishes: those without a face have a row with success 0."""
    assert {int(row["frame"]) - 1 for row in analysed} == set(truth)
    assert any(row["success"] == "0" for row in analysed)


def test_faces_are_found_where_they_are(analysed, truth):
    """At least nine in ten of the rendered faces are followed, and hardly one is invented."""
    pairs = matched(analysed, truth)
    faces = sum(true["face"] != "-1" for rows in truth.values() for true in rows)
    claimed = sum(row["success"] == "1" for row in analysed)

    assert len(pairs) >= 0.9 * faces
    assert claimed - len(pairs) <= 0.03 * claimed


def test_action_units_follow_the_truth(analysed, truth):
    """Smile, jaw drop, lips part, brows and blinks rise and fall with the rendered ones."""
    pairs = matched(analysed, truth)
    correlation = {}
    for label in AU_LABELS:
        seen = np.array([float(row[f"{label}_r"]) for row, _ in pairs])
        sides = [name for name in pairs[0][1] if name.split("_")[0] == label]
        real = np.array([max(float(true[side]) for side in sides) for _, true in pairs])
        if real.std() > 0.1:
            correlation[label] = float(np.corrcoef(seen, real)[0, 1])

    print({label: round(value, 2) for label, value in correlation.items()})
    assert min(correlation[label] for label in ("AU12", "AU25", "AU26")) > 0.6
    assert np.mean(list(correlation.values())) > 0.45


def test_head_turns_are_measured(analysed, truth):
    """Yaw follows the rendered head within a few degrees."""
    pairs = matched(analysed, truth)
    seen = np.degrees([float(row["pose_Ry"]) for row, _ in pairs])
    real = np.array([float(true["yaw"]) for _, true in pairs])

    assert abs(np.corrcoef(seen, real)[0, 1]) > 0.85


@pytest.mark.slow
def test_a_site_runs_seals_releases_and_opens(tmp_path):
    """From the clip to sealed records that only the passphrase opens, and to released cells."""
    site = Site(tmp_path / "site")
    prepare(site)
    away = site.vault.rename(tmp_path / "vault.toml")  # the agent must not need it

    agent = Agent(site, RunOptions(sources={"entrance": "demo"}, seconds=70), SystemClock())
    agent.run()

    away.rename(site.vault)
    opener = unlock(site.vault, PASSPHRASE)
    reader = SegmentReader(site.segments)
    batches = [
        opener.open_bucket(bucket.segments, bucket.key, opener.verifier, now=SystemClock().now())
        for bucket in reader.buckets()
    ]
    reader.close()
    records = np.concatenate(batches)
    health = json.loads(site.status.read_text("utf-8"))
    now = SystemClock().now()
    released = AggregateReader(site.aggregates).rows(now - timedelta(hours=1), now)
    shown = {row.metric for row in released if not row.suppressed and row.value is not None}

    assert len(records) == health["stored_records"] > 300
    assert float(records["au_sides"].max()) * AU_STEP <= 5
    assert health["lost_records"] == 0
    assert health["persisting"]
    assert {"coverage.observed_seconds", "au.AU12.rate", "emotion.happiness.share"} <= shown
    assert_no_picture_below(site.root)


def assert_no_picture_below(root: Path) -> None:
    """Only the known files exist, and none of them begins like a picture or a video."""
    known = {
        "policy.toml", "public.toml", "device.pem", "epochs.toml", "segments.sqlite",
        "segments.sqlite-wal", "segments.sqlite-shm", "aggregates.sqlite", "status.json",
        "segments.marker", "segments.ballast", "aggregates.ballast", "upkeep.json",
        "access.sqlite", "access.checkpoints", "bias.json",
    }  # fmt: skip
    for path in root.rglob("*"):
        if path.is_file():
            assert path.name in known
            assert path.read_bytes()[:4] not in {b"\x89PNG", b"\xff\xd8\xff\xe0", b"RIFF", b"BM"}


@pytest.mark.slow
def test_the_demo_serves_and_ends_cleanly(tmp_path):
    """`omokage demo` prints a link that opens its pages, releases numbers, and Ctrl-C ends all."""
    said, port = tmp_path / "said.txt", free_port()
    with said.open("w") as log:
        demo = subprocess.Popen(
            omokage("demo", "--site", str(tmp_path / "demo"), "--port", str(port)),
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        link = wait_for(lambda: re.search(r"http://\S+/enter\S+", said.read_text()), seconds=60)[0]
        page = wait_for(lambda: visit(link, f"http://127.0.0.1:{port}/"), seconds=60)
        stranger = fetch(f"http://127.0.0.1:{port}/")
        shown = wait_for(lambda: released_cells(tmp_path / "demo"), seconds=120)
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(timeout=30)
    output = said.read_text()

    assert b"<html" in page.lower()
    assert stranger is None
    assert shown > 0
    assert demo.returncode == 0, output
    assert "Traceback" not in output
    assert fetch(f"http://127.0.0.1:{port}/") is None


def wait_for(attempt, *, seconds: float):
    """Call until it gives something, or fail."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = attempt()
        if found:
            return found
        time.sleep(1)
    pytest.fail("waited too long")


def visit(link: str, page: str) -> bytes | None:
    """Follow the link that signs in, then read a page with the cookie that it gave."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    try:
        browser.open(link, timeout=5).close()
        with browser.open(page, timeout=5) as answer:
            return answer.read()
    except OSError:
        return None


def fetch(address: str) -> bytes | None:
    """Read a page of this machine, or None while nothing answers."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.read()
    except OSError:
        return None


def released_cells(root: Path) -> int:
    """Count visible AU cells."""
    path = Site(root).aggregates
    if not path.exists():
        return 0
    now = SystemClock().now()
    try:
        rows = AggregateReader(path).rows(now - timedelta(hours=1), now)
    except sqlite3.Error:
        return 0
    return sum(row.metric.startswith("au.") and row.value is not None for row in rows)
