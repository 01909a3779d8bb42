"""`omokage install` and `uninstall`, into a tree of our own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.main import main
from agent.config.site import Site
from tests.unit.test_service import ready  # noqa: F401  (fixture)

ROOT = Path(__file__).resolve().parents[3]
POLICY = ROOT / "docs" / "examples" / "shop.toml"
systemd = pytest.mark.skipif(
    not all(map(shutil.which, ("systemd-sysusers", "systemd-tmpfiles", "systemctl"))),
    reason="systemd's tools aren't here",
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="owners are set by root alone")


@pytest.fixture
def tree(tmp_path):
    """A system's folder with a program that is in place already."""
    root = tmp_path / "tree"
    (root / "opt" / "omokage" / "venv" / "bin").mkdir(parents=True)
    (root / "etc").mkdir()
    return root


def call(*arguments: str | Path):
    """Run a command; return what it said and its exit code."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def fill(root: Path, ready: Site) -> Site:  # noqa: F811
    """Put a used site into the tree."""
    site = Site(root / "var" / "lib" / "omokage")
    site.root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ready.root, site.root, dirs_exist_ok=True)
    site.aggregates.parent.mkdir(exist_ok=True)
    site.status.write_text("{}", "utf-8")
    return site


@systemd
@as_root
def test_an_installation_into_a_tree(tree) -> None:
    """Accounts, folders with their modes, units enabled; a second time changes no file."""
    first = call("install", "--root", tree, "--policy", POLICY)
    assert first.exit_code == 0, first.output

    passwd = (tree / "etc" / "passwd").read_text("utf-8")
    uids = {line.split(":")[0]: int(line.split(":")[2]) for line in passwd.splitlines()}
    site = Site(tree / "var" / "lib" / "omokage")
    assert {"omokage", "omokage-pages"} <= set(uids)
    assert site.vault.parent.stat().st_mode & 0o7777 == 0o700
    assert site.aggregates.parent.stat().st_mode & 0o7777 == 0o3770
    assert site.aggregates.parent.stat().st_uid == uids["omokage"]
    assert site.policy.stat().st_mode & 0o7777 == 0o640
    assert site.policy.stat().st_uid == 0
    wanted = tree / "etc" / "systemd" / "system" / "multi-user.target.wants"
    assert {p.name for p in wanted.iterdir()} == {
        "omokage-agent.service",
        "omokage-dashboard.service",
    }

    second = call("install", "--root", tree, "--policy", POLICY)
    assert second.exit_code == 0
    assert all("as it is" in line for line in second.output.splitlines() if "write " in line)


@systemd
@as_root
def test_keys_that_root_brought_become_the_agents(tree) -> None:
    """Whoever copied key files here as root has nothing else to do."""
    call("install", "--root", tree)
    site = Site(tree / "var" / "lib" / "omokage")
    site.device_key.write_text("key", "utf-8")
    site.device_key.chmod(0o644)

    done = call("install", "--root", tree)

    assert done.exit_code == 0, done.output
    found = site.device_key.stat()
    assert found.st_uid == site.device_key.parent.stat().st_uid != 0
    assert found.st_mode & 0o7777 == 0o600


def test_a_dry_run_does_nothing(tree) -> None:
    """Every step is printed, none is done."""
    before = sorted(tree.rglob("*"))

    done = call("install", "--root", tree, "--policy", POLICY, "--dry-run")

    assert done.exit_code == 0
    assert "Nothing was done" in done.output
    assert "omokage-agent.service" in done.output
    assert before == sorted(tree.rglob("*"))


def test_a_wrong_policy_is_refused_before_anything_is_done(tree, tmp_path) -> None:
    """A policy that the agent would refuse isn't put in place."""
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.read_text("utf-8").replace("[retention]", "[retentoin]"), "utf-8")
    before = sorted(tree.rglob("*"))

    done = call("install", "--root", tree, "--policy", policy)

    assert done.exit_code == 8
    assert before == sorted(tree.rglob("*"))


