"""What the retention commands refuse: exit code, sentence, advice, and nothing done."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace

import click
import pytest

from agent.clock import SystemClock
from agent.config.site import Site
from agent.crypto.create import write_keys
from agent.domain.access import Action
from agent.memory import Memory, recall, remember
from agent.retention.trust import Clocks, Mark
from agent.store.access_reader import AccessQuery, AccessReader
from agent.store.segments import SegmentStore
from tests.retaining import DAY, HOUR, TEXT
from tests.sealing import keyset
from tests.unit.cli.test_policy_retention import (
    THIS_HOUR,
    add_hold,
    left,
    run,
    shorten,
    site,
    store_bucket,
)

__all__ = ["site"]  # a fixture


@pytest.fixture
def terminal(monkeypatch) -> None:
    """Have the commands believe that somebody sits there."""
    monkeypatch.setattr(
        "agent.cli.policy.apply.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    )


def applied(site: Site) -> int:
    """Return how often the log says that a policy was applied."""
    if not site.access_log.exists():
        return 0
    return AccessReader(site.access_log).count(AccessQuery(action=Action.POLICY_APPLIED))


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ("39\n", 8, "It is 40"),
        ("0\n", 8, "It is 40"),
        ("-40\n", 8, "It is 40"),
        ("60\n", 8, "It is 40"),
        ("forty\n", 130, "not a valid integer"),
        ("\n", 130, "interrupted"),
        ("", 130, "interrupted"),
    ],
)
@pytest.mark.usefixtures("terminal")
def test_a_number_that_is_mistyped_deletes_nothing(site, typed, code, words) -> None:
    """Nor does it count as having applied the policy: the next one is asked again."""
    shorten(site)

    assert words in run(site, "apply", "--delete", typed=typed, code=code)
    assert left(site) == (3, 2)
    assert applied(site) == 0


@pytest.mark.usefixtures("terminal")
def test_a_number_that_was_true_when_it_was_asked_is_refused(site, monkeypatch) -> None:
    """A bucket closes while somebody reads the question: the agreement isn't about it."""
    shorten(site)

    def slowly(*_: object, **__: object) -> int:
        with SegmentStore(site.segments) as store:
            store_bucket(store, 30)
        return 40

    monkeypatch.setattr(click, "prompt", slowly)

    assert "It is 60" in run(site, "apply", "--delete", code=8)
    assert left(site) == (4, 2)


@pytest.mark.parametrize(
    "words",
    [
        ("--yes-delete", "40"),
        ("--accept",),
        ("--delete", "--yes-delete", "0"),
        ("--delete", "--yes-delete", "-40"),
        ("--delete", "--yes-delete", "many"),
        ("--delete", "--force"),
        ("--delete", "other.toml"),
    ],
)
def test_options_that_make_no_sense_are_refused(site, words) -> None:
    """An agreement without a deletion, a number that is none, a switch that there isn't."""
    shorten(site)

    said = run(site, "apply", *words, code=2)
    assert "Error: " in said
    assert "--help" in said
    assert (left(site), applied(site)) == ((3, 2), 0)


@pytest.mark.parametrize("number", ["20", "21", "60"])
def test_agreeing_to_what_isnt_asked_is_refused(site, number) -> None:
    """Where nothing goes early, a number is a misunderstanding; nothing goes at all."""
    assert "It is 0" in run(site, "apply", "--delete", "--yes-delete", number, code=8)
    assert (left(site), applied(site)) == ((3, 2), 0)


POLICIES = {
    "empty": (b"", "policy.toml"),
    "for ever": (TEXT.replace(b'"72h"', b'"36600d"'), "retention.records"),
    "for no time": (TEXT.replace(b'"90d"', b'"0d"'), "retention.aggregates"),
    "an unknown key": (TEXT.replace(b"[retention]", b"[retention]\nkeep = true"), "retention.keep"),
    "more than the profile allows": (TEXT.replace(b'"90d"', b'"2000d"'), "profile jp allows"),
    "not TOML": (TEXT.replace(b"[retention]", b"[retention"), "policy.toml:"),
}


