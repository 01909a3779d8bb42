"""The script of the demo clip: who is before the camera when, and what they do. Pure.

A minute of a shop's entrance. Everything is a smooth function of time, so the truth file can state
it exactly; the clip begins and ends empty and lit alike, so it loops without a jump.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_SIDE_LABELS, MAX_INTENSITY
from training.synthesis.sample import MAX_EYE_TURN
from training.synthesis.scene import Camera, Lighting, Scene, Wear

Array = npt.NDArray[np.float32]

SECONDS = 64
FPS = 15
WIDTH, HEIGHT = 640, 480

_WALK_S = 1.9
"""Time an actor takes from outside the picture to their place."""

_BLINK_S = 0.34

_INDEX = {label: i for i, label in enumerate(AU_SIDE_LABELS)}


@dataclass(frozen=True, slots=True)
class Episode:
    """One facial expression: rises, holds, falls."""

    start: float
    """Seconds into the clip."""
    rise: float
    hold: float
    fall: float
    au: dict[str, float]
    """Intensity at the peak, by AU (both sides) or side."""
    shapes: dict[str, float]
    """Weights of other blend shapes at the peak."""

    def level(self, t: float) -> float:
        """Share of the peak at time t, 0-1."""
        return ramp(t, self.start, self.rise) - ramp(
            t, self.start + self.rise + self.hold, self.fall
        )


@dataclass(frozen=True, slots=True)
class Actor:
    """One person of the clip."""

    seed: int
    """Of the person (`sample.person_at`)."""
    enter: float
    leave: float
    """Seconds: begins to walk in; has walked out."""
    from_left: bool
    to_left: bool
    place: tuple[float, float]
    """Where the middle of the head stands, pixels."""
    scale: float
    """Pixels per cm."""
    cloth: tuple[float, float, float]
    """Linear RGB."""
    episodes: tuple[Episode, ...]
    turns: tuple[tuple[float, float, float, float], ...]
    """Head turns: start s, length s, yaw and pitch degrees at the peak."""
    talks: tuple[tuple[float, float], ...] = ()
    """Stretches of speech: start and end, seconds."""
    glasses: bool = False

    def present(self, t: float) -> bool:
        """Tell whether any of the actor may be in the picture."""
        return self.enter <= t <= self.leave


def ramp(t: float, start: float, length: float) -> float:
    """Rise smoothly from 0 to 1 between start and start + length."""
    x = float(np.clip((t - start) / length, 0.0, 1.0))
    return x * x * (3 - 2 * x)


def _smile(start: float, hold: float, strength: float = 1.0) -> Episode:
    au = {"AU06": 3.6 * strength, "AU12": 4.2 * strength}
    shapes = {f"{s}_{side}": w for side in "LR" for s, w in _TEETH}
    return Episode(start, 0.7, hold, 0.9, au, {k: w * strength for k, w in shapes.items()})


_TEETH = (("mouthUpperUp", 0.28), ("mouthLowerDown", 0.35))


def _surprise(start: float, hold: float) -> Episode:
    return Episode(start, 0.35, hold, 0.8, {"AU01": 4.3, "AU02": 4.3, "AU05": 4, "AU26": 2.8}, {})


def _anger(start: float, hold: float) -> Episode:
    return Episode(start, 0.7, hold, 0.9, {"AU04": 4.6, "AU05": 2, "AU07": 3.5, "AU24": 3.6}, {})


def _sadness(start: float, hold: float) -> Episode:
    return Episode(start, 1.0, hold, 1.1, {"AU01": 4.4, "AU04": 2.4, "AU15": 4.2, "AU17": 1.8}, {})


def _disgust(start: float, hold: float) -> Episode:
    return Episode(start, 0.6, hold, 0.8, {"AU09": 4.4, "AU10": 3.4, "AU04": 2.0}, {})


ACTORS: tuple[Actor, ...] = (
    Actor(
        20, 2.0, 24.0, True, True, (236, 214), 9.4, (0.05, 0.09, 0.22),
        (_smile(5.2, 1.8), _surprise(10.4, 1.2), _smile(14.6, 1.4, 0.7), _anger(18.4, 1.6)),
        ((8.2, 1.8, 30, 0), (13.0, 1.4, -22, 6), (17.0, 1.2, 18, -8)),
        ((12.4, 14.2),),
    ),
    Actor(
        16, 10.0, 31.0, False, False, (462, 226), 7.6, (0.30, 0.05, 0.05),
        (_smile(13.6, 2.0), _sadness(17.6, 2.0), _disgust(22.6, 1.4), _surprise(26.0, 1.0)),
        ((16.0, 1.6, -28, 0), (21.2, 1.4, 24, 5), (27.6, 1.4, -20, -6)),
        ((24.2, 25.8),),
        glasses=True,
    ),
    Actor(
        3, 34.6, 60.6, False, True, (322, 208), 8.4, (0.20, 0.22, 0.20),
        (_smile(38.0, 1.8), _disgust(43.0, 1.4), _surprise(48.2, 1.2), _smile(52.6, 2.2)),
        ((40.6, 1.8, -32, 0), (46.2, 1.4, 26, 4), (56.0, 1.6, 20, -8)),
        ((45.0, 47.6),),
    ),
    Actor(
        22, 39.0, 57.6, True, True, (124, 232), 6.5, (0.45, 0.40, 0.30),
        (_surprise(42.2, 1.2), _smile(46.6, 2.0), _anger(50.8, 1.6)),
        ((44.6, 1.6, 28, 0), (53.2, 1.6, -18, -6)),
        ((53.6, 55.2),),
    ),
    Actor(
        14, 43.6, 55.0, False, False, (522, 230), 6.3, (0.04, 0.16, 0.10),
        (_sadness(46.4, 1.6), _smile(50.2, 1.6)),
        ((48.8, 1.4, -26, 4),),
    ),
)  # fmt: skip


def scene_of(actor: Actor, number: int, t: float) -> Scene:
    """Say what one actor looks like at a time.

    Args:
        actor: who.
        number: of the actor; sets the rhythm of blinks and glances.
        t: seconds.

    Returns:
        The scene; its lighting's exposure is for a luminance of skin of 0.3.
    """
    au, shapes = _expression(actor, number, t)
    pose = _pose(actor, number, t)
    gaze = _gaze(number, t, pose)
    wear = Wear(actor.glasses, (2.55, 1.9, 0.12, 3.0), (0.012, 0.012, 0.014), 0.06)
    camera = Camera(110.0, 1.0, 0.0, (0.0, 0.0), 0.0, 0, 1.0, 1.0, 0)
    return Scene(au, shapes, pose, gaze, lighting_at(t), wear, camera)


def centre_at(actor: Actor, t: float) -> tuple[float, float]:
    """Say where the middle of an actor's head is, pixels: walking in, standing, walking out."""
    reach = 24 * actor.scale
    outside_in = -reach if actor.from_left else WIDTH + reach
    outside_out = -reach if actor.to_left else WIDTH + reach
    come, go = ramp(t, actor.enter, _WALK_S), ramp(t, actor.leave - _WALK_S, _WALK_S)
    x = outside_in + (actor.place[0] - outside_in) * come
    x += (outside_out - actor.place[0]) * go
    x += 4 * np.sin(0.7 * t + actor.place[0])
    walking = 4 * come * (1 - come) + 4 * go * (1 - go)
    y = actor.place[1] + 2.5 * np.sin(0.9 * t) + 3 * walking * np.sin(9 * t)
    return float(x), float(y)


