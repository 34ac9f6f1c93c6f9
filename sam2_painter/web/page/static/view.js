/**
 * Showing a session: what the server says is to be seen, on the stage and in the panel.
 *
 * @typedef {import("./state.js").Session} Session
 * @typedef {import("./state.js").Shape} Shape
 */

import { button } from "./dom.js";
import { KEYS, keep } from "./kept.js";
import { percent } from "./panel/answers.js";

export class SessionView {
  /** @param {import("./page.js").Page} page */
  constructor(page) {
    this.page = page;
    /** Whether the shape of the chosen wall is being made: then a painted wall shows its outline and points, too. */
    this.shaping = false;
    this.wallOf = "";
    this.answersOf = "";
    this.shownLayer = "";
  }

  /** @param {Session} session */
  async show(session) {
    const { state, stage } = this.page;
    const before = state.session;
    if (before && session.sid === before.sid && session.revision < before.revision) return;
    const opened = session.sid !== before?.sid;
    // Everything is decoded before anything is shown: no flicker, no half of an answer.
    const urls = [session.photo.url, session.picture.url, session.regions?.map?.url];
    const [photo, painted, map] = await Promise.all(urls.map((url) => (url ? picture(url) : null)));
    state.sid = session.sid;
    state.session = session;
    keep(KEYS.session, session.sid);
    this.page.setSending(false);
    if (photo) {
      stage.open(session.width, session.height, photo);
      state.have = { photo: session.photo.key, palette: state.have.palette };
      this.page.wall = null;
    }
    if (opened) {
      this.showOpened(session);
      if (!state.queue.some(({ verb }) => verb === "open")) void this.page.busy.read();
    }
    if (painted || !session.picture.key) {
      if (stage.scene.detail) this.page.lookCloser();
      stage.show({ picture: painted, detail: null });
    }
    state.have.picture = session.picture.key;
    this.showRegions(session, map, opened);
    this.page.colour.showPalette(session.palette);
    state.have.palette = session.palette.key;
    const walls = session.layers.filter((layer) => layer.visible && layer.opacity > 0);
    stage.showWalls(walls.map(({ id, shape }) => ({ id, path: this.pathOf(shape) })));
    this.showSelection(session);
    this.page.layers.show({ ...session, layers: session.layers.map((layer) => this.asItWillBe(layer)) });
    this.page.schemes.show(session);
    this.page.ties.show(session);
    void this.showAnswers(session);
    this.showHistory(session);
    if (opened || painted || before?.layers.length !== session.layers.length) this.page.rememberPhoto();
  }

  /** A wall with the changes that wait for their turn. @param {import("./state.js").Layer} layer */
  asItWillBe(layer) {
    const edits = this.page.state.queue.filter(({ verb, args }) => verb === "edit_layer" && args.layer_id === layer.id);
    return Object.assign({}, layer, ...edits.map(({ args }) => args.changes));
  }

  /** @param {Shape | null} shape */
  pathOf(shape) {
    const { shapes } = this.page.state;
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
    this.page.root.dataset.state = "photo";
    this.page.stage.resized();
    const file = this.page.one(".sp-file");
    file.textContent = session.name ? `${session.name} \u00b7 ${session.width} \u00d7 ${session.height}` : "";
    file.title = session.name;
    this.page.tools.setSign("new");
    this.page.closeMenus();
    if (!onStart) return;
    const { view } = this.page.stage;
    view.classList.toggle("sp-pointed", !active?.matches(":focus-visible")); // a ring for those who came by key
    view.focus({ preventScroll: true });
  }

  /** @param {Session} session */
  showHistory(session) {
    const verbs = /** @type {const} */ ([
      ["undo", "Undo", "Ctrl+Z"],
      ["redo", "Redo", "Ctrl+Shift+Z"],
    ]);
    for (const [verb, label, keys] of verbs) {
      const pressed = button(this.page.root, `[data-do="${verb}"]`);
      pressed.disabled = !session[verb];
      pressed.title = `${label}${session[verb] ? ` \u201c${session[verb]}\u201d` : ""} (${keys})`;
    }
    button(this.page.root, '[data-do="compare"]').disabled = !session.picture.key;
    if (!session.picture.key) this.page.compare(false);
  }

