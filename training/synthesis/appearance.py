"""Where things lie on a face: static masks in the rest position, painted once from landmarks.

The masks are textures over the mean face seen from the front (x, y in centimetres), so brows and
lips stay sharp between vertices and the same code serves any model with 68 landmarks. Colours and
strengths are not here: they are uniforms of a render.

Textures (float32, row 0 at the bottom of the face, as OpenGL reads them):

- `field`: brow position along the brow (0 inner end, 1 outer end), height over the brow's line cm,
  depth inside the lips cm (negative outside), distance outside the eye opening cm.
- `folds_a`: creases of AU4 (between the brows), AU9 (nose), AU6 (crow's feet), AU12 (nasolabial).
- `folds_b`: creases of AU1 and AU2 (forehead), bag under the eye, beard, flush of cheeks and nose.
- `folds_c`: the line under a tightened lower lid (AU7), creases from the mouth's corners (AU15),
  the chin's boss and the crease over it (AU17), rims around pressed lips (AU23, AU24).
- `noise`: four independent tiling noises: blotches, pores, strands, freckles.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

CELLS_PER_CM = 20
"""Resolution of the front masks."""

ORIGIN: tuple[float, float] = (-10.0, -12.0)
"""Lower left corner of the front masks, centimetres."""

EXTENT: tuple[float, float] = (20.0, 26.0)
"""Width and height of the front masks, centimetres."""

NOISE_SIZE = 256
"""Side of the noise tile, texels."""

_BROW_DROP_CM = 0.5
"""The brow landmarks sit on the ridge's upper edge; hair grows this much lower."""


@dataclass(frozen=True, slots=True)
class Masks:
    """The static textures of one face model."""

    field: Array
    """float32 (rows, columns, 4)."""
    folds_a: Array
    """float32 (rows, columns, 4), 0-1."""
    folds_b: Array
    """float32 (rows, columns, 4), 0-1."""
    folds_c: Array
    """float32 (rows, columns, 4), 0-1."""
    noise: Array
    """float32 (256, 256, 4), about -1 to 1."""


def build_masks(landmarks: Array) -> Masks:
    """Paint all masks for a mean face.

    Args:
        landmarks: float32 (68, 3), centimetres, the mean face at rest.

    Returns:
        The textures.
    """
    points = landmarks[:, :2].astype(np.float32)
    columns, rows = (int(side * CELLS_PER_CM) for side in EXTENT)
    x = ORIGIN[0] + (np.arange(columns, dtype=np.float32) + 0.5) / CELLS_PER_CM
    y = ORIGIN[1] + (np.arange(rows, dtype=np.float32) + 0.5) / CELLS_PER_CM
    grid = np.stack(np.meshgrid(x, y), -1).astype(np.float32)
    brow = _brow_field(points, grid)
    lips = _inside(_smooth_ring(points[48:60]), rows, columns)
    eyes = np.minimum(
        -_inside(_smooth_ring(points[36:42]), rows, columns),
        -_inside(_smooth_ring(points[42:48]), rows, columns),
    )
    field = np.concatenate([brow, lips[..., None], eyes[..., None]], -1)
    folds_a = np.stack([_glabella(points, grid), _nose(points), *_cheek_folds(points)], -1)
    folds_b = np.stack(
        [_forehead(points), _eye_bags(points), _beard(points, grid), _flush(points, grid)], -1
    )
    folds_c = np.stack(
        [_lower_lids(points), _mouth_corners(points), _chin(points, grid), _lip_rims(points)], -1
    )
    return Masks(
        field.astype(np.float32),
        folds_a.astype(np.float32),
        folds_b.astype(np.float32),
        folds_c.astype(np.float32),
        _noise(np.random.default_rng(7)),
    )


def _cells(points: Array) -> Array:
    """Carry centimetres (n, 2) to texel coordinates."""
    return np.asarray((points - np.array(ORIGIN)) * CELLS_PER_CM - 0.5, np.float32)


