/**
 * The page: one session, and the wires between stage, panel and server.
 *
 * @typedef {import("./state.js").Json} Json
 * @typedef {import("./state.js").Session} Session
 * @typedef {import("./state.js").Facts} Facts
 * @typedef {import("./state.js").Shape} Shape
 * @typedef {import("./state.js").Question} Question
 */

import { canShare, hand, makeActions, sentenceOf } from "./actions.js";
import { keepAlive } from "./alive.js";
import { button, node, one, roveByArrows } from "./dom.js";
import { listenToFiles, megabytes } from "./files.js";
import { listenToKeys } from "./keys.js";
import { KEYS, drop, keep, kept, keptJson } from "./kept.js";
import { Messages } from "./messages.js";
import { AnswersPanel } from "./panel/answers.js";
import { ColourPanel } from "./panel/colour.js";
import { LayersPanel } from "./panel/layers.js";
import { RegionsPanel } from "./panel/regions.js";
import { Sheet } from "./panel/sheet.js";
import { Photos } from "./photos.js";
import { Search } from "./search.js";
import { Refused, Server } from "./server.js";
import { Stage } from "./stage/stage.js";
import { Line, State } from "./state.js";
import { Tools } from "./tools.js";

const BUSY_AFTER = 140; // milliseconds
const CLOSER = 350; // milliseconds at rest before a sharper part is fetched
const RESHAPES = ["click", "box", "stroke", "polygon", "remove_point", "choose", "import_mask", "choose_wall"];
const QUIET = ["paint", "undo", "redo", "resume", "open_project"];

export class Page {
  /**
   * @param {HTMLElement} root
   * @param {Facts} facts
   * @param {string} folder the address of what the page asks
   */
  constructor(root, facts, folder) {
    this.root = root;
    this.facts = facts;
    this.folder = folder;
    this.state = new State();
    this.messages = new Messages(root);
    this.server = new Server(folder, (away) => this.toldAway(away));
    this.line = new Line(this.state, this.server, {
      answer: (reply, question) => this.answered(reply, question),
      failure: (error, question) => this.failed(error, question),
      change: () => this.showBusy(),
      progress: (fraction) => this.showSent(fraction),
    });
    /** @type {Set<number>} parts chosen together */
    this.picked = new Set();
    /** @type {number | null} the mask they made */
    this.pickedFor = null;
    /** @type {{ mask_id: number, image?: HTMLImageElement, box?: number[] } | null} the wall that can be tried in colours */
    this.wall = null;
    this.wallOf = "";
    this.shownLayer = "";
    /** Whether the shape of the chosen wall is being made: then a painted wall shows its outline and points, too. */
    this.shaping = false;
    this.dropping = false;
    this.looking = 0;

    this.sheet = new Sheet(root);
    this.photos = new Photos(root, (sid) => this.reopen(sid));
    this.search = new Search(this);
    this.tools = new Tools(this);
    this.stage = new Stage(root, this.tools.listener());
    this.colour = new ColourPanel(root, this.colourListener());
    this.answers = new AnswersPanel(root, this.stage, (choice) => this.ask("choose", { choice }));
    this.layers = new LayersPanel(root, {
      edit: (layer, changes) => this.ask("edit_layer", { layer_id: layer, changes }, "Painting"),
      move: (layer, to) => this.ask("move_layer", { layer_id: layer, to }, "Painting"),
      remove: (layer) => this.ask("remove_layer", { layer_id: layer }, "Painting"),
      choose: (layer) => this.ask("choose_wall", { layer_id: layer }),
      point: (layer) => this.stage.light(layer),
    });
    this.regions = new RegionsPanel(root, (id, more) => this.tools.pickRegion(id, more));
    this.doing = makeActions(this);
    this.listen();
  }

  /** @param {string} selector */
  one(selector) {
    return one(this.root, selector);
  }

  // -- asking -----------------------------------------------------------------------------------------------------------

  /**
   * @param {string} verb
   * @param {Json} [args]
   * @param {string} [busy]
   * @param {Partial<Question>} [more]
   */
  ask(verb, args = {}, busy = "", more = {}) {
    this.line.ask(verb, args, { busy, ...more });
    window.setTimeout(() => this.showBusy(), BUSY_AFTER + 10);
  }

