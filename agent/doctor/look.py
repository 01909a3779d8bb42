"""Look at a site and its machine. Changes nothing; opens cameras only when asked to."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path, PurePath
from typing import Any

from agent.cameras import make_camera
from agent.clock import Clock
from agent.config.policy_file import load_policy
from agent.config.profiles import load_profile
from agent.config.site import Site
from agent.crypto.keys import load_public
from agent.doctor import judge
from agent.doctor.finding import Finding, bad, ok, warn
from agent.domain.policy import Policy
from agent.domain.profile import allowed_heads
from agent.errors import AgentError
from agent.inference.backend import load_backend
from agent.maintenance import read_clocks
from agent.memory import recall
from agent.process import overwrite_freed_memory
from agent.retention.plan import plan
from agent.retention.trust import judge as judge_clock
from agent.store.aggregates import AggregateReader
from agent.store.reading import SegmentReader
from agent.sync.state import read_state

CAMERA_SECONDS = 8.0
UNITS = "omokage-*.service"
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))
SWAPS = Path("/proc/swaps")
NEEDED = frozenset(
    {"state", "written_at", "policy", "zones", "persisting", "trouble", "hardening_missing"}
)
"""Keys of a health file without which it says nothing."""


class Doctor:
    """Asks every question once, in the order in which a person would mend the answers."""

    def __init__(self, site: Site, models: Path, clock: Clock, *, cameras: bool = True) -> None:
        """Take what is looked at.

        Args:
            site: its folder.
            models: folder of the models.
            clock: of this machine.
            cameras: open the cameras for a moment, where no agent holds them.
        """
        self._site, self._models, self._clock, self._open = site, models, clock, cameras
        self._health = _health(site)

    def examine(self) -> list[Finding]:
        """Return all findings. Raises nothing that a site could cause."""
        policy, findings = self._policy()
        digest = None if policy is None else policy.digest
        findings += judge.permissions(*_entries(self._site))
        findings += self._guarded("models", lambda: self._see_models(policy))
        findings += self._guarded("keys", self._keys)
        findings += self._guarded("clock", self._clocks)
        findings += self._guarded("data", lambda: self._data(policy))
        folder = self._site.segments.parent
        if folder.exists():
            findings.append(judge.disk(shutil.disk_usage(folder).free, "the state folder"))
        units = installed_units()
        findings += judge.exposure({unit.name: score_of(unit) for unit in units})
        findings += judge.memory(_swaps(), _may_not_swap(units), self._missing())
        if self._site.sync.exists():
            state = read_state(self._site.sync)
            findings.append(judge.sync(state.complete_at, state.trouble, self._clock.now()))
        findings += judge.agent(self._health, digest, self._clock.now())
        if policy is not None and self._open and not self._is_running():
            findings += [self._camera(zone.name, policy) for zone in policy.zones]
        return findings

    def _policy(self) -> tuple[Policy | None, list[Finding]]:
        try:
            policy = load_policy(self._site.policy)
        except AgentError as error:
            return None, [bad("policy", str(error), error.advice)]
        if policy.demo:
            return policy, [ok("policy", "it may be used, and is a demo's")]
        return policy, [ok("policy", f"it may be used ({policy.site})")]

    def _see_models(self, policy: Policy | None) -> list[Finding]:
        heads = allowed_heads(policy, load_profile(policy.jurisdiction)) if policy else frozenset()
        backend = load_backend(self._models, heads=heads)
        names = ", ".join(backend.models)
        backend.close()
        return [ok("models", f"their hashes are those of their cards: {names}")]

    def _keys(self) -> list[Finding]:
        now = self._clock.now()
        if not self._site.public_keys.exists():
            advice = "Make them with `omokage keys init`, or bring them here; see docs/keys.md."
            return [bad("keys", "there are none, so nothing is recorded", advice)]
        public = load_public(self._site.public_keys)
        current = public.epoch_at(now)
        last = max((epoch.valid_to for epoch in public.epochs), default=now)
        days = None if current is None else (last - now).days
        return judge.keys(days, public.root is not None, _exists(self._site.vault))

    def _clocks(self) -> list[Finding]:
        memory = recall(self._site.upkeep)
        verdict = judge_clock(read_clocks(self._clock), memory.mark if memory else None, None)
        doubt = None if verdict.doubt is None else f"the clock is {verdict.doubt.value}"
        return judge.clock(doubt, self._clock.served_at() is not None)

    def _data(self, policy: Policy | None) -> list[Finding]:
        if not self._site.segments.exists() and not self._site.aggregates.exists():
            return [ok("data", "there is none yet")]
        with closing(SegmentReader(self._site.segments)) as reader:
            holdings, holds = reader.holdings(), reader.holds.all()
        holdings = [*holdings, *AggregateReader(self._site.aggregates).holdings()]
        rows = sum(holding.rows for holding in holdings)
        if policy is None:
            return [judge.database(None, rows)]
        lots = plan(holdings, policy, holds, self._clock.now())
        return [judge.database(sum(lot.holding.rows for lot in lots.expire), rows)]

    def _camera(self, zone: str, policy: Policy) -> Finding:
        """Open a camera, take one frame, wipe it."""
        overwrite_freed_memory()  # what OpenCV and the driver's library copy isn't ours to wipe
        (found,) = (each for each in policy.zones if each.name == zone)
        try:
            camera = make_camera(found, found.source, policy, clock=self._clock, loop=False)
            try:
                frame = camera.open().take(timeout=CAMERA_SECONDS)
                if frame is None:
                    return warn("camera", f"zone {zone}: it gives nothing", "Is the file empty?")
                height, width = frame.pixels.shape[:2]
                frame.wipe()
            finally:
                camera.close()
        except AgentError as error:
            return bad("camera", f"zone {zone}: {error}", error.advice)
        return ok("camera", f"zone {zone}: it gives frames of {width} x {height}")

    def _is_running(self) -> bool:
        found = judge.agent(self._health, None, self._clock.now())
        return any(f.about == "agent" and f.says == "it runs and answers" for f in found)

    def _missing(self) -> list[str] | None:
        return list(self._health["hardening_missing"]) if self._health else None

    @staticmethod
    def _guarded(about: str, ask: Callable[[], list[Finding]]) -> list[Finding]:
        try:
            return ask()
        except AgentError as error:
            return [bad(about, str(error), error.advice)]


def _health(site: Site) -> dict[str, Any] | None:
    try:
        found = json.loads(site.status.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    needed = {
        "state",
        "written_at",
        "policy",
        "zones",
        "persisting",
        "trouble",
        "hardening_missing",
    }
    return found if isinstance(found, dict) and needed <= set(found) else None


def _entries(site: Site) -> tuple[list[judge.Entry], int | None]:
    """Return the site's files, and the uid of the agent's account."""
    state = site.segments.parent
    paths = [site.policy, *(site.root / name for name in ("keys", "vault", "state"))]
    for folder in (site.root / "keys", site.root / "vault", state):
        try:
            paths += sorted(folder.iterdir())
        except OSError:
            continue  # not there, or not for this account to see
    entries = []
    for path in paths:
        try:
            found = path.lstat()
        except OSError:
            continue
        entries.append(
            judge.Entry(
                PurePath(path.relative_to(site.root)),
                found.st_mode & 0o777,
                found.st_uid,
                link=path.is_symlink(),
            )
        )
    return entries, state.stat().st_uid if state.exists() else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # not even to be seen by this account


def installed_units() -> list[Path]:
    """Return the units of Omokage on this machine; the administrator's place counts first."""
    found: dict[str, Path] = {}
    for folder in UNIT_FOLDERS:
        for path in sorted(folder.glob(UNITS)):
            found.setdefault(path.name, path)
    return list(found.values())


def score_of(unit: Path) -> float:
    """Return systemd's exposure of a unit as it is installed, drop-ins included; 10 if unknown."""
    running = Path("/run/systemd/system").exists()
    asked = [unit.name] if running else ["--offline=true", str(unit)]
    try:
        done = subprocess.run(  # noqa: S603  (our own list)
            ["systemd-analyze", "security", "--no-pager", *asked],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 10.0
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    return float(score[1]) if score else 10.0


def _swaps() -> list[str]:
    try:
        lines = SWAPS.read_text("utf-8").splitlines()[1:]
    except OSError:
        return []
    return [line.split()[0] for line in lines if line.strip()]


def _may_not_swap(units: list[Path]) -> bool:
    agents = [unit for unit in units if unit.name == "omokage-agent.service"]
    return any("MemorySwapMax=0" in unit.read_text("utf-8") for unit in agents)
