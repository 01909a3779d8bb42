"""Build the agent's objects and run them until told to stop.

One thread looks at frames, seals and stores; one thread a camera only reads. The scheduler never
touches data: it sets a flag that this thread answers, and the deadline check runs without it too.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler

from agent.calibrating import Calibrator, calibrated_event
from agent.cameras import Camera, close_all, make_camera
from agent.capture.gate import CaptureGate
from agent.capture.guard import Freshness
from agent.clock import Clock
from agent.config.policy_file import load_policy
from agent.config.profiles import load_profile
from agent.config.site import Site, with_credentials
from agent.crypto.live import LiveKeys
from agent.crypto.seal import BucketSealer
from agent.domain.frame import FrameStatus
from agent.domain.observation import FaceBackend
from agent.domain.policy import Policy
from agent.domain.profile import allowed_heads
from agent.domain.record import FeatureRecord
from agent.domain.segment import SealedBucketKey, SealedSegment, delete_by
from agent.errors import (
    CameraError,
    FrameTimeout,
    PolicyError,
)
from agent.health_file import write_health
from agent.inference.backend import load_backend
from agent.load import Load
from agent.logbook import Logbook, start_event
from agent.maintenance import models_folder
from agent.pace import Pace
from agent.pipeline import Recorder, SitePipeline
from agent.privacy.register import parse_register
from agent.process import harden, notify, swap_is_on
from agent.shipped import shipped
from agent.store.claim import Claim
from agent.store.segments import SegmentStore
from agent.upkeep import Upkeep
from agent.watchdog import Watchdog, limit_of

REGISTER = shipped("policies") / "features.toml"
STATUS_EVERY_SECONDS = 2.0
CAMERA_PATIENCE_SECONDS = 2.0
"""A camera is lost after so long without a picture; an older picture isn't the present's."""
STALL_SECONDS = 2.0
"""A loop that stood still for longer has seen nothing meanwhile, and claims nothing."""


class SiteRecorder:
    """Binds the sealer and the store to one site's policy."""

    def __init__(
        self, keys: LiveKeys, store: SegmentStore, policy: Policy, models: tuple[str, ...]
    ) -> None:
        self._keys, self._store = keys, store
        self._policy, self.models = policy, models

    def open_bucket(self, zone: str, start: datetime, now: datetime) -> BucketSealer:
        """Draw a fresh data key for a zone's bucket, with the keys that the files hold now."""
        seconds = int(self._policy.release.bucket.total_seconds())
        return self._keys.sealer().open_bucket(
            zone=zone,
            bucket_start=start,
            bucket_seconds=seconds,
            delete_by=delete_by(start, seconds, self._policy.retention.records),
            policy_digest=self._policy.digest,
            models=self.models,
            now=now,
            previous=self._store.last_link(zone),
        )

    def store(self, key: SealedBucketKey, segment: SealedSegment) -> None:
        """Commit a segment, and its bucket's key with the first one."""
        self._store.append(segment, key)

    def close_bucket(self, key: SealedBucketKey, segments: Sequence[SealedSegment]) -> None:
        """Let closing segments replace the bucket's others, in one transaction."""
        self._store.close_bucket(key, segments)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line decides.

    Attributes:
        sources: source by zone; overrides the policy's.
        loop: play a file again and again.
        seconds: stop after so long; None runs until a signal.
        models: folder of the models, or None for the shipped ones.
        threads: of onnxruntime.
        backend: builds another face backend; None means the own models.
    """

    sources: dict[str, str]
    loop: bool = False
    seconds: float | None = None
    models: Path | None = None
    threads: int = 1
    backend: Callable[[Policy], FaceBackend] | None = None


class Agent:
    """The running service."""

    def __init__(self, site: Site, options: RunOptions, clock: Clock) -> None:
        """Check policy, models, keys and stores; nothing is read from a camera yet.

        Raises:
            AgentError: whichever part refuses.
        """
        self.policy = load_policy(site.policy)
        check_register(REGISTER.read_text("utf-8"), clock.now())
        self._site, self._options, self._clock = with_credentials(site, os.environ), options, clock
        self._stack = ExitStack()
        self._stopping = threading.Event()
        site.segments.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise

    def _build(self) -> None:
        policy, options = self.policy, self._options
        self._stack.callback(Claim(self._site.segments.parent).release)
        backends = {zone.name: self._backend() for zone in policy.zones}
        self._models = _model_names(next(iter(backends.values())))
        self._calibrator = Calibrator(
            self._site.calibration, tuple(backends.values()), self._models
        )
        self._models = self._calibrator.look().models
        self._logbook = Logbook(self._site)
        self._stack.callback(self._logbook.close)
        self._upkeep = Upkeep(self._site, policy, self._logbook, self._clock)
        self._stack.callback(self._upkeep.close)
        self._segments = self._upkeep.stores.segments
        self._pipeline = SitePipeline(
            policy,
            backends,
            models=self._models,
            recorder=self._recorder(),
            publish=self._upkeep.release,
            renew=self._renew,
        )
        self._gate = CaptureGate(policy.schedule, self._site.pause)
        self._pace = Pace(1.0 / policy.sampling_hz, self._clock.monotonic())
        self._load = Load(self._clock.monotonic())
        # Both begin anew with the loop; until then the health file can be written all the same.
        self._watchdog = Watchdog(limit_of(os.environ, os.getpid()), self._clock.monotonic())
        self._bucket_tick = 0.0  # monotonic seconds at which the open bucket began
        self._cameras = [
            make_camera(
                zone,
                options.sources.get(zone.name, zone.source),
                policy,
                clock=self._clock,
                loop=options.loop,
            )
            for zone in policy.zones
        ]

    def _renew(self, now: datetime) -> tuple[str, ...]:
        """Take up a calibration that changed since the last bucket, and write that down."""
        found = self._calibrator.look()
        if found.changed:
            self._models = self._recording.models = found.models
            self._logbook.record(calibrated_event(found.calibration, now))
        return self._models

    def _recorder(self) -> Recorder:
        # Without a recipient statistics go on; records are refused, and the health says so.
        self._keys = LiveKeys(self._site.public_keys, self._site.device_key)
        self._recording = SiteRecorder(self._keys, self._segments, self.policy, self._models)
        return self._recording

    def _backend(self) -> FaceBackend:
        # A policy that asks for a prohibited head was refused already; this holds it a second time.
        heads = allowed_heads(self.policy, load_profile(self.policy.jurisdiction))
        if self._options.backend is not None:
            return self._options.backend(replace(self.policy, heads=heads))
        models = self._options.models or models_folder()
        return load_backend(models, heads=heads, threads=self._options.threads)

    def run(self) -> None:
        """Run until a signal, the time limit, or the end of every finite source."""
        missing = harden(lock_memory=swap_is_on())
        self._logbook.record(start_event(self._site, self.policy, self._models, self._clock.now()))
        with self._stopped_by_signals():
            self._run(missing)

    def _run(self, missing: list[str]) -> None:
        scheduler = _scheduler(self._upkeep.hint)
        self._stack.callback(scheduler.shutdown, wait=False)
        self._stack.callback(close_all, self._cameras, self._clock)
        notify("READY=1", os.environ.get("NOTIFY_SOCKET"))
        try:
            self._loop(missing)
        finally:
            self._pipeline.stop(self._clock.now())
            self._write_status("stopped", missing)
            notify("STOPPING=1", os.environ.get("NOTIFY_SOCKET"))
            self._stack.close()

    def stop(self) -> None:
        """Ask `run` to end after the present tick."""
        self._stopping.set()

    @property
    def left_behind(self) -> bool:
        """Whether a closed camera's driver still hangs, and a thread in it."""
        return any(camera.is_held() for camera in self._cameras)

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """Let a signal stop the loop; whoever called has their own handlers back afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self._stopping.set()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _loop(self, missing: list[str]) -> None:
        started = status_at = before = self._clock.monotonic()
        self._pace = Pace(1.0 / self.policy.sampling_hz, started)  # a start may have taken long
        self._load = Load(started)
        self._watchdog = Watchdog(limit_of(os.environ, os.getpid()), started)
        for camera in self._cameras:
            camera.counted_at = camera.status_at = started
        while not self._stopping.is_set():
            now, tick = self._clock.now(), self._clock.monotonic()
            self._pace.begin(tick)
            if tick - before > STALL_SECONDS:
                self._pass_over(tick)
            before = tick
            if self._pipeline.begin_tick(now):
                self._bucket_tick = tick - self._pipeline.age(now)
            allowed = self._gate.at(now, tick).allowed
            for camera in self._cameras:
                if allowed or camera.ended:
                    self._tick(camera, now, tick)
                else:
                    self._rest(camera, tick)
            self._keep_house(now)
            self._feed(tick)
            if tick >= status_at:
                status_at = tick + STATUS_EVERY_SECONDS
                self._write_status("running", missing)
            limit = self._options.seconds
            if all(c.ended for c in self._cameras) or (limit and tick - started >= limit):
                break
            self._stopping.wait(self._pace.wait(self._clock.monotonic()))

    def _pass_over(self, tick: float) -> None:
        """Claim nothing for a time in which this process stood still (stopped, starved, swapped).

        Coverage is then shorter than the bucket, which is the truth.
        """
        for camera in self._cameras:
            camera.counted_at = tick
            camera.guard.reset()
            if not camera.ended:
                self._pipeline.forget(camera.zone)

    def _tick(self, camera: Camera, now: datetime, tick: float) -> None:
        """Give one zone's newest frame, or the reason why there is none, to the pipeline."""
        if camera.ended:
            return
        silent = tick - camera.counted_at
        try:
            reader = camera.open()
            frame = reader.take(timeout=0.0)
        except CameraError as error:
            # A camera may be slower than the sampling; only real silence is a loss.
            waits = isinstance(error, FrameTimeout) and silent < CAMERA_PATIENCE_SECONDS
            if not waits:
                self._count(camera, FrameStatus.CAMERA_LOST, tick)
            return
        if frame is None:
            camera.ended = True
            return
        came_at = frame.monotonic_ns / 1e9
        if tick - came_at > CAMERA_PATIENCE_SECONDS:
            frame.wipe()  # it lay here while this process stood still
            return
        freshness = camera.guard.judge(frame.pixels, came_at)
        if freshness is not Freshness.NEW:
            frame.wipe()
            if freshness is Freshness.FROZEN:
                self._count(camera, FrameStatus.FROZEN, tick)
            return
        self._watchdog.fresh(tick)
        seconds = self._account(camera, tick)
        status = self._pipeline.see(
            camera.zone, frame, now=now, seconds=seconds, is_old=camera.guard.is_old
        )
        camera.be(status, tick, looked=True)
        unseen, camera.dropped = reader.dropped - camera.dropped, reader.dropped
        # A camera that is faster than the sampling always leaves frames unseen; late are those
        # that a sampling instant would have taken, had this thread been there in time.
        late = min(unseen, max(0, round(silent * self.policy.sampling_hz) - 1))
        if late:
            self._pipeline.drop(camera.zone, late)

    def _rest(self, camera: Camera, tick: float) -> None:
        """Keep a camera closed; nobody's track outlives the pause."""
        self._watchdog.fresh(tick)
        if camera.close():
            self._pipeline.forget(camera.zone)
        self._count(camera, FrameStatus.PAUSED, tick)

    def _count(self, camera: Camera, status: FrameStatus, tick: float) -> None:
        """Count time without a usable picture; nobody is followed across it."""
        if status is not camera.status and status is not FrameStatus.PAUSED:
            self._pipeline.forget(camera.zone)
        camera.be(status, tick)
        self._pipeline.count(camera.zone, status, seconds=self._account(camera, tick))

    def _account(self, camera: Camera, tick: float) -> float:
        """Return the seconds that a camera's tick stands for: those since the one before.

        Never more than the open bucket has had so far, or a slow camera's picture would stand for
        time of the bucket before.
        """
        since, camera.counted_at = camera.counted_at, tick
        return tick - max(since, self._bucket_tick)

    def _keep_house(self, now: datetime) -> None:
        """Delete what is due, and write down what waits to be written down."""
        self._upkeep.keep_if_due()
        self._logbook.keep(now)

    def _feed(self, tick: float) -> None:
        """Tell systemd that the agent does its work, if it does."""
        self._watchdog.stored(tick, refused=self._pipeline.health.store_refuses)
        if self._watchdog.due(tick):
            notify("WATCHDOG=1", os.environ.get("NOTIFY_SOCKET"))

    def _write_status(self, state: str, missing: list[str]) -> None:
        """Replace the health file; it holds counters and times, no feature value."""
        health = asdict(self._pipeline.health)
        troubles = (
            self._gate.trouble,
            *(camera.trouble for camera in self._cameras),
            self._pipeline.health.trouble,
            self._upkeep.trouble,
            self._logbook.trouble,
            self._calibrator.trouble,
        )
        health["trouble"] = " ".join(trouble for trouble in troubles if trouble)
        tick = self._clock.monotonic()
        capture = self._gate.at(self._clock.now(), tick)
        commit = self._pipeline.health.last_commit
        health["last_commit"] = commit.isoformat() if commit else None
        report = {
            "state": state,
            "written_at": self._clock.now().isoformat(),
            "site": self.policy.site,
            "demo": self.policy.demo,
            "policy": self.policy.digest,
            "models": self._models,
            "zones": {camera.zone: camera.status for camera in self._cameras},
            "zone_seconds": {c.zone: round(tick - c.status_at) for c in self._cameras},
            "frames_per_second": {c.zone: c.frames_per_second(tick) for c in self._cameras},
            "sampling_hz": self.policy.sampling_hz,
            "timing": self._pace.report(),
            "load": self._load.report(tick),
            "last_frame_age_seconds": round(self._watchdog.age(tick), 1),
            "capture": {
                "allowed": capture.allowed,
                "reason": capture.reason,
                "next_change": capture.next_change.isoformat() if capture.next_change else None,
            },
            **self._keys.report(self._clock.now()),
            "hardening_missing": missing,
            "retention": self._upkeep.report(),
            "gauges": self._upkeep.gauges(),
            "bias": self._upkeep.bias_report(),
            **health,
        }
        # Before the file: a disk that refuses it is what the operator needs to be told.
        notify(f"STATUS={_sentence(report)}", os.environ.get("NOTIFY_SOCKET"))
        # A disk that takes nothing must not stop the capture; the file's age tells.
        write_health(self._site.status, report)


