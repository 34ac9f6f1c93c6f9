"""A brush that stops at strong borders of the photo, as a hand would."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ..rle import RLE, paste_rle, rle_to_mask
from ..types import number
from .boxes import grow_box, pixels_in
from .operations import intersect
from .rasterise import LEAST_RADIUS, stroke

MARGIN = 8  # pixels around a stroke that are looked at, to see what lies beyond a border at its rim
LEAST_STEP = 5.0  # of CIELAB from one pixel to the next: below it nothing is a border
OVER_TEXTURE = 3.0  # a border is so many times stronger than what the brush's middle runs over
MOST_PIXELS = 4_000_000  # that are looked at one by one: a brush over more of them sees a smaller picture
CORE = 0.3  # of the radius: what the hand means for sure


def edge_aware_stroke(pixels: np.ndarray, path: Sequence[tuple[float, float]], radius: float) -> RLE:
    """The part of `stroke(path, radius)` that no strong border separates from the brush's middle.

    pixels: (H, W, 3) uint8 RGB of the photo; only the stroke's own box is read, a large one at a smaller size. How
    strong a border must be follows the texture under the brush: bricks and planks do not stop it, an edge of a window
    does.
    """
    size = pixels.shape[0], pixels.shape[1]
    whole = stroke(path, radius, size)
    reach = max(LEAST_RADIUS, number(radius, "radius", 0, 1e9))
    if not whole.area or reach < 2:
        return whole
    box = x, y, w, h = grow_box(whole.bbox, MARGIN, size)
    crop = pixels[y : y + h, x : x + w]
    if w * h <= MOST_PIXELS:
        kept = _meant(crop, pixels_in(whole, box), pixels_in(stroke(path, CORE * reach, size), box), reach)
        return whole if kept is None else paste_rle(kept, x, y, size)
    smaller = math.sqrt(MOST_PIXELS / (w * h))
    small = max(1, round(h * smaller)), max(1, round(w * smaller))
    line = (np.asarray(path, float) - (x, y)) * (small[1] / w, small[0] / h)
    inside, core = (rle_to_mask(stroke(line.tolist(), part * reach * smaller, small)) for part in (1.0, CORE))
    kept = _meant(cv2.resize(crop, small[::-1], interpolation=cv2.INTER_AREA), inside, core, reach * smaller)
    if kept is None:
        return whole
    grown = cv2.resize(kept.view(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST).view(bool)
    return intersect([paste_rle(grown, x, y, size), whole])


def _meant(crop: np.ndarray, inside: np.ndarray, core: np.ndarray, reach: float) -> np.ndarray | None:
    """(h, w) bool: what of `inside` no border separates from `core`; None where that cannot be told."""
    step = _steps(crop, reach)
    texture = float(np.median(step[core])) if core.any() else 0.0
    border = step > max(LEAST_STEP, OVER_TEXTURE * texture)
    _, parts = cv2.connectedComponents((inside & ~border).astype(np.uint8), connectivity=4)
    meant = np.bincount(parts[core & ~border & inside], minlength=1)
    meant[0] = 0
    if not meant.any():
        return None
    kept = (meant >= 0.1 * meant.sum())[np.minimum(parts, len(meant) - 1)] & (parts < len(meant)) & (parts > 0)
    kept |= inside & border & (_distance(kept) <= _distance(~border & ~kept))  # to the middle of the border
    found: np.ndarray = _without_holes(kept, np.pi * (reach / 3) ** 2) & inside
    return found


def _steps(crop: np.ndarray, radius: float) -> np.ndarray:
    """(h, w) float32: `color_change` in CIELAB, fine texture smoothed."""
    sigma = float(np.clip(radius / 16, 0.7, 2.5))
    lab = cv2.cvtColor(cv2.GaussianBlur(crop, (0, 0), sigma), cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 0] *= 100 / 255
    return color_change(lab) * np.float32(sigma)  # blurred edges are lower, wider


def color_change(colors: np.ndarray) -> np.ndarray:
    """(h, w) float32: how much each of (h, w, C) float32 colours changes from a pixel to the next (Scharr's filter)."""
    across, down = (cv2.Scharr(colors, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0))
    change: np.ndarray = np.sqrt((across * across + down * down).sum(axis=-1))
    return change


def _distance(mask: np.ndarray) -> np.ndarray:
    """(h, w) float32: pixels to the nearest one of the mask."""
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)


def _without_holes(mask: np.ndarray, most: float) -> np.ndarray:
    """The mask with holes of fewer than `most` pixels filled."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < most
    small[0] = False
    filled: np.ndarray = mask | small[parts]
    return filled
