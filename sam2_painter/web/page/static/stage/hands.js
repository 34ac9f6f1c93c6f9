/**
 * Hands: what mouse, fingers, pen and keys do on the stage, told as clicks, boxes, strokes and polygons in pixels of
 * the photo.
 *
 * @typedef {import("./camera.js").Point} Point
 * @typedef {"point" | "box" | "brush" | "polygon" | "pick" | "hand" | "measure"} Tool
 * @typedef {object} Listener
 * @property {(at: Point, label: number) => void} point a click; label 1 adds, 0 takes away
 * @property {(region: number, label: number, more: boolean) => void} pick a click on a region
 * @property {(corners: number[], label: number) => void} box x1, y1, x2, y2
 * @property {(points: Point[], radius: number, label: number) => void} stroke
 * @property {(corners: Point[], label: number) => void} polygon
 * @property {(region: number) => void} hover
 * @property {(at: Point | null, away: boolean) => string} meaning what a click there would do: "plus", "minus",
 *   "choose", or "" for beginning a wall
 * @property {(radius: number) => void} size the brush was made larger or smaller; radius in screen pixels
 * @property {() => void} corners a polygon has another corner, or is closed
 * @property {() => void} begin a hand is about to change something
 */

const DRAG = { mouse: 8, touch: 12, pen: 8 }; // screen pixels before a press becomes a drag
const HOLD = 250; // milliseconds before a finger that rests aims, under the loupe
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
const CLOSE = 10; // screen pixels from a polygon's first corner that close it
const MOST_POINTS = 2000; // of one stroke

export class Hands {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {Listener} on
   */
  constructor(stage, on) {
    this.stage = stage;
    this.on = on;
    /** @type {Tool} */
    this.tool = "point";
    /** What a plain click does: 1 adds, 0 takes away. */
    this.sign = 1;
    /** Of the brush, in screen pixels. */
    this.radius = 18;
    this.space = false;
    /** @type {Map<number, Point>} */
    this.pointers = new Map();
    /** @type {any} */
    this.gesture = null;
    /** @type {Point | null} of those who use keys */
    this.cursor = null;
    /** @type {Point | null} the first corner of a box drawn by key */
    this.corner = null;
    /** @type {Element | null} */
    this.mark = null;
    /** @type {Point | null} where the brush is, on the screen */
    this.lastAt = null;
    this.listen();
  }

  /** @param {Tool} tool */
  use(tool) {
    this.tool = tool;
    this.corner = null;
    this.dropPolygon();
    this.stage.scene.measure = [];
    this.stage.scene.hover = 0;
    this.stage.view.dataset.tool = tool;
    this.showSign();
    this.showBrush();
    this.stage.drawAbove();
  }

  /** @param {number} sign */
  mean(sign) {
    this.sign = sign;
    this.showSign();
  }

  /** @param {boolean} held */
  holdSpace(held) {
    this.space = held;
    this.stage.view.classList.toggle("sp-grab", held);
    this.showBrush();
  }

  /** @param {PointerEvent | MouseEvent | KeyboardEvent | null} [event] */
  label(event = null) {
    if (!event) return this.sign;
    const away =
      event.shiftKey || event.altKey || (event instanceof MouseEvent && (event.button === 2 || (MAC && event.ctrlKey)));
    return away ? 1 - this.sign : this.sign;
  }

  /** Show at the cursor what a click would do. @param {KeyboardEvent | PointerEvent | null} [event] */
  showSign(event = null) {
    const { view, brush, scene, camera } = this.stage;
    const at = this.lastAt && scene.photo ? camera.toPhoto(this.lastAt) : null;
    const sign = this.on.meaning(at, this.label(event) !== this.sign);
    if (view.dataset.sign !== sign) view.dataset.sign = sign;
    brush.classList.toggle("sp-erase", this.label(event) === 0);
  }

  // -- the brush ------------------------------------------------------------------------------------------------------

  /** @param {number} radius in screen pixels */
  resize(radius) {
    this.radius = Math.min(150, Math.max(3, radius));
    this.showBrush();
    this.on.size(this.radius);
  }

  /** @param {Point | null} [at] on the screen; by default where it was */
  showBrush(at = this.lastAt) {
    this.lastAt = at;
    const { brush } = this.stage;
    brush.hidden = this.tool !== "brush" || this.space || !at || !this.stage.scene.photo;
    if (brush.hidden || !at) return;
    brush.style.width = brush.style.height = `${2 * this.radius}px`;
    brush.style.transform = `translate(${at.x - this.radius}px, ${at.y - this.radius}px)`;
  }

