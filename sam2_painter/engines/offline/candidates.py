"""Masks worth considering for a click: what is alike, of one class, and not parted by borders, at many thresholds.

Masks are over the cells of a `network.Sight`, (K, h, w) bool.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .network import COLOUR_STEP, Sight

ALIKE = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9)  # chances to be of one thing with the click
OF_CLASS = (0.35, 0.5, 0.7)  # chances to be of the class at the click
NO_BORDER = (0.25, 0.4, 0.6)  # chances of a border up to which one may pass
FEWER = ALIKE[1::2]  # the same, for the click alone: what is alike to the refined place is mostly better
WIDER = ALIKE[::2]  # the same, for what is bridged
ROUGHLY = 0.35  # the chance to be of one thing that is asked for beside colour or missing borders
COLOURS = (0.4, 0.7, 1.1)  # differences of colour to the click; lightness counts little, for shadows change it ...
SHADES = (0.5, 0.9, 1.4)  # ... or much, for so do the faces of a building
SHADE_STEP = np.array([15, 12, 12], np.float32)  # of 8-bit Lab: differences that count as one then
SURE = 0.6  # the chance to be of one thing from which on a cell has a say in what the thing looks like
NEAR = 12  # cells from the click, of those that have a say
BRIDGE = 5  # cells: a wall goes on behind a narrower band, pipe or cable
# Kinds of candidates.
CONNECTED, OF_ONE_CLASS, ANYWHERE, AREA, SHUT_IN, SPOT, ALL_OF_CLASS, COLOUR, COLOUR_ANYWHERE, SHADE = range(10)
NESTED, NESTED_OF_CLASS, BRIDGED = range(10, 13)
REFINED = 13  # is added to the kind of what is alike to the refined place


@dataclass(frozen=True, eq=False)
class Clicks:
    """Points. cells: (N, 2) int, row and column. positive: (N,) bool."""

    cells: np.ndarray
    positive: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)

    def upto(self, count: int) -> Clicks:
        """The first `count` of them."""
        return Clicks(self.cells[:count], self.positive[:count])


class Pool:
    """Collects candidates, each once. origins: their kind and threshold."""

    def __init__(self, cell: tuple[int, int]) -> None:
        self._cell = cell
        self._masks: dict[bytes, np.ndarray] = {}
        self._origins: list[tuple[float, float]] = []

    def add(self, mask: np.ndarray, kind: int, threshold: float) -> None:
        """Take a mask (h, w), with the cell that was clicked."""
        mask[self._cell] = True
        key = np.packbits(mask).tobytes()
        if key not in self._masks:
            self._masks[key] = mask
            self._origins.append((kind, threshold))

    def stacked(self) -> tuple[np.ndarray, np.ndarray]:
        """Masks (K, h, w) and origins (K, 2) float32."""
        return np.stack(list(self._masks.values())), np.array(self._origins, np.float32)


def refined_place(sight: Sight, cell: tuple[int, int], alike: np.ndarray) -> np.ndarray:
    """(LIKENESS,) float32: what the thing at a click looks like, by the cells about it that surely belong to it."""
    row, column = cell
    near = np.s_[..., max(0, row - NEAR) : row + NEAR + 1, max(0, column - NEAR) : column + NEAR + 1]
    weight = np.where(alike[near] > SURE, alike[near], 0) + np.float32(1e-6)
    place: np.ndarray = (sight.likeness[near] * weight).sum(axis=(1, 2)) / weight.sum()
    return place


def connected(mask: np.ndarray, cell: tuple[int, int]) -> np.ndarray:
    """(h, w) bool: the connected part of a mask that holds a cell of it."""
    _, parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=4, ltype=cv2.CV_16U)
    part: np.ndarray = parts == parts[cell]
    return part


def bridged(mask: np.ndarray, cell: tuple[int, int]) -> np.ndarray:
    """(h, w) bool: the parts of a mask that can be reached from a cell of it over gaps narrower than BRIDGE."""
    wide = cv2.dilate(mask.view(np.uint8), np.ones((BRIDGE, BRIDGE), np.uint8)) > 0
    reached: np.ndarray = connected(wide, cell) & mask
    return reached


def things_at(sight: Sight, cell: tuple[int, int], against: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masks (K, h, w), K >= 1, and origins (K, 2) of everything that a cell may be a part of and those of `against`,
    (M, 2) cells, are not.
    """
    pool = Pool(cell)
    own = int(sight.kind[cell])
    same = sight.kind == own
    first = sight.alike(sight.likeness[:, cell[0], cell[1]])
    second = sight.alike(refined_place(sight, cell, first))
    for refined, alike, thresholds in ((0, first, FEWER), (REFINED, second, ALIKE)):
        if len(against):
            alike = np.where(alike_any(sight, against) < alike, alike, np.float32(0))
        for threshold in thresholds:
            inside = alike > threshold
            inside[cell] = True
            pool.add(connected(inside, cell), CONNECTED + refined, threshold)
            limited = inside & same
            limited[cell] = True
            pool.add(connected(limited, cell), OF_ONE_CLASS + refined, threshold)
            pool.add(limited, ANYWHERE + refined, threshold)
            if refined and threshold in WIDER:
                pool.add(bridged(limited, cell), BRIDGED, threshold)
    away = alike_any(sight, against) < 0.5 if len(against) else True
    _add_shut_in_and_coloured(pool, sight, cell, (second > ROUGHLY) & away)
    for threshold in OF_CLASS:
        inside = (sight.kinds[own] > threshold) & away
        inside[cell] = True
        pool.add(connected(inside, cell), AREA, threshold)
    pool.add(same & away, ALL_OF_CLASS, 0.0)
    for region in sight.nesting.around(cell):
        if region[tuple(against.T)].any():
            break
        pool.add(region, NESTED, float(region.mean()))
        pool.add(region & same, NESTED_OF_CLASS, float(region.mean()))
    spot = np.zeros(sight.size, bool)
    spot[max(0, cell[0] - 1) : cell[0] + 2, max(0, cell[1] - 1) : cell[1] + 2] = True
    pool.add(spot & away, SPOT, 0.0)
    return pool.stacked()


