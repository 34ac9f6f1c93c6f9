/**
 * The painted walls, the topmost first.
 *
 * @typedef {import("../state.js").Session} Session
 * @typedef {import("../state.js").Layer} Layer
 * @typedef {object} Listener
 * @property {(layer: number, changes: Record<string, unknown>) => void} edit
 * @property {(layer: number, to: number) => void} move
 * @property {(layer: number) => void} remove
 * @property {(layer: number) => void} choose
 * @property {(layer: number | null) => void} point the pointer is on it
 * @property {(layer: number) => void} untie it lies on an old paint of its own
 */

import { arrange, fillIn, icon, node, one } from "../dom.js";

export class LayersPanel {
  /**
   * @param {HTMLElement} root
   * @param {{ names: Map<string, string> }} card names of the paints, by their colour
   * @param {Listener} on
   */
  constructor(root, card, on) {
    this.root = root;
    this.card = card;
    this.on = on;
    this.list = one(root, ".sp-layers");
    /** @type {Map<number, Row>} by the ids of their walls */
    this.rows = new Map();
    this.sid = "";
  }

  /** @param {Session} session */
  show({ sid, layers, selection }) {
    one(this.root, ".sp-nolayers").hidden = layers.length > 0;
    one(this.root, ".sp-layercount").textContent = layers.length ? String(layers.length) : "";
    const before = sid === this.sid ? this.rows : new Map();
    this.sid = sid;
    this.rows = new Map();
    layers.forEach((layer, index) => {
      const row = before.get(layer.id) ?? new Row(layer.id, this.on);
      const tied = layers.filter((other) => layer.tie && other.tie === layer.tie && other !== layer);
      row.show(layer, index, layers.length, this.card.names.get(layer.color) ?? layer.color, tied);
      row.item.classList.toggle("sp-on", layer.id === selection.layer);
      this.rows.set(layer.id, row);
    });
    arrange(this.list, [...this.rows.values()].map(({ item }) => item).reverse());
  }
}

/** A wall in the list: the same elements as long as it is there, so that nobody loses what is being written or pressed. */
class Row {
  /**
   * @param {number} id
   * @param {Listener} on
   */
  constructor(id, on) {
    this.visible = true;
    this.index = 0;
    const change = (/** @type {Record<string, unknown>} */ changes) => on.edit(id, changes);
    /** @param {string} drawing @param {() => void} onclick */
    const press = (drawing, onclick) =>
      node("button", { type: "button", className: "sp-icon", onclick }, icon(drawing));

    this.eye = press("eye", () => change({ visible: !this.visible }));
    this.tint = node("input", { type: "color", title: "Recolour" });
    this.tint.addEventListener("change", () => change({ color: this.tint.value }));
    this.name = node("input", { type: "text", className: "sp-name", maxLength: 200 });
    this.name.addEventListener("change", () => change({ name: this.name.value }));
    this.name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.name.blur();
    });
    this.opacity = node("input", {
      type: "number",
      className: "sp-percent",
      min: "0",
      max: "100",
      title: "Opacity, %",
    });
    this.opacity.addEventListener("change", () => {
      const { value, defaultValue } = this.opacity;
      const percent = Math.min(Math.max(Number(value || defaultValue), 0), 100);
      this.opacity.value = String(percent);
      if (value) change({ opacity: percent / 100 });
    });
    this.up = press("up", () => on.move(id, this.index + 1));
    this.down = press("down", () => on.move(id, this.index - 1));
    this.bin = press("trash", () => on.remove(id));
    this.untie = press("link", () => on.untie(id));
    for (const moved of [this.up, this.down]) moved.classList.add("sp-move");
    this.paint = node("small");
    this.item = node(
      "li",
      { className: "sp-layer" },
      this.eye,
      node("label", { className: "sp-chip" }, this.tint),
      node("div", { className: "sp-names" }, this.name, this.paint),
      this.untie,
      this.opacity,
      this.up,
      this.down,
      this.bin,
    );
    this.item.addEventListener("pointerenter", () => on.point(id));
    this.item.addEventListener("pointerleave", () => on.point(null));
    this.item.addEventListener("click", (event) => {
      if (event.target instanceof Element && !event.target.closest("button, input, label")) on.choose(id);
    });
    this.name.addEventListener("focus", () => {
      if (!this.item.classList.contains("sp-on")) on.choose(id);
    });
  }

  /**
   * @param {Layer} layer
   * @param {number} index
   * @param {number} count of all walls
   * @param {string} paint its name
   * @param {Layer[]} tied to it
   */
  show({ name, color, opacity, visible }, index, count, paint, tied) {
    Object.assign(this, { visible, index });
    this.item.classList.toggle("sp-off", !visible);
    this.item.style.setProperty("--c", color);
    fillIn(this.tint, color);
    fillIn(this.name, name);
    fillIn(this.opacity, String(Math.round(100 * opacity)));
    this.name.title = name;
    this.paint.textContent = this.paint.title = paint;
    this.eye.querySelector("use")?.setAttribute("href", visible ? "#sp-eye" : "#sp-eye-off");
    this.untie.hidden = !tied.length;
    const pressed = document.activeElement;
    this.up.disabled = index === count - 1;
    this.down.disabled = index === 0;
    if (pressed === this.up && this.up.disabled) this.down.focus(); // a disabled one has no focus
    if (pressed === this.down && this.down.disabled) this.up.focus();
    const others = tied.map((other) => other.name).join(", ");
    /** @type {[HTMLButtonElement, string][]} */
    const titles = [
      [this.eye, visible ? "Hide" : "Show"],
      [this.untie, `Same wall paint as ${others}. Press to untie`],
      [this.up, "Move up"],
      [this.down, "Move down"],
      [this.bin, "Take this paint off"],
    ];
    for (const [button, title] of titles) {
      button.title = title;
      button.setAttribute("aria-label", `${title}: ${name}`);
    }
    this.tint.setAttribute("aria-label", `Colour of ${name}`);
    this.name.setAttribute("aria-label", `Name of ${name}`);
    this.opacity.setAttribute("aria-label", `Opacity of ${name}, percent`);
  }
}