def _smooth_ring(points: Array) -> Array:
    """Round a closed polygon (n, 2) by two corner-cutting passes (Chaikin), keeping its size."""
    ring = points
    for _ in range(2):
        following = np.roll(ring, -1, 0)
        ring = np.stack([0.8 * ring + 0.2 * following, 0.2 * ring + 0.8 * following], 1)
        ring = ring.reshape(-1, 2)
    return np.asarray(ring, np.float32)


def _inside(ring: Array, rows: int, columns: int) -> Array:
    """Measure depth inside a polygon: float32 (rows, columns) cm, negative outside."""
    filled = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(filled, [np.round(_cells(ring)).astype(np.int32)], 1)
    within = cv2.distanceTransform(filled, cv2.DIST_L2, 5)
    without = cv2.distanceTransform(1 - filled, cv2.DIST_L2, 5)
    return np.asarray((within - without) / CELLS_PER_CM, np.float32)


def _brow_field(points: Array, grid: Array) -> Array:
    """Find, for every texel, its place along the nearer brow and its height over it.

    Returns:
        float32 (rows, columns, 2): 0 at the inner end to 1 at the outer (beyond outside), cm.
    """
    left = points[22:27] - np.array([0.0, _BROW_DROP_CM], np.float32)
    right = points[[21, 20, 19, 18, 17]] - np.array([0.0, _BROW_DROP_CM], np.float32)
    result = np.empty((*grid.shape[:2], 2), np.float32)
    for brow, side in ((left, grid[..., 0] >= 0), (right, grid[..., 0] < 0)):
        span = brow[-1, 0] - brow[0, 0]
        along = (grid[..., 0] - brow[0, 0]) / span
        curve = np.polyfit((brow[:, 0] - brow[0, 0]) / span, brow[:, 1], 3)
        height = grid[..., 1] - np.polyval(curve, np.clip(along, -0.15, 1.15))
        slope = np.polyval(np.polyder(curve), np.clip(along, 0, 1)) / abs(span)
        result[side, 0] = along[side]
        result[side, 1] = (height / np.sqrt(1 + slope**2))[side]
    return result


def _strokes(lines: list[Array], width_cm: float, blur_cm: float) -> Array:
    """Draw soft lines (each (n, 2) cm) that fade towards their ends; float32, 0-1."""
    columns, rows = (int(side * CELLS_PER_CM) for side in EXTENT)
    canvas = np.zeros((rows, columns), np.float32)
    for line in lines:
        steps = np.linspace(0, len(line) - 1, 48)
        dense = np.stack([np.interp(steps, np.arange(len(line)), line[:, k]) for k in (0, 1)], 1)
        cells = np.round(_cells(dense.astype(np.float32)) * 16).astype(np.int32)
        strength = np.sin(np.linspace(0.12, np.pi - 0.12, len(cells)))
        width = max(1, round(width_cm * CELLS_PER_CM))
        for a, b, level in zip(cells[:-1], cells[1:], strength[:-1], strict=True):
            layer = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
            cv2.line(canvas, *layer, float(level), width, cv2.LINE_AA, 4)
    blurred = cv2.GaussianBlur(canvas, (0, 0), blur_cm * CELLS_PER_CM)
    peak = float(blurred.max())
    return np.asarray(blurred / max(peak, 1e-6), np.float32)


def _both(line: Array) -> list[Array]:
    """Add the mirror image of a line (n, 2) on the other half of the face."""
    return [line, line * np.array([-1.0, 1.0], np.float32)]


def _line(*points: tuple[float, float]) -> Array:
    """Write down a polyline, cm."""
    return np.array(points, np.float32)


