"""From prompts in the photo's pixels to leaves, and back from leaves to masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...masks import intersect, subtract, union
from ...rle import RLE, mask_to_rle, rle_to_mask
from ...types import Prompts
from .answers import Points
from .candidates import Clicks
from .pieces import pieces_of
from .reading import Reading
from .snap import join_runs, label_pixels, labels_to_rle, pixels_inside


def points_of(reading: Reading, prompts: Prompts) -> Points:
    """The points, with the leaves they fall on."""
    coords = prompts.point_coords
    cells = np.array([reading.cell(x, y) for x, y in coords], int).reshape(-1, 2)
    leaves = np.array([reading.leaf(x, y) for x, y in coords], int)
    return Points(Clicks(cells, prompts.point_labels == 1), leaves)


@dataclass(frozen=True, eq=False)
class Given:
    """A `mask_input`. rle: its pixels. leaves: (n,) bool, those that lie mostly in it. exact: it was given pixel by
    pixel.
    """

    rle: RLE
    leaves: np.ndarray
    exact: bool


def given_mask(reading: Reading, prompts: Prompts) -> Given | None:
    """The `mask_input`, None without one."""
    mask = prompts.mask_input
    if mask is None:
        return None
    exact = mask.ndim == 2
    if not exact:  # logits of the whole photo, squeezed into a square as SAM 2 does
        height, width = reading.size_hw
        rows, columns = np.arange(height) * 256 // height, np.arange(width) * 256 // width
        mask = mask[0][rows[:, None], columns] > 0
    rle = mask_to_rle(mask)
    inside = pixels_inside(rle, reading.run_labels, reading.run_ends, reading.count)
    return Given(rle, inside > 0.5 * reading.pixels, exact)


def paste(reading: Reading, mask: np.ndarray, prompts: Prompts | None = None, given: Given | None = None) -> RLE:
    """A choice of leaves (n,) bool in the photo's pixels.

    A mask that was given pixel by pixel keeps its pixels where no leaf changed its mind. A leaf with clicks of
    both kinds is shared out by the nearest click, so that each click has its way.
    """
    rle = labels_to_rle(mask, reading.run_labels, reading.run_ends, reading.size_hw)
    if prompts is None:
        return rle
    coords, positive = prompts.point_coords.astype(int), prompts.point_labels == 1
    leaves = np.array([reading.leaf(x, y) for x, y in coords], int)
    torn = np.intersect1d(leaves[positive], leaves[~positive])
    if given is not None and given.exact:
        changed = mask ^ given.leaves
        changed[leaves] = True
        where = labels_to_rle(changed, reading.run_labels, reading.run_ends, reading.size_hw)
        rle = union([intersect([rle, where]), subtract(given.rle, [where])])
    if not len(torn):
        return rle
    pixels = rle_to_mask(rle)
    for leaf in torn:
        column, row = np.divmod(label_pixels(leaf, reading.run_labels, reading.run_ends), reading.size_hw[0])
        here = leaves == leaf
        x, y = coords[here].T
        nearest = ((column[:, None] - x) ** 2 + (row[:, None] - y) ** 2).argmin(axis=1)
        pixels[row, column] = positive[here][nearest]
    return mask_to_rle(pixels)


def paste_all(reading: Reading, masks: np.ndarray) -> list[RLE]:
    """Choices of leaves (K, n) bool in the photo's pixels: what `paste` makes of each."""
    pieces = pieces_of(reading, masks)
    run_labels, run_ends = join_runs(pieces.of_leaf[reading.run_labels], reading.run_ends)
    return [labels_to_rle(mask, run_labels, run_ends, reading.size_hw) for mask in pieces.masks]
