/**
 * The loupe: what lies under a finger, larger and beside it. It is for eyes only, and never there for a mouse.
 *
 * @typedef {import("./camera.js").Point} Point
 * @typedef {import("./camera.js").Size} Size
 */

import { Camera } from "./camera.js";
import { drawAbove, drawPhoto } from "./draw.js";

const SIZE = 124; // screen pixels across
const LARGER = 2.5; // times what is on the screen
const APART = 26; // screen pixels between the finger's middle and the loupe
const CROSS = 9; // screen pixels from the middle to the end of an arm

export class Loupe {
  /** @param {CanvasRenderingContext2D} pen of the canvas with the photo @param {CanvasRenderingContext2D} above */
  constructor(pen, above) {
    this.pen = pen;
    this.above = above;
    this.frame = /** @type {HTMLElement} */ (pen.canvas.parentElement);
    /** @type {Point | null} what it shows, on the screen */
    this.at = null;
    /** Of the brush in the hand, in screen pixels; 0 for none. */
    this.radius = 0;
    this.camera = new Camera();
  }

  /** @param {Camera} camera of the stage @param {import("./draw.js").Scene} scene */
  draw(camera, scene) {
    this.frame.hidden = !this.at || !scene.photo;
    if (!this.at || !scene.photo) return;
    const lens = this.camera;
    const middle = camera.toPhoto(this.at);
    lens.photo = camera.photo;
    lens.room = { width: SIZE, height: SIZE };
    lens.scale = LARGER * camera.scale;
    lens.x = middle.x - SIZE / 2 / lens.scale;
    lens.y = middle.y - SIZE / 2 / lens.scale;
    drawPhoto(this.pen.canvas, this.pen, lens, scene);
    drawAbove(this.above.canvas, this.above, lens, scene);
    this.drawCross();
    const place = besideFinger(this.at, camera.room);
    this.frame.style.transform = `translate(${place.x}px, ${place.y}px)`;
  }

  /** Where the finger is, and how far its brush goes, seen on anything. */
  drawCross() {
    const { above: pen } = this;
    const density = window.devicePixelRatio || 1;
    pen.setTransform(density, 0, 0, density, (density * SIZE) / 2, (density * SIZE) / 2);
    const path = new Path2D(`M-${CROSS} 0H${CROSS}M0-${CROSS}V${CROSS}`);
    if (this.radius) {
      path.moveTo(this.radius * LARGER, 0);
      path.arc(0, 0, this.radius * LARGER, 0, 2 * Math.PI);
    }
    pen.lineCap = "butt";
    for (const [width, ink] of /** @type {const} */ ([
      [3.5, "#fff"],
      [1.5, "#000"],
    ])) {
      pen.lineWidth = width;
      pen.strokeStyle = ink;
      pen.stroke(path);
    }
  }
}

/**
 * The loupe's upper left corner: above the finger; beside it where there is no room above; never beyond the stage.
 * @param {Point} finger on the screen
 * @param {Size} room the stage's
 * @returns {Point}
 */
export function besideFinger(finger, room) {
  const half = SIZE / 2;
  const above = finger.y - APART - SIZE;
  if (above >= 0) return { x: Math.min(Math.max(finger.x - half, 0), Math.max(0, room.width - SIZE)), y: above };
  const right = finger.x + APART;
  const x = right + SIZE <= room.width ? right : finger.x - APART - SIZE;
  return { x, y: Math.min(Math.max(finger.y - half, 0), Math.max(0, room.height - SIZE)) };
}
