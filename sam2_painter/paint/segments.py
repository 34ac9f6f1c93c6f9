"""The colours of a wall on a small picture: which pixels are alike, and what changes where two of them meet.

Everything is measured in *features*: ln luminance, hue from warm to cool, hue across it. At a common border the light
on both sides is the same, so a step of the features there is a step of the paint; all over a wall it is mostly light.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from .srgb import ACROSS, LUMINANCE, WARM_COOL

CLUSTERS = 12
SAMPLES = 4000  # pixels that the clusters are made from
FLOOR = 0.008  # linear light; hue below it is noise
SCALE = np.array([0.5, 0.10, 0.10], np.float32)  # how far colours of one paint spread: ln luminance, hue, hue

REACH = 4  # pixels of the small picture: so far from a border the light is taken for the same
WIDE = 11  # pixels of the small picture: trim is narrower
CROSS = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
SEEN = 0.06  # of the square of `REACH`: less of a group near a pixel tells too little
SHORTEST = 12  # pixels of border; fewer say nothing


@dataclass(frozen=True)
class Step:
    """What changes from a first group of pixels to a second where they meet.

    length: pixels of common border. change: (C,) median of first minus second, of the features and what else was
    given. touch: pixels within two of both. close: the part of the larger one, grown by five pixels, that is as close
    to the other. spread: of the change of ln luminance along the border. soft: a broad strip lies between them, as in
    the edge of a far shadow. thin: along which part of the border the first, the second is narrower than `WIDE`; strip:
    the same with what is of a like colour taken together (trim is a strip, a brick is not). above: 1 where the first
    lies above the second, -1 below it, 0 beside it or both. woven: both lie so close together everywhere that they are
    the texture of one wall, as bricks and mortar are.
    """

    length: int
    change: np.ndarray
    touch: int
    close: float
    spread: float
    soft: bool
    thin: tuple[float, float]
    strip: tuple[float, float]
    above: float
    woven: bool


def features(linear: np.ndarray) -> np.ndarray:
    """(h, w, 3) linear light -> (h, w, 3) ln luminance, hue from warm to cool, hue across it."""
    logs = np.log(linear + FLOOR)
    luminance = np.log(cv2.transform(linear, LUMINANCE.reshape(1, 3)) + FLOOR)
    axes = np.stack([WARM_COOL, ACROSS]) @ np.array([[1, -1, 0], [0, -1, 1]], np.float32)
    return np.dstack([luminance, cv2.transform(logs, axes.astype(np.float32))])


def box_mean(values: np.ndarray, radius: int) -> np.ndarray:
    """Mean of the square of 2 * radius + 1 pixels around each."""
    return cv2.blur(values, (2 * radius + 1,) * 2, borderType=cv2.BORDER_REPLICATE)


def unmixed(feature: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(h, w) bool: the pixels inside that show one thing alone.

    Left out are the outermost ones, which hold some of what is beside the wall, and those in the middle of a steep
    slope of colour: mixtures would chain the two paints they are made of.
    """
    core = cv2.erode(inside.view(np.uint8), CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=1) > 0
    scaled = feature / SCALE
    window = np.ones((5, 5), np.uint8)
    steepest, place = np.zeros(inside.shape, np.float32), np.zeros(inside.shape, np.float32)
    for channel in cv2.split(scaled):
        high = cv2.dilate(np.where(core, channel, np.float32(-99)), window)
        low = cv2.erode(np.where(core, channel, np.float32(99)), window)
        span = high - low
        steeper = span > steepest
        np.copyto(place, (channel - low) / np.maximum(span, np.float32(1e-3)), where=steeper)
        np.copyto(steepest, span, where=steeper)
    slope = core & (steepest > 1.2) & (place > 0.2) & (place < 0.8)
    return core & ~slope if slope.sum() < 0.6 * core.sum() else core


def cluster(feature: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """K-means of the features inside: (h, w) int8, the cluster of each pixel (-1 outside), and (K, 3) centres."""
    scaled = feature / SCALE
    wall = scaled[inside]
    rng = np.random.default_rng(0)
    sample = wall[rng.integers(len(wall), size=min(SAMPLES, len(wall)))]
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.05)
    centres = cv2.kmeans(sample, CLUSTERS, None, stop, 2, cv2.KMEANS_PP_CENTERS)[2]  # type: ignore[call-overload]
    own = np.einsum("hwc,hwc->hw", scaled, scaled)
    weights = np.hstack([-2 * centres, (centres * centres).sum(1, keepdims=True)]).astype(np.float32)
    costs = np.minimum(cv2.transform(scaled, weights) + own[..., None], 30)
    costs *= inside[..., None]
    which = np.where(inside, largest(-box_mean(costs, 1))[0], -1).astype(np.int8)  # a pixel goes with its neighbours
    return which, centres * SCALE


