"""Turn what was measured into findings. Pure: every fact is an argument."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

from agent.doctor.finding import Finding, bad, ok, warn

SAFE_EXPOSURE = 1.5
KEYS_WARNING_DAYS = 28
DISK_LOW_BYTES = 1 << 30
DISK_FULL_BYTES = 100 << 20
STALE_SECONDS = 15
SYNC_LATE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder of the site.

    Attributes:
        path: relative to the site's folder.
        mode: permission bits.
        uid: of its owner.
        link: it is a symbolic link.
    """

    path: PurePath
    mode: int
    uid: int
    link: bool = False


def sync(complete_at: datetime | None, trouble: str, now: datetime) -> Finding:
    """Judge whether released numbers reach the centre, where they are meant to.

    Args:
        complete_at: end of the last complete run, aware UTC; None before the first.
        trouble: why the last run failed; "" where it didn't.
        now: aware UTC.
    """
    advice = "Nothing is lost; `omokage sync --status` says more, docs/sites.md what to do."
    if complete_at is not None and now - complete_at <= SYNC_LATE:
        return ok("sync", f"the last complete run was at {complete_at:%Y-%m-%d %H:%M} UTC")
    why = f": {trouble}" if trouble else ""
    how = (
        "no run has been complete yet"
        if complete_at is None
        else f"no run has been complete since {complete_at:%Y-%m-%d %H:%M} UTC"
    )
    return warn("sync", f"{how}{why}", advice)


def permissions(entries: Sequence[Entry], owner: int | None) -> list[Finding]:
    """Judge who may read and write the site's files.

    Args:
        entries: of the folders keys, vault and state, and the policy.
        owner: uid of the agent's account, from the state folder; None where there is none yet.
    """
    found = []
    for entry in entries:
        name = entry.path.as_posix()
        if entry.link:
            found.append(
                bad("files", f"{name} is a link", "Put the file itself there: links mislead.")
            )
        elif entry.mode & stat.S_IWOTH or (_is_private(entry.path) and entry.mode & 0o077):
            mode = "600" if entry.path.suffix else "700"
            advice = f"Set it with `chmod {mode} {name}`, and ask who may have read it."
            found.append(bad("files", f"{name} is open to others ({entry.mode:03o})", advice))
        elif owner is not None and entry.uid != owner and _is_agents(entry.path):
            found.append(
                bad(
                    "files",
                    f"{name} doesn't belong to the agent's account",
                    f"Give it to that account with `chown`: the agent can't use {name} else.",
                )
            )
    return found or [ok("files", f"{len(entries)} files and folders belong to whom they should")]


def _is_private(path: PurePath) -> bool:
    return path.parts[0] == "vault" or path.name in {"device.pem", "segments.sqlite"}


def _is_agents(path: PurePath) -> bool:
    """Say whether the agent must own a file: the access log may be either account's.

    The sync's note of how it went is the pages' account's.
    """
    return path.parts[0] in {"keys", "state"} and not path.name.startswith(("access.", "sync."))


def keys(days: int | None, signed: bool, vault_here: bool) -> list[Finding]:
    """Judge the keys.

    Args:
        days: for which there are keys from now on; None where none is valid now.
        signed: whether a root key signed them, so that there is a fingerprint.
        vault_here: whether the private halves lie within reach of the site.
    """
    found = []
    if days is None:
        advice = "Make some with `omokage keys extend`; until then nothing is recorded."
        found.append(bad("keys", "no key is valid now", advice))
    elif days < KEYS_WARNING_DAYS:
        advice = "Make new ones soon with `omokage keys extend`."
        found.append(warn("keys", f"the keys last for {days} days", advice))
    else:
        found.append(ok("keys", f"the keys last for {days} days"))
    if not signed:
        advice = "`omokage keys extend` signs them and gives them a fingerprint."
        found.append(warn("keys", "public.toml isn't signed", advice))
    if vault_here:
        advice = "Move it to where only the reviewer is; docs/keys.md says how."
        found.append(warn("keys", "the vault lies on this machine", advice))
    return found


def disk(free: int, name: str) -> Finding:
    """Judge the free space of the state folder's disk.

    Args:
        free: bytes.
        name: of the folder.
    """
    says = f"{free / 1e9:.1f} GB are free for {name}"
    if free < DISK_FULL_BYTES:
        return bad("disk", says, "Make room now: soon nothing more can be stored.")
    if free < DISK_LOW_BYTES:
        return warn("disk", says, "Make room, or move the site to a larger disk.")
    return ok("disk", says)