def _glabella(p: Array, grid: Array) -> Array:
    """Paint the furrows between lowered brows (AU4): two upright lines and a soft shadow."""
    inner, root = p[22], p[27]
    x, low, high = inner[0] * 0.62, root[1] + 0.9, inner[1] + 0.7
    furrow = _line((x * 0.8, low), (x, (low + high) / 2), (x * 1.15, high))
    lines = _strokes(_both(furrow), 0.16, 0.10)
    soft = np.exp(-((grid[..., 0] / 1.1) ** 2) - ((grid[..., 1] - (low + high) / 2) / 0.9) ** 2)
    return np.asarray(0.78 * lines + 0.22 * soft, np.float32)


def _nose(p: Array) -> Array:
    """Paint the wrinkles over the bridge and flanks of the nose (AU9)."""
    root, tip = p[27], p[30]
    lines: list[Array] = []
    for share in (0.02, 0.22, 0.42):
        y = root[1] + (tip[1] - root[1]) * share
        lines.append(_line((-0.75, y + 0.18), (0.0, y), (0.75, y + 0.18)))
        lines += _both(_line((0.7, y + 0.35), (1.05, y - 0.15), (1.3, y - 0.7)))
    return _strokes(lines, 0.08, 0.07)


def _cheek_folds(p: Array) -> tuple[Array, Array]:
    """Paint crow's feet (AU6), then the nasolabial fold (AU12, AU9, AU10)."""
    corner = p[45]
    feet: list[Array] = []
    for angle in (28, 8, -14, -34):
        run = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        a, b = corner + 0.45 * run, corner + 1.9 * run - np.array([0.0, 0.15])
        feet += _both(_line((a[0], a[1]), (b[0], b[1])))
    lower = p[[42, 47, 46, 45]] - np.array([0.0, 0.42], np.float32)
    feet += _both(lower.astype(np.float32))
    wing, mouth = p[35], p[54]
    fold = _line(
        (wing[0] + 0.35, wing[1] + 0.75),
        (wing[0] + 1.05, wing[1] - 0.25),
        (mouth[0] + 0.75, mouth[1] + 0.75),
        (mouth[0] + 0.95, mouth[1] - 0.55),
    )
    return _strokes(feet, 0.07, 0.06), _strokes(_both(fold), 0.14, 0.11)


def _forehead(p: Array) -> Array:
    """Paint the lines across a raised brow's forehead (AU1, AU2)."""
    lines: list[Array] = []
    for lift, bow in ((1.25, 0.25), (2.0, 0.3), (2.75, 0.3)):
        y = p[19, 1] + lift
        lines.append(
            _line((-4.6, y - 0.45), (-2.3, y + bow), (0, y), (2.3, y + bow), (4.6, y - 0.45))
        )
    return _strokes(lines, 0.09, 0.09)


def _lower_lids(p: Array) -> Array:
    """Paint the line under a lower lid that is pulled tight (AU7)."""
    under = p[[42, 47, 46, 45]] - np.array([[-0.1, 0.25], [0.0, 0.32], [0.0, 0.32], [0.1, 0.2]])
    return _strokes(_both(under.astype(np.float32)), 0.08, 0.06)


def _mouth_corners(p: Array) -> Array:
    """Paint the creases that run down from lowered mouth corners (AU15)."""
    corner = p[54]
    down = _line(
        (corner[0] + 0.15, corner[1] + 0.1),
        (corner[0] + 0.4, corner[1] - 0.6),
        (corner[0] + 0.45, corner[1] - 1.5),
    )
    return _strokes(_both(down), 0.12, 0.10)


def _chin(p: Array, grid: Array) -> Array:
    """Paint the crease under the lower lip and the puckered boss of the chin (AU17)."""
    lip, chin = p[57], p[8]
    y = lip[1] + 0.30 * (chin[1] - lip[1])
    crease = _strokes([_line((-1.5, y - 0.25), (0.0, y + 0.1), (1.5, y - 0.25))], 0.16, 0.11)
    centre = lip[1] + 0.62 * (chin[1] - lip[1])
    boss = np.exp(-((grid[..., 0] / 1.3) ** 2) - ((grid[..., 1] - centre) / 0.8) ** 2)
    return np.asarray(np.clip(0.8 * crease + 0.45 * boss, 0, 1), np.float32)


