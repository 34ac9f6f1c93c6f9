/** What is to be seen before any photo is open. */

import { node, one } from "./dom.js";

/**
 * The start page: examples, and a house before and after.
 * @param {import("./page.js").Page} page
 */
export function showStart(page) {
  const { examples } = page.facts;
  const shelf = page.one(".sp-examples");
  shelf.hidden = !examples.length;
  const address = (/** @type {string} */ path) => new URL(path, page.folder).href;
  const open = (/** @type {string} */ name) => {
    page.ask("example", { name }, "Opening the example");
  };
  one(shelf, "div").replaceChildren(
    ...examples.map(({ name, title }) =>
      node(
        "button",
        { type: "button", className: "sp-example", title, onclick: () => open(name) },
        node("img", { src: address(`examples/${name}.jpg`), alt: "" }),
        node("span", {}, title),
      ),
    ),
  );
  const demo = page.one(".sp-demo");
  for (const part of demo.querySelectorAll("img"))
    part.src = new URL(`images/${part.dataset.demo}.jpg`, import.meta.url).href;
  demo.addEventListener("pointermove", (event) => {
    const frame = demo.getBoundingClientRect();
    demo.style.setProperty("--cut", `${(100 * (event.clientX - frame.left)) / frame.width}%`);
  });
}
