"""`omokage pause` and `omokage resume`: what they write, log, say and refuse."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from agent.cli.main import main
from agent.cli.pause import end_of
from agent.config.pause_file import read_pause
from agent.config.site import Site
from agent.domain.access import Action
from agent.errors import ConfigError
from agent.store.access_reader import AccessReader

SHOP = Path(__file__).resolve().parents[2] / "golden" / "policies" / "good" / "plain.toml"


@pytest.fixture
def site(tmp_path):
    """A site with a policy and nothing else."""
    (tmp_path / "policy.toml").write_bytes(SHOP.read_bytes())
    return Site(tmp_path)


def call(site: Site, *arguments: str):
    """Run a command on a site."""
    return CliRunner().invoke(main, [arguments[0], "--site", str(site.root), *arguments[1:]])


def logged(site: Site) -> list[tuple[Action, str]]:
    """Return what the access log says."""
    connection = AccessReader(site.access_log)
    return [(entry.event.action, entry.event.note) for entry in reversed(connection.entries())]


def test_a_pause_is_written_and_logged(site):
    """Until when, why, by whom."""
    result = call(site, "pause", "--for", "30m", "--reason", "着替え")

    pause = read_pause(site.pause)
    assert 0 == result.exit_code, result.output
    assert "paused until" in result.output
    assert pause.until - pause.since == timedelta(minutes=30)
    assert "着替え" == pause.reason


def test_a_pause_without_an_end_lasts_until_somebody_resumes(site):
    """It says so."""
    result = call(site, "pause")

    assert "until somebody resumes" in result.output
    assert read_pause(site.pause).until is None


def test_a_later_pause_replaces_an_earlier_one(site):
    """The last word counts, also where it is shorter."""
    call(site, "pause")
    call(site, "pause", "--for", "1h")

    assert read_pause(site.pause).until is not None


def test_resume_removes_the_pause_and_says_what_holds_now(site):
    """The schedule counts again; a second resume does no harm."""
    call(site, "pause")

    first, second = call(site, "resume"), call(site, "resume")

    assert ["the pause is over", "capture is allowed"] == first.output.splitlines()
    assert "nothing was paused" in second.output
    assert 0 == first.exit_code == second.exit_code
    assert read_pause(site.pause) is None


def test_resume_ends_a_pause_that_cant_be_read(site):
    """Somebody's hand is what it takes."""
    site.pause.parent.mkdir()
    site.pause.write_text("{")

    result = call(site, "resume")

    assert "the pause is over" in result.output
    assert not site.pause.exists()


def test_pausing_works_where_the_policy_is_broken(site):
    """Closing cameras doesn't wait for a corrected file."""
    site.policy.write_text("broken")
    site.pause.parent.mkdir()

    result = call(site, "pause", "--for", "1h")

    assert 0 == result.exit_code, result.output
    assert "(UTC)" in result.output


def test_a_log_that_refuses_doesnt_keep_a_camera_open(site):
    """The pause holds; the command says that the log doesn't know of it."""
    site.access_log.parent.mkdir()
    site.access_log.mkdir()

    result = call(site, "pause")

    assert 7 == result.exit_code
    assert "the pause holds" in result.output
    assert read_pause(site.pause).holds(datetime.now(UTC))


def test_a_log_that_refuses_keeps_a_camera_closed(site):
    """Nothing is switched on without a trace."""
    call(site, "pause")
    site.access_log.unlink()
    site.access_log.mkdir()

    result = call(site, "resume")

    assert 7 == result.exit_code
    assert read_pause(site.pause) is not None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--for", "1h", "--until", "10:00"], "exclude each other"),
        (["--for", "soon"], "write a duration"),
        (["--for", "0m"], "write a duration"),
        (["--for", "9999999d"], "--for"),
        (["--until", "25:00"], "time of day"),
        (["--until", "tomorrow"], "time of day"),
        (["--reason", "x" * 201], "longer than 200"),
    ],
)
def test_what_cant_be_understood_pauses_nothing(site, arguments, why):
    """Refused before anything is written; exit code 2."""
    result = call(site, "pause", *arguments)

    assert 2 == result.exit_code
    assert why in result.output
    assert not site.pause.exists()


def test_a_folder_that_is_no_site_is_refused(tmp_path):
    """No state folder is made in a wrong place."""
    for command in ("pause", "resume"):
        result = call(Site(tmp_path / "nowhere"), command)
        assert 2 == result.exit_code
        assert "isn't a site" in result.output
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("now", "until", "expected"),
    [
        ("2026-04-01T10:00", "14:30", "2026-04-01T14:30"),
        ("2026-04-01T15:00", "14:30", "2026-04-02T14:30"),
        ("2026-04-01T14:30", "14:30", "2026-04-02T14:30"),
    ],
)
def test_until_is_the_next_time_on_the_sites_clock(site, now, until, expected):
    """Today where it is still to come, else tomorrow."""
    tokyo = ZoneInfo("Asia/Tokyo")
    instant = datetime.fromisoformat(now).replace(tzinfo=tokyo).astimezone(UTC)

    end = end_of(site, instant, None, until)

    assert datetime.fromisoformat(expected).replace(tzinfo=tokyo) == end


def test_until_needs_a_clock(site):
    """Without a policy nobody knows the site's clock, and that is said."""
    site.policy.write_text("broken")

    with pytest.raises(Exception, match="TOML"):
        end_of(site, datetime.now(UTC), None, "10:00")


def test_the_log_says_who_paused_and_resumed(site):
    """Both are entries of the access log; the pause's reason is its note."""
    call(site, "pause", "--reason", "inventory")
    call(site, "resume")

    assert [(Action.PAUSED, "inventory"), (Action.RESUMED, "")] == logged(site)


def test_the_pause_file_holds_no_account(site):
    """Who did it stands in the access log alone, where it can be erased."""
    call(site, "pause", "--reason", "r")

    assert {"since", "until", "reason"} == set(json.loads(site.pause.read_text("utf-8")))


def test_an_unknown_duration_is_a_setting_error(site):
    """The function refuses in the tree of our errors."""
    with pytest.raises(ConfigError):
        end_of(site, datetime.now(UTC), "1y", None)