  showBusy() {
    const { flying } = this.state;
    const busy = this.one(".sp-busy");
    const shown = Boolean(flying && performance.now() - flying.at > BUSY_AFTER);
    busy.hidden = !shown;
    if (shown && flying && this.one(".sp-sent").hidden) one(busy, "span").textContent = flying.busy || "Working";
    if (!flying) this.showSent(1);
  }

  /** How much of a file was sent. @param {number} fraction */
  showSent(fraction) {
    const bar = this.one(".sp-sent");
    const said = one(this.one(".sp-busy"), "span");
    bar.hidden = fraction >= 1;
    if (bar instanceof HTMLProgressElement) bar.value = fraction;
    said.textContent = fraction < 1 ? `Sending, ${Math.round(100 * fraction)}%` : this.state.flying?.busy || "Working";
  }

  /** @param {boolean} away */
  toldAway(away) {
    if (away) this.messages.say("The server does not answer. Waiting for it; your work is kept.", { stays: true });
    else this.messages.say("The server is back.");
  }

  /** @param {Json} reply @param {Question} question */
  async answered(reply, question) {
    if (RESHAPES.includes(question.verb)) this.shaping = true;
    if (QUIET.includes(question.verb)) this.shaping = false;
    if (reply.session) await this.show(reply.session);
    if (reply.gone) this.gone(reply.gone);
    if (reply.notes?.length) this.messages.say(reply.notes.join(" "));
    if (reply.color) {
      if (!question.args.told) this.colour.set({ color: reply.color.color });
      this.colour.describe(reply.color);
      if (reply.session) this.colour.remember(reply.color.color);
    }
    if (reply.wall_color) this.colour.showWall(reply.wall_color);
    if (reply.wall) this.wall = { ...reply.wall, image: await picture(reply.wall.url) };
    if (reply.download) void hand(this, reply.download, Boolean(question.args.shared));
    if (reply.detail && reply.detail.key === this.state.have.picture)
      this.stage.show({ detail: { image: await picture(reply.detail.url), box: reply.detail.box } });
    if (question.verb === "paint") this.painted();
    if (reply.session && RESHAPES.includes(question.verb)) void this.showAnswers(reply.session);
    this.root.dataset.answers = String(Number(this.root.dataset.answers ?? 0) + 1); // what the benchmark waits for
    const { state, colour } = this;
    if (state.session && !colour.isDescribed && !state.queue.length && !question.args.told && !question.then)
      this.ask("color", { text: colour.paint.color, told: true });
  }

  /** @param {Error} error @param {Question} question */
  failed(error, question) {
    if (!(error instanceof Refused)) console.error(error);
    const lost = error instanceof Refused && error.status === 404 && question.verb !== "resume";
    if (!lost) this.messages.say(sentenceOf(error));
    const { session } = this.state;
    this.endSending();
    if (!session) {
      this.root.dataset.state = "start";
      return;
    }
    this.stage.endTrial();
    this.showSelection(session);
    this.layers.show(session.layers, session.selection.layer);
    if (question.verb !== "resume" && question.verb !== "look") this.ask("resume"); // see whether it is still there, and how
  }

  /** @param {string} sentence */
  gone(sentence) {
    this.photos.forget(this.state.sid);
    this.forget();
    this.messages.say(sentence);
  }

  // -- opening ----------------------------------------------------------------------------------------------------------

  /** The photo as it lies on this device, until the server has it. @param {File} file */
  async showAtOnce(file) {
    const bitmap = await createImageBitmap(file).catch(() => null); // some kinds only the server can read
    const { flying } = this.state;
    if (!bitmap || flying?.file !== file) return;
    this.state.have = {};
    this.root.dataset.state = "photo";
    this.root.dataset.sending = "1";
    this.stage.open(bitmap.width, bitmap.height, bitmap);
    this.stage.showWalls([]);
  }

  /** What is on the stage is the session's photo again. */
  endSending() {
    if (!("sending" in this.root.dataset)) return;
    delete this.root.dataset.sending;
    if (this.state.session) this.ask("look");
    else this.stage.close();
  }

  /** After opening, let the engine read the photo, so that the first click is quick. */
  ready() {
    this.ask("embed", {}, "Reading the photo");
  }

