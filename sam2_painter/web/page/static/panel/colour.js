/**
 * The colours: picker, paints, recent ones, what goes with them, and how the paint behaves.
 *
 * @typedef {import("../stage/tryon.js").Coat} Coat
 * @typedef {import("../state.js").CardPaint} CardPaint
 * @typedef {{ color: string, name: string, code: string, distance: number, lrv: number, goes_with: [string, string][],
 *   share?: number }} Told share: of a wall, 0 to 1
 * @typedef {object} Listener
 * @property {(committed: boolean) => void} color another colour; not committed while the hand is still moving
 * @property {(text: string) => void} typed a colour in any notation
 * @property {(committed: boolean) => void} paint another way to behave
 * @property {(color: string | null) => void} preview a colour is pointed at; null when it is left
 * @property {() => void} near somebody is about to choose
 * @property {(colors: string[]) => void} recent
 */

import { field, fields, node, one, refill } from "../dom.js";
import { FAMILIES, familyOf } from "./families.js";

const RECENT = 10;
const LEAST_SHARE = 0.05; // of a wall: less of another paint on it is not worth a line
const SLIDERS = /** @type {const} */ (["opacity", "light", "shadow"]);
/** @type {Coat} */
const USUAL = { color: "#a8b79c", opacity: 100, light: 100, shadow: 100, mode: "realistic" };

export class ColourPanel {
  /**
   * @param {HTMLElement} root
   * @param {Listener} on
   */
  constructor(root, on) {
    this.root = root;
    this.on = on;
    /** @type {Coat} */
    this.paint = { ...USUAL };
    /** @type {string[]} */
    this.recent = [];
    /** @type {Map<string, string>} names and codes of the paints, by their colour */
    this.names = new Map();
    this.described = "";
    /** @type {CardPaint[]} */
    this.paints = [];
    /** @type {string} "" for all */
    this.family = "";
    /** @type {Partial<Coat>} what a hand is just moving: no answer takes it back */
    this.held = {};
    /** @type {string | null} the colour under the pointer */
    this.pointed = null;
    this.well = field(root, ".sp-well input");
    this.text = field(root, ".sp-text");
    this.listen();
  }

