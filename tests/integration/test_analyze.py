"""A batch of pictures and videos: isolation, resume, wiped frames, honest ends."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from agent.analyze import Analysis, Progress, Report, find_items
from agent.errors import BatchIncomplete, ConfigError, ModelError
from tests.fakes import VIDEO_FRAMES, FakeBackend, FrozenClock, write_picture, write_video

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Factory:
    """Makes fake backends and remembers them."""

    def __init__(self, make: Callable[[], FakeBackend] = FakeBackend) -> None:
        """Describe what is made."""
        self.made: list[tuple[bool, FakeBackend]] = []
        self._make = make

    def __call__(self, *, still: bool) -> FakeBackend:
        """Make one."""
        backend = self._make()
        self.made.append((still, backend))
        return backend

    @property
    def looks(self) -> int:
        """Frames that all of them looked at."""
        return sum(len(backend.sums) for _, backend in self.made)


def run(
    folder: Path,
    factory: Factory,
    *paths: Path,
    every: int = 1,
    out: str = "out.parquet",
    progress: Callable[[Progress], None] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Report:
    """Analyze files (by default a whole folder) with one backend."""
    batch = Analysis({"own": factory}, clock=FrozenClock(), every=every, progress=progress)
    return batch.run(list(paths) or [folder], folder / out, settings=settings)


def table(path: Path) -> list[dict[str, object]]:
    """Return a table's rows."""
    return pq.read_table(path).to_pylist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two pictures and two videos."""
    media = tmp_path / "media"
    media.mkdir()
    write_picture(media / "1.png")
    write_picture(media / "2.jpg")
    write_video(media / "3.avi")
    write_video(media / "10.avi", frames=12)
    return media


def test_every_frame_of_every_file_has_its_row(folder: Path) -> None:
    """A folder gives one row a frame, in the files' natural order, with the frames' own times."""
    report = run(folder, Factory())

    rows = table(report.out)
    assert Counter(row["source"] for row in rows) == {
        "1.png": 1, "2.jpg": 1, "3.avi": VIDEO_FRAMES, "10.avi": 12,
    }  # fmt: skip
    assert list(dict.fromkeys(row["source"] for row in rows)) == [
        "1.png", "2.jpg", "3.avi", "10.avi",
    ]  # fmt: skip
    video = [row for row in rows if row["source"] == "3.avi"]
    assert [row["frame"] for row in video] == list(range(1, VIDEO_FRAMES + 1))
    assert [row["timestamp"] for row in video] == pytest.approx([i / 10 for i in range(30)])
    assert rows[0]["timestamp"] is None
    report.require_complete()


def test_frames_without_and_with_many_faces_have_rows(folder: Path) -> None:
    """No face gives one row with success 0, three faces give three."""
    factory = Factory(lambda: FakeBackend(lambda frame: frame.sequence % 4))

    report = run(folder, factory, folder / "10.avi")

    rows = table(report.out)
    counts = Counter(row["frame"] for row in rows)
    assert [counts[frame] for frame in (1, 2, 3, 4)] == [1, 1, 2, 3]
    assert rows[0]["success"] == 0
    assert rows[0]["status"] == "no_face"
    assert rows[0]["AU12_r"] is None
    assert {row["face_id"] for row in rows if row["frame"] == 4} == {0, 1, 2}
    assert report.outcomes[0].faces == 3 * (0 + 1 + 2 + 3)


def test_frames_are_wiped_after_the_look(folder: Path) -> None:
    """Every frame was bright when looked at, and is zeros afterwards."""
    factory = Factory()

    run(folder, factory)

    for _, backend in factory.made:
        assert all(total > 0 for total in backend.sums)
        assert all(int(frame.pixels.max()) == 0 for frame in backend.frames)


def test_a_frame_is_wiped_even_when_the_look_fails(folder: Path) -> None:
    """An error of the backend doesn't leave the picture behind."""

    def refuse(looks: int) -> None:
        raise ModelError("altered")

    factory = Factory(lambda: FakeBackend(on_look=refuse))

    with pytest.raises(ModelError):
        run(folder, factory)

    ((_, backend),) = factory.made
    assert int(backend.frames[0].pixels.max()) == 0
    assert backend.closed == 1


def test_stills_and_videos_have_a_backend_each(folder: Path) -> None:
    """Pictures get the still backend, videos the moving one; each file starts fresh."""
    factory = Factory()

    run(folder, factory)

    kinds = dict(factory.made)
    assert len(factory.made) == 2
    assert len(kinds[True].sums) == 2
    assert len(kinds[False].sums) == VIDEO_FRAMES + 12
    assert kinds[False].resets == 2
    assert all(backend.closed == 1 for backend in kinds.values())


def test_one_bad_file_doesnt_stop_the_others(folder: Path) -> None:
    """Missing, empty, foreign and damaged files give a sentence each; the rest is done."""
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("hello")
    (folder / "cut.jpg").write_bytes((folder / "2.jpg").read_bytes()[:200])
    (folder / "cut.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom" + b"\x00" * 30)

    report = run(folder, Factory(), folder, folder / "gone.mp4")

    failed = {outcome.source: outcome.message for outcome in report.incomplete}
    assert set(failed) == {"empty.png", "text.jpg", "cut.jpg", "cut.mp4", "gone.mp4"}
    assert all(name in message for name, message in failed.items())
    assert len({row["source"] for row in table(report.out)}) == 4
    with pytest.raises(BatchIncomplete, match="5 of 9"):
        report.require_complete()


