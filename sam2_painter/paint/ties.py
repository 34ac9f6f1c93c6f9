"""Layers that lie on one old paint: tied ones are analysed as one wall, and which ones look as if they should be.

A wall's old paint is read where the light on it is best. The shaded side of a house, painted in a layer of its own, has
no such place, and comes out as bright as the sunlit front. Tied to the front it is read together with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import cv2
import numpy as np

from .. import masks
from ..rle import RLE, rle_to_mask
from ..types import Layer, Photo
from .light import shrink
from .old_paints import one_paint
from .srgb import LINEAR

BESIDE = 5
"""Pixels of the small picture: walls no farther apart touch, though a pipe or a corner's edge lies between."""


def tied_walls(layers: Sequence[Layer]) -> list[RLE | None]:
    """For each layer the mask of all that is tied to it, itself included, seen or hidden; None where nothing is."""
    groups: defaultdict[int, list[RLE]] = defaultdict(list)
    for layer in layers:
        if layer.tie:
            groups[layer.tie].append(layer.mask.rle)
    walls = {tie: masks.union(parts) for tie, parts in groups.items() if len(parts) > 1}
    return [walls.get(layer.tie) for layer in layers]


def tie_offers(photo: Photo, layers: Sequence[Layer]) -> list[tuple[int, int]]:
    """Pairs of places in `layers` (0 first) that may be tied: one new colour, and what light does to one old paint
    explains how they differ now.

    Hidden layers, those that are tied to each other already, and those not painted realistically are left out.
    """
    shown = [place for place, layer in enumerate(layers) if layer.visible and layer.mode == "realistic"]
    pairs = [
        (one, other)
        for one, other in combinations(shown, 2)
        if layers[one].color == layers[other].color and not _tied(layers[one], layers[other])
    ]
    if not pairs:
        return []
    linear = cv2.LUT(shrink(photo.pixels), LINEAR.reshape(1, 256, 1))
    small = {place: _small(layers[place].mask.rle) for pair in pairs for place in pair}
    return [pair for pair in pairs if one_paint(linear, small[pair[0]], small[pair[1]], BESIDE)]


def _tied(one: Layer, other: Layer) -> bool:
    return one.tie != 0 and one.tie == other.tie


def _small(rle: RLE) -> np.ndarray:
    """(h, w) bool: the mask on the small picture."""
    inside: np.ndarray = shrink(rle_to_mask(rle).view(np.uint8) * np.uint8(255)) > 200
    return inside