  /** @param {Session} session @param {HTMLImageElement | null} map @param {boolean} opened */
  showRegions(session, map, opened) {
    const { regions } = session;
    this.page.tools.allowParts(Boolean(regions));
    if (regions) {
      if (map) {
        this.page.stage.showRegions(map);
        this.page.regions.show(regions);
      }
      this.page.state.have.regions = regions.key;
      this.page.one(".sp-count").textContent = `${regions.count} part${regions.count === 1 ? "" : "s"}, largest first`;
      if (map && !opened) this.page.tools.use("pick");
      return;
    }
    this.page.stage.showRegions(null);
    this.page.regions.show(null);
    this.page.one(".sp-count").textContent = "";
    if (this.page.tools.tool === "pick") this.page.tools.use("point");
  }

  /** @param {Session} session */
  showSelection(session) {
    const { selection, layers } = session;
    this.page.stage.endTrial();
    const some = selection.mask_id !== null;
    const layer = layers.find(({ id }) => id === selection.layer);
    const box = layer ? null : selection.box;
    const painted = Boolean(layer?.visible);
    const quiet = painted && !this.shaping;
    const points = quiet ? [] : selection.points;
    const pending = this.page.state.queue.flatMap(({ verb, args }) => (verb === "click" ? args.points : []));
    this.page.stage.select(this.pathOf(selection.shape), { box, painted, points, pending, quiet });
    this.page.one("#sp-h-wall").textContent = layer ? layer.name || "This wall" : some ? "New wall" : "No wall chosen";
    const share = `${percent(selection.area)} of the photo`;
    const kind = layer ? "" : selection.category && `${selection.category}, `;
    this.page.one(".sp-area").textContent = some ? kind + share : "";
    const house = button(this.page.root, '[data-do="house-walls"]');
    house.hidden = !this.page.clicked || !this.page.facts.categories.includes("wall");
    const clear = button(this.page.root, '[data-do="clear"]');
    clear.disabled = !some && !selection.points.length;
    clear.hidden = !layer;
    this.page.tools.endAnew();
    button(this.page.root, '[data-do="anew"]').disabled = !some;
    for (const verb of ["paint", "wall-color", "tidy"]) button(this.page.root, `[data-do="${verb}"]`).disabled = !some;
    const wallOf = `${session.sid}/${selection.mask_id}`;
    if (this.wallOf !== wallOf) this.page.colour.showWall(null);
    this.wallOf = wallOf;
    this.page.one('[data-do="paint"] span').textContent = layer ? "Paint it again" : "Paint this wall";
    this.showPaintOf(session, layer);
    this.page.protection.show(session);
    if (this.page.pickedFor !== selection.mask_id)
      this.page.picked = new Set(selection.mask_id === null ? [] : [selection.mask_id]);
    this.page.regions.mark(this.page.picked);
    if (!some) this.page.tools.setSign("new");
    this.page.tools.advise();
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
      this.page.colour.set({ color, mode, opacity: percent(opacity), light: percent(light), shadow: percent(shadow) });
    } else if (before !== shown) this.page.colour.reset(); // what was adjusted belongs to the wall before
  }

  /** What else the last step may have meant, or what to do where it meant nothing else. @param {Session} session */
  async showAnswers(session) {
    const { state, answers: panel, tools } = this.page;
    const { mask_id, choice, candidates, points } = session.selection;
    const shown = [session.sid, mask_id, choice, candidates, points.length].join("/");
    if (this.answersOf === shown) return;
    this.answersOf = shown;
    if (candidates < 2) return panel.show([], tools.reshaping(mask_id !== null));
    try {
      const { answers } = await this.page.server.ask("answers", { sid: session.sid });
      if (this.answersOf === shown && state.session?.sid === session.sid)
        panel.show(answers.walls, tools.reshaping(true));
    } catch {
      this.answersOf = "";
      // the wall itself is there: whoever asks for more will be told
    }
  }

  painted() {
    this.page.tools.setSign("new");
    this.page.stage.fade();
  }
}

/** @param {string} url @returns {Promise<HTMLImageElement>} */
export async function picture(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}