def _add_shut_in_and_coloured(pool: Pool, sight: Sight, cell: tuple[int, int], roughly: np.ndarray) -> None:
    """What is not parted from a cell by borders, and what has its colour, of all that is roughly alike."""
    roughly[cell] = True
    for threshold in NO_BORDER:
        shut = roughly & (sight.border < threshold)
        shut[cell] = True
        wide = cv2.dilate(connected(shut, cell).view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        pool.add(wide & roughly, SHUT_IN, threshold)
    for step, limits, kind in ((COLOUR_STEP, COLOURS, COLOUR), (SHADE_STEP, SHADES, SHADE)):
        away = colours_away(sight, cell, step)
        for limit in limits:
            inside = roughly & (away < limit * limit)
            inside[cell] = True
            pool.add(connected(inside, cell), kind, limit)
            if kind == COLOUR:
                pool.add(inside, COLOUR_ANYWHERE, limit)


def colours_away(sight: Sight, cell: tuple[int, int], step: np.ndarray) -> np.ndarray:
    """(h, w) float32: the squared difference of colour between each cell and one of them, in steps (3,) of Lab."""
    own = sight.calm[:, cell[0], cell[1]].reshape(3, 1, 1)
    away: np.ndarray = (((sight.calm - own) / step.reshape(3, 1, 1)) ** 2).sum(axis=0)
    return away


def alike_any(sight: Sight, cells: np.ndarray) -> np.ndarray:
    """(h, w) float32: the chance to be of one thing with any of some cells (N, 2)."""
    chance = np.zeros(sight.size, np.float32)
    for row, column in cells:
        np.maximum(chance, sight.alike(sight.likeness[:, row, column]), out=chance)
    return chance


def click_candidates(sight: Sight, clicks: Clicks, previous: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Masks (K, h, w), K >= 1, and origins (K, 2) for clicks after the answer `previous`, (h, w) bool, to all but the
    last.

    After an answer, a positive click only adds to it and a negative one only takes away; as long as one click alone was
    positive, negative ones ask it anew. The first of all clicks is positive, or there is an answer.
    """
    if previous is None:
        return things_at(sight, _cell(clicks, -1), np.zeros((0, 2), int))
    if clicks.positive[-1] or not clicks.positive.any():
        return _changed(sight, clicks, previous)
    anew = _asked_anew(sight, clicks, previous)
    if np.count_nonzero(clicks.positive) == 1:  # nibbling at an answer to another question would never end
        return anew
    masks, origins = (np.concatenate(pair) for pair in zip(_changed(sight, clicks, previous), anew, strict=True))
    return masks, origins


def _changed(sight: Sight, clicks: Clicks, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The answer so far with the things at the last click, or without them."""
    last, add = _cell(clicks, -1), bool(clicks.positive[-1])
    others = [k for k in range(len(clicks) - 1) if clicks.positive[k] != add and _cell(clicks, k) != last]
    masks, origins = things_at(sight, last, clicks.cells[others])
    return (previous | masks if add else previous & ~masks), origins


def _asked_anew(sight: Sight, clicks: Clicks, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the first positive click may have meant, now that one knows what it did not; within the answer so far."""
    masks, origins = things_at(sight, _cell(clicks, int(clicks.positive.argmax())), clicks.cells[~clicks.positive])
    masks &= previous
    masks[:, *_cell(clicks, -1)] = False
    return masks, origins


def _cell(clicks: Clicks, which: int) -> tuple[int, int]:
    row, column = clicks.cells[which]
    return int(row), int(column)
