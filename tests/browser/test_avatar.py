"""The drawn face shows each Action Unit where FACS says: its geometry, measured in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import serving, sheets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Shape = dict[str, Any]
MEASURE = """
window.measure = (au, pose, gaze) => {
  const drawing = face(au, pose, gaze);
  document.body.innerHTML = `<svg viewBox="40 10 320 420" width="320">${drawing}</svg>`;
  const box = (name) => {
    const found = document.querySelector(`[data-part="${name}"]`)?.getBBox();
    return found ? [found.x, found.y, found.x + found.width, found.y + found.height] : null;
  };
  const line = document.querySelector('[data-part="lip-line"] path');
  const end = (share) => {
    const point = line.getPointAtLength(share * line.getTotalLength());
    return [point.x, point.y];
  };
  const inked = (name) => [...document.querySelectorAll(`[data-part="${name}"] path`)]
    .reduce((sum, p) => sum + p.getTotalLength() * Number(p.getAttribute("opacity") ?? 1), 0);
  return { corners: [end(0), end(1)], middle: end(0.5), mouth: box("mouth"), head: box("head"),
    gap: box("gap"), browL: box("brow-L"), browR: box("brow-R"), openL: box("opening-L"),
    openR: box("opening-R"), nose: inked("nose"), eyeL: inked("eye-L"),
    broken: /NaN|Infinity|undefined/.test(document.body.innerHTML) };
};
"""


@pytest.fixture(scope="module")
def drawn() -> Iterator[Callable[..., Shape]]:
    """Return what draws a face from AU intensities and measures it."""
    with serving.chromium() as browser:
        page = browser.new_page()
        page.set_content("<!doctype html><body></body>")
        page.add_script_tag(content=sheets.module() + MEASURE)

        def measure(pose: Any = None, gaze: Any = None, **au: float | None) -> Shape:
            found: Shape = page.evaluate(
                "([au, pose, gaze]) => measure(au, pose, gaze)", [au, pose or {}, gaze]
            )
            return found

        yield measure


def both(number: int, value: float = 5.0) -> dict[str, float]:
    """Return an AU of both sides."""
    return {f"AU{number:02d}_{side}": value for side in "LR"}


def height(box: list[float] | None) -> float:
    """Return how high a box is; nothing drawn is 0."""
    return 0.0 if box is None else box[3] - box[1]


def test_au12_raises_and_au15_lowers_the_corners_of_the_mouth(drawn: Callable[..., Shape]) -> None:
    """Corners go up and out with AU12, down with AU15, more so with more intensity."""
    still, half, smile, frown = (
        drawn(), drawn(**both(12, 2.5)), drawn(**both(12)), drawn(**both(15)),
    )  # fmt: skip

    for i, out in ((0, -1), (1, 1)):
        assert smile["corners"][i][1] < half["corners"][i][1] - 5 < still["corners"][i][1] - 10
        assert frown["corners"][i][1] > still["corners"][i][1] + 10
        assert out * (smile["corners"][i][0] - still["corners"][i][0]) > 8


def test_one_side_moves_alone(drawn: Callable[..., Shape]) -> None:
    """The subject's left is on the viewer's right, and the other side stays where it was."""
    still, left = drawn(), drawn(AU12_L=5.0)
    winked, raised = drawn(AU45_L=5.0), drawn(AU02_R=5.0)

    assert left["corners"][1][1] < still["corners"][1][1] - 10
    assert left["corners"][0] == pytest.approx(still["corners"][0], abs=0.5)
    assert height(winked["openL"]) == 0 < height(winked["openR"])
    assert raised["browR"][1] < still["browR"][1] - 8
    assert raised["browL"] == pytest.approx(still["browL"], abs=0.5)


def test_lids_close_with_au45_and_au7_and_open_with_au5(drawn: Callable[..., Shape]) -> None:
    """Nothing of the eye is left at a full blink; wide is wider than still, tight is narrower."""
    still, shut, half = drawn(), drawn(**both(45)), drawn(**both(45, 2.5))
    wide, tight, cheek = drawn(**both(5)), drawn(**both(7)), drawn(**both(6))

    assert height(shut["openL"]) == 0
    assert 0 < height(half["openL"]) < 0.7 * height(still["openL"])
    assert height(wide["openL"]) > 1.3 * height(still["openL"])
    assert height(tight["openL"]) < 0.7 * height(still["openL"])
    assert height(cheek["openL"]) < 0.85 * height(still["openL"])
    assert cheek["eyeL"] > 1.1 * still["eyeL"]  # crow's feet


def test_brows_rise_and_fall_where_they_should(drawn: Callable[..., Shape]) -> None:
    """AU1 lifts the inner end, AU2 the arch, AU4 lowers the brow and draws it inwards."""
    still, inner, outer, low = (
        drawn(), drawn(**both(1)), drawn(**both(2)), drawn(**both(4)),
    )  # fmt: skip

    assert inner["browL"][1] < still["browL"][1] - 5
    assert outer["browL"][1] < still["browL"][1] - 12
    assert low["browL"][3] > still["browL"][3] + 8
    assert low["browL"][0] < still["browL"][0] - 5


def test_lips_part_with_au25_and_the_jaw_drops_with_au26(drawn: Callable[..., Shape]) -> None:
    """AU25 opens the mouth without the chin; AU26 lowers the chin; together they open most."""
    still, half, parted = drawn(), drawn(AU25=2.5), drawn(AU25=5.0)
    jaw, wide = drawn(AU26=5.0), drawn(AU25=5.0, AU26=5.0)

    assert still["gap"] is None
    assert height(parted["gap"]) > 10
    assert 0.55 * height(parted["gap"]) < height(half["gap"]) < 0.85 * height(parted["gap"])
    assert parted["head"] == pytest.approx(still["head"], abs=0.5)
    assert jaw["head"][3] > still["head"][3] + 15
    assert height(wide["gap"]) > 1.6 * height(parted["gap"])


def test_au20_stretches_and_au23_narrows_the_mouth(drawn: Callable[..., Shape]) -> None:
    """The mouth gets wide by AU20 without rising, and narrow by AU23."""
    still, wide, tight = drawn(), drawn(**both(20)), drawn(AU23=5.0)
    across = [shape["corners"][1][0] - shape["corners"][0][0] for shape in (still, wide, tight)]

    assert across[1] > 1.4 * across[0]
    assert across[2] < 0.85 * across[0]
    assert wide["corners"][0][1] == pytest.approx(still["corners"][0][1], abs=6)


def test_au9_wrinkles_the_nose_and_au10_lifts_the_lip(drawn: Callable[..., Shape]) -> None:
    """Folds appear on the nose with AU9 alone; the upper lip rises with AU10."""
    still, wrinkled, lifted = drawn(), drawn(**both(9)), drawn(**both(10))

    assert wrinkled["nose"] > 2 * still["nose"]
    assert lifted["nose"] == pytest.approx(still["nose"], rel=0.25)
    assert lifted["mouth"][1] < still["mouth"][1] - 5


def test_the_features_turn_with_the_head_and_stay_on_it(drawn: Callable[..., Shape]) -> None:
    """However far a head is turned, brows and mouth stay inside its outline."""
    for yaw in (-90, -40, -10, 10, 40, 90):
        turned = drawn({"yaw": yaw, "pitch": 0, "roll": 0}, **both(12))
        inside = [turned["browL"], turned["browR"], turned["mouth"]]

        assert all(turned["head"][0] - 2 < box[0] for box in inside), yaw
        assert all(box[2] < turned["head"][2] + 2 for box in inside), yaw
        assert (turned["middle"][0] > 200) == (yaw > 0)


def test_missing_values_draw_a_face(drawn: Callable[..., Shape]) -> None:
    """Values that weren't measured count as nothing, and no number breaks the drawing."""
    still, missing = drawn(), drawn({"yaw": None}, None, AU12_L=None, AU45_L=None)
    wild = drawn({"yaw": 500, "pitch": -500, "roll": 500}, {"yaw": 400, "pitch": 400}, AU12_L=99.0)

    assert missing["corners"] == still["corners"]
    assert not any(shape["broken"] for shape in (still, missing, wild))