  listen() {
    const { root, well, text, paint, on } = this;
    root.addEventListener("click", (event) => {
      const swatch = event.target instanceof Element ? event.target.closest(".sp-swatch") : null;
      if (!(swatch instanceof HTMLElement)) return;
      this.set({ color: swatch.dataset.color });
      on.color(true);
    });
    root.addEventListener("pointerover", (event) => {
      if (event.pointerType === "touch") return;
      const swatch = event.target instanceof Element ? event.target.closest(".sp-swatch") : null;
      const color = swatch instanceof HTMLElement ? (swatch.dataset.color ?? null) : null;
      if (color !== this.pointed) on.preview((this.pointed = color));
    });
    text.addEventListener("input", () => this.showPaints());
    well.addEventListener("input", () => {
      this.held = { color: well.value };
      this.set({ color: well.value });
      on.color(false);
    });
    well.addEventListener("change", () => {
      this.set({ color: well.value });
      on.color(true);
    });
    let entered = false;
    text.addEventListener("change", () => {
      if (entered || search(this.paints, text.value).length) return; // they are shown: one of them is pressed next
      this.write();
    });
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      this.write();
      entered = true; // it is written already
      text.blur();
      entered = false;
    });
    const letGo = () => (this.held = {});
    for (const moved of [well, ...fields(root, ".sp-slider input")])
      for (const kind of ["change", "pointerup", "blur"]) moved.addEventListener(kind, letGo);
    for (const slider of fields(root, ".sp-slider input")) {
      showSlider(slider);
      const key = SLIDERS.find((name) => name === slider.dataset.key);
      slider.addEventListener("input", () => {
        showSlider(slider);
        if (!key) return;
        paint[key] = Number(slider.value);
        this.held = { [key]: paint[key] };
        on.paint(false);
      });
      slider.addEventListener("change", () => key && on.paint(true));
    }
    for (const radio of fields(root, '[name="sp-paintmode"]'))
      radio.addEventListener("change", () => {
        paint.mode = /** @type {Coat["mode"]} */ (radio.value);
        on.paint(true);
      });
    const card = one(root, "[data-palette]").closest(".sp-card");
    for (const kind of ["pointerenter", "focusin"]) card?.addEventListener(kind, () => on.near());
  }

  /** What is written becomes the colour: a paint of the card by its name or code, or any colour there is. */
  write() {
    const { text, paint, on } = this;
    const written = text.value;
    const [first] = search(this.paints, written);
    this.showPaints("");
    if (!written.trim()) text.value = paint.color;
    else if (!first || (CSS.supports("color", written) && plain(first[0]) !== plain(written))) on.typed(written);
    else {
      this.set({ color: first[1] });
      on.color(true);
    }
  }

  /** @param {Partial<Coat>} values */
  set(values) {
    Object.assign(this.paint, values, this.held);
    const { paint, root } = this;
    this.well.value = paint.color;
    if (document.activeElement !== this.text) this.text.value = paint.color;
    for (const key of SLIDERS) setSlider(field(root, `[data-key="${key}"]`), paint[key]);
    for (const radio of fields(root, '[name="sp-paintmode"]')) radio.checked = radio.value === paint.mode;
    if (this.described !== paint.color) this.showName();
    root.style.setProperty("--sp-color", paint.color);
    this.mark();
    if (values.color) this.reveal();
  }

  /** The chosen paint is seen in its row, wherever that was scrolled to; the page itself stays. */
  reveal() {
    const row = one(this.root, "[data-palette]");
    const chosen = row.querySelector('[aria-pressed="true"]');
    if (!chosen || !row.clientHeight) return;
    const [frame, place] = [row.getBoundingClientRect(), chosen.getBoundingClientRect()];
    if (place.top < frame.top || place.bottom > frame.bottom) row.scrollTop += place.top - frame.top - 4;
    if (place.left < frame.left || place.right > frame.right) row.scrollLeft += place.left - frame.left - 4;
  }

  /** The paint as it behaves usually; its colour stays. */
  reset() {
    this.set({ ...USUAL, color: this.paint.color });
  }

  /** Whether it behaves otherwise than usual. */
  get isAdjusted() {
    return SLIDERS.some((key) => this.paint[key] !== USUAL[key]) || this.paint.mode !== USUAL.mode;
  }

  get isDescribed() {
    return this.described === this.paint.color;
  }

  /** @param {string} [name] @param {number | null} [lrv] */
  showName(name = this.names.get(this.paint.color) ?? "", lrv = null) {
    const shown = one(this.root, ".sp-colorname");
    shown.textContent = shown.title = name;
    one(this.root, ".sp-lrv").textContent = lrv === null ? "" : `LRV ${lrv}`;
  }

  /** What the server says of the colour. @param {Told} told */
  describe(told) {
    const { color, lrv, goes_with } = told;
    if (color !== this.paint.color) return;
    this.described = color;
    this.showName(likeness(told), lrv);
    one(this.root, "[data-harmony-row]").hidden = !goes_with.length;
    this.fill("[data-harmony]", goes_with);
  }

  /** The paints that are on the wall now, the main one first; null where nobody asked yet. @param {Told[] | null} paints */
  showWall(paints) {
    one(this.root, '[data-do="wall-color"]').hidden = Boolean(paints);
    const answer = one(this.root, "[data-wall-now]");
    answer.hidden = !paints;
    const some = (paints ?? []).filter(({ share = 1 }, place) => !place || share >= LEAST_SHARE);
    const rows = some.map((told) => {
      const much = some.length > 1 ? `${Math.round(100 * (told.share ?? 1))}% ` : "";
      return node(
        "li",
        {},
        swatch(told.color, `${told.color}, ${told.name}`),
        node("span", { className: "sp-wallname", title: likeness(told) }, much + likeness(told)),
        node("span", {}, `LRV ${told.lrv}`),
      );
    });
    answer.replaceChildren(...rows);
    this.mark();
  }

  /** @param {import("../state.js").Palette} palette */
  showPalette({ name, own, paints }) {
    if (!paints) return;
    this.names = new Map(paints.map((paint) => [paint[1], called(paint)]));
    this.described = "";
    this.paints = paints;
    this.family = "";
    this.showFamilies();
    this.showPaints("");
    const options = paints.map(([value, , code, brand]) => node("option", { value, label: `${code} ${brand}`.trim() }));
    one(this.root, "#sp-paints").replaceChildren(...options);
    const title = one(this.root, "[data-palette-name]");
    title.textContent = own ? `${name} \u00b7 ${paints.length}` : name;
    title.title = name;
    one(this.root, '[data-do="reset-palette"]').hidden = !own;
    this.set({});
    this.showRecent();
    this.showWall(null);
  }

  showFamilies() {
    const counts = new Map(FAMILIES.map((name) => [name, this.paints.filter(([, hex]) => familyOf(hex) === name)]));
    const known = FAMILIES.filter((name) => counts.get(name)?.length);
    const chip = (/** @type {string} */ family, /** @type {string} */ label, /** @type {string} */ hex) => {
      const choose = () => {
        this.family = family;
        this.showFamilies();
        this.showPaints("");
      };
      const pressed = String(this.family === family);
      const made = node("button", { type: "button", className: "sp-family", "aria-pressed": pressed, onclick: choose });
      if (hex) made.append(node("i"));
      made.append(label);
      made.style.setProperty("--c", hex);
      return made;
    };
    const chips = known.map((name) => {
      const paints = counts.get(name) ?? [];
      return chip(name, name, paints[Math.floor(paints.length / 2)][1]);
    });
    const row = one(this.root, ".sp-families");
    row.hidden = known.length < 2 || this.paints.length < 12;
    refill(row, [chip("", "All", ""), ...chips]);
  }

  /** The paints of the family, or those that are searched for. @param {string} [sought] */
  showPaints(sought = this.text.value) {
    const found = search(this.paints, sought);
    const ofFamily = this.paints.filter(([, hex]) => !this.family || familyOf(hex) === this.family);
    refill(
      one(this.root, "[data-palette]"),
      (found.length ? found : ofFamily).map((paint) => named(paint)),
    );
    this.mark();
  }

  /** @param {string} hex */
  remember(hex) {
    this.recent = [hex, ...this.recent.filter((other) => other !== hex)].slice(0, RECENT);
    this.showRecent();
    this.on.recent(this.recent);
  }

  /** @param {string[]} colors */
  recall(colors) {
    this.recent = colors.slice(0, RECENT);
    this.showRecent();
  }

  showRecent() {
    one(this.root, "[data-recent-row]").hidden = !this.recent.length;
    this.fill(
      "[data-recent]",
      this.recent.map((hex) => [this.names.get(hex) ?? hex, hex]),
    );
  }

  /**
   * @param {string} row
   * @param {[string, string][]} colors
   */
  fill(row, colors) {
    refill(
      one(this.root, row),
      colors.map(([name, hex]) => swatch(hex, name)),
    );
    this.mark();
  }

  mark() {
    for (const shown of this.root.querySelectorAll(".sp-swatch"))
      if (shown instanceof HTMLElement)
        shown.setAttribute("aria-pressed", String(shown.dataset.color === this.paint.color));
  }
}

