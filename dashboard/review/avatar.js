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
const BLUSH = "#d9bdb8", MOUTH = "#4b2f35";
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
  // Features turn with the head; its outline, like any ball's, hardly changes.
  const yaw = soft(pose.yaw ?? 0, 36), pitch = soft(pose.pitch ?? 0, 24);
  const at = projector(yaw, pitch), rim = projector(0.15 * yaw, 0.3 * pitch);
  const each = (draw) => SIDES.map(([side, s]) => draw(side, s)).join("");
  const roll = Number.isFinite(pose.roll) ? pose.roll : 0;
  const parts = [
    ears(at, rim, (s) => s * yaw > -8 && s * yaw < 18), part("head", head(rim, a)),
    ears(at, rim, (s) => s * yaw <= -8),
    forehead(at, a), cheeks(at, a),
    each((side, s) => part(`eye-${side}`, eye(at, a, side, s, gaze))),
    each((side, s) => part(`brow-${side}`, brow(at, a, side, s))),
    part("nose", nose(at, a)), part("mouth", mouth(at, a, both)), hair(at, rim),
  ];
  return `${neck()}<g transform="rotate(${roll.toFixed(1)} 200 250)">${parts.join("")}</g>`;
}

// Parts have names, so that a test can measure what an Action Unit moves.
const part = (name, body) => `<g data-part="${name}">${body}</g>`;

// An angle that never passes `most`: further round, the far half of the face would be out of sight.
const soft = (degrees, most) => most * Math.tanh((Number.isFinite(degrees) ? degrees : 0) / most);

function projector(yaw, pitch) {
  const cy = Math.cos(rad(yaw)), sy = Math.sin(rad(yaw));
  const cp = Math.cos(rad(pitch)), sp = Math.sin(rad(pitch));
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
const chin = (a) => 1.16 + 0.23 * a(26, "") - 0.03 * a(17, "");

function neck() {
  return fill("M138 300L134 440L266 440L262 300Z", SHADE);
}

function head(at, a) {
  const low = chin(a), jaw = 0.1 * a(26, "");
  const half = [[0, -1.42], [0.5, -1.32], [0.88, -0.98], [1.02, -0.5], [1.0, 0], [0.93, 0.42],
    [0.74, 0.8 + jaw], [0.42, low - 0.07], [0, low]];
  const points = [...half.map(([x, y]) => at(x, y)),
    ...half.slice(1, -1).reverse().map(([x, y]) => at(-x, y))];
  return fill(curve(points, true), SKIN) + stroke(curve(points, true), 2.2);
}

// An ear sits far back: the near one comes forward as the head turns, the far one goes behind it.
function ears(at, rim, wanted) {
  return SIDES.filter(([, s]) => wanted(s)).map(([, s]) => {
    const x = 0.75 * rim(s * 1.05, -0.22)[0] + 0.25 * at(s * 1.05, -0.22)[0];
    const y = rim(s * 1.05, -0.22)[1];
    return `<ellipse cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" rx="11" ry="24" fill="${SKIN}" ` +
      `stroke="${LINE}" stroke-width="2"/>`;
  }).join("");
}

function hair(at, rim) {
  const half = [[1.05, -0.45], [1.04, -0.95], [0.72, -1.42], [0, -1.58]];
  const inner = [[0.95, -0.72], [0.72, -1.06], [0, -1.17]];
  const outer = [...half, ...half.slice(0, -1).reverse().map(([x, y]) => [-x, y])];
  const edge = [...inner.map(([x, y]) => [-x, y]),
    ...inner.slice(0, -1).reverse().map(([x, y]) => [x, y])];
  const line = [...outer.map(([x, y]) => rim(x, y)), ...edge.map(([x, y]) => at(x, y))];
  return fill(curve(line, true), HAIR);
}

// Horizontal lines of AU1 (middle) and AU2 (sides), vertical furrows of AU4; each on its own side.
function forehead(at, a) {
  return SIDES.map(([side, s]) => {
    const inner = a(1, side), outer = a(2, side);
    // The lines lie above the brow, however high that is.
    const low = -0.84 - 0.1 * Math.max(inner, outer) - 0.04 * Math.min(inner, outer);
    const line = (points) => curve(points.map(([x, y]) => at(s * x, y)));
    const lines = [low - 0.08, low].map((y) =>
      stroke(line([[0.02, y - 0.04], [0.16, y - 0.03], [0.3, y - 0.01]]), 1.8, LINE, 0.75 * inner) +
      stroke(line([[0.36, y], [0.55, y - 0.02], [0.74, y + 0.06]]), 1.8, LINE, 0.75 * outer));
    return lines.join("") +
      stroke(line([[0.06, -0.66], [0.045, -0.55], [0.06, -0.44]]), 2.4, LINE, 0.95 * a(4, side));
  }).join("");
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
  const below = (0.075 - 0.055 * tight - 0.05 * cheek) * open - 0.035 * blink;
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
    out += `<clipPath id="${id}"><path d="${outline}"/></clipPath>` +
      part(`opening-${side}`, fill(outline, "#fbfcfd")) +
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
    const put = ([x, y]) => at(s * x, y);
    const fold = clamp(0.12 + 0.65 * smile + 0.7 * lip + 0.7 * wrinkle + 0.3 * cheek, 0, 0.95);
    const top = 0.1 - 0.08 * wrinkle - 0.03 * lip;
    // A smile pushes the fold out and round; a raised upper lip makes it steep and deep.
    const line = [[0.2, top], [0.31 + 0.09 * smile - 0.02 * wrinkle, 0.2 - 0.04 * lip],
      [0.4 + 0.16 * smile + 0.02 * lip, 0.36 - 0.03 * smile],
      [0.41 + 0.17 * smile + 0.03 * lip, 0.5 - 0.01 * smile + 0.4 * drop]];
    const up = 0.07 * cheek;
    const apple = [[0.3, 0.07], [0.46, -0.01], [0.64, -0.03], [0.79, 0.02], [0.74, 0.15],
      [0.57, 0.23], [0.39, 0.19]].map(([x, y]) => put([x, y - up]));
    const under = [[0.27, 0.03], [0.42, 0.02], [0.6, -0.01], [0.8, -0.07]]
      .map(([x, y]) => put([x, y - up]));
    return fill(curve(apple, true), BLUSH, 0.7 * cheek) +
      stroke(curve(under), 2.2, LINE, 0.8 * cheek) + stroke(curve(line.map(put)), 2.2, LINE, fold);
  }).join("");
}

