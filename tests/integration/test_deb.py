"""The Debian package, by dpkg itself, into a tree of our own.

The program in it is a stand-in of a few bytes: building the real one takes a minute and 250 MB.
Units, accounts, folders and the package's own scripts are the real ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from release import deb

SITE = Path("var/lib/omokage")
TOOLS = ("dpkg", "dpkg-deb", "systemd-sysusers", "systemd-tmpfiles", "systemctl", "shred")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(shutil.which, TOOLS)) or os.geteuid() != 0,
        reason="needs dpkg, systemd's tools and root",
    ),
]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package, with a stand-in for the program."""
    stage = tmp_path_factory.mktemp("package") / "stage"
    stage.mkdir()
    deb.lay_out(stage)
    program = stage / "opt" / "omokage" / "venv" / "bin" / "omokage"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho stand-in\n", "utf-8")
    program.chmod(0o755)
    return deb.pack(stage, tmp_path_factory.mktemp("out"))


@pytest.fixture
def tree(tmp_path):
    """An empty system that dpkg believes to be one."""
    root = tmp_path / "root"
    for name in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "var/log", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    return root


def dpkg(root: Path, *arguments: str) -> str:
    """Run dpkg on the tree; its scripts run here and are told where."""
    done = subprocess.run(
        ["dpkg", f"--root={root}", f"--log={root}/var/log/dpkg.log", "--force-script-chrootless",
         "--force-depends", *arguments],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def used(root: Path) -> None:
    """Leave traces of a site that was used."""
    (root / SITE / "vault" / "epochs.toml").write_text("wrapped", "utf-8")
    (root / SITE / "state" / "segments.sqlite").write_text("sealed", "utf-8")


def test_it_says_what_it_needs(package):
    """Dpkg reads version, architecture and the one Python that its wheels are for."""
    fields = subprocess.run(
        ["dpkg-deb", "--field", str(package), "Version", "Depends", "Architecture"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip

    assert f"Version: {deb.own_version()}" in fields
    assert "python3 (<< 3." in fields
    assert "systemd (>= 250)" in fields


def test_nothing_in_it_is_for_others_to_write(package):
    """Every file belongs to root, and nobody else may write it."""
    listing = subprocess.run(
        ["dpkg-deb", "--contents", str(package)], capture_output=True, text=True, check=True
    ).stdout.splitlines()  # fmt: skip

    assert all(line.split()[1] == "root/root" for line in listing)
    assert not [line for line in listing if line[5] == "w" or line[8] == "w"]


def test_installing_makes_accounts_and_folders_and_starts_nothing(package, tree):
    """After it: two accounts, the site's folders with their modes, no unit enabled."""
    said = dpkg(tree, "--install", str(package))

    passwd = (tree / "etc/passwd").read_text("utf-8")
    assert "omokage:" in passwd
    assert "omokage-pages:" in passwd
    assert (tree / SITE / "vault").stat().st_mode & 0o7777 == 0o700
    assert (tree / SITE / "state").stat().st_mode & 0o7777 == 0o3770
    assert not list((tree / "etc").rglob("*.wants/*"))
    assert "omokage install --policy" in said
    assert dpkg(tree, "--verify", "omokage") == ""


def test_a_changed_file_is_found(package, tree):
    """Dpkg knows each file's checksum."""
    dpkg(tree, "--install", str(package))
    with (tree / "lib/systemd/system/omokage-agent.service").open("a") as file:
        file.write("PrivateNetwork=no\n")

    assert "omokage-agent.service" in dpkg(tree, "--verify", "omokage")


def test_removing_keeps_the_site_and_says_what_that_means(package, tree):
    """Program and units go, the site stays, and its lost janitor is named."""
    dpkg(tree, "--install", str(package))
    used(tree)

    said = dpkg(tree, "--remove", "omokage")

    assert not (tree / "opt/omokage").exists()
    assert not list((tree / "lib/systemd").rglob("omokage*"))
    assert (tree / SITE / "vault" / "epochs.toml").exists()
    assert "Nothing deletes what is due any more" in said


def test_purging_overwrites_and_erases_the_site(package, tree, tmp_path):
    """Nothing of the site is left, and the bytes are gone where they lay."""
    dpkg(tree, "--install", str(package))
    used(tree)
    witness = tmp_path / "second-name"
    witness.hardlink_to(tree / SITE / "vault" / "epochs.toml")

    dpkg(tree, "--purge", "omokage")

    assert not (tree / SITE).exists()
    assert b"wrapped" not in witness.read_bytes()


def test_a_reinstallation_is_like_the_first(package, tree):
    """After a removal it may come again; the site it left is the site it finds."""
    dpkg(tree, "--install", str(package))
    used(tree)
    dpkg(tree, "--remove", "omokage")

    dpkg(tree, "--install", str(package))

    assert (tree / SITE / "state" / "segments.sqlite").exists()
    # Somebody had copied the vault as root; the agent's account has it now.
    owner = (tree / SITE / "vault").stat().st_uid
    assert owner == (tree / SITE / "vault" / "epochs.toml").stat().st_uid != 0
    assert (tree / "opt/omokage/venv/bin/omokage").exists()