def _lip_rims(p: Array) -> Array:
    """Paint the furrows over and under lips that are pressed or tightened (AU23, AU24)."""
    shift = np.array([0.0, 0.32], np.float32)
    upper = p[[48, 49, 50, 51, 52, 53, 54]] + shift
    lower = p[[48, 59, 58, 57, 56, 55, 54]] - shift
    return _strokes([upper, lower], 0.12, 0.10)


def _eye_bags(p: Array) -> Array:
    """Paint the hollow under each eye."""
    under = p[[42, 47, 46, 45]] - np.array([[0.0, 0.5], [0.0, 0.75], [0.0, 0.75], [0.0, 0.5]])
    return _strokes(_both(under.astype(np.float32)), 0.30, 0.20)


def _beard(p: Array, grid: Array) -> Array:
    """Paint where a beard grows: upper lip, chin, and along the jaw up to the ears."""
    x, y = np.abs(grid[..., 0]), grid[..., 1]
    mouth, nose = p[54], p[33]
    jaw = np.interp(y, p[8:17, 1], p[8:17, 0]).astype(np.float32)
    near_edge = np.clip((x - 0.55 * jaw) / (0.2 * jaw + 1e-3), 0, 1)
    low = np.clip((mouth[1] + 0.1 - y) / 0.9, 0, 1)
    upper_lip = np.exp(-(((y - (nose[1] + mouth[1] + 0.9) / 2) / 0.55) ** 4)) * (x < mouth[0] + 0.5)
    below_ear = np.clip((p[15, 1] + 1.5 - y) / 1.5, 0, 1)
    bare_lip = np.exp(-(((y - p[57, 1] + 0.3) / 0.35) ** 2) - ((x - 1.6) / 0.8) ** 2)
    mask = np.maximum(np.maximum(near_edge * below_ear, low), upper_lip) - 0.6 * bare_lip
    return np.asarray(cv2.GaussianBlur(np.clip(mask, 0, 1), (0, 0), 6), np.float32)


def _flush(p: Array, grid: Array) -> Array:
    """Paint where skin is redder: cheeks, tip of the nose, chin."""

    def spot(x: float, y: float, radius: float) -> Array:
        away = (np.abs(grid[..., 0]) - x) ** 2 + (grid[..., 1] - y) ** 2
        return np.asarray(np.exp(-away / radius**2), np.float32)

    cheek = spot(float(p[46, 0]), float(p[30, 1]), 2.2)
    nose = spot(0.0, float(p[30, 1]), 1.1)
    return np.clip(cheek + 0.7 * nose + 0.3 * spot(0.0, float(p[8, 1]) + 1.0, 1.2), 0, 1)


def _noise(rng: np.random.Generator) -> Array:
    """Make four tiling noises of different grain; float32 (256, 256, 4), mean 0, deviation 0.4."""
    layers: list[Array] = []
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(NOISE_SIZE), np.fft.fftfreq(NOISE_SIZE)))
    stretched = np.hypot(
        *np.meshgrid(np.fft.fftfreq(NOISE_SIZE) * 0.5, np.fft.fftfreq(NOISE_SIZE) * 8)
    )
    bands = (
        1 / (frequency + 0.01) ** 1.6,
        np.exp(-(((frequency - 0.16) / 0.1) ** 2)),
        np.exp(-(((stretched - 0.12) / 0.12) ** 2)),
        np.exp(-(((frequency - 0.08) / 0.03) ** 2)),
    )
    for band in bands:
        white = np.fft.fft2(rng.normal(size=(NOISE_SIZE, NOISE_SIZE)))
        band[0, 0] = 0.0
        layer = np.real(np.fft.ifft2(white * band))
        layers.append((0.4 * layer / layer.std()).astype(np.float32))
    return np.stack(layers, -1)