function nose(at, a) {
  let out = "";
  for (const [side, s] of SIDES) {
    const wrinkle = a(9, side), up = 0.075 * wrinkle + 0.025 * a(10, side), wide = 0.02 * wrinkle;
    out += stroke(curve([at(s * (0.155 + wide), 0.03 - up, 0.05),
      at(s * (0.2 + wide), 0.12 - up, 0.04), at(s * (0.13 + wide), 0.175 - up, 0.08)]),
    2.2 + 0.8 * wrinkle);
    out += stroke(curve([at(s * (0.105 + wide), 0.165 - up, 0.14), at(s * 0.05, 0.155 - up, 0.18)]),
      3);
    // AU9: folds across the root of the nose and down its side, up to the inner corner of the eye.
    for (const i of [0, 1, 2]) {
      const y = -0.4 + 0.1 * i;
      out += stroke(curve([at(s * 0.012, y - 0.03, 0.14), at(s * 0.08, y, 0.08),
        at(s * (0.15 + 0.012 * i), y + 0.07, 0.03)]), 2.4, LINE, 0.95 * wrinkle);
    }
  }
  const tip = 0.16 - 0.05 * Math.max(a(9, "L"), a(9, "R"));
  out += stroke(curve([at(-0.05, tip + 0.015, 0.24), at(0, tip + 0.03, 0.25),
    at(0.05, tip + 0.015, 0.24)]), 2, LINE, 0.8);
  return out + stroke(curve([at(0.075, -0.3, 0.1), at(0.06, -0.12, 0.16), at(0.09, 0.03, 0.2)]),
    1.6, LINE, 0.28);
}

function corner(a, side) {
  const smile = a(12, side), frown = a(15, side), stretch = a(20, side), dimple = a(14, side);
  const narrow = 0.075 * a(23, "") + 0.015 * a(24, "") + 0.03 * a(26, "") + 0.02 * a(28, "");
  return [
    0.31 + 0.14 * smile + 0.17 * stretch + 0.05 * dimple + 0.02 * frown - narrow,
    0.56 - 0.17 * smile + 0.15 * frown + 0.03 * stretch + 0.05 * a(26, "") - 0.02 * dimple,
  ];
}

