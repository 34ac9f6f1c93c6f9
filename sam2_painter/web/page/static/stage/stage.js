/**
 * The stage: shows photo, paint and selection, and tells what hands do on it. It knows nothing of the server.
 *
 * @typedef {import("./camera.js").Point} Point
 * @typedef {import("./draw.js").Mark} Mark
 * @typedef {import("./hands.js").Listener & {
 *   removePoint: (index: number) => void, camera: (zoomed: number, scale: number) => void }} StageListener
 */

import { node, one } from "../dom.js";
import { Camera } from "./camera.js";
import { Scene, drawAbove, drawPhoto } from "./draw.js";
import { Hands } from "./hands.js";
import { Labels } from "./labels.js";
import { Loupe } from "./loupe.js";
import { TryOn } from "./tryon.js";

const FADE_AFTER = 500; // milliseconds
const FADE = 700;
const INKS = ["#1f66e5", "#f2600c"]; // of what is selected: the one that is further from what lies under it

export class Stage {
  /**
   * @param {HTMLElement} root
   * @param {StageListener} on
   */
  constructor(root, on) {
    this.on = on;
    this.view = one(root, ".sp-view");
    this.points = one(root, ".sp-points");
    this.brush = one(root, ".sp-brush");
    this.cursorMark = one(root, ".sp-cursor");
    this.split = one(root, ".sp-split");
    this.tags = { before: one(root, ".sp-before"), after: one(root, ".sp-after") };
    this.below = sheetOf(root.querySelector(".sp-base"));
    this.above = sheetOf(root.querySelector(".sp-over"));
    this.probe = sheetOf(document.createElement("canvas"));
    const [lens, lensAbove] = root.querySelectorAll(".sp-loupe canvas");
    this.loupe = new Loupe(sheetOf(lens), sheetOf(lensAbove));
    this.camera = new Camera();
    this.scene = new Scene();
    /** @type {TryOn | null} */
    this.trying = null;
    /** @type {HTMLImageElement | null} what is being tried was made from it */
    this.white = null;
    /** @type {{ photo: boolean, above: boolean } | null} what is to be drawn in the next frame */
    this.due = null;
    this.hands = new Hands(this, on);
    this.listenToSplit();
    new ResizeObserver(() => this.resized()).observe(this.view);
  }

  // -- drawing ----------------------------------------------------------------------------------------------------------

  /** @param {boolean} photo */
  draw(photo = true) {
    if (this.due) this.due.photo ||= photo;
    else {
      this.due = { photo, above: true };
      requestAnimationFrame(() => {
        const due = this.due;
        this.due = null;
        if (due?.photo) drawPhoto(this.below.canvas, this.below, this.camera, this.scene);
        drawAbove(this.above.canvas, this.above, this.camera, this.scene);
        this.loupe.draw(this.camera, this.scene);
        this.placeMarks();
      });
    }
  }

  drawAbove() {
    this.draw(false);
  }

  /** The camera was moved. */
  moved() {
    this.draw();
    this.hands.showBrush();
    this.on.camera(this.camera.zoomed, this.camera.scale);
  }

  resized() {
    this.camera.room = { width: this.view.clientWidth, height: this.view.clientHeight };
    if (!this.scene.photo) return;
    this.camera.settle();
    this.moved();
  }

  placeMarks() {
    const { scene, camera } = this;
    const marks = [...scene.points, ...scene.pending];
    while (this.points.children.length > marks.length) this.points.lastChild?.remove();
    while (this.points.children.length < marks.length) this.points.append(node("button", { type: "button" }));
    marks.forEach((mark, index) => {
      const shown = /** @type {HTMLElement} */ (this.points.children[index]);
      const at = camera.toScreen({ x: mark.x + 0.5, y: mark.y + 0.5 });
      shown.className = `sp-mark ${mark.label ? "sp-fg" : "sp-bg"}${index < scene.points.length ? "" : " sp-pending"}`;
      shown.title = "Remove this point";
      shown.dataset.index = String(index);
      shown.setAttribute("aria-label", `Remove point ${index + 1}, which ${mark.label ? "adds" : "takes away"}`);
      shown.style.transform = `translate(${at.x}px, ${at.y}px)`;
      shown.hidden = scene.comparing;
    });
    const cut = camera.toScreen({ x: scene.split * scene.size.width, y: 0 });
    this.split.style.transform = `translateX(${Math.min(Math.max(cut.x, 0), camera.room.width)}px)`;
    this.tags.before.style.transform = `translateX(${cut.x - 8}px) translateX(-100%)`;
    this.tags.after.style.transform = `translateX(${cut.x + 8}px)`;
    const { cursor } = this.hands;
    this.cursorMark.hidden = !cursor;
    if (!cursor) return;
    const at = camera.toScreen(cursor);
    this.cursorMark.style.transform = `translate(${at.x}px, ${at.y}px)`;
  }

  /** @param {number} index */
  removeMark(index) {
    if (index < this.scene.points.length) this.on.removePoint(index);
  }

  // -- what is shown ----------------------------------------------------------------------------------------------------

  /**
   * Another photo.
   * @param {number} width
   * @param {number} height
   * @param {HTMLImageElement | ImageBitmap} photo
   */
  open(width, height, photo) {
    const { split } = this.scene;
    this.scene = Object.assign(new Scene(), { size: { width, height }, photo, split });
    this.trying = this.white = null;
    this.camera.photo = { width, height };
    this.camera.room = { width: this.view.clientWidth, height: this.view.clientHeight };
    this.hands.hideCursor();
    this.fit();
  }

  close() {
    this.scene = new Scene();
    this.camera.photo = { width: 0, height: 0 };
    this.draw();
  }

