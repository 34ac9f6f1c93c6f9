"""What can be said of a candidate mask in numbers: its border, its inside, its shape, its place, and the clicks.

Figures are shares and ratios rather than colours or pixels, for those are what carries over to another street.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import csr_matrix

from . import reading as r
from .network import CLASSES
from .reading import GRID_STEP, Reading
from .trees import COLOUR_STEP, COLOUR_WEIGHTS

REGION = (
    "log_area",
    *(
        f"cut_{m}"
        for m in ("strength", "faint", "weak", "clear", "strong", "step", "kind", "learned", "learned_clear", "unlike")
    ),
    *(f"inner_{m}" for m in ("strength", "faint", "clear", "strong", "step", "kind", "learned", "unlike")),
    "inner_clear_per_border",
    "inner_strong_per_border",
    "strength_over_photo",
    "strength_over_inner",
    "log_roughness",
    "contact",
    "box_fill",
    "log_aspect",
    "box_width",
    "box_height",
    "spread_l",
    "spread_a",
    "spread_b",
    "contrast",
    "texture",
    "fine",
    "middle_y",
    "ellipse_fill",
    "log_elongation",
    "slant",
    *(f"class_{name}" for name in CLASSES),
    "class_best",
    "class_entropy",
    "class_outside",
    "class_inside",
    "class_share",
    "likeness_spread",
)
CANDIDATE = ("kind", "persistence", "altitude")
CLICK = (
    "first_depth",
    "log_depth",
    "off_centre",
    "centred",
    "deepest",
    "negative_depth",
    "positives",
    "negatives",
    "colour_of_click",
    "class_of_click",
    "alike",
    "alike_missed",
    "alike_iou",
    "alike_against",
    *(f"clicked_{name}" for name in CLASSES),
)
OF_CHANGE = REGION[: REGION.index("contact") + 1]  # what is said of the part that the last click changed
CHANGE = (
    "changed_share",
    "kept_iou",
    "hit",
    *(f"change_{name}" for name in OF_CHANGE),
    "last_depth",
    "last_centred",
    "change_deepest",
    "change_class_of_last",
    "change_alike",
    "change_alike_missed",
    "change_alike_iou",
)
FIRST_FEATURES = REGION + CANDIDATE + CLICK
NEXT_FEATURES = FIRST_FEATURES + CHANGE
AUTO_FEATURES = REGION + CANDIDATE
FINE_CELLS = 64  # cells of the grid each way, from which on a mask is measured on a coarser one


@dataclass(frozen=True)
class Clicks:
    """Points in work pixels. xy: (N, 2) float. leaves: (N,) int. positive: (N,) bool."""

    xy: np.ndarray
    leaves: np.ndarray
    positive: np.ndarray

    def __len__(self) -> int:
        return len(self.leaves)

    def upto(self, count: int) -> Clicks:
        """The first `count` of them."""
        return Clicks(self.xy[:count], self.leaves[:count], self.positive[:count])


def areas(reading: Reading, masks: np.ndarray, within: np.ndarray | slice = np.s_[:]) -> np.ndarray:
    """(K,) float64 work pixels of masks (K, n) bool, or of what they have in common with one mask, (n,) bool."""
    return np.where(masks[:, within], reading.area[within], np.float32(0)).sum(axis=1, dtype=np.float64)


def as_sparse(masks: np.ndarray) -> csr_matrix:
    """(K, M) bool as a sparse matrix of ones.

    Sums over leaves are sparse products and not dense ones: those go to BLAS threads, which are no faster at
    this size, wait for each other when the machine is busy, and need not add up in the same order every time.
    """
    places = np.flatnonzero(masks)
    starts = np.concatenate([[0], np.cumsum(np.count_nonzero(masks, axis=1))])
    columns = places - np.repeat(np.arange(len(masks)) * masks.shape[1], np.diff(starts))
    return csr_matrix((np.ones(len(places)), columns, starts), masks.shape)


@dataclass(frozen=True, eq=False)
class Described:
    """Masks in numbers. masks: (K, n) bool. features: (K, len(REGION)) float32. members: their leaves, (K, n) ones.
    cut: the borders that they cut, (K, E) ones. sums: (K, 15 + C), `Reading.sums` over their leaves. box: see `boxes`.
    """

    masks: np.ndarray
    features: np.ndarray
    members: csr_matrix
    cut: csr_matrix
    sums: np.ndarray
    box: np.ndarray

    @property
    def radius(self) -> np.ndarray:
        """(K,) work pixels: of a circle as large as each mask."""
        return np.sqrt(np.maximum(self.sums[:, r.AREA], 1) / np.pi)


def describe(reading: Reading, masks: np.ndarray) -> Described:
    """What the masks (K, n) bool are like, whatever was clicked."""
    u, v = reading.ends
    of_leaf = np.ascontiguousarray(masks.T)  # whole rows are quicker to take
    cut = as_sparse(np.ascontiguousarray((of_leaf.take(u, axis=0) ^ of_leaf.take(v, axis=0)).T))
    members = as_sparse(masks)
    row, edge = np.repeat(np.arange(len(masks)), np.diff(cut.indptr)), cut.indices
    border = cut @ reading.edge_sums
    sums, around = members @ reading.sums, members @ reading.around
    inside = (around - border) / 2  # each edge within counts at both its leaves, each cut one at one
    whole = reading.whole
    area = sums[:, r.AREA] + 1e-9
    length = border[:, r.LENGTH] + 1e-6
    inner_length = inside[:, r.LENGTH] + 1
    mean = sums[:, r.LAB : r.LAB + 3] / area[:, None]
    spread = np.sqrt(np.maximum(sums[:, r.LAB2 : r.LAB2 + 3] / area[:, None] - mean**2, 0))
    rest = (whole[r.LAB : r.LAB + 3] - sums[:, r.LAB : r.LAB + 3]) / (whole[r.AREA] - area + 1)[:, None]
    x0, y0, x1, y1 = box = boxes(reading, members)
    wide, high = np.maximum(x1 - x0, 1), np.maximum(y1 - y0, 1)
    height, width = reading.work_size
    mx, my = sums[:, r.X] / area, sums[:, r.Y] / area
    vx = np.maximum(sums[:, r.XX] / area - mx * mx, 0.08) + 1 / 12
    vy = np.maximum(sums[:, r.YY] / area - my * my, 0.08) + 1 / 12
    vxy = sums[:, r.XY] / area - mx * my
    kinds = np.clip(sums[:, r.CLASS :] / area[:, None], 0, 1)
    best, rows = kinds.argmax(axis=1), np.arange(len(masks))
    first, second = u.take(edge), v.take(edge)
    inner = np.where(masks[row, first], first, second)
    weight = reading.edge_sums[edge, r.LENGTH]
    near, far = (
        np.bincount(row, weights=reading.classes[leaf, best[row]] * weight, minlength=len(masks))
        for leaf in (inner, first + second - inner)
    )
    strength = border[:, r.STRENGTH] / length
    inner_measures = [r.STRENGTH, r.FAINT, r.CLEAR, r.STRONG, r.STEP, r.KIND, r.LEARNED, r.UNLIKE]
    weighed = reading.likeness * reading.area[:, None]
    places, lengths = members @ weighed, members @ (weighed * reading.likeness).sum(axis=1)
    columns = [
        np.log(area / whole[r.AREA] + 1e-6),
        *(border[:, r.STRENGTH :] / length[:, None]).T,
        *(inside[:, inner_measures] / inner_length[:, None]).T,
        inside[:, r.CLEAR] / length,
        inside[:, r.STRONG] / length,
        strength / reading.typical_strength,
        np.log((strength + 0.02) / (inside[:, r.STRENGTH] / inner_length + 0.02)),
        np.log(length / np.sqrt(area)),
        sums[:, r.CONTACT] / (length + sums[:, r.CONTACT]),
        area / (wide * high),
        np.log(wide / high),
        wide / width,
        high / height,
        *spread.T,
        np.sqrt((((mean - rest) * COLOUR_WEIGHTS) ** 2).sum(axis=1)) / COLOUR_STEP,
        sums[:, r.TEXTURE] / area,
        sums[:, r.FINE] / area,
        my / height,
        np.log(area / (12 * np.sqrt(np.maximum(vx * vy - vxy**2, 0.01)))),
        np.log(vx / vy),
        vxy / np.sqrt(vx * vy),
        *kinds.T,
        kinds.max(axis=1),
        -(kinds * np.log(kinds + 1e-6)).sum(axis=1),
        far / length,
        near / length,
        sums[rows, r.CLASS + best] / np.maximum(whole[r.CLASS + best], 1),
        lengths / area - ((places / area[:, None]) ** 2).sum(axis=1),
    ]
    return Described(masks, np.stack(columns, axis=1).astype(np.float32), members, cut, sums, box)


def boxes(reading: Reading, members: csr_matrix) -> np.ndarray:
    """(4, K) float32, XYXY in work pixels around each mask, whose leaves are the ones in a row of (K, n); the far sides
    are just outside.
    """
    least = [
        _lowest(side.take(members.indices), members.indptr, np.float32(none))
        for side, none in zip(reading.sides, (65535, 65535, 0, 0), strict=True)
    ]
    return np.stack([*least[:2], *(1 - side for side in least[2:])])


def first_features(reading: Reading, masks: np.ndarray, origins: np.ndarray, clicks: Clicks) -> np.ndarray:
    """(K, len(FIRST_FEATURES)) float32. origins: (K, 3), see `candidates`."""
    return _click_features(reading, describe(reading, masks), origins, clicks)


def _click_features(reading: Reading, described: Described, origins: np.ndarray, clicks: Clicks) -> np.ndarray:
    sums, radius = described.sums, described.radius
    area = sums[:, r.AREA] + 1e-9
    good, bad = clicks.xy[clicks.positive], clicks.xy[~clicks.positive]
    anchor = int(np.argmax(clicks.positive))  # the first positive click, or the first of all
    leaf, (x, y) = clicks.leaves[anchor], clicks.xy[anchor]
    anchor_depth = _depth(reading, clicks.xy[anchor : anchor + 1], described.cut)
    depth = _depth(reading, good, described.cut) if len(good) > 1 else anchor_depth
    colour = (sums[:, r.LAB : r.LAB + 3] / area[:, None] - reading.lab[leaf]) * COLOUR_WEIGHTS
    wanted, unwanted = opinions(reading, clicks)
    columns = [
        anchor_depth / radius,
        np.log(depth + 1),
        np.hypot(sums[:, r.X] / area - x, sums[:, r.Y] / area - y) / radius,
        *_centred(reading, described, clicks.xy[anchor]),
        np.minimum(_depth(reading, bad, described.cut), 400) / radius if len(bad) else np.full(len(area), 9.0),
        np.full(len(area), len(good)),
        np.full(len(area), len(bad)),
        np.sqrt((colour**2).sum(axis=1)) / COLOUR_STEP,
        (sums[:, r.CLASS :] / area[:, None] * reading.classes[leaf]).sum(axis=1),
        *_agreement(reading, described, wanted),
        _agreement(reading, described, unwanted)[0],
        *np.repeat(reading.classes[leaf][:, None], len(area), axis=1),
    ]
    return np.concatenate([described.features, origins, np.stack(columns, axis=1)], axis=1).astype(np.float32)


def next_features(
    reading: Reading, masks: np.ndarray, origins: np.ndarray, clicks: Clicks, previous: np.ndarray
) -> np.ndarray:
    """(K, len(NEXT_FEATURES)) float32: the first features, and what the last click changed of the previous answer, (n,)
    bool.
    """
    described, change, leaf = describe(reading, masks), describe(reading, masks ^ previous), clicks.leaves[-1]
    area, before, common = described.sums[:, r.AREA], areas(reading, previous[None]), areas(reading, masks, previous)
    changed, hit = change.sums[:, r.AREA], change.masks[:, leaf]
    depth = _depth(reading, clicks.xy[-1:], change.cut)
    columns = [
        changed / (area + 1),
        common / (area + before - common + 1e-6),
        hit,
        *change.features[:, : len(OF_CHANGE)].T,
        np.where(hit, depth / change.radius, -1),
        *_centred(reading, change, clicks.xy[-1]),
        (change.sums[:, r.CLASS :] * reading.classes[leaf]).sum(axis=1) / (changed + 1e-6),
        *_agreement(reading, change, _could_change(reading, clicks, previous)),
    ]
    first = _click_features(reading, described, origins, clicks)
    return np.concatenate([first, np.stack(columns, axis=1).astype(np.float32)], axis=1)


def auto_features(reading: Reading, masks: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """(K, len(AUTO_FEATURES)) float32, without any click."""
    step = 256  # bounds the (K, E) arrays
    parts = [describe(reading, masks[k : k + step]).features for k in range(0, len(masks), step)]
    return np.concatenate([np.concatenate(parts), origins], axis=1).astype(np.float32)


def opinions(reading: Reading, clicks: Clicks) -> tuple[np.ndarray, np.ndarray]:
    """(n,) float32 each, in [0, 1]: how much a leaf is like one that was clicked for, and like one clicked against.

    The first gives way where the second is as sure.
    """
    good, bad = (
        np.max([reading.alike(leaf) for leaf in np.unique(clicks.leaves[side])], axis=0, initial=0)
        if side.any()
        else np.zeros(reading.count, np.float32)
        for side in (clicks.positive, ~clicks.positive)
    )
    return good * good / (good + bad + np.float32(1e-6)), bad


def _could_change(reading: Reading, clicks: Clicks, previous: np.ndarray) -> np.ndarray:
    """(n,) float32: like the last click, and something that it can add or take away."""
    return reading.alike(clicks.leaves[-1]) * (previous != clicks.positive[-1])


def _agreement(reading: Reading, masks: Described, chance: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of masks with leaves that belong to it by chance (n,): the mean chance inside, how much of all chance is left
    outside, and the IoU to expect; (K,) each.
    """
    hoped = reading.area * chance
    whole, area = float(hoped.sum()) + 1e-6, masks.sums[:, r.AREA] + 1e-6
    common = masks.members @ hoped
    return common / area, 1 - common / whole, common / (area + whole - common)


