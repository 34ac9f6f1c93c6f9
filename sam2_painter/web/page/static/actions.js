/** What the buttons do, by their data-do. */

import { button, chosen, field, node, one } from "./dom.js";
import { Refused } from "./server.js";

/**
 * @param {import("./page.js").Page} page
 * @returns {Record<string, () => void>}
 */
export function makeActions(page) {
  const { root, stage, state } = page;
  return {
    undo: () => {
      if (page.tools.anew) page.tools.keepShape();
      else if (stage.scene.corners.length) page.tools.dropCorner();
      else page.ask("undo");
    },
    redo: () => page.ask("redo"),
    browse: () => field(root, "[data-file]").click(),
    camera: () => field(root, "[data-camera]").click(),
    "browse-palette": () => field(root, "[data-palette-file]").click(),
    "browse-mask": () => field(root, "[data-mask-file]").click(),
    "reset-palette": () => page.ask("reset_palette"),
    "reset-paint": () => {
      page.colour.reset();
      if (page.isPainted) page.paintWall();
    },
    "wall-color": () => page.ask("wall_paints", { mask_id: state.session?.selection.mask_id }, "Looking at the wall"),
    compare: () => {
      const compared = button(root, '[data-do="compare"]');
      if (!compared.disabled) page.compare(compared.getAttribute("aria-pressed") !== "true");
    },
    help: () => dialog(root, ".sp-help").showModal(),
    "close-help": () => dialog(root, ".sp-help").close(),
    "close-session": () => {
      dialog(root, ".sp-help").close();
      void deletePhoto(page);
    },
    "delete-photo": () => void deletePhoto(page),
    download: () =>
      page.ask(
        "download",
        { ...format(root), painted: !field(root, "[data-original]").checked },
        "Making the picture at full size",
        { then: () => afterDownload(page) },
      ),
    share: () =>
      page.ask("download", { format: "JPG", quality: 92, painted: true, shared: true }, "Making the picture"),
    "save-project": () => page.ask("save_project", {}, "Saving the project"),
    generate: () => void page.search.begin(),
    cancel: () => page.search.end(),
    clear: () => page.clear(),
    anew: () => page.tools.beginAnew(),
    paint: () => page.paintWall(),
    dropper: () => page.setDropper(!page.dropping),
    tidy: () => {
      if (!button(root, '[data-do="tidy"]').disabled) page.ask("tidy", { protect: page.protection.protect }, "Tidying");
    },
    "download-pictures": () =>
      page.ask("download_pictures", { ...format(root), sids: page.photos.painted(state.sid) }, "Making the pictures", {
        then: () => page.closeMenus(),
      }),
    "drop-corner": () => page.tools.dropCorner(),
    "close-polygon": () => stage.hands.closePolygon(),
    "zoom-in": () => stage.zoom(1.5),
    "zoom-out": () => stage.zoom(1 / 1.5),
    fit: () => stage.fit(),
    "all-walls": () => page.find("wall", "new", () => page.paintWall()),
    "house-walls": () => page.find("wall", "new", () => page.paintWall(), page.clicked),
  };
}

/** @param {HTMLElement} root @param {string} selector */
export function dialog(root, selector) {
  const found = one(root, selector);
  if (!(found instanceof HTMLDialogElement)) throw new Error(`${selector} is no dialog`);
  return found;
}

/** @param {HTMLElement} root */
const format = (root) => ({
  format: chosen(root, "sp-format"),
  quality: Number(field(root, '[data-key="quality"]').value),
});

/** @param {import("./page.js").Page} page */
function afterDownload(page) {
  page.closeMenus();
  field(page.root, "[data-original]").checked = false; // it was meant for this one
}

/**
 * Let the browser save a file, or hand it on where that was asked for.
 * @param {import("./page.js").Page} page
 * @param {{ path: string, filename: string }} file
 * @param {boolean} shared
 */
export async function hand(page, { path, filename }, shared) {
  const href = new URL(`../api${path}`, page.folder).href;
  if (shared) {
    const data = await (await fetch(href)).blob();
    const file = new File([data], filename, { type: data.type });
    try {
      return await navigator.share({ files: [file], title: filename });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return undefined; // thought better of it
    }
  }
  const link = node("a", { href, download: filename });
  page.root.append(link);
  link.click();
  link.remove();
  page.messages.say(`Saved: ${filename}`);
}

/** Whether the browser can hand a picture on to other programs. */
export function canShare() {
  const file = new File([new Uint8Array(1)], "a.jpg", { type: "image/jpeg" });
  return Boolean(navigator.canShare?.({ files: [file] }));
}

/**
 * Ask before what cannot be undone.
 * @param {HTMLElement} root
 * @param {string} title
 * @param {string} text
 * @returns {Promise<boolean>}
 */
function sure(root, title, text) {
  const asked = dialog(root, ".sp-ask");
  one(asked, "h2").textContent = title;
  one(asked, "p").textContent = text;
  asked.returnValue = "no";
  asked.showModal();
  return new Promise((resolve) => {
    asked.addEventListener("close", () => resolve(asked.returnValue === "yes"), { once: true });
  });
}

/** @param {import("./page.js").Page} page */
async function deletePhoto(page) {
  const { state, root } = page;
  const { sid } = state;
  if (!sid) return;
  page.closeMenus();
  const text = "The photo and everything painted on it are deleted from the server. Nobody can bring them back.";
  if (!(await sure(root, "Delete this photo?", text)) || sid !== state.sid) return;
  page.photos.forget(sid);
  page.ask("close");
}

/** The sentence of an error. @param {unknown} error */
export function sentenceOf(error) {
  return error instanceof Refused && error.message
    ? error.message
    : "Something went wrong, and nothing was changed. Try again.";
}
