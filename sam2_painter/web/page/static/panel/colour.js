/**
 * The colours: picker, paints, recent ones, what goes with them, and how the paint behaves.
 *
 * @typedef {import("../stage/tryon.js").Coat} Coat
 * @typedef {{ color: string, name: string, distance: number, lrv: number, goes_with: [string, string][] }} Told
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
    /** @type {Map<string, string>} names of the paints, by their colour */
    this.names = new Map();
    this.described = "";
    /** @type {[string, string, string?][]} name, colour and code */
    this.paints = [];
    /** @type {string} "" for all */
    this.family = "";
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
      this.set({ color: well.value });
      on.color(false);
    });
    well.addEventListener("change", () => {
      this.set({ color: well.value });
      on.color(true);
    });
    text.addEventListener("change", () => {
      if (text.value.trim()) on.typed(text.value);
      else text.value = paint.color;
      this.showPaints("");
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter") text.blur();
    });
    for (const slider of fields(root, ".sp-slider input")) {
      showSlider(slider);
      const key = SLIDERS.find((name) => name === slider.dataset.key);
      slider.addEventListener("input", () => {
        showSlider(slider);
        if (!key) return;
        paint[key] = Number(slider.value);
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

  /** @param {Partial<Coat>} values */
  set(values) {
    Object.assign(this.paint, values);
    const { paint, root } = this;
    this.well.value = paint.color;
    if (document.activeElement !== this.text) this.text.value = paint.color;
    for (const key of SLIDERS) setSlider(field(root, `[data-key="${key}"]`), paint[key]);
    for (const radio of fields(root, '[name="sp-paintmode"]')) radio.checked = radio.value === paint.mode;
    if (this.described !== paint.color) this.showName();
    root.style.setProperty("--sp-color", paint.color);
    this.mark();
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
    const { color, name, lrv, goes_with } = told;
    if (color !== this.paint.color) return;
    this.described = color;
    if (!this.names.has(color)) this.names.set(color, name);
    this.showName(likeness(told), lrv);
    one(this.root, "[data-harmony-row]").hidden = !goes_with.length;
    this.fill("[data-harmony]", goes_with);
  }

  /** The paint that is on the wall now; null where nobody asked yet. @param {Told | null} told */
  showWall(told) {
    one(this.root, '[data-do="wall-color"]').hidden = Boolean(told);
    const answer = one(this.root, "[data-wall-now]");
    answer.hidden = !told;
    if (!told) return;
    this.fill("[data-wall-now] .sp-swatches", [[`${told.color}, ${told.name}`, told.color]]);
    const name = one(answer, ".sp-wallname");
    name.textContent = name.title = likeness(told);
    one(answer, ".sp-walllrv").textContent = `LRV ${told.lrv}`;
  }

  /** @param {import("../state.js").Palette} palette */
  showPalette({ name, own, paints }) {
    if (!paints) return;
    this.names = new Map(paints.map(([paintName, hex]) => [hex, paintName]));
    this.described = "";
    this.paints = paints;
    this.family = "";
    this.showFamilies();
    this.showPaints("");
    one(this.root, "#sp-paints").replaceChildren(...paints.map(([value]) => node("option", { value })));
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
    const words = sought.trim().toLowerCase();
    const found =
      words && !/^#/.test(words)
        ? this.paints.filter((paint) => `${paint[0]} ${paint[2] ?? ""}`.toLowerCase().includes(words))
        : [];
    const ofFamily = this.paints.filter(([, hex]) => !this.family || familyOf(hex) === this.family);
    refill(
      one(this.root, "[data-palette]"),
      (found.length ? found : ofFamily).map(([name, hex, code]) =>
        swatch(hex, code ? `${name} \u00b7 ${code}` : name, true),
      ),
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

/** @param {string} hex @param {string} name @param {boolean} [named] whether the name is to be seen */
function swatch(hex, name, named = false) {
  const made = node("button", { type: "button", className: "sp-swatch", title: name, "aria-label": name });
  if (named) made.append(node("span", {}, name));
  made.style.setProperty("--c", hex);
  made.dataset.color = hex;
  return made;
}

/** How far a colour is from the paint named, in one piece. @param {Told} told */
const likeness = ({ name, distance }) => (distance < 1 ? name : `${name}, \u0394E\u00a0${distance}`);

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