def test_no_program_is_refused(tmp_path) -> None:
    """Units without a program would only fail."""
    done = call("install", "--root", tmp_path)

    assert done.exit_code == 2
    assert "--wheels" in done.output


def test_an_erasure_leaves_nothing_but_a_receipt(tree, ready, tmp_path) -> None:  # noqa: F811
    """Keys, records, numbers and log are gone, and the receipt says what was there."""
    site = fill(tree, ready)
    out = tmp_path / "receipt.txt"

    done = call(
        "uninstall", "--erase", "--root", tree, "--receipt", out, "--confirm", "Omokage demo"
    )

    assert done.exit_code == 0, done.output
    assert not site.root.exists()
    text = out.read_text("utf-8")
    assert "Omokage demo" in text
    assert "26 destroyed" in text
    assert "Nothing of the site is left" in text
    assert text in done.output


def test_keys_go_before_data(tree, ready, tmp_path) -> None:  # noqa: F811
    """What is printed shows the order: keys first."""
    fill(tree, ready)
    out = tmp_path / "receipt.txt"

    said = call(
        "uninstall", "--erase", "--root", tree, "--receipt", out, "--confirm", "Omokage demo"
    ).output

    assert said.index("destroy  every private key") < said.index("status.json")


def test_another_name_erases_nothing(tree, ready) -> None:  # noqa: F811
    """The name has to be the site's."""
    site = fill(tree, ready)

    done = call("uninstall", "--erase", "--root", tree, "--confirm", "omokage")

    assert done.exit_code == 2
    assert "Nothing was erased" in done.output
    assert site.vault.exists()


def test_a_dry_erasure_erases_nothing(tree, ready) -> None:  # noqa: F811
    """Every step is printed, nothing is touched, nobody is asked."""
    site = fill(tree, ready)
    before = {path: path.stat().st_mtime_ns for path in sorted(site.root.rglob("*"))}

    done = call("uninstall", "--erase", "--root", tree, "--dry-run")

    assert done.exit_code == 0
    assert "every private key" in done.output
    assert before == {path: path.stat().st_mtime_ns for path in sorted(site.root.rglob("*"))}


def test_a_receipt_inside_of_the_site_is_refused(tree, ready) -> None:  # noqa: F811
    """It would be erased with the rest."""
    site = fill(tree, ready)

    done = call(
        "uninstall", "--erase", "--root", tree, "--confirm", "Omokage demo",
        "--receipt", site.root / "receipt.txt",
    )  # fmt: skip

    assert done.exit_code == 2
    assert site.vault.exists()


def test_a_folder_that_is_no_site_is_refused(tree) -> None:
    """Nobody's home is overwritten by a slip of the fingers."""
    home = tree / "people" / "ann"
    (home / "state").mkdir(parents=True)  # many programs call a folder so
    (home / "letter").write_text("dear", "utf-8")

    done = call("uninstall", "--erase", "--root", tree, "--site", "/people/ann", "--confirm", "ann")

    assert done.exit_code == 2
    assert (home / "letter").exists()


def test_a_site_that_was_never_used_can_be_erased(tree, tmp_path) -> None:
    """Installed and thought better of: its own folder needs no policy to be removed."""
    site = Site(tree / "var" / "lib" / "omokage")
    site.vault.parent.mkdir(parents=True)

    done = call(
        "uninstall", "--erase", "--root", tree, "--confirm", "omokage",
        "--receipt", tmp_path / "receipt.txt",
    )  # fmt: skip

    assert done.exit_code == 0, done.output
    assert not site.root.exists()


def test_removing_without_a_word_on_the_data_is_refused(tree) -> None:
    """Data without a janitor outlives its deadlines, so somebody has to say that it's meant."""
    assert call("uninstall", "--root", tree).exit_code == 2


def test_keeping_the_data_says_what_that_means(tree, ready) -> None:  # noqa: F811
    """The site stays whole, and nobody is left to think that it will be deleted in time."""
    site = fill(tree, ready)

    done = call("uninstall", "--keep-data", "--root", tree)

    assert done.exit_code == 0
    assert "Nothing deletes what is due any more" in done.output
    assert site.vault.exists()
