"""`omokage audit`: what a person reads, what is refused, and with which exit code."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.audit import audit
from agent.cli.main import main
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.vault import CHEAPEST
from agent.domain.access import Action, Decision
from agent.store.access_log import AccessLog, AccessReader
from tests.logs import START, Forger, event

COMMANDS = ("show", "verify", "checkpoint", "export", "erase")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with keys and four entries."""
    site = Site(tmp_path / "site")
    made = create_epochs(
        START, weeks=2, passphrase="correct horse battery", device_id="d", profile=CHEAPEST
    )
    write_keys(site, made)
    log = AccessLog(site.access_log)
    log.record(event(0, "森"))
    log.record(event(1, "tanaka", decision=Decision.REFUSED, counts={"PassphraseWrong": 1}))
    log.record(event(2, "sato", action=Action.OPENED, note="=cmd() for \x1b[31m tanaka"))
    log.record(event(3, "tanaka", objects=tuple(f"door/{i}" for i in range(9))))
    return site


def call(site: Site, *arguments: str, typed: str | None = None) -> Result:
    """Run `omokage audit` as a person does."""
    name, *rest = arguments
    return CliRunner().invoke(main, ["audit", name, "--site", str(site.root), *rest], input=typed)


def numbers(result: Result) -> list[int]:
    """Return the entries' numbers of a JSON list."""
    return [entry["number"] for entry in json.loads(result.output)]


def test_every_command_is_listed() -> None:
    """The group's help names its commands without importing one."""
    assert set(COMMANDS) == set(audit.list_commands(None))  # type: ignore[attr-defined,arg-type]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_site_is_refused_with_advice(tmp_path: Path, command: str) -> None:
    """Where there is no log, each command says so, and makes none."""
    more = {
        "export": ("--purpose", "x"),
        "erase": ("--purpose", "x", "--person", "y"),
    }.get(command, ())
    result = call(Site(tmp_path), command, *more)

    assert 2 == result.exit_code
    assert "there is no access log" in result.stderr
    assert "--site" in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_show_is_a_table_with_the_newest_at_the_bottom(site: Site) -> None:
    """Columns stand under each other, also with wide letters; escape sequences don't act."""
    result = call(site, "show")

    head, *rows = result.stdout.splitlines()
    assert ["1", "2", "3", "4"] == [row.split()[0] for row in rows]
    assert "unlocked REFUSED" in rows[1]
    assert "and 6 more" in rows[3]
    assert "\x1b" not in result.stdout
    place = head.index("role")
    assert ["reviewer"] * 3 == [row[place : place + 8] for row in rows[1:]]
    assert "reviewer" == rows[0][place - 1 : place + 7]  # one letter that is two columns wide


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), [1, 2, 3, 4]),
        (("--actor", "tanaka"), [2, 4]),
        (("--action", "opened"), [3]),
        (("--role", "admin"), []),
        (("--object", "door/8"), [4]),
        (("--refused",), [2]),
        (("--since", "2026-11-25T11:00"), [3, 4]),
        (("--until", "2026-11-25T10:00"), [1]),
        (("--until", "2026-11-25"), []),
        (("--limit", "2"), [3, 4]),
        (("--limit", "2", "--before", "3"), [1, 2]),
    ],
)
def test_show_selects(site: Site, options: tuple[str, ...], found: list[int]) -> None:
    """Each filter does what its help says."""
    assert found == numbers(call(site, "show", "--json", *options))


def test_show_says_that_there_is_more(site: Site) -> None:
    """A cut table says so, and how to go on."""
    result = call(site, "show", "--limit", "1")

    assert "1 of 4 entries; `--before 4` shows earlier ones." in result.stdout
    assert "No entry matches." in call(site, "show", "--actor", "nobody").stdout


@pytest.mark.parametrize(
    "options", [("--action", "flew"), ("--since", "yesterday"), ("--limit", "0"), ("--role", "x")]
)
def test_show_refuses_what_it_does_not_know(site: Site, options: tuple[str, ...]) -> None:
    """A misspelt filter isn't a filter that matches nothing."""
    assert 2 == call(site, "show", *options).exit_code


