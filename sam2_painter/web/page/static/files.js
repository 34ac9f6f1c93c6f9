/** Files that come in: chosen, taken with the camera, dropped, pasted. */

import { field } from "./dom.js";

const MOST = 10; // photos at once

/** @param {number} bytes */
export const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MB`;

/** @param {import("./page.js").Page} page */
export function listenToFiles(page) {
  const { root } = page;
  /** @type {[string, (files: File[]) => void][]} */
  const inputs = [
    ["[data-file]", (files) => take(page, files)],
    ["[data-camera]", (files) => take(page, files)],
    ["[data-palette-file]", ([file]) => loadPalette(page, file)],
    ["[data-mask-file]", ([file]) => page.ask("import_mask", {}, "Reading the mask", { file })],
  ];
  for (const [selector, use] of inputs) {
    const input = field(root, selector);
    input.addEventListener("change", () => {
      if (input.files?.length) use([...input.files]);
      input.value = "";
      page.closeMenus();
    });
  }
  root.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.some((type) => ["Files", "text/uri-list"].includes(type))) return;
    event.preventDefault();
    root.classList.add("sp-dragging");
  });
  root.addEventListener("dragleave", (event) => {
    if (!(event.relatedTarget instanceof Node) || !root.contains(event.relatedTarget))
      root.classList.remove("sp-dragging");
  });
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    root.classList.remove("sp-dragging");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) take(page, files);
    else if (event.dataTransfer?.getData("text/uri-list"))
      page.messages.say("A link cannot be opened here. Save the picture on this device first, then drop the file.");
  });
  window.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((item) => item.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    take(page, [file]);
  });
}

/** @param {import("./page.js").Page} page @param {File[]} files */
function take(page, files) {
  if (files.length === 1 && /\.(gpl|ase|aco|csv|json)$/i.test(files[0].name) && page.state.session)
    return loadPalette(page, files[0]);
  const good = files.slice(0, MOST).filter((file) => isRight(page, file));
  const [first] = good; // is opened last, and stays on the page
  for (const file of good.reverse()) open(page, file, file === first ? good.length - 1 : null);
}

/** @param {import("./page.js").Page} page @param {File} file */
function isRight(page, file) {
  const most = page.facts.max_file_size;
  if (!file.size) page.messages.say(`${file.name} is empty: choose another photo.`);
  else if (file.size > most)
    page.messages.say(`${file.name} is ${megabytes(file.size)}; at most ${megabytes(most)} are allowed.`);
  else return true;
  return false;
}

/**
 * @param {import("./page.js").Page} page
 * @param {File} file
 * @param {number | null} others how many photos were opened before it, null where it is one of these
 */
function open(page, file, others) {
  const project = /\.zip$/i.test(file.name);
  const before = page.state.session;
  if (!project) void showAtOnce(page, file);
  const args = others === null ? { next: true } : {};
  page.ask(project ? "open_project" : "open", args, project ? "Opening the project" : "Opening the photo", {
    file,
    then: () => {
      if (others)
        page.messages.say(
          `${others + 1} photos were opened. The ${others > 1 ? "others are" : "other is"} under Open.`,
        );
      else if (before?.layers.length) page.offerBack(before);
    },
  });
}

/** The photo as it lies on this device, until the server has it. @param {import("./page.js").Page} page @param {File} file */
async function showAtOnce(page, file) {
  const { stage, state, tools } = page;
  const bitmap = await createImageBitmap(file).catch(() => null); // some kinds only the server can read
  if (!bitmap || state.flying?.file !== file) return;
  state.have = {};
  page.root.dataset.state = "photo";
  page.setSending(true);
  stage.open(bitmap.width, bitmap.height, bitmap);
  stage.showWalls([]);
  tools.setSign("new");
}

/** @param {import("./page.js").Page} page @param {File} file */
function loadPalette(page, file) {
  const most = page.facts.max_palette_size;
  if (file.size > most)
    return page.messages.say(`${file.name} is ${megabytes(file.size)}; a palette has at most ${megabytes(most)}.`);
  page.ask("load_palette", {}, "Reading the palette", { file });
}
