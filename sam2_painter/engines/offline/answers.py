"""What clicks mean: the likeliest candidates as choices of leaves, with what was promised about them.

A mask is (n,) bool over the leaves of a reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .candidates import Clicks, click_candidates
from .features import first_features, next_features, product
from .network import Sight
from .pieces import Pieces, pieces_of
from .reading import Reading
from .scorer import Scorer
from .surfaces import CLASSES

WALL = CLASSES.index("wall")
PINHOLE = 0.0005  # of the photo: smaller holes are filled ...
SPECK = 0.02  # of the mask: smaller loose parts are dropped
# What comes true of what the scorers expect: new photos are harder than crops of those they learned from. Both figures
# are of held-out photos (`benchmarks/masks.py` prints how it stands).
SLOPE, SHIFT = 0.74, 0.025
# The scorers learn from crops, which show less than photos do, so that things fill more of them: of a photo they expect
# too much of large candidates, and of scraps of a wall. For each e-fold of area outside these shares of the photo so
# much is taken off.
LARGE, TOO_LARGE = 0.1, 0.025
SCRAP, TOO_SMALL = 0.02, 0.05
ALIKE = (0.7, 0.85)  # IoU: the three that are offered share no more, or at least no more than that


@dataclass(frozen=True, eq=False)
class Points:
    """Clicks on a reading. clicks: their cells. leaves: (N,) int, the leaf under each."""

    clicks: Clicks
    leaves: np.ndarray

    def __len__(self) -> int:
        return len(self.leaves)

    def upto(self, count: int) -> Points:
        """The first `count` of them."""
        return Points(self.clicks.upto(count), self.leaves[:count])


@dataclass(frozen=True, eq=False)
class Answers:
    """K masks, best first. masks: (K, n) bool. ious: (K,) float, the IoU to expect. stability: (K,) float in [0, 1],
    how little the border of each would move if one asked for a little more or less.
    """

    masks: np.ndarray
    ious: np.ndarray
    stability: np.ndarray

    def only(self, which: np.ndarray) -> Answers:
        """Some of them, by index."""
        return Answers(self.masks[which], self.ious[which], self.stability[which])


def answer(
    reading: Reading, scorers: Mapping[str, Scorer], points: Points, previous: np.ndarray | None = None
) -> Answers:
    """Up to three answers to clicks after the answer `previous`, (n,) bool, to all of them but the last.

    Every answer holds every positive leaf and no negative one. After an answer, a positive click only adds to it and a
    negative one only takes away. A first click that is negative asks for everything but what the same positive one
    would select.
    """
    sight, clicks = reading.sight, points.clicks
    if previous is None:
        inverted = not clicks.positive[0]
        asked = Clicks(clicks.cells, ~clicks.positive) if inverted else clicks
        masks, ious, stability = likeliest(sight, scorers, asked, None)
        chosen = reading.of_cells(masks)
        masks = ~chosen if inverted else chosen
    else:
        before = reading.in_cells(previous) > 0.5
        cells, ious, stability = likeliest(sight, scorers, clicks, before)
        masks = reading.of_cells(cells)
    kept = keep_promises(tidy(reading, masks), points, previous)
    return Answers(kept, ious, stability)


def likeliest(
    sight: Sight, scorers: Mapping[str, Scorer], clicks: Clicks, before: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Up to three candidates that differ, best first: masks (K, h, w) bool, the IoU to expect and stability, (K,)."""
    masks, origins = click_candidates(sight, clicks, before)
    if before is None:
        scores = scorers["first"](first_features(sight, masks, origins, clicks)) - unusual(sight, masks, clicks)
    else:
        scores = scorers["next"](next_features(sight, masks, origins, clicks, before))
    some = masks[:, ::2, ::2].reshape(len(masks), -1)  # one cell in four tells as well
    shared = overlaps(some, np.ones(some.shape[1], np.float32))
    best = that_differ(shared, scores)
    return masks[best], expected_iou(scores[best]), stability_of(origins, shared)[best]


