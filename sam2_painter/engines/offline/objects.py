"""Everything in a photo at once: single things, and all of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import cv2
import numpy as np

from .answers import Answers, likeliest, tidy
from .candidates import Clicks
from .reading import Reading
from .scorer import Scorer
from .surfaces import CLASSES

SMALLEST = 10  # cells: no smaller part is looked at
MOST_SEEDS = 120
MARGIN = 12  # cells around a small part that are looked at with it
LARGE = 0.04  # of the photo: a part may be several surfaces, and has a seed for each so much of it
MOST_IN_PART = 5
SURE = 0.57  # the chance from which on a leaf is taken for a wall
THREADS = 2  # as many as the network's

Window = tuple[int, int, int, int]  # of cells: top, bottom, left, right


def seeds(reading: Reading) -> list[tuple[tuple[int, int], tuple[int, int, int, int]]]:
    """Cells deep inside each part of one class, and the part's box: top, left, bottom, right; large parts first."""
    sight = reading.sight
    found: list[tuple[int, tuple[int, int], tuple[int, int, int, int]]] = []
    for kind in range(len(CLASSES)):
        same = (sight.kind == kind).astype(np.uint8)
        count, parts, stats, _ = cv2.connectedComponentsWithStats(same, connectivity=4)
        depth = cv2.distanceTransform(cv2.copyMakeBorder(same, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)
        for part in range(1, count):
            left, top, wide, high, area = (int(v) for v in stats[part])
            if area < SMALLEST:
                continue
            box = (top, left, top + high, left + wide)
            here = np.s_[top : top + high, left : left + wide]
            deep = np.where(parts[here] == part, depth[1:-1, 1:-1][here], 0)
            for _ in range(1 + min(MOST_IN_PART - 1, int(area / (LARGE * same.size)))):
                row, column = (int(v) for v in np.unravel_index(int(deep.argmax()), deep.shape))
                if deep[row, column] <= 0:
                    break
                found.append((area, (top + row, left + column), box))
                apart = max(high, wide) // 4 + 1
                deep[max(0, row - apart) : row + apart + 1, max(0, column - apart) : column + apart + 1] = 0
    found.sort(key=lambda seed: -seed[0])
    return [(cell, box) for _, cell, box in found[:MOST_SEEDS]]


def every_answer(
    reading: Reading,
    scorers: Mapping[str, Scorer],
    told: Callable[[float], None],
    least: tuple[float, float] = (0.0, 0.0),
    most: int = 3,
) -> Answers:
    """The answers to a click on each seed, at most so many to each. least: the IoU to expect and the stability from
    which on one counts.
    """

    def ask(part: tuple[Window, list[tuple[int, int]]]) -> list[Answers]:
        window, cells = part
        return list(_answers(reading, scorers, window, cells, least, most))

    found = [Answers(np.zeros((0, reading.count), bool), np.zeros(0), np.zeros(0))]
    parts = _parts(reading)
    pool = ThreadPoolExecutor(THREADS)
    try:
        for number, answers in enumerate(pool.map(ask, parts)):
            found += answers
            told((number + 1) / len(parts))
    finally:
        pool.shutdown(cancel_futures=True)
    return Answers(*(np.concatenate(part) for part in zip(*(vars(one).values() for one in found), strict=True)))


def _parts(reading: Reading) -> list[tuple[Window, list[tuple[int, int]]]]:
    """The seeds by the window in which they are looked at."""
    height, width = reading.cells_hw

    def window(seed: tuple[tuple[int, int], tuple[int, int, int, int]]) -> Window:
        top, left, bottom, right = seed[1]
        margin = MARGIN + max(bottom - top, right - left) // 2
        return max(0, top - margin), min(height, bottom + margin), max(0, left - margin), min(width, right + margin)

    return [(where, [cell for cell, _ in some]) for where, some in groupby(seeds(reading), window)]


def _answers(
    reading: Reading,
    scorers: Mapping[str, Scorer],
    window: Window,
    cells: list[tuple[int, int]],
    least: tuple[float, float],
    most: int,
) -> Iterator[Answers]:
    """Those to a click on each of some cells of a window; see `every_answer`."""
    top, bottom, left, right = window
    sight = reading.sight.window(slice(top, bottom), slice(left, right))
    for row, column in cells:
        click = Clicks(np.array([[row - top, column - left]]), np.ones(1, bool))
        masks, ious, stability = (part[:most] for part in likeliest(sight, scorers, click, None))
        good = (ious >= least[0]) & (stability >= least[1])
        whole = np.zeros((int(good.sum()), *reading.cells_hw), bool)
        whole[:, top:bottom, left:right] = masks[good]
        yield Answers(reading.of_cells(whole), ious[good], stability[good])


def all_of_a_kind(reading: Reading, kind: int) -> np.ndarray:
    """(n,) bool: every leaf of a class; of walls only what is surely one, for paint on a neighbour's trim is worse than
    a wall that lacks a corner.
    """
    of_kind = reading.classes[:, kind] > SURE if CLASSES[kind] == "wall" else reading.classes.argmax(axis=1) == kind
    tidied: np.ndarray = tidy(reading, of_kind[None])[0]
    return tidied
