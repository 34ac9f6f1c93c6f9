/**
 * What the page knows, and the line of questions to the server.
 *
 * One question is on its way at a time, so answers cannot overtake each other; clicks that pile up meanwhile go
 * together. The server answers with the whole session each time, less the pictures the browser said it has.
 *
 * @typedef {{ key: string, url: string | null }} Picture
 * @typedef {{ key: string, path: string | null }} Shape a border as SVG path data, by its key
 * @typedef {{ id: number, mask_id: number, name: string, color: string, opacity: number, light: number, shadow: number,
 *   mode: import("./stage/tryon.js").PaintMode, visible: boolean, area: number, shape: Shape,
 *   tie: number }} Layer a painted wall
 * @typedef {{ mask_id: number | null, layer: number | null, shape: Shape | null, area: number, category: string,
 *   points: import("./stage/draw.js").Mark[], box: number[] | null, shares: string[], candidates: number, choice: number }} Selection
 *   the wall that is chosen; layer: of its paint, null while it has none
 * @typedef {{ choice: number, area: number, chosen: boolean, path: string }} Answer
 * @typedef {{ key: string, name: string, own: boolean, paints: CardPaint[] | null }} Palette
 * @typedef {[name: string, hex: string, code: string, brand: string]} CardPaint a paint of a card; code, brand: "" for none
 * @typedef {{ id: number, area: number, category: string, at: number[] }} Region
 * @typedef {{ key: string, count: number, ids: number[], map?: { url: string }, items?: Region[],
 *   sprite?: { url: string, width: number, height: number, row: number } }} Regions
 * @typedef {{ sid: string, revision: number, name: string, width: number, height: number, undo: string, redo: string,
 *   photo: Picture, picture: Picture, selection: Selection, palette: Palette, layers: Layer[],
 *   schemes: { id: number, name: string, shown: boolean }[], regions: Regions | null }} Session
 * @typedef {{ engine: { title: string, reason: string }, categories: string[], signs_in: boolean,
 *   examples: { name: string, title: string }[], max_file_size: number, max_palette_size: number,
 *   session_ttl: number }} Facts what the page knows before any photo is open
 * @typedef {Record<string, any>} Json
 * @typedef {object} Question
 * @property {string} verb
 * @property {Json} args
 * @property {string} [busy] what is said while it takes long
 * @property {File} [file] sent along
 * @property {(reply: Json) => void | Promise<void>} [then] does what follows from the answer
 */

import { Refused, Stopped, Unreachable } from "./server.js";

const MOST_SHAPES = 64;

/** Questions that change nothing, or that may be asked twice. */
const HARMLESS = new Set([
  ...["resume", "look", "alive", "embed", "answers", "color", "wall_paints", "tie_offers", "wall", "detail"],
  ...[
    "download",
    "save_project",
    "compare_schemes",
    "scheme_grid",
    "download_schemes",
    "download_pictures",
    "sheets",
    "download_sheet",
    "open",
    "open_project",
    "example",
    "close",
    "load_palette",
    "reset_palette",
  ],
]);

/** Questions about the chosen wall: they name it, so that another window's choice changes nothing. */
const ABOUT_THE_WALL = new Set(["click", "box", "stroke", "polygon", "find", "tidy", "take_over", "paint"]);
/** The same for the scheme that is shown: one that is being made or chosen is meant already. */
const ABOUT_THE_SCHEME = new Set(["rename_scheme", "remove_scheme"]);
const SHAPES = new Set(["click", "box", "stroke", "polygon", "find", "select", "import_mask", "choose_wall"]);

/** Whether a question makes or changes the shape of a wall. @param {{ verb: string } | null} question */
export const isAboutShapes = (question) => question !== null && SHAPES.has(question.verb);

