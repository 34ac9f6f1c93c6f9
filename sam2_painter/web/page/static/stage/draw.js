/**
 * Drawing: the photo and its paint on one sheet, and on another above it what is selected, drawn or looked at, so that
 * a moving hand never waits for the photo. Paths are filled and stroked at the screen's own scale.
 *
 * @typedef {import("./camera.js").Camera} Camera
 * @typedef {import("./camera.js").Point} Point
 * @typedef {CanvasRenderingContext2D} Pen
 * @typedef {{ image: CanvasImageSource, box: number[] }} Patch a picture of a part of the photo: x, y, width, height
 * @typedef {{ x: number, y: number, label: number }} Mark 1 belongs to the wall, 0 does not
 * @typedef {{ path: Path2D, box: number[] | null, painted: boolean }} Shape
 * @typedef {{ points: Point[], radius: number, erase: boolean }} Stroke
 */

const INK = "#1f66e5";
const RED = "#d92f3a";

/** What is to be seen. */
export class Scene {
  constructor() {
    /** @type {{ width: number, height: number }} */
    this.size = { width: 0, height: 0 };
    /** @type {HTMLImageElement | ImageBitmap | null} */
    this.photo = null;
    /** @type {CanvasImageSource | null} the photo with its paint */
    this.picture = null;
    /** @type {Patch | null} a part of the picture, sharper */
    this.detail = null;
    /** @type {Patch | null} a wall in a colour that is only being tried */
    this.live = null;
    /** @type {Shape | null} what is selected */
    this.shape = null;
    /** @type {Path2D | null} what would be selected */
    this.ghost = null;
    /** @type {{ id: number, path: Path2D }[]} the painted walls, the topmost last */
    this.walls = [];
    /** @type {Path2D | null} the painted wall under the pointer */
    this.lit = null;
    /** How strongly the outline is to be seen, 0 to 1. */
    this.outline = 1;
    /** The tint and line of what is selected. */
    this.ink = INK;
    /** @type {Mark[]} */
    this.points = [];
    /** @type {Mark[]} clicked, and not answered yet */
    this.pending = [];
    /** @type {import("./labels.js").Labels | null} the regions that were found */
    this.labels = null;
    /** Which of them lies under the pointer, 0 for none. */
    this.hover = 0;
    /** @type {[Point, Point] | null} a box being drawn */
    this.box = null;
    /** @type {Stroke | null} a stroke being drawn, or on its way */
    this.stroke = null;
    /** @type {Point[]} corners of a polygon being drawn */
    this.corners = [];
    /** @type {Point[]} the ends of a length that is being measured, the last one follows the pointer */
    this.measure = [];
    this.comparing = false;
    /** Where before ends and after begins, as a share of the width. */
    this.split = 0.5;
  }
}

/**
 * A sheet as large as its place on the screen, wiped, and measuring in pixels of the photo.
 * @param {HTMLCanvasElement} sheet
 * @param {Pen} pen
 * @param {Camera} camera
 */
function prepare(sheet, pen, camera) {
  const density = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(camera.room.width * density), Math.round(camera.room.height * density)];
  if (sheet.width !== w || sheet.height !== h) [sheet.width, sheet.height] = [w, h];
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, w, h);
  const scale = camera.scale * density;
  pen.setTransform(scale, 0, 0, scale, -camera.x * scale, -camera.y * scale);
}

/**
 * @param {HTMLCanvasElement} sheet
 * @param {Pen} pen
 * @param {Camera} camera
 * @param {Scene} scene
 */
export function drawPhoto(sheet, pen, camera, scene) {
  prepare(sheet, pen, camera);
  if (!scene.photo) return;
  const { width, height } = scene.size;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(scene.picture ?? scene.photo, 0, 0, width, height);
  for (const patch of [scene.detail, scene.live]) {
    if (!patch) continue;
    const [x, y, w, h] = patch.box;
    pen.drawImage(patch.image, x, y, w, h);
  }
  if (!scene.comparing) return;
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, scene.split * width, height);
  pen.clip();
  pen.drawImage(scene.photo, 0, 0, width, height);
  pen.restore();
}

