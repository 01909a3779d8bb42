// Replays a clip: the drawn face beside its AU tracks, with a scrubber; no picture anywhere. Where a
// person codes, each track carries its three answers (board.js).
//
// Mounted by dashboard/review/player.py, which joins avatar.js, board.js and this file. `data` is
//   {id, mode: "code" | "show" | "fix", seconds, times: [s], au: {label: [0-5 or null]},
//    pose: [[pitch, yaw, roll]], gaze: [[yaw, pitch]] or null,
//    groups: [{name, tracks: [{label, name, facs, sides: [label]}]}],
//    marks: {label: mark} or null, said: {label: mark} or null,
//    expressions: [{key, name}], expression: key or null, verdicts: [letter], words: {...}}
// `said` (the model's answers) is there only in the modes "show" and "fix", after the blind coding.
// Everything runs in the reviewer's browser: scrubbing and coding ask the server for nothing.
// Keys: space plays and pauses, left and right step, Home and End jump; board.js adds its own.

const SPEEDS = [0.5, 1, 2];
const WIDTH = 240, HEIGHT = 30;

export default function mount({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  // The page is drawn again now and then; a clip that is on the screen stays as it is.
  const stamp = JSON.stringify([data.id, data.mode, data.words.play]);
  if (root.dataset.stamp === stamp) return undefined;
  root.dataset.stamp = stamp;
  root.stop?.();
  root.replaceChildren();
  const make = (tag, attributes = {}, parent = root) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    parent.append(node);
    return node;
  };
  const words = data.words, last = data.times.length - 1;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", words.player);

  const stage = make("div", { class: "stage" });
  const left = make("div", { class: "left" }, stage);
  const view = make("div", { class: "view" }, left);
  const picture = make("div", { class: "face" }, view);
  const bar = make("div", { class: "bar" }, view);
  const play = make("button", { type: "button", class: "play" }, bar);
  const scrub = make("input", { type: "range", min: 0, max: last, step: 1, value: 0,
    "aria-label": words.position }, bar);
  const clock = make("span", { class: "clock" }, bar);
  const speed = make("button", { type: "button", class: "speed", "aria-label": words.speed }, bar);
  const right = make("div", { class: "tracks" }, stage);
  const rows = [];
  for (const group of data.groups) {
    const head = make("h3", {}, right);
    make("span", {}, head).textContent = group.name;
    if (!rows.length) make("small", {}, head).textContent = words.sides;
    for (const track of group.tracks) rows.push(drawTrack(track, data, right));
  }

  const state = { index: 0, playing: false, speed: 1, shown: 0, began: 0 };

  function show(index) {
    state.index = Math.min(last, Math.max(0, index));
    const values = {};
    for (const [label, series] of Object.entries(data.au)) values[label] = series[state.index];
    const [pitch, yaw, roll] = data.pose[state.index];
    const looked = data.gaze?.[state.index];
    const gaze = looked ? { yaw: looked[0], pitch: looked[1] } : null;
    picture.innerHTML = `<svg viewBox="40 10 320 420" role="img" aria-label="${words.face}">` +
      `${face(values, { pitch, yaw, roll }, gaze)}</svg>`;
    scrub.value = String(state.index);
    const time = data.times[state.index];
    clock.textContent = `${time.toFixed(1)} / ${data.seconds.toFixed(1)} s`;
    scrub.setAttribute("aria-valuetext", `${time.toFixed(1)} s`);
    const x = (WIDTH * time) / Math.max(data.seconds, 0.1);
    rows.forEach(({ line, value, track }) => {
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      value.textContent = track.sides
        .map((side) => data.au[side][state.index])
        .map((v) => (v === null || v === undefined ? "–" : v.toFixed(1))).join(" / ");
    });
  }

  function setPlaying(on) {
    state.playing = on;
    play.textContent = on ? "❚❚" : "▶";
    play.setAttribute("aria-label", on ? words.pause : words.play);
    if (!on) return;
    if (state.index >= last) show(0);
    state.began = performance.now();
    state.shown = data.times[state.index];
    requestAnimationFrame(step);
  }

  function step(now) {
    if (!state.playing || !root.isConnected) return;
    const time = state.shown + ((now - state.began) / 1000) * state.speed;
    let index = state.index;
    while (index < last && data.times[index + 1] <= time) index += 1;
    if (index !== state.index) show(index);
    if (index >= last) setPlaying(false);
    else requestAnimationFrame(step);
  }

  function setSpeed(value) {
    state.speed = value;
    state.began = performance.now();
    state.shown = data.times[state.index];
    speed.textContent = `${value}×`;
  }

  play.onclick = () => setPlaying(!state.playing);
  speed.onclick = () => setSpeed(SPEEDS[(SPEEDS.indexOf(state.speed) + 1) % SPEEDS.length]);
  scrub.oninput = () => { setPlaying(false); show(Number(scrub.value)); };
  const coding = board({ data, rows, left,
    send: (value) => setTriggerValue("coded", value),
    judge: (letter) => setTriggerValue("judged", letter) });
  root.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (coding.key(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const inRadio = event.target.type === "radio";
    const moves = { Home: 0, End: last, ArrowLeft: state.index - 1, ArrowRight: state.index + 1 };
    if (event.key === " " && event.target.tagName !== "BUTTON") {
      setPlaying(!state.playing);
    } else if (event.key in moves && event.target !== scrub && !inRadio) {
      setPlaying(false);
      show(moves[event.key]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  setSpeed(1);
  setPlaying(false);
  show(0);
  coding.focus();
  if (data.mode === "show") {
    // So that space plays it once more, and a verdict's letter is heard, without the mouse.
    root.tabIndex = -1;
    root.focus({ preventScroll: true });
  }
  root.stop = () => { state.playing = false; };
  return undefined;
}

// One small chart: an AU's two sides over time (left solid, right dashed), and its present value.
function drawTrack(track, data, parent) {
  const row = document.createElement("div");
  row.className = "track";
  const label = document.createElement("span");
  label.className = "label";
  label.title = `${track.label} ${track.facs}`;
  const number = document.createElement("b");
  number.textContent = track.label;
  const facs = document.createElement("small");
  facs.textContent = track.facs;
  label.append(number, ` ${track.name} `, facs);
  const value = document.createElement("span");
  value.className = "value";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const point = (t, v) => `${((WIDTH * t) / Math.max(data.seconds, 0.1)).toFixed(1)} ` +
    `${(HEIGHT - 2 - (v / 5) * (HEIGHT - 4)).toFixed(1)}`;
  track.sides.forEach((side, i) => {
    // A value that is missing leaves a gap, never a line through zero.
    let d = "", pen = "M";
    data.au[side].forEach((v, k) => {
      if (v === null) { pen = "M"; return; }
      d += `${pen}${point(data.times[k], v)}`;
      pen = "L";
    });
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", d);
    path.setAttribute("class", i ? "second" : "first");
    svg.append(path);
  });
  const line = document.createElementNS(svg.namespaceURI, "line");
  line.setAttribute("y1", 0);
  line.setAttribute("y2", HEIGHT);
  svg.append(line);
  row.append(label, svg, value);
  parent.append(row);
  return { row, line, value, track };
}
