"""docs/inspection.md: each command of its tables prints what an inspector is told to look for."""

from __future__ import annotations

import re
import shlex
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.main import main
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.seal import load_sealer
from agent.crypto.vault import CHEAPEST
from agent.domain.access import AccessEvent, Action, Role
from agent.domain.segment import delete_by
from agent.store.access_log import AccessLog
from agent.store.segments import SegmentStore
from tests.browser.seed_agent import report, write_report
from tests.sealing import MODELS, PASSPHRASE, records

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = (ROOT / "docs" / "inspection.md").read_text("utf-8")
JAPANESE = (ROOT / "docs" / "inspection.ja.md").read_text("utf-8")
SECOND = "seven slow kettles argue at dawn"
HOUR = timedelta(hours=1)
ELSEWHERE = {"omokage prove-discard": "tests/privacy/test_prove_discard.py"}
"""A minute of work that has a test of its own."""


def rows(page: str) -> list[tuple[str, str]]:
    """Return each table's command and what must be seen."""
    found = re.findall(r"^\| [^|]+ \| `(omokage [^`|]+)` \| ([^|]+) \|$", page, re.MULTILINE)
    return [(command, seen) for command, seen in found]


def code(seen: str) -> int:
    """Return the exit code that a row tells of, 0 where it tells of none."""
    told = re.search(r"(?:exit code|終了コード) ?(\d+)", seen)
    return int(told[1]) if told else 0


def words(seen: str) -> list[str]:
    """Return what must stand on the screen: words as code that aren't said to be absent."""
    told = re.sub(r"nothing named `\w+`|`\w+`という項目がない|（日本語は`[^`]+`）", "", seen)
    return re.findall(r"`([^`]+)`", told)


ROWS = [(command, code(seen), words(seen)) for command, seen in rows(ENGLISH)]
CASES = [
    pytest.param(*row, id=row[0], marks=[pytest.mark.slow] if " --out " in row[0] else [])
    for row in ROWS
    if row[0] not in ELSEWHERE
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a site in use: two persons' keys, records, a purge, an unlock."""
    folder = tmp_path_factory.mktemp("inspection")
    (folder / "docs").symlink_to(ROOT / "docs")
    for name, passphrase in (("first.txt", PASSPHRASE), ("second.txt", SECOND)):
        (folder / name).write_text(passphrase + "\n")
        (folder / name).chmod(0o600)
    site, now = Site(folder / "shop"), datetime.now(UTC).replace(microsecond=0)
    seed(site, now)
    done = call(folder, "omokage policy apply --delete")
    assert done.exit_code == 0, done.output
    return folder


def seed(site: Site, now: datetime) -> None:
    """Make a site with keys, three hours of records of which one is due, a log, and health."""
    site.root.mkdir(mode=0o700)
    shutil.copy(ROOT / "docs" / "examples" / "shop.toml", site.policy)
    policy = load_policy(site.policy)
    keys = create_epochs(
        now - timedelta(days=7), weeks=12, passphrase=PASSPHRASE, second_passphrase=SECOND,
        device_id="camera-1", profile=CHEAPEST,
    )  # fmt: skip
    write_keys(site, keys)
    site.segments.parent.mkdir(mode=0o700)
    sealer = load_sealer(site.public_keys, site.device_key)
    with SegmentStore(site.segments) as store:
        for hours in (80, 3, 2):
            start = now.replace(minute=0, second=0) - hours * HOUR
            bucket = sealer.open_bucket(
                "checkout", start, 3600, delete_by=delete_by(start, 3600, policy.retention.records),
                policy_digest=policy.digest, models=MODELS, now=start,
                previous=store.last_link("checkout"),
            )  # fmt: skip
            bucket.seal(records(40))
            store.close_bucket(bucket.sealed_key, bucket.finish())
    log = AccessLog(site.access_log)
    log.record(AccessEvent(now - 9 * HOUR, "sato", Role.OPERATOR, Action.KEYS_CREATED, "set-up"))
    log.record(AccessEvent(now - HOUR, "mori", Role.REVIEWER, Action.UNLOCKED, "weekly review"))
    log.close()
    write_report(site, report(now, policy.digest, released_buckets=7))


def call(folder: Path, command: str) -> Result:
    """Type a command of the page in the folder where the site lies."""
    runner = CliRunner(env={"OMOKAGE_SITE": "shop", "LANG": "en_US.UTF-8"})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return runner.invoke(main, shlex.split(command)[1:])


@pytest.mark.parametrize(("command", "ends", "seen"), CASES)
def test_the_command_shows_what_the_page_says(
    place: Path, command: str, ends: int, seen: list[str]
) -> None:
    """It ends with the exit code of the page, and prints the words of the page."""
    result = call(place, command)

    assert ends == result.exit_code, result.output
    assert [] == [word for word in seen if word not in result.output], result.output


@pytest.mark.parametrize("name", ["notice.pdf", "guidebook.pdf", "dpia.pdf"])
def test_each_paper_is_one_of_the_commands(name: str) -> None:
    """The page has all three papers drawn."""
    assert any(command.endswith(f"--out {name}") for command, _, _ in ROWS)


def test_the_public_side_names_nothing_wrapped(place: Path) -> None:
    """What the page says to be absent is absent."""
    assert "wrapped" not in call(place, "omokage keys export-public").stdout


def test_the_page_covers_every_part() -> None:
    """Each group of commands is used, and what is run elsewhere is run there."""
    assert len(ROWS) >= 24
    assert {"keys", "policy", "audit", "status"} <= {command.split()[1] for command, _, _ in ROWS}
    for command, test in ELSEWHERE.items():
        assert command in {row[0] for row in ROWS}
        assert (ROOT / test).exists()


def test_every_named_test_is_there() -> None:
    """A renamed or removed test takes its row along."""
    named = re.findall(r"pytest (?:-m slow )?(tests/[\w/]+\.py)(?:::(\w+))?`", ENGLISH)

    assert len(named) >= 11
    for path, name in named:
        assert f"def {name or 'test_'}" in (ROOT / path).read_text("utf-8")


def test_both_languages_ask_for_the_same() -> None:
    """Same commands, same words on the screen, same exit codes, same tests."""
    other = [(command, code(seen), words(seen)) for command, seen in rows(JAPANESE)]

    assert [(c, e, sorted(w)) for c, e, w in ROWS] == [(c, e, sorted(w)) for c, e, w in other]
    tests = r"`(\.venv/bin/python [^`]+)`"
    assert re.findall(tests, ENGLISH) == re.findall(tests, JAPANESE)
