// The page: one session, one request at a time, and the wires between stage, panel and server.
// Gradio runs this inside gr.HTML with `element`, `trigger`, `props`, `watch` and `upload`. What the server answers comes
// as JSON text in `props.value`; a whole snapshot of the session each time, less the pictures we said we have.
const root = element.querySelector(".sp");
const one = (selector) => root.querySelector(selector);
const all = (selector) => [...root.querySelectorAll(selector)];
const KEPT = { session: "sam2-painter.session", recent: "sam2-painter.recent", paint: "sam2-painter.paint" };

const state = { sid: null, session: null, have: {}, queue: [], flying: null, seq: 0, job: false, wall: null, picked: new Set(), dropper: false, boot: {} };

// -- asking the server --------------------------------------------------------------------------------------------------
// One request flies at a time, so answers cannot overtake each other; clicks that pile up meanwhile fly together.

function ask(verb, args = {}, busy = "") {
  const last = state.queue[state.queue.length - 1];
  if (verb === "click" && last && last.verb === "click" && last.args.mode === args.mode) last.args.points.push(...args.points);
  else state.queue.push({ verb, args, busy });
  fly();
}

async function fly() {
  if (state.flying || !state.queue.length) return;
  const job = state.queue.shift();
  state.flying = { ...job, seq: ++state.seq, at: performance.now() };
  const { seq } = state.flying;
  setTimeout(showBusy, 150);
  try {
    const args = job.file ? { ...job.args, path: (await upload(job.file)).path } : job.args;
    if (state.flying && state.flying.seq === seq) trigger(`ask_${job.verb}`, { ...args, sid: state.sid, have: state.have, seq });
  } catch (error) {
    landed(seq, false);
    say("The file could not be sent. Check its size and your connection, then try again.");
  }
}

function landed(seq, well) {
  if (!state.flying || (seq !== undefined && seq !== state.flying.seq)) return;
  const { verb } = state.flying;
  state.flying = null;
  if (!well) {
    state.queue.length = 0; // they were meant for what did not happen
    if (state.session) {
      showSelection(state.session);
      panel.showLayers(state.session.layers, state.session.selection.mask_id);
      if (verb !== "resume") ask("resume"); // see whether it is still there, and how
    } else root.dataset.state = "start";
  }
  showBusy();
  fly();
}

function showBusy() {
  const busy = one(".sp-busy"), flying = state.flying;
  const shown = Boolean(flying && performance.now() - flying.at > 140);
  busy.hidden = !shown;
  root.classList.toggle("sp-waiting", shown);
  if (shown) busy.querySelector("span").textContent = flying.busy || "Working";
}

async function receive() {
  let reply;
  try { reply = JSON.parse(props.value); } catch { return; }
  if (reply.boot) return boot(reply.boot);
  const { flying } = state;
  if (!flying || reply.seq !== flying.seq) return; // an answer nobody waits for
  if (flying.args.picked) state.pickedFor = reply.session.selection.mask_id;
  if (reply.session) await show(reply.session);
  if (reply.gone) { forget(); say(reply.gone); }
  if (reply.notes && reply.notes.length) say(reply.notes.join(" "));
  if (reply.color) {
    if (!flying.args.told) panel.setPaint({ color: reply.color.color });
    panel.describe(reply.color);
    if (reply.session) panel.remember(reply.color.color);
  }
  if (reply.wall_color) panel.showWall(reply.wall_color);
  if (reply.wall) state.wall = { ...reply.wall, image: await picture(reply.wall.url) };
  if (reply.download) save(reply.download);
  root.dataset.seq = reply.seq; // what the tests wait for
  if (reply.detail && reply.detail.key === state.have.picture) stage.show({ detail: { image: await picture(reply.detail.url), box: reply.detail.box } });
  if (flying.args.then === "paint") paintSelection();
  else if (state.session && !panel.isDescribed() && !state.queue.length && !flying.args.told) ask("color", { text: panel.paint.color, told: true });
  landed(reply.seq, true);
}

function picture(url) {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image);
}

function save({ path, filename }) {
  const here = location.origin + location.pathname.replace(/[^/]*$/, ""); // the API is beside the page
  const url = `${here}api${path}`;
  const link = panel.node("a", { href: url, download: filename });
  root.append(link);
  link.click();
  link.remove();
}

