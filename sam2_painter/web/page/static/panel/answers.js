/**
 * What else the last click may have meant: small pictures of the wall, smaller and larger, shown on the photo while
 * the pointer is on one.
 *
 * @typedef {import("../state.js").Answer} Answer
 */

import { node, one, refill } from "../dom.js";

const WIDTH = 208; // pixels of a picture
const HEIGHT = 132;
const AROUND = 0.35; // of the largest answer's box, as surroundings

export class AnswersPanel {
  /**
   * @param {HTMLElement} root
   * @param {import("../stage/stage.js").Stage} stage
   * @param {(choice: number) => void} choose
   */
  constructor(root, stage, choose) {
    this.place = one(root, ".sp-candidates");
    this.row = one(root, ".sp-answers");
    this.hint = one(this.place, "p");
    this.stage = stage;
    this.choose = choose;
  }

  /**
   * @param {Answer[]} answers the smallest first
   * @param {string} [otherwise] what to do where there is nothing to choose from
   */
  show(answers, otherwise = "") {
    const here = this.place.contains(this.row); // on a phone they are above it, beside every tab
    const choose = here ? "Not quite? Take another one:" : "Not quite? Take another one of those above.";
    this.hint.textContent = answers.length < 2 ? otherwise : choose;
    if (answers.length < 2) return this.row.replaceChildren();
    const taken = answers.findIndex((answer) => answer.chosen);
    const view = this.frame(answers[answers.length - 1].path);
    refill(
      this.row,
      answers.map((answer, place) => this.button(answer, word(place, taken, answers.length - 1), view)),
    );
  }

  /**
   * @param {Answer} answer
   * @param {string} word
   * @param {number[]} view
   */
  button(answer, word, view) {
    const path = new Path2D(answer.path);
    const made = node(
      "button",
      {
        type: "button",
        className: "sp-answer",
        "aria-pressed": String(answer.chosen),
        title: `${word}, ${percent(answer.area)} of the photo (C)`,
        onclick: () => this.choose(answer.choice),
      },
      this.picture(path, view),
      node("span", {}, word),
    );
    const look = (/** @type {Path2D | null} */ ghost) => () => this.stage.show({ ghost });
    made.addEventListener("pointerenter", look(answer.chosen ? null : path));
    made.addEventListener("focus", look(answer.chosen ? null : path));
    made.addEventListener("pointerleave", look(null));
    made.addEventListener("blur", look(null));
    return made;
  }

  /**
   * The part of the photo that all answers lie in, as x, y, width, height, of the pictures' shape.
   * @param {string} path
   */
  frame(path) {
    const { width, height } = this.stage.scene.size;
    const [x1, y1, x2, y2] = bounds(path);
    const room = Math.max((x2 - x1) / WIDTH, (y2 - y1) / HEIGHT, 8 / WIDTH) * (1 + AROUND);
    const scale = Math.min(room, width / WIDTH, height / HEIGHT);
    const [w, h] = [scale * WIDTH, scale * HEIGHT];
    const place = (/** @type {number} */ middle, /** @type {number} */ size, /** @type {number} */ whole) =>
      Math.min(Math.max(middle - size / 2, 0), whole - size);
    return [place((x1 + x2) / 2, w, width), place((y1 + y2) / 2, h, height), w, h];
  }

  /** @param {Path2D} path @param {number[]} view */
  picture(path, [x, y, w, h]) {
    const canvas = node("canvas", { width: WIDTH, height: HEIGHT });
    const pen = canvas.getContext("2d");
    const { photo, size, ink } = this.stage.scene;
    if (!pen || !photo) return canvas;
    pen.setTransform(WIDTH / w, 0, 0, HEIGHT / h, (-x * WIDTH) / w, (-y * HEIGHT) / h);
    pen.drawImage(photo, 0, 0, size.width, size.height);
    const outside = new Path2D();
    outside.rect(0, 0, size.width, size.height);
    outside.addPath(path);
    pen.fillStyle = "rgba(255,255,255,.62)";
    pen.fill(outside, "evenodd");
    pen.strokeStyle = ink;
    pen.lineWidth = (2.5 * w) / WIDTH;
    pen.stroke(path);
    return canvas;
  }
}

/** A share of the photo, 0 to 1, in per cent. @param {number} area */
export const percent = (area) => `${(100 * area).toFixed(area < 0.01 ? 2 : 1)}%`;

/**
 * What an answer is called beside the one that is taken: of three no two have one name.
 * @param {number} place @param {number} taken @param {number} last
 */
function word(place, taken, last) {
  if (place === taken) return "This";
  if (place < taken) return place < taken - 1 ? "Smallest" : "Smaller";
  return place > taken + 1 && place === last ? "Largest" : "Larger";
}

/**
 * The box around a path of whole numbers as `contours.to_svg_path` writes it: x1, y1, x2, y2.
 * @param {string} path
 */
export function bounds(path) {
  let [x, y, x1, y1, x2, y2] = [0, 0, Infinity, Infinity, -Infinity, -Infinity];
  for (const [, kind, a, b] of path.matchAll(/([Mlhv])(-?\d+)(?: (-?\d+))?/g)) {
    if (kind === "M") [x, y] = [Number(a), Number(b)];
    else if (kind === "l") [x, y] = [x + Number(a), y + Number(b)];
    else if (kind === "h") x += Number(a);
    else y += Number(a);
    [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x), Math.max(y2, y)];
  }
  return [x1, y1, x2, y2];
}
