/**
 * The painted walls, the topmost first.
 *
 * @typedef {import("../state.js").Layer} Layer
 * @typedef {object} Listener
 * @property {(layer: number, changes: Record<string, unknown>) => void} edit
 * @property {(layer: number, to: number) => void} move
 * @property {(layer: number) => void} remove
 * @property {(layer: number) => void} choose
 * @property {(layer: number | null) => void} point the pointer is on it
 * @property {(layer: number) => void} untie it lies on an old paint of its own
 */

import { icon, node, one } from "../dom.js";

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
  }

  /** @param {Layer[]} layers @param {number | null} chosen the id of the chosen one */
  show(layers, chosen) {
    one(this.root, ".sp-nolayers").hidden = layers.length > 0;
    one(this.root, ".sp-layercount").textContent = layers.length ? String(layers.length) : "";
    const focused =
      document.activeElement instanceof HTMLElement && this.list.contains(document.activeElement)
        ? document.activeElement.dataset.focus
        : null;
    const rows = layers.map((layer, index) => {
      const tied = layers.filter((other) => layer.tie && other.tie === layer.tie && other !== layer);
      return this.row(layer, index, layers.length, chosen === layer.id, tied);
    });
    this.list.replaceChildren(...rows.reverse());
    const again = focused ? this.list.querySelector(`[data-focus="${focused}"]`) : null;
    if (again instanceof HTMLElement) again.focus();
  }

  /**
   * @param {Layer} layer
   * @param {number} index
   * @param {number} count
   * @param {boolean} selected
   * @param {Layer[]} tied to it
   */
  row(layer, index, count, selected, tied) {
    const { on } = this;
    const change = (/** @type {Record<string, unknown>} */ changes) => on.edit(layer.id, changes);
    /** @param {string} drawing @param {string} label @param {() => void} onclick @param {boolean} [disabled] */
    const press = (drawing, label, onclick, disabled = false) =>
      node(
        "button",
        {
          type: "button",
          className: "sp-icon",
          title: label,
          "aria-label": `${label}: ${layer.name}`,
          onclick,
          disabled,
        },
        icon(drawing),
      );

    const eye = press(layer.visible ? "eye" : "eye-off", layer.visible ? "Hide" : "Show", () =>
      change({ visible: !layer.visible }),
    );
    const tint = node("input", {
      type: "color",
      value: layer.color,
      title: "Recolour",
      "aria-label": `Colour of ${layer.name}`,
    });
    tint.addEventListener("change", () => change({ color: tint.value }));
    const name = node("input", {
      type: "text",
      className: "sp-name",
      value: layer.name,
      title: layer.name,
      maxLength: 200,
      "aria-label": `Name of ${layer.name}`,
    });
    name.addEventListener("change", () => change({ name: name.value }));
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") name.blur();
    });
    const opacity = node("input", {
      type: "number",
      className: "sp-percent",
      min: "0",
      max: "100",
      value: String(Math.round(100 * layer.opacity)),
      title: "Opacity, %",
      "aria-label": `Opacity of ${layer.name}, percent`,
    });
    opacity.addEventListener("change", () =>
      change({ opacity: Math.min(Math.max(Number(opacity.value), 0), 100) / 100 }),
    );
    const up = press("up", "Move up", () => on.move(layer.id, index + 1), index === count - 1);
    const down = press("down", "Move down", () => on.move(layer.id, index - 1), index === 0);
    const bin = press("trash", "Take this paint off", () => on.remove(layer.id));
    const paint = this.card.names.get(layer.color) ?? layer.color;
    const others = tied.map((other) => other.name).join(", ");
    const untie = press("link", `Same wall paint as ${others}. Press to untie`, () => on.untie(layer.id));
    const row = node(
      "li",
      { className: `sp-layer${selected ? " sp-on" : ""}${layer.visible ? "" : " sp-off"}` },
      eye,
      node("label", { className: "sp-chip" }, tint),
      node("div", { className: "sp-names" }, name, node("small", { title: paint }, paint)),
      ...(tied.length ? [untie] : []),
      opacity,
      up,
      down,
      bin,
    );
    row.style.setProperty("--c", layer.color);
    row.querySelectorAll("button, input").forEach((part, place) => {
      if (part instanceof HTMLElement) part.dataset.focus = `${layer.id}-${place}`;
    });
    for (const moved of [up, down]) moved.classList.add("sp-move");
    row.addEventListener("pointerenter", () => on.point(layer.id));
    row.addEventListener("pointerleave", () => on.point(null));
    row.addEventListener("click", (event) => {
      if (event.target instanceof Element && !event.target.closest("button, input, label")) on.choose(layer.id);
    });
    name.addEventListener("focus", () => {
      if (!row.classList.contains("sp-on")) on.choose(layer.id);
    });
    return row;
  }
}
