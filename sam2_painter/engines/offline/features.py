"""What can be said of a candidate mask in numbers: its border, its inside, its shape, its place, and the clicks.

Figures are shares and ratios rather than colours or pixels, for those are what carries over to another street.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .candidates import SHADE_STEP, Clicks, alike_any, colours_away, connected, refined_place
from .network import COLOUR_STEP, Sight
from .surfaces import CLASSES

INSIDE = (
    "log_area",
    *(f"class_{name}" for name in CLASSES),
    "border_inside",
    "spread_l",
    "spread_a",
    "spread_b",
    "cut_border",
    "cut_clear",
    "cut_unlike",
    "cut_colour",
    "inner_clear",
    "roughness",
    "rim",
    "wide",
    "high",
    "box_fill",
    "elongation",
)
ALIKENESS = ("alike_inside", "alike_missed", "alike_iou")
FIRST_FEATURES = (
    *INSIDE,
    *ALIKENESS,
    *(f"refined_{name}" for name in ALIKENESS),
    *(f"area_{name}" for name in ALIKENESS),
    *(f"{name}_{agreed}" for name in ("hue", "shade") for agreed in ALIKENESS),
    "against",
    "depth",
    "off_centre",
    "colour_l",
    "colour_a",
    "colour_b",
    *(f"clicked_{name}" for name in CLASSES),
    "clicked_border",
    "kind",
    "threshold",
    "positives",
    "negatives",
)
NEXT_FEATURES = (
    *FIRST_FEATURES,
    "changed_share",
    *(f"change_{name}" for name in (*INSIDE, *ALIKENESS, "depth")),
)


PIECE = 64  # columns of a product at a time
RESULTS = 4096  # of it at a time: for 64 times as many products BLAS starts no threads yet


@dataclass(frozen=True, eq=False)
class Described:
    """Masks in numbers. features: (K, len(INSIDE)) float32. area: (K,), cells. middle: (K, 2), row and column. colour:
    (K, 3), mean Lab in COLOUR_STEPs. sums: (K, M), of the fields that were given along.
    """

    features: np.ndarray
    area: np.ndarray
    middle: np.ndarray
    colour: np.ndarray
    sums: np.ndarray


def _sums(masks: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """(K, M): the sum of fields (M, ...) over each of some masks (K, ...) bool."""
    return product(masks.reshape(len(masks), -1).astype(np.float32), fields.reshape(len(fields), -1))


def product(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(K, M): one (K, N) times the transpose of another (M, N), for K and M of some hundreds and a large N.

    In pieces, for which BLAS starts no threads: those are no faster at this size, wait for each other when the machine
    is busy, and need not add up in the same order every time.
    """
    rows = max(1, RESULTS // max(1, len(other)))
    if len(one) > rows:
        return np.concatenate([product(one[k : k + rows], other) for k in range(0, len(one), rows)])
    count = one.shape[1] // PIECE
    whole = count * PIECE
    pieces = one[:, :whole].reshape(len(one), count, PIECE).transpose(1, 0, 2)
    others = other[:, :whole].reshape(len(other), count, PIECE).transpose(1, 2, 0)
    summed: np.ndarray = (pieces @ others).sum(axis=0) + one[:, whole:] @ other[:, whole:].T
    return summed


def describe(sight: Sight, masks: np.ndarray, *chances: np.ndarray) -> Described:
    """What masks (K, h, w) bool are like, whatever was clicked; chances: fields (h, w) to sum up over them."""
    height, width = sight.size
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    lab = sight.lab / COLOUR_STEP.reshape(3, 1, 1)
    rim = np.zeros(sight.size, np.float32)
    for side in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        rim[side] = 1
    cut, around = np.zeros((len(masks), 5)), np.zeros((2, height, width), np.float32)
    for steps, one, other in (
        (sight.steps[0], np.s_[..., :-1], np.s_[..., 1:]),
        (sight.steps[1], np.s_[..., :-1, :], np.s_[..., 1:, :]),
    ):
        between = np.concatenate([np.ones((1, *steps.shape[1:]), np.float32), steps])
        cut += _sums(masks[one] ^ masks[other], between)
        for side in (one, other):
            around[side] += between[[0, 2]]
    first = np.stack([np.ones_like(ys), ys, xs, rim, sight.border, *around])
    fields = np.concatenate([first, lab, lab**2, sight.kinds, *(chance[None] for chance in chances)])
    sums = _sums(masks, fields)
    area = np.maximum(sums[:, 0], 1e-6)
    means = sums / area[:, None]
    colour, kinds = means[:, 7:10], means[:, 13 : 13 + len(CLASSES)]
    spread = np.sqrt(np.maximum(means[:, 10:13] - colour**2, 0))
    inner = (sums[:, 5:7] - cut[:, [0, 2]]) / 2  # neighbours within a mask are counted from both sides
    length = np.maximum(cut[:, 0], 1)
    high, wide = (_extent(np.any(masks, axis=axis)) for axis in (2, 1))
    parts = [
        np.log(area / (height * width)),
        *kinds.T,
        means[:, 4],
        *spread.T,
        *(cut[:, 1:] / length[:, None]).T,
        inner[:, 1] / np.maximum(inner[:, 0], 1),
        length / np.sqrt(area),
        sums[:, 3] / (length + sums[:, 3]),
        wide / width,
        high / height,
        area / (wide * high),
        np.log(wide / high),
    ]
    features = np.stack(parts, axis=1).astype(np.float32)
    return Described(features, area, means[:, 1:3], colour, sums[:, 13 + len(CLASSES) :])


def _extent(some: np.ndarray) -> np.ndarray:
    """(K,) int: from the first to the last of each row (K, N) bool that is true; 1 for a row without any."""
    whole = some.shape[1] - some.argmax(axis=1) - some[:, ::-1].argmax(axis=1)
    return np.where(some.any(axis=1), whole, 1)


def _agreement(common: np.ndarray, area: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """(3, K): of masks with cells that belong by chance (h, w): the mean chance inside, how much of all chance is left
    outside, and the IoU to expect. common: (K,), the chance that each mask holds.
    """
    whole = float(chance.sum()) + 1e-6
    return np.stack([common / area, 1 - common / whole, common / (area + whole - common)])


def _depth(masks: np.ndarray, area: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(K,): how far the nearest of cells (N, 2) is from what is outside each mask, in radii of the mask."""
    height, width = masks.shape[1:]
    rows, columns = np.arange(height)[:, None], np.arange(width)
    nearest = np.min([(rows - r) ** 2 + (columns - c) ** 2 for r, c in cells], axis=0).astype(np.float32)
    distance = np.where(masks, np.float32(1e6), nearest).reshape(len(masks), -1).min(axis=1)
    depth: np.ndarray = np.sqrt(np.minimum(distance, area)) / np.sqrt(area / np.pi)
    return depth


def first_features(sight: Sight, masks: np.ndarray, origins: np.ndarray, clicks: Clicks) -> np.ndarray:
    """(K, len(FIRST_FEATURES)) float32. masks, origins: see `candidates`."""
    good, bad = clicks.cells[clicks.positive], clicks.cells[~clicks.positive]
    row, column = (int(v) for v in (good if len(good) else bad)[0])
    own = sight.lab[:, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].mean(axis=(1, 2)) / COLOUR_STEP
    alike = alike_any(sight, good)
    refined = sight.alike(refined_place(sight, (row, column), alike))
    part = connected(sight.kind == sight.kind[row, column], (row, column)).astype(np.float32)
    of_colour = [np.exp(-colours_away(sight, (row, column), step) / 2) for step in (COLOUR_STEP, SHADE_STEP)]
    found = describe(sight, masks, alike, refined, part, *of_colour, alike_any(sight, bad))
    parts = [
        *found.features.T,
        *(
            figure
            for k, chance in enumerate((alike, refined, part, *of_colour))
            for figure in _agreement(found.sums[:, k], found.area, chance)
        ),
        found.sums[:, -1] / found.area,
        _depth(masks, found.area, good if len(good) else bad),
        np.hypot(found.middle[:, 0] - row, found.middle[:, 1] - column) / np.sqrt(found.area / np.pi),
        *np.abs(found.colour - own).T,
        *np.repeat(sight.kinds[:, row, column][:, None], len(masks), axis=1),
        np.full(len(masks), sight.border[row, column]),
        *origins.T,
        np.full(len(masks), len(good)),
        np.full(len(masks), len(bad)),
    ]
    return np.stack(parts, axis=1).astype(np.float32)


def next_features(
    sight: Sight, masks: np.ndarray, origins: np.ndarray, clicks: Clicks, previous: np.ndarray
) -> np.ndarray:
    """(K, len(NEXT_FEATURES)) float32: the first features, and what the last click changed of the previous answer."""
    could = alike_any(sight, clicks.cells[-1:]) * (previous != clicks.positive[-1])
    change = masks ^ previous
    found = describe(sight, change, could)
    parts = [
        found.area / np.maximum(masks.sum(axis=(1, 2)), 1),
        *found.features.T,
        *_agreement(found.sums[:, 0], found.area, could),
        _depth(change, found.area, clicks.cells[-1:]),
    ]
    first = first_features(sight, masks, origins, clicks)
    return np.concatenate([first, np.stack(parts, axis=1).astype(np.float32)], axis=1)