@pytest.mark.parametrize("words", [("plan",), ("apply",), ("apply", "--delete", "--accept")])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_that_cant_be_used_deletes_nothing(site, policy, words) -> None:
    """Whichever command reads it names the line and ends with 8; nothing is planned by it."""
    content, place = POLICIES[policy]
    site.policy.write_bytes(content)

    said = run(site, *words, code=8)
    assert place in said
    assert "deleted" not in said
    assert left(site) == (3, 2)


def test_a_missing_policy_deletes_nothing(site) -> None:
    """Without a rule there is no deletion."""
    site.policy.unlink()

    assert "policy.toml" in run(site, "apply", "--delete", code=8)
    assert left(site) == (3, 2)


def exchange(site: Site) -> None:
    """Let the agent remember another database than the one that is here."""
    now, clock = SystemClock().now(), SystemClock()
    remember(site.upkeep, Memory(Mark(now, now, clock.since_boot(), clock.boot()), store=7))


@pytest.mark.parametrize("words", [(), ("--yes-delete", "20"), ("--accept",)])
def test_an_exchanged_database_is_refused(site, words) -> None:
    """Not a row goes, the policy doesn't count as applied, and the advice says what to do."""
    exchange(site)

    said = run(site, "apply", "--delete", *words, code=7)
    assert "another than before" in said
    assert "start-over" in said
    assert (left(site), applied(site)) == ((3, 2), 0)


def test_a_missing_database_beside_used_keys_is_refused(tmp_path, monkeypatch) -> None:
    """Never begun, as far as this folder tells; but the keys were in use, so something is gone."""
    place = Site(tmp_path)
    place.policy.write_bytes(TEXT)
    write_keys(place, keyset())
    later = keyset().public.epochs[0].valid_to + DAY
    monkeypatch.setattr(SystemClock, "now", lambda _: later)

    assert "STOPPED" in run(place, "plan")
    assert "start-over" in run(place, "apply", "--delete", code=7)
    assert not place.segments.exists()


@pytest.mark.parametrize("year", [1970, 1999, 2025])
def test_a_clock_from_before_there_was_omokage_cant_be_confirmed(site, monkeypatch, year) -> None:
    """Whoever says so is wrong; nothing is remembered and nothing stands in the log."""
    wall = datetime(year, 1, 2, tzinfo=UTC)
    monkeypatch.setattr("agent.maintenance.read_clocks", lambda _: Clocks(wall, 5.0, "a"))

    said = run(site, "apply", "--clock-is-right", code=2)
    assert f"the clock says {year}" in said
    assert "timedatectl" in said
    assert recall(site.upkeep) is None
    assert not site.access_log.exists()


def test_a_doubted_clock_deletes_nothing_early(site) -> None:
    """The plan says so in capitals; deleting by hand, with or without a number, respects it too.

    What was written since the jump is judged by the clock that it was written under.
    """
    with SegmentStore(site.segments) as store:
        store_bucket(store, 60 * 24 + 2)  # two hours old, if the jump was none
    clock = SystemClock()
    then = clock.now() - 60 * DAY
    remember(site.upkeep, Memory(Mark(then, then, clock.since_boot(), clock.boot()), None))

    assert "CLOCK     the clock jumped ahead" in run(site, "plan")
    assert "It is 0" in run(site, "apply", "--delete", "--yes-delete", "20", code=8)
    run(site, "apply", "--delete")
    with SegmentStore(site.segments) as store:
        ages = sorted(THIS_HOUR - held.end for held in store.holdings())
    assert ages == [2 * HOUR, 40 * HOUR, 60 * DAY + 2 * HOUR]


