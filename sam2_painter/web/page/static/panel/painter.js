/**
 * The dialog that makes sheets for the painter, and takes their links back.
 *
 * @typedef {{ token: string, link: string, scheme: string, colors: string[], made_at: number, expires_at: number }} Sheet
 */

import { dialog } from "../actions.js";
import { field, node, one, select } from "../dom.js";

const FOOT = 0.3048; // metres
const MOST_COLORS = 8; // of a sheet, beside its link

export class PainterDialog {
  /** @param {import("../page.js").Page} page */
  constructor(page) {
    this.page = page;
    this.dialog = dialog(page.root, ".sp-painter");
    this.units = select(this.dialog, "[data-sheet-units]");
    this.units.value = /^en-(US|LR)/.test(navigator.language) ? "ft" : "m";
    this.lives = select(this.dialog, "[data-sheet-days]");
    /** @type {import("../stage/camera.js").Point[]} the ends of a length that is known, in the photo */
    this.ends = [];
    this.endsOf = "";
    this.lengthOf = "";
    const then = (/** @type {import("../state.js").Json} */ reply) => this.show(reply.sheets);
    Object.assign(page.doing, {
      "open-sheet": () => {
        page.closeMenus();
        this.showEnds();
        this.dialog.showModal();
        page.ask("sheets", {}, "", { then });
      },
      measure: () => this.measure(),
      "close-sheet": () => this.dialog.close(),
      "make-sheet": () =>
        page.ask("make_sheet", { ...this.width, days: Number(this.lives.value) }, "Making the sheet", {
          then: (reply) => {
            this.show(reply.sheets);
            one(this.dialog, `[data-token="${reply.sheet.token}"] input`).focus();
          },
        }),
      "download-sheet": () => page.ask("download_sheet", this.width, "Making the sheet"),
    });
  }

  /** Metres across the photo, by the length that is known. */
  get width() {
    const units = this.units.value;
    const length = field(this.dialog, "[data-sheet-length]").valueAsNumber * (units === "ft" ? FOOT : 1);
    if (!Number.isFinite(length)) return { units };
    const [a, b] = this.marked;
    const across = this.page.state.session?.width ?? 1;
    return { units, width: a && b ? (length * across) / Math.hypot(a.x - b.x, a.y - b.y) : length };
  }

  /** The ends that were marked in this photo. */
  get marked() {
    return this.endsOf === this.page.state.sid ? this.ends : [];
  }

  /** What the length is of. One that was written for something else is none of it. */
  showEnds() {
    const two = this.marked.length === 2;
    const of = JSON.stringify([this.page.state.sid, this.marked]);
    if (this.lengthOf !== of) field(this.dialog, "[data-sheet-length]").value = "";
    this.lengthOf = of;
    one(this.dialog, "[data-sheet-of]").textContent = two
      ? "is the line you marked"
      : "is the width of the whole photo";
    one(this.dialog, '[data-do="measure"]').textContent = two ? "Mark it again" : "Mark a length on the photo instead";
  }

  // -- a length on the photo --------------------------------------------------------------------------------------------

  get isMeasuring() {
    return this.page.stage.hands.tool === "measure";
  }

  measure() {
    const { page } = this;
    this.dialog.close();
    this.ends = [];
    this.endsOf = page.state.sid ?? "";
    page.compare(false);
    page.stage.hands.use("measure");
    page.stage.show({ measure: [] });
    page.tools.advise();
    page.stage.view.focus({ preventScroll: true });
  }

  /** One end, then the other. @param {import("../stage/camera.js").Point} at */
  mark(at) {
    const { page, ends } = this;
    const [first] = ends;
    if (first && Math.hypot(first.x - at.x, first.y - at.y) * page.stage.camera.scale < 8) return;
    ends.push(at);
    page.stage.show({ measure: [...ends, at] });
    page.tools.advise();
    if (ends.length === 2) this.endMeasuring();
  }

  /** Back to the dialog. */
  endMeasuring() {
    const { page } = this;
    page.stage.show({ measure: [] });
    page.tools.use(page.tools.tool);
    this.showEnds();
    this.dialog.showModal();
    field(this.dialog, "[data-sheet-length]").focus();
  }

  /** @param {Sheet[]} sheets */
  show(sheets) {
    one(this.dialog, ".sp-sheets").replaceChildren(...sheets.map((sheet) => this.row(sheet)).reverse());
  }

  /** @param {Sheet} sheet */
  row({ token, link, scheme, colors, made_at, expires_at }) {
    const href = new URL(`..${link}`, this.page.folder).href;
    const made = new Date(1000 * made_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    const until = new Date(1000 * expires_at).toLocaleDateString(undefined, { dateStyle: "medium" });
    const told = `${scheme ? `Scheme ${scheme}, made` : "Made"} ${made}, until ${until}`;
    const shown = node("input", { type: "text", readOnly: true, value: href, "aria-label": `Link. ${told}` });
    shown.addEventListener("focus", () => shown.select());
    const copy = node("button", { type: "button", className: "sp-link", onclick: () => void this.copy(shown) }, "Copy");
    const open = node("a", { className: "sp-link", href, target: "_blank", rel: "noopener" }, "Open");
    const revoke = node(
      "button",
      {
        type: "button",
        className: "sp-link",
        title: "The link is dead at once",
        onclick: () => this.page.ask("revoke_sheet", { token }, "", { then: (reply) => this.show(reply.sheets) }),
      },
      "Take back",
    );
    const paints = colors.slice(0, MOST_COLORS).map((color) => {
      const paint = node("i", { title: color });
      paint.style.setProperty("--c", color);
      return paint;
    });
    return node("li", { "data-token": token }, node("small", {}, ...paints, told), shown, copy, open, revoke);
  }

  /** @param {HTMLInputElement} link */
  async copy(link) {
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
      this.page.messages.say("Copied.");
    } catch {
      this.page.messages.say("Your browser does not let pages copy. The link is selected: copy it by hand.");
    }
  }
}