function mouth(at, a, both) {
  const push = a(17, ""), drop = a(26, ""), tight = a(23, ""), press = a(24, ""), suck = a(28, "");
  // Lips part by AU25; a dropped jaw draws them further apart, and a little on its own.
  // Half-parted lips must show as such, hence the power: a slit between them is soon lost.
  const parted = a(25, ""), apart = 0.125 * parted ** 0.7 + drop * (0.14 + 0.1 * parted);
  const gap = apart * (1 - 0.85 * press) * (1 - 0.6 * suck);
  const stretch = (a(20, "L") + a(20, "R")) / 2;
  const thin = (1 - 0.45 * tight) * (1 - 0.6 * press) * (1 - 0.94 * suck) * (1 - 0.35 * stretch);
  const raise = { L: a(10, "L"), R: a(10, "R") };
  const lift = { L: 0.025 * a(12, "L"), R: 0.025 * a(12, "R") };
  const rise = (side) => 0.09 * raise[side] + 0.04 * a(9, side) + lift[side];
  const middle = 0.56 - 0.075 * push - 0.02 * parted - 0.5 * (rise("L") + rise("R")) * 0.6;
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
  const base = 0.56 - 0.085 * push;
  const upperInner = sweep({ mid: middle, L: inner("L"), R: inner("R") });
  const upperTop = sweep({ mid: middle - 0.062 * thin, L: top("L"), R: top("R") });
  const lowIn = [base + gap, base + 0.78 * gap];
  const lowerInner = sweep({ mid: base + gap + 0.004, L: lowIn, R: lowIn });
  const bulge = 0.105 * thin + 0.03 * push;
  const lowOut = [base + gap + bulge, base + 0.78 * gap + 0.75 * bulge];
  const lowerOut = sweep({ mid: base + gap + 1.03 * bulge, L: lowOut, R: lowOut });
  const ring = (one, two) => `${curve(one)}L${curve([...two].reverse()).slice(1)}Z`;
  let out = "";
  if (gap > 0.012) {
    const hole = ring(upperInner, lowerInner);
    out += `<clipPath id="mouth-${drawn}"><path d="${hole}"/></clipPath>` +
      part("gap", fill(hole, MOUTH));
    const teeth = 0.035 + 0.03 * both(12) + 0.05 * Math.max(raise.L, raise.R);
    const band = sweep({ mid: middle + teeth, L: [middle + teeth, 0.56 + teeth * 0.6],
      R: [middle + teeth, 0.56 + teeth * 0.6] });
    const tongue = at(0, base + gap + 0.02);
    out += `<g clip-path="url(#mouth-${drawn})">${fill(ring(upperInner, band), "#f5f6f4")}` +
      `<ellipse cx="${tongue[0].toFixed(1)}" cy="${tongue[1].toFixed(1)}" rx="24" ry="9" ` +
      `fill="#9c5f63"/></g>`;
  }
  out += fill(ring(upperTop, upperInner), LIP) + fill(ring(lowerInner, lowerOut), LIP);
  out += part("lip-line", stroke(curve(upperInner), 2.6 + 0.9 * press)) +
    (gap > 0.012 ? stroke(curve(lowerInner), 2) : "");
  out += stroke(curve(upperTop), 1.2, LINE, 0.5) + stroke(curve(lowerOut), 1.4, LINE, 0.55);
  return out + aroundMouth(at, a, corners, base + gap + bulge);
}

// AU14 and AU12: a mark at the corner. AU20: the skin beside it in folds. AU15: a pouch below it.
function besideMouth(at, a, side, s, [x, y]) {
  const put = (points) => curve(points.map(([dx, dy]) => at(s * (x + dx), y + dy)));
  const dimple = clamp(a(14, side) + 0.25 * a(12, side), 0, 0.95), stretch = 0.85 * a(20, side);
  return stroke(put([[0.05, -0.08], [0.085, 0], [0.05, 0.07]]), 2.8, LINE, dimple) +
    stroke(put([[0.045, -0.06], [0.06, 0], [0.045, 0.06]]), 2, LINE, stretch) +
    stroke(put([[0.1, -0.08], [0.125, 0.01], [0.1, 0.1]]), 2, LINE, stretch) +
    stroke(put([[-0.01, 0.05], [0.05, 0.11], [0.02, 0.2]]), 2.4, LINE, 0.95 * a(15, side));
}

// AU23: short lines that tightened lips draw. AU24: the skin bulges above and below pressed lips.
// AU28: the skin is drawn in over the teeth. AU17: the chin's dented boss.
function aroundMouth(at, a, corners, below) {
  let out = SIDES.map(([side, s]) => besideMouth(at, a, side, s, corners[side])).join("");
  const tight = a(23, ""), press = a(24, ""), suck = a(28, "");
  for (const x of [-0.15, -0.05, 0.05, 0.15]) {
    out += stroke(curve([at(x, 0.4), at(x * 0.9, 0.45)]), 1.8, LINE, 0.9 * tight) +
      stroke(curve([at(x * 0.9, below + 0.025), at(x, below + 0.07)]), 1.8, LINE, 0.8 * tight);
  }
  out += stroke(curve([at(-0.22, 0.47), at(0, 0.425), at(0.22, 0.47)]), 2, LINE, 0.75 * press) +
    stroke(curve([at(-0.22, below + 0.03), at(0, below + 0.065), at(0.22, below + 0.03)]), 2, LINE,
      0.75 * press);
  for (const [, s] of SIDES) {
    out += stroke(curve([at(s * 0.16, 0.42), at(s * 0.21, 0.48), at(s * 0.19, 0.53)]), 2, LINE,
      0.8 * suck) +
      stroke(curve([at(s * 0.19, 0.6), at(s * 0.21, 0.65), at(s * 0.16, 0.71)]), 2, LINE,
        0.8 * suck);
  }
  const boss = below + 0.1, push = a(17, "");
  out += stroke(curve([at(-0.2, boss + 0.05), at(-0.1, boss - 0.015), at(0, boss - 0.03),
    at(0.1, boss - 0.015), at(0.2, boss + 0.05)]), 2 + push, LINE, 0.22 + 0.7 * push);
  for (const [x, y] of [[-0.12, 0.08], [-0.04, 0.05], [0.05, 0.06], [0.12, 0.09], [-0.08, 0.14],
    [0.01, 0.13], [0.09, 0.15]]) {
    const [px, py] = at(x, boss + y);
    out += push < 0.1 ? "" : `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="2.4" ` +
      `fill="${LINE}" opacity="${(0.85 * push).toFixed(2)}"/>`;
  }
  return out;
}
