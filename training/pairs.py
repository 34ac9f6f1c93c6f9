"""Which pixels of a crop are compared, to learn what is of one thing."""

from __future__ import annotations

import numpy as np

from sam2_painter.engines.offline.surfaces import CLASSES

from .data import BUILDING, BUILDING_CLASSES, UNKNOWN

ANCHORS, OTHERS, NEAR = 26, 320, 30  # pixels of a crop that are compared with others; NEAR is in cells
WALL = CLASSES.index("wall")
REPEATED = tuple(CLASSES.index(name) for name in ("window", "vegetation", "shutter", "trim"))
TWIN_WEIGHT = 0.25  # of two pixels in different things of a repeated kind: they do look alike
RIVAL_WEIGHT = 5.0  # of two pixels in walls of different paint: there are few, and a click must tell them


def pairs(rng: np.random.Generator, classes: np.ndarray, paints: np.ndarray, things: np.ndarray) -> tuple:
    """What to compare in a crop: (anchors (A,), others (A, OTHERS), alike (A, OTHERS), weights (A, OTHERS)).

    Indices into the flat map. Pixels are alike that are of one paint and kind. Half of the others are anywhere, half
    near the anchor. Of each anchor, what is alike weighs as much as what is not.
    """
    height, width = classes.shape
    ids = np.where(np.isin(classes, BUILDING_CLASSES) & (paints > 0), paints, things)
    names, inverse, counts = np.unique(ids, return_inverse=True, return_counts=True)
    chance = np.sqrt(counts) * (names > 0)
    if not chance.any():
        nothing = np.zeros((ANCHORS, OTHERS))
        return np.zeros(ANCHORS, np.int64), nothing.astype(np.int64), nothing.astype(bool), nothing
    order, starts = np.argsort(inverse.ravel(), kind="stable"), np.cumsum(counts) - counts
    chosen = rng.choice(len(names), ANCHORS, p=chance / chance.sum())
    anchors = order[starts[chosen] + (rng.random(ANCHORS) * counts[chosen]).astype(int)]
    y, x = np.divmod(anchors, width)
    others = rng.integers(height * width, size=(ANCHORS, OTHERS))
    half = (ANCHORS, OTHERS // 2)
    near_y = np.clip(y[:, None] + rng.normal(0, NEAR, half), 0, height - 1).astype(int)
    near_x = np.clip(x[:, None] + rng.normal(0, NEAR, half), 0, width - 1).astype(int)
    others[:, : OTHERS // 2] = near_y * width + near_x
    kinds, flat, fine = classes.ravel(), ids.ravel(), things.ravel()
    alike = (flat[others] == flat[anchors][:, None]) & (kinds[others] == kinds[anchors][:, None])
    of_a_kind = ~alike & (kinds[others] == kinds[anchors][:, None])
    twins = of_a_kind & np.isin(kinds[anchors], REPEATED)[:, None]
    rivals = of_a_kind & (kinds[anchors] == WALL)[:, None]
    unknown = (fine[others] == UNKNOWN) & (
        np.isin(kinds[anchors], BUILDING_CLASSES)[:, None] | (kinds[others] != BUILDING)
    )
    weights = np.select([twins, rivals], [TWIN_WEIGHT, RIVAL_WEIGHT], 1.0) * ~unknown
    for side in (alike, ~alike):
        weights /= np.where(side, np.maximum((weights * side).sum(axis=1, keepdims=True), 1e-6), 1)
    return anchors, others, alike, weights
