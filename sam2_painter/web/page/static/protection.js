/**
 * Painted walls are protected: what is added to one takes nothing from another, unless somebody wants that.
 *
 * @typedef {import("./state.js").Question} Question
 * @typedef {import("./state.js").Session} Session
 */

import { button, field } from "./dom.js";
import { Refused } from "./server.js";

export class Protection {
  /** @param {import("./page.js").Page} page */
  constructor(page) {
    this.page = page;
    this.box = field(page.root, "[data-protect]");
    this.taker = button(page.root, '[data-do="take-over"]');
    page.doing["take-over"] = () => page.ask("take_over");
  }

  /** Whether other walls are left alone. */
  get protect() {
    return this.box.checked;
  }

  /** @param {Session} session */
  show(session) {
    const { selection, layers } = session;
    const others = layers.filter(({ id, visible }) => visible && id !== selection.layer);
    this.page.one("[data-protects]").hidden = !others.length;
    this.taker.hidden = !selection.shares.length;
    this.taker.textContent = `Take what it shares from ${selection.shares.join(" and ")}`;
  }

  /**
   * What was refused because it belongs to another wall may be wanted all the same.
   * @param {Error} error
   * @param {Question} question
   */
  offer(error, question) {
    const { page } = this;
    if (!(error instanceof Refused) || error.field !== "protect") return {};
    const { verb, args } = question;
    const [x, y] = args.points?.at(-1) ?? args.path?.[0] ?? args.box ?? [0, 0];
    const there = page.stage.wallAt({ x, y });
    const name = page.state.session?.layers.find(({ id }) => id === there?.id)?.name;
    const take = () => page.ask(verb, { ...args, take: true }, "Selecting");
    return { action: { label: name ? `Take these from ${name}` : "Take these from it", run: take } };
  }
}
