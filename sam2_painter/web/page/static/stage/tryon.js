/**
 * A wall in a colour that is only being tried: the browser covers it at once, by the server's own formulas.
 *
 * @typedef {"realistic" | "flat" | "multiply"} PaintMode
 * @typedef {{ color: string, opacity: number, light: number, shadow: number, mode: PaintMode }} Coat
 *   color as #rrggbb; opacity, light and shadow in per cent.
 */

const linear = Float64Array.from({ length: 256 }, (_, code) =>
  code <= 10 ? code / 255 / 12.92 : ((code / 255 + 0.055) / 1.055) ** 2.4,
);

/** @param {number} light */
const srgb = (light) => 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);

/** @param {number} glow */
const rolled = (glow) => (glow <= 0.85 ? glow : 1 - 0.15 * Math.exp((0.85 - glow) / 0.15));

/** @type {Record<PaintMode, (color: number, light: number, shadow: number) => (code: number) => number>} */
const covers = {
  realistic: (color, light, shadow) => (code) => srgb(rolled(light * linear[code] ** shadow * linear[color])),
  flat: (color, light) => () => srgb(Math.min(light * linear[color], 1)),
  multiply: (color, light, shadow) => (code) => color * light * (code / 255) ** shadow,
};

/**
 * How one channel of a wall is covered: what each code of the white wall (of the photo, for "multiply") becomes.
 *
 * @param {PaintMode} mode
 * @param {number} color 0 to 255
 * @param {number} light 1 as found
 * @param {number} shadow 1 as found
 * @returns {Float32Array} 256 codes, 0 to 255
 */
export function coverTable(mode, color, light, shadow) {
  const cover = covers[mode](color, light, shadow);
  return Float32Array.from({ length: 256 }, (_, code) => Math.min(cover(code), 255));
}

/**
 * The three channels of #rrggbb.
 * @param {string} hex
 */
export const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** A wall that can be tried in any colour. */
export class TryOn {
  /**
   * @param {ImageBitmap | HTMLImageElement} white the wall were it white; its alpha says where it is
   * @param {CanvasImageSource & Size} photo all of the photo
   * @param {number[]} box x, y, width, height of the wall in pixels of the photo
   * @param {Size} size of the photo
   * @typedef {{ width: number, height: number }} Size
   */
  constructor(white, photo, box, size) {
    const scale = photo.width / size.width;
    this.box = box;
    this.width = white.width;
    this.height = white.height;
    this.wall = this.pixels((pen) => pen.drawImage(white, 0, 0));
    const [x, y, width, height] = box.map((v) => v * scale);
    this.photo = this.pixels((pen) => pen.drawImage(photo, x, y, width, height, 0, 0, this.width, this.height));
    this.sheet = new OffscreenCanvas(this.width, this.height);
  }

  /** @param {(pen: OffscreenCanvasRenderingContext2D) => void} draw */
  pixels(draw) {
    const pen = context(new OffscreenCanvas(this.width, this.height));
    draw(pen);
    return pen.getImageData(0, 0, this.width, this.height).data;
  }

  /**
   * The wall with this coat, ready to be drawn on its box.
   * @param {Coat} coat
   */
  in({ color, opacity, light, shadow, mode }) {
    const pen = context(this.sheet);
    const share = opacity / 100;
    const from = mode === "multiply" ? this.photo : this.wall;
    const mixed = pen.createImageData(this.width, this.height);
    const to = mixed.data;
    channels(color).forEach((code, channel) => {
      const table = coverTable(mode, code, light / 100, shadow / 100);
      for (let at = channel; at < to.length; at += 4) to[at] = share * table[from[at]] + (1 - share) * this.photo[at];
    });
    for (let at = 3; at < to.length; at += 4) to[at] = this.wall[at];
    pen.putImageData(mixed, 0, 0);
    return { image: this.sheet, box: this.box };
  }
}

/** @param {OffscreenCanvas} sheet */
function context(sheet) {
  const pen = sheet.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("This browser cannot draw.");
  return pen;
}
