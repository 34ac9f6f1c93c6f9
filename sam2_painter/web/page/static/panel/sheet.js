/**
 * On a phone the panel is a sheet with three tabs. The tools move from the photo into the one called Fix. What the next
 * tap does and smaller and larger answers share a row above what the tabs show: nothing lies on the photo.
 */

import { one } from "../dom.js";

const PHONE = "(max-width: 860px) and (orientation: portrait), (max-width: 640px)"; // as in page.css

export class Sheet {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.tools = one(root, ".sp-toolbox");
    this.signs = one(root, ".sp-signs");
    this.answers = one(root, ".sp-answers");
    this.places = { wide: one(root, ".sp-toolplace"), phone: one(root, ".sp-toolsheet") };
    this.phone = matchMedia(PHONE);
    this.phone.addEventListener("change", () => this.place());
    this.place();
    for (const tab of root.querySelectorAll("[data-tab]"))
      if (tab instanceof HTMLElement) tab.addEventListener("click", () => this.show(tab.dataset.tab ?? "paint"));
  }

  place() {
    (this.phone.matches ? this.places.phone : this.places.wide).append(this.tools);
    one(this.root, this.phone.matches ? ".sp-answerplace" : ".sp-candidates").append(this.answers);
    if (this.phone.matches) one(this.root, ".sp-signplace").append(this.signs);
    else one(this.tools, ".sp-how").prepend(this.signs);
  }

  /** @param {string} part paint, walls or fix */
  show(part) {
    this.root.dataset.part = part;
    for (const tab of this.root.querySelectorAll("[data-tab]"))
      if (tab instanceof HTMLElement) tab.setAttribute("aria-pressed", String(tab.dataset.tab === part));
    one(this.root, ".sp-sheet").scrollTop = 0;
  }
}
