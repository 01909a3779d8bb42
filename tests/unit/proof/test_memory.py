"""Which memory is read, and what is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.proof.children import KEEPER, Child
from agent.proof.memory import parse_maps
from agent.proof.surroundings import look_through, swap_devices, system_settings
from tests.unit.proof.test_detect import DETECTOR, Kind, frame

SMAPS = """\
55d0-55e0 r--p 00000000 08:01 123 /usr/bin/python3
Rss:                   4 kB
Anonymous:             0 kB
Swap:                  0 kB
55e0-55f0 rw-p 00000000 08:01 123 /usr/bin/python3
Rss:                   4 kB
Anonymous:             4 kB
Swap:                  0 kB
Locked:                4 kB
6000-7000 rw-p 00000000 00:00 0 [heap]
Rss:                   0 kB
Anonymous:             0 kB
Swap:                  8 kB
VmFlags: rd wr
7000-8000 rw-p 00000000 00:00 0
Rss:                   0 kB
Swap:                  0 kB
8000-9000 rw-s 00000000 00:01 9 /dev/shm/x (deleted)
Rss:                  12 kB
9000-a000 ---p 00000000 00:00 0
Rss:                  12 kB
b000-c000 r--p 00000000 00:00 0 [vvar]
Rss:                  12 kB
"""


def test_everything_with_a_page_is_read_but_unchanged_files() -> None:
    """Heap in swap, shared memory and changed pages of files are read; clean files are left out."""
    regions = {region.start: region for region in parse_maps(SMAPS)}

    assert [0x55D0, 0x55E0, 0x6000, 0x8000] == sorted(regions)
    assert [0x55D0] == [start for start, region in regions.items() if region.unchanged]
    assert regions[0x55E0].locked == 4096
    assert (regions[0x6000].name, regions[0x6000].swapped) == ("heap", 8192)
    assert regions[0x8000].name == "shared"


def test_another_process_is_read_through_its_own_files(tmp_path: Path) -> None:
    """What a process keeps is found at the address that it names, while it goes on running."""
    content = frame(Kind.TILE).tobytes()
    with Child(KEEPER, tmp_path) as child:
        child.receive_files()
        child.say(size=len(content))
        child.send(content)
        address = child.hear()["address"]
        pieces = child.copy().pieces
        child.say(size=1)
        child.send(b"x")

        assert child.hear()["address"]
    inside = [
        hit
        for _, start, data in pieces
        for hit in DETECTOR.search(data, start)
        if address <= hit.address < address + len(content)
    ]
    assert len(inside) > 0.9 * len(content) / 1024


def test_files_are_searched_by_content(tmp_path: Path) -> None:
    """A frame in a new file is found whatever it is called; an older file isn't looked at."""
    state = tmp_path / "state"
    state.mkdir()
    (tmp_path / "debug.log").write_bytes(b"x" * 77 + frame(Kind.FACE).tobytes())
    (state / "inside").write_bytes(frame(Kind.NOISE).tobytes())
    old = tmp_path / "old"
    old.write_bytes(frame(Kind.TILE).tobytes())
    os.utime(old, (1, 1))

    place = look_through("x", (tmp_path,), DETECTOR, since=1000, leave_out=state)
    inside = look_through("x", (state,), DETECTOR, since=1000, leave_out=state)

    assert {Kind.FACE} == {hit.kind for hit in place.hits}
    assert (1, 1) == (place.files, inside.files)
    assert {Kind.NOISE} == {hit.kind for hit in inside.hits}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_can_not_be_read_is_counted(tmp_path: Path) -> None:
    """A file that the proof may not read is reported and not passed over."""
    closed = tmp_path / "closed"
    closed.write_bytes(b"x")
    closed.chmod(0)

    found = look_through("x", (tmp_path,), DETECTOR, since=0, leave_out=tmp_path)

    assert (0, 1) == (found.files, found.skipped)


def test_the_systems_settings_are_read() -> None:
    """The heading of /proc/swaps isn't counted as swap; the kernel names itself."""
    heading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"

    assert 0 == swap_devices(heading)
    assert 0 == swap_devices("")
    assert 1 == swap_devices(heading + "/swapfile file 1 0 -2\n")
    assert system_settings()["kernel"] == os.uname().release
