/** "Show all parts": a long search that tells how far it is, and ends when it is told to. */

import { button, fields, node } from "./dom.js";
import { Stopped, Unreachable } from "./server.js";

export class Search {
  /** @param {import("./page.js").Page} page */
  constructor(page) {
    this.page = page;
    /** @type {AbortController | null} */
    this.running = null;
  }

  async begin() {
    const { page } = this;
    const { state, root } = page;
    if (!state.session || state.job) return;
    const sid = state.sid;
    const knobs = Object.fromEntries(
      fields(root, "[data-knob]").map((knob) => [knob.dataset.knob, Number(knob.value)]),
    );
    this.running = new AbortController();
    state.job = true;
    this.show(0);
    try {
      const args = { sid, have: state.known, ...knobs };
      const { session } = await page.server.follow(
        "generate",
        args,
        ({ fraction }) => this.show(fraction),
        this.running.signal,
      );
      if (sid !== state.sid) return;
      await page.view.show(session);
      if (!session.regions) page.messages.say("Nothing found. Lower the thresholds beside the button and try again.");
    } catch (error) {
      if (error instanceof Unreachable) void page.server.back();
      else if (!(error instanceof Stopped)) page.messages.say(error instanceof Error ? error.message : String(error));
    } finally {
      state.job = false;
      this.show(null);
    }
  }

  end() {
    this.running?.abort();
  }

  /** @param {number | null} fraction null when there is nothing to be told */
  show(fraction) {
    const { page } = this;
    page.one(".sp-progress").hidden = fraction === null;
    button(page.root, '[data-do="generate"]').disabled = fraction !== null;
    if (fraction === null) return;
    const bar = page.one(".sp-progress progress");
    if (bar instanceof HTMLProgressElement) bar.value = fraction;
    page.one(".sp-progress output").textContent = `${Math.round(100 * fraction)}%`;
  }
}

/**
 * The kinds of things that can be selected all at once.
 * @param {import("./page.js").Page} page
 */
export function showFinds(page) {
  const { categories } = page.facts;
  page.one(".sp-finds").hidden = !categories.length;
  page.one('[data-do="all-walls"]').hidden = !categories.includes("wall");
  const kinds = page.root.querySelector("[data-find]");
  if (!(kinds instanceof HTMLSelectElement)) return;
  kinds.append(...categories.map((kind) => node("option", { value: kind }, kind)));
  kinds.addEventListener("change", () => {
    if (kinds.value) page.find(kinds.value, page.tools.sign);
    kinds.value = "";
  });
}
