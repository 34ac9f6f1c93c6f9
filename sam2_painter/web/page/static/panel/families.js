/** Paints by family: whites, greys and the hues, as people ask for them. */

/** @typedef {"Whites" | "Greys" | "Yellows" | "Reds" | "Pinks" | "Greens" | "Blues" | "Browns" | "Darks"} Family */

import { channels } from "../stage/tryon.js";

/** @type {Family[]} */
export const FAMILIES = ["Whites", "Yellows", "Browns", "Reds", "Pinks", "Greens", "Blues", "Greys", "Darks"];

/**
 * The family of a colour.
 * @param {string} hex
 * @returns {Family}
 */
export function familyOf(hex) {
  const [r, g, b] = channels(hex).map((code) => code / 255);
  const most = Math.max(r, g, b);
  const least = Math.min(r, g, b);
  const spread = most - least;
  const light = 0.3 * r + 0.59 * g + 0.11 * b;
  if (light > 0.86 && spread < 0.16) return "Whites";
  if (light < 0.24 && spread < 0.2) return "Darks";
  if (spread < 0.075) return "Greys";
  const sector = most === r ? (g - b) / spread : most === g ? 2 + (b - r) / spread : 4 + (r - g) / spread;
  const hue = (60 * sector + 360) % 360;
  if (hue < 18 || hue >= 330) return light > 0.6 || hue >= 330 ? "Pinks" : "Reds";
  if (hue < 52)
    return spread < 0.34 || light < 0.5 ? (light > 0.72 ? "Yellows" : "Browns") : hue < 28 ? "Reds" : "Yellows";
  if (hue < 66) return light < 0.45 ? "Browns" : "Yellows";
  if (hue < 172) return "Greens";
  return hue < 262 ? "Blues" : "Pinks";
}
