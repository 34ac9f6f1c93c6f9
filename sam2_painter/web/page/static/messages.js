/** One message at a time, in one style; a new one takes the place of the one before. */

import { followDialogs, node, one } from "./dom.js";

const SECONDS = 8;

export class Messages {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.place = one(root, ".sp-messages");
    this.follow = followDialogs(root, this.place);
    this.timer = 0;
    this.passing = false;
  }

  /**
   * @param {string} sentence
   * @param {object} [more]
   * @param {boolean} [more.stays] until something else is said, or it is closed
   * @param {boolean} [more.passing] until something else is done
   * @param {{ label: string, run: () => void }} [more.action]
   */
  say(sentence, { stays = false, passing = false, action } = {}) {
    clearTimeout(this.timer);
    this.passing = passing;
    const toast = node("div", { className: "sp-toast", role: "alert" }, node("span", {}, sentence));
    if (action) {
      const act = () => {
        this.clear();
        action.run();
      };
      toast.append(node("button", { type: "button", className: "sp-toastaction", onclick: act }, action.label));
    }
    toast.append(
      node(
        "button",
        { type: "button", className: "sp-toastclose", "aria-label": "Close", onclick: () => this.clear() },
        "\u00d7",
      ),
    );
    this.follow();
    this.place.replaceChildren(toast);
    if (!stays) this.timer = window.setTimeout(() => this.clear(), SECONDS * 1000);
    return toast;
  }

  /** Something else was done. */
  pass() {
    if (this.passing) this.clear();
  }

  clear() {
    clearTimeout(this.timer);
    this.passing = false;
    this.place.replaceChildren();
  }
}