def largest(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) int8 and (h, w): the channel of the largest value of each pixel, the first of equals, and that value."""
    first, *others = cv2.split(values)
    which, most = np.zeros(first.shape, np.int8), first
    for number, channel in enumerate(others, 1):
        np.copyto(which, np.int8(number), where=channel > most)
        most = cv2.max(most, channel)
    return which, most


def fill(group: np.ndarray, inside: np.ndarray, count: int) -> np.ndarray:
    """(h, w) int8 groups 0 to count - 1, where pixels inside that had none (-1) get that of the most pixels around.

    Single pixels of another group are noise and go with their neighbours, too.
    """
    for radius in (1, 2, 4, 8, 1):
        left = inside & (group < 0)
        if radius > 1 and not left.any():
            continue
        winner, most = largest(box_mean(cv2.merge([(group == n).astype(np.float32) for n in range(count)]), radius))
        group = np.where(left & (most > 0), winner, group)
    group = np.where(group >= 0, winner, group)
    return np.where(inside, np.maximum(group, 0), -1).astype(np.int8)


def broad(own: np.ndarray) -> np.ndarray:
    """(h, w) uint8: 1 within three pixels of where `own` (0/1 uint8) is at least `WIDE` pixels wide and high."""
    block = np.ones((WIDE, WIDE), np.uint8)
    opened = cv2.morphologyEx(own, cv2.MORPH_OPEN, block, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return cv2.dilate(opened, np.ones((7, 7), np.uint8))


def steps_between(
    values: np.ndarray, group: np.ndarray, count: int, alike: np.ndarray | None = None, *, careful: bool = False
) -> dict[tuple[int, int], Step]:
    """The steps between groups that meet, by (first, second) with first < second.

    values: (h, w, C) float32, the first channel ln luminance. group: (h, w) int8, groups from 0, -1 for none. alike:
    (K, K) bool, groups of a like colour; None where each is only like itself. careful: keep two pixels away from the
    borders where the groups are broad enough, so that what the lens blurs is not measured.
    """
    views = [_Grown.of(group, number, values, alike, careful) for number in range(count)]
    found = {}
    for first, second in combinations(range(count), 2):
        step = _step(views[first], views[second])
        if step is not None:
            found[first, second] = step
    return found


@dataclass(frozen=True, eq=False)
class _Grown:
    """A group of pixels and what lies around it, (h, w) each.

    grown, wide: uint8, within two and within five pixels of it; with their pixels counted. solid, strip: `broad` of it,
    and of it with what is alike. near: how much of the square of `REACH` is of it; mean: (h, w, C) its values there.
    """

    grown: np.ndarray
    grown_area: int
    wide: np.ndarray
    wide_area: int
    solid: np.ndarray
    strip: np.ndarray
    near: np.ndarray
    mean: np.ndarray

    @classmethod
    def of(cls, group: np.ndarray, number: int, values: np.ndarray, alike: np.ndarray | None, careful: bool) -> _Grown:
        own = (group == number).view(np.uint8)
        kernel = np.ones((5, 5), np.uint8)
        grown = cv2.dilate(own, kernel)
        wide = cv2.dilate(grown, np.ones((7, 7), np.uint8))
        solid = strip = broad(own)
        if alike is not None:
            together = (alike[number][group] & (group >= 0)).view(np.uint8)
            strip = broad(cv2.morphologyEx(together, cv2.MORPH_CLOSE, kernel))
        # Mixed pixels at its border do not count.
        near, mean = cls._around(own & (_count(own, 1) > 5), values)
        if careful:  # nor, where it is broad enough, those that the lens has blurred
            deep, deep_mean = cls._around(own & (_count(own, 2) > 24), values)
            enough = deep > SEEN
            np.copyto(mean, deep_mean, where=enough[..., None])
            np.copyto(near, deep, where=enough)
        return cls(grown, cv2.countNonZero(grown), wide, cv2.countNonZero(wide), solid, strip, near, mean)

    @staticmethod
    def _around(pure: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`near` and `mean` of the pixels that are 1 (uint8)."""
        near = _count(pure, REACH) * np.float32(1 / (2 * REACH + 1) ** 2)
        return near, box_mean(cv2.copyTo(values, pure), REACH)


