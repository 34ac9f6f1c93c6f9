/** What takes so long: a question that is on its way, a file that is being sent, a photo that is being read. */

import { followDialogs, one } from "./dom.js";
import { isAboutShapes } from "./state.js";

const AFTER = 140; // milliseconds

export class Busy {
  /** @param {import("./page.js").Page} page */
  constructor(page) {
    this.page = page;
    this.place = page.one(".sp-busy");
    this.follow = followDialogs(page.root, this.place);
    this.text = one(this.place, "span");
    this.bar = one(this.place, ".sp-sent");
    /** @type {string | null} the session whose photo the engine still reads */
    this.reading = null;
  }

  /** See, once a question would have been answered, whether it was. */
  soon() {
    window.setTimeout(() => this.show(), AFTER + 10);
  }

  show() {
    const { page, place, bar } = this;
    const { flying, queue } = page.state;
    const asked = Boolean(flying && performance.now() - flying.at > AFTER);
    this.follow();
    place.hidden = !asked && !this.reading;
    if (!place.hidden && bar.hidden) this.text.textContent = this.now;
    if (!flying) this.showSent(1);
    const { dataset } = page.root;
    const waits = Boolean((this.reading || page.state.sending) && [flying, ...queue].some(isAboutShapes));
    if (waits === "waiting" in dataset) return;
    if (waits) dataset.waiting = "1";
    else delete dataset.waiting;
    page.tools.advise();
  }

  /** What is done at this moment. */
  get now() {
    const { flying } = this.page.state;
    if (this.reading && (!flying || isAboutShapes(flying))) return "Reading the photo";
    return flying?.busy || "Working";
  }

  /** How much of a file was sent. @param {number} fraction */
  showSent(fraction) {
    const { bar } = this;
    bar.hidden = fraction >= 1;
    if (bar instanceof HTMLProgressElement) bar.value = fraction;
    this.text.textContent = fraction < 1 ? `Sending, ${Math.round(100 * fraction)}%` : this.now;
  }

  /** The engine reads the photo from the moment it opens. Until it has, it is said so; clicks are kept meanwhile. */
  async read() {
    const { sid } = this.page.state;
    this.reading = sid;
    this.soon();
    try {
      await this.page.server.ask("embed", { sid });
    } catch {
      // whoever clicks will be told
    }
    if (this.reading === sid) this.reading = null;
    this.show();
  }
}
