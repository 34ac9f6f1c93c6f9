/** Files that come in: chosen, dropped, pasted. */

import { field } from "./dom.js";

/** @param {number} bytes */
export const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MB`;

/** @param {import("./page.js").Page} page */
export function listenToFiles(page) {
  const { root } = page;
  const photo = field(root, "[data-file]");
  const palette = field(root, "[data-palette-file]");
  photo.addEventListener("change", () => {
    if (photo.files?.length) page.open(photo.files[0]);
    photo.value = "";
  });
  palette.addEventListener("change", () => {
    if (palette.files?.length) page.loadPalette(palette.files[0]);
    palette.value = "";
  });
  root.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
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
    if (event.dataTransfer?.files.length) page.open(event.dataTransfer.files[0]);
  });
  window.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((item) => item.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    page.open(file);
  });
}