def test_a_truncated_video_keeps_its_rows_and_is_named(folder: Path) -> None:
    """A video that stops early gives the rows it has, and the batch says that it is incomplete."""
    whole = (folder / "3.avi").read_bytes()
    (folder / "3.avi").write_bytes(whole[: len(whole) // 2])

    report = run(folder, Factory())

    (outcome,) = report.incomplete
    assert (outcome.source, outcome.status) == ("3.avi", "truncated")
    assert "30 frames" in outcome.message
    kept = sum(row["source"] == "3.avi" for row in table(report.out))
    assert 0 < kept == outcome.frames < VIDEO_FRAMES


def test_every_nth_frame(folder: Path) -> None:
    """With a step of 7 frames 1, 8, 15, ... are looked at, with their own numbers and times."""
    report = run(folder, Factory(), folder / "3.avi", every=7)

    rows = table(report.out)
    assert [row["frame"] for row in rows] == [1, 8, 15, 22, 29]
    assert [row["timestamp"] for row in rows] == pytest.approx([0, 0.7, 1.4, 2.1, 2.8])


def test_an_interrupted_batch_goes_on(folder: Path) -> None:
    """After an interrupt the same command does only what is left, and equals a whole run."""
    whole = table(run(folder, Factory(), out="whole.parquet").out)

    def interrupt(looks: int) -> None:
        if looks == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, Factory(lambda: FakeBackend(on_look=interrupt)))
    assert not (folder / "out.parquet").exists()
    assert not list(folder.rglob("*.part"))

    second = Factory()
    report = run(folder, second)

    assert report.resumed == 2
    assert second.looks == VIDEO_FRAMES + 12
    assert table(report.out) == whole


def test_a_finished_batch_does_nothing_again(folder: Path) -> None:
    """Running the same command after success looks at nothing and leaves the table as it is."""
    first = run(folder, Factory())
    stamp = first.out.stat().st_mtime_ns
    factory = Factory()

    report = run(folder, factory)

    assert factory.made == []
    assert report.resumed == 4
    assert report.outcomes == first.outcomes
    assert report.out.stat().st_mtime_ns == stamp
    assert not (folder / "out.parquet.parts").exists()


def test_mended_files_complete_the_table(folder: Path) -> None:
    """After the bad file is mended, the same command does that one and completes the table."""
    good = (folder / "2.jpg").read_bytes()
    (folder / "2.jpg").write_bytes(b"")
    run(folder, Factory())
    (folder / "2.jpg").write_bytes(good)
    factory = Factory()

    report = run(folder, factory)

    assert factory.looks == 1
    report.require_complete()
    assert len({row["source"] for row in table(report.out)}) == 4


def test_other_settings_begin_anew(folder: Path) -> None:
    """Rows of other models or another step aren't mixed into the table."""
    run(folder, Factory(), settings={"models": "a"})
    factory = Factory()

    report = run(folder, factory, settings={"models": "b"})

    assert report.resumed == 0
    assert factory.looks == VIDEO_FRAMES + 12 + 2


def test_two_backends_look_at_the_same_frames(folder: Path) -> None:
    """Several backends give rows under their names and a comparison of the first two."""
    backends = {"own": Factory(), "other": Factory(lambda: FakeBackend(offset=0.25))}

    report = Analysis(backends, clock=FrozenClock()).run([folder], folder / "out.parquet")

    rows = table(report.out)
    assert Counter(row["backend"] for row in rows) == {"own": 44, "other": 44}
    assert [row["backend"] for row in rows[:4]] == ["own", "other", "own", "other"]
    assert report.comparison is not None
    assert report.comparison.both == 44
    assert report.comparison.au["AU12"].mean_abs_diff == pytest.approx(0.25, abs=1e-3)
    assert sum(outcome.faces for outcome in report.outcomes) == 44


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_any_format(folder: Path, suffix: str) -> None:
    """Each format is written whole, with nothing else but the manifest beside it."""
    report = run(folder, Factory(), folder / "10.avi", out=f"out.{suffix}")

    assert report.out.exists()
    beside = {path.name for path in folder.iterdir() if path.name.startswith("out")}
    assert beside == {f"out.{suffix}", f"out.{suffix}.manifest.jsonl"}


def test_an_unknown_format_is_refused_before_any_look(folder: Path) -> None:
    """A wrong suffix is said at once, not after hours of work."""
    factory = Factory()

    with pytest.raises(ConfigError):
        run(folder, factory, out="out.mp4")

    assert factory.made == []


def test_nothing_to_do_is_refused(tmp_path: Path) -> None:
    """An empty folder is a ConfigError."""
    with pytest.raises(ConfigError, match="no picture"):
        run(tmp_path, Factory())


@pytest.mark.parametrize("every", [0, -3])
def test_a_step_under_one_is_refused(every: int) -> None:
    """A step that isn't a step is a ConfigError."""
    with pytest.raises(ConfigError):
        Analysis({"own": Factory()}, clock=FrozenClock(), every=every)


def test_names_stay_apart(tmp_path: Path) -> None:
    """Two files of one name are told apart by their whole path; a file named twice counts once."""
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        write_picture(tmp_path / name / "a.png")

    items = find_items([tmp_path / "x", tmp_path / "y", tmp_path / "x" / "a.png"])

    assert [item.source for item in items] == [
        (tmp_path / "x" / "a.png").as_posix(), (tmp_path / "y" / "a.png").as_posix(),
    ]  # fmt: skip


def test_progress_is_told(folder: Path) -> None:
    """Progress says the file, its frames, what is expected, and each file's outcome."""
    told: list[Progress] = []

    run(folder, Factory(), folder / "3.avi", every=4, progress=told.append)

    assert [event.frames for event in told if event.outcome is None] == list(range(1, 9))
    assert {event.expected for event in told if event.outcome is None} == {8}
    assert told[-1].outcome is not None
    assert told[-1].outcome.complete
