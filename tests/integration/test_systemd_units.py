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

UNITS = sorted((Path(__file__).resolve().parents[2] / "systemd").glob("*.service"))
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


def test_there_are_units_for_agent_and_pages() -> None:
    """The tree ships a unit for the agent and one for the pages."""
    assert {"omokage-agent", "omokage-dashboard"} <= {unit.stem for unit in UNITS}


@each_unit
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze isn't here")
def test_exposure_is_low(unit: Path) -> None:
    """The exposure of each unit is 1.5 or less on the scale of systemd."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    if score is None and "offline" in done.stderr:
        pytest.skip("this systemd-analyze can't score a file")

    assert score, done.stderr
    assert float(score[1]) <= WORST, done.stdout


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
    assert set(lines["ReadWritePaths"]) <= {"-/var/lib/omokage/state"}


@each_unit
def test_no_unit_sees_the_vault(unit: Path) -> None:
    """The private keys are out of sight for every service."""
    hidden = " ".join(settings(unit)["InaccessiblePaths"]).split()

    assert "-/var/lib/omokage/vault" in hidden


def test_the_agent_has_a_camera_and_no_network() -> None:
    """The agent's unit opens cameras and nothing else, and has no network to send anything to."""
    (unit,) = (settings(unit) for unit in UNITS if unit.stem == "omokage-agent")

    assert unit["PrivateNetwork"] == ["yes"]
    assert unit["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert unit["DevicePolicy"] == ["closed"]
    assert unit["DeviceAllow"] == ["char-video4linux rw"]


def test_the_pages_have_no_camera_no_keys_no_records() -> None:
    """The pages' unit has no device, reads no key and no sealed record, and stays on loopback."""
    (unit,) = (settings(unit) for unit in UNITS if unit.stem == "omokage-dashboard")
    hidden = " ".join(unit["InaccessiblePaths"])

    assert unit["PrivateDevices"] == ["yes"]
    assert "/var/lib/omokage/keys" in hidden
    assert "/var/lib/omokage/state/segments.sqlite" in hidden
    assert unit["IPAddressDeny"] == ["any"]
    assert unit["IPAddressAllow"] == ["localhost"]
    assert not unit["StateDirectory"]
    assert "-/var/lib/omokage/state/aggregates.sqlite" in " ".join(unit["ReadOnlyPaths"]).split()


def test_only_the_pages_write_into_another_services_folder() -> None:
    """They must, for the access log; no other unit does."""
    allowed = {unit.stem for unit in UNITS if settings(unit)["ReadWritePaths"]}

    assert allowed == {"omokage-dashboard"}


@each_unit
def test_units_start_commands_that_exist(unit: Path) -> None:
    """Each unit calls `omokage` with a command and options that it has."""
    (start,) = settings(unit)["ExecStart"]
    program, name, *arguments = shlex.split(start)
    context = click.Context(main)
    command = main.get_command(context, name)

    assert program == "/opt/omokage/venv/bin/omokage"
    assert command is not None
    command.make_context(name, arguments, resilient_parsing=False)
