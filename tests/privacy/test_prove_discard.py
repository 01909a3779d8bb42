"""The proof that frames die: it holds for the agent, and each planted mistake breaks it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.main import main
from agent.clock import SystemClock
from agent.config.site import Site
from agent.crypto.create import write_keys
from agent.proof.experiment import Finding, Order, prove
from agent.proof.marks import Kind
from agent.proof.surroundings import SHARED_MEMORY
from tests.sealing import keyset

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc"),
]


def left_by(subject: str, *words: str) -> Finding:
    """Return what is found of a faulty agent."""
    command = (sys.executable, str(Path(__file__).with_name(subject)), *words)
    order = Order(models=ROOT / "models", frames=40, subject=command)
    return prove(order, SystemClock(), lambda _: None)


def residue(found: Finding) -> dict[str, set[str]]:
    """Return by look the names of the regions in which something was found."""
    regions = defaultdict(set)
    for look in found.looks:
        for region, _ in look.hits:
            regions[look.moment].add(region)
    return dict(regions)


def test_nothing_is_left_of_frames_and_faces(tmp_path: Path) -> None:
    """The installed agent leaves no piece of a frame or of a face, and its device says so."""
    write_keys(Site(tmp_path), keyset())
    file = tmp_path / "certificate.json"
    options = ["--site", str(tmp_path), "--frames", "40", "--json", str(file), "--language", "en"]

    done = CliRunner().invoke(main, ["prove-discard", *options])
    checked = CliRunner().invoke(main, ["prove-discard", "verify", *options[:2], str(file)])

    assert done.exit_code == 0, done.output
    said = json.loads(file.read_text("utf-8"))["statement"]
    assert said["result"] == "nothing found"
    assert said["faces_looked_at"] > 20
    assert all(control["found"] for control in said["controls"] if control["required"])
    assert (said["settings"]["core_limit"], said["settings"]["dumpable"]) == ("0", 0)
    for look in said["looks"]:
        assert bool(look["hits"]) == look["moment"].startswith("in flight"), look
    assert [] == [place["hits"] for place in said["places"] if place["hits"]]
    assert "one of this site's device" in checked.output


def test_a_kept_a_dumped_and_a_shared_frame_are_noticed() -> None:
    """A kept reference, a debug file and a shared copy are each found, where they are."""
    name = f"omokage-leak-test-{os.getpid()}"  # of this run alone: shared memory has no folders
    try:
        found = left_by("leaky_subject.py", name)
    finally:
        for path in Path(tempfile.gettempdir()).glob(f"{name}-*.raw"):
            path.unlink()
        (SHARED_MEMORY / name).unlink(missing_ok=True)

    where = residue(found)
    files = {place.name: {hit.kind for hit in place.hits} for place in found.places}
    assert "before" not in where
    for moment in ("running", "unplugged", "stopped"):
        assert "shared" in where[moment], moment
        assert where[moment] & {"anonymous", "heap"}, moment
    assert Kind.FACE in files["temporary"]
    assert Kind.FACE in files["shared memory"]
    assert not files["state"]
    assert found.residue > 10 * 640 * 480


def test_without_overwriting_frames_would_be_left() -> None:
    """What ADR 0024 changed is what makes the proof hold: without it, frames and crops survive."""
    found = left_by("careless_subject.py")

    forms = {hit.form for look in found.looks if look.moment == "stopped" for _, hit in look.hits}
    assert "pixels" in forms
    assert found.residue > 640 * 480


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_proof_that_is_ended_leaves_no_agent_running(tmp_path: Path, how: signal.Signals) -> None:
    """Asked to end, it takes its agent and its made-up site along; killed, at least the agent."""
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "agent.cli.main", "prove-discard", "--site", str(tmp_path)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
        stderr=subprocess.PIPE,
        text=True,
    ) as proof:
        assert proof.stderr is not None
        while "before" not in (line := proof.stderr.readline()):
            assert line
        agents = [pid for pid in children_of(proof.pid) if "agent.proof.subject" in words_of(pid)]
        proof.send_signal(how)

    assert proof.returncode == -how
    assert len(agents) == 1
    end = time.monotonic() + 30
    while "agent.proof.subject" in words_of(agents[0]):
        assert time.monotonic() < end
        time.sleep(0.1)
    if how is signal.SIGTERM:
        assert [] == list((tmp_path / "tmp").iterdir())


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in found for child in file.read_text().split()]


def words_of(pid: int) -> str:
    """Return a process's command line; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