// -- showing the session ------------------------------------------------------------------------------------------------

async function show(session) {
  if (state.session && session.sid === state.sid && session.revision < state.session.revision) return;
  const opened = session.sid !== state.sid || !state.session;
  // Everything is decoded before anything is shown: no flicker, no half of an answer.
  const [photo, painted, mask, map] = await Promise.all([session.photo, session.picture, session.selection.mask, session.regions && session.regions.map].map((part) => (part && part.url ? picture(part.url) : null)));
  state.sid = session.sid;
  state.session = session;
  keep(KEPT.session, session.sid);
  if (opened || photo) {
    if (photo) stage.open(session.width, session.height, photo);
    state.have = { photo: session.photo.key, palette: state.have.palette };
    state.wall = null;
    root.dataset.state = "photo";
    one(".sp-file").textContent = session.name ? `${session.name} \u00b7 ${session.width} \u00d7 ${session.height}` : "";
    one(".sp-file").title = session.name;
  }
  if (painted || !session.picture.key) {
    if (stage.shown.detail) lookCloser();
    stage.show({ picture: painted, detail: null });
  }
  state.have.picture = session.picture.key;
  if (session.regions) {
    if (map) { stage.show({ regions: stage.regionsFrom(map) }); panel.showRegions(session.regions); }
    state.have.regions = session.regions.key;
    const count = session.regions.count;
    one(".sp-count").textContent = `${count} region${count === 1 ? "" : "s"}, largest first`;
    one('[name="sp-tool"][value="pick"]').disabled = false;
    if (map && !opened) setTool("pick");
  } else {
    stage.show({ regions: null });
    panel.showRegions(null);
    one(".sp-count").textContent = "";
    one('[name="sp-tool"][value="pick"]').disabled = true;
    if (toolNow() === "pick") setTool("point");
  }
  if (mask) state.mask = { key: session.selection.mask.key, image: mask };
  if (session.palette.paints) panel.showPalette(session.palette);
  state.have.palette = session.palette.key;
  state.have.mask = session.selection.mask.key;
  showSelection(session);
  panel.showLayers(session.layers, session.selection.mask_id);
  const labels = { undo: "Undo", redo: "Redo" };
  for (const verb of ["undo", "redo"]) {
    const button = one(`[data-do="${verb}"]`);
    button.disabled = !session[verb];
    button.title = `${labels[verb]}${session[verb] ? ` \u201c${session[verb]}\u201d` : ""} (${verb === "undo" ? "Ctrl+Z" : "Ctrl+Shift+Z"})`;
  }
  one('[data-do="compare"]').disabled = !session.picture.key;
  if (!session.picture.key) compare(false);
}

function showSelection(session) {
  const { selection, layers } = session;
  stage.endTrial();
  const layer = layers.findIndex((other) => other.mask_id === selection.mask_id && selection.mask_id !== null);
  const painted = layer >= 0 && layers[layer].visible;
  const drawn = selection.mask_id === null || !state.mask || state.mask.key !== selection.mask.key ? null : stage.selectionFrom(state.mask.image, selection.box, painted);
  stage.show({ selection: drawn, points: selection.points, pending: [] });
  const some = selection.mask_id !== null;
  one(".sp-area").textContent = some ? `${selection.category}${selection.category && ", "}${(100 * selection.area).toFixed(1)}% of the photo` : "nothing yet";
  one('[data-do="clear"]').disabled = !some && !selection.points.length;
  for (const verb of ["paint", "wall-color"]) one(`[data-do="${verb}"]`).disabled = !some;
  if (state.wallOf !== `${session.sid}/${selection.mask_id}`) panel.showWall(null);
  state.wallOf = `${session.sid}/${selection.mask_id}`;
  one('[data-do="paint"] span').textContent = painted ? "Repaint the selection" : "Paint the selection";
  const answers = selection.candidates.length > 1 ? selection.candidates : [];
  panel.refill(one(".sp-candidates div"), answers.map((score, index) => {
    const button = panel.node("button", { type: "button", className: "sp-chipbutton", "aria-pressed": String(index === selection.choice), title: `Answer ${index + 1}, score ${score.toFixed(2)} (C)`, onclick: () => choose(index) });
    button.textContent = `${index + 1} \u00b7 ${Math.round(100 * score)}%`;
    return button;
  }));
  if (layer >= 0 && state.shownLayer !== `${session.sid}/${selection.mask_id}/${session.revision}`) {
    const { color, opacity, light, shadow, mode } = layers[layer];
    panel.setPaint({ color, mode, opacity: Math.round(100 * opacity), light: Math.round(100 * light), shadow: Math.round(100 * shadow) });
    state.shownLayer = `${session.sid}/${selection.mask_id}/${session.revision}`;
  }
  if (state.pickedFor !== selection.mask_id) state.picked = new Set(some ? [selection.mask_id] : []);
  panel.markRegions(state.picked);
  advise();
}

