"""Fixtures that several test folders share."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# On a busy machine an example may take any time: what is slow is no failure of a claim. The same
# examples each time, so that a change is judged by what it changes; `make explore` draws others.
STEADY = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("steady", STEADY)
settings.register_profile("explore", STEADY, derandomize=False, max_examples=1000)
settings.load_profile("steady")

# `tests.fakes` is importable however pytest was started.
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from tests.fakes import FrozenClock, write_video  # noqa: E402
from tests.leftovers import adopt_orphans, await_children, left_files  # noqa: E402

OWN_TEMP = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--golden`."""
    parser.addoption("--golden", action="store_true", help="write the golden files again")


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a temporary folder of its own, which it has to leave empty."""
    adopt_orphans()
    if not hasattr(config, "workerinput"):  # a worker has that of who started it
        own = config.stash[OWN_TEMP] = Path(tempfile.mkdtemp(prefix="omokage-tests-"))
        own.chmod(0o755)  # some tests act as another account
        os.environ["TMPDIR"] = str(own)
    tempfile.tempdir = None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run in workers that leaves files in the temporary folder.

    A run in this very process is told only: what libraries clean up at its exit is still there.
    """
    folder = session.config.stash.get(OWN_TEMP, None)
    if folder is None:
        return
    if left := left_files(folder):
        print(f"\nleft in the temporary folder {folder}: {', '.join(left)}")
        if session.config.pluginmanager.hasplugin("dsession"):
            session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
    if session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        shutil.rmtree(folder, ignore_errors=True)  # else what failed has its files there


@pytest.fixture(scope="module", autouse=True)
def no_process_stays() -> Iterator[None]:
    """Fail a file whose tests leave a process running, or hand one to nobody."""
    yield
    left = await_children()
    assert left == {}


@pytest.fixture(autouse=True)
def handlers_stay() -> Iterator[None]:
    """Fail a test that leaves a signal handler behind: the next one would be deaf to the signal."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    left = [signal.getsignal(number) for number in numbers]
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    assert left == before


@pytest.fixture
def clock() -> FrozenClock:
    """Return a clock that stands still."""
    return FrozenClock()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Return a small whole video: 30 frames, 10 a second."""
    return write_video(tmp_path / "clip.avi")
