"""Try the Debian package on a Debian that boots: install, run, look, freeze, erase, purge.

    sudo make try-service       # needs debootstrap, systemd-nspawn and a Debian mirror

Not among the tests: it needs a quarter of an hour, a gigabyte and root. The tree is made once and
kept in --tree; every run begins with a fresh copy of it. Memory and task limits depend on what the
machine hands on to a container and aren't looked at.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = "systemd,systemd-sysv,dbus,python3,iproute2,procps"
BOOT_SECONDS = 60
DATA = "/opt/omokage/venv/lib/python3*/site-packages/agent/shipped_data"
RUNNING = "systemctl show omokage-agent -p StatusText --value"
PID = "systemctl show omokage-agent -p MainPID --value"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to hold.

    Attributes:
        claim: in a sentence.
        command: for a shell in the booted system.
        expect: what its output has to hold; "" for whatever ends with 0.
        fails: it has to end with something else than 0.
        patience: seconds for which it is tried again.
    """

    claim: str
    command: str
    expect: str = ""
    fails: bool = False
    patience: float = 0.0


FILE = "/srv/central.toml"
CENTRE = 'site = "demo"\\nurl = "sqlite:////var/lib/omokage/state/central.sqlite"\\n'
PAGES = ("setpriv --reuid=omokage-pages --regid=omokage-pages --init-groups --no-new-privs -- "
         "/opt/omokage/venv/bin/omokage")  # fmt: skip
STILL = "/etc/systemd/system/omokage-agent.service.d/99-still.conf"
CHECKS = (
    Check("the package installs", "dpkg --install /srv/omokage.deb", "Next: omokage install"),
    Check("nothing runs before there is a policy", "systemctl is-active omokage-agent", fails=True),
    Check("files are as they were packed", 'test -z "$(dpkg --verify omokage)"'),
    Check("the policy starts it",
          f"omokage install --policy {DATA}/policies/demo.toml", "start now"),
    Check("keys are made as the service",
          "umask 077; printf 'river stone lantern moss\\n' > /tmp/p; chown omokage /tmp/p; "
          "cd /tmp; omokage keys init --passphrase-file /tmp/p && "
          "stat -c %U /var/lib/omokage/keys/device.pem", "omokage"),
    Check("records are sealed and stored",
          "omokage status --json | grep -E '\"stored_records\": [1-9]'", patience=90),
    Check("frames are fresh", RUNNING, "running; frames", patience=20),
    Check("it has no capability", f"grep CapEff /proc/$({PID})/status", "0000000000000000"),
    Check("it has a system call filter", f"grep 'Seccomp:' /proc/$({PID})/status", "2"),
    Check("it has no network",
          f"nsenter -t $({PID}) -n ip -brief link | grep -v '^lo ' | wc -l", "0"),
    Check("it can't see the vault", f"nsenter -t $({PID}) -m ls /var/lib/omokage/vault/epochs.toml",
          fails=True),
    Check("the pages answer", 'python3 -c "import urllib.request as u; r = u.Request('
          "'http://127.0.0.1:8501/', headers={'Accept': 'text/html'}); "
          'print(u.urlopen(r).status)"',
          "200", patience=30),
    Check("the janitor does its round", "systemctl start omokage-janitor"),
    Check("metrics are served", 'systemctl start omokage-metrics; python3 -c "import urllib.request'
          " as u; print(u.urlopen('http://127.0.0.1:9464/metrics').read().decode())\"",
          "omokage_up 1.0", patience=20),
    Check("a review starts and stops",
          "systemctl start omokage-review && systemctl stop omokage-review"),
    Check("a centre is prepared by who sends",
          f"printf '{CENTRE}' > {FILE}; chmod 600 {FILE}; chown omokage-pages {FILE}; cd /srv; "
          f"{PAGES} central prepare --central {FILE} && "
          f"{PAGES} central add demo --central {FILE}", "may send"),
    Check("its address is sealed to the machine",
          f"omokage install --central {FILE}; systemctl is-enabled omokage-sync.timer", "enabled"),
    Check("numbers go there, by a unit of its own", "systemctl start omokage-sync && "
          f"{PAGES} central list --central {FILE} --json | grep -E '\"buckets\": [1-9]'",
          patience=90),
    Check("the operator is told", "omokage sync --status", "last complete run: 20"),
    Check("exposures are low, as systemd sees them", "omokage doctor --no-camera --json | "
          "grep -A1 '\"about\": \"units\"' | grep -c '\"level\": \"ok\"'", "6"),
    Check("the signing key can be sealed to the machine",
          "omokage install --seal-device-key && test ! -e /var/lib/omokage/keys/device.pem"),
    Check("it records with the sealed key",
          "sleep 8; omokage status --json | grep -E '\"stored_records\": [1-9]'", patience=90),
    Check("a camera that freezes", "mkdir -p $(dirname " + STILL + "); "
          '/opt/omokage/venv/bin/python -c "import cv2, numpy as n; '
          "code = cv2.VideoWriter_fourcc(*'MJPG'); "
          "w = cv2.VideoWriter('/var/lib/omokage/s.avi', code, 10, (64, 48)); "
          '[w.write(n.full((48, 64, 3), 99, n.uint8)) for _ in range(6000)]; w.release()"; '
          "printf '[Service]\\nExecStart=\\nExecStart=/opt/omokage/venv/bin/omokage run --site "
          "/var/lib/omokage --source /var/lib/omokage/s.avi\\n' > " + STILL + "; "
          "systemctl daemon-reload && systemctl restart omokage-agent"),
    Check("... restarts the agent", "journalctl -b -u omokage-agent | grep 'Watchdog timeout'",
          patience=240),
    Check("a pause doesn't",
          f"rm {STILL}; systemctl daemon-reload; systemctl restart omokage-agent; "
          "omokage pause --for 1h --reason trial; sleep 200; "
          "systemctl show omokage-agent -p NRestarts --value", "0"),
    Check("an erasure begins with the keys",
          "cd /srv; omokage uninstall --erase --confirm 'Omokage demo' > /srv/said; "
          "grep -E '^(destroy|shred)' /srv/said | head -1", "destroy"),
    Check("its receipt is there", "cat /srv/omokage-erased-*.txt", "Nothing of the site is left"),
    Check("a purge leaves nothing", "dpkg --purge omokage; "
          "ls -d /opt/omokage /var/lib/omokage /lib/systemd/system/omokage*", fails=True),
)  # fmt: skip


