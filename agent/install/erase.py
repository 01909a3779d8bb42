"""Decide what removing takes, and say afterwards what is gone. Pure.

Order: nothing runs any more; then the keys, so that an interruption leaves sealed records that
nobody can open rather than keys without their deadlines; then the data; then the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from agent.install import plan
from agent.install.steps import Call, DestroyKeys, Remove, Shred, Step

UNITS = (
    "omokage-agent.service", "omokage-dashboard.service", "omokage-janitor.timer",
    "omokage-janitor.service", "omokage-metrics.service", "omokage-review.service",
    "omokage-sync.timer", "omokage-sync.service",
)  # fmt: skip
STAMP = PurePosixPath("/var/lib/systemd/timers/stamp-omokage-janitor.timer")
"""systemd keeps it for a timer that makes up for missed hours."""
ACCOUNTS = ("omokage", "omokage-pages")


@dataclass(frozen=True, slots=True)
class Stock:
    """What is there before it is erased; counts and names, no feature.

    Attributes:
        site: name of the site by its policy, "" where it can't be read.
        device: id of the device, "" where there are no keys.
        fingerprint: of the root key, "" where it isn't signed.
        epochs: private halves in the vault.
        records: face-records under seal; None where the database can't be read.
        numbers: released numbers; likewise.
        log: entries of the access log; likewise.
        checkpoint: the log's last signed checkpoint, "" where there is none.
        secret: files to be overwritten, as paths of the target system.
        sent: numbers were sent to a central database.
    """

    site: str
    device: str
    fingerprint: str
    epochs: int
    records: int | None
    numbers: int | None
    log: int | None
    checkpoint: str
    secret: tuple[PurePosixPath, ...]
    sent: bool = False


def plan_removal(root: Path, *, packaged: bool) -> list[Step]:
    """Return the steps that take the service away and leave the site's files."""
    return [*_stop(root), *_units(root, packaged=packaged)]


def plan_erasure(root: Path, site: PurePosixPath, stock: Stock, *, packaged: bool) -> list[Step]:
    """Return the steps that erase a site and take the service away.

    Args:
        root: of the target system.
        site: the site's folder there.
        stock: what is there.
        packaged: the program and its units belong to a package.
    """
    key = site / "keys" / "device.pem"
    steps = [
        *_stop(root),
        DestroyKeys(site / "vault" / "epochs.toml"),
        Shred(plan.CREDENTIAL, "the signing key as a credential"),
        Shred(key, "the device's signing key"),
        Shred(plan.CENTRAL, "the centre's address with its password"),
    ]
    steps += [Shred(path, "data of the site") for path in stock.secret if path != key]
    steps.append(Remove(site, "the emptied folder"))
    steps += _units(root, packaged=packaged)
    if root == Path("/"):
        steps += [Call(("userdel", name), "the account", may_fail=True) for name in ACCOUNTS]
    return steps


def _stop(root: Path) -> list[Step]:
    if root == Path("/"):
        return [Call(("systemctl", "disable", "--now", *UNITS), "stop everything", may_fail=True)]
    return [
        Call(("systemctl", f"--root={root}", "disable", *UNITS), "start nothing", may_fail=True)
    ]


def _units(root: Path, *, packaged: bool) -> list[Step]:
    steps: list[Step] = [
        Remove(plan.DROP_INS, "drop-ins of this site"),
        Remove(STAMP, "when the janitor last ran"),
    ]
    if not packaged:
        steps += [Remove(plan.UNITS / name, "a unit") for name in UNITS]
        steps += [
            Remove(plan.SYSUSERS, "the accounts' description"),
            Remove(plan.TMPFILES, "the folders' description"),
            Remove(plan.COMMAND, "the command"),
            Remove(plan.PROGRAM.parent, "the program"),
        ]
    if root == Path("/"):
        steps.append(Call(("systemctl", "daemon-reload"), "let systemd forget them", may_fail=True))
    return steps


def receipt(stock: Stock, started: datetime, ended: datetime, left: Sequence[str]) -> str:
    """Return the receipt: what was here, and what is left of it.

    Args:
        stock: what was there before.
        started: aware UTC.
        ended: aware UTC.
        left: paths that are still there.
    """
    lines = [
        "Omokage: receipt of an erasure",
        "",
        f"site              {stock.site or 'unknown'}",
        f"device            {stock.device or 'unknown'}",
        f"fingerprint       {stock.fingerprint or 'none'}",
        f"begun             {started:%Y-%m-%d %H:%M:%S} UTC",
        f"ended             {ended:%Y-%m-%d %H:%M:%S} UTC",
        "",
        f"private keys      {stock.epochs} destroyed, first of all",
        f"sealed records    {_count(stock.records)} erased",
        f"released numbers  {_count(stock.numbers)} erased",
        f"access log        {_count(stock.log)} entries erased",
        f"files             {len(stock.secret)} overwritten and removed",
        "",
    ]
    if left:
        lines += ["STILL THERE:", *(f"  {path}" for path in left), ""]
    else:
        lines += ["Nothing of the site is left in its folder.", ""]
    lines += [
        "What this can't say: solid-state disks, journals, snapshots may keep bytes; copies",
        "of the vault elsewhere need `omokage keys destroy --all --vault COPY` each; until then a",
        "backup of the records opens with them and the passphrase.",
    ]
    if stock.sent:
        lines += [
            "Released numbers that were sent to the central database stay there until their",
            "deadlines; `omokage central remove NAME` deletes them earlier.",
        ]
    if stock.checkpoint:
        lines += ["", "The access log's last signed state:", "", stock.checkpoint.rstrip("\n")]
    return "\n".join(lines) + "\n"


def _count(number: int | None) -> str:
    return "an unknown number" if number is None else f"{number:,}"
