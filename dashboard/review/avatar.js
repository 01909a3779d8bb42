// A drawn, generic face that shows Action Units, gaze and head pose, and nothing of anybody's looks.
//
// face(au, pose, gaze) returns SVG markup for a 400 x 440 view box.
//   au    intensities 0-5 by label: AU01_L, AU01_R, ... AU17 ...; a missing one counts as 0
//   pose  {pitch, yaw, roll} in degrees: up, towards the subject's own left, and clockwise as seen
//         in the picture are positive
//   gaze  {yaw, pitch} in degrees, relative to the camera; null draws the eyes straight ahead
// Left and right are the subject's own, as in FACS: the subject's left is on the viewer's right.
//
// The head is an ellipsoid in units of half a face's width: x to the viewer's right, y down, z
// towards the viewer. Every feature is a few points on it, moved by the AUs, turned, then joined
// by a smooth line. What each AU moves follows the FACS manual's list of appearance changes.

const SKIN = "#dfe3e6", SHADE = "#c3cad0", LINE = "#4a5560", LIP = "#b98a8c", HAIR = "#7d8790";
const SIDES = [["L", 1], ["R", -1]];

let drawn = 0; // clip paths need names that no other face on the page has

const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const rad = (degrees) => (degrees * Math.PI) / 180;

export function face(au, pose = {}, gaze = null) {
  drawn += 1;
  // Share of the maximum, 0-1, for one side ("L" or "R"), or for an AU without sides ("").
  const a = (number, side) => {
    const name = `AU${String(number).padStart(2, "0")}`;
    const value = au[`${name}_${side}`] ?? au[name] ?? 0;
    return Number.isFinite(value) ? clamp(value / 5, 0, 1) : 0;
  };
  const both = (number) => Math.max(a(number, "L"), a(number, "R"));
  const at = projector(pose);
  const parts = [
    neck(at), head(at, a), ears(at), forehead(at, both), cheeks(at, a),
    SIDES.map(([side, s]) => eye(at, a, side, s, gaze)).join(""),
    SIDES.map(([side, s]) => brow(at, a, side, s)).join(""),
    nose(at, a), mouth(at, a, both), hair(at),
  ];
  return `<g transform="rotate(${(pose.roll ?? 0).toFixed(1)} 200 250)">${parts.join("")}</g>`;
}

function projector(pose) {
  const yaw = rad(clamp(pose.yaw ?? 0, -60, 60)), pitch = rad(clamp(pose.pitch ?? 0, -45, 45));
  const cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
  // out: how far a point stands off the ellipsoid; a nose's tip does.
  return (x, y, out = 0) => {
    const z = 0.95 * Math.sqrt(clamp(1 - (x / 1.12) ** 2 - (y / 1.55) ** 2, 0, 1)) + out;
    const turned = x * cy + z * sy, deep = z * cy - x * sy;
    const down = y * cp - deep * sp;
    return [200 + 118 * turned, 222 + 118 * down];
  };
}

const f = (p) => `${p[0].toFixed(1)} ${p[1].toFixed(1)}`;

// A smooth curve through points (Catmull-Rom, as cubic Beziers).
function curve(points, closed = false) {
  const n = points.length, take = (i) => points[closed ? (i + n) % n : clamp(i, 0, n - 1)];
  let d = `M${f(points[0])}`;
  for (let i = 0; i < (closed ? n : n - 1); i += 1) {
    const [p, q, r, s] = [take(i - 1), take(i), take(i + 1), take(i + 2)];
    const c1 = [q[0] + (r[0] - p[0]) / 6, q[1] + (r[1] - p[1]) / 6];
    const c2 = [r[0] - (s[0] - q[0]) / 6, r[1] - (s[1] - q[1]) / 6];
    d += `C${f(c1)} ${f(c2)} ${f(r)}`;
  }
  return closed ? `${d}Z` : d;
}

const stroke = (d, width, colour = LINE, opacity = 1) =>
  opacity < 0.03 ? "" :
  `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linecap="round" ` +
  `stroke-linejoin="round" opacity="${opacity.toFixed(2)}"/>`;
