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
import { Alike } from "./alike.js";
import { keepAlive } from "./alive.js";
import { Busy } from "./busy.js";
import { button, one, roveByArrows } from "./dom.js";
import { listenToFiles, megabytes } from "./files.js";
import { listenToKeys } from "./keys.js";
import { KEYS, drop, keep, kept, keptJson } from "./kept.js";
import { Messages } from "./messages.js";
import { AnswersPanel } from "./panel/answers.js";
import { ColourPanel } from "./panel/colour.js";
import { LayersPanel } from "./panel/layers.js";
import { SchemesPanel } from "./panel/schemes.js";
import { PainterDialog } from "./panel/painter.js";
import { RegionsPanel } from "./panel/regions.js";
import { Sheet } from "./panel/sheet.js";
import { TiesPanel } from "./panel/ties.js";
import { Photos } from "./photos.js";
import { Search, showFinds } from "./search.js";
import { Protection } from "./protection.js";
import { Refused, Server } from "./server.js";
import { Stage } from "./stage/stage.js";
import { showStart } from "./start.js";
import { Line, State } from "./state.js";
import { Tools } from "./tools.js";
import { SessionView, picture } from "./view.js";

const CLOSER = 350; // milliseconds at rest before a sharper part is fetched
const RESHAPES = ["click", "box", "stroke", "polygon", "tidy", "remove_point", "choose", "import_mask", "choose_wall"];
const OPENS = ["open", "open_project", "resume"];
const QUIET = ["paint", "paint_alike", "undo", "redo", "resume", "open_project"];

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
      change: () => this.busy.show(),
      progress: (fraction) => this.busy.showSent(fraction),
    });
    /** @type {Set<number>} parts chosen together */
    this.picked = new Set();
    /** @type {number | null} the mask they made */
    this.pickedFor = null;
    /** @type {{ mask_id: number, image?: HTMLImageElement, box?: number[] } | null} the wall that can be tried in colours */
    this.wall = null;
    this.dropping = false;
    this.looking = 0;
    this.busy = new Busy(this);

    this.sheet = new Sheet(root);
    this.photos = new Photos(root, (sid) => this.reopen(sid));
    this.search = new Search(this);
    this.view = new SessionView(this);
    this.tools = new Tools(this);
    this.stage = new Stage(root, this.tools.listener());
    this.colour = new ColourPanel(root, this.colourListener());
    this.answers = new AnswersPanel(root, this.stage, (choice) => this.ask("choose", { choice }));
    this.layers = new LayersPanel(root, this.colour, {
      edit: (layer, changes) => this.ask("edit_layer", { layer_id: layer, changes }, "Painting"),
      move: (layer, to) => this.ask("move_layer", { layer_id: layer, to }, "Painting"),
      remove: (layer) => this.ask("remove_layer", { layer_id: layer }, "Painting"),
      choose: (layer) => this.ask("choose_wall", { layer_id: layer }),
      point: (layer) => this.stage.light(layer),
      untie: (layer) => this.ask("untie_layer", { layer_id: layer }, "Painting"),
    });
    this.regions = new RegionsPanel(root, (id, more) => this.tools.pickRegion(id, more));
    this.doing = makeActions(this);
    this.schemes = new SchemesPanel(this);
    this.painter = new PainterDialog(this);
    this.ties = new TiesPanel(this);
    this.alike = new Alike(this);
    this.protection = new Protection(this);
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
    this.busy.soon();
  }

  /** @param {boolean} away */
  toldAway(away) {
    if (away) this.messages.say("The server does not answer. Waiting for it; your work is kept.", { stays: true });
    else this.messages.say("The server is back.");
  }

  /** @param {Json} reply @param {Question} question */
  async answered(reply, question) {
    if (RESHAPES.includes(question.verb)) this.view.shaping = true;
    if (QUIET.includes(question.verb)) this.view.shaping = false;
    const before = this.state.session;
    if (reply.session) await this.view.show(reply.session);
    const nothing = before && reply.session ? this.tools.toldNothing(question, before, reply.session) : "";
    if (nothing) this.messages.say(nothing, { passing: true });
    else if (question.verb !== "resume" && before && reply.session && reply.session.revision !== before.revision)
      this.messages.pass(); // what another window did is no answer to what is said here
    if (reply.gone) this.gone(reply.gone);
    if (reply.notes?.length) this.messages.say(reply.notes.join(" "));
    if (reply.color) {
      if (!question.args.told) this.colour.set({ color: reply.color.color });
      this.colour.describe(reply.color);
      if (reply.session) this.colour.remember(reply.color.color);
    }
    if (reply.wall_paints) this.colour.showWall(reply.wall_paints);
    if (reply.wall) this.wall = { ...reply.wall, image: await picture(reply.wall.url) };
    if (reply.download) void hand(this, reply.download, Boolean(question.args.shared));
    if (reply.detail && reply.detail.key === this.state.have.picture)
      this.stage.show({ detail: { image: await picture(reply.detail.url), box: reply.detail.box } });
    if (question.verb === "paint") {
      this.view.painted();
      void this.lookUnder();
    }
    this.root.dataset.answers = String(Number(this.root.dataset.answers ?? 0) + 1); // what the benchmark waits for
    const { state, colour } = this;
    const ended = !question.then || OPENS.includes(question.verb); // nothing is painted by what follows
    if (state.session && !colour.isDescribed && !state.queue.length && !question.args.told && ended)
      this.ask("color", { text: colour.paint.color, told: true });
  }

  /** @param {Error} error @param {Question} question */
  failed(error, question) {
    if (!(error instanceof Refused)) console.error(error);
    const lost = error instanceof Refused && error.status === 404 && question.verb !== "resume";
    if (!lost) this.messages.say(sentenceOf(error), { passing: true, ...this.protection.offer(error, question) });
    const { session } = this.state;
    this.endSending();
    if (!session) {
      this.root.dataset.state = "start";
      return;
    }
    this.stage.endTrial();
    this.view.showSelection(session);
    this.layers.show(session);
    if (question.verb !== "resume" && question.verb !== "look") this.ask("resume"); // see whether it is still there, and how
  }

  /** @param {string} sentence */
  gone(sentence) {
    this.photos.forget(this.state.sid);
    this.forget();
    this.messages.say(sentence);
  }

  // -- opening ----------------------------------------------------------------------------------------------------------

  /** While a photo is being sent the panel tells of the one before, if any. @param {boolean} on */
  setSending(on) {
    this.state.sending = on;
    this.root.toggleAttribute("data-sending", on);
    this.one(".sp-panel").inert = on && this.state.session !== null;
  }

  /** What is on the stage is the session's photo again. */
  endSending() {
    if (!this.state.sending) return;
    this.setSending(false);
    if (this.state.session) this.ask("look");
    else this.stage.close();
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
      this.photos.remember(session.sid, session.name || "Photo", shown, session.layers.length > 0);
    this.photos.show(session?.sid ?? null);
    this.alike.show(session);
  }

  // -- the end of a session -------------------------------------------------------------------------------------------

  forget() {
    const { state } = this;
    state.queue.length = 0;
    Object.assign(state, { sid: null, session: null, have: {} });
    this.busy.reading = null;
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

  /** Several old paints under the wall that was painted are told unasked. */
  async lookUnder() {
    const { state, view } = this;
    const { wallOf } = view;
    try {
      const asked = { sid: state.sid, mask_id: state.session?.selection.mask_id };
      const { wall_paints } = await this.server.ask("wall_paints", asked);
      if (wall_paints.length > 1 && view.wallOf === wallOf) this.colour.showWall(wall_paints);
    } catch {
      // whoever wants to know asks
    }
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

  /**
   * @param {string} kind
   * @param {import("./tools.js").Sign} mode
   * @param {() => void} [then]
   * @param {[number, number]} [point] of the house under it only
   */
  find(kind, mode, then, point) {
    const { protect } = this.protection;
    this.ask("find", { category: kind, mode, point, protect }, `Looking for every ${kind}`, { then });
  }

  /** Where the chosen wall was clicked last. @returns {[number, number] | undefined} */
  get clicked() {
    const point = this.state.session?.selection.points.findLast(({ label }) => label);
    return point && [point.x, point.y];
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
    this.one("[data-engine-note]").textContent = `Walls are found by: ${facts.engine.title}. ${facts.engine.reason}`;
    this.one("[data-limits]").textContent = `JPG, PNG, HEIC, WebP and others, up to ${megabytes(facts.max_file_size)}`;
    this.colour.recall(keptJson(KEYS.recent, []));
    const { color } = keptJson(KEYS.paint, { color: "" });
    this.colour.set(/^#[0-9a-f]{6}$/.test(color) ? { color } : {});
    showFinds(this);
    this.one("[data-signout]").hidden = !facts.signs_in;
    const hours = facts.session_ttl / 3600;
    const ttl =
      hours === 1 ? "an hour" : hours > 1 ? `${Math.round(hours)} hours` : `${Math.round(60 * hours)} minutes`;
    this.one("[data-ttl]").textContent = ttl;
    button(root, '[data-do="share"]').hidden = !canShare();
    showStart(this);
    this.tools.use("point");
    this.photos.show(null);
    keepAlive(this);
    const sid = new URLSearchParams(location.search).get("session") ?? kept(KEYS.session); // a notebook opens the page on its own session
    if (sid) {
      this.state.sid = sid;
      this.ask("resume", {}, "Finding your photo again");
    }
    root.dataset.ready = "1";
  }
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
