"""`omokage sync` and `omokage central` as a person or a timer calls them."""

from __future__ import annotations

import builtins
import json
import os
import socket
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from agent.cli.main import main
from agent.config.site import Site
from agent.store.central import Centre
from agent.store.central_address import load_address
from tests.browser.seed import fill
from tests.central import at_centre, at_site, trial

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret-word"


def call(*arguments: str):
    """Run the command; return how it ended."""
    return CliRunner().invoke(main, [*arguments])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with twenty fresh buckets and the address of a centre in a file."""
    place = fill(tmp_path / "kyoto", until=datetime.now(UTC), buckets=20, seconds=60)
    address(place.root / "central.toml", f"sqlite:///{tmp_path}/central.sqlite")
    return place


def address(path: Path, url: str, name: str | None = "kyoto") -> Path:
    """Write a file with an address, for its owner alone."""
    named = f'site = "{name}"\n' if name else ""
    path.write_text(f'{named}url = "{url}"\n')
    path.chmod(0o600)
    return path


def test_from_an_empty_file_to_numbers_at_the_centre(site: Site, tmp_path: Path) -> None:
    """Prepare, add, sync: then the centre has what the site has, and `list` says so."""
    file = str(site.root / "central.toml")
    assert call("central", "prepare", "--central", file).exit_code == 0
    assert call("central", "add", "kyoto", "--central", file).exit_code == 0

    done = call("sync", "--site", str(site.root), "--json")

    said = json.loads(done.output)
    assert done.exit_code == 0
    assert said["sent"] == said["released"] > 0
    centre = Centre(trial(tmp_path / "central.sqlite"))
    assert at_centre(centre) == at_site(site.aggregates)
    (row,) = json.loads(call("central", "list", "--central", file, "--json").output)
    assert row["name"] == "kyoto"
    assert row["buckets"] == said["sent"]


def test_a_dry_run_sends_nothing(site: Site, tmp_path: Path) -> None:
    """`--dry-run` says how many wait and leaves both sides as they were."""
    file = str(site.root / "central.toml")
    call("central", "prepare", "--central", file)
    call("central", "add", "kyoto", "--central", file)

    done = call("sync", "--site", str(site.root), "--dry-run", "--json")

    assert json.loads(done.output)["waiting"] > 0
    assert at_centre(Centre(trial(tmp_path / "central.sqlite"))) == ([], [])
    assert not site.sync.exists()


def test_status_needs_no_network(site: Site) -> None:
    """`--status` says how many wait and how the last run went, from this machine alone."""
    file = str(site.root / "central.toml")
    before = json.loads(call("sync", "--site", str(site.root), "--status", "--json").output)
    failed = call("sync", "--site", str(site.root))
    after = json.loads(call("sync", "--site", str(site.root), "--status", "--json").output)
    call("central", "prepare", "--central", file)
    call("central", "add", "kyoto", "--central", file)
    call("sync", "--site", str(site.root))
    done = json.loads(call("sync", "--site", str(site.root), "--status", "--json").output)

    assert before["waiting"] > 0
    assert before["complete_at"] is None
    assert failed.exit_code == 14
    assert "prepared" in after["trouble"]
    assert after["waiting"] == before["waiting"]
    assert (done["waiting"], done["trouble"]) == (0, "")
    assert done["complete_at"]


def test_a_centre_out_of_reach_ends_with_14(site: Site) -> None:
    """Nobody listens: a clear sentence, code 14, no password anywhere, nothing lost."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        url = f"postgresql://kyoto:{SECRET}@127.0.0.1:{port}/omokage"
        file = address(site.root / "central.toml", url)
        done = call("sync", "--site", str(site.root), "--central", str(file))

    assert done.exit_code == 14
    assert "can't be reached" in done.output
    assert SECRET not in done.output + site.sync.read_text()


def test_a_plain_connection_is_refused_before_anything_is_sent(site: Site) -> None:
    """Another machine without a checked certificate: code 2, and how to write it."""
    address(site.root / "central.toml", f"postgresql://kyoto:{SECRET}@db.example/omokage")
    done = call("sync", "--site", str(site.root))

    assert done.exit_code == 2
    assert "verify-full" in done.output
    assert SECRET not in done.output