  /** A photo of before. @param {string} sid */
  reopen(sid) {
    this.closeMenus();
    this.rememberPhoto();
    const before = this.state.sid;
    this.state.queue.length = 0;
    this.state.sid = sid;
    this.state.have = {};
    this.ask("resume", {}, "Finding your photo again", {
      then: (reply) => {
        if (reply.gone && before && before !== sid) this.reopen(before);
      },
    });
    this.ready();
  }

  /** Another photo took the place of a painted one. @param {Session} before */
  offerBack(before) {
    const action = { label: `Back to ${before.name || "it"}`, run: () => this.reopen(before.sid) };
    this.messages.say("The photo before is still there, under Open.", { action });
  }

  rememberPhoto() {
    const { session } = this.state;
    const { picture: painted, photo } = this.stage.scene;
    const shown = painted ?? photo;
    if (session && (shown instanceof HTMLImageElement || shown instanceof ImageBitmap))
      this.photos.remember(session.sid, session.name || "Photo", shown);
    this.photos.show(session?.sid ?? null);
  }

  // -- showing the session ----------------------------------------------------------------------------------------------

  /** @param {Session} session */
  async show(session) {
    const { state, stage } = this;
    const before = state.session;
    if (before && session.sid === before.sid && session.revision < before.revision) return;
    const opened = session.sid !== before?.sid;
    // Everything is decoded before anything is shown: no flicker, no half of an answer.
    const urls = [session.photo.url, session.picture.url, session.regions?.map?.url];
    const [photo, painted, map] = await Promise.all(urls.map((url) => (url ? picture(url) : null)));
    state.sid = session.sid;
    state.session = session;
    keep(KEYS.session, session.sid);
    delete this.root.dataset.sending;
    if (photo) {
      stage.open(session.width, session.height, photo);
      state.have = { photo: session.photo.key, palette: state.have.palette };
      this.wall = null;
    }
    if (opened) this.showOpened(session);
    if (painted || !session.picture.key) {
      if (stage.scene.detail) this.lookCloser();
      stage.show({ picture: painted, detail: null });
    }
    state.have.picture = session.picture.key;
    this.showRegions(session, map, opened);
    this.colour.showPalette(session.palette);
    state.have.palette = session.palette.key;
    const walls = session.layers.filter((layer) => layer.visible && layer.opacity > 0);
    stage.showWalls(walls.map(({ id, shape }) => ({ id, path: this.pathOf(shape) })));
    this.showSelection(session);
    this.layers.show(session.layers, session.selection.layer);
    this.showHistory(session);
    if (opened || painted) this.rememberPhoto();
  }

  /** @param {Shape | null} shape */
  pathOf(shape) {
    const { shapes } = this.state;
    if (!shape) return "";
    const path = shape.path ?? shapes.get(shape.key) ?? "";
    shapes.delete(shape.key);
    shapes.set(shape.key, path); // the latest last
    return path;
  }

  /** @param {Session} session */
  showOpened(session) {
    const active = document.activeElement;
    const onStart = active === document.body || Boolean(active?.closest(".sp-start, .sp-popover"));
    this.root.dataset.state = "photo";
    this.stage.resized();
    const file = this.one(".sp-file");
    file.textContent = session.name ? `${session.name} \u00b7 ${session.width} \u00d7 ${session.height}` : "";
    file.title = session.name;
    this.answers.show([]);
    this.tools.setSign("new");
    this.closeMenus();
    if (onStart) this.stage.view.focus({ preventScroll: true });
  }

  /** @param {Session} session */
  showHistory(session) {
    const verbs = /** @type {const} */ ([
      ["undo", "Undo", "Ctrl+Z"],
      ["redo", "Redo", "Ctrl+Shift+Z"],
    ]);
    for (const [verb, label, keys] of verbs) {
      const pressed = button(this.root, `[data-do="${verb}"]`);
      pressed.disabled = !session[verb];
      pressed.title = `${label}${session[verb] ? ` \u201c${session[verb]}\u201d` : ""} (${keys})`;
    }
    button(this.root, '[data-do="compare"]').disabled = !session.picture.key;
    if (!session.picture.key) this.compare(false);
  }

