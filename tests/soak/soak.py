"""Let the real agent run for an hour on the looped demo clip, and measure what creeps.

    make soak                          # one hour
    make soak SOAK="--minutes 10"

The agent is a process of its own, `omokage run`, at the demo policy's rate and in real time, with
records that live for ten minutes, so that deletion runs all the while. It is watched from outside
through `/proc` and its health file. At the end it is asked to stop, and what it acknowledged is
called in: every record is either in the store or in a receipt of a deletion that was due.

Ends with 0 where every limit holds, with 1 where one doesn't. Prints a table; `--json FILE` writes
the same with all samples.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.cli.demo import prepare
from agent.clock import SystemClock
from agent.config.site import Site
from agent.domain.access import Action
from agent.store.access_reader import AccessQuery, AccessReader
from agent.store.segments import SegmentReader
from tests.soak.judge import Verdict, judge

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 20
LOOKED = ("ok", "no_face", "too_dark", "blurred")
HERTZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """The agent at one moment.

    Attributes:
        seconds: since it was started.
        rss_mb: resident memory, MiB.
        anon_mb: of it, memory that belongs to no file.
        threads: count.
        files: open file descriptors; -1 where the kernel doesn't say (not root).
        wal_kb: write-ahead log of the segments.
        store_kb: database of the segments.
        cpu_seconds: used since its start.
        late_ms: median lateness of the ticks since the health file before.
        late_max_ms: the largest one.
        missed: ticks that were left out since the start.
        looked: frames that were looked at since the start, whatever was in them.
        lost_or_frozen: ticks since the start without a frame, or with an old one.
        stored: records sealed and committed.
        lost: records that couldn't be stored.
        overdue: records past their deadline after the last round of deletion; -1 before it.
    """

    seconds: float
    rss_mb: float
    anon_mb: float
    threads: int
    files: int
    wal_kb: float
    store_kb: float
    cpu_seconds: float
    late_ms: float
    late_max_ms: float
    missed: int
    looked: int
    lost_or_frozen: int
    stored: int
    lost: int
    overdue: int


def make_site(root: Path) -> Site:
    """Make a demo site whose records live for ten minutes."""
    site = Site(root)
    root.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "policies" / "demo.toml").read_text("utf-8")
    site.policy.write_text(text.replace('records = "1h"', 'records = "10m"'), "utf-8")
    prepare(site)
    return site


def take_sample(pid: int, site: Site, seconds: float) -> Sample | None:
    """Look at the agent; None while it hasn't written its health yet."""
    try:
        health = json.loads(site.status.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    words = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    retention = health["retention"] or {}
    return Sample(
        seconds=round(seconds, 1),
        rss_mb=round(int(words["VmRSS"].split()[0]) / 1024, 2),
        anon_mb=round(int(words["RssAnon"].split()[0]) / 1024, 2),
        threads=int(words["Threads"]),
        files=_open_files(pid),
        wal_kb=_kilobytes(site.segments.with_name(site.segments.name + "-wal")),
        store_kb=_kilobytes(site.segments),
        cpu_seconds=_cpu_seconds(pid),
        late_ms=health["timing"]["late_ms_median"],
        late_max_ms=health["timing"]["late_ms_max"],
        missed=health["timing"]["missed"],
        looked=_ticks(health, LOOKED),
        lost_or_frozen=_ticks(health, ("camera_lost", "frozen")),
        stored=health["stored_records"],
        lost=health["lost_records"],
        overdue=-1 if retention.get("overdue_records") is None else retention["overdue_records"],
    )


def _ticks(health: dict[str, Any], statuses: tuple[str, ...]) -> int:
    return sum(zone[status] for zone in health["ticks"].values() for status in statuses)


def _open_files(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return -1  # the agent forbids that others look into it; root may


def _kilobytes(path: Path) -> float:
    try:
        return round(path.stat().st_size / 1024, 1)
    except OSError:
        return 0.0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def watch(agent: subprocess.Popen[bytes], site: Site, seconds: float, every: float) -> list[Sample]:
    """Look at the agent again and again, until the time is over or it has ended."""
    samples: list[Sample] = []
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds and agent.poll() is None:
        sample = take_sample(agent.pid, site, passed)
        if sample is not None:
            samples.append(sample)
        time.sleep(max(0.0, every - (time.monotonic() - started) % every))
    return samples


def stop(agent: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Ask the agent to end; return its exit code and how long it took, seconds."""
    asked = time.monotonic()
    agent.send_signal(signal.SIGTERM)
    try:
        code = agent.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        agent.kill()
        code = agent.wait()
    return code, time.monotonic() - asked


def call_in(site: Site) -> dict[str, int]:
    """Compare what was acknowledged with what is there and what was deleted when it was due."""
    acknowledged = json.loads(site.status.read_text("utf-8"))["stored_records"]
    with SegmentReader(site.segments) as reader:
        kept = sum(holding.rows for holding in reader.holdings())
    log = AccessReader(site.access_log)
    purges = log.entries(AccessQuery(action=Action.PURGED), limit=1_000_000)
    due = [entry.event for entry in purges if entry.event.purpose == "due"]
    deleted = sum(event.counts.get("records_rows", 0) for event in due)
    missing = acknowledged - kept - deleted
    return {"acknowledged": acknowledged, "kept": kept, "deleted": deleted, "missing": missing}


def circumstances() -> dict[str, Any]:
    """Return what the numbers depend on."""
    return {
        "begun": SystemClock().now().isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "nice": os.nice(0),
    }


def soak(site: Site, minutes: float, every: float) -> dict[str, Any]:
    """Run, watch, stop and call in; return the whole report."""
    report: dict[str, Any] = {"minutes": minutes, "machine": circumstances()}
    command = [sys.executable, "-m", "agent.cli.main", "run", "--site", str(site.root)]
    agent = subprocess.Popen([*command, "--source", "demo"], cwd=ROOT)
    try:
        samples = watch(agent, site, 60 * minutes, every)
        early = agent.poll() is not None
    finally:
        code, took = stop(agent)
    report |= {"exit_code": code, "stop_seconds": round(took, 2), "ended_early": early}
    report["load_after"] = os.getloadavg()
    report["records"] = call_in(site)
    report["verdicts"] = [asdict(verdict) for verdict in judge(samples, report)]
    report["samples"] = [asdict(sample) for sample in samples]
    return report


def show(report: dict[str, Any]) -> None:
    """Print the table."""
    verdicts = [Verdict(**row) for row in report["verdicts"]]
    machine = report["machine"]
    print(f"soak of {report['minutes']:g} minutes, {len(report['samples'])} samples, "
          f"{machine['cores']} cores, load {machine['load'][0]:.1f} before and "
          f"{report['load_after'][0]:.1f} after, niceness {machine['nice']}")  # fmt: skip
    print(f"{'what':34}{'measured':>44}   {'limit':22} holds")
    for verdict in verdicts:
        holds = "yes" if verdict.holds else "NO"
        print(f"{verdict.what:34}{verdict.measured:>44}   {verdict.limit:22} {holds}")


def main() -> None:
    """Read the options, run, print, and end with what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two looks")
    parser.add_argument("--site", type=Path, help="folder to work in; by default a temporary one")
    parser.add_argument("--json", type=Path, help="write everything here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omokage-soak-") as folder:
        site = make_site(arguments.site or Path(folder) / "site")
        report = soak(site, arguments.minutes, arguments.every)
    show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1), "utf-8")
    sys.exit(0 if all(row["holds"] for row in report["verdicts"]) else 1)


if __name__ == "__main__":
    main()