class Booted:
    """A system that has booted in a container."""

    def __init__(self, leader: int) -> None:
        """Take the pid of its init."""
        self._leader = leader

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in its shell."""
        enter = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-C", "--"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
        return subprocess.run(
            [*enter, *clean, "bash", "-c", command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip

    def hold(self, check: Check) -> str | None:
        """Return what speaks against a check; None where it holds."""
        end = time.monotonic() + check.patience
        while True:
            done = self.run(check.command)
            said = done.stdout + done.stderr
            if (done.returncode != 0) == check.fails and check.expect in said:
                return None
            if time.monotonic() >= end:
                return f"ended with {done.returncode}: {said.strip()[-400:]}"
            time.sleep(2)


@contextmanager
def booted(tree: Path) -> Iterator[Booted]:
    """Boot a tree; it is switched off at the end."""
    command = ["systemd-nspawn", "-D", str(tree), "--boot", "--private-network",
               "--link-journal=no", "--register=no", "--keep-unit", "--capability=all"]  # fmt: skip
    environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
    nspawn = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield _wait(nspawn.pid)
    finally:
        nspawn.terminate()
        try:
            nspawn.wait(timeout=BOOT_SECONDS)
        except subprocess.TimeoutExpired:
            nspawn.kill()
            nspawn.wait()


def _wait(nspawn: int) -> Booted:
    """Return the system once it has booted.

    Raises:
        RuntimeError: it doesn't.
    """
    end = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end:
        time.sleep(1)
        try:
            children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text("ascii").split()
        except OSError:
            break
        for child in children:
            system = Booted(int(child))
            state = system.run("systemctl is-system-running").stdout.strip()
            if state in {"running", "degraded"}:
                return system
    raise RuntimeError("the tree doesn't boot; does systemd-nspawn work on this machine?")


def make_tree(folder: Path) -> None:
    """Make the Debian that is booted, with the mirror that debootstrap takes by default."""
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(folder)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Go through the checks; returns 1 if one doesn't hold."""
    parser = argparse.ArgumentParser(prog="python -m release.booted")
    parser.add_argument("--deb", type=Path, required=True, help="from `make deb`")
    parser.add_argument("--tree", type=Path, default=ROOT / "dist" / "bookworm")
    asked = parser.parse_args(arguments)
    missing = [
        tool for tool in ("debootstrap", "systemd-nspawn", "nsenter") if not shutil.which(tool)
    ]
    if missing or os.geteuid() != 0:
        print(f"needs root and {', '.join(missing) or 'nothing else'}", file=sys.stderr)
        return 2
    if not (asked.tree / "usr").exists():
        make_tree(asked.tree)
    failed = 0
    with tempfile.TemporaryDirectory(dir=asked.tree.parent) as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["cp", "-a", "--reflink=auto", str(asked.tree), str(tree)], check=True)
        shutil.copy2(asked.deb, tree / "srv" / "omokage.deb")
        with booted(tree) as system:
            for check in CHECKS:
                against = system.hold(check)
                failed += against is not None
                print(f"{'ok  ' if against is None else 'FAIL'}  {check.claim}", flush=True)
                if against is not None:
                    print(f"      {against}", flush=True)
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
