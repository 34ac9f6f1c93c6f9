/**
 * The dialog that makes sheets for the painter, and takes their links back.
 *
 * @typedef {{ token: string, link: string, made_at: number, expires_at: number }} Sheet
 */

import { dialog } from "../actions.js";
import { field, node, one } from "../dom.js";

export class PainterDialog {
  /** @param {import("../page.js").Page} page */
  constructor(page) {
    this.page = page;
    this.dialog = dialog(page.root, ".sp-painter");
    const then = (/** @type {import("../state.js").Json} */ reply) => this.show(reply.sheets);
    Object.assign(page.doing, {
      "open-sheet": () => {
        page.closeMenus();
        this.dialog.showModal();
        page.ask("sheets", {}, "", { then });
      },
      "close-sheet": () => this.dialog.close(),
      "make-sheet": () =>
        page.ask("make_sheet", { ...this.width, days: this.days }, "Making the sheet", {
          then: (reply) => {
            this.show(reply.sheets);
            one(this.dialog, `[data-token="${reply.sheet.token}"] input`).focus();
          },
        }),
      "download-sheet": () => page.ask("download_sheet", this.width, "Making the sheet"),
    });
  }

  get width() {
    const metres = field(this.dialog, "[data-sheet-width]").valueAsNumber;
    return Number.isFinite(metres) ? { width: metres } : {};
  }

  get days() {
    const choice = one(this.dialog, "[data-sheet-days]");
    return choice instanceof HTMLSelectElement ? Number(choice.value) : 30;
  }

  /** @param {Sheet[]} sheets */
  show(sheets) {
    one(this.dialog, ".sp-sheets").replaceChildren(...sheets.map((sheet) => this.row(sheet)).reverse());
  }

  /** @param {Sheet} sheet */
  row({ token, link, expires_at }) {
    const href = new URL(`..${link}`, this.page.folder).href;
    const until = new Date(1000 * expires_at).toLocaleDateString();
    const shown = node("input", { type: "text", readOnly: true, value: href, "aria-label": `Link, until ${until}` });
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
    return node("li", { "data-token": token }, shown, copy, open, revoke, node("small", {}, `until ${until}`));
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
