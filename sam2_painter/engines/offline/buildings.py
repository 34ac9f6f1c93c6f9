"""Which building a point lies in: houses of a row part where, at every height, their walls change to other paints."""

from __future__ import annotations

import cv2
import numpy as np

from .candidates import connected
from .network import Sight
from .reading import Reading
from .surfaces import CLASSES

WALL = CLASSES.index("wall")
OF_BUILDINGS = [
    WALL,
    *(CLASSES.index(name) for name in ("roof", "eaves", "trim", "shutter", "door", "window", "balcony")),
]
STRIP = 8  # cells to each side of a column, whose walls are compared
LEAST = 2  # of them must be wall on both sides
TINT, SHADE = np.float32(0.17), np.float32(0.8)  # differences of the logarithms of colours that count as one: ...
# ... lightness counts little, for a house has a lit and a shaded side.
PARTED = 0.75  # of the heights that can be compared show other paint: another house begins
TALL = 0.15  # of the photo's height must be comparable


def building_at(reading: Reading, cell: tuple[int, int]) -> np.ndarray:
    """(n,) bool: the leaves of the building under a cell, with its roof, windows and doors; none where none is.

    Houses of one paint side by side are one.
    """
    sight = reading.sight
    inside = sight.kinds[OF_BUILDINGS].sum(axis=0) > 0.5
    if not inside[cell]:
        return np.zeros(reading.count, bool)
    for column in parting_columns(sight):
        inside[:, : column + 1 if column < cell[1] else 0] = False
        inside[:, column if column > cell[1] else inside.shape[1] :] = False
    leaves: np.ndarray = reading.of_cells(connected(inside, cell)[None])[0]
    return leaves


def parting_columns(sight: Sight) -> list[int]:
    """Columns of cells where one house ends and the next one begins, from left to right."""
    changed, compared = _changes(sight)
    share = changed / np.maximum(compared, 1)
    parted = (share > PARTED) & (compared >= TALL * sight.size[0])
    starts = np.flatnonzero(np.diff(parted.astype(np.int8), prepend=0, append=0))
    return [int(a + np.flatnonzero(share[a:b] == share[a:b].max()).mean()) for a, b in starts.reshape(-1, 2)]


def _changes(sight: Sight) -> tuple[np.ndarray, np.ndarray]:
    """(w,) each: at how many heights the walls to both sides of a column are of other paints, and can be compared."""
    inside = (sight.kind == WALL).astype(np.float32)
    rgb = cv2.cvtColor(sight.calm.transpose(1, 2, 0).astype(np.uint8), cv2.COLOR_LAB2RGB).astype(np.float32)
    red, green, blue = np.log(rgb + 8).transpose(2, 0, 1)  # a shadow takes the same from each
    fields = ((red - green) / TINT, (blue - green) / TINT, (red + green + blue) / 3 / SHADE)
    before, after = _beside(inside, left=True), _beside(inside, left=False)
    comparable = (before >= LEAST) & (after >= LEAST)
    apart = sum(
        (
            _beside(f * inside, left=True) / np.maximum(before, 1)
            - _beside(f * inside, left=False) / np.maximum(after, 1)
        )
        ** 2
        for f in fields
    )
    return ((apart > 1) & comparable).sum(axis=0), comparable.sum(axis=0)


def _beside(field: np.ndarray, left: bool) -> np.ndarray:
    """(h, w): the sum over the STRIP cells to one side of each, of a field (h, w) float32."""
    kernel = np.zeros((1, 2 * STRIP + 1), np.float32)
    kernel[0, :STRIP] = 1
    summed: np.ndarray = cv2.filter2D(field, -1, kernel if left else kernel[:, ::-1], borderType=cv2.BORDER_CONSTANT)
    return summed