  // -- polygons ---------------------------------------------------------------------------------------------------------

  dropPolygon() {
    if (!this.stage.scene.corners.length) return false;
    this.stage.scene.corners = [];
    this.stage.drawAbove();
    return true;
  }

  /** Take the last corner back. */
  dropCorner() {
    const { scene } = this.stage;
    if (scene.corners.length < 3) return this.dropPolygon();
    scene.corners.splice(-2, 1);
    this.stage.drawAbove();
    return true;
  }

  /** @param {Point} at by the photo's pixels @param {number} label */
  addCorner(at, label) {
    const { scene, camera } = this.stage;
    const corners = scene.corners;
    if (!corners.length) this.on.begin();
    const fixed = corners.slice(0, -1);
    const near = (/** @type {Point} */ p) => Math.hypot(p.x - at.x, p.y - at.y) * camera.scale < CLOSE;
    if (fixed.length > 2 && (near(fixed[0]) || near(fixed[fixed.length - 1]))) return this.closePolygon(label);
    if (fixed.length && near(fixed[fixed.length - 1])) return;
    scene.corners = [...fixed, at, at];
    this.stage.drawAbove();
    this.on.corners();
  }

  /** @param {number} [label] */
  closePolygon(label = this.sign) {
    const corners = this.stage.scene.corners.slice(0, -1);
    this.dropPolygon();
    if (corners.length > 2) this.on.polygon(corners, label);
    this.on.corners();
  }

  // -- clicks and boxes -------------------------------------------------------------------------------------------------

  /** @param {Point} at @param {number} label @param {boolean} more */
  press(at, label, more) {
    const { scene, camera } = this.stage;
    if (!scene.photo) return;
    if (this.tool === "polygon") return this.addCorner(at, label); // beside the photo, too: a wall may go on there
    if (!camera.inside(at)) return;
    const pixel = {
      x: Math.min(Math.floor(at.x), scene.size.width - 1),
      y: Math.min(Math.floor(at.y), scene.size.height - 1),
    };
    const region = this.tool === "pick" ? scene.labels?.at(pixel) : 0;
    if (region) this.on.pick(region, label, more);
    else this.on.point(pixel, label);
  }

  /** @param {Point} a @param {Point} b @param {number} label */
  box(a, b, label) {
    const { camera } = this.stage;
    const [from, to] = [camera.clamp(a), camera.clamp(b)];
    const [x1, x2] = [Math.floor(Math.min(from.x, to.x)), Math.ceil(Math.max(from.x, to.x))];
    const [y1, y2] = [Math.floor(Math.min(from.y, to.y)), Math.ceil(Math.max(from.y, to.y))];
    if (x2 > x1 && y2 > y1) this.on.box([x1, y1, x2, y2], label);
  }

  // -- mouse, fingers and pen -------------------------------------------------------------------------------------------

  listen() {
    const { view, points } = this.stage;
    view.addEventListener("pointerdown", (event) => this.begin(event));
    view.addEventListener("pointermove", (event) => this.move(event));
    view.addEventListener("pointerup", (event) => this.end(event));
    view.addEventListener("pointercancel", (event) => this.end(event));
    view.addEventListener("pointerleave", () => {
      this.showBrush(null);
      if (!this.gesture) this.hover(null);
    });
    view.addEventListener("contextmenu", (event) => event.preventDefault());
    view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    view.addEventListener("dblclick", (event) => {
      event.preventDefault();
      if (this.tool === "polygon") this.closePolygon(this.label(event));
    });
    view.addEventListener("keydown", (event) => this.key(event));
    view.addEventListener("blur", () => {
      view.classList.remove("sp-pointed");
      if (!this.gesture) this.hideCursor();
    });
    points.addEventListener("contextmenu", (event) => event.preventDefault());
    points.addEventListener("click", (event) => {
      const mark = event.target instanceof Element ? event.target.closest(".sp-mark") : null;
      const meant = mark === this.mark || event.detail === 0; // not one that has just appeared under the finger; or by key
      if (mark instanceof HTMLElement && meant) this.stage.removeMark(Number(mark.dataset.index));
    });
  }