const fill = (d, colour, opacity = 1) =>
  opacity < 0.03 ? "" : `<path d="${d}" fill="${colour}" opacity="${opacity.toFixed(2)}"/>`;

// Where the chin is: the jaw drops, the chin raiser pushes up a little.
const chin = (a) => 1.16 + 0.2 * a(26, "") - 0.03 * a(17, "");

function neck(at) {
  const [x, y] = at(0, 0.8, -0.6);
  return fill(`M${x - 62} ${y - 20}L${x - 66} 440L${x + 66} 440L${x + 62} ${y - 20}Z`, SHADE);
}

function head(at, a) {
  const low = chin(a), jaw = 0.1 * a(26, "");
  const half = [[0, -1.42], [0.5, -1.32], [0.88, -0.98], [1.02, -0.5], [1.0, 0], [0.93, 0.42],
    [0.74, 0.8 + jaw], [0.42, low - 0.07], [0, low]];
  const points = [...half.map(([x, y]) => at(x, y)),
    ...half.slice(1, -1).reverse().map(([x, y]) => at(-x, y))];
  return fill(curve(points, true), SKIN) + stroke(curve(points, true), 2.2);
}

function ears(at) {
  return SIDES.map(([, s]) => {
    const [x, y] = at(s * 1.03, -0.22);
    return `<ellipse cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" rx="11" ry="24" fill="${SKIN}" ` +
      `stroke="${LINE}" stroke-width="2"/>`;
  }).join("");
}

function hair(at) {
  const half = [[1.05, -0.45], [1.04, -0.95], [0.72, -1.42], [0, -1.58]];
  const inner = [[0.95, -0.72], [0.72, -1.06], [0, -1.17]];
  const outer = [...half, ...half.slice(0, -1).reverse().map(([x, y]) => [-x, y])];
  const edge = [...inner.map(([x, y]) => [-x, y]),
    ...inner.slice(0, -1).reverse().map(([x, y]) => [x, y])];
  return fill(curve([...outer, ...edge].map(([x, y]) => at(x, y)), true), HAIR);
}

// Horizontal lines of AU1 (middle) and AU2 (sides), vertical furrows of AU4.
function forehead(at, both) {
  const middle = both(1), sides = both(2);
  let out = "";
  for (const [i, y] of [[0, -0.93], [1, -0.83]]) {
    const lift = -0.03 * i;
    out += stroke(curve([[-0.3, y + lift], [0, y + lift - 0.03], [0.3, y + lift]]
      .map(([x, v]) => at(x, v))), 1.8, LINE, 0.75 * middle);
    for (const [, s] of SIDES) {
      out += stroke(curve([[0.36, y], [0.55, y - 0.02], [0.74, y + 0.06]]
        .map(([x, v]) => at(s * x, v))), 1.8, LINE, 0.75 * sides);
    }
  }
  for (const s of [-1, 1]) {
    out += stroke(curve([at(s * 0.06, -0.66), at(s * 0.045, -0.55), at(s * 0.06, -0.44)]),
      2.4, LINE, 0.95 * both(4));
  }
  return out;
}

function brow(at, a, side, s) {
  const inner = a(1, side), outer = a(2, side), low = a(4, side), wrinkle = a(9, side);
  const base = [[0.17, -0.6], [0.3, -0.665], [0.45, -0.69], [0.6, -0.665], [0.74, -0.58]];
  const up1 = [1, 0.75, 0.3, 0.05, 0], up2 = [0, 0.35, 0.75, 0.95, 0.9];
  const down = [1, 0.9, 0.7, 0.45, 0.25];
  const points = base.map(([x, y], i) => [
    x - 0.075 * low * (1 - i / 5),
    y - 0.17 * inner * up1[i] - 0.15 * outer * up2[i]
      + (0.15 * low + 0.05 * wrinkle * (i < 3)) * down[i],
  ]);
  const thick = [0.036, 0.042, 0.038, 0.028, 0.01];
  const top = points.map(([x, y], i) => at(s * x, y - thick[i]));
  const bottom = points.map(([x, y], i) => at(s * x, y + thick[i])).reverse();
  return fill(curve([...top, ...bottom], true), LINE);
}

