"""The power fails between any two system calls; what was acknowledged is there afterwards.

A worker's system calls are recorded once and played to a disk that forgets whatever wasn't synced
(`tests.powercut`). At points all over the recording the power is cut, with every kind of luck; then
the site is started on what is left, as the agent would, and everything that the worker had
announced by then is called in.
"""

from __future__ import annotations

import random
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.checkpoints import verify_keys, verify_log
from agent.config.site import Site
from agent.domain.segment import to_seconds
from tests.integration.test_kill import (
    ROOT,
    START,
    Ledger,
    look_after,
    make_site,
    open_everything,
)
from tests.powercut import Call, Disk, Luck, parse, record

ROUNDS = 9
CUTS = 50
CHANGES = {"pwrite64", "write", "fsync", "fdatasync", "rename", "unlink", "ftruncate"}


@dataclass(frozen=True, slots=True)
class Recording:
    """What the worker did.

    Attributes:
        site: its folder.
        before: the folder as it was when the worker began.
        calls: in order.
    """

    site: Path
    before: Path
    calls: list[Call]


def make_recording(folder: Path, rounds: int, *extra: str) -> Recording:
    """Let a worker work on a site that has its databases already."""
    site = make_site(folder / "site")
    command = [sys.executable, "-m", "tests.integration.power_worker", str(site.root)]
    now = str(to_seconds(START))
    record([*command, "0", now, "0"], folder / "first.strace", ROOT)
    before = shutil.copytree(site.root, folder / "before")
    calls = record([*command, "7", now, str(rounds), *extra], folder / "strace", ROOT)
    return Recording(site.root, before, calls)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Return a worker's calls, recorded once for all tests."""
    folder = tmp_path_factory.mktemp("power")
    (folder / "site").mkdir()
    return make_recording(folder, ROUNDS)


def cut_and_look(recording: Recording, folder: Path, cuts: int, seed: int) -> Ledger:
    """Cut the power at so many points, and start again on what each left; return the last ledger.

    Raises:
        AssertionError: something acknowledged is gone, or something expired is still there.
    """
    chance = random.Random(seed)
    disk, heard, ledger = Disk(recording.before, recording.site), 0, Ledger()
    worth = [i for i, call in enumerate(recording.calls) if call.name in CHANGES]
    chosen = set(chance.sample(worth, min(cuts, len(worth))))
    for place, call in enumerate(recording.calls):
        disk.play(call)
        if place not in chosen:
            continue
        *whole, _ = disk.said[heard:].split("\n")
        heard += sum(len(line) + 1 for line in whole)
        for line in whole:
            ledger.hear(line)
        luck = chance.choice(list(Luck))
        left = folder / f"{place}"
        disk.cut(luck, chance, left)
        try:
            start_again(Site(left), ledger)
        except BaseException as error:
            error.add_note(f"cut after call {place} ({call.name}), luck: {luck}, left: {left}")
            raise
        shutil.rmtree(left)
    return ledger


def start_again(site: Site, ledger: Ledger) -> None:
    """Start on what a cut left, open what can be opened, check the log."""
    look_after(site, ledger)
    open_everything(site, ledger)
    assert [] == list(verify_log(site.access_log, verify_keys(site)).findings)


@pytest.mark.slow
def test_fifty_cuts_cost_nothing_acknowledged(recording: Recording, tmp_path: Path) -> None:
    """Between writes, closings, purges and key changes, with good and bad luck of the disk."""
    ledger = cut_and_look(recording, tmp_path, CUTS, seed=4)

    assert {"stored", "closed", "now", "kept", "rotated"} <= set(ledger.heard)
    assert len(ledger.alive()) < len(ledger.dies)


@pytest.mark.slow
def test_a_program_that_does_not_sync_is_found_out(tmp_path: Path) -> None:
    """The same test fails for a database that was told not to wait for the disk."""
    (tmp_path / "site").mkdir()
    careless = make_recording(tmp_path, 2, "careless")
    (tmp_path / "cuts").mkdir()

    with pytest.raises(AssertionError, match="acknowledged"):
        cut_and_look(careless, tmp_path / "cuts", 30, seed=5)


def test_the_disk_forgets_what_was_not_synced(tmp_path: Path) -> None:
    """Content needs a sync of the file, a name needs one of the folder."""
    root = tmp_path / "disk"
    root.mkdir()
    disk, file, folder = Disk(root, root), f"3<{root}/a>", f"4<{root}>"
    play = [
        Call("openat", ("AT_FDCWD", hexed(f"{root}/a"), "O_WRONLY|O_CREAT", "0600"), 3),
        Call("write", (file, hexed("hello"), "5"), 5),
        Call("fsync", (file,), 0),
        Call("fsync", (folder,), 0),
        Call("pwrite64", (file, hexed("J"), "1", "0"), 1),
        Call("rename", (hexed(f"{root}/a"), hexed(f"{root}/b")), 0),
    ]
    expected = [{}, {}, {}, {"a": b"hello"}, {"a": b"hello"}, {"a": b"hello"}]

    for number, (call, left) in enumerate(zip(play, expected, strict=True)):
        disk.play(call)
        target = tmp_path / str(number)
        target.mkdir()
        disk.cut(Luck.NOTHING, random.Random(1), target)
        assert left == {path.name: path.read_bytes() for path in target.iterdir()}

    lucky = tmp_path / "lucky"
    lucky.mkdir()
    disk.cut(Luck.EVERYTHING, random.Random(1), lucky)
    assert {"b": b"Jello"} == {path.name: path.read_bytes() for path in lucky.iterdir()}


def hexed(text: str) -> str:
    """Write a string as strace does."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def test_strace_is_understood() -> None:
    """Calls, results and strings are read; what failed is left out."""
    lines = [
        '12 pwrite64(5</x/segments.sqlite-wal>, "\\x37\\x7f", 2, 32) = 2',
        '12 openat(AT_FDCWD</x>, "\\x61", O_RDONLY) = -1 ENOENT (No such file or directory)',
        "12 fsync(5</x/a, b>)                      = 0",
        "12 +++ exited with 0 +++",
    ]

    calls = list(parse(lines))

    assert ["pwrite64", "fsync"] == [call.name for call in calls]
    assert ("5</x/segments.sqlite-wal>", '"\\x37\\x7f"', "2", "32") == calls[0].words
    assert 2 == calls[0].result