def _sentence(report: dict[str, Any]) -> str:
    """Put the health into the one line that `systemctl status` shows."""
    rates = ", ".join(f"{zone} {rate}/s" for zone, rate in report["frames_per_second"].items())
    upkeep = report["retention"] or {}
    overdue = (upkeep.get("overdue_records"), upkeep.get("overdue_numbers"))
    late = "unknown" if None in overdue else sum(number or 0 for number in overdue)
    return (
        f"{report['state']}; frames {rates}; last {report['last_frame_age_seconds']:.0f} s ago; "
        f"{report['stored_records']} records stored, {report['lost_records']} lost; overdue {late}"
    )


def check_register(text: str, now: datetime) -> None:
    """Refuse to run on a feature register that is wrong, expired, or not about our records.

    Raises:
        PolicyError: with the entry's name.
    """
    advice = "Agree on the entry again in policies/features.toml, or take the field out."
    try:
        register = parse_register(text, now=now.date())
    except ValueError as error:
        raise PolicyError(f"the feature register: {error}", advice=advice) from error
    if set(register.features) != {field.name for field in fields(FeatureRecord)}:
        raise PolicyError("the feature register isn't about what is stored", advice=advice)


def _model_names(backend: FaceBackend) -> tuple[str, ...]:
    return tuple(getattr(backend, "models", (backend.name,)))


def _scheduler(hint: Callable[[], None]) -> BackgroundScheduler:
    """Hint at upkeep once a minute, also after sleep: late is better than never."""
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        hint, "interval", seconds=60, misfire_grace_time=None, coalesce=True, max_instances=1
    )
    scheduler.start()
    return scheduler
