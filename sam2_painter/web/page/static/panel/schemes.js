/**
 * Schemes: named variants of all paints, as a row of buttons above the walls.
 *
 * @typedef {import("../state.js").Session} Session
 */

import { dialog } from "../actions.js";
import { field, fillIn, icon, node, one, refill } from "../dom.js";

export class SchemesPanel {
  /** @param {import("../page.js").Page} page */
  constructor(page) {
    this.page = page;
    this.root = one(page.root, ".sp-schemes");
    this.row = one(this.root, ".sp-schemelist");
    this.name = field(this.root, "[data-scheme-name]");
    this.shown = 0;
    this.said = "";
    this.name.addEventListener("change", () => {
      if (this.name.value.trim()) page.ask("rename_scheme", { name: this.name.value });
    });
    this.name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.name.blur();
    });
    Object.assign(page.doing, {
      "remove-scheme": () => page.ask("remove_scheme", {}, "Painting"),
      "compare-schemes": () =>
        page.ask("compare_schemes", {}, "Painting every scheme", { then: (reply) => this.compare(reply.compared) }),
      "save-compared": () =>
        page.ask("scheme_grid", {}, "Making the picture", {
          then: ({ grid }) => node("a", { href: grid, download: "schemes.jpg" }).click(),
        }),
      "close-compared": () => dialog(page.root, ".sp-compared").close(),
      "download-schemes": () => page.ask("download_schemes", {}, "Making the pictures at full size"),
    });
  }

  /** @param {Session} session */
  show({ schemes, layers }) {
    const several = schemes.length > 1;
    this.root.hidden = !layers.length && !several;
    one(this.root, ".sp-schemetools").hidden = !several;
    const said = JSON.stringify(schemes);
    if (said !== this.said) {
      const choices = several ? schemes.map((scheme) => this.choice(scheme)) : [];
      refill(this.row, [...choices, this.adding(several)]);
    }
    this.said = said; // a button that says the same stays: it may be pressed at this moment
    const current = schemes.find((scheme) => scheme.shown);
    if (!current) return;
    this.shown = current.id;
    const renamed = this.page.state.queue.findLast(({ verb }) => verb === "rename_scheme");
    fillIn(this.name, renamed?.args.name ?? current.name);
  }

  /** @param {Session["schemes"][number]} scheme */
  choice({ id, name, shown }) {
    return node(
      "button",
      {
        type: "button",
        className: "sp-family",
        "aria-pressed": String(shown),
        title: `Show scheme ${name}`,
        onclick: () => {
          if (!shown) this.page.ask("choose_scheme", { scheme_id: id }, "Painting");
        },
      },
      node("span", {}, name), // a button's own text would not end in an ellipsis
    );
  }

  /** @param {boolean} several */
  adding(several) {
    const title = "Keep these paints as they are, and try others in a copy";
    const onclick = () => this.page.ask("add_scheme", {}, "Painting");
    const properties = { type: "button", className: "sp-family sp-addscheme", title, onclick };
    if (several) return node("button", { ...properties, "aria-label": "Another scheme" }, icon("plus"));
    return node("button", properties, icon("plus"), "Try another scheme");
  }

  /** @param {{ id: number | null, name: string, url: string }[]} pictures of the photo, which has no id, and of each scheme */
  compare(pictures) {
    const shown = dialog(this.page.root, ".sp-compared");
    one(shown, ".sp-compare").replaceChildren(...pictures.map((picture) => this.compared(picture)));
    if (!shown.open) shown.showModal();
  }

  /** @param {{ id: number | null, name: string, url: string }} picture */
  compared({ id, name, url }) {
    const image = node("img", { src: url, alt: "" });
    if (id === null) return node("figure", {}, image, node("figcaption", {}, name));
    const onclick = () => {
      dialog(this.page.root, ".sp-compared").close();
      if (id !== this.shown) this.page.ask("choose_scheme", { scheme_id: id }, "Painting");
    };
    const properties = {
      type: "button",
      title: `Show scheme ${name}`,
      "aria-pressed": String(id === this.shown),
      onclick,
    };
    return node("figure", {}, node("button", properties, image, node("span", {}, name)));
  }
}