/** Letters and figures alone, as texts are compared. @param {string} text */
const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");

/** A paint as a person asks for it: its name, and its code where it has one. @param {CardPaint} paint */
const called = ([name, , code]) => [name, code].filter(Boolean).join(" \u00b7 ");

/**
 * The paints whose name, code or brand holds every word, those first that are called so.
 * @param {CardPaint[]} paints
 * @param {string} text
 */
export function search(paints, text) {
  const whole = plain(text);
  const words = text.split(/\s+/).map(plain).filter(Boolean);
  if (!whole || /^\s*#/.test(text)) return [];
  /** @type {[number, CardPaint][]} */
  const found = [];
  for (const paint of paints) {
    const [name, code, brand] = [plain(paint[0]), plain(paint[2]), plain(paint[3])];
    const all = `${brand} ${code} ${name}`;
    if (!all.replaceAll(" ", "").includes(whole) && !words.every((word) => all.includes(word))) continue;
    const exact = [name, code, brand + code].includes(whole);
    found.push([exact ? 0 : name.startsWith(whole) || code.startsWith(whole) ? 1 : 2, paint]);
  }
  return found.sort(([a], [b]) => a - b).map(([, paint]) => paint);
}

/** A paint with its name and code to be seen. @param {CardPaint} paint */
function named(paint) {
  const [name, hex, code, brand] = paint;
  const made = swatch(hex, [name, code, brand].filter(Boolean).join(" \u00b7 "));
  made.append(node("span", {}, name));
  if (code) made.append(node("small", {}, code));
  return made;
}

/** @param {string} hex @param {string} name */
function swatch(hex, name) {
  const made = node("button", { type: "button", className: "sp-swatch", title: name, "aria-label": name });
  made.style.setProperty("--c", hex);
  made.dataset.color = hex;
  return made;
}

/** How far a colour is from the paint named, in one piece. @param {Told} told */
function likeness({ name, code, distance }) {
  const named = [name, code].filter(Boolean).join(" \u00b7 ");
  return distance < 1 ? named : `${named}, \u0394E\u00a0${distance}`;
}

/** @param {HTMLInputElement} slider @param {number} value */
function setSlider(slider, value) {
  slider.value = String(value);
  showSlider(slider);
}

/** The slider's number beside it, and its track up to there. @param {HTMLInputElement} slider */
export function showSlider(slider) {
  const output = slider.parentElement?.querySelector("output");
  if (output) output.textContent = `${Number(slider.value)}${slider.dataset.unit ?? ""}`;
  const share = (Number(slider.value) - Number(slider.min)) / (Number(slider.max) - Number(slider.min));
  slider.style.setProperty("--at", `${100 * share}%`);
}