def test_without_the_driver_it_says_what_to_install(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL without its driver is a setting to correct, with the command that does it."""
    real = builtins.__import__

    def without(name: str, *rest, **more):
        if name.split(".", maxsplit=1)[0] == "psycopg":
            raise ImportError(name)
        return real(name, *rest, **more)

    address(site.root / "central.toml", f"postgresql://kyoto:{SECRET}@127.0.0.1/omokage")
    monkeypatch.setattr(builtins, "__import__", without)
    done = call("sync", "--site", str(site.root))

    assert done.exit_code == 2
    assert "omokage[sites]" in done.output


def test_an_offices_file_sends_nothing(site: Site) -> None:
    """A file that names no site belongs to an office."""
    address(site.root / "central.toml", "sqlite:////nowhere/c.sqlite", name=None)

    done = call("sync", "--site", str(site.root))

    assert done.exit_code == 2
    assert "doesn't name this site" in done.output


def test_without_a_policy_nothing_is_sent(site: Site) -> None:
    """Without rules nobody knows how long the centre may keep anything: code 8."""
    site.policy.unlink()

    assert call("sync", "--site", str(site.root)).exit_code == 8


def test_the_statements_are_printed_without_a_connection(tmp_path: Path) -> None:
    """`--sql` prints tables, row security and the purge for who runs them by hand."""
    url = f"postgresql://owner:{SECRET}@127.0.0.1:1/omokage"
    file = address(tmp_path / "owner.toml", url, name=None)
    done = call("central", "prepare", "--sql", "--central", str(file))

    assert done.exit_code == 0
    for part in ("CREATE TABLE cell", "ENABLE ROW LEVEL SECURITY", "omokage_purge"):
        assert part in done.output
    assert SECRET not in done.output


def test_the_bound_stands_in_the_statements(tmp_path: Path) -> None:
    """`--longest` is what the printed statements set, in seconds."""
    url = f"postgresql://owner:{SECRET}@127.0.0.1:1/omokage"
    file = str(address(tmp_path / "owner.toml", url, name=None))

    asked = call("central", "prepare", "--sql", "--longest", "365d", "--central", file)
    usual = call("central", "prepare", "--sql", "--central", file)

    assert "VALUES ('longest', 31536000);" in asked.output
    assert "VALUES ('longest', 94608000);" in usual.output


@pytest.mark.parametrize("longest", ["0d", "for ever", "4000d", "-1d"])
def test_a_bound_that_is_none_is_refused(site: Site, tmp_path: Path, longest: str) -> None:
    """Endless, zero and more than ten years: code 2, and the centre isn't made."""
    file = str(site.root / "central.toml")

    done = call("central", "prepare", f"--longest={longest}", "--central", file)

    assert done.exit_code == 2
    assert "--longest" in done.output
    assert not (tmp_path / "central.sqlite").exists()


def test_removing_a_site_asks_for_its_name_again(site: Site, tmp_path: Path) -> None:
    """A wrong name deletes nothing; the right one deletes the site and its rows."""
    file = str(site.root / "central.toml")
    call("central", "prepare", "--central", file)
    call("central", "add", "kyoto", "--central", file)
    call("sync", "--site", str(site.root))

    wrong = call("central", "remove", "kyoto", "--central", file, "--confirm", "kyotoo")
    there = at_centre(Centre(load_address(site.root / "central.toml")))
    right = call("central", "remove", "kyoto", "--central", file, "--confirm", "kyoto")

    assert (wrong.exit_code, right.exit_code) == (2, 0)
    assert there != ([], [])
    assert at_centre(Centre(trial(tmp_path / "central.sqlite"))) == ([], [])
    assert call("sync", "--site", str(site.root)).exit_code == 14


def test_purge_says_how_many_were_due(site: Site) -> None:
    """`central purge` deletes what is due and nothing else."""
    file = str(site.root / "central.toml")
    call("central", "prepare", "--central", file)

    done = call("central", "purge", "--central", file)

    assert done.exit_code == 0
    assert done.output.startswith("0 ")


def test_a_variable_names_the_file(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """OMOKAGE_CENTRAL stands in for `--central`."""
    file = address(site.root / "elsewhere.toml", "sqlite:////nowhere/c.sqlite", name=None)
    monkeypatch.setitem(os.environ, "OMOKAGE_CENTRAL", str(file))

    assert "doesn't name this site" in call("sync", "--site", str(site.root)).output