def test_verify_says_what_it_checked_and_what_it_can_not_see(site: Site) -> None:
    """Without a checkpoint from elsewhere, the report says what that means."""
    result = call(site, "verify")

    assert 0 == result.exit_code
    assert "Read 4 entries, 1 to 4." in result.stdout
    assert "None of these entries is signed for yet" in result.stdout
    assert "--against" in result.stdout


def test_verify_ends_with_ten_and_names_the_entry(site: Site) -> None:
    """A changed log has an exit code of its own."""
    Forger(site.access_log).run(
        "UPDATE entry SET body = replace(body, 'refused', 'allowed') WHERE number=2"
    )

    result = call(site, "verify")

    assert 10 == result.exit_code
    assert "FOUND edited: Entry 2" in result.stdout
    assert "isn't what was written" in result.stderr


def test_verify_against_a_checkpoint_that_was_kept(site: Site, tmp_path: Path) -> None:
    """What a stick or a sheet of paper holds finds a log that was exchanged as a whole."""
    stick = tmp_path / "stick.txt"
    assert 0 == call(site, "checkpoint", "--out", str(stick)).exit_code
    assert 0 == call(site, "verify", "--against", str(stick)).exit_code
    site.access_log.unlink()
    site.access_log.with_suffix(".checkpoints").unlink()

    gone = call(site, "verify", "--against", str(stick))
    AccessLog(site.access_log).record(event())
    other = call(site, "verify", "--against", str(stick))

    assert (10, 10) == (gone.exit_code, other.exit_code)
    assert "The whole log is gone" in gone.stdout
    assert "another log's" in other.stdout


def test_verify_with_the_key_from_paper(site: Site) -> None:
    """A key that was printed replaces the site's own file of keys."""
    key = call(site, "checkpoint").stderr.strip().splitlines()[-1]
    site.public_keys.unlink()

    assert 0 == call(site, "verify", "--key", key).exit_code
    wrong = key.replace(key[-6:], "AAAAAA")
    assert 2 == call(site, "verify", "--key", wrong).exit_code


def test_verify_without_any_key_believes_no_checkpoint(site: Site) -> None:
    """A site whose keys are gone isn't told that its checkpoints fit."""
    call(site, "checkpoint")
    site.public_keys.unlink()

    result = call(site, "verify")

    assert 10 == result.exit_code
    assert "wrong-key" in result.stdout


@pytest.mark.parametrize("content", [b"", b"no checkpoint here", b"\xff\xfe\x00"])
def test_verify_refuses_a_file_without_a_checkpoint(
    site: Site, tmp_path: Path, content: bytes
) -> None:
    """A wrong file isn't a check that found nothing."""
    file = tmp_path / "file"
    file.write_bytes(content)

    assert 2 == call(site, "verify", "--against", str(file)).exit_code


def test_checkpoint_prints_the_note_alone_on_its_output(site: Site, tmp_path: Path) -> None:
    """What goes to a file or a printer is the signed note; the rest goes beside it."""
    out = tmp_path / "kept.txt"
    result = call(site, "checkpoint", "--out", str(out))

    made = AccessReader(site.access_log).checkpoints()[0]
    assert made.note == result.stdout
    assert made.note + "\n" == out.read_text()
    assert "4 entries" in result.stderr


def test_checkpoint_draws_a_code(site: Site) -> None:
    """The code is drawn below the note."""
    plain, drawn = call(site, "checkpoint"), call(site, "checkpoint", "--qr")

    assert drawn.stdout.startswith(plain.stdout)
    assert "\u2588" in drawn.stdout


def test_checkpoint_refuses_a_changed_log(site: Site) -> None:
    """The device's key vouches for nothing that doesn't hold."""
    Forger(site.access_log).run("DELETE FROM entry WHERE number = 2")

    result = call(site, "checkpoint")

    assert 10 == result.exit_code
    assert "Entry 2 is missing" in result.stderr
    assert "" == result.stdout


def test_checkpoint_without_the_device_key_is_refused(site: Site) -> None:
    """Only who may use the device's key can sign."""
    site.device_key.unlink()

    assert 2 == call(site, "checkpoint").exit_code