/**
 * @param {HTMLCanvasElement} sheet
 * @param {Pen} pen
 * @param {Camera} camera
 * @param {Scene} scene
 */
export function drawAbove(sheet, pen, camera, scene) {
  prepare(sheet, pen, camera);
  if (!scene.photo || scene.comparing) return;
  const px = 1 / camera.scale; // one pixel of the screen
  const { shape, ghost, labels, hover, box, stroke, corners } = scene;
  if (shape && !ghost) {
    if (!shape.painted && !scene.live) fill(pen, shape.path, scene.ink, 0.38);
    pen.globalAlpha = scene.live ? 0.3 : scene.outline;
    if (pen.globalAlpha) line(pen, shape.path, scene.ink, px);
    pen.globalAlpha = 1;
    if (shape.box) rectangle(pen, shape.box, px);
  }
  if (scene.lit && !ghost) line(pen, scene.lit, "#3c4046", px);
  if (ghost) {
    fill(pen, ghost, scene.ink, 0.38);
    line(pen, ghost, scene.ink, px);
  }
  if (labels && hover) pen.drawImage(labels.picture(hover), 0, 0, scene.size.width, scene.size.height);
  if (stroke) drawStroke(pen, stroke, scene.ink);
  if (box) rectangle(pen, [box[0].x, box[0].y, box[1].x, box[1].y], px);
  if (corners.length) polygon(pen, corners, px);
  if (scene.measure.length) polygon(pen, scene.measure, px);
}

/** @param {Pen} pen @param {Path2D} path @param {string} ink @param {number} alpha */
function fill(pen, path, ink, alpha) {
  pen.globalAlpha = alpha;
  pen.fillStyle = ink;
  pen.fill(path, "evenodd");
  pen.globalAlpha = 1;
}

/** A line that is seen on anything: coloured, with white around it. @param {Pen} pen @param {Path2D} path @param {string} ink @param {number} px */
function line(pen, path, ink, px) {
  pen.lineJoin = "round";
  pen.lineWidth = 3.5 * px;
  pen.strokeStyle = "rgba(255,255,255,.92)";
  pen.stroke(path);
  pen.lineWidth = 1.75 * px;
  pen.strokeStyle = ink;
  pen.stroke(path);
}

/** @param {Pen} pen @param {number[]} corners x1, y1, x2, y2 @param {number} px */
function rectangle(pen, [x1, y1, x2, y2], px) {
  pen.lineWidth = 3 * px;
  pen.strokeStyle = "rgba(255,255,255,.9)";
  pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
  pen.lineWidth = 1.5 * px;
  pen.setLineDash([6 * px, 4 * px]);
  pen.strokeStyle = INK;
  pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
  pen.setLineDash([]);
}

/** @param {Pen} pen @param {Stroke} stroke @param {string} ink */
function drawStroke(pen, { points, radius, erase }, ink) {
  const path = new Path2D();
  path.moveTo(points[0].x, points[0].y);
  for (const { x, y } of points) path.lineTo(x, y);
  pen.lineCap = pen.lineJoin = "round";
  pen.lineWidth = 2 * radius;
  pen.globalAlpha = 0.5;
  pen.strokeStyle = erase ? RED : ink;
  pen.stroke(path);
  pen.globalAlpha = 1;
}

/** @param {Pen} pen @param {Point[]} corners the last one follows the pointer @param {number} px */
function polygon(pen, corners, px) {
  const path = new Path2D();
  path.moveTo(corners[0].x, corners[0].y);
  for (const { x, y } of corners.slice(1)) path.lineTo(x, y);
  line(pen, path, INK, px);
  for (const { x, y } of corners) {
    pen.beginPath();
    pen.arc(x, y, 4 * px, 0, 2 * Math.PI);
    pen.fillStyle = "#fff";
    pen.fill();
    pen.lineWidth = 1.5 * px;
    pen.strokeStyle = INK;
    pen.stroke();
  }
}
