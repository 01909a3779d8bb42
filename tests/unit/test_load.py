"""What the agent takes of its machine is told by the system's books, or not at all."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.load import Load

BOOK = "Name:\tomokage\nVmHWM:\t  135168 kB\nVmRSS:\t  120832 kB\nThreads:\t9\n"


def test_memory_is_that_of_the_book(tmp_path: Path) -> None:
    """Kibibytes become bytes; the most and the present are told apart."""
    path = tmp_path / "status"
    path.write_text(BOOK, "utf-8")

    found = Load(0.0, path).report(1.0)

    assert (found["resident_bytes"], found["most_resident_bytes"]) == (120832 << 10, 135168 << 10)


@pytest.mark.parametrize("book", ["", "VmRSS: many kB\n", "VmRSS: 12\n", "VmRSS\n", "\0\xff"])
def test_a_book_that_says_nothing_gives_no_number(tmp_path: Path, book: str) -> None:
    """Missing is None, never 0."""
    path = tmp_path / "status"
    path.write_text(book, "utf-8")

    assert Load(0.0, path).report(1.0)["resident_bytes"] is None


def test_a_system_without_the_book_still_tells_the_work(tmp_path: Path) -> None:
    """Only the memory is unknown there."""
    load = Load(10.0, tmp_path / "nowhere")
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass

    found = load.report(12.5)

    assert found["most_resident_bytes"] is None
    assert 0.05 <= found["cpu_seconds"] < 1
    assert found["seconds"] == 2.5


def test_work_from_before_does_not_count() -> None:
    """Loading the models isn't what the cameras cost."""
    assert Load(5.0).report(5.0)["cpu_seconds"] < 0.05