def check_of(page: str) -> str:
    """Return the program that a page tells an auditor to run."""
    text = (Path(__file__).resolve().parents[3] / "docs" / page).read_text("utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("page", ["audit.md", "audit.ja.md"])
@pytest.mark.parametrize("forge", ["", "complaint", "tanaka"])
def test_an_export_is_verified_by_the_few_lines_that_the_docs_print(
    site: Site, tmp_path: Path, page: str, forge: str
) -> None:
    """The program in the docs accepts an export, and finds a changed act or name in it."""
    out = tmp_path / "log.jsonl"
    assert 0 == call(site, "export", "--purpose", "audit", "--out", str(out)).exit_code
    content = out.read_text("utf-8")
    if forge:
        out.write_text(content.replace(forge, "forged", 1), "utf-8")
        if forge == "complaint":  # beside the body it is for reading only
            out.write_text(content.replace(f'\\"purpose\\":\\"{forge}', '\\"purpose\\":\\"x', 1))

    done = subprocess.run(
        [sys.executable, "-c", check_of(page)], cwd=tmp_path, capture_output=True, check=False
    )

    assert (1 if forge else 0) == done.returncode
    assert 5 == len(content.splitlines())
    assert 0o600 == out.stat().st_mode & 0o777


def test_an_export_is_in_the_log_before_it_is_written(site: Site, tmp_path: Path) -> None:
    """Also one that then fails."""
    call(site, "export", "--purpose", "audit", "--out", str(tmp_path / "none" / "x"))

    newest = AccessReader(site.access_log).entries(limit=1)[0].event
    assert (Action.EXPORTED, "audit") == (newest.action, newest.purpose)


def test_an_export_for_a_table_program_computes_nothing(site: Site) -> None:
    """A note that looks like a formula is text."""
    rows = list(csv.DictReader(call(site, "export", "--purpose", "a", "--format", "csv")
                               .stdout.splitlines()))  # fmt: skip

    assert ["1", "2", "3", "4", "5"] == [row["number"] for row in rows]
    assert rows[2]["note"].startswith("'=cmd()")
    assert "\x1b" not in rows[2]["note"]


def test_an_export_overwrites_nothing_and_needs_a_purpose(site: Site, tmp_path: Path) -> None:
    """Both are refused before anything is logged or written."""
    out = tmp_path / "log.jsonl"
    out.write_text("mine")

    assert 2 == call(site, "export", "--purpose", "a", "--out", str(out)).exit_code
    assert 2 == call(site, "export", "--purpose", " ").exit_code
    assert 2 == call(site, "export").exit_code
    assert "mine" == out.read_text()
    assert 4 == AccessReader(site.access_log).count()


def test_erase_asks_for_the_name_again(site: Site) -> None:
    """Only the same name, typed once more, erases."""
    wrong = call(site, "erase", "--person", "tanaka", "--purpose", "left", typed="tanak\n")
    assert 2 == wrong.exit_code
    assert "nothing was erased" in wrong.stderr
    assert 4 == AccessReader(site.access_log).count()

    right = call(site, "erase", "--person", "tanaka", "--purpose", "left", typed="tanaka\n")

    assert 0 == right.exit_code
    assert "Erased 2 names and 1 notes." in right.stdout
    assert 0 == call(site, "verify").exit_code
    shown = call(site, "show").stdout
    assert "tanaka" not in shown
    assert shown.count("(erased)") == 3


def test_erase_of_nobody_changes_nothing(site: Site) -> None:
    """It says so, and asks nothing."""
    result = call(site, "erase", "--person", "nobody", "--purpose", "left")

    assert 0 == result.exit_code
    assert "no text of this person" in result.stdout
    assert 4 == AccessReader(site.access_log).count()


@pytest.mark.parametrize(
    ("person", "purpose"), [("tanaka", "Tanaka left"), (" ", "left"), ("tanaka", " ")]
)
def test_erase_refuses_a_purpose_that_names_the_person(
    site: Site, person: str, purpose: str
) -> None:
    """The purpose stays in the log for good."""
    result = call(site, "erase", "--person", person, "--purpose", purpose, typed="tanaka\n")

    assert 2 == result.exit_code
    assert 4 == AccessReader(site.access_log).count()
