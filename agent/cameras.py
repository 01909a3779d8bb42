"""A zone's camera as the service holds it: what it is, and open only while it may be.

Rules:
- A source is described, and refused, at the start; it is opened when frames may be taken and
  closed as soon as they may not, so that the camera's light tells the truth.
- Masks are part of the source: no later stage ever gets an unmasked frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agent.capture.factory import open_source
from agent.capture.guard import FreshnessGuard
from agent.capture.latest import LatestFrame
from agent.capture.mask import Mask, MaskedSource
from agent.capture.opencv import OpenCvSource
from agent.capture.source import FrameSource
from agent.clock import Clock
from agent.domain.frame import FrameStatus
from agent.domain.policy import Policy, Subjects, Zone
from agent.errors import CameraUnavailable, ConfigError, PolicyForbids

RATE_SECONDS = 10.0
"""Over so long frames are counted for the rate."""

CLOSE_SECONDS = 2.0
"""Longer than a picture takes to come; a driver that hangs isn't waited for."""


@dataclass(slots=True, eq=False)
class Camera:
    """One zone's reader and what is known of it.

    Attributes:
        zone: name.
        connect: makes a reader of the zone's source.
        guard: notices a frozen picture.
        reader: while the camera is open.
        held: a closed reader whose driver hangs and hasn't let go of the device yet.
        dropped: frames that the reader had dropped when it was last asked.
        ended: a file is over.
        counted_at: monotonic seconds up to which time was counted.
        status: what the last tick yielded.
        status_at: monotonic seconds since when it has been so.
        looked: monotonic seconds of the frames that were looked at lately.
    """

    zone: str
    connect: Callable[[], LatestFrame]
    guard: FreshnessGuard = field(default_factory=FreshnessGuard)
    reader: LatestFrame | None = None
    held: LatestFrame | None = None
    dropped: int = 0
    ended: bool = False
    counted_at: float = 0.0
    status: FrameStatus = FrameStatus.NO_FACE
    status_at: float = 0.0
    looked: deque[float] = field(default_factory=deque)

    def be(self, status: FrameStatus, tick: float, *, looked: bool = False) -> None:
        """Note what a tick yielded, and whether a frame was looked at."""
        if status is not self.status:
            self.status, self.status_at = status, tick
        if looked:
            self.looked.append(tick)
        self._forget(tick)

    def frames_per_second(self, tick: float) -> float:
        """Return how many frames a second were looked at lately, to a tenth."""
        self._forget(tick)
        if len(self.looked) < 2 or tick <= self.looked[0]:
            return 0.0
        return round((len(self.looked) - 1) / (tick - self.looked[0]), 1)

    def _forget(self, tick: float) -> None:
        while self.looked and tick - self.looked[0] >= RATE_SECONDS:
            self.looked.popleft()

    def open(self) -> LatestFrame:
        """Return the reader, started; a new one where the camera was closed.

        Raises:
            CameraUnavailable: its driver still hangs in a read from before it was closed.
        """
        if self.reader is None:
            if self.is_held():
                raise CameraUnavailable(f"the camera of zone {self.zone} doesn't answer")
            self.guard.reset()
            self.dropped = 0
            self.reader = self.connect().start()
        return self.reader

    def close(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Release the camera and wipe its frames; False where it wasn't open.

        A file begins again when it is opened anew.

        Args:
            timeout: seconds that its driver has to come back from a read.
        """
        if self.reader is None:
            return False
        if not self.reader.close(timeout):
            self.held = self.reader
        self.reader = None
        return True

    def is_held(self) -> bool:
        """Say whether a hanging driver keeps the device of a closed camera."""
        if self.held is not None and self.held.close(timeout=0):
            self.held = None
        return self.held is not None

    @property
    def trouble(self) -> str:
        """One sentence where a camera that should be closed may still be on, else ""."""
        return (
            f"The camera of zone {self.zone} doesn't let go: unplug it." if self.is_held() else ""
        )


def close_all(cameras: Sequence[Camera], clock: Clock) -> None:
    """Release all cameras within the time that one may take, however many of them hang."""
    for camera in cameras:
        if camera.reader is not None:
            camera.reader.ask_to_close()
    end = clock.monotonic() + CLOSE_SECONDS
    for camera in cameras:
        camera.close(max(0.0, end - clock.monotonic()))


def make_camera(
    zone: Zone, spec: str | None, policy: Policy, *, clock: Clock, loop: bool
) -> Camera:
    """Check a zone's source and return its camera, closed.

    Args:
        zone: with its masks.
        spec: what the operator or the policy names as its source.
        policy: whose subjects and sampling count.
        clock: stamps the frames.
        loop: play files as a camera that begins again at their end.

    Raises:
        ConfigError: there is no source, or it names nothing that could be opened.
        PolicyForbids: a real camera, and a policy for rendered clips.
    """
    if spec is None:
        raise ConfigError(
            f"zone {zone.name} has no source", advice=f"Add --source {zone.name}=... or set it."
        )

    def source() -> FrameSource:
        found = open_source(spec, clock=clock, loop=loop, paced=True)
        refuse_people(policy, found)
        if zone.masks or zone.keep:
            return MaskedSource(found, Mask(zone.masks, zone.keep))
        return found

    source()
    return Camera(
        zone.name, lambda: LatestFrame(source(), clock=clock, max_hz=2 * policy.sampling_hz)
    )


def refuse_people(policy: Policy, source: FrameSource) -> None:
    """Refuse a real camera where the policy says that nobody is seen: no profile would apply.

    Raises:
        PolicyForbids: with what to write instead.
    """
    if policy.subjects is Subjects.SYNTHETIC and isinstance(source, OpenCvSource) and source.live:
        raise PolicyForbids(
            'subjects = "synthetic" is for rendered clips, not for a camera',
            advice="Say whose faces the camera sees: customers, workers, mixed or students.",
        )
