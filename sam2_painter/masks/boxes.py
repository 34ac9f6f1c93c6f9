"""Boxes (XYWH) of a photo's pixels, and what a mask has in one."""

from __future__ import annotations

import numpy as np

from ..rle import RLE

Box = tuple[int, int, int, int]
"""XYWH, in pixels of the photo."""


def grow_box(box: Box, margin: int, size: tuple[int, int]) -> Box:
    """The box with a margin on every side, as far as the photo of `size` (H, W) goes.

    >>> grow_box((2, 2, 3, 3), 4, (8, 20))
    (0, 0, 9, 8)
    """
    x, y, w, h = box
    left, top = max(0, x - margin), max(0, y - margin)
    return left, top, min(size[1], x + w + margin) - left, min(size[0], y + h + margin) - top


def pixels_in(rle: RLE, box: Box) -> np.ndarray:
    """(h, w) bool: the mask's pixels in a box that holds all of it.

    >>> from sam2_painter.rle import mask_to_rle
    >>> pixels_in(mask_to_rle(np.eye(2, dtype=bool)), (0, 0, 2, 2)).astype(int).tolist()
    [[1, 0], [0, 1]]
    """
    crop, (x, y, w, h) = rle.crop()
    out = np.zeros((box[3], box[2]), bool)
    out[y - box[1] : y - box[1] + h, x - box[0] : x - box[0] + w] = crop
    return out
