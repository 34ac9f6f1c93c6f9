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
  /** @type {Record<string, string>} */
  const places = { BracketLeft: "[", BracketRight: "]" };
  const latin = /^Key([A-Z])$/.exec(code)?.[1];
  if (!latin) return places[code] ?? key;
  return key === key.toLowerCase() ? latin.toLowerCase() : latin;
}

/** @param {import("./page.js").Page} page */
export function listenToKeys(page) {
  const { root, doing, stage } = page;
  let byKey = false; // whether the last thing somebody moved with was a key

  const cycle = (/** @type {number} */ step) => {
    const { candidates, choice } = page.state.session?.selection ?? { candidates: 0, choice: 0 };
    if (candidates > 1) page.ask("choose", { choice: (choice + step + candidates) % candidates });
  };

  /** @type {Record<string, () => unknown>} */
  const actions = {
    v: () => page.tools.use("point"),
    b: () => page.tools.use("box"),
    e: () => page.tools.use("brush"),
    l: () => page.tools.use("polygon"),
    r: () => page.tools.use("pick"),
    h: () => page.tools.use("hand"),
    a: () => (page.tools.tool === "polygon" ? page.tools.onlyWall : page.tools.edgeAware).click(),
    t: doing.tidy,
    1: () => page.tools.setSign("new"),
    2: () => page.tools.setSign("union"),
    3: () => page.tools.setSign("subtract"),
    "[": () => stage.hands.resize(stage.hands.radius / 1.25),
    "]": () => stage.hands.resize(stage.hands.radius * 1.25),
    c: () => cycle(1),
    C: () => cycle(-1),
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
    Escape: () => {
      if (page.painter.isMeasuring) page.painter.endMeasuring();
      else if (page.dropping) page.setDropper(false);
      else if (stage.hands.dropPolygon()) page.tools.advise();
      else if (page.tools.anew) page.tools.keepShape();
      else page.clear();
    },
    Enter: () => stage.scene.corners.length > 3 && stage.hands.closePolygon(),
    Backspace: doing["drop-corner"],
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
      if (verb === "undo" && (stage.scene.corners.length || page.tools.anew)) doing.undo();
      else if (!button(root, `[data-do="${verb}"]`).disabled || page.state.flying) page.ask(verb);
      return;
    }
    if (event.altKey) return;
    if (key === " " && !(byKey && target.closest("button, a, input, summary"))) {
      event.preventDefault(); // also where the mouse left a button behind: the hand is over the photo
      return stage.hands.holdSpace(true);
    }
    if (key === "Enter" && !stage.scene.corners.length) return; // a button's, or the cursor's
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