def _depth(reading: Reading, xy: np.ndarray, cut: csr_matrix) -> np.ndarray:
    """(K,) float32: how far the borders that each mask cuts are from the nearest of points (N, 2); 10000 for none."""
    if not cut.nnz:
        return np.full(cut.shape[0], np.float32(1e4))
    x, y = reading.border_x.astype(np.float32), reading.border_y.astype(np.float32)
    nearest = np.min([(x - px) ** 2 + (y - py) ** 2 for px, py in xy.astype(np.float32)], axis=0)
    distance = np.sqrt(np.minimum.reduceat(nearest, reading.border_first))
    return _lowest(distance[cut.indices], cut.indptr, np.float32(1e4))


def _centred(reading: Reading, described: Described, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How deep a point lies in each mask, as a share of the deepest there is, and that one in radii of the mask; (K,)
    each. People click in the middle of what they mean. The photo's rim is a border here. Large masks are seen on a
    coarser grid, of which the point is one.
    """
    column, row = (xy / GRID_STEP).astype(int)
    in_mask = described.masks.view(np.uint8)
    here, deepest = np.zeros(len(in_mask)), np.ones(len(in_mask))
    for k, (x0, y0, x1, y1) in enumerate((described.box / GRID_STEP).astype(int).T):
        if x1 < x0:
            continue  # an empty mask
        step = 1 + min(x1 - x0, y1 - y0) // FINE_CELLS
        left, top = x0 + (column - x0) % step, y0 + (row - y0) % step
        cells = in_mask[k].take(reading.grid[top : y1 + 1 : step, left : x1 + 1 : step])
        framed = cv2.copyMakeBorder(cells, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)
        deepest[k] = max(step * depth.max(), 1)
        if y0 <= row <= y1 and x0 <= column <= x1:
            here[k] = step * depth[(row - top) // step + 1, (column - left) // step + 1]
    return here / deepest, deepest * GRID_STEP / described.radius


def _lowest(values: np.ndarray, starts: np.ndarray, none: np.float32) -> np.ndarray:
    """(K,) the least of each run of values, from one of the starts (K + 1,) to the next; `none` for an empty run."""
    least = np.minimum.reduceat(np.append(values, none), starts[:-1])
    return np.where(np.diff(starts) > 0, least, none)
