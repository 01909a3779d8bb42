"""What a run opens, sends and says: only the listed files, nothing to anybody, no feature value."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.cli.demo import prepare
from agent.clock import SystemClock
from agent.config.site import Site
from agent.inference.backend import load_backend
from agent.service import Agent, RunOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.domain.observation import Observation

ROOT = Path(__file__).resolve().parents[2]
FLOW = ROOT / "docs" / "data-flow.md"
STRACE = shutil.which("strace")
UNSHARE = shutil.which("unshare")
CALLS = (
    "open,openat,openat2,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "mknod,mknodat,truncate,memfd_create,socket,connect"
)
NOWHERE = {"/dev/null", "/dev/tty"}
"""What is written there is gone."""

ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT?[ ]?\d\d:\d\d:\d\d(?:[.,]\d+)?")
DECIMAL = re.compile(r"(?<![\w.])-?\d+\.\d{3,}(?:e-?\d+)?(?!\w)")
"""Not `0.00032s`: SQLAlchemy says how long each statement took."""


def listed() -> set[str]:
    """Return the files that docs/data-flow.md allows, relative to the site."""
    section = FLOW.read_text("utf-8").split("## What the agent opens for writing")[1]
    table = section.split("\n## ")[0]
    return set(re.findall(r"`(state/[\w.-]+)`", table))


def writes(trace: str, cwd: Path) -> Iterator[str]:
    """Yield the paths of a trace that a process opened for writing, made or renamed to."""
    for line in trace.splitlines():
        call = re.search(r"(\w+)\((.*)\) += (-?\d+)", line) or re.search(
            r"(\w+)\((.*)<unfinished", line
        )
        if call is None or (call.lastindex == 3 and call[3].startswith("-")):
            continue
        name, arguments = call[1], call[2]
        if name.startswith("open") and not re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", arguments):
            continue
        if name in {"socket", "connect"}:
            continue
        if name == "memfd_create":
            yield "memory file"
        for path in re.findall(r'"([^"]*)"', arguments):
            yield str(cwd / path)


def traced(command: list[str], log: Path, cwd: Path, **environment: str) -> str:
    """Run a command under strace; return the trace."""
    assert STRACE is not None
    kept = {k: v for k, v in os.environ.items() if k != "CI"}  # libraries behave better there
    done = subprocess.run(
        [STRACE, "-f", "-qq", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(log), *command],
        cwd=cwd, capture_output=True, text=True, timeout=200, check=False,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )  # fmt: skip
    if done.returncode != 0 and re.search(r"PTRACE|ptrace|not permitted", done.stderr):
        pytest.skip("this system doesn't let a process be traced")
    assert done.returncode == 0, done.stderr
    return log.read_text("utf-8", errors="replace")


needs_strace = pytest.mark.skipif(STRACE is None, reason="needs strace (Debian package strace)")
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can trace a process that forbids it, as the agent does"
)


@needs_strace
def test_the_trace_shows_a_write(tmp_path: Path) -> None:
    """A file that a program writes, renames or makes in memory is seen; what it reads isn't."""
    program = (
        "import os; open('a.raw', 'wb').close(); os.replace('a.raw', 'b.raw');"
        "os.memfd_create('c'); open('/etc/passwd').close()"
    )

    trace = traced([sys.executable, "-S", "-c", program], tmp_path / "log", tmp_path)

    seen = set(writes(trace, tmp_path)) - NOWHERE
    assert {str(tmp_path / "a.raw"), str(tmp_path / "b.raw"), "memory file"} <= seen
    assert "/etc/passwd" not in seen


@pytest.mark.slow
@needs_strace
@needs_root
def test_a_run_opens_the_listed_files_and_no_socket(tmp_path: Path) -> None:
    """From the first import to the end, a run writes below its site only, and only what is listed.

    The home folder is empty and there is no CI variable, so that a library's habit would show.
    """
    site, home = Site(tmp_path / "site"), tmp_path / "home"
    home.mkdir()
    prepare(site)
    command = [sys.executable, "-m", "agent.cli.main", "run", "--site", str(site.root),
               "--source", "demo", "--seconds", "8"]  # fmt: skip

    trace = traced(
        command, tmp_path / "log", tmp_path, HOME=str(home), PYTHONPATH=str(ROOT),
        XDG_CACHE_HOME=str(home / ".cache"),
    )  # fmt: skip

    written = set(writes(trace, tmp_path)) - NOWHERE
    allowed = {str(site.root / name) for name in listed()}
    assert set() == written - allowed
    assert {str(site.segments), str(site.status), str(site.access_log)} <= written
    assert [] == list(home.rglob("*"))
    assert [] == re.findall(r"(?:socket|connect)\([^)]*AF_INET6?.*", trace)
    assert json.loads(site.status.read_text("utf-8"))["stored_records"] > 0