  /** @param {MouseEvent} event @returns {Point} */
  local(event) {
    const frame = this.stage.view.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  /** @param {PointerEvent} event */
  begin(event) {
    const { view, scene, camera } = this.stage;
    const target = event.target instanceof Element ? event.target : null;
    this.mark = target?.closest(".sp-mark") ?? null;
    if (!scene.photo || target?.closest(".sp-split") || (this.mark && event.button === 0)) return;
    view.classList.add("sp-pointed"); // no focus ring for those who see where they point
    view.focus({ preventScroll: true });
    this.hideCursor();
    const at = this.local(event);
    this.pointers.set(event.pointerId, at);
    view.setPointerCapture(event.pointerId);
    if (this.pointers.size === 2) return this.beginPinch();
    if (this.pointers.size > 2) return;
    const touch = event.pointerType === "touch";
    const moves = event.button === 1 || (event.button === 0 && (this.space || this.tool === "hand"));
    if (![0, 2].includes(event.button) && !moves) return;
    if (moves) event.preventDefault();
    const kind = moves ? "pan" : this.tool === "brush" ? "stroke" : "press";
    const from = camera.toPhoto(at);
    this.gesture = { kind, touch, type: event.pointerType, at, last: at, from, label: this.label(event) };
    if (kind === "stroke") {
      this.on.begin();
      const radius = this.radius / camera.scale;
      this.gesture.stroke = { points: [from], radius, erase: !this.gesture.label };
      scene.stroke = this.gesture.stroke;
      this.showBrush(at);
      this.lookAt(touch ? at : null);
    }
    if (touch && kind === "press") this.gesture.timer = setTimeout(() => this.aim(), HOLD);
    view.classList.toggle("sp-grabbing", moves);
  }

  /** A finger that rests looks for its place: what it would do is done where it is lifted. */
  aim() {
    const { gesture } = this;
    if (gesture?.kind !== "press") return;
    if (this.tool !== "box") gesture.kind = "aim"; // a box begins where the finger was put down
    this.lookAt(gesture.last);
    navigator.vibrate?.(10);
  }

  /** Show what lies under a finger in the loupe. @param {Point | null} at on the screen; null for no finger */
  lookAt(at) {
    const { loupe } = this.stage;
    loupe.at = at;
    loupe.radius = this.tool === "brush" ? this.radius : 0;
    this.stage.drawAbove();
  }

  beginPinch() {
    clearTimeout(this.gesture?.timer);
    this.stage.scene.stroke = this.stage.scene.box = null; // it was the first finger of two
    this.lookAt(null);
    this.gesture = { kind: "pinch", ...this.spread() };
  }

  /** How far two fingers are apart, and the middle between them. */
  spread() {
    const [a, b] = [...this.pointers.values()];
    return { gap: Math.hypot(a.x - b.x, a.y - b.y), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { stage, gesture } = this;
    const at = this.local(event);
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, at);
    if (event.pointerType !== "touch" || gesture?.kind === "stroke") this.showBrush(at);
    else this.lastAt = null;
    if (!gesture) {
      this.showSign(event);
      return this.hover(event.pointerType === "touch" ? null : at);
    }
    if (gesture.kind === "pinch" && this.pointers.size >= 2) {
      const { gap, middle } = this.spread();
      stage.camera.pan(middle.x - gesture.middle.x, middle.y - gesture.middle.y);
      stage.camera.zoom(gap / Math.max(1, gesture.gap), middle);
      Object.assign(gesture, { gap, middle });
      return stage.moved();
    }
    const drag = DRAG[/** @type {keyof typeof DRAG} */ (gesture.type)] ?? 8;
    if (gesture.kind === "press" && Math.hypot(at.x - gesture.at.x, at.y - gesture.at.y) >= drag) {
      clearTimeout(gesture.timer);
      const boxes = this.tool === "box" || (this.tool === "point" && !gesture.touch);
      gesture.kind = boxes ? "box" : "pan";
    }
    if (gesture.kind === "pan") {
      stage.camera.pan(at.x - gesture.last.x, at.y - gesture.last.y);
      stage.moved();
    }
    if (gesture.kind === "aim") this.hover(at);
    if (gesture.kind === "box") {
      stage.scene.box = [stage.camera.clamp(gesture.from), stage.camera.clamp(stage.camera.toPhoto(at))];
      stage.drawAbove();
    }
    if (gesture.kind === "stroke") {
      const { points } = gesture.stroke;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const one of events.length ? events : [event]) {
        const next = stage.camera.toPhoto(this.local(one));
        const last = points[points.length - 1];
        if (points.length < MOST_POINTS && Math.hypot(next.x - last.x, next.y - last.y) * stage.camera.scale > 1.5)
          points.push(next);
      }
      stage.drawAbove();
    }
    if (gesture.touch && ["aim", "box", "stroke"].includes(gesture.kind)) this.lookAt(at);
    gesture.last = at;
  }

