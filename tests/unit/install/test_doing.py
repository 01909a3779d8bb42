"""Steps carried out in a folder of our own: twice is as good as once, and what is gone is gone."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from agent.crypto.vault import load_vault
from agent.errors import ConfigError
from agent.install.doing import carry_out, destroy_all, inside
from agent.install.steps import Call, DestroyKeys, Put, Remove, Shred
from tests.unit.test_service import ready  # noqa: F401  (fixture)

ETC = PurePosixPath("/etc/omokage/x.conf")


def do(tmp_path: Path, *steps) -> int:
    """Carry out steps below a folder; return how many changed something."""
    return carry_out(steps, tmp_path, lambda _line: None)


def test_a_file_is_put_once(tmp_path) -> None:
    """The second time there is nothing to do; a changed mode or content is mended."""
    put = Put(ETC, b"one", 0o640, "a test")
    place = inside(tmp_path, ETC)

    assert do(tmp_path, put) == 1
    assert do(tmp_path, put) == 0
    place.chmod(0o666)
    assert do(tmp_path, put) == 1
    place.write_bytes(b"two")
    assert do(tmp_path, put) == 1
    assert place.read_bytes() == b"one"
    assert place.stat().st_mode & 0o777 == 0o640


def test_a_link_is_replaced_not_followed(tmp_path) -> None:
    """A link in a file's place doesn't lead the content elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    place = inside(tmp_path, ETC)
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere)

    do(tmp_path, Put(ETC, b"new", 0o600, "a test"))

    assert elsewhere.read_bytes() == b"mine"
    assert not place.is_symlink()


def test_shredding_overwrites_before_it_removes(tmp_path) -> None:
    """The bytes are gone where they lay, which a second name of the file shows."""
    place = inside(tmp_path, ETC)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"secret" * 1000)
    other = tmp_path / "second-name"
    other.hardlink_to(place)

    assert do(tmp_path, Shred(ETC, "a test")) == 1

    assert not place.exists()
    assert set(other.read_bytes()) == {0}
    assert do(tmp_path, Shred(ETC, "a test")) == 0


def test_shredding_a_link_spares_what_it_leads_to(tmp_path) -> None:
    """A planted link doesn't turn an erasure against somebody else's file."""
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    place = inside(tmp_path, ETC)
    place.parent.mkdir(parents=True)
    place.symlink_to(theirs)

    do(tmp_path, Shred(ETC, "a test"))

    assert theirs.read_bytes() == b"theirs"
    assert not place.is_symlink()


def test_removing_a_folder_spares_what_links_lead_to(tmp_path) -> None:
    """A folder goes with everything in it; a link in it goes, its target stays."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").write_bytes(b"theirs")
    folder = inside(tmp_path, ETC.parent)
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(theirs)

    do(tmp_path, Remove(ETC.parent, "a test"))

    assert not folder.exists()
    assert (theirs / "file").exists()


def test_every_private_half_dies(ready, tmp_path) -> None:  # noqa: F811
    """After it nothing of the vault's wrapped keys is left in the bytes that held them."""
    vault = tmp_path / "vault" / "epochs.toml"
    vault.parent.mkdir()
    vault.write_bytes(ready.vault.read_bytes())
    vault.chmod(0o600)
    wrapped = [epoch.spelled for epoch in load_vault(vault).epochs]
    witness = tmp_path / "second-name"
    witness.hardlink_to(vault)

    assert destroy_all(vault) == len(wrapped)

    assert not vault.exists()
    assert not any(part in witness.read_bytes() for part in wrapped)


def test_a_damaged_vault_is_destroyed_all_the_same(tmp_path) -> None:
    """What can't be understood is overwritten as a whole."""
    vault = inside(tmp_path, PurePosixPath("/v/epochs.toml"))
    vault.parent.mkdir()
    vault.write_bytes(b"\xff" * 500)
    witness = tmp_path / "second-name"
    witness.hardlink_to(vault)

    assert do(tmp_path, DestroyKeys(PurePosixPath("/v/epochs.toml"))) == 1

    assert set(witness.read_bytes()) == {0}
    assert do(tmp_path, DestroyKeys(PurePosixPath("/v/epochs.toml"))) == 0


def test_a_program_that_refuses_stops_the_installation(tmp_path) -> None:
    """What comes after a refusal isn't done, and the program's own words are shown."""
    steps = (Call(("sh", "-c", "echo no way >&2; exit 3"), "a test"), Put(ETC, b"", 0o600, "later"))

    with pytest.raises(ConfigError, match="no way"):
        do(tmp_path, *steps)

    assert not inside(tmp_path, ETC).exists()


def test_a_missing_program_is_named(tmp_path) -> None:
    """Without systemd the refusal says so; what may be gone is passed over."""
    with pytest.raises(ConfigError, match="no-such-program"):
        do(tmp_path, Call(("no-such-program",), "a test"))

    assert do(tmp_path, Call(("no-such-program",), "a test", may_fail=True)) == 0
