"""A head that the law prohibits is never opened: shown by the kernel and by the interpreter.

The real agent runs on the bundled clip in a process of its own. Two witnesses watch the folder of
models: an audit hook inside that process (every `open` of Python), and inotify outside of it (every
open of a file there, by whatever code). A third way is to take the file away.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from agent.capture.factory import DEMO_CLIP
from agent.config.site import Site

ROOT = Path(__file__).resolve().parents[2]
GOOD = ROOT / "tests" / "golden" / "policies" / "good"
WORKERS = (GOOD / "eu-workers.toml").read_text("utf-8")
CUSTOMERS = (GOOD / "eu-customers-emotion.toml").read_text("utf-8")
EMOTION = "emotion_head.onnx"
ENCODER = re.compile(r"face_encoder(\.int8)?\.onnx")

WITNESS = """
import sys
opened = set()
def hear(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = arguments[0]
        opened.add(path if isinstance(path, str) else path.decode())
sys.addaudithook(hear)
from agent.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print("code", end.code)
print("\\n".join("opened " + path for path in sorted(opened) if path.endswith(".onnx")))
"""

IN_OPEN = 0x20


class OpenWatch:
    """Every open of a file in one folder, from the kernel (Linux's inotify)."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "inotify_init1"):
            pytest.skip("inotify is Linux's")
        self._fd = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self._fd, os.fsencode(folder), IN_OPEN) >= 0

    def names(self) -> set[str]:
        """Return the names of the files that were opened, and end the watch."""
        found = set()
        try:
            while raw := os.read(self._fd, 1 << 16):
                at = 0
                while at < len(raw):
                    _, _, _, length = struct.unpack_from("iIII", raw, at)
                    found.add(raw[at + 16 : at + 16 + length].rstrip(b"\0").decode())
                    at += 16 + length
        except BlockingIOError:
            pass
        os.close(self._fd)
        return found


@pytest.fixture
def models(tmp_path):
    """A copy of the models that nobody else opens."""
    folder = tmp_path / "models"
    folder.mkdir()
    for path in (ROOT / "models").iterdir():
        shutil.copy(path, folder)
    return folder


def run(tmp_path: Path, models: Path, policy: str) -> str:
    """Run the agent for a few seconds; return what the witness inside of it says."""
    site = Site(tmp_path / "site")
    site.root.mkdir()
    site.policy.write_text(policy, "utf-8")
    arguments = [
        "run", "--site", str(site.root), "--models", str(models), "--source", str(DEMO_CLIP),
        "--seconds", "6",
    ]  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", WITNESS, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert "Traceback" not in ended.stderr, ended.stderr
    assert "code 0" in ended.stdout, ended.stderr
    health = json.loads(site.status.read_text("utf-8"))
    assert health["ticks"]["checkout"]["ok"] > 0, "the agent looked at no face"
    return ended.stdout + ended.stderr


def test_workers_in_the_eu_never_have_the_emotion_head_opened(tmp_path, models):
    """Neither Python nor any library opens the file while the agent looks at faces."""
    watch = OpenWatch(models)

    said = run(tmp_path, models, WORKERS)

    opened = watch.names()
    assert any(ENCODER.fullmatch(name) for name in opened)
    assert EMOTION not in opened
    assert ENCODER.search(said)
    assert EMOTION not in said


def test_the_agent_runs_where_the_emotion_head_is_missing(tmp_path, models):
    """Without the file, and without its card, faces are looked at all the same."""
    (models / EMOTION).unlink()
    (models / "emotion_head.card.toml").unlink()

    said = run(tmp_path, models, WORKERS)

    assert ENCODER.search(said)


def test_the_witnesses_do_see_it_where_it_is_allowed(tmp_path, models):
    """With customers and a policy that asks for it, both witnesses report the file."""
    watch = OpenWatch(models)

    said = run(tmp_path, models, CUSTOMERS)

    assert EMOTION in watch.names()
    assert EMOTION in said


def test_a_policy_that_asks_for_it_isnt_started_at_all(tmp_path, models):
    """With workers the same wish is refused before any model is opened, with exit code 8."""
    watch = OpenWatch(models)
    site = tmp_path / "site"
    site.mkdir()
    text = CUSTOMERS.replace('"customers"', '"workers"') + 'workers-informed = "Letter"\n'
    (site / "policy.toml").write_text(text, "utf-8")

    ended = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "run", "--site", str(site), "--models",
         str(models), "--source", str(DEMO_CLIP), "--seconds", "1"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert 8 == ended.returncode
    assert "Art. 5(1)(f)" in ended.stderr
    assert not {name for name in watch.names() if name.endswith(".onnx")}