const ADVICE = { // what a hand may do next, by its tool
  point: "Click a wall to select it.",
  box: "Draw a box around a wall.",
  pick: "Click a region to select it.",
  hand: "Drag the photo to move it.",
  dropper: "Click the photo where it has the colour you want.",
  selected: `Choose a colour, or click to refine: ${matchMedia("(hover: none)").matches ? "a long press" : "right-click"} takes away.`,
  painted: "Painted. Choose another colour to repaint it, or click the next wall.",
};

function advise() {
  const selected = state.session && state.session.selection.mask_id !== null, painted = stage.shown.selection?.painted;
  one(".sp-status").textContent = ADVICE[state.dropper ? "dropper" : painted ? "painted" : selected ? "selected" : toolNow()];
}

function say(sentence) { // a toast of our own, for what never reached the server
  all(".sp-toast").forEach((earlier) => earlier.remove());
  const toast = panel.node("div", { className: "sp-toast", role: "alert" }, sentence);
  root.append(toast);
  setTimeout(() => toast.remove(), 8000);
}

function forget() {
  state.queue.length = 0;
  Object.assign(state, { sid: null, session: null, have: {}, wall: null, mask: null, picked: new Set() });
  drop(KEPT.session);
  one(".sp-file").textContent = one(".sp-file").title = "";
  stage.close();
  compare(false);
  root.dataset.state = "start";
}

// -- what people do -------------------------------------------------------------------------------------------------------

const mode = () => one('[name="sp-mode"]:checked').value;
const toolNow = () => one('[name="sp-tool"]:checked').value;

function setTool(name) {
  const radio = one(`[name="sp-tool"][value="${name}"]`);
  if (radio.disabled) return;
  radio.checked = true;
  stage.tool(name);
  advise();
}

function open(file) {
  if (!file) return;
  if (/\.(gpl|ase|json)$/i.test(file.name) && state.session) return loadPalette(file);
  const { max_file_size: most } = state.boot;
  if (file.size > most) return say(`${file.name} is ${megabytes(file.size)}; at most ${megabytes(most)} are allowed.`);
  if (!file.size) return say(`${file.name} is empty: choose another photo.`);
  state.queue.push({ verb: "open", args: { name: file.name }, file, busy: "Opening the photo" });
  ready();
}

function ready() { // after opening, let the engine read the photo, so that the first click is quick
  ask("embed", {}, "The engine is reading the photo");
}

function loadPalette(file) {
  if (!file) return;
  const { max_palette_size: most } = state.boot;
  if (file.size > most) return say(`${file.name} is ${megabytes(file.size)}; a palette has at most ${megabytes(most)}.`);
  state.queue.push({ verb: "load_palette", args: { name: file.name }, file, busy: "Reading the palette" });
  fly();
}

