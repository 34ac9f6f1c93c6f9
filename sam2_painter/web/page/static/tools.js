/**
 * The tools: which one is in the hand, whether it adds or takes away, and what it asks of the server.
 *
 * @typedef {import("./stage/hands.js").Tool} Tool
 * @typedef {import("./stage/camera.js").Point} Point
 * @typedef {"new" | "union" | "subtract"} Sign
 */

import { button, chosen, field } from "./dom.js";
import { showSlider } from "./panel/colour.js";

const TOUCH = matchMedia("(hover: none)").matches;
const CLICK = TOUCH ? "Tap" : "Click";
const DOES = { new: "Select", union: "Add", subtract: "Remove" };

/** Questions that ought to change the shape of the chosen wall. */
const SHAPING = new Set(["click", "box", "stroke", "polygon"]);

export class Tools {
  /** @param {import("./page.js").Page} page */
  constructor(page) {
    this.page = page;
    const { root } = page;
    /** Whether what is clicked or drawn next is all of the chosen wall's shape. */
    this.anew = false;
    for (const word of TOUCH ? root.querySelectorAll("[data-tap]") : [])
      word.textContent = word.textContent === "Click" ? "Tap" : "tap";
    this.size = field(root, "[data-brush-size]");
    this.edgeAware = field(root, "[data-edge-aware]");
    this.onlyWall = field(root, "[data-only-wall]");
    this.size.addEventListener("input", () => page.stage.hands.resize(Number(this.size.value)));
    root.addEventListener("change", ({ target }) => {
      if (!(target instanceof HTMLInputElement)) return;
      if (target.name === "sp-tool") this.use(/** @type {Tool} */ (target.value));
      if (target.name === "sp-sign") this.setSign(/** @type {Sign} */ (target.value));
    });
  }

  /** @returns {Tool} */
  get tool() {
    return /** @type {Tool} */ (chosen(this.page.root, "sp-tool"));
  }

  /** @returns {Sign} */
  get sign() {
    return /** @type {Sign} */ (chosen(this.page.root, "sp-sign"));
  }

  /** @param {Tool} name */
  use(name) {
    const { root, stage } = this.page;
    const radio = field(root, `[name="sp-tool"][value="${name}"]`);
    if (radio.disabled) return;
    radio.checked = true;
    stage.hands.use(name);
    this.page.one(".sp-brushbar").hidden = name !== "brush";
    this.page.one(".sp-linesbar").hidden = name !== "polygon";
    stage.hands.resize(Number(this.size.value));
    this.advise();
  }

  /** The last corner that was drawn is taken back. */
  dropCorner() {
    if (this.page.stage.hands.dropCorner()) this.advise();
  }

  /** @param {Sign} sign */
  setSign(sign) {
    field(this.page.root, `[name="sp-sign"][value="${sign}"]`).checked = true;
    this.page.stage.hands.mean(sign === "subtract" ? 0 : 1);
    this.page.one("[data-find] option").textContent = `${DOES[sign]} every\u2026`;
    this.advise();
  }

  /** The shape of the chosen wall begins anew with the next click or line; pressed again, it is kept. */
  beginAnew() {
    if (this.anew) return this.keepShape();
    this.anew = true;
    this.page.compare(false);
    this.page.messages.pass(); // what was said before lies over what is to be done
    this.setSign("new");
    this.page.stage.show({ shape: null, points: [] });
    this.page.one('[data-do="anew"]').textContent = "Keep it";
  }

  /** The shape stays as it was after all. */
  keepShape() {
    const { session } = this.page.state;
    if (session) this.page.view.showSelection(session);
  }

  /** What is shown of the chosen wall is what it is. */
  endAnew() {
    this.anew = false;
    this.page.one('[data-do="anew"]').textContent = "Start over";
  }

  /** @param {boolean} found whether parts of the photo were found */
  allowParts(found) {
    const pick = field(this.page.root, '[name="sp-tool"][value="pick"]');
    pick.disabled = !found;
    this.page.one("[data-needs-parts]").hidden = !found;
  }