  /** @param {PointerEvent} event */
  end(event) {
    this.pointers.delete(event.pointerId);
    const { gesture, stage } = this;
    if (!gesture || (gesture.kind === "pinch" && this.pointers.size)) return;
    clearTimeout(gesture.timer);
    this.gesture = null;
    stage.view.classList.remove("sp-grabbing");
    stage.scene.box = null;
    this.lookAt(null);
    const ended = event.type !== "pointercancel";
    if (gesture.kind === "stroke") {
      if (!ended) stage.scene.stroke = null;
      else this.on.stroke(gesture.stroke.points, gesture.stroke.radius, gesture.label);
      if (gesture.touch) this.showBrush(null);
    }
    if (gesture.kind === "aim") this.hover(null);
    const from = gesture.kind === "aim" ? stage.camera.toPhoto(gesture.last) : gesture.from;
    if (ended && ["press", "aim"].includes(gesture.kind))
      this.press(from, gesture.label, MAC ? event.metaKey : event.ctrlKey);
    if (ended && gesture.kind === "box") this.box(gesture.from, stage.camera.toPhoto(this.local(event)), gesture.label);
    stage.drawAbove();
  }

  /** @param {Point | null} at on the screen */
  hover(at) {
    const { scene, camera } = this.stage;
    const where = at && scene.photo ? camera.toPhoto(at) : null;
    const over = where !== null && camera.inside(where);
    if (scene.corners.length && where) {
      scene.corners[scene.corners.length - 1] = where;
      this.stage.drawAbove();
    }
    if (scene.measure.length && where) {
      scene.measure[scene.measure.length - 1] = camera.clamp(where);
      this.stage.drawAbove();
    }
    const picks = over && (this.tool === "point" || this.tool === "box");
    const lit = (picks && this.stage.wallAt(where)?.path) || null;
    if (lit !== scene.lit) this.stage.show({ lit });
    const region = (over && this.tool === "pick" && scene.labels?.at(where)) || 0;
    if (region === scene.hover) return;
    scene.hover = region;
    this.on.hover(region);
    this.stage.drawAbove();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const { stage } = this;
    if (!stage.scene.photo) return;
    event.preventDefault();
    const pace = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 800 : 1;
    const turned = -(event.deltaY || event.deltaX) * pace;
    if (event.altKey && this.tool === "brush") return this.resize(this.radius * Math.exp(turned / 600));
    stage.camera.zoom(Math.exp((turned * (event.ctrlKey ? 6 : 1)) / 600), this.local(event));
    stage.moved();
  }

  // -- the cursor of those who use keys ---------------------------------------------------------------------------------

  hideCursor() {
    this.corner = null;
    this.cursor = null;
    this.stage.placeMarks();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { stage } = this;
    const { camera, scene, view } = stage;
    if (event.target !== view || !scene.photo || event.ctrlKey || event.metaKey) return;
    /** @type {Record<string, number[]>} */
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const arrow = arrows[event.key];
    if (arrow) {
      event.preventDefault();
      view.classList.remove("sp-pointed");
      const step = event.shiftKey ? 1 : Math.max(1, 12 / camera.scale);
      const from = this.cursor ?? camera.toPhoto({ x: camera.room.width / 2, y: camera.room.height / 2 });
      const next = camera.clamp({ x: from.x + arrow[0] * step, y: from.y + arrow[1] * step });
      this.cursor = { x: Math.min(next.x, scene.size.width - 0.5), y: Math.min(next.y, scene.size.height - 0.5) };
      this.showBrush(this.tool === "brush" ? camera.toScreen(this.cursor) : null);
      this.hover(camera.toScreen(this.cursor));
      stage.placeMarks();
      stage.drawAbove();
    } else if (event.key === "Enter" && this.cursor) {
      event.preventDefault();
      this.enter(this.cursor, event);
    }
  }

  /** @param {Point} at @param {KeyboardEvent} event */
  enter(at, event) {
    const label = event.shiftKey ? 1 - this.sign : this.sign;
    if (this.tool === "brush") {
      this.on.begin();
      this.on.stroke([at], this.radius / this.stage.camera.scale, label);
    } else if (this.tool !== "box") this.press(at, label, event.altKey);
    else if (!this.corner) this.corner = at;
    else {
      this.box(this.corner, at, label);
      this.corner = null;
    }
    this.stage.drawAbove();
  }
}