def gain_at(t: float) -> float:
    """Brightness of the whole picture: a lamp is off from second 25 to 29."""
    return 1.0 - 0.68 * (ramp(t, 25.0, 0.6) - ramp(t, 28.6, 0.8))


def lighting_at(t: float) -> Lighting:
    """Light the shop; from second 47 to 51 the sun comes in from the left."""
    sun = ramp(t, 46.8, 1.2) - ramp(t, 50.4, 1.2)
    key = np.array([0.35 - 1.15 * sun, 0.62 - 0.35 * sun, 0.70 - 0.15 * sun])
    key /= np.linalg.norm(key)
    fill = np.array([-0.7, 0.15, 0.70]) / np.linalg.norm([-0.7, 0.15, 0.70])
    return Lighting(
        (
            (float(key[0]), float(key[1]), float(key[2])),
            (float(fill[0]), float(fill[1]), float(fill[2])),
        ),
        ((1.05 + 0.5 * sun, 1.0 + 0.35 * sun, 0.92 + 0.1 * sun), (0.34, 0.36, 0.40)),
        (0.46, 0.47, 0.50),
        (0.26, 0.24, 0.22),
        0.95,
        1.0,
    )


def _expression(actor: Actor, number: int, t: float) -> tuple[Array, dict[str, float]]:
    """Add up episodes, speech and blinks."""
    au = np.zeros(len(AU_SIDE_LABELS), np.float32)
    shapes: dict[str, float] = {}
    for episode in actor.episodes:
        level = episode.level(t)
        for label, peak in episode.au.items():
            for name in (label, f"{label}_L", f"{label}_R"):
                if name in _INDEX:
                    au[_INDEX[name]] += peak * level
        for shape, weight in episode.shapes.items():
            shapes[shape] = shapes.get(shape, 0.0) + weight * level
    for start, end in actor.talks:
        loud = ramp(t, start, 0.3) - ramp(t, end - 0.3, 0.3)
        beat = np.sin(2 * np.pi * 2.9 * t) * np.sin(2 * np.pi * 0.8 * t + number)
        au[_INDEX["AU26"]] += loud * (0.9 + 0.8 * float(beat))
        shapes["mouthFunnel"] = loud * 0.3 * float(0.5 + 0.5 * np.sin(2 * np.pi * 1.7 * t))
    blink = _blink(number, t)
    for side in "LR":
        au[_INDEX[f"AU45_{side}"]] = blink * MAX_INTENSITY
        au[_INDEX[f"AU05_{side}"]] *= 1 - blink
        au[_INDEX[f"AU07_{side}"]] *= 1 - 0.8 * blink
    return np.clip(au, 0.0, MAX_INTENSITY), shapes


