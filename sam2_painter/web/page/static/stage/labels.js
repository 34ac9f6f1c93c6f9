/** The regions that were found: which of them lies where, and a picture that lights one up. */

const KEPT = 24; // pictures

export class Labels {
  /**
   * @param {HTMLImageElement} image red + 256 * green of each pixel is the number of the region there, 0 for none
   * @param {{ width: number, height: number }} photo
   */
  constructor(image, photo) {
    this.photo = photo;
    this.width = image.width;
    this.height = image.height;
    const pen = new OffscreenCanvas(this.width, this.height).getContext("2d", { willReadFrequently: true });
    if (!pen) throw new Error("This browser cannot draw.");
    pen.drawImage(image, 0, 0);
    const rgba = pen.getImageData(0, 0, this.width, this.height).data;
    this.data = new Uint16Array(this.width * this.height);
    for (let i = 0; i < this.data.length; i++) this.data[i] = rgba[4 * i] | (rgba[4 * i + 1] << 8);
    /** @type {Map<number, OffscreenCanvas>} */
    this.pictures = new Map();
  }

  /**
   * The number of the region at a place of the photo, 0 for none.
   * @param {{ x: number, y: number }} place
   */
  at({ x, y }) {
    const column = Math.min(this.width - 1, Math.floor((x * this.width) / this.photo.width));
    const row = Math.min(this.height - 1, Math.floor((y * this.height) / this.photo.height));
    return this.data[row * this.width + column];
  }

  /**
   * A picture of the photo's shape in which this region glows.
   * @param {number} region
   */
  picture(region) {
    const known = this.pictures.get(region);
    if (known) return known;
    if (this.pictures.size >= KEPT) this.pictures.clear();
    const lit = new OffscreenCanvas(this.width, this.height);
    const pen = lit.getContext("2d");
    if (!pen) return lit;
    const pixels = pen.createImageData(this.width, this.height);
    const words = new Uint32Array(pixels.data.buffer);
    for (let i = 0; i < this.data.length; i++) if (this.data[i] === region) words[i] = 0x6cff9b4a; // ABGR
    pen.putImageData(pixels, 0, 0);
    this.pictures.set(region, lit);
    return lit;
  }
}