  /** @param {Partial<Scene>} parts */
  show(parts) {
    Object.assign(this.scene, parts);
    this.draw("photo" in parts || "picture" in parts || "detail" in parts || "live" in parts || "split" in parts);
  }

  /**
   * What is selected.
   * @param {string} path as SVG path data, "" for nothing
   * @param {{ box: number[] | null, painted: boolean, points: Mark[], pending: number[][], quiet: boolean }} more
   *   pending: clicks [x, y, label] that are not answered yet; quiet: without its outline
   */
  select(path, { box, painted, points, pending, quiet }) {
    const shape = path ? { path: new Path2D(path), box, painted } : null;
    if (shape && !painted) this.scene.ink = this.inkOn(shape.path);
    const asked = pending.map(([x, y, label]) => ({ x, y, label }));
    this.show({ shape, points, pending: asked, stroke: null, ghost: null, outline: quiet ? 0 : 1 });
  }

  /**
   * The painted walls, the topmost last.
   * @param {{ id: number, path: string }[]} walls
   */
  showWalls(walls) {
    this.show({ walls: walls.map(({ id, path }) => ({ id, path: new Path2D(path) })), lit: null });
  }

  /**
   * The painted wall on top at a place of the photo.
   * @param {Point} at
   */
  wallAt(at) {
    return this.scene.walls.findLast(({ path }) => this.probe.isPointInPath(path, at.x, at.y, "evenodd")) ?? null;
  }

  /** Show where a painted wall is. @param {number | null} id */
  light(id) {
    this.show({ lit: this.scene.walls.find((wall) => wall.id === id)?.path ?? null });
  }

  /** The outline goes once a wall is painted: only the paint is to be seen. */
  fade() {
    const ends = performance.now() + FADE_AFTER + FADE;
    const { shape } = this.scene;
    const step = () => {
      if (this.scene.shape !== shape) return;
      const left = (ends - performance.now()) / FADE;
      this.show({ outline: Math.min(1, Math.max(0, left)) });
      if (left > 0) requestAnimationFrame(step);
    };
    step();
  }

  /** The ink that is seen best on what lies under a shape. @param {Path2D} path */
  inkOn(path) {
    const { photo, size } = this.scene;
    if (!photo) return INKS[0];
    const side = 64;
    const pen = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
    if (!pen) return INKS[0];
    pen.scale(side / size.width, side / size.height);
    pen.clip(path, "evenodd");
    pen.drawImage(photo, 0, 0, size.width, size.height);
    const { data } = pen.getImageData(0, 0, side, side);
    let [blue, warm] = [0, 0];
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] < 128) continue;
      blue += Math.max(0, data[at + 2] - data[at]);
      warm += Math.max(0, data[at] - data[at + 2]);
    }
    return blue > 1.5 * warm ? INKS[1] : INKS[0];
  }

  /** @param {HTMLImageElement | null} map */
  showRegions(map) {
    this.show({ labels: map && new Labels(map, this.scene.size), hover: 0 });
  }

  /**
   * The wall in a colour being tried.
   * @param {HTMLImageElement} white the wall were it white, its alpha where it is
   * @param {number[]} box where that is in the photo
   * @param {import("./tryon.js").Coat} coat
   */
  try(white, box, coat) {
    const { photo, size } = this.scene;
    if (!photo) return;
    if (this.white !== white) {
      this.white = white;
      this.trying = new TryOn(white, photo, box, size);
    }
    if (this.trying) this.show({ live: this.trying.in(coat) });
  }

  endTrial() {
    if (this.scene.live) this.show({ live: null });
  }

  /** @param {boolean} open */
  compare(open) {
    this.split.hidden = this.tags.before.hidden = this.tags.after.hidden = !open;
    this.scene.comparing = open;
    this.draw();
  }

  // -- camera -----------------------------------------------------------------------------------------------------------

  fit() {
    if (!this.scene.photo) return;
    this.camera.fit();
    this.moved();
  }

  /** @param {number} factor */
  zoom(factor) {
    if (!this.scene.photo) return;
    this.camera.zoom(factor);
    this.moved();
  }

  /** Where a pixel of the photo is in the window: for tests and for who scripts the page. @param {number} x @param {number} y */
  toScreen(x, y) {
    const at = this.camera.toScreen({ x: x + 0.5, y: y + 0.5 });
    const frame = this.view.getBoundingClientRect();
    return { x: frame.left + at.x, y: frame.top + at.y };
  }

  // -- before and after -------------------------------------------------------------------------------------------------

  /** @param {number} fraction */
  setSplit(fraction) {
    const split = Math.min(1, Math.max(0, fraction));
    this.split.setAttribute("aria-valuenow", String(Math.round(100 * split)));
    this.show({ split });
  }

  listenToSplit() {
    const { split } = this;
    split.addEventListener("pointerdown", (event) => {
      split.setPointerCapture(event.pointerId);
      event.preventDefault();
      split.focus();
    });
    split.addEventListener("pointermove", (event) => {
      if (!split.hasPointerCapture(event.pointerId)) return;
      this.setSplit(this.camera.toPhoto(this.hands.local(event)).x / this.scene.size.width);
    });
    split.addEventListener("keydown", (event) => {
      /** @type {Record<string, number>} */
      const steps = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 };
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.setSplit(this.scene.split + step);
    });
  }
}

/** @param {Element | null} canvas */
function sheetOf(canvas) {
  const pen = canvas instanceof HTMLCanvasElement ? canvas.getContext("2d") : null;
  if (!pen) throw new Error("This browser cannot draw.");
  return pen;
}
