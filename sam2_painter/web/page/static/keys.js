/** Keys for the whole page. They go by the letter, or, where a layout has no Latin letters, by the place of the key. */

import { button } from "./dom.js";

const TYPING =
  "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range], [type=button])";

/**
 * The letter of a key on a Latin layout.
 * @param {KeyboardEvent} event
 */
export function letter({ key, code }) {
  if (/^[\x20-\x7e]$/.test(key) || key.length > 1) return key;
  const latin = /^Key([A-Z])$/.exec(code)?.[1];
  if (!latin) return key;
  return key === key.toLowerCase() ? latin.toLowerCase() : latin;
}

/** @param {import("./page.js").Page} page */
export function listenToKeys(page) {
  const { root, doing, stage } = page;
  let byKey = false; // whether the last thing somebody moved with was a key

  /** @type {Record<string, () => void>} */
  const actions = {
    v: () => page.setTool("point"),
    b: () => page.setTool("box"),
    r: () => page.setTool("pick"),
    h: () => page.setTool("hand"),
    1: () => page.setMode("new"),
    2: () => page.setMode("union"),
    3: () => page.setMode("subtract"),
    4: () => page.setMode("intersect"),
    c: () => page.cycle(1),
    C: () => page.cycle(-1),
    w: () => page.one('[data-do="all-walls"]').checkVisibility() && doing["all-walls"](),
    g: doing.generate,
    p: doing.paint,
    i: doing.dropper,
    x: doing.compare,
    o: doing.browse,
    d: doing.download,
    "+": doing["zoom-in"],
    "=": doing["zoom-in"],
    "-": doing["zoom-out"],
    0: doing.fit,
    Escape: () => (page.dropping ? page.setDropper(false) : page.clear()),
    Delete: () => page.clear(),
  };

  window.addEventListener("pointerdown", () => (byKey = false), true);
  window.addEventListener("keydown", (event) => {
    if (["Tab", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key)) byKey = true;
    if (!root.isConnected || root.querySelector("dialog[open]")) return;
    const menu = root.querySelector("[data-menu][aria-expanded=true]");
    if (event.key === "Escape" && menu instanceof HTMLElement) {
      page.closeMenus();
      return menu.focus();
    }
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.matches(TYPING)) return;
    const key = letter(event);
    stage.hands.showSign(event);
    if (key === "?") {
      event.preventDefault();
      return doing.help();
    }
    if (!page.state.session) {
      if (key === "o" && !event.ctrlKey && !event.metaKey) doing.browse();
      return;
    }
    if (event.ctrlKey || event.metaKey) {
      /** @type {Record<string, string>} */
      const verbs = { z: event.shiftKey ? "redo" : "undo", y: "redo" };
      const verb = verbs[key.toLowerCase()];
      if (!verb) return;
      event.preventDefault();
      if (!button(root, `[data-do="${verb}"]`).disabled || page.state.flying) page.ask(verb);
      return;
    }
    if (event.altKey) return;
    if (key === " " && !(byKey && target.closest("button, a, input, summary"))) {
      event.preventDefault(); // also where the mouse left a button behind: the hand is over the photo
      return stage.hands.holdSpace(true);
    }
    const action = actions[key] ?? (event.shiftKey ? undefined : actions[key.toLowerCase()]);
    if (!action) return;
    event.preventDefault();
    action();
  });
  window.addEventListener("keyup", (event) => {
    stage.hands.showSign(event);
    if (event.key !== " ") return;
    if (stage.hands.space) event.preventDefault(); // a button would be pressed now
    stage.hands.holdSpace(false);
  });
  window.addEventListener("blur", () => stage.hands.holdSpace(false));
}