export class State {
  constructor() {
    /** @type {string | null} */
    this.sid = null;
    /** @type {Session | null} */
    this.session = null;
    /** @type {Record<string, string>} keys of the pictures that are here */
    this.have = {};
    /** @type {Map<string, string>} the borders that are here, by their keys */
    this.shapes = new Map();
    /** @type {Question[]} */
    this.queue = [];
    /** @type {(Question & { at: number }) | null} the question that is on its way */
    this.flying = null;
    /** Whether "every mask" is being looked for. */
    this.job = false;
    /** Whether the photo on the stage is still being sent; the session is that of the photo before, or none. */
    this.sending = false;
  }

  /** What the server need not send again. */
  get known() {
    return { ...this.have, shapes: [...this.shapes.keys()].slice(-MOST_SHAPES) };
  }

  /** Whether a wall of the photo on the stage is chosen. */
  get isChosen() {
    return !this.sending && (this.session?.selection.mask_id ?? null) !== null;
  }

  /** Whether one is, or is about to be. */
  get hasWall() {
    return this.isChosen || [this.flying, ...this.queue].some(isAboutShapes);
  }
}

/** The wall or the scheme a question is about. @param {string} verb @param {Session | null} session @returns {Json} */
function meantBy(verb, session) {
  if (ABOUT_THE_WALL.has(verb)) return { layer_id: session?.selection.layer };
  if (ABOUT_THE_SCHEME.has(verb)) return { scheme_id: session?.schemes.find(({ shown }) => shown)?.id };
  return {};
}

export class Line {
  /**
   * @param {State} state
   * @param {import("./server.js").Server} server
   * @param {object} on
   * @param {(reply: Json, question: Question) => Promise<void>} on.answer
   * @param {(error: Error, question: Question) => void} on.failure
   * @param {() => void} on.change a question left or landed
   * @param {(fraction: number) => void} on.progress how much of a file was sent
   */
  constructor(state, server, on) {
    this.state = state;
    this.server = server;
    this.on = on;
  }

  /**
   * Ask when everything before it is answered.
   * @param {string} verb
   * @param {Json} [args]
   * @param {Partial<Question>} [more]
   */
  ask(verb, args = {}, more = {}) {
    const { queue } = this.state;
    const last = queue[queue.length - 1];
    if (verb === "click" && last?.verb === "click" && last.args.mode === args.mode)
      last.args.points.push(...args.points);
    else queue.push({ verb, args, ...more });
    this.on.change();
    void this.fly();
  }

  async fly() {
    const { state } = this;
    const question = state.flying ? undefined : state.queue.shift();
    if (!question) return;
    state.flying = { ...question, at: performance.now() };
    this.on.change();
    try {
      const reply = await this.answer(question);
      await this.on.answer(reply, question);
      await question.then?.(reply);
    } catch (error) {
      if (!(error instanceof Stopped)) {
        state.queue.length = 0; // they were meant for what did not happen
        state.flying = null;
        this.on.failure(error instanceof Error ? error : new Error(String(error)), question);
      }
    }
    state.flying = null;
    this.on.change();
    void this.fly();
  }

  /**
   * @param {Question} question
   * @returns {Promise<Json>}
   */
  async answer(question) {
    const { state, server } = this;
    const seen = state.session?.revision;
    for (;;) {
      const { session, sid, known } = state;
      const args = {
        ...meantBy(question.verb, session),
        ...question.args,
        sid,
        have: known,
        revision: session?.revision,
      };
      try {
        return question.file
          ? await server.send(question.verb, args, question.file, this.on.progress)
          : await server.ask(question.verb, args);
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
      }
      await server.back();
      // It may have been done, and only the answer was lost.
      if (!HARMLESS.has(question.verb) && (await this.changedSince(seen)))
        return server.ask("look", { sid, have: known });
    }
  }

  /** Whether the session has changed. @param {number | undefined} revision */
  async changedSince(revision) {
    try {
      const { alive } = await this.server.ask("alive", { sid: this.state.sid });
      return alive.revision !== revision;
    } catch (error) {
      if (error instanceof Refused) throw error;
      return false; // gone again: the next try tells
    }
  }
}