def _count(own: np.ndarray, radius: int) -> np.ndarray:
    """(h, w) uint8: how many pixels of the square of 2 * radius + 1 around each are 1."""
    return cv2.boxFilter(own, -1, (2 * radius + 1,) * 2, normalize=False, borderType=cv2.BORDER_REPLICATE)


def _step(first: _Grown, second: _Grown) -> Step | None:
    """What changes from one group to the other; None where they do not meet."""
    meeting = cv2.bitwise_and(first.wide, second.wide)
    far = cv2.countNonZero(meeting)
    if far < 30:
        return None
    close = cv2.bitwise_and(first.grown, second.grown)
    touch = cv2.countNonZero(close)
    soft = touch < 0.08 * far
    rows, columns, every = _sights(first, second, meeting if soft else close, soft)
    if len(rows) < SHORTEST:
        return None
    at = rows * first.near.shape[1] + columns
    median, spread = _median_and_spread(_values_at(first, at) - _values_at(second, at))
    thin, strip = (
        (1 - float(one.take(at).mean()), 1 - float(two.take(at).mean()))
        for one, two in ((first.solid, second.solid), (first.strip, second.strip))
    )
    proximity = far / max(first.wide_area, second.wide_area)
    lightness = abs(float(median[0]))
    often = touch > 0.5 * max(first.grown_area, second.grown_area)
    bricks = lightness < 0.6 and proximity > 0.55 and min(thin) > 0.8
    return Step(
        length=far if soft else len(rows) * every,
        change=median,
        touch=touch,
        close=proximity,
        spread=spread,
        soft=soft,
        thin=thin,
        strip=strip,
        above=_above(first, second, rows, columns),
        woven=not soft and lightness <= 1.2 and (often or bricks),
    )


def _sights(first: _Grown, second: _Grown, border: np.ndarray, soft: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows and columns of the pixels of a border (uint8, not empty) near which enough of both groups is seen, and of
    how many pixels each is one: no more than some 1000 are looked at."""
    columns, rows = cv2.findNonZero(border).reshape(-1, 2).T
    every = max(1, len(rows) // 1000)
    rows, columns = rows[::every], columns[::every]
    at = rows * first.near.shape[1] + columns
    share = np.minimum(first.near.take(at), second.near.take(at))
    seen = share > SEEN
    if soft and seen.sum() < SHORTEST:
        seen = share > 0.005
    return rows[seen], columns[seen], every


def _values_at(group: _Grown, at: np.ndarray) -> np.ndarray:
    """(N, C): the group's own values near N pixels, which are counted row by row."""
    values: np.ndarray = group.mean.reshape(-1, group.mean.shape[-1]).take(at, 0) / group.near.take(at)[:, None]
    return values


def _median_and_spread(change: np.ndarray) -> tuple[np.ndarray, float]:
    """(C,) the median of (N, C), and half the distance of the quartiles of the first of C."""
    ordered = np.sort(change, 0)  # three of numpy's percentiles take longer than all the rest
    number = len(ordered)
    median = (ordered[(number - 1) // 2] + ordered[number // 2]) / 2
    quarter, three_quarters = np.interp((0.25 * (number - 1), 0.75 * (number - 1)), np.arange(number), ordered[:, 0])
    return median, float(three_quarters - quarter) / 2


def _above(first: _Grown, second: _Grown, rows: np.ndarray, columns: np.ndarray) -> float:
    """`Step.above` at these pixels of the border."""
    height, width = first.near.shape
    up, down = np.maximum(rows - 3, 0), np.minimum(rows + 3, height - 1)
    left, right = np.maximum(columns - 3, 0), np.minimum(columns + 3, width - 1)

    def of_first(at: np.ndarray) -> np.ndarray:
        own = first.near.take(at)
        share: np.ndarray = own / (own + second.near.take(at) + np.float32(1e-6))
        return share

    rows = rows * width
    vertical = of_first(up * width + columns) - of_first(down * width + columns)
    level = of_first(rows + left) - of_first(rows + right)
    return float(vertical.sum() / (np.hypot(vertical, level).sum() + 1e-6))
