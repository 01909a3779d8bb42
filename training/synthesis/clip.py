"""Render the demo clip and its truth file.

`python -m training.synthesis.clip --model FILE.npz --out clip.mp4 --truth clip.truth.csv`

The truth has one row per frame and face, and a row with face -1 for a frame without any: frame,
timestamp (s), face (number of the actor), box x1 y1 x2 y2 (pixels; landmarks, raised by 30 % of
their height for the forehead, cut at the picture's edge), pose pitch yaw roll and gaze yaw pitch
(degrees, camera's frame, signs as in `geometry.rotation`), then the 32 AUs. A face counts from
the moment half of its box is in the picture.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_SIDE_LABELS
from training.synthesis.clip_script import (
    ACTORS,
    FPS,
    HEIGHT,
    SECONDS,
    WIDTH,
    Actor,
    centre_at,
    gain_at,
    scene_of,
)
from training.synthesis.face_model import FaceModel
from training.synthesis.geometry import rotation
from training.synthesis.renderer import View
from training.synthesis.sample import person_at
from training.synthesis.sample_face import luminance
from training.synthesis.scene import Scene
from training.synthesis.studio import Studio, gaze_in_camera
from training.synthesis.wearables import torso

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

COLUMNS = "frame,timestamp,face,x1,y1,x2,y2,pitch,yaw,roll,gaze_yaw,gaze_pitch," + ",".join(
    AU_SIDE_LABELS
)

_OVERSAMPLE = 1.5
_LARGEST = 800
_PERSON_SEED = 5


def shop(rng: np.random.Generator) -> Array:
    """Paint the place: shelves of goods, lamps and a counter, far out of focus.

    Returns:
        float32 (480, 640, 3), RGB 0-255.
    """
    rows = np.linspace(1.0, 0.6, HEIGHT, dtype=np.float32)[:, None, None]
    picture = np.array([168, 160, 148], np.float32) * rows * np.ones((1, WIDTH, 1), np.float32)
    for shelf in range(4):
        top = 96 + shelf * 88
        cv2.rectangle(picture, (20, top + 62), (WIDTH - 150, top + 72), (92, 78, 62), -1)
        x = 28
        while x < WIDTH - 175:
            width, height = int(rng.integers(14, 44)), int(rng.integers(26, 60))
            colour = rng.uniform(45, 185) + rng.uniform(-34, 34, 3) * np.array([1.0, 0.9, 0.9])
            cv2.rectangle(
                picture, (x, top + 62 - height), (x + width, top + 62), colour.tolist(), -1
            )
            x += width + int(rng.integers(2, 14))
    cv2.rectangle(picture, (WIDTH - 120, 70), (WIDTH - 14, 420), (206, 218, 226), -1)
    cv2.rectangle(picture, (WIDTH - 120, 70), (WIDTH - 14, 420), (96, 90, 84), 8)
    cv2.rectangle(picture, (0, 430), (WIDTH, HEIGHT), (112, 88, 66), -1)
    for x in range(70, WIDTH, 125):
        cv2.ellipse(picture, (x, 34), (34, 9), 0, 0, 360, (255, 246, 224), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 6.5), np.float32)


def window_of(actor: Actor, centre: tuple[float, float]) -> tuple[int, int, int]:
    """Choose the square that is rendered for an actor: left, top and side, pixels."""
    top = int(centre[1] - 17 * actor.scale)
    side = int(max(46 * actor.scale, HEIGHT - top))
    return int(centre[0] - side / 2), top, side


class Stage:
    """One actor before the camera."""

    def __init__(self, studio: Studio, actor: Actor, number: int) -> None:
        """Let the actor take the renderer's seat whenever it is their turn."""
        self.studio, self.actor, self.number = studio, actor, number
        person = person_at(_PERSON_SEED, actor.seed, studio.model.identity_size)
        self.guest = studio.prepare(person)

    def draw(self, t: float, picture: Array) -> str | None:
        """Draw the actor into a picture and return the truth row's end, or None if outside.

        Args:
            t: seconds.
            picture: float32 (480, 640, 3), RGB 0-255; changed.

        Returns:
            Fields from `face` on.
        """
        studio, actor = self.studio, self.actor
        studio.seat(self.guest)
        scene = self._exposed(scene_of(actor, self.number, t))
        centre = centre_at(actor, t)
        left, top, side = window_of(actor, centre)
        size = min(_LARGEST, int(side * _OVERSAMPLE))
        view = _view(scene, actor.scale, (centre[0] - left, centre[1] - top), side, size)
        studio.pieces.append(torso(actor.cloth, rotation(*scene.pose), 0.3 * scene.pose[1]))
        posed, au = studio.pose(scene)
        _tuck(posed.vertices)
        rgba = cv2.resize(
            studio.draw(posed, au, scene, view), (side, side), interpolation=cv2.INTER_AREA
        )
        _paste(picture, rgba.astype(np.float32), left, top)
        points = (view.project(posed.landmarks) + 0.5) * (side / size) - 0.5
        return _row(self.number, points + np.array([left, top]), scene, au)

    def _exposed(self, scene: Scene) -> Scene:
        """Expose for this skin as a camera would: partly."""
        light = scene.lighting
        exposure = light.exposure * (luminance(self.guest.person.skin.skin) / 0.3) ** -0.3
        values = {name: getattr(light, name) for name in light.__dataclass_fields__}
        lit = type(light)(**(values | {"exposure": exposure}))
        return Scene(
            scene.au, scene.nuisance, scene.pose, scene.gaze, lit, scene.wear, scene.camera
        )


