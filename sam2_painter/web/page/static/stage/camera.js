/**
 * The camera: which part of the photo is on the screen, and how large. Pure geometry, without a screen.
 *
 * Photo coordinates are pixels of the photo; screen coordinates are CSS pixels from the stage's upper left corner.
 *
 * @typedef {{ x: number, y: number }} Point
 * @typedef {{ width: number, height: number }} Size
 */

const MOST = 8; // screen pixels a photo pixel, or four times the fitted size if that is more
const EDGE = 64; // screen pixels that an edge can be moved into the stage, at twice the fitted size or more

export class Camera {
  constructor() {
    /** The photo pixel in the stage's upper left corner. */
    this.x = 0;
    this.y = 0;
    /** Screen pixels a photo pixel. */
    this.scale = 1;
    /** Whether the whole photo is shown, however large the stage becomes. */
    this.fitted = true;
    /** @type {Size} */
    this.photo = { width: 0, height: 0 };
    /** @type {Size} */
    this.room = { width: 0, height: 0 };
  }

  /** The scale at which the whole photo just fits. */
  get fitScale() {
    const { photo, room } = this;
    return photo.width ? Math.min(room.width / photo.width, room.height / photo.height) : 1;
  }

  /** How much larger than fitted: 1 is all of it. */
  get zoomed() {
    return this.scale / this.fitScale;
  }

  fit() {
    this.scale = this.fitScale;
    this.fitted = true;
    this.settle();
  }

  /**
   * Keep the photo in sight: centred where it is smaller than the stage, else with its edges outside it or a little
   * inside, from under a button or to draw beside them.
   */
  settle() {
    if (this.fitted) this.scale = this.fitScale;
    const edge = (EDGE * Math.min(1, this.zoomed - 1)) / this.scale;
    const place = (/** @type {number} */ at, /** @type {number} */ size, /** @type {number} */ room) =>
      size <= room ? (size - room) / 2 : Math.min(Math.max(at, -edge), size - room + edge);
    this.x = place(this.x, this.photo.width, this.room.width / this.scale);
    this.y = place(this.y, this.photo.height, this.room.height / this.scale);
  }

  /**
   * @param {number} factor
   * @param {Point} [at] the place on the screen that stays where it is; the middle by default
   */
  zoom(factor, at = { x: this.room.width / 2, y: this.room.height / 2 }) {
    const least = this.fitScale;
    const scale = Math.min(Math.max(MOST, 4 * least), Math.max(least, this.scale * factor));
    this.x += at.x / this.scale - at.x / scale;
    this.y += at.y / this.scale - at.y / scale;
    this.scale = scale;
    this.fitted = scale <= least * 1.001;
    this.settle();
  }

  /**
   * Move the photo by so many screen pixels.
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.settle();
  }

  /** @param {Point} p @returns {Point} */
  toScreen(p) {
    return { x: (p.x - this.x) * this.scale, y: (p.y - this.y) * this.scale };
  }

  /** @param {Point} p @returns {Point} */
  toPhoto(p) {
    return { x: p.x / this.scale + this.x, y: p.y / this.scale + this.y };
  }

  /** Whether a place lies on the photo. @param {Point} p */
  inside(p) {
    return p.x >= 0 && p.y >= 0 && p.x < this.photo.width && p.y < this.photo.height;
  }

  /** The nearest place on the photo. @param {Point} p @returns {Point} */
  clamp(p) {
    return {
      x: Math.min(Math.max(p.x, 0), this.photo.width),
      y: Math.min(Math.max(p.y, 0), this.photo.height),
    };
  }

  /** The part of the photo that is on the screen: x, y, width, height in whole pixels. */
  visible() {
    const a = this.clamp(this.toPhoto({ x: 0, y: 0 }));
    const b = this.clamp(this.toPhoto({ x: this.room.width, y: this.room.height }));
    const [x, y] = [Math.floor(a.x), Math.floor(a.y)];
    return [x, y, Math.ceil(b.x) - x, Math.ceil(b.y) - y];
  }
}