  /** @param {Session} session @param {HTMLImageElement | null} map @param {boolean} opened */
  showRegions(session, map, opened) {
    const { regions } = session;
    this.tools.allowParts(Boolean(regions));
    if (regions) {
      if (map) {
        this.stage.showRegions(map);
        this.regions.show(regions);
      }
      this.state.have.regions = regions.key;
      this.one(".sp-count").textContent = `${regions.count} part${regions.count === 1 ? "" : "s"}, largest first`;
      if (map && !opened) this.tools.use("pick");
      return;
    }
    this.stage.showRegions(null);
    this.regions.show(null);
    this.one(".sp-count").textContent = "";
    if (this.tools.tool === "pick") this.tools.use("point");
  }

  /** @param {Session} session */
  showSelection(session) {
    const { selection, layers } = session;
    this.stage.endTrial();
    const some = selection.mask_id !== null;
    const layer = layers.find(({ id }) => id === selection.layer);
    const box = layer ? null : selection.box;
    const painted = Boolean(layer?.visible);
    const quiet = painted && !this.shaping;
    const points = quiet ? [] : selection.points;
    this.stage.select(this.pathOf(selection.shape), { box, painted, points, quiet });
    this.one("#sp-h-wall").textContent = layer ? layer.name || "This wall" : some ? "New wall" : "No wall chosen";
    const share = `${(100 * selection.area).toFixed(1)}% of the photo`;
    const kind = layer ? "" : selection.category && `${selection.category}, `;
    this.one(".sp-area").textContent = some ? kind + share : "";
    button(this.root, '[data-do="clear"]').disabled = !some && !selection.points.length;
    for (const verb of ["paint", "wall-color"]) button(this.root, `[data-do="${verb}"]`).disabled = !some;
    const wallOf = `${session.sid}/${selection.mask_id}`;
    if (this.wallOf !== wallOf) this.colour.showWall(null);
    this.wallOf = wallOf;
    this.one('[data-do="paint"] span').textContent = layer ? "Paint it again" : "Paint this wall";
    if (selection.candidates < 2) this.answers.show([]);
    this.showPaintOf(session, layer);
    if (this.pickedFor !== selection.mask_id)
      this.picked = new Set(selection.mask_id === null ? [] : [selection.mask_id]);
    this.regions.mark(this.picked);
    if (!some) this.tools.setSign("new");
    this.tools.advise();
  }

  /** Sliders and colour follow the wall that is chosen. @param {Session} session @param {import("./state.js").Layer | undefined} layer */
  showPaintOf(session, layer) {
    const shown = layer ? `${session.sid}/${layer.id}/${session.revision}` : `${session.sid}/`;
    if (this.shownLayer === shown) return;
    const before = this.shownLayer;
    this.shownLayer = shown;
    const percent = (/** @type {number} */ part) => Math.round(100 * part);
    if (layer) {
      const { color, opacity, light, shadow, mode } = layer;
      this.colour.set({ color, mode, opacity: percent(opacity), light: percent(light), shadow: percent(shadow) });
    } else if (before !== shown) this.colour.reset(); // what was adjusted belongs to the wall before
  }

  /** What else the last click may have meant. @param {Session} session */
  async showAnswers(session) {
    const { state } = this;
    if (session.selection.candidates < 2) return;
    try {
      const { answers } = await this.server.ask("answers", { sid: session.sid });
      if (state.session?.sid === session.sid && answers.revision === state.session.revision)
        this.answers.show(answers.walls);
    } catch {
      // the wall itself is there: whoever asks for more will be told
    }
  }

  painted() {
    this.tools.setSign("new");
    this.answers.show([]);
    this.stage.fade();
  }

  forget() {
    const { state } = this;
    state.queue.length = 0;
    Object.assign(state, { sid: null, session: null, have: {} });
    state.shapes.clear();
    this.wall = null;
    this.picked = new Set();
    drop(KEYS.session);
    this.one(".sp-file").textContent = this.one(".sp-file").title = "";
    this.stage.close();
    this.compare(false);
    this.root.dataset.state = "start";
    this.photos.show(null);
  }

  // -- paint ------------------------------------------------------------------------------------------------------------

  /** @param {string} [color] one that was chosen just now, in any notation */
  paintWall(color = this.colour.paint.color) {
    if (!this.state.hasWall) return;
    const { opacity, light, shadow, mode } = this.colour.paint;
    keep(KEYS.paint, JSON.stringify({ color: this.colour.paint.color }));
    this.ask("paint", { color, opacity: opacity / 100, light: light / 100, shadow: shadow / 100, mode }, "Painting");
  }

