/**
 * The regions that were found, as small pictures, largest first.
 *
 * @typedef {import("../state.js").Region} Region
 */

import { node, one, refill } from "../dom.js";

const TALL = 72; // pixels of a picture

export class RegionsPanel {
  /**
   * @param {HTMLElement} root
   * @param {(id: number, more: boolean) => void} pick
   */
  constructor(root, pick) {
    this.gallery = one(root, ".sp-gallery");
    this.pick = pick;
  }

  /** @param {import("../state.js").Regions | null} regions */
  show(regions) {
    const { items, sprite } = regions ?? {};
    this.gallery.hidden = !items?.length;
    if (!items || !sprite) return this.gallery.replaceChildren();
    const scale = TALL / sprite.row;
    const buttons = items.map((item, place) => {
      const share = item.area >= 0.001 ? `${(100 * item.area).toFixed(item.area < 0.1 ? 1 : 0)}%` : "<0.1%";
      const label = `${item.category || "Region"} ${place + 1}, ${share} of the photo`;
      const picture = node("i");
      Object.assign(picture.style, {
        backgroundImage: `url(${sprite.url})`,
        backgroundSize: `${sprite.width * scale}px ${sprite.height * scale}px`,
        backgroundPosition: `${-item.at[0] * scale}px ${-item.at[1] * scale}px`,
        width: `${item.at[2] * scale}px`,
        height: `${TALL}px`,
      });
      const made = node(
        "button",
        {
          type: "button",
          className: "sp-region",
          title: label,
          "aria-label": label,
          role: "option",
          "aria-selected": "false",
        },
        picture,
        node("span", {}, share),
      );
      made.dataset.id = String(item.id);
      made.addEventListener("click", (event) => this.pick(item.id, event.ctrlKey || event.metaKey || event.shiftKey));
      return made;
    });
    refill(this.gallery, buttons);
  }

  /** @param {Set<number>} ids */
  mark(ids) {
    for (const shown of this.gallery.children)
      if (shown instanceof HTMLElement) shown.setAttribute("aria-selected", String(ids.has(Number(shown.dataset.id))));
  }

  /** The region under the pointer. @param {number} place 0 for none, 1 for the first */
  light(place) {
    for (const lit of this.gallery.querySelectorAll(".sp-lit")) lit.classList.remove("sp-lit");
    if (place) this.gallery.children[place - 1]?.classList.add("sp-lit");
  }
}