function eye(at, a, side, s, gaze) {
  const blink = a(45, side), wide = a(5, side), tight = a(7, side), cheek = a(6, side);
  const cx = 0.44, cy = -0.34, half = 0.2;
  const open = 1 - blink;
  const above = (0.105 + 0.075 * wide - 0.035 * tight - 0.01 * cheek) * open;
  const below = (0.075 - 0.05 * tight - 0.045 * cheek) * open - 0.035 * blink;
  const upper = [[-half, 0.02], [-0.1, -0.85 * above], [0.02, -above], [0.12, -0.75 * above],
    [half, 0.0]];
  const lower = [[half, 0.0], [0.1, below], [0, below * 1.1], [-0.1, below * 0.9], [-half, 0.02]];
  const put = ([x, y]) => at(s * (cx + x), cy + y);
  const up = upper.map(put), lo = lower.map(put);
  const outline = `${curve(up)}L${curve(lo).slice(1)}Z`;
  const id = `eye-${side}-${drawn}`;
  const yaw = clamp(gaze?.yaw ?? 0, -35, 35), pitch = clamp(gaze?.pitch ?? 0, -30, 30);
  const [ix, iy] = at(s * cx + 0.24 * Math.sin(rad(yaw)), cy - 0.02 - 0.22 * Math.sin(rad(pitch)));
  let out = "";
  if (open > 0.12) {
    out += `<clipPath id="${id}"><path d="${outline}"/></clipPath>` + fill(outline, "#fbfcfd") +
      `<g clip-path="url(#${id})"><circle cx="${ix.toFixed(1)}" cy="${iy.toFixed(1)}" r="12.2" ` +
      `fill="#5d7484"/><circle cx="${ix.toFixed(1)}" cy="${iy.toFixed(1)}" r="5.6" ` +
      `fill="#1d262c"/><circle cx="${(ix + 4).toFixed(1)}" cy="${(iy - 4).toFixed(1)}" r="2.2" ` +
      `fill="#fff"/></g>`;
  }
  out += stroke(curve(up), 3.4) + stroke(curve(lo), 1.8, LINE, 0.55 + 0.45 * tight);
  // The fold above the lid goes up with AU5 and comes close when the lids tighten.
  out += stroke(curve(upper.slice(1, 5).map(([x, y]) => put([x, y * 0.9 - 0.07 + 0.03 * tight]))),
    1.5, LINE, 0.45 * (1 - 0.6 * blink));
  // AU6: the lower lid bulges, the skin folds beyond the outer corner. AU7: a line under the lid.
  out += stroke(curve([[-0.16, 0.1], [0, 0.135], [0.17, 0.085]].map(put)), 1.8, LINE,
    0.15 + 0.75 * Math.max(cheek, 0.6 * tight));
  for (const [dy, end] of [[-0.05, -0.13], [0.01, 0.0], [0.06, 0.12]]) {
    out += stroke(curve([put([half + 0.045, dy]), put([half + 0.16, (dy + end) / 1.6])]), 2.2,
      LINE, 0.95 * cheek);
  }
  return out;
}

// AU6's raised cheek, and the nasolabial fold that AU12, AU10 and AU9 each bend in their own way.
function cheeks(at, a) {
  return SIDES.map(([side, s]) => {
    const smile = a(12, side), cheek = a(6, side), lip = a(10, side), wrinkle = a(9, side);
    const drop = 0.12 * a(26, "");
    const fold = clamp(0.12 + 0.6 * smile + 0.75 * lip + 0.5 * wrinkle + 0.3 * cheek, 0, 0.95);
    const top = 0.12 - 0.05 * wrinkle - 0.02 * lip;
    const line = [[0.2, top], [0.31 + 0.07 * smile, 0.27 - 0.03 * lip],
      [0.38 + 0.13 * smile + 0.03 * lip, 0.47 - 0.05 * smile + 0.4 * drop]];
    const bulge = [[0.36, 0.08 - 0.03 * cheek], [0.58, 0.13 - 0.05 * cheek],
      [0.78, -0.02 - 0.05 * cheek]];
    return stroke(curve(line.map(([x, y]) => at(s * x, y))), 2.2, LINE, fold) +
      fill(curve([[0.42, 0.02], [0.6, -0.07], [0.78, 0.02], [0.6, 0.2]]
        .map(([x, y]) => at(s * x, y - 0.05 * cheek)), true), SHADE, 0.75 * cheek) +
      stroke(curve(bulge.map(([x, y]) => at(s * x, y))), 2, LINE, 0.8 * cheek);
  }).join("");
}

