"""A batch remembers per file what is done, and forgets it when anything that matters changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agent.errors import StoreError
from agent.export.job import Job, Outcome

if TYPE_CHECKING:
    from pathlib import Path

DONE = Outcome("a.mp4", "done", 3, 2)
SETTINGS = {"every": "1"}


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """Return a file to be analyzed."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"content")
    return path


def job_with(media: Path, outcome: Outcome = DONE) -> Job:
    """Return a job in which a file was done."""
    job = Job(media.parent / "out.csv", SETTINGS)
    part = job.part(media)
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(b"rows")
    job.record(media, outcome)
    return job


def again(media: Path, settings: dict[str, str] | None = None) -> Job:
    """Return the job as the next run sees it."""
    return Job(media.parent / "out.csv", SETTINGS if settings is None else settings)


def test_a_done_file_is_done_for_the_next_run(media: Path) -> None:
    """What was recorded is found again."""
    job_with(media)

    assert again(media).finished(media) == DONE


def test_a_changed_file_is_done_again(media: Path) -> None:
    """A file whose content changed isn't taken as done."""
    job_with(media)
    media.write_bytes(b"other content")

    assert again(media).finished(media) is None


def test_a_touched_file_is_done_again(media: Path) -> None:
    """A newer time of change is enough to look again."""
    job_with(media)
    os.utime(media, ns=(1, 1))

    assert again(media).finished(media) is None


def test_a_file_without_its_part_is_done_again(media: Path) -> None:
    """A line in the manifest without the rows is worth nothing."""
    job = job_with(media)
    job.part(media).unlink()

    assert again(media).finished(media) is None


def test_a_failed_file_is_tried_again(media: Path) -> None:
    """A failure isn't remembered as done."""
    job_with(media, Outcome("a.mp4", "failed", 0, 0, "damaged"))

    assert again(media).finished(media) is None


def test_other_settings_begin_anew(media: Path) -> None:
    """Rows made with other settings are thrown away, not mixed in."""
    job = job_with(media)

    fresh = again(media, {"every": "5"})

    assert fresh.finished(media) is None
    assert not job.part(media).exists()


def test_a_line_cut_short_is_ignored(media: Path) -> None:
    """A manifest whose last line a crash cut short still counts up to there."""
    job_with(media)
    manifest = media.parent / "out.csv.manifest.jsonl"
    with manifest.open("a") as file:
        file.write('{"file": "/b.mp4", "sta')

    assert again(media).finished(media) == DONE


def test_a_line_after_a_cut_one_is_read(media: Path) -> None:
    """What the next run records after a cut line isn't glued to it and lost."""
    job_with(media)
    manifest = media.parent / "out.csv.manifest.jsonl"
    with manifest.open("a") as file:
        file.write('{"file": "/b.mp4", "sta')
    other = media.with_name("c.mp4")
    other.write_bytes(b"c")
    second = again(media)
    second.part(other).write_bytes(b"rows")
    second.record(other, DONE)

    assert again(media).finished(other) == DONE


def test_a_whole_output_is_recognised_until_something_changes(media: Path) -> None:
    """A finished batch is whole for the same files only, and only while the output is untouched."""
    job = job_with(media)
    out = media.parent / "out.csv"
    out.write_text("table")
    job.finish([media])

    assert again(media).whole([media]) == [DONE]
    assert again(media).whole([media, media.with_name("b.mp4")]) is None
    assert not (media.parent / "out.csv.parts").exists()
    out.write_text("edited table")
    assert again(media).whole([media]) is None


def test_an_unwritable_manifest_is_refused(media: Path) -> None:
    """A manifest that can't be made is a StoreError."""
    with pytest.raises(StoreError):
        Job(media / "below-a-file" / "out.csv", SETTINGS)