@pytest.mark.slow
@pytest.mark.skipif(UNSHARE is None, reason="needs unshare (Debian package util-linux)")
def test_capture_needs_no_network(tmp_path: Path) -> None:
    """In a network namespace without any interface the agent finds faces and stores records."""
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    alone = [str(UNSHARE), "--net", *root]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system gives out no network namespaces")
    site = Site(tmp_path / "site")
    prepare(site)

    links = subprocess.run(
        [*alone, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True
    ).stdout
    done = subprocess.run(
        [*alone, sys.executable, "-m", "agent.cli.main", "run", "--site", str(site.root),
         "--source", "demo", "--seconds", "8"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert {"lo"} == set(re.findall(r"^ *(\w+):", links, re.MULTILINE))
    assert done.returncode == 0, done.stderr
    health = json.loads(site.status.read_text("utf-8"))
    assert health["stored_records"] > 0
    assert not health["trouble"]


CANARIES = {
    "au": 2.71828, "au_sides": 3.14159, "emotion": 0.14142, "landmarks": 271.828,
    "box": 173.205, "pose": 16.1803, "gaze": 13.5792, "quality": 0.86421, "confidence": 0.97531,
}  # fmt: skip
"""Numbers that nothing else is likely to say, by what they stand for."""


class Canaries:
    """The real backend, whose every number is exchanged for one that can be told from others."""

    def __init__(self, backend) -> None:
        self._backend = backend
        self.seen = 0
        self.name, self.models = backend.name, backend.models
        self.reset, self.close = backend.reset, backend.close

    def look(self, frame):
        """Look, then put canaries in place of what was seen."""
        found = self._backend.look(frame)
        self.seen += len(found.observations)
        return replace(found, observations=tuple(map(exchanged, found.observations)))


def exchanged(seen: Observation) -> Observation:
    """Return an observation of the same shape with canaries in it."""
    fields = {}
    for name, value in CANARIES.items():
        now = getattr(seen, name)
        fields[name] = value if isinstance(now, float) else np.full_like(now, value)
    return replace(seen, **fields)


def told(text: str) -> list[str]:
    """Return the decimals of a text that are a canary, however many digits are said."""
    found = []
    for word in DECIMAL.findall(ISO_TIME.sub("", text)):
        places = min(len(word.partition(".")[2]), 5)
        if any(abs(float(word) - value) < 10**-places for value in CANARIES.values()):
            found.append(word)
    return found


def test_a_value_in_a_text_is_found() -> None:
    """The search sees a rounded or a full value, and takes neither a time nor a count for one."""
    assert ["2.718", "0.141419999"] == told("AU12 at 2.718, happy: 0.141419999")
    assert ["271.8280"] == told("array([271.8280, 3.0])")
    assert [] == told("2026-11-27T03:00:02.718280 17 frames, 2.7 a second, 0.000, in 2.71828s")


@pytest.mark.slow
def test_logs_say_no_feature_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """With every logger at its loudest, no intensity, probability, angle or point is said."""
    site = Site(tmp_path / "site")
    prepare(site)
    heard: list[Canaries] = []

    def listen(policy):
        heard.append(Canaries(load_backend(ROOT / "models", heads=policy.heads)))
        return heard[-1]

    with caplog.at_level(logging.DEBUG):
        for name in list(logging.root.manager.loggerDict):
            caplog.set_level(logging.DEBUG, logger=name)
        options = RunOptions(sources={"entrance": "demo"}, seconds=8, backend=listen)
        Agent(site, options, SystemClock()).run()

    out, err = capfd.readouterr()
    assert heard[0].seen > 10
    assert json.loads(site.status.read_text("utf-8"))["stored_records"] > 10
    assert caplog.text, "nothing was logged, so nothing was searched"
    for text in (caplog.text, out, err, site.status.read_text("utf-8")):
        assert [] == told(text)
