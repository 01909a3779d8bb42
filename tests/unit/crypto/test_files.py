"""Key files are replaced whole, their old bytes overwritten, and one change happens at a time."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from agent.crypto.files import PRIVATE, PUBLIC, blank, exclusive, exists, put, read_private, remove
from agent.errors import ConfigError


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """New content, the wanted mode, and nothing left beside it."""
    path = tmp_path / "epochs.toml"
    put(path, b"old" * 1000, PUBLIC)

    put(path, b"new", PRIVATE)

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == PRIVATE
    assert [path] == list(tmp_path.iterdir())


def test_the_old_bytes_are_overwritten(tmp_path: Path) -> None:
    """Whoever still holds the old file open finds zeros in it."""
    path = tmp_path / "epochs.toml"
    put(path, b"secret" * 50_000, PRIVATE)

    with path.open("rb") as old:
        put(path, b"new", PRIVATE)
        left = old.read()

    assert left == bytes(300_000)


def test_a_removed_file_is_overwritten_first(tmp_path: Path) -> None:
    """The name goes, the bytes too; removing what isn't there is fine."""
    path = tmp_path / "epochs.toml"
    path.write_bytes(b"secret")

    with path.open("rb") as old:
        remove(path)
        left = old.read()
    remove(path)

    assert left == bytes(6)
    assert not path.exists()


def test_a_file_that_can_not_be_written_stays(tmp_path: Path) -> None:
    """Where there is no folder to write to, the refusal names the file and not its folder."""
    with pytest.raises(ConfigError, match=r"^can't write epochs\.toml"):
        put(tmp_path / "nowhere" / "epochs.toml", b"new", PRIVATE)


def test_a_file_that_can_not_be_looked_for_is_a_refusal(tmp_path: Path) -> None:
    """What the system answers with an error is a sentence, not a traceback."""
    assert not exists(tmp_path / "epochs.toml")

    with pytest.raises(ConfigError, match="may not look"):
        exists(tmp_path / ("x" * 300))


def test_blanking_touches_the_given_parts_only(tmp_path: Path) -> None:
    """Length and everything else stay; a part that isn't there is no error."""
    path = tmp_path / "epochs.toml"
    path.write_bytes(b"id = one\nkey = SECRET\nkey = OTHER\n# SECRET\n")

    blank(path, [b"SECRET", b"absent", b""])

    assert path.read_bytes() == b"id = one\nkey = AAAAAA\nkey = OTHER\n# AAAAAA\n"


def test_blanking_a_missing_file_is_refused(tmp_path: Path) -> None:
    """Nothing is created by accident."""
    with pytest.raises(ConfigError):
        blank(tmp_path / "epochs.toml", [b"x"])
    assert list(tmp_path.iterdir()) == []


def _try(folder: Path, answer: multiprocessing.connection.Connection) -> None:
    try:
        with exclusive(folder):
            answer.send("held")
    except ConfigError as error:
        answer.send(str(error))


def test_two_changes_at_once_are_refused(tmp_path: Path) -> None:
    """Another process that wants to change the same keys is told to wait."""
    mine, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")

    with exclusive(tmp_path):
        other = context.Process(target=_try, args=(tmp_path, theirs))
        other.start()
        theirs.close()  # or the end of a process that says nothing would go unnoticed
        assert mine.poll(60)
        said = mine.recv()
        other.join(60)
        other.kill()

    assert "another command" in said
    with exclusive(tmp_path):
        pass


def test_a_folder_that_is_not_there_can_not_be_held(tmp_path: Path) -> None:
    """The refusal comes before anything is done."""
    with pytest.raises(ConfigError, match="folder"), exclusive(tmp_path / "vault"):
        pytest.fail("held a folder that isn't there")


def test_leftovers_of_an_interrupted_change_are_cleared(tmp_path: Path) -> None:
    """A half-written new file and a not yet overwritten old one go, overwritten."""
    path = tmp_path / "epochs.toml"
    path.write_bytes(b"kept")
    for name in (".new-abc", ".old-epochs.toml"):
        (tmp_path / name).write_bytes(b"secret")
    with (tmp_path / ".old-epochs.toml").open("rb") as old:
        with exclusive(tmp_path):
            assert [path] == list(tmp_path.iterdir())
        assert old.read() == bytes(6)

    assert path.read_bytes() == b"kept"


@pytest.mark.parametrize("name", [".new-abc", ".old-epochs.toml"])
def test_a_second_name_of_a_file_in_use_is_no_leftover(tmp_path: Path, name: str) -> None:
    """Interrupted while a file had two names, the name goes and the file stays whole."""
    path = tmp_path / "epochs.toml"
    path.write_bytes(b"kept")
    (tmp_path / name).hardlink_to(path)

    with exclusive(tmp_path):
        assert [path] == list(tmp_path.iterdir())

    assert path.read_bytes() == b"kept"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_for_others_is_not_private(tmp_path: Path, mode: int) -> None:
    """Any right of anybody else is refused, also where credentials are accepted."""
    path = tmp_path / "device.pem"
    path.write_bytes(b"x")
    path.chmod(mode)

    for given in (False, True) if os.geteuid() == 0 else (False,):
        with pytest.raises(ConfigError, match="others"):
            read_private(path, given=given)
