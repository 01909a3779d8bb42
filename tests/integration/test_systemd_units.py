"""The units' hardening, by systemd's own score and by the lines that carry a promise."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import click
import pytest

from agent.cli.main import main
from agent.errors import ConfigError, ModelError, PolicyError
from agent.install.plan import CENTRAL, network_drop_in

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
JANITORS = {"omokage-janitor": {"/var/lib/omokage/vault"}}
"""What a unit may write beyond the state folder."""
WORST = 1.5
"""Exposure on systemd's scale of 0 to 10; a bare unit has 9.2."""

each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


def settings(unit: Path) -> dict[str, list[str]]:
    """Return the values of each key of a unit, in the file's order."""
    found = defaultdict(list)
    for line in unit.read_text("utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key].append(value)
    return found


def unit_of(name: str) -> dict[str, list[str]]:
    """Return the settings of one unit."""
    return settings(ROOT / "systemd" / f"{name}.service")


def test_there_is_a_unit_for_each_part() -> None:
    """The tree ships a unit for every part that runs by itself, and for a review."""
    parts = {"agent", "dashboard", "janitor", "metrics", "review", "sync"}

    assert {f"omokage-{part}" for part in parts} == {unit.stem for unit in UNITS}


@each_unit
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze isn't here")
def test_exposure_is_low(unit: Path) -> None:
    """The exposure of each unit is 1.5 or less on the scale of systemd."""
    assert exposure(unit) <= WORST


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze isn't here")
def test_exposure_is_low_with_a_network_camera(tmp_path: Path) -> None:
    """The drop-in for a network camera opens little: the exposure stays at 1.5 or less."""
    text = (ROOT / "systemd" / "omokage-agent.service").read_text("utf-8")
    unit = tmp_path / "omokage-agent.service"
    unit.write_text(text + network_drop_in(["192.0.2.7"]), "utf-8")

    assert exposure(unit) <= WORST


def exposure(unit: Path) -> float:
    """Return systemd's own score of a unit."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    if score is None and "offline" in done.stderr:
        pytest.skip("this systemd-analyze can't score a file")
    assert score, done.stderr
    return float(score[1])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze isn't here")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """Systemd finds nothing to say against units and timer, once the program is there."""
    program = tmp_path / "omokage"
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    for unit in (*UNITS, *(ROOT / "systemd").glob("*.timer")):
        text = unit.read_text("utf-8").replace("/opt/omokage/venv/bin/omokage", str(program))
        (tmp_path / unit.name).write_text(text, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.glob("*.*")))],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    said = [line for line in done.stderr.splitlines() if "omokage" in line]
    assert [] == said


@each_unit
def test_frames_can_not_leave_through_the_system(unit: Path) -> None:
    """No unit may dump core, swap, gain privileges or write outside its own folders."""
    lines = settings(unit)

    assert lines["LimitCORE"] == ["0"]
    assert lines["MemorySwapMax"] == ["0"]
    assert lines["NoNewPrivileges"] == ["yes"]
    assert lines["MemoryDenyWriteExecute"] == ["yes"]
    assert lines["ProtectSystem"] == ["strict"]
    assert lines["CapabilityBoundingSet"] == [""]
    assert lines["MemoryMax"]
    assert lines["TasksMax"]
    assert lines["StandardOutput"] == lines["StandardError"] == ["journal"]
    written = " ".join(lines["ReadWritePaths"]).replace("-/", "/").split()
    assert set(written) <= {"/var/lib/omokage/state"} | JANITORS.get(unit.stem, set())


@each_unit
def test_the_vault_is_for_janitor_and_review_alone(unit: Path) -> None:
    """The private keys are out of sight for every service but those that are about them."""
    lines = settings(unit)
    hidden = " ".join(lines["InaccessiblePaths"]).split()

    seen = "-/var/lib/omokage/vault" not in hidden
    assert seen == (unit.stem in {"omokage-janitor", "omokage-review"})


@each_unit
def test_the_signing_key_is_for_the_agent_alone(unit: Path) -> None:
    """No other unit can sign in the device's name."""
    hidden = " ".join(settings(unit)["InaccessiblePaths"]).split()
    keys = {"-/var/lib/omokage/keys", "-/var/lib/omokage/keys/device.pem"}

    assert bool(keys & set(hidden)) == (unit.stem != "omokage-agent")


def test_the_agent_has_a_camera_and_no_network() -> None:
    """The agent's unit opens cameras and nothing else, and has no network to send anything to."""
    unit = unit_of("omokage-agent")

    assert unit["PrivateNetwork"] == ["yes"]
    assert unit["IPAddressDeny"] == ["any"]
    assert unit["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert unit["DevicePolicy"] == ["closed"]
    assert unit["DeviceAllow"] == ["char-video4linux rw"]


def test_no_other_unit_has_a_device() -> None:
    """Cameras are the agent's alone."""
    for unit in UNITS:
        if unit.stem != "omokage-agent":
            assert settings(unit)["PrivateDevices"] == ["yes"]
            assert not settings(unit)["DeviceAllow"]


def test_the_agent_is_watched_and_refusals_are_final() -> None:
    """Silence restarts the agent for ever; what no restart mends ends it."""
    unit = unit_of("omokage-agent")

    assert unit["Type"] == ["notify"]
    assert unit["WatchdogSec"] == ["60"]
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    final = {str(kind.exit_code) for kind in (ConfigError, ModelError, PolicyError)}
    assert set(unit["RestartPreventExitStatus"][0].split()) == final


def test_the_pages_have_an_account_of_their_own() -> None:
    """Pages and metrics can't signal the agent or read what is only its own."""
    for name in ("omokage-dashboard", "omokage-metrics", "omokage-sync"):
        assert unit_of(name)["User"] == ["omokage-pages"]
    for name in ("omokage-agent", "omokage-janitor", "omokage-review"):
        assert unit_of(name)["User"] == ["omokage"]


def test_the_pages_have_no_camera_no_keys_no_records() -> None:
    """The pages' unit has no device, no signing key, no sealed record, and stays on loopback."""
    unit = unit_of("omokage-dashboard")
    hidden = " ".join(unit["InaccessiblePaths"])

    assert unit["PrivateDevices"] == ["yes"]
    assert "/var/lib/omokage/keys/device.pem" in hidden
    assert "/var/lib/omokage/state/segments.sqlite" in hidden
    assert unit["IPAddressDeny"] == ["any"]
    assert unit["IPAddressAllow"] == ["localhost"]
    assert "-/var/lib/omokage/state/aggregates.sqlite" in " ".join(unit["ReadOnlyPaths"]).split()


def test_who_sends_numbers_away_sees_nothing_else() -> None:
    """The sync's unit reads released numbers and the policy; its address is a sealed credential."""
    unit = unit_of("omokage-sync")
    hidden = " ".join(unit["InaccessiblePaths"]).split()

    for name in ("vault", "keys", "state/segments.sqlite", "state/reviews.sqlite",
                 "state/access.sqlite", "state/accounts.json"):  # fmt: skip
        assert f"-/var/lib/omokage/{name}" in hidden
    assert "-/var/lib/omokage/state/aggregates.sqlite" in " ".join(unit["ReadOnlyPaths"]).split()
    assert unit["PrivateDevices"] == ["yes"]
    (credential,) = unit["LoadCredentialEncrypted"]
    assert credential == f"{CENTRAL.name}:{CENTRAL}"
    assert str(CENTRAL) in unit["ConditionPathExists"]
    assert not unit["WantedBy"], "the timer starts it"


def test_a_review_ends_by_itself() -> None:
    """The unit that sees the vault isn't started with the machine, and ends after some hours."""
    unit = unit_of("omokage-review")

    assert not unit["WantedBy"]
    assert unit["RuntimeMaxSec"] == ["4h"]


@each_unit
def test_units_start_commands_that_exist(unit: Path) -> None:
    """Each unit calls `omokage` with a command and options that it has."""
    (start,) = settings(unit)["ExecStart"]
    program, name, *arguments = shlex.split(start)
    command: click.Command | None = main
    context = click.Context(main)
    while isinstance(command, click.Group):
        command = command.get_command(context, name)
        if isinstance(command, click.Group):
            name, *arguments = arguments

    assert program == "/opt/omokage/venv/bin/omokage"
    assert command is not None
    command.make_context(name, arguments, resilient_parsing=False)