def exposure(scores: Mapping[str, float]) -> list[Finding]:
    """Judge the installed units by systemd's own score, 0 best, 10 worst."""
    if not scores:
        advice = "`omokage install` puts them in place; started by hand, the agent has no sandbox."
        return [warn("units", "no unit is installed here", advice)]
    return [
        ok("units", f"{name} has an exposure of {score}")
        if score <= SAFE_EXPOSURE
        else bad(
            "units",
            f"{name} has an exposure of {score}, more than {SAFE_EXPOSURE}",
            f"See `systemctl cat {name}` for drop-ins that aren't Omokage's, and run "
            "`omokage install` again.",
        )
        for name, score in sorted(scores.items())
    ]


def memory(swaps: Sequence[str], limited: bool, missing: Sequence[str] | None) -> list[Finding]:
    """Judge whether frames may leave memory by way of swap or a core dump.

    Args:
        swaps: swap areas in use.
        limited: whether the agent's unit may not swap.
        missing: protections that the running agent couldn't get; None where none runs.
    """
    found = []
    if swaps and not limited:
        advice = "Turn it off with `swapoff -a`, encrypt it, or run the agent by its unit."
        found.append(bad("memory", f"swap is in use ({', '.join(swaps)})", advice))
    elif swaps:
        found.append(ok("memory", "swap is in use, and the agent's unit may not use it"))
    else:
        found.append(ok("memory", "there is no swap"))
    found += [
        bad("memory", f"the agent lacks a protection: {sentence}", "Run it by its unit on Linux.")
        for sentence in missing or ()
    ]
    if missing is not None and not missing:
        found.append(ok("memory", "the agent allows no core dump and no tracing"))
    return found


CAMERAS = {
    "camera_lost": "Check the cable, the address and who else uses the camera.",
    "frozen": "Unplug the camera and plug it in again.",
    "too_dark": "Turn on the light, or uncover the lens.",
    "blurred": "Clean the lens, or bring the camera nearer.",
}


def agent(report: Mapping[str, Any] | None, digest: str | None, now: datetime) -> list[Finding]:
    """Judge the agent by its health file.

    Args:
        report: its content; None where there is none that can be read.
        digest: of the policy in place; None where there is none.
        now: aware UTC.
    """
    start = "Start it with `systemctl start omokage-agent` or `omokage run`."
    if report is None:
        return [warn("agent", "it has never run here", start)]
    age = (now - datetime.fromisoformat(report["written_at"])).total_seconds()
    if report["state"] != "running":
        return [warn("agent", "it is stopped", start)]
    if age > STALE_SECONDS:
        advice = "See `systemctl status omokage-agent` and `journalctl -u omokage-agent`."
        return [bad("agent", f"it hasn't answered for {age:.0f} s", advice)]
    found = [ok("agent", "it runs and answers")]
    if digest is not None and report["policy"] != digest:
        advice = "Restart the agent: it still follows the policy that it started with."
        found.append(warn("policy", "the policy was changed since the agent started", advice))
    for zone, status in report["zones"].items():
        if status in CAMERAS:
            found.append(bad("camera", f"zone {zone}: {status.replace('_', ' ')}", CAMERAS[status]))
        else:
            found.append(ok("camera", f"zone {zone}: {status.replace('_', ' ')}"))
    if not report["persisting"]:
        found.append(
            bad("records", "they can't be stored", report["trouble"] or "See the journal.")
        )
    elif report["trouble"]:
        found.append(warn("agent", "something is wrong", report["trouble"]))
    return found


def database(overdue: int | None, rows: int) -> Finding:
    """Judge what is stored.

    Args:
        overdue: rows past their deadline; None where nobody can tell.
        rows: in all.
    """
    if overdue is None:
        return warn(
            "data", "nobody can tell whether something is overdue", "See `omokage policy plan`."
        )
    if overdue:
        advice = "Run `omokage policy apply --delete`, and see why the agent didn't."
        return bad("data", f"{overdue:,} rows are past their deadline", advice)
    return ok("data", f"{rows:,} rows, none past its deadline")


def clock(doubt: str | None, served: bool) -> list[Finding]:
    """Judge the clock.

    Args:
        doubt: what speaks against it, a sentence; None where nothing does.
        served: whether a time server keeps it.
    """
    found = []
    if doubt is not None:
        advice = "Set it right; `omokage policy apply --clock-is-right` confirms a right one."
        found.append(bad("clock", doubt, advice))
    if not served:
        advice = "Turn one on with `timedatectl set-ntp true`, or look at the clock now and then."
        found.append(warn("clock", "no time server keeps the clock", advice))
    return found or [ok("clock", "a time server keeps it, and nothing speaks against it")]


def overview(findings: Iterable[Finding]) -> str:
    """Return the closing line."""
    levels = [finding.level for finding in findings]
    return ", ".join(f"{levels.count(level)} {level}" for level in dict.fromkeys(sorted(levels)))