const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MB`;

function choose(index) { ask("choose", { choice: index }); }

function cycle(step) {
  if (!state.session) return;
  const { candidates, choice } = state.session.selection;
  if (candidates.length > 1) choose((choice + step + candidates.length) % candidates.length);
}

function pickRegion(id, more) {
  const several = more || mode() === "union";
  const picked = several && mode() === "new" ? new Set(state.picked) : new Set();
  if (several && picked.has(id) && picked.size > 1) picked.delete(id);
  else picked.add(id);
  state.picked = picked;
  panel.markRegions(picked);
  ask("select", { mask_ids: [...picked], mode: mode(), picked: true });
}

function paintSelection(text) { // text: a colour that was chosen just now, in any notation
  if (!state.session || state.session.selection.mask_id === null) return;
  const { color, opacity, light, shadow, mode: how } = { ...panel.paint, ...(text === undefined ? {} : { color: text }) };
  keep(KEPT.paint, JSON.stringify(panel.paint));
  ask("paint", { mask_id: state.session.selection.mask_id, color, opacity: opacity / 100, light: light / 100, shadow: shadow / 100, mode: how }, "Painting");
}

function chooseColor(text) { // a colour chosen is paint on what is selected
  if (state.session && state.session.selection.mask_id !== null) paintSelection(text);
  else ask("color", { text });
}

const isPainted = () => state.session && state.session.layers.some((layer) => layer.mask_id === state.session.selection.mask_id);

function tryPaint() { // at once, in the browser; the server's exact picture follows when the hand lets go
  const { session, wall } = state;
  if (!session || session.selection.mask_id === null) return;
  if (wall && wall.mask_id === session.selection.mask_id && wall.image) stage.tryColor(wall.image, wall.box, panel.paint);
}

function fetchWall() {
  const { session, wall } = state;
  if (!session || session.selection.mask_id === null || (wall && wall.mask_id === session.selection.mask_id)) return;
  state.wall = { mask_id: session.selection.mask_id }; // on its way
  ask("wall", { mask_id: session.selection.mask_id });
}

function lookCloser() { // zoomed in beyond what the preview holds: fetch that part of the picture as sharp as it is
  clearTimeout(state.looking);
  state.looking = setTimeout(() => {
    const { session } = state, { photo, width } = stage.shown;
    if (!session || !photo || photo.width >= width || stage.scale() < (1.2 * photo.width) / width) return stage.show({ detail: null });
    if (state.flying || state.queue.length) return lookCloser();
    ask("detail", { box: stage.visible() });
  }, 350);
}

function download() {
  const original = one("[data-original]").checked;
  ask("download", { format: one('[name="sp-format"]:checked').value, quality: Number(one('[data-key="quality"]').value), painted: !original }, "Making the picture at full size");
}

function generate() {
  if (!state.session || state.job) return;
  const knobs = Object.fromEntries(all("[data-knob]").map((field) => [field.dataset.knob, Number(field.value)]));
  state.job = true;
  showProgress(0);
  closeMenus();
  jobs.generate({ sid: state.sid, ...knobs });
}

function showProgress(fraction) {
  one(".sp-progress").hidden = fraction === null;
  one('[data-do="generate"]').disabled = fraction !== null;
  if (fraction === null) return;
  one(".sp-progress progress").value = fraction;
  one(".sp-progress output").textContent = `${Math.round(100 * fraction)}%`;
}

function jobTold({ sid, fraction, done }) {
  if (sid !== state.sid) return;
  if (fraction !== undefined) showProgress(fraction);
  if (done === undefined) return;
  jobEnded();
  ask("look");
  if (!done) say("No region passed the thresholds. Lower them and try again.");
}

function jobEnded() {
  state.job = false;
  showProgress(null);
}

function compare(open) {
  stage.compare(open);
  one('[data-do="compare"]').setAttribute("aria-pressed", String(open));
}

function setDropper(open) {
  state.dropper = open;
  one('[data-do="dropper"]').setAttribute("aria-pressed", String(open));
  one(".sp-view").classList.toggle("sp-dropping", open);
  advise();
}

function closeMenus(except) {
  for (const opener of all("[data-menu]")) {
    if (opener === except) continue;
    opener.setAttribute("aria-expanded", "false");
    document.getElementById(opener.getAttribute("aria-controls")).hidden = true;
  }
}

const doing = {
  undo: () => ask("undo"),
  redo: () => ask("redo"),
  browse: () => one("[data-file]").click(),
  "browse-palette": () => one("[data-palette-file]").click(),
  "reset-palette": () => ask("reset_palette"),
  "wall-color": () => ask("wall_color", { mask_id: state.session.selection.mask_id }, "Looking at the wall"),
  compare: () => { if (!one('[data-do="compare"]').disabled) compare(one('[data-do="compare"]').getAttribute("aria-pressed") !== "true"); },
  help: () => one(".sp-dialog").showModal(),
  "close-help": () => one(".sp-dialog").close(),
  "close-session": () => { one(".sp-dialog").close(); if (state.sid) ask("close"); },
  download,
  generate,
  cancel: () => jobs.cancel({ sid: state.sid }),
  clear: () => ask("clear_selection"),
  paint: paintSelection,
  dropper: () => setDropper(!state.dropper),
  "zoom-in": () => stage.zoom(1.5),
  "zoom-out": () => stage.zoom(1 / 1.5),
  fit: () => stage.fit(),
};

// -- wires ----------------------------------------------------------------------------------------------------------------

const stage = makeStage(root, {
  point({ x, y, label }) {
    clearTimeout(state.looking);
    if (state.dropper) {
      setDropper(false);
      return ask("color", { at: [x, y], then: "paint" });
    }
    compare(false); // who selects wants to see it
    stage.show({ pending: [...stage.shown.pending, { x, y, label }] });
    ask("click", { points: [[x, y, label]], mode: mode() }, "Looking");
  },
  pick(place, label, more) {
    compare(false);
    const id = state.session.regions.ids[place - 1];
    if (label) pickRegion(id, more);
    else ask("select", { mask_ids: [id], mode: "subtract" });
  },
  box(corners) { compare(false); ask("box", { box: corners, mode: mode() }, "Looking"); },
  removePoint(index) { ask("remove_point", { index }); },
  hover(place) { panel.lightRegion(place); },
  camera(zoomed) {
    lookCloser();
    one(".sp-zoom output").textContent = `${Math.round(100 * zoomed)}%`; root.classList.toggle("sp-zoomed", zoomed > 1.01);
  },
});

const panel = makePanel(root, {
  color(committed) { committed ? chooseColor(panel.paint.color) : tryPaint(); },
  typed: chooseColor,
  paint(committed) { committed ? isPainted() && paintSelection() : tryPaint(); },
  near: fetchWall,
  recent(colors) { keep(KEPT.recent, JSON.stringify(colors)); },
  editLayer(index, changes) { ask("edit_layer", { index, changes }, "Painting"); },
  moveLayer(index, to) { ask("move_layer", { index, to }, "Painting"); },
  removeLayer(index) { ask("remove_layer", { index }, "Painting"); },
  pickLayer(id) { ask("select", { mask_ids: [id], mode: "new" }); },
  region: pickRegion,
});

root.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]"), opener = event.target.closest("[data-menu]");
  if (opener) {
    const menu = document.getElementById(opener.getAttribute("aria-controls"));
    closeMenus(opener);
    menu.hidden = !menu.hidden;
    opener.setAttribute("aria-expanded", String(!menu.hidden));
  } else if (!event.target.closest(".sp-popover")) closeMenus();
  if (button) doing[button.dataset.do]();
});
root.addEventListener("change", (event) => {
  if (event.target.name === "sp-tool") setTool(event.target.value);
  if (event.target.name === "sp-format") one("[data-quality]").hidden = event.target.value === "PNG";
  for (const [field, take] of [["[data-file]", open], ["[data-palette-file]", loadPalette]]) {
    if (!event.target.matches(field)) continue;
    take(event.target.files[0]);
    event.target.value = "";
  }
});

root.addEventListener("dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  root.classList.add("sp-dragging");
});
root.addEventListener("dragleave", (event) => { if (!root.contains(event.relatedTarget)) root.classList.remove("sp-dragging"); });
root.addEventListener("drop", (event) => {
  event.preventDefault();
  root.classList.remove("sp-dragging");
  open(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files || [])].find((item) => item.type.startsWith("image/"));
  if (file) { event.preventDefault(); open(file); }
});

const KEYS = {
  v: () => setTool("point"), b: () => setTool("box"), r: () => setTool("pick"), h: () => setTool("hand"),
  1: () => setMode("new"), 2: () => setMode("union"), 3: () => setMode("subtract"), 4: () => setMode("intersect"),
  c: () => cycle(1), C: () => cycle(-1), w: () => one('[data-do="all-walls"]').checkVisibility() && doing["all-walls"](), g: generate, p: paintSelection, i: doing.dropper,
  x: doing.compare, o: doing.browse, d: download, "+": doing["zoom-in"], "=": doing["zoom-in"], "-": doing["zoom-out"], 0: doing.fit,
  Escape: () => (state.dropper ? setDropper(false) : one('[data-do="clear"]').disabled || ask("clear_selection")),
  Delete: () => one('[data-do="clear"]').disabled || ask("clear_selection"),
};

function setMode(name) { one(`[name="sp-mode"][value="${name}"]`).checked = true; }

const typing = (target) => target.matches?.("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range], [type=button])");

addEventListener("keydown", (event) => {
  if (!root.isConnected || one(".sp-dialog").open) return;
  const menu = one("[data-menu][aria-expanded=true]");
  if (event.key === "Escape" && menu) { closeMenus(); return menu.focus(); }
  if (typing(event.target)) return;
  if (event.key === "?") { event.preventDefault(); return doing.help(); }
  if (!state.session) return void (event.key === "o" && !event.ctrlKey && doing.browse());
  if (event.ctrlKey || event.metaKey) {
    const verb = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
    if (!verb) return;
    event.preventDefault();
    if (!one(`[data-do="${verb}"]`).disabled || state.flying) ask(verb);
    return;
  }
  if (event.altKey) return;
  if (event.key === " " && !event.target.closest("button, a, input, summary")) { event.preventDefault(); return stage.space(true); }
  const action = KEYS[event.key] || (event.shiftKey ? null : KEYS[event.key.toLowerCase()]);
  if (action) { event.preventDefault(); action(); }
});
addEventListener("keyup", (event) => { if (event.key === " ") stage.space(false); });
addEventListener("blur", () => stage.space(false));

// -- what the browser keeps: this tab's session first, else the last one; colours -------------------------------------------

function keep(key, value) {
  for (const store of ["sessionStorage", "localStorage"]) try { window[store].setItem(key, value); } catch { /* a browser that keeps nothing still paints */ }
}
function kept(key) {
  try { return sessionStorage.getItem(key) || localStorage.getItem(key); } catch { return null; }
}
function drop(key) {
  for (const store of ["sessionStorage", "localStorage"]) try { window[store].removeItem(key); } catch { /* nothing was kept */ }
}
function keptJson(key, otherwise) {
  try { return JSON.parse(kept(key)) || otherwise; } catch { return otherwise; }
}

function boot(facts) {
  state.boot = facts;
  one("[data-engine-title]").textContent = facts.engine.title;
  one("[data-engine-reason]").textContent = facts.engine.reason;
  one(".sp-engine").title = `${facts.engine.title}: ${facts.engine.reason}`;
  one("[data-limits]").textContent = `JPG, PNG, WebP, TIFF or BMP, up to ${megabytes(facts.max_file_size)}`;
  panel.recall(keptJson(KEPT.recent, []));
  const before = keptJson(KEPT.paint, {});
  panel.setPaint(Object.fromEntries(Object.entries(before).filter(([key]) => key in panel.paint)));
  const find = (kind, then) => ask("find", { category: kind, mode: mode(), then }, `Looking for every ${kind}`);
  one(".sp-finds").hidden = !facts.categories.length;
  one('[data-do="all-walls"]').hidden = !facts.categories.includes("wall");
  doing["all-walls"] = () => find("wall", "paint");
  const kinds = one("[data-find]");
  kinds.append(...facts.categories.map((kind) => panel.node("option", { value: kind }, kind)));
  kinds.addEventListener("change", () => {
    if (kinds.value) find(kinds.value);
    kinds.value = "";
  });
  one("[data-signout]").hidden = !facts.signs_in;
  const hours = facts.session_ttl / 3600;
  one("[data-ttl]").textContent = hours === 1 ? "an hour" : hours > 1 ? `${Math.round(hours)} hours` : `${Math.round(60 * hours)} minutes`;
  const shelf = one(".sp-examples");
  shelf.hidden = !facts.examples.length;
  shelf.querySelector("div").replaceChildren(...facts.examples.map(({ name, title, url }) => {
    const button = panel.node("button", { type: "button", className: "sp-example", title, onclick: () => { ask("example", { name }, "Opening the example"); ready(); } });
    button.append(panel.node("img", { src: url, alt: "" }), panel.node("span", {}, title));
    return button;
  }));
  const sid = new URLSearchParams(location.search).get("session") || kept(KEPT.session); // a notebook opens the page on its own session
  if (sid) {
    state.sid = sid;
    ask("resume", {}, "Finding your photo again");
    ready();
  }
  root.dataset.ready = "1";
}

window.sam2painter = { failed: () => landed(undefined, false), jobTold, jobEnded, stage, state };
let jobs = window.sam2painterJobs || {};
Object.defineProperty(window, "sam2painterJobs", { configurable: true, set: (value) => { jobs = value; }, get: () => jobs });
watch("value", receive);
stage.tool("point");
receive();
