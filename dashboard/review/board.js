// The answers beside the tracks: one row of three for each AU, the class, undo and submit.
//
// board({data, rows, left, send, judge}) draws it; the result's `key(event)` says whether it took a
// key, `focus()` goes to the first row that has no answer. In the mode "show" nothing can be
// changed: each row says what the person answered and what the model did.
// Keys: 1 2 3 answer the row and go on; up and down change the row; R marks the rest as absent;
// in the class 1-8 choose and 0 is "cannot tell"; U takes the last answer back; Enter submits.
// After the blind coding the verdict's letters are passed on to the page, which has buttons for them:
// the page itself doesn't hear a letter while the focus is on an answer.

const MARKS = ["present", "absent", "cannot-see"];
const NOTHING = "cannot-tell";

function board({ data, rows, left, send, judge }) {
  const words = data.words, editable = data.mode !== "show";
  const marks = { ...(data.marks ?? {}) };
  let expression = data.marks ? (data.expression ?? NOTHING) : null;
  const history = [];
  const node = (tag, attributes = {}, parent = null, text = null) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== null) made.textContent = text;
    parent?.append(made);
    return made;
  };

  for (const { row, track } of rows) {
    if (!editable) { compare(row, track.label); continue; }
    const group = node("div", { class: "answers", role: "radiogroup",
      "aria-label": `${track.label} ${track.name}` }, row);
    for (const mark of MARKS) {
      const label = node("label", { title: words[mark] }, group);
      const radio = node("input", { type: "radio", name: `mark-${track.label}`, value: mark,
        "aria-label": words[mark] }, label);
      node("span", {}, label, words[`short-${mark}`]);
      radio.onchange = () => { put(track.label, mark); };
    }
    if (data.mode === "fix") differs(row, track.label);
  }

  const side = node("div", { class: "side" }, left);
  const classes = node("fieldset", { class: "classes" }, side);
  node("legend", {}, classes, words.expression);
  const choices = [...data.expressions, { key: NOTHING, name: words.nothing }];
  choices.forEach((choice, i) => {
    const label = node("label", {}, classes);
    const radio = node("input", { type: "radio", name: "expression", value: choice.key }, label);
    radio.disabled = !editable;
    node("span", {}, label, `${(i + 1) % choices.length} ${choice.name}`);
    radio.onchange = () => { putExpression(choice.key); };
  });
  const buttons = node("div", { class: "buttons" }, side);
  const rest = node("button", { type: "button" }, buttons, `${words.rest} (R)`);
  const undo = node("button", { type: "button" }, buttons, `${words.undo} (U)`);
  const submit = node("button", { type: "button", class: "primary" }, buttons,
    `${data.mode === "fix" ? words.correct : words.submit} (Enter)`);
  const left_over = node("p", { class: "left-over", role: "status" }, side);
  rest.onclick = fillRest;
  undo.onclick = takeBack;
  submit.onclick = finish;
  buttons.hidden = !editable;

  function put(label, mark) {
    history.push({ label, before: marks[label] });
    marks[label] = mark;
    refresh();
  }
  function putExpression(key) {
    history.push({ expression: true, before: expression });
    expression = key;
    refresh();
  }
  function fillRest() {
    const before = { ...marks };
    for (const { track } of rows) marks[track.label] ??= "absent";
    history.push({ all: before });
    refresh();
  }
  function takeBack() {
    const last = history.pop();
    if (!last) return;
    if (last.all) {
      for (const key of Object.keys(marks)) delete marks[key];
      Object.assign(marks, last.all);
    } else if (last.expression) expression = last.before;
    else if (last.before === undefined) delete marks[last.label];
    else marks[last.label] = last.before;
    refresh();
  }
  function missing() {
    return rows.filter(({ track }) => !marks[track.label]).length + (expression === null ? 1 : 0);
  }
  function finish() {
    if (missing() || submit.disabled) return;
    submit.disabled = true;
    send({ id: data.id, marks, expression: expression === NOTHING ? null : expression });
  }
  function refresh() {
    for (const { row, track } of rows) {
      row.classList.toggle("open", editable && !marks[track.label]);
      for (const radio of row.querySelectorAll("input")) {
        radio.checked = marks[track.label] === radio.value;
      }
    }
    for (const radio of classes.querySelectorAll("input")) {
      radio.checked = expression === radio.value;
    }
    undo.disabled = history.length === 0;
    submit.disabled = missing() > 0;
    left_over.textContent = !editable ? "" : missing()
      ? words.missing.replace("{n}", missing()) : words.complete;
  }
  function compare(row, label) {
    const mine = marks[label], said = data.said?.[label];
    const text = node("div", { class: "compare" }, row);
    node("span", {}, text, `${words.you}: ${words[`short-${mine}`] ?? "–"}`);
    node("span", {}, text, `${words.model}: ${words[`short-${said}`] ?? "–"}`);
    if (mine !== said && said !== "cannot-see" && mine !== "cannot-see") {
      row.classList.add("differs");
      text.setAttribute("title", words.differs);
      node("span", { class: "sign", role: "img", "aria-label": words.differs }, text, "≠");
    }
  }
  function differs(row, label) {
    const said = data.said?.[label];
    if (said && said !== "cannot-see") {
      row.querySelector(`input[value="${said}"]`)?.parentElement.classList.add("said");
    }
  }

  const groups = () => [...rows.map(({ row }) => row.querySelector("input")),
    classes.querySelector("input")];
  function focusOn(index) {
    const all = groups();
    const at = Math.min(Math.max(index, 0), all.length - 1);
    const holder = at < rows.length ? rows[at].row : classes;
    const target = holder.querySelector("input:checked") ?? all[at];
    target?.focus({ preventScroll: true });
    holder.scrollIntoView?.({ block: "nearest" });
  }
  function place(target) {
    const at = rows.findIndex(({ row }) => row.contains(target));
    if (at >= 0) return at;
    return classes.contains(target) ? rows.length : -1;
  }
  function key(event) {
    const at = place(event.target), pressed = event.key.toLowerCase();
    if (data.mode !== "code" && data.verdicts.includes(pressed)) {
      judge(pressed);
      return true;
    }
    if (!editable) return false;
    if (pressed === "arrowdown" || pressed === "arrowup") {
      if (event.target.type === "range") return false;
      focusOn(at + (pressed === "arrowdown" ? 1 : -1));
    } else if (pressed === "u") takeBack();
    else if (pressed === "r") { fillRest(); focusOn(rows.length); }
    else if (pressed === "enter" && event.target.tagName !== "BUTTON") finish();
    else if (/^[0-9]$/.test(pressed) && at === rows.length) {
      const choice = choices[pressed === "0" ? choices.length - 1 : Number(pressed) - 1];
      if (!choice) return false;
      putExpression(choice.key);
      focusOn(at);
    } else if (/^[123]$/.test(pressed) && at >= 0) {
      put(rows[at].track.label, MARKS[Number(pressed) - 1]);
      focusOn(at + 1);
    } else return false;
    return true;
  }
  function focus() {
    if (data.mode === "code") focusOn(0);
    if (data.mode !== "fix") return;
    const first = rows.findIndex(({ track }) => data.said?.[track.label] !== marks[track.label]);
    focusOn(Math.max(first, 0));
  }
  refresh();
  return { key, focus };
}