  /** Say what a hand may do next. */
  advise() {
    const { state, stage } = this.page;
    const { tool } = this;
    const some = state.isChosen;
    const shaped = tool === "brush" || tool === "polygon";
    this.page.one(".sp-signs").hidden = !(some || shaped || stage.scene.corners.length);
    const corners = tool === "polygon" ? stage.scene.corners.length - 1 : 0;
    this.page.one(".sp-corners").hidden = corners < 1;
    button(this.page.root, '[data-do="close-polygon"]').disabled = corners < 3;
    this.page.one(".sp-status").textContent = this.advice(some);
  }

  /** @param {boolean} some whether a wall is chosen */
  advice(some) {
    const { page, tool, sign } = this;
    const click = CLICK.toLowerCase();
    if ("waiting" in page.root.dataset) return `Your ${click} is kept: it is answered once the photo is read.`;
    if (page.painter?.isMeasuring)
      return page.painter.ends.length
        ? `${CLICK} its other end.`
        : `${CLICK} one end of a length you know, such as a door.`;
    if (page.dropping) return `${CLICK} the photo where it has the colour you want.`;
    if (tool === "hand") return "Drag the photo to move it.";
    if (tool === "pick") return `${CLICK} a part to choose it.`;
    if (this.anew && tool !== "polygon" && tool !== "brush")
      return `${tool === "box" ? "Draw a box around the wall" : `${CLICK} the wall`}: its shape begins anew.`;
    if (tool === "polygon" && some && !this.anew && !page.stage.scene.corners.length)
      return `${page.isPainted ? "Painted" : "Choose a colour"}. Or ${click} around what is ${sign === "subtract" ? "too much" : "missing"}.`;
    if (tool === "polygon") return `${CLICK} corner after corner, then the first one again.`;
    if (tool === "brush")
      return sign === "subtract" ? "Rub out what does not belong to the wall." : "Paint over what belongs to the wall.";
    const aim = tool === "box" ? "Draw a box around" : CLICK;
    if (sign === "subtract") return `${aim} what does not belong to this wall.`;
    if (sign === "union") return `${aim} what is missing.`;
    if (!some) return tool === "box" ? "Draw a box around a wall." : `${CLICK} a wall to select it.`;
    const too = TOUCH ? "Remove takes away" : "right-click takes away";
    const right = TOUCH ? "make this one right" : "make this one right with Add and Remove";
    if (page.isPainted) return `Painted. ${aim} the next wall${tool === "box" ? "" : `, or ${right}`}.`;
    return `Choose a colour. ${aim} what is missing${tool === "box" ? "" : `; ${too}`}.`;
  }

  /** How the shape of a wall is made right where there is nothing to choose from. @param {boolean} some whether one is chosen */
  reshaping(some) {
    if (!some) return `${CLICK} a wall: smaller and larger shapes of it are offered then.`;
    return "Make its shape right with Add and Remove, the brush or lines.";
  }

  /**
   * What is said where something was done and changed nothing; "" where it did.
   * @param {import("./state.js").Question} question
   * @param {import("./state.js").Session} before
   * @param {import("./state.js").Session} after
   */
  toldNothing({ verb, args }, before, after) {
    const [was, is] = [before.selection, after.selection];
    if (before.sid !== after.sid || was.mask_id !== is.mask_id || was.layer !== is.layer) return "";
    if (verb === "tidy") return "This outline follows the photo already.";
    if (verb === "find" && args.mode === "subtract") return `No ${args.category} was found in this wall.`;
    if (verb === "find" && args.mode === "union") return `Every ${args.category} that was found is in it already.`;
    if (!SHAPING.has(verb) || this.page.state.queue.length) return "";
    if (args.mode === "new" && is.layer !== null) return ""; // a painted wall was chosen again
    return args.mode === "subtract" ? "That is no part of this wall." : "That changes nothing here.";
  }

  // -- what is asked ----------------------------------------------------------------------------------------------------

  /** How something new changes the chosen wall. @param {number} label 1 adds, 0 takes away */
  mode(label) {
    if (label && this.anew) return "replace";
    return label ? (this.sign === "new" ? "new" : "union") : "subtract";
  }

  /** How a stroke or polygon changes it: what is drawn goes on with it. @param {number} label */
  drawn(label) {
    const mode = this.mode(label);
    return mode === "new" ? "union" : mode;
  }

  /** Photo pixels to a pixel of the screen. */
  get scale() {
    return 1 / this.page.stage.camera.scale;
  }

