/**
 * The photos this browser worked on, for as long as the server has them.
 *
 * @typedef {{ sid: string, name: string, picture: string, at: number, painted?: boolean }} Kept
 */

import { button, node, one } from "./dom.js";
import { KEYS, keepForAll, keptJson } from "./kept.js";

const MOST = 8;
const WIDTH = 168;
const HEIGHT = 126;

export class Photos {
  /**
   * @param {HTMLElement} root
   * @param {(sid: string) => void} open
   */
  constructor(root, open) {
    this.root = root;
    this.open = open;
  }

  /** @returns {Kept[]} the latest first */
  get all() {
    /** @type {unknown} */
    const kept = keptJson(KEYS.photos, null);
    return Array.isArray(kept) ? kept.filter((one) => typeof one?.sid === "string") : [];
  }

  /** Those that are painted, the one that is open first. @param {string | null} current @returns {string[]} */
  painted(current) {
    const sids = this.all.filter(({ painted }) => painted).map(({ sid }) => sid);
    return current && sids.includes(current) ? [current, ...sids.filter((sid) => sid !== current)] : sids;
  }

  /** @param {Kept[]} photos */
  keep(photos) {
    keepForAll(KEYS.photos, JSON.stringify(photos.slice(0, MOST)));
  }

  /**
   * @param {string} sid
   * @param {string} name
   * @param {CanvasImageSource & { width: number, height: number }} picture as it is painted now
   * @param {boolean} painted
   */
  remember(sid, name, picture, painted) {
    const canvas = node("canvas", { width: WIDTH, height: HEIGHT });
    const scale = Math.max(WIDTH / picture.width, HEIGHT / picture.height);
    const [w, h] = [picture.width * scale, picture.height * scale];
    canvas.getContext("2d")?.drawImage(picture, (WIDTH - w) / 2, (HEIGHT - h) / 2, w, h);
    const kept = { sid, name, picture: canvas.toDataURL("image/jpeg", 0.7), at: Date.now(), painted };
    this.keep([kept, ...this.all.filter((other) => other.sid !== sid)]);
  }

  /** @param {string | null} sid */
  forget(sid) {
    this.keep(this.all.filter((other) => other.sid !== sid));
  }

  /** Those but the one that is open. @param {string | null} current */
  show(current) {
    const others = this.all.filter(({ sid }) => sid !== current);
    const together = button(this.root, '[data-do="download-pictures"]');
    const { length } = this.painted(current);
    together.hidden = length < 2;
    one(together, "span").textContent = `All ${length} painted photos (zip)`;
    for (const place of this.root.querySelectorAll("[data-recent-photos]")) {
      if (!(place instanceof HTMLElement)) continue;
      place.hidden = !others.length;
      place
        .querySelector(".sp-photos")
        ?.replaceChildren(
          ...others.map(({ sid, name, picture }) =>
            node(
              "button",
              { type: "button", className: "sp-photo", title: `Open ${name} again`, onclick: () => this.open(sid) },
              node("img", { src: /^data:image\/jpeg/.test(picture) ? picture : "", alt: "" }),
              node("span", {}, name),
            ),
          ),
        );
    }
  }
}
