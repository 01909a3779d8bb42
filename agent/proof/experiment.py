"""The proof itself: controls first, then marked frames through the agent, then five looks.

| look | when | must hold |
|---|---|---|
| `before` | unmarked frames run | nothing: the scan invents nothing |
| `in flight`, for each kind | marked frames run | something: the scan sees frames in this process |
| `running` | unmarked frames run again | nothing |
| `unplugged` | the camera went away after a marked frame; nothing follows | nothing |
| `stopped` | the agent has ended its work, its memory is still there | nothing |

Afterwards the files that the process may have written are searched.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agent.capture.factory import DEMO_CLIP, open_source
from agent.clock import Clock
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.errors import ProofBroken
from agent.proof.children import SUBJECT, Child
from agent.proof.controls import Control, Picture, plant
from agent.proof.detect import Detector, Hit
from agent.proof.marks import Kind, Marks, clean_frames, draw_marks, marked_frames
from agent.proof.stream import LoopbackCamera
from agent.proof.surroundings import Place, look_through, places, system_settings
from agent.shipped import shipped

POLICY = shipped("policies") / "proof.toml"
ZONE = "proof"
CAMERA_HZ = 20
CLIP_BEGINS, CLIP_FRAMES = 40, 160
"""Of the bundled clip, where faces come and go."""

FIRST_FRAME_SECONDS = 180
SETTLE_SECONDS = 1.5
UNPLUGGED_SECONDS = 2.5
MOMENTS_WITHOUT = ("before", "running", "unplugged", "stopped")


@dataclass(frozen=True, slots=True)
class Order:
    """What to prove.

    Attributes:
        models: folder of the own models.
        frames: marked ones of each kind.
        task_file: MediaPipe's model, for its backend; None for the own models.
        subject: command of the process under test; its last argument is added.
    """

    models: Path
    frames: int = 60
    task_file: Path | None = None
    subject: Sequence[str] = SUBJECT


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the whole memory of the process.

    Attributes:
        moment: see the module's table.
        size: bytes searched.
        unchanged: bytes of mapped files left out, because nobody has written to them.
        unread: bytes that the kernel didn't hand out.
        locked: bytes that can't go to swap.
        swapped: bytes that were in swap.
        hits: with the name of the region that each lies in.
    """

    moment: str
    size: int
    unchanged: int
    unread: int
    locked: int
    swapped: int
    hits: tuple[tuple[str, Hit], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Everything that was found out.

    Attributes:
        seed: of the marks.
        sent: marked frames by kind.
        health: the agent's own report at its end.
        controls: what was kept on purpose.
        looks: in order.
        places: searched afterwards.
        settings: of system and process.
    """

    seed: int
    sent: dict[str, int]
    health: dict[str, Any]
    controls: tuple[Control, ...]
    looks: tuple[Look, ...]
    places: tuple[Place, ...]
    settings: dict[str, Any]

    @property
    def residue(self) -> int:
        """Return the bytes that shouldn't have been there."""
        memory = sum(
            hit.size
            for look in self.looks
            if look.moment in MOMENTS_WITHOUT
            for _, hit in look.hits
        )
        return memory + sum(hit.size for place in self.places for hit in place.hits)


def prove(order: Order, clock: Clock, tell: Callable[[str], object]) -> Finding:
    """Carry out the proof.

    Args:
        order: what to prove.
        clock: for keys of the site that is made for it.
        tell: hears the name of each step.

    Raises:
        ProofBroken: a control failed, or the agent didn't do what the proof needs.
        AgentError: the models can't be used.
    """
    root = Path(tempfile.mkdtemp(prefix="omokage-proof-"))
    try:
        return _Experiment(order, Site(root), clock, tell).run()
    finally:
        shutil.rmtree(root, ignore_errors=True)


class _Experiment:
    def __init__(
        self, order: Order, site: Site, clock: Clock, tell: Callable[[str], object]
    ) -> None:
        self._order, self._site, self._clock, self._tell = order, site, clock, tell
        self._marks: Marks = draw_marks(secrets.randbits(63))
        self._detector = Detector(self._marks)
        self._clip = read_clip(clock)
        self._looks: list[Look] = []
        self._sent: dict[str, int] = {}

    def run(self) -> Finding:
        since = self._clock.now().timestamp() - 1
        self._tell("controls")
        controls = plant(self._marks, self._clip, self._order.models, self._site.root)
        self._prepare()
        with (
            LoopbackCamera(CAMERA_HZ) as camera,
            Child(self._order.subject, self._site.root) as child,
        ):
            settings = self._watch(child, camera)
        self._tell("files")
        found = tuple(
            look_through(name, folders, self._detector, since=since, leave_out=self._site.root)
            for name, folders in places(self._site.root).items()
        )
        return Finding(
            self._marks.seed,
            self._sent,
            self._health(),
            controls,
            tuple(self._looks),
            found,
            system_settings() | settings,
        )

    def _prepare(self) -> None:
        self._site.policy.write_bytes(POLICY.read_bytes())
        keys = create_epochs(
            self._clock.now(), passphrase=secrets.token_urlsafe(32), device_id="proof"
        )
        write_keys(self._site, keys)
        shutil.rmtree(self._site.vault.parent)  # nobody is to open these records

    def _watch(self, child: Child, camera: LoopbackCamera) -> dict[str, Any]:
        camera.show(clean_frames(1))
        order = self._order
        child.say(
            site=str(self._site.root),
            zone=ZONE,
            source=camera.address,
            models=str(order.models),
            task_file=None if order.task_file is None else str(order.task_file),
        )
        child.receive_files()
        self._wait_for(lambda health: health.get("frames_per_second", {}).get(ZONE, 0) > 0)
        self._look(child, "before")
        for kind in Kind:
            self._send(camera, kind, order.frames // 2)
            self._look(child, "in flight", kind)
            self._send(camera, kind, order.frames - order.frames // 2)
        camera.show(clean_frames(2))
        time.sleep(SETTLE_SECONDS)
        self._look(child, "running")
        self._send(camera, Kind.FACE, order.frames)
        camera.show(None)
        time.sleep(UNPLUGGED_SECONDS)
        self._look(child, "unplugged")
        limits = child.limits()
        child.end()
        said = child.hear()
        self._look(child, "stopped")
        child.say(end=True)
        if not self._health().get("faces"):
            raise ProofBroken("the agent found no face in frames with faces, so it cut none out")
        return limits | {"dumpable": said["dumpable"], "overwrites_freed": said["overwrites"]}

    def _send(self, camera: LoopbackCamera, kind: Kind, count: int) -> None:
        """Show so many frames of a kind, as fast as a camera does."""
        camera.show(marked_frames(self._marks, kind, self._clip))
        deadline = self._clock.monotonic() + FIRST_FRAME_SECONDS
        while camera.sent < count:
            if self._clock.monotonic() > deadline:
                raise ProofBroken("the agent doesn't take the frames")
            time.sleep(0.02)
        self._sent[kind] = self._sent.get(kind, 0) + camera.sent

    def _look(self, child: Child, moment: str, kind: Kind | None = None) -> None:
        name = moment if kind is None else f"{moment}: {kind}"
        self._tell(name)
        copied = child.copy()
        hits = tuple(
            (region.name, hit)
            for region, start, data in copied.pieces
            for hit in self._detector.search(data, start)
        )
        if kind is not None and not any(hit.kind is kind for _, hit in hits):
            raise ProofBroken(
                f"not even a frame that is being looked at was found ({kind}): the scan is blind"
            )
        self._looks.append(
            Look(
                name,
                copied.size,
                copied.unchanged,
                copied.unread,
                copied.locked,
                copied.swapped,
                hits,
            )
        )

    def _health(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._site.status.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def _wait_for(self, fulfilled: Callable[[dict[str, Any]], bool]) -> None:
        deadline = self._clock.monotonic() + FIRST_FRAME_SECONDS
        while not fulfilled(self._health()):
            if self._clock.monotonic() > deadline:
                raise ProofBroken("the agent looks at no frame")
            time.sleep(0.1)


def read_clip(clock: Clock) -> list[Picture]:
    """Return frames of the bundled clip, uint8 (480, 640, 3); every face in it is rendered."""
    frames = []
    with open_source(str(DEMO_CLIP), clock=clock) as source:
        for number in range(CLIP_BEGINS + CLIP_FRAMES):
            frame = source.read()
            if frame is not None and number >= CLIP_BEGINS:
                frames.append(np.array(frame.pixels))
    return frames