  /** @param {Point} at @param {number} label */
  point({ x, y }, label) {
    const { page } = this;
    if (page.painter.isMeasuring) return page.painter.mark({ x, y });
    clearTimeout(page.looking);
    if (page.dropping) {
      page.setDropper(false);
      return page.ask("color", { at: [x, y] }, "", { then: () => page.paintWall() });
    }
    page.compare(false); // who selects wants to see it
    page.stage.show({ pending: [...page.stage.scene.pending, { x, y, label }] });
    const {
      scale,
      page: {
        protection: { protect },
      },
    } = this;
    page.ask("click", { points: [[x, y, label]], mode: this.mode(label), scale, protect }, "Selecting");
  }

  /** A box goes on with a wall that was begun, as a click does. @param {number[]} box @param {number} label */
  box(box, label) {
    const { page } = this;
    page.compare(false);
    const begun = page.state.hasWall && !page.isPainted;
    const mode = this.mode(label);
    const { protect } = page.protection;
    const how = { mode: mode === "new" && begun ? "union" : mode, scale: this.scale, protect };
    page.ask("box", { box, ...how }, "Selecting");
  }

  /** @param {Point[]} points @param {number} radius @param {number} label */
  stroke(points, radius, label) {
    const path = points.map(({ x, y }) => [x, y]);
    const { protect } = this.page.protection;
    const how = { radius: Math.max(0.5, radius), edge_aware: this.edgeAware.checked, protect };
    this.page.ask("stroke", { path, ...how, mode: this.drawn(label) }, "Brushing");
  }

  /** @param {Point[]} corners @param {number} label */
  polygon(corners, label) {
    const path = corners.map(({ x, y }) => [x, y]);
    const { protect } = this.page.protection;
    const how = { mode: this.drawn(label), only_wall: this.onlyWall.checked, protect };
    this.page.ask("polygon", { path, ...how }, "Selecting");
    this.advise();
  }

  /** @param {number} id @param {boolean} more */
  pickRegion(id, more) {
    const { page, sign } = this;
    const several = more || sign === "union";
    const picked = several && sign === "new" ? new Set(page.picked) : new Set();
    if (several && picked.has(id) && picked.size > 1) picked.delete(id);
    else picked.add(id);
    page.regions.mark((page.picked = picked));
    page.ask("select", { mask_ids: [...picked], mode: sign }, "", {
      then: () => {
        page.pickedFor = page.state.session?.selection.mask_id ?? null;
        page.regions.mark((page.picked = picked));
      },
    });
  }

  /**
   * What a click would do.
   * @param {Point | null} at
   * @param {boolean} away whether a key that turns it round is held
   */
  meaning(at, away) {
    const { page, sign } = this;
    if (page.dropping || page.painter.isMeasuring || (this.anew && !away)) return "";
    if ((sign === "subtract") !== away) return "minus";
    if (sign !== "new") return "plus";
    if (at && page.stage.wallAt(at)) return "choose";
    return page.state.hasWall && !page.isPainted ? "plus" : "";
  }

  /** @returns {import("./stage/stage.js").StageListener} */
  listener() {
    const { page } = this;
    return {
      point: (at, label) => this.point(at, label),
      box: (box, label) => this.box(box, label),
      stroke: (points, radius, label) => this.stroke(points, radius, label),
      polygon: (corners, label) => this.polygon(corners, label),
      pick: (place, label, more) => {
        page.compare(false);
        const id = page.state.session?.regions?.ids[place - 1];
        if (id === undefined) return;
        if (label) this.pickRegion(id, more);
        else page.ask("select", { mask_ids: [id], mode: "subtract" });
      },
      begin: () => page.compare(false),
      size: (radius) => {
        this.size.value = String(radius);
        showSlider(this.size);
      },
      corners: () => this.advise(),
      removePoint: (index) => page.ask("remove_point", { index }),
      hover: (place) => page.regions.light(place),
      meaning: (at, away) => this.meaning(at, away),
      camera: (zoomed, scale) => {
        page.lookCloser();
        page.one(".sp-zoom output").textContent = `${Math.round(100 * scale * (window.devicePixelRatio || 1))}%`;
        page.root.classList.toggle("sp-zoomed", zoomed > 1.01);
      },
    };
  }
}
