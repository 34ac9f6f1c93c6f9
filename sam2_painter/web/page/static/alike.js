/**
 * The same paints on the next photo: one that is open is painted like one before, or all others like this one.
 *
 * @typedef {import("./state.js").Session} Session
 */

import { sentenceOf } from "./actions.js";
import { button, one } from "./dom.js";
import { picture } from "./view.js";

export class Alike {
  /** @param {import("./page.js").Page} page */
  constructor(page) {
    this.page = page;
    this.like = button(page.root, '[data-do="paint-alike"]');
    this.others = button(page.root, '[data-do="paint-others"]');
    this.painting = false;
    Object.assign(page.doing, {
      "paint-alike": () =>
        page.ask("paint_alike", { like: this.like.dataset.sid }, "Finding the walls and painting them"),
      "paint-others": () => void this.paintOthers(),
    });
  }

  /** Those of this browser without paint, less the one that is open. */
  get bare() {
    return this.page.photos.all.filter(({ sid, painted }) => sid !== this.page.state.sid && painted === false);
  }

  /** @param {Session | null} session */
  show(session) {
    const { photos, facts } = this.page;
    const finds = facts.categories.length > 0;
    const before = photos.all.find(({ sid, painted }) => sid !== session?.sid && painted);
    this.like.hidden = !finds || !before;
    if (before) {
      this.like.dataset.sid = before.sid;
      one(this.like, "span").textContent = `Paint it like ${before.name}`;
    }
    const { length } = this.bare;
    this.others.hidden = !finds || !session?.layers.length || !length || this.painting;
    one(this.others, "span").textContent =
      length === 1 ? "Paint the other photo like this" : `Paint ${length} others like this`;
  }

  async paintOthers() {
    const { page, bare } = this;
    const like = page.state.sid;
    page.closeMenus();
    this.painting = true;
    this.show(page.state.session);
    /** @type {string[]} */
    const told = [];
    let done = 0;
    for (const { sid, name } of bare.reverse()) {
      page.messages.say(`Painting ${name} like this one\u2026`, { stays: true });
      try {
        const { session, notes } = await page.server.ask("paint_alike", { sid, like, have: {} });
        const shown = await picture(session.picture.url ?? session.photo.url);
        page.photos.remember(sid, session.name || "Photo", shown, true);
        done += 1;
        if (notes.length) told.push(`${name}: ${notes.join(" ")}`);
      } catch (error) {
        told.push(`${name}: ${sentenceOf(error)}`);
      }
    }
    this.painting = false;
    page.rememberPhoto(); // the one that is open stays the latest
    const count = done === 1 ? "1 photo was" : `${done} photos were`;
    const first = done ? `${count} painted like this one; see under Open.` : "No photo was painted.";
    page.messages.say([first, ...told].join(" "), { stays: true });
  }
}
