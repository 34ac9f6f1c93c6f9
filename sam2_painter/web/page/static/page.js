/**
 * The page: one session, and the wires between stage, panel and server.
 *
 * @typedef {import("./state.js").Json} Json
 * @typedef {import("./state.js").Session} Session
 * @typedef {import("./state.js").Facts} Facts
 * @typedef {import("./stage/hands.js").Tool} Tool
 */

import { button, chosen, field, fields, node, one, refill, roveByArrows } from "./dom.js";
import { listenToFiles, megabytes } from "./files.js";
import { listenToKeys } from "./keys.js";
import { KEYS, drop, keep, kept, keptJson } from "./kept.js";
import { Messages } from "./messages.js";
import { ColourPanel } from "./panel/colour.js";
import { LayersPanel } from "./panel/layers.js";
import { RegionsPanel } from "./panel/regions.js";
import { Server, Stopped, Unreachable } from "./server.js";
import { Stage } from "./stage/stage.js";
import { Line, State } from "./state.js";

const ALIVE_SECONDS = 60; // at most, between two signs of life
const BUSY_AFTER = 140; // milliseconds
const CLOSER = 350; // milliseconds at rest before a sharper part is fetched

const ADVICE = {
  point: "Click a wall to select it.",
  box: "Draw a box around a wall.",
  brush: "Paint over what belongs to it.",
  polygon: "Click its corners; double-click closes it.",
  pick: "Click a region to select it.",
  hand: "Drag the photo to move it.",
  dropper: "Click the photo where it has the colour you want.",
  painted: "Painted. Choose another colour to repaint it, or click the next wall.",
};

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
    /** @type {Set<number>} regions chosen together */
    this.picked = new Set();
    /** @type {number | null} the mask they made */
    this.pickedFor = null;
    /** @type {{ key: string, path: string }} */
    this.mask = { key: "", path: "" };
    /** @type {{ mask_id: number, image?: HTMLImageElement, box?: number[] } | null} the wall that can be tried in colours */
    this.wall = null;
    this.wallOf = "";
    this.shownLayer = "";
    this.dropping = false;
    /** @type {AbortController | null} ends the search for every mask */
    this.search = null;
    this.looking = 0;

    this.stage = new Stage(root, this.stageListener());
    this.colour = new ColourPanel(root, this.colourListener());
    this.layers = new LayersPanel(root, {
      edit: (index, changes) => this.ask("edit_layer", { index, changes }, "Painting"),
      move: (index, to) => this.ask("move_layer", { index, to }, "Painting"),
      remove: (index) => this.ask("remove_layer", { index }, "Painting"),
      pick: (id) => this.ask("select", { mask_ids: [id], mode: "new" }),
    });
    this.regions = new RegionsPanel(root, (id, more) => this.pickRegion(id, more));
    this.doing = this.actions();
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
   * @param {Partial<import("./state.js").Question>} [more]
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
    this.root.classList.toggle("sp-waiting", shown);
    if (shown && flying) one(busy, "span").textContent = flying.busy || "Working";
    if (!flying) this.showSent(1);
  }

  /** How much of a file was sent. @param {number} fraction */
  showSent(fraction) {
    const bar = this.one(".sp-sent");
    bar.hidden = fraction >= 1;
    if (bar instanceof HTMLProgressElement) bar.value = fraction;
    if (fraction < 1)
      one(this.one(".sp-busy"), "span").textContent = `Sending the photo, ${Math.round(100 * fraction)}%`;
  }

  /** @param {boolean} away */
  toldAway(away) {
    if (away)
      this.messages.say("The server does not answer. Your work is kept; waiting for it to come back.", { stays: true });
    else this.messages.say("The server is back.");
  }

  /** @param {Json} reply @param {import("./state.js").Question} question */
  async answered(reply, question) {
    if (reply.session) await this.show(reply.session);
    if (reply.gone) {
      this.forget();
      this.messages.say(reply.gone);
    }
    if (reply.notes?.length) this.messages.say(reply.notes.join(" "));
    if (reply.color) {
      if (!question.args.told) this.colour.set({ color: reply.color.color });
      this.colour.describe(reply.color);
      if (reply.session) this.colour.remember(reply.color.color);
    }
    if (reply.wall_color) this.colour.showWall(reply.wall_color);
    if (reply.wall) this.wall = { ...reply.wall, image: await picture(reply.wall.url) };
    if (reply.download) this.save(reply.download);
    if (reply.detail && reply.detail.key === this.state.have.picture)
      this.stage.show({ detail: { image: await picture(reply.detail.url), box: reply.detail.box } });
    this.root.dataset.answers = String(Number(this.root.dataset.answers ?? 0) + 1); // what the benchmark waits for
    if (
      this.state.session &&
      !this.colour.isDescribed &&
      !this.state.queue.length &&
      !question.args.told &&
      !question.then
    )
      this.ask("color", { text: this.colour.paint.color, told: true });
  }

  /** @param {Error} error @param {import("./state.js").Question} question */
  failed(error, question) {
    if (error.name !== "Error" || !("status" in error)) console.error(error);
    this.messages.say(error.message || "Something went wrong. Try again.");
    const { session } = this.state;
    if (!session) {
      this.root.dataset.state = "start";
      return;
    }
    this.stage.endTrial();
    this.showSelection(session);
    this.layers.show(session.layers, session.selection.mask_id);
    this.colour.set({});
    if (question.verb !== "resume" && question.verb !== "look") this.ask("resume"); // see whether it is still there, and how
  }

  /** @param {{ path: string, filename: string }} file */
  save({ path, filename }) {
    const link = node("a", { href: new URL(`../api${path}`, this.folder).href, download: filename });
    this.root.append(link);
    link.click();
    link.remove();
  }

  // -- showing the session ----------------------------------------------------------------------------------------------

  /** @param {Session} session */
  async show(session) {
    const { state, stage } = this;
    const before = state.session;
    if (before && session.sid === state.sid && session.revision < before.revision) return;
    const opened = !before || session.sid !== state.sid;
    // Everything is decoded before anything is shown: no flicker, no half of an answer.
    const urls = [session.photo.url, session.picture.url, session.regions?.map?.url];
    const [photo, painted, map] = await Promise.all(urls.map((url) => (url ? picture(url) : null)));
    state.sid = session.sid;
    state.session = session;
    keep(KEYS.session, session.sid);
    if (photo) {
      stage.open(session.width, session.height, photo);
      state.have = { photo: session.photo.key, palette: state.have.palette };
      this.wall = null;
    }
    if (opened || photo) this.showFile(session);
    if (painted || !session.picture.key) {
      if (stage.scene.detail) this.lookCloser();
      stage.show({ picture: painted, detail: null });
    }
    state.have.picture = session.picture.key;
    this.showRegions(session, map, opened);
    if (session.selection.mask.path !== null)
      this.mask = { key: session.selection.mask.key, path: session.selection.mask.path };
    this.colour.showPalette(session.palette);
    state.have.palette = session.palette.key;
    state.have.mask = session.selection.mask.key;
    this.showSelection(session);
    this.layers.show(session.layers, session.selection.mask_id);
    this.showHistory(session);
  }

  /** @param {Session} session */
  showFile(session) {
    this.root.dataset.state = "photo";
    const file = this.one(".sp-file");
    file.textContent = session.name ? `${session.name} \u00b7 ${session.width} \u00d7 ${session.height}` : "";
    file.title = session.name;
  }

  /** @param {Session} session */
  showHistory(session) {
    for (const [verb, label, keys] of /** @type {const} */ ([
      ["undo", "Undo", "Ctrl+Z"],
      ["redo", "Redo", "Ctrl+Shift+Z"],
    ])) {
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
    const pick = field(this.root, '[name="sp-tool"][value="pick"]');
    pick.disabled = !regions;
    if (regions) {
      if (map) {
        this.stage.showRegions(map);
        this.regions.show(regions);
      }
      this.state.have.regions = regions.key;
      this.one(".sp-count").textContent = `${regions.count} region${regions.count === 1 ? "" : "s"}, largest first`;
      if (map && !opened) this.setTool("pick");
    } else {
      this.stage.showRegions(null);
      this.regions.show(null);
      this.one(".sp-count").textContent = "";
      if (this.tool === "pick") this.setTool("point");
    }
  }

  /** @param {Session} session */
  showSelection(session) {
    const { selection, layers } = session;
    this.stage.endTrial();
    const some = selection.mask_id !== null;
    const place = layers.findIndex((layer) => some && layer.mask_id === selection.mask_id);
    const painted = place >= 0 && layers[place].visible;
    const path = some && this.mask.key === selection.mask.key ? this.mask.path : "";
    this.stage.select(path, { box: selection.box, painted, points: selection.points });
    this.one(".sp-area").textContent = some
      ? `${selection.category}${selection.category && ", "}${(100 * selection.area).toFixed(1)}% of the photo`
      : "nothing yet";
    button(this.root, '[data-do="clear"]').disabled = !some && !selection.points.length;
    for (const verb of ["paint", "wall-color"]) button(this.root, `[data-do="${verb}"]`).disabled = !some;
    const wallOf = `${session.sid}/${selection.mask_id}`;
    if (this.wallOf !== wallOf) this.colour.showWall(null);
    this.wallOf = wallOf;
    this.one('[data-do="paint"] span').textContent = painted ? "Repaint the selection" : "Paint the selection";
    this.showCandidates(selection);
    this.showLayerPaint(session, place);
    if (this.pickedFor !== selection.mask_id)
      this.picked = new Set(selection.mask_id === null ? [] : [selection.mask_id]);
    this.regions.mark(this.picked);
    this.advise();
  }

  /** @param {import("./state.js").Selection} selection */
  showCandidates({ candidates, choice }) {
    const answers = candidates.length > 1 ? candidates : [];
    refill(
      this.one(".sp-candidates div"),
      answers.map((score, index) =>
        node(
          "button",
          {
            type: "button",
            className: "sp-chipbutton",
            "aria-pressed": String(index === choice),
            title: `Answer ${index + 1}, score ${score.toFixed(2)} (C)`,
            onclick: () => this.choose(index),
          },
          `${index + 1} \u00b7 ${Math.round(100 * score)}%`,
        ),
      ),
    );
  }

  /** The sliders follow the layer that is selected. @param {Session} session @param {number} place */
  showLayerPaint(session, place) {
    const shown = `${session.sid}/${session.selection.mask_id}/${session.revision}`;
    if (place < 0 || this.shownLayer === shown) return;
    this.shownLayer = shown;
    const { color, opacity, light, shadow, mode } = session.layers[place];
    const percent = (/** @type {number} */ share) => Math.round(100 * share);
    this.colour.set({ color, mode, opacity: percent(opacity), light: percent(light), shadow: percent(shadow) });
  }

  advise() {
    const selected = this.state.session?.selection.mask_id != null;
    const away = matchMedia("(hover: none)").matches ? "a long press" : "right-click";
    const refine = `Choose a colour, or click to refine: ${away} takes away.`;
    const painted = this.stage.scene.shape?.painted;
    this.one(".sp-status").textContent = this.dropping
      ? ADVICE.dropper
      : painted
        ? ADVICE.painted
        : selected
          ? refine
          : ADVICE[this.tool];
  }

  forget() {
    const { state } = this;
    state.queue.length = 0;
    Object.assign(state, { sid: null, session: null, have: {} });
    this.wall = null;
    this.picked = new Set();
    drop(KEYS.session);
    this.one(".sp-file").textContent = this.one(".sp-file").title = "";
    this.stage.close();
    this.compare(false);
    this.root.dataset.state = "start";
  }

  // -- what people do ---------------------------------------------------------------------------------------------------

  get mode() {
    return chosen(this.root, "sp-mode");
  }

  /** @returns {Tool} */
  get tool() {
    return /** @type {Tool} */ (chosen(this.root, "sp-tool"));
  }

  /** @param {Tool} name */
  setTool(name) {
    const radio = field(this.root, `[name="sp-tool"][value="${name}"]`);
    if (radio.disabled) return;
    radio.checked = true;
    this.stage.hands.use(name);
    this.advise();
  }

  /** @param {string} name */
  setMode(name) {
    field(this.root, `[name="sp-mode"][value="${name}"]`).checked = true;
  }

  /** @param {File} file */
  open(file) {
    if (/\.(gpl|ase|json)$/i.test(file.name) && this.state.session) return this.loadPalette(file);
    const most = this.facts.max_file_size;
    if (file.size > most)
      return this.messages.say(`${file.name} is ${megabytes(file.size)}; at most ${megabytes(most)} are allowed.`);
    if (!file.size) return this.messages.say(`${file.name} is empty: choose another photo.`);
    this.ask("open", {}, "Opening the photo", { file });
    this.ready();
  }

  /** After opening, let the engine read the photo, so that the first click is quick. */
  ready() {
    this.ask("embed", {}, "Reading the photo");
  }

  /** @param {File} file */
  loadPalette(file) {
    const most = this.facts.max_palette_size;
    if (file.size > most)
      return this.messages.say(`${file.name} is ${megabytes(file.size)}; a palette has at most ${megabytes(most)}.`);
    this.ask("load_palette", {}, "Reading the palette", { file });
  }

  /** @param {number} choice */
  choose(choice) {
    this.ask("choose", { choice });
  }

  /** @param {number} step */
  cycle(step) {
    const { candidates, choice } = this.state.session?.selection ?? { candidates: [], choice: 0 };
    if (candidates.length > 1) this.choose((choice + step + candidates.length) % candidates.length);
  }

  /** @param {number} id @param {boolean} more */
  pickRegion(id, more) {
    const several = more || this.mode === "union";
    const picked = several && this.mode === "new" ? new Set(this.picked) : new Set();
    if (several && picked.has(id) && picked.size > 1) picked.delete(id);
    else picked.add(id);
    this.picked = picked;
    this.regions.mark(picked);
    this.ask("select", { mask_ids: [...picked], mode: this.mode }, "", {
      then: () => {
        this.pickedFor = this.state.session?.selection.mask_id ?? null;
        this.picked = picked;
        this.regions.mark(picked);
      },
    });
  }

  /** @param {string} [color] one that was chosen just now, in any notation */
  paintSelection(color = this.colour.paint.color) {
    const mask = this.state.session?.selection.mask_id ?? null;
    if (mask === null) return;
    const { opacity, light, shadow, mode } = this.colour.paint;
    keep(KEYS.paint, JSON.stringify(this.colour.paint));
    this.ask(
      "paint",
      { mask_id: mask, color, opacity: opacity / 100, light: light / 100, shadow: shadow / 100, mode },
      "Painting",
    );
  }

  /** A colour chosen is paint on what is selected. @param {string} text */
  chooseColor(text) {
    if (this.state.session && this.state.session.selection.mask_id !== null) this.paintSelection(text);
    else this.ask("color", { text });
  }

  get isPainted() {
    const { session } = this.state;
    return Boolean(session?.layers.some((layer) => layer.mask_id === session.selection.mask_id));
  }

  /** At once, in the browser; the server's exact picture follows when the hand lets go. */
  tryPaint() {
    const mask = this.state.session?.selection.mask_id ?? null;
    const { wall } = this;
    if (mask !== null && wall?.mask_id === mask && wall.image && wall.box)
      this.stage.try(wall.image, wall.box, this.colour.paint);
  }

  fetchWall() {
    const mask = this.state.session?.selection.mask_id ?? null;
    if (mask === null || this.wall?.mask_id === mask) return;
    this.wall = { mask_id: mask }; // on its way
    this.ask("wall", { mask_id: mask });
  }

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

  download() {
    const original = field(this.root, "[data-original]").checked;
    const quality = Number(field(this.root, '[data-key="quality"]').value);
    this.ask(
      "download",
      { format: chosen(this.root, "sp-format"), quality, painted: !original },
      "Making the picture at full size",
    );
  }

  // -- every mask -------------------------------------------------------------------------------------------------------

  async generate() {
    const { state } = this;
    if (!state.session || state.job) return;
    const sid = state.sid;
    const knobs = Object.fromEntries(
      fields(this.root, "[data-knob]").map((knob) => [knob.dataset.knob, Number(knob.value)]),
    );
    this.search = new AbortController();
    state.job = true;
    this.showProgress(0);
    this.closeMenus();
    try {
      const news = (/** @type {Json} */ line) => this.showProgress(line.fraction);
      const { session } = await this.server.follow(
        "generate",
        { sid, have: state.have, ...knobs },
        news,
        this.search.signal,
      );
      if (sid !== state.sid) return;
      await this.show(session);
      if (!session.regions) this.messages.say("No region passed the thresholds. Lower them and try again.");
    } catch (error) {
      if (error instanceof Unreachable) void this.server.back();
      else if (!(error instanceof Stopped)) this.messages.say(error instanceof Error ? error.message : String(error));
    } finally {
      state.job = false;
      this.showProgress(null);
    }
  }

  /** @param {number | null} fraction */
  showProgress(fraction) {
    this.one(".sp-progress").hidden = fraction === null;
    button(this.root, '[data-do="generate"]').disabled = fraction !== null;
    if (fraction === null) return;
    const bar = this.one(".sp-progress progress");
    if (bar instanceof HTMLProgressElement) bar.value = fraction;
    this.one(".sp-progress output").textContent = `${Math.round(100 * fraction)}%`;
  }

  // -- buttons, menus, modes --------------------------------------------------------------------------------------------

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
    this.advise();
  }

  /** @param {Element | null} [except] */
  closeMenus(except = null) {
    for (const opener of this.root.querySelectorAll("[data-menu]")) {
      if (opener === except) continue;
      opener.setAttribute("aria-expanded", "false");
      this.menuOf(opener).hidden = true;
    }
  }

  /** @param {Element} opener */
  menuOf(opener) {
    return this.one(`#${opener.getAttribute("aria-controls")}`);
  }

  get help() {
    return /** @type {HTMLDialogElement} */ (this.one(".sp-help"));
  }

  /** @returns {Record<string, () => void>} what the buttons do, by their data-do */
  actions() {
    return {
      undo: () => this.ask("undo"),
      redo: () => this.ask("redo"),
      browse: () => field(this.root, "[data-file]").click(),
      "browse-palette": () => field(this.root, "[data-palette-file]").click(),
      "reset-palette": () => this.ask("reset_palette"),
      "wall-color": () =>
        this.ask("wall_color", { mask_id: this.state.session?.selection.mask_id }, "Looking at the wall"),
      compare: () => {
        const compared = button(this.root, '[data-do="compare"]');
        if (!compared.disabled) this.compare(compared.getAttribute("aria-pressed") !== "true");
      },
      help: () => this.help.showModal(),
      "close-help": () => this.help.close(),
      "close-session": () => {
        this.help.close();
        if (this.state.sid) this.ask("close");
      },
      download: () => this.download(),
      generate: () => void this.generate(),
      cancel: () => this.search?.abort(),
      clear: () => this.clear(),
      paint: () => this.paintSelection(),
      dropper: () => this.setDropper(!this.dropping),
      "zoom-in": () => this.stage.zoom(1.5),
      "zoom-out": () => this.stage.zoom(1 / 1.5),
      fit: () => this.stage.fit(),
      "all-walls": () => this.find("wall", () => this.paintSelection()),
    };
  }

  clear() {
    if (!button(this.root, '[data-do="clear"]').disabled) this.ask("clear_selection");
  }

  /** @param {string} kind @param {() => void} [then] */
  find(kind, then) {
    this.ask("find", { category: kind, mode: this.mode }, `Looking for every ${kind}`, { then });
  }

  /** @returns {import("./stage/stage.js").StageListener} */
  stageListener() {
    return {
      point: ({ x, y }, label) => {
        clearTimeout(this.looking);
        if (this.dropping) {
          this.setDropper(false);
          this.ask("color", { at: [x, y] }, "", { then: () => this.paintSelection() });
          return;
        }
        this.compare(false); // who selects wants to see it
        this.stage.show({ pending: [...this.stage.scene.pending, { x, y, label }] });
        this.ask("click", { points: [[x, y, label]], mode: this.mode }, "Selecting");
      },
      pick: (place, label, more) => {
        this.compare(false);
        const id = this.state.session?.regions?.ids[place - 1];
        if (id === undefined) return;
        if (label) this.pickRegion(id, more);
        else this.ask("select", { mask_ids: [id], mode: "subtract" });
      },
      box: (box, label) => {
        this.compare(false);
        this.ask("box", { box, mode: label ? this.mode : "subtract" }, "Selecting");
      },
      stroke: () => {},
      polygon: () => {},
      begin: () => this.compare(false),
      size: () => {},
      removePoint: (index) => this.ask("remove_point", { index }),
      hover: (place) => this.regions.light(place),
      camera: (zoomed) => {
        this.lookCloser();
        this.one(".sp-zoom output").textContent = `${Math.round(100 * zoomed)}%`;
        this.root.classList.toggle("sp-zoomed", zoomed > 1.01);
      },
    };
  }

  /** @returns {import("./panel/colour.js").Listener} */
  colourListener() {
    return {
      color: (committed) => (committed ? this.chooseColor(this.colour.paint.color) : this.tryPaint()),
      typed: (text) => this.chooseColor(text),
      paint: (committed) => {
        if (!committed) this.tryPaint();
        else if (this.isPainted) this.paintSelection();
      },
      near: () => this.fetchWall(),
      recent: (colors) => keep(KEYS.recent, JSON.stringify(colors)),
    };
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
      if (!(target instanceof HTMLInputElement)) return;
      if (target.name === "sp-tool") this.setTool(/** @type {Tool} */ (target.value));
      if (target.name === "sp-format") this.one("[data-quality]").hidden = target.value === "PNG";
    });
  }

  // -- the beginning ----------------------------------------------------------------------------------------------------

  begin() {
    const { facts, root } = this;
    this.one("[data-engine-title]").textContent = facts.engine.title;
    this.one("[data-engine-reason]").textContent = facts.engine.reason;
    this.one(".sp-engine").title = `${facts.engine.title}: ${facts.engine.reason}`;
    this.one("[data-limits]").textContent = `JPG, PNG, WebP, TIFF or BMP, up to ${megabytes(facts.max_file_size)}`;
    this.colour.recall(keptJson(KEYS.recent, []));
    const before = Object.entries(keptJson(KEYS.paint, {})).filter(([key]) => key in this.colour.paint);
    this.colour.set(Object.fromEntries(before));
    this.showFinds();
    this.one("[data-signout]").hidden = !facts.signs_in;
    const hours = facts.session_ttl / 3600;
    this.one("[data-ttl]").textContent =
      hours === 1 ? "an hour" : hours > 1 ? `${Math.round(hours)} hours` : `${Math.round(60 * hours)} minutes`;
    this.showExamples();
    this.setTool("point");
    window.setInterval(() => this.live(), Math.min(ALIVE_SECONDS, facts.session_ttl / 4) * 1000);
    const sid = new URLSearchParams(location.search).get("session") ?? kept(KEYS.session); // a notebook opens the page on its own session
    if (sid) {
      this.state.sid = sid;
      this.ask("resume", {}, "Finding your photo again");
      this.ready();
    }
    root.dataset.ready = "1";
  }

  /** An open page keeps its session. */
  live() {
    const { state } = this;
    if (state.session && !state.flying && !state.queue.length) this.ask("alive");
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
    const open = (/** @type {string} */ name) => {
      this.ask("example", { name }, "Opening the example");
      this.ready();
    };
    one(shelf, "div").replaceChildren(
      ...examples.map(({ name, title, url }) =>
        node(
          "button",
          { type: "button", className: "sp-example", title, onclick: () => open(name) },
          node("img", { src: url, alt: "" }),
          node("span", {}, title),
        ),
      ),
    );
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