def unusual(sight: Sight, masks: np.ndarray, clicks: Clicks) -> np.ndarray:
    """(K,) what the size of each mask (K, h, w), an answer to a first click, takes off its score."""
    shares = masks.mean(axis=(1, 2))
    off: np.ndarray = TOO_LARGE * np.log(np.maximum(shares / LARGE, 1))
    if sight.kind[tuple(clicks.cells[0])] == WALL:
        off += TOO_SMALL * np.log(np.maximum(SCRAP / shares, 1))
    return off


def expected_iou(scores: np.ndarray) -> np.ndarray:
    """(K,) in [0, 1]: the IoU to expect of candidates that were given these scores."""
    return np.clip(SLOPE * scores + SHIFT, 0, 1)


def stability_of(origins: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """(K,) in [0, 1]: the IoU of each candidate with the least like of those of its kind at the next thresholds; 1
    without any. origins: (K, 2), see `candidates`. shared: (K, K), see `overlaps`.
    """
    kind, threshold = origins.T
    same = kind[:, None] == kind
    rank = (threshold[:, None] > threshold).astype(int)
    place = (rank * same).sum(axis=1)
    near = same & (np.abs(place[:, None] - place) == 1)
    stable: np.ndarray = np.where(near, shared, 1.0).min(axis=1)
    return stable


def keep_promises(masks: np.ndarray, points: Points, previous: np.ndarray | None) -> np.ndarray:
    """Masks (K, n) made to keep the promises of `answer`. A leaf with both kinds of click is in (and cut by pixels
    later).
    """
    positive = points.clicks.positive
    if previous is not None:
        masks = masks | previous if positive[-1] else masks & previous
    masks = masks.copy()
    masks[:, points.leaves[~positive]] = False
    masks[:, points.leaves[positive]] = True
    return masks


def overlaps(masks: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """(K, K) float: the IoU of each two masks (K, n) of things that have areas (n,)."""
    inside = masks.astype(np.float32)
    common = product(inside * areas, inside)
    area = np.diagonal(common)
    shared: np.ndarray = common / np.maximum(area[:, None] + area - common, 1e-6)
    return shared


def that_differ(shared: np.ndarray, scores: np.ndarray, most: int = 3) -> np.ndarray:
    """Indices of the best of some masks and up to two more, best first: as different from each other as there are."""
    order = np.argsort(-scores, kind="stable")
    picked = [int(order[0])]
    for alike in ALIKE:
        for k in order:
            if len(picked) == most:
                break
            if (shared[k, picked] <= alike).all():
                picked.append(int(k))
    return np.array(sorted(picked, key=lambda k: -scores[k]), int)


def tidy(reading: Reading, masks: np.ndarray) -> np.ndarray:
    """(K, n) bool masks without pinholes and loose specks."""
    pieces = pieces_of(reading, masks)
    sizes, touches = _sizes(pieces, ~pieces.masks)
    filled = pieces.masks | (~touches & (sizes < PINHOLE * pieces.areas.sum()))
    sizes, _ = _sizes(pieces, filled)
    least = SPECK * np.where(filled, pieces.areas, 0).sum(axis=1)
    tidied: np.ndarray = filled & (sizes >= np.minimum(least, sizes.max(axis=1))[:, None])
    return tidied[:, pieces.of_leaf]


def _sizes(pieces: Pieces, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each piece in masks (K, m): the work pixels of the connected part it belongs to, (K, m), 0 outside; and, (K,
    m) bool, whether that part reaches the photo's rim.
    """
    name = pieces.parts(masks).ravel()
    size = np.bincount(name, np.where(masks, pieces.areas, 0).ravel())[name]
    rim = np.bincount(name, (masks & pieces.rim).ravel())[name] > 0
    return size.reshape(masks.shape), rim.reshape(masks.shape)
