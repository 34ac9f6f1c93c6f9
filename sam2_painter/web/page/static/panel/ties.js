/**
 * Walls that lie on one old paint, such as the sunlit front of a house and its shaded side: tied by hand, and offered
 * where two of one new colour look so.
 *
 * @typedef {import("../state.js").Session} Session
 * @typedef {import("../state.js").Layer} Layer
 */

import { node, one, select } from "../dom.js";

const OF_ITS_OWN = "no other wall";

export class TiesPanel {
  /** @param {import("../page.js").Page} page */
  constructor(page) {
    this.page = page;
    this.place = one(page.root, ".sp-tieoffer");
    this.choice = select(page.root, "[data-tie]");
    /** @type {number[] | null} the two walls that are offered */
    this.offered = null;
    /** @type {Set<string>} what was refused */
    this.refused = new Set();
    this.asked = "";
    /** @type {HTMLElement | null} the message of the offer */
    this.told = null;
    this.choice.addEventListener("change", () => this.chosen(this.choice.value));
    Object.assign(page.doing, {
      tie: () => {
        if (this.offered) page.ask("tie_layers", { layer_ids: this.offered }, "Painting");
      },
      "refuse-tie": () => {
        this.refused.add(this.keyOf(this.offered ?? []));
        this.offer(null);
      },
    });
  }

  /** @param {number[]} pair */
  keyOf(pair) {
    return [this.page.state.sid, ...pair].join("/");
  }

  /** @param {Session} session */
  show(session) {
    const layer = session.layers.find(({ id }) => id === session.selection.layer);
    const others = session.layers.filter((other) => other !== layer);
    one(this.page.root, "[data-tied]").hidden = !layer || !others.length;
    if (layer) this.showChoice(layer, others);
    void this.look(session);
  }

  /** @param {Layer} layer @param {Layer[]} others */
  showChoice(layer, others) {
    const option = (/** @type {Layer} */ { id, name }) => node("option", { value: String(id) }, name || "A wall");
    const options = [node("option", { value: "" }, OF_ITS_OWN), ...others.map(option)];
    const same = options.every((shown, place) => shown.isEqualNode(this.choice.options[place]));
    if (!same || options.length !== this.choice.length) this.choice.replaceChildren(...options);
    const tied = others.find((other) => layer.tie && other.tie === layer.tie);
    this.choice.value = tied ? String(tied.id) : "";
  }

  /** @param {string} other the id of a wall, "" for none */
  chosen(other) {
    const { state } = this.page;
    const layer = state.session?.selection.layer;
    if (other) this.page.ask("tie_layers", { layer_ids: [layer, Number(other)] }, "Painting");
    else this.page.ask("untie_layer", { layer_id: layer }, "Painting");
  }

  /** See whether two walls that were painted alike may lie on one old paint. @param {Session} session */
  async look({ sid, layers }) {
    const shown = layers.filter(({ visible, mode }) => visible && mode === "realistic");
    const asked = sid + JSON.stringify(shown.map(({ id, color, tie, shape }) => [id, color, tie, shape.key]));
    if (asked === this.asked) return;
    this.asked = asked;
    this.offer(null);
    const alike = shown.some((one, place) =>
      shown.slice(place + 1).some((other) => one.color === other.color && !(one.tie && one.tie === other.tie)),
    );
    if (!alike) return;
    try {
      const { offers } = await this.page.server.ask("tie_offers", { sid });
      if (this.asked !== asked || this.page.state.sid !== sid) return;
      this.offer(offers.find((/** @type {number[]} */ pair) => !this.refused.has(this.keyOf(pair))) ?? null);
    } catch {
      this.asked = ""; // an offer less
    }
  }

  /** @param {number[] | null} pair */
  offer(pair) {
    const { page, place } = this;
    this.offered = pair;
    place.hidden = !pair;
    if (this.told?.isConnected) page.messages.clear();
    this.told = null;
    if (!pair) return;
    const layers = page.state.session?.layers ?? [];
    const names = pair.map((wanted) => layers.find(({ id }) => id === wanted)?.name || "a wall").join(" and ");
    const sentence = `${names} look like one old paint in sun and shade. Read together, they keep one brightness.`;
    one(place, "p").textContent = sentence;
    if (place.checkVisibility()) return;
    this.told = page.messages.say(sentence, { action: { label: "Same wall paint", run: () => page.doing.tie() } });
  }
}