def _blink(number: int, t: float) -> float:
    """Close the eyes every three to four seconds; 0-1."""
    period = 3.1 + 0.4 * (number % 3)
    phase = (t + 0.77 * number) % period
    return max(0.0, 1.0 - abs(2 * phase / _BLINK_S - 1.0) ** 3) if phase < _BLINK_S else 0.0


def _pose(actor: Actor, number: int, t: float) -> tuple[float, float, float]:
    """Sway a little, turn as scripted, and look where one walks."""
    yaw = 4 * np.sin(0.8 * t + number) + 2 * np.sin(1.9 * t)
    pitch = 2 * np.sin(0.6 * t + 2 * number) - 1
    roll = 3 * np.sin(0.5 * t + 3 * number)
    for start, length, turn, nod in actor.turns:
        share = ramp(t, start, length / 2) - ramp(t, start + length / 2, length / 2)
        yaw, pitch = yaw + turn * share, pitch + nod * share
    coming = 1 - ramp(t, actor.enter + 0.4 * _WALK_S, 0.7 * _WALK_S)
    going = ramp(t, actor.leave - _WALK_S - 0.5, 0.7)
    yaw += 34 * coming * (1 if actor.from_left else -1)
    yaw += 38 * going * (-1 if actor.to_left else 1)
    return float(pitch), float(np.clip(yaw, -48, 48)), float(roll)


def _gaze(number: int, t: float, pose: tuple[float, float, float]) -> tuple[float, float]:
    """Look towards the camera, and aside every few seconds; yaw and pitch in the head."""
    slot = int((t + 0.61 * number) / 1.7)
    rng = np.random.default_rng([number, slot])
    aside = rng.random() < 0.4
    yaw = -0.6 * pose[1] + (rng.normal(0, 11) if aside else rng.normal(0, 2))
    pitch = -0.6 * pose[0] + (rng.normal(-2, 7) if aside else rng.normal(0, 2))
    limit = MAX_EYE_TURN
    return float(np.clip(yaw, -limit[0], limit[0])), float(np.clip(pitch, -limit[1], limit[1]))
