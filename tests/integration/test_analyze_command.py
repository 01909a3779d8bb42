"""`omokage analyze` from the command line: exit codes, sentences, resume after Ctrl-C."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from agent.cli import analyze as command
from agent.cli.main import main
from tests.fakes import VIDEO_FRAMES, FakeBackend, write_picture, write_video

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    """Put one fake backend behind every name."""
    fake = FakeBackend()
    monkeypatch.setattr(command, "_factory", lambda *_: lambda *, still: fake)
    return fake


def invoke(*arguments: object) -> Result:
    """Run `omokage analyze`."""
    return CliRunner().invoke(main, ["analyze", *map(str, arguments)])


def test_a_folder_becomes_a_table(tmp_path: Path, backend: FakeBackend) -> None:
    """The table is written, its name printed on stdout, the summary on stderr, exit code 0."""
    write_picture(tmp_path / "a.png")
    write_video(tmp_path / "b.avi")
    out = tmp_path / "out.csv"

    result = invoke(tmp_path, "-o", out)

    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(out)
    assert f"2 of 2 files, {VIDEO_FRAMES + 1} frames, {VIDEO_FRAMES + 1} faces" in result.stderr
    with out.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == VIDEO_FRAMES + 1


def test_bad_files_end_with_nine(tmp_path: Path, backend: FakeBackend) -> None:
    """A bad file is named on stderr, the good ones are written, exit code 9."""
    write_picture(tmp_path / "a.png")
    (tmp_path / "bad.png").write_bytes(b"")

    result = invoke(tmp_path, tmp_path / "gone.mp4", "-o", tmp_path / "out.csv")

    assert result.exit_code == 9
    assert "error: bad.png is empty" in result.stderr
    assert "error: gone.mp4 doesn't exist" in result.stderr
    assert "2 of 3 files failed" in result.stderr
    assert (tmp_path / "out.csv").exists()


def test_ctrl_c_then_again(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends with 130 and keeps what is done; the same command completes the table."""
    write_picture(tmp_path / "1.png")
    write_video(tmp_path / "2.avi", frames=6)

    def interrupt(looks: int) -> None:
        if looks == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(backend, "_on_look", interrupt)
    first = invoke(tmp_path, "-o", tmp_path / "out.csv")
    monkeypatch.setattr(backend, "_on_look", None)
    second = invoke(tmp_path, "-o", tmp_path / "out.csv")

    assert first.exit_code == 130
    assert second.exit_code == 0
    assert "done before and kept: 1" in second.stderr
    with (tmp_path / "out.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 7


def test_nothing_left_to_do_says_so(tmp_path: Path, backend: FakeBackend) -> None:
    """A finished command says that nothing was left, and how to begin anew."""
    write_picture(tmp_path / "1.png")
    invoke(tmp_path, "-o", tmp_path / "out.csv")

    result = invoke(tmp_path, "-o", tmp_path / "out.csv")
    (tmp_path / "out.csv.manifest.jsonl").unlink()
    anew = invoke(tmp_path, "-o", tmp_path / "out.csv")

    assert "remove out.csv.manifest.jsonl" in result.stderr
    assert "nothing was left" not in anew.stderr
    assert len(backend.sums) == 2


def test_compare_prints_both(tmp_path: Path, backend: FakeBackend) -> None:
    """`--compare` writes both backends' rows and prints how they agree, per AU and angle."""
    write_video(tmp_path / "a.avi", frames=5)
    task = tmp_path / "face.task"
    task.write_bytes(b"x")

    result = invoke(
        tmp_path, "-o", tmp_path / "out.csv", "--compare", "mediapipe", "--task-file", task
    )

    assert result.exit_code == 0, result.output
    assert "own against mediapipe" in result.stdout
    assert "5 by both" in result.stdout
    assert "AU12" in result.stdout
    assert "yaw" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-o", "out.xlsx"], 2),
        ([], 2),
        (["-o", "out.csv", "--every", "0"], 2),
        (["-o", "out.csv", "--backend", "mediapipe"], 2),
        (["-o", "out.csv", "--models", "nowhere"], 5),
    ],
)
def test_wrong_options_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    """Wrong settings end with 2, models that aren't there with 5; no table appears."""
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "a.png")

    result = invoke("a.png", *arguments)

    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.glob("out.csv"))


def test_help_says_how_to_resume() -> None:
    """The help of the command says what happens to missing values and after an interrupt."""
    text = " ".join(invoke("--help").output.split())

    assert "never 0" in text
    assert "interrupted run continues" in text