function nose(at, a) {
  let out = "";
  for (const [side, s] of SIDES) {
    const up = 0.055 * a(9, side) + 0.02 * a(10, side);
    out += stroke(curve([at(s * 0.155, 0.03 - up, 0.05), at(s * 0.2, 0.12 - up, 0.04),
      at(s * 0.13, 0.175 - up, 0.08)]), 2.2);
    out += stroke(curve([at(s * 0.105, 0.165 - up, 0.14), at(s * 0.05, 0.155 - up, 0.18)]), 3);
    // AU9: short folds from the root of the nose down its side.
    for (const i of [0, 1, 2]) {
      const y = -0.31 + 0.1 * i;
      out += stroke(curve([at(s * 0.035, y - 0.015, 0.12), at(s * 0.1, y, 0.06),
        at(s * 0.17, y + 0.065, 0.02)]), 2.1, LINE, 0.95 * a(9, side));
    }
  }
  const tip = 0.16 - 0.04 * Math.max(a(9, "L"), a(9, "R"));
  out += stroke(curve([at(-0.05, tip + 0.015, 0.24), at(0, tip + 0.03, 0.25),
    at(0.05, tip + 0.015, 0.24)]), 2, LINE, 0.8);
  return out + stroke(curve([at(0.075, -0.3, 0.1), at(0.06, -0.12, 0.16), at(0.09, 0.03, 0.2)]),
    1.6, LINE, 0.28);
}

function corner(a, side) {
  const smile = a(12, side), frown = a(15, side), stretch = a(20, side), dimple = a(14, side);
  const narrow = 0.05 * a(23, "") + 0.02 * a(24, "") + 0.03 * a(26, "");
  return [
    0.31 + 0.12 * smile + 0.15 * stretch + 0.05 * dimple - narrow,
    0.56 - 0.14 * smile + 0.13 * frown + 0.03 * stretch + 0.05 * a(26, "") - 0.02 * dimple,
  ];
}

