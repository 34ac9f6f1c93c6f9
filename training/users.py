"""Simulated people: what they want in a crop, where they click, and what they click next."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from sam2_painter.engines.offline.surfaces import CLASSES

from .data import BUILDING, BUILDING_CLASSES, GLAZED, GLAZED_CLASSES, IGNORED

WALL = CLASSES.index("wall")
OFTEN = {"wall": 7.0, "window": 2.5, "roof": 2.0, "door": 1.7, "trim": 1.7, "shutter": 1.7, "eaves": 1.5}  # others: 0.7
SMALLEST = 6  # cells
LARGE = 150  # cells: larger surfaces are wanted no more often than those
MIDDLE = 0.25  # of the clicks are right in the middle, the others anywhere
CARELESS = 0.1  # of those may be on the very border


@dataclass(eq=False)
class Wish:
    """What a click may mean. answers: (3, h, w) bool: the surface, all of its paint, all of its kind. known: the same
    shape, where that is sure. cells, positive: the clicks so far. before: (h, w) bool or None, the answer so far.
    """

    answers: np.ndarray
    known: np.ndarray
    cells: list[tuple[int, int]] = field(default_factory=list)
    positive: list[bool] = field(default_factory=list)
    before: np.ndarray | None = None

    def insist(self, which: int) -> None:
        """From the second click on it is one of the three that is wanted, whichever answer shows it."""
        self.answers[:] = self.answers[which]
        self.known[:] = self.known[which]

    def correct(self, rng: np.random.Generator, answer: np.ndarray) -> bool:
        """See an answer (h, w) bool and click what is most wrong. False when nothing is."""
        truth, known = self.answers[0], self.known[0]
        lacks, exceeds = truth & ~answer & known, answer & ~truth & known
        depths = [_depth(error) for error in (lacks, exceeds)]
        add = depths[0].max() >= depths[1].max()
        depth = depths[0] if add else depths[1]
        if depth.max() <= 1:
            return False
        least = 1.0 if rng.random() < 0.6 else 0.3
        ys, xs = np.nonzero(depth >= least * depth.max())
        k = rng.integers(len(ys))
        self.cells.append((int(ys[k]), int(xs[k])))
        self.positive.append(bool(add))
        self.before = answer
        return True


def wish(rng: np.random.Generator, classes: np.ndarray, things: np.ndarray, paints: np.ndarray) -> Wish | None:
    """Something in a crop, clicked once; None when nothing is known there. All (h, w), as `data.Truth` has them."""
    usable = (things > 0) & (classes < BUILDING)
    ids, counts = np.unique(things[usable], return_counts=True)
    ids = ids[counts >= SMALLEST]
    if not len(ids):
        return None
    sizes = dict(zip(*np.unique(things, return_counts=True), strict=True))
    order = np.argsort(things, axis=None, kind="stable")
    starts = np.searchsorted(things.ravel()[order], ids)
    kind_of = classes.ravel()[order[starts]]
    kinds = np.unique(kind_of[kind_of < BUILDING])
    if not len(kinds):
        return None
    chance = np.array([OFTEN.get(CLASSES[kind], 0.7) for kind in kinds])
    kind = rng.choice(kinds, p=chance / chance.sum())
    some = ids[kind_of == kind]
    weight = np.sqrt([min(sizes[k], LARGE) for k in some])
    thing = rng.choice(some, p=weight / weight.sum())
    surface = things == thing
    cell = _point(rng, surface)
    same_kind = classes == kind
    paint = paints[cell]
    painted = (paints == paint) & same_kind if paint > 0 and kind in BUILDING_CLASSES else surface
    known = np.broadcast_to(classes != IGNORED, (3, *classes.shape)).copy()
    if kind in BUILDING_CLASSES:
        known &= classes != BUILDING
    if kind in GLAZED_CLASSES:
        known[2] &= classes != GLAZED
    if kind != WALL:  # whether two doors have one paint is rarely told
        known[1] &= ~same_kind | painted
    known |= surface
    return Wish(np.stack([surface, painted | surface, same_kind | surface]), known, [cell], [True])


def _point(rng: np.random.Generator, inside: np.ndarray) -> tuple[int, int]:
    depth = _depth(inside)
    if rng.random() < MIDDLE:
        least = depth.max()
    else:
        least = 0.5 if rng.random() < CARELESS else min(1.5, depth.max())
    ys, xs = np.nonzero(depth >= least)
    k = rng.integers(len(ys))
    return int(ys[k]), int(xs[k])


def _depth(inside: np.ndarray) -> np.ndarray:
    return cv2.distanceTransform(np.pad(inside.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
