"""A mask's border as a path: what a screen fills and strokes at any zoom, in a few kilobytes."""

from __future__ import annotations

import cv2
import numpy as np

from ..rle import RLE

MAX_POINTS = 4000
"""Of one path: a mask of a thousand specks is drawn a little coarser."""


def to_svg_path(rle: RLE, tolerance: float | None = None) -> str:
    """The borders of a mask and of its holes as SVG path data, in pixels of the photo; "" for an empty mask.

    Fill it by the even-odd rule. Corners lie on the pixels' own corners: a mask of one pixel at (3, 2) is the square
    from (3, 2) to (4, 3). tolerance: how many pixels the path may differ from the border; by default a 3000th of the
    photo's longer side. Holes of a single pixel are left out.

    >>> from sam2_painter.rle import mask_to_rle
    >>> to_svg_path(mask_to_rle(np.pad(np.ones((2, 3), bool), 1)))
    'M1 1v2h3v-2z'
    """
    if not rle.area:
        return ""
    crop, (x, y, width, height) = rle.crop()
    inside = crop.view(np.uint8)
    # Of the corners of all pixels, those that touch the mask: their outline is the border itself.
    corners = np.zeros((height + 1, width + 1), np.uint8)
    for down, right in ((0, 0), (1, 0), (0, 1), (1, 1)):
        corners[down : down + height, right : right + width] |= inside
    found, _ = cv2.findContours(corners, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(x, y))
    coarse, least = max(0.5, max(rle.size) / 3000) if tolerance is None else tolerance, 0.0
    while True:
        lines = [cv2.approxPolyDP(line, coarse, True)[:, 0] for line in found]
        lines = [line for line in lines if len(line) > 2 and cv2.contourArea(line) >= least] or lines[:1]
        if sum(map(len, lines)) <= MAX_POINTS:
            break
        coarse, least = 2 * coarse, 4 * coarse**2
    return "".join(map(_closed, lines))


def _closed(line: np.ndarray) -> str:
    """One closed line, (N, 2) whole numbers, by steps from its first point."""
    parts = [f"M{line[0][0]} {line[0][1]}"]
    for dx, dy in np.diff(line, axis=0).tolist():
        parts.append(f"v{dy}" if dx == 0 else f"h{dx}" if dy == 0 else f"l{dx} {dy}")
    return "".join(parts) + "z"