  /** A colour chosen is paint on the wall that is chosen. @param {string} text */
  chooseColor(text) {
    if (this.state.hasWall) this.paintWall(text);
    else this.ask("color", { text });
  }

  get isPainted() {
    return (this.state.session?.selection.layer ?? null) !== null;
  }

  /** At once, in the browser; the server's exact picture follows. @param {Partial<import("./stage/tryon.js").Coat>} [change] */
  tryPaint(change = {}) {
    const mask = this.state.session?.selection.mask_id ?? null;
    const { wall } = this;
    if (mask !== null && wall?.mask_id === mask && wall.image && wall.box)
      this.stage.try(wall.image, wall.box, { ...this.colour.paint, ...change });
  }

  fetchWall() {
    const mask = this.state.session?.selection.mask_id ?? null;
    if (mask === null || this.wall?.mask_id === mask) return;
    this.wall = { mask_id: mask }; // on its way
    this.ask("wall", { mask_id: mask }, "", {
      then: () => {
        if (this.colour.pointed) this.tryPaint({ color: this.colour.pointed });
      },
    });
  }

  /** @returns {import("./panel/colour.js").Listener} */
  colourListener() {
    return {
      color: (committed) => (committed ? this.chooseColor(this.colour.paint.color) : this.tryPaint()),
      typed: (text) => this.chooseColor(text),
      paint: (committed) => {
        if (!committed) this.tryPaint();
        else if (this.isPainted) this.paintWall();
      },
      preview: (color) => (color ? this.tryPaint({ color }) : this.stage.endTrial()),
      near: () => this.fetchWall(),
      recent: (colors) => keep(KEYS.recent, JSON.stringify(colors)),
    };
  }

  /** @param {string} kind @param {() => void} [then] */
  find(kind, then) {
    this.ask("find", { category: kind, mode: "new" }, `Looking for every ${kind}`, { then });
  }

  clear() {
    if (!button(this.root, '[data-do="clear"]').disabled) this.ask("clear_selection");
  }

  // -- looking ----------------------------------------------------------------------------------------------------------

  /** Zoomed in beyond what the preview holds: fetch that part of the picture as sharp as it is. */
  lookCloser() {
    clearTimeout(this.looking);
    this.looking = window.setTimeout(() => {
      const { photo, size } = this.stage.scene;
      const { state } = this;
      const scale = this.stage.camera.scale * (window.devicePixelRatio || 1);
      if (!state.session || !photo || photo.width >= size.width || scale < (1.2 * photo.width) / size.width)
        return this.stage.show({ detail: null });
      if (state.flying || state.queue.length) return this.lookCloser();
      this.ask("detail", { box: this.stage.camera.visible() });
    }, CLOSER);
  }

  /** @param {boolean} open */
  compare(open) {
    this.stage.compare(open);
    this.one('[data-do="compare"]').setAttribute("aria-pressed", String(open));
  }

  /** @param {boolean} open */
  setDropper(open) {
    this.dropping = open;
    this.one('[data-do="dropper"]').setAttribute("aria-pressed", String(open));
    this.one(".sp-view").classList.toggle("sp-dropping", open);
    this.tools.advise();
  }

  // -- menus ------------------------------------------------------------------------------------------------------------

  /** @param {Element | null} [except] */
  closeMenus(except = null) {
    for (const opener of this.root.querySelectorAll("[data-menu]")) {
      if (opener === except || (opener instanceof HTMLElement && opener.dataset.menu === "advanced")) continue;
      opener.setAttribute("aria-expanded", "false");
      this.menuOf(opener).hidden = true;
    }
  }

  /** @param {Element} opener */
  menuOf(opener) {
    return this.one(`#${opener.getAttribute("aria-controls")}`);
  }

