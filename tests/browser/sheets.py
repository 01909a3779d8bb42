"""Contact sheets of the drawn face: each Action Unit alone, and the demo clip beside its drawing.

`python -m tests.browser.sheets docs/images` writes `avatar-units.png` and `avatar-clip.jpg`. The
clip's people are rendered, and its Action Units are known exactly, so the two can be compared.
"""

from __future__ import annotations

import base64
import csv
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from agent.domain.facs import ACTION_UNITS, AU_SIDE_LABELS
from tests.browser import serving

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "dashboard" / "review" / "avatar.js"
DEMO = ROOT / "agent" / "demo"
VIEW_BOX = "40 10 320 420"
FRAMES_A_SECOND = 15
LOUD = 1.5
"""Intensity from which an AU stands in a picture's caption."""
CHECKED = (1, 2, 4, 5, 6, 9, 12, 15, 20, 25, 26, 45)
"""AUs that a reviewer has to recognise without their names."""
CLIP = ((54, 0), (89, 0), (162, 0), (287, 0), (279, 1), (348, 1), (201, 1), (745, 4))
"""Frames of the demo clip, each with its person: still, happy, surprised, angry, sad, disgusted, a
blink, a turned head."""
Face = tuple[str, dict[str, float], dict[str, float], dict[str, float] | None]
"""Caption, AU intensities, head pose, gaze."""

STYLE = """
body { margin: 0; padding: 10px; background: #fff; font: 13px sans-serif; color: #1d262c; }
.sheet { display: grid; gap: 4px 6px; width: max-content; }
figure { margin: 0; } figcaption { text-align: center; height: 17px; white-space: nowrap; }
svg { display: block; background: #eef1f3; border-radius: 6px; }
img { display: block; border-radius: 6px; object-fit: cover; }
"""


def module() -> str:
    """Return the drawing as a plain script that defines `face`."""
    return re.sub(r"^export ", "", SCRIPT.read_text("utf-8"), flags=re.MULTILINE)


def units(numbers: tuple[int, ...]) -> list[Face]:
    """Return for each AU: half, full, the subject's left alone, the right alone."""
    found: list[Face] = []
    for unit in ACTION_UNITS:
        if unit.number not in numbers:
            continue
        names = [n for n in AU_SIDE_LABELS if n.split("_")[0] == unit.label]
        found += [
            (f"{unit.label}  {level:g}", dict.fromkeys(names, level), {}, None)
            for level in (2.5, 5.0)
        ]
        if unit.lateral:
            found += [
                (f"{unit.label} {word} 5", {f"{unit.label}_{word[0].upper()}": 5.0}, {}, None)
                for word in ("left", "right")
            ]
    return found


def clip(times: Sequence[tuple[int, int]] = CLIP) -> list[tuple[str, Face]]:
    """Return pictures (data addresses) of faces in the clip with what is known of them.

    Args:
        times: (frame, face) pairs.
    """
    with (DEMO / "clip.truth.csv").open(encoding="utf-8", newline="") as file:
        rows = {(int(row["frame"]), int(row["face"])): row for row in csv.DictReader(file)}
    video = cv2.VideoCapture(str(DEMO / "clip.mp4"))
    found = []
    for frame, face in times:
        row = rows[frame, face]
        video.set(cv2.CAP_PROP_POS_FRAMES, frame)
        _, picture = video.read()
        x1, y1, x2, y2 = (float(row[name]) for name in ("x1", "y1", "x2", "y2"))
        mx, my, half = (x1 + x2) / 2, (y1 + y2) / 2, 0.62 * max(x2 - x1, y2 - y1)
        h, w = picture.shape[:2]
        cut = picture[
            max(0, int(my - half)) : min(h, int(my + half)),
            max(0, int(mx - half * 0.8)) : min(w, int(mx + half * 0.8)),
        ]
        big = cv2.resize(cut, None, fx=220 / cut.shape[0], fy=220 / cut.shape[0])
        data = base64.b64encode(cv2.imencode(".png", big)[1].tobytes()).decode()
        au = {name: float(row[name]) for name in AU_SIDE_LABELS}
        pose = {name: float(row[name]) for name in ("pitch", "yaw", "roll")}
        gaze = {"yaw": float(row["gaze_yaw"]), "pitch": float(row["gaze_pitch"])}
        strong = sorted({name[2:4] for name, value in au.items() if value >= LOUD})
        said = f"{frame / FRAMES_A_SECOND:.1f} s  " + " + ".join(str(int(n)) for n in strong)
        found.append((f"data:image/png;base64,{data}", (said, au, pose, gaze)))
    return found


def page_of(
    faces: Sequence[Face], *, columns: int, width: int, pictures: Sequence[str | None] | None = None
) -> str:
    """Return a page that draws faces in columns, each after its picture if there is one."""
    beside = pictures or [None] * len(faces)
    items = [
        {"name": name, "au": au, "pose": pose, "gaze": gaze, "picture": picture}
        for (name, au, pose, gaze), picture in zip(faces, beside, strict=True)
    ]
    return f"""<!doctype html><meta charset="utf-8"><style>{STYLE}
.sheet {{ grid-template-columns: repeat({columns}, auto); }}</style><div class="sheet"></div>
<script type="module">{module()}
const sheet = document.querySelector(".sheet");
for (const item of {json.dumps(items)}) {{
  const figure = document.createElement("figure");
  const picture = item.picture ? `<img src="${{item.picture}}" height="{width * 21 // 16}">` : "";
  figure.innerHTML = `<div style="display:flex;gap:3px">${{picture}}<svg width="{width}" ` +
    `viewBox="{VIEW_BOX}">${{face(item.au, item.pose, item.gaze)}}</svg></div>` +
    `<figcaption>${{item.name}}</figcaption>`;
  sheet.append(figure);
}}
document.body.dataset.drawn = "yes";
</script>"""


def shoot(browser: Any, content: str, path: Path) -> None:
    """Draw a page and write its picture."""
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.set_content(content)
    page.locator("body[data-drawn=yes]").wait_for()
    how = {"type": "jpeg", "quality": 82} if path.suffix == ".jpg" else {"type": "png"}
    page.locator(".sheet").screenshot(path=str(path), **how)
    page.close()


def main() -> None:
    """Write the sheets into a folder."""
    folder = Path(sys.argv[1])
    shown = clip()
    beside = page_of(
        [face for _, face in shown],
        columns=4,
        width=140,
        pictures=[picture for picture, _ in shown],
    )
    with serving.chromium() as browser:
        shoot(browser, page_of(units(CHECKED), columns=8, width=112), folder / "avatar-units.png")
        shoot(browser, beside, folder / "avatar-clip.jpg")


if __name__ == "__main__":
    main()