def _view(scene: Scene, scale: float, centre: tuple[float, float], side: int, size: int) -> View:
    """Look at the head's pivot, which falls on `centre` of a window."""
    ratio = size / side
    x, y = ((value + 0.5) * ratio - 0.5 for value in centre)
    place = np.array([[scale * ratio, 0, x], [0, -scale * ratio, y]], np.float32)
    return View(rotation(*scene.pose), scene.camera.distance_cm, place, size)


def _paste(picture: Array, rgba: Array, left: int, top: int) -> None:
    """Lay a premultiplied window over a picture, cut at its edges; changes `picture`."""
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + rgba.shape[1], WIDTH), min(top + rgba.shape[0], HEIGHT)
    if x1 < x2 and y1 < y2:
        window = rgba[y1 - top : y2 - top, x1 - left : x2 - left]
        target = picture[y1:y2, x1:x2]
        target *= 1 - window[..., 3:] / 255.0
        target += window[..., :3]


def _tuck(vertices: Array) -> None:
    """Draw the model's chest in under the clothes, which don't turn with it; changes `vertices`."""
    deep = np.clip((-11.5 - vertices[:, 1:2]) / 3.0, 0.0, 1.0)
    vertices[:, [0, 2]] *= 1.0 - 0.5 * deep


def _row(number: int, points: Array, scene: Scene, au: Array) -> str | None:
    """Write a truth row from `face` on, unless most of the face is outside the picture."""
    (x1, y1), (x2, y2) = points.min(0), points.max(0)
    y1 -= 0.3 * (y2 - y1)
    inside = [max(x1, 0), max(y1, 0), min(x2, WIDTH - 1), min(y2, HEIGHT - 1)]
    shown = max(inside[2] - inside[0], 0) * max(inside[3] - inside[1], 0)
    if shown < 0.5 * (x2 - x1) * (y2 - y1):
        return None
    gaze = gaze_in_camera(scene.pose, scene.gaze)
    numbers = [*(round(float(v), 1) for v in (*inside, *scene.pose, *gaze))]
    numbers += [round(float(v), 2) for v in au]
    return ",".join([str(number), *(f"{value:g}" for value in numbers)])


def frames(
    model: FaceModel, start: int = 0, stop: int = SECONDS * FPS
) -> Iterator[tuple[Image, list[str]]]:
    """Render the frames in order, each with its truth rows.

    Args:
        model: the face model.
        start: first frame.
        stop: frame to end before.

    Yields:
        uint8 (480, 640, 3) RGB, and one or more rows without line ends.
    """
    studio = Studio(model, _LARGEST)
    stages = [Stage(studio, actor, number) for number, actor in enumerate(ACTORS)]
    # The nearer an actor, the larger, and the later they are drawn.
    stages.sort(key=lambda stage: stage.actor.scale)
    place = shop(np.random.default_rng(12))
    empty = ",".join(["-1", *("" for _ in COLUMNS.split(",")[3:])])
    for number in range(start, stop):
        t = number / FPS
        picture = place.copy()
        drawn = (stage.draw(t, picture) for stage in stages if stage.actor.present(t))
        rows = [row for row in drawn if row] or [empty]
        shown = np.clip(picture * gain_at(t), 0, 255).astype(np.uint8)
        yield shown, [f"{number},{t:.4f},{row}" for row in sorted(rows)]


def encoder(target: Path, crf: int) -> subprocess.Popen[bytes]:
    """Start ffmpeg on raw RGB frames; the file holds no metadata and is the same every time."""
    command = [
        "ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
        "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-", "-an", "-c:v", "libx264",
        "-preset", "medium", "-crf", str(crf), "-pix_fmt", "yuv420p", "-g", str(4 * FPS),
        "-threads", "1", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact",
        "-movflags", "+faststart", str(target),
    ]  # fmt: skip
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - fixed words, no shell


def main() -> None:
    """Parse the command line, render, encode."""
    parser = argparse.ArgumentParser(description="Render the demo clip.")
    parser.add_argument("--model", type=Path, required=True, help="face model, .npz")
    parser.add_argument("--out", type=Path, required=True, help="clip, .mp4")
    parser.add_argument("--truth", type=Path, required=True, help="labels, .csv")
    parser.add_argument("--crf", type=int, default=24, help="x264's quality, lower is better")
    options = parser.parse_args()
    process = encoder(options.out, options.crf)
    assert process.stdin is not None, "the pipe was asked for above"
    lines = [COLUMNS]
    for picture, rows in frames(FaceModel.load(options.model)):
        process.stdin.write(picture.tobytes())
        lines += rows
    process.stdin.close()
    if process.wait() != 0:
        raise SystemExit("ffmpeg failed")
    options.truth.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