function mouth(at, a, both) {
  const push = a(17, ""), drop = a(26, ""), tight = a(23, ""), press = a(24, ""), suck = a(28, "");
  const gap = Math.max(0.055 * a(25, ""), 0.27 * drop) * (1 - 0.85 * press) * (1 - 0.6 * suck);
  const thin = (1 - 0.45 * tight) * (1 - 0.6 * press) * (1 - 0.92 * suck);
  const raise = { L: a(10, "L"), R: a(10, "R") };
  const lift = { L: 0.025 * a(12, "L"), R: 0.025 * a(12, "R") };
  const rise = (side) => 0.09 * raise[side] + 0.04 * a(9, side) + lift[side];
  const middle = 0.56 - 0.05 * push - 0.5 * (rise("L") + rise("R")) * 0.6;
  const corners = { L: corner(a, "L"), R: corner(a, "R") };
  const along = (side, s, share, y) => {
    const [x, end] = corners[side];
    return at(s * x * share, y + (end - 0.56) * share ** 2);
  };
  // Lines from the viewer's left (subject's right) corner to the other one.
  const sweep = (heights) => [
    at(-corners.R[0], corners.R[1]),
    along("R", -1, 0.66, heights.R[1]), along("R", -1, 0.3, heights.R[0]), at(0, heights.mid),
    along("L", 1, 0.3, heights.L[0]), along("L", 1, 0.66, heights.L[1]),
    at(corners.L[0], corners.L[1]),
  ];
  const inner = (side) => [middle - rise(side) * 0.5, 0.56 - rise(side) * 0.8];
  const top = (side) => [middle - 0.085 * thin - rise(side) * 0.55,
    0.56 - 0.055 * thin - rise(side) * 0.85];
  const base = 0.56 - 0.07 * push;
  const upperInner = sweep({ mid: middle, L: inner("L"), R: inner("R") });
  const upperTop = sweep({ mid: middle - 0.062 * thin, L: top("L"), R: top("R") });
  const lowIn = [base + gap, base + 0.78 * gap];
  const lowerInner = sweep({ mid: base + gap + 0.004, L: lowIn, R: lowIn });
  const bulge = 0.105 * thin + 0.02 * push;
  const lowOut = [base + gap + bulge, base + 0.78 * gap + 0.75 * bulge];
  const lowerOut = sweep({ mid: base + gap + 1.03 * bulge, L: lowOut, R: lowOut });
  const ring = (one, two) => `${curve(one)}L${curve([...two].reverse()).slice(1)}Z`;
  let out = "";
  if (gap > 0.012) {
    const hole = ring(upperInner, lowerInner);
    out += `<clipPath id="mouth-${drawn}"><path d="${hole}"/></clipPath>` + fill(hole, "#4b2f35");
    const teeth = 0.035 + 0.03 * both(12) + 0.05 * Math.max(raise.L, raise.R);
    const band = sweep({ mid: middle + teeth, L: [middle + teeth, 0.56 + teeth * 0.6],
      R: [middle + teeth, 0.56 + teeth * 0.6] });
    const tongue = at(0, base + gap + 0.02);
    out += `<g clip-path="url(#mouth-${drawn})">${fill(ring(upperInner, band), "#f5f6f4")}` +
      `<ellipse cx="${tongue[0].toFixed(1)}" cy="${tongue[1].toFixed(1)}" rx="24" ry="9" ` +
      `fill="#9c5f63"/></g>`;
  }
  out += fill(ring(upperTop, upperInner), LIP) + fill(ring(lowerInner, lowerOut), LIP);
  out += stroke(curve(upperInner), 2.6 + 0.9 * press) + (gap > 0.012 ? stroke(curve(lowerInner), 2) : "");
  out += stroke(curve(upperTop), 1.2, LINE, 0.5) + stroke(curve(lowerOut), 1.4, LINE, 0.55);
  return out + aroundMouth(at, a, corners, base + gap + bulge);
}

// AU14 and AU12: a mark at the corner. AU15: a pouch below it. AU17: the chin's dented boss.
// AU23, AU24, AU28: small lines that tightened lips draw around them.
function aroundMouth(at, a, corners, below) {
  let out = "";
  for (const [side, s] of SIDES) {
    const [x, y] = corners[side];
    out += stroke(curve([at(s * (x + 0.05), y - 0.08), at(s * (x + 0.085), y),
      at(s * (x + 0.05), y + 0.07)]), 2.8, LINE,
    clamp(a(14, side) + 0.25 * a(12, side) + 0.35 * a(20, side), 0, 0.95));
    out += stroke(curve([at(s * (x - 0.01), y + 0.05), at(s * (x + 0.05), y + 0.11),
      at(s * (x + 0.02), y + 0.2)]), 2.2, LINE, 0.9 * a(15, side));
  }
  const lips = Math.max(a(23, ""), a(24, ""), 0.8 * a(28, ""));
  for (const x of [-0.15, -0.05, 0.05, 0.15]) {
    out += stroke(curve([at(x, 0.385), at(x * 0.9, 0.435)]), 1.7, LINE, 0.8 * lips);
  }
  const boss = below + 0.1, push = a(17, "");
  out += stroke(curve([at(-0.2, boss + 0.05), at(-0.1, boss - 0.015), at(0, boss - 0.03),
    at(0.1, boss - 0.015), at(0.2, boss + 0.05)]), 2, LINE, 0.22 + 0.65 * push);
  for (const [x, y] of [[-0.1, 0.08], [0, 0.05], [0.1, 0.08], [-0.05, 0.13], [0.06, 0.13]]) {
    const [px, py] = at(x, boss + y);
    out += push < 0.1 ? "" : `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="2" ` +
      `fill="${LINE}" opacity="${(0.8 * push).toFixed(2)}"/>`;
  }
  return out;
}