FORGERIES = {
    "fewer rows": "UPDATE entry SET body = replace(body, 'records_rows\":20', 'records_rows\":2')",
    "another name": "UPDATE entry SET actor = 'somebody'",
    "another reason": "UPDATE entry SET note = 'as ordered'",
    "another hash": "UPDATE entry SET hash = randomblob(32)",
    "gone": "DELETE FROM entry WHERE number = "
    "(SELECT min(number) FROM entry WHERE body LIKE '%purged%')",
    "moved": "UPDATE entry SET number = number + 100",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_receipt_cant_be_altered(site, forgery) -> None:
    """The database refuses; where somebody takes its rules away, the log doesn't verify."""
    run(site, "apply", "--delete")

    with closing(sqlite3.connect(site.access_log)) as raw:
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(FORGERIES[forgery])
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            raw.execute(f'DROP TRIGGER "{name}"')
        assert raw.execute(FORGERIES[forgery]).rowcount > 0
        raw.commit()
    assert "isn't what was written" in run_audit(site, code=10)


def run_audit(site: Site, code: int) -> str:
    """Verify the access log."""
    from click.testing import CliRunner

    from agent.cli.main import main

    found = CliRunner(env={"LANG": "en"}).invoke(
        main, ["audit", "verify", "--site", str(site.root)]
    )
    assert found.exit_code == code, found.output
    return found.output


@pytest.mark.parametrize("missing", ["since", "until", "reason", "approver", "expires"])
def test_a_hold_that_leaves_something_out_is_refused(site, missing) -> None:
    """Each of the five is asked for by name; there is no usual reason and no usual end."""
    options = {
        "since": "2026-01-01", "until": "2026-01-02", "reason": "r", "approver": "a",
        "expires": "2027-01-01",
    }  # fmt: skip
    words = [w for name, v in options.items() if name != missing for w in (f"--{name}", v)]

    assert f"Missing option '--{missing}'" in run(site, "hold", "add", *words, code=2)
    assert not site.access_log.exists()


def test_a_hold_on_what_is_yet_to_come_is_refused(site) -> None:
    """That would be a longer life of everything, which is the policy's matter."""
    since = (THIS_HOUR + 2 * DAY).isoformat()

    said = add_hold(site, 8, since=since, until=(THIS_HOUR + 9 * DAY).isoformat())
    assert "a time that has begun" in said
    assert not site.access_log.exists()


@pytest.mark.parametrize(
    "words", [("hold", "lift"), ("hold", "lift", "a", "b"), ("hold", "extend")]
)
def test_a_hold_is_lifted_by_its_one_id_and_never_extended(site, words) -> None:
    """There is no command that puts its end off."""
    run(site, *words, code=2)

    assert not site.access_log.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--at", "tomorrow"),
        ("plan", "--at", "2026-13-01"),
        ("plan", "--language", "de"),
        ("plan", "nowhere.toml", "another.toml"),
        ("history", "--limit", "0"),
        ("history", "--limit", "many"),
    ],
)
def test_questions_that_make_no_sense_are_refused(site, words) -> None:
    """A wrong instant, language or number ends with 2 and says what would be right."""
    assert "Error: " in run(site, *words, code=2)


def test_a_log_that_cant_be_read_has_no_history(site) -> None:
    """Its list isn't empty, it is refused."""
    site.access_log.write_bytes(b"no database" * 1000)

    assert "no entry" not in run(site, "history", code=7)


@pytest.mark.parametrize("word", ["yes\n", "LOST\n", "\n", ""])
def test_starting_over_takes_one_word_only(site, monkeypatch, word) -> None:
    """Anything else leaves the marker of the lost database where it is."""
    site.segments.unlink()
    monkeypatch.setattr(
        "agent.cli.policy.start_over.sys",
        SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)),
    )

    run(site, "start-over", typed=word, code=8 if word.strip() else 130)
    assert "used to be here" in run(site, "plan", code=7)
    assert applied(site) == 0