  listen() {
    const { root } = this;
    roveByArrows(root);
    listenToFiles(this);
    listenToKeys(this);
    root.addEventListener("click", (event) => {
      if (!(event.target instanceof Element)) return;
      const pressed = event.target.closest("[data-do]");
      const opener = event.target.closest("[data-menu]");
      if (opener) {
        const menu = this.menuOf(opener);
        this.closeMenus(opener);
        menu.hidden = !menu.hidden;
        opener.setAttribute("aria-expanded", String(!menu.hidden));
      } else if (!event.target.closest(".sp-popover")) this.closeMenus();
      if (pressed instanceof HTMLElement) this.doing[pressed.dataset.do ?? ""]?.();
    });
    root.addEventListener("change", ({ target }) => {
      if (target instanceof HTMLInputElement && target.name === "sp-format")
        this.one("[data-quality]").hidden = target.value === "PNG";
    });
  }

  // -- the beginning ----------------------------------------------------------------------------------------------------

  begin() {
    const { facts, root } = this;
    this.one("[data-engine-title]").textContent = facts.engine.title;
    this.one("[data-engine-reason]").textContent = facts.engine.reason;
    this.one(".sp-engine").title = `${facts.engine.title}: ${facts.engine.reason}`;
    this.one("[data-engine-note]").textContent = `Walls are found by: ${facts.engine.title}. ${facts.engine.reason}`;
    this.one("[data-limits]").textContent = `JPG, PNG, HEIC, WebP and others, up to ${megabytes(facts.max_file_size)}`;
    this.colour.recall(keptJson(KEYS.recent, []));
    const { color } = keptJson(KEYS.paint, { color: "" });
    this.colour.set(/^#[0-9a-f]{6}$/.test(color) ? { color } : {});
    this.showFinds();
    this.one("[data-signout]").hidden = !facts.signs_in;
    const hours = facts.session_ttl / 3600;
    const ttl =
      hours === 1 ? "an hour" : hours > 1 ? `${Math.round(hours)} hours` : `${Math.round(60 * hours)} minutes`;
    this.one("[data-ttl]").textContent = ttl;
    button(root, '[data-do="share"]').hidden = !canShare();
    this.showExamples();
    this.tools.use("point");
    this.answers.show([]);
    this.photos.show(null);
    keepAlive(this);
    const sid = new URLSearchParams(location.search).get("session") ?? kept(KEYS.session); // a notebook opens the page on its own session
    if (sid) {
      this.state.sid = sid;
      this.ask("resume", {}, "Finding your photo again");
      this.ready();
    }
    root.dataset.ready = "1";
  }

  showFinds() {
    const { categories } = this.facts;
    this.one(".sp-finds").hidden = !categories.length;
    this.one('[data-do="all-walls"]').hidden = !categories.includes("wall");
    const kinds = this.root.querySelector("[data-find]");
    if (!(kinds instanceof HTMLSelectElement)) return;
    kinds.append(...categories.map((kind) => node("option", { value: kind }, kind)));
    kinds.addEventListener("change", () => {
      if (kinds.value) this.find(kinds.value);
      kinds.value = "";
    });
  }

  showExamples() {
    const { examples } = this.facts;
    const shelf = this.one(".sp-examples");
    shelf.hidden = !examples.length;
    const address = (/** @type {string} */ path) => new URL(path, this.folder).href;
    const open = (/** @type {string} */ name) => {
      this.ask("example", { name }, "Opening the example");
      this.ready();
    };
    one(shelf, "div").replaceChildren(
      ...examples.map(({ name, title }) =>
        node(
          "button",
          { type: "button", className: "sp-example", title, onclick: () => open(name) },
          node("img", { src: address(`examples/${name}.jpg`), alt: "" }),
          node("span", {}, title),
        ),
      ),
    );
    const demo = this.one(".sp-demo");
    for (const part of demo.querySelectorAll("img"))
      part.src = new URL(`images/${part.dataset.demo}.jpg`, import.meta.url).href;
    demo.addEventListener("pointermove", (event) => {
      const frame = demo.getBoundingClientRect();
      demo.style.setProperty("--cut", `${(100 * (event.clientX - frame.left)) / frame.width}%`);
    });
  }
}

/** @param {string} url @returns {Promise<HTMLImageElement>} */
async function picture(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/**
 * Bring the page to life.
 * @param {HTMLElement} root
 * @param {Facts} facts
 * @param {string} folder
 */
export function start(root, facts, folder) {
  const page = new Page(root, facts, folder);
  Object.assign(window, { sam2painter: page });
  page.begin();
  return page;
}
