"""Strokes of a brush and polygons -> masks: exact, and no pixel is made.

A pixel is in when its centre is: within `radius` of the stroke's line, or inside the polygon. Both are worked out as
one interval of rows for each column a part of them crosses, so a stroke on a photo of 12 megapixels costs what the
stroke covers, not what the photo is. A line of thousands of points across a large photo crosses millions: so it is done
some columns at a time, and what goes to and fro without end is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from ..errors import InvalidInput
from ..rle import MAX_RUNS, RLE
from ..types import MAX_RADIUS, Line, number

LEAST_RADIUS = 0.75
"""In pixels: the finest brush that leaves no gap between pixel centres."""

MAX_CROSSINGS = 8_000_000
"""Columns that the parts of one line cross, each part counted: some seconds of work."""

_AT_ONCE = 400_000  # crossings: arrays of some 50 MB together


def stroke(path: Sequence[tuple[float, float]], radius: float, size_hw: tuple[int, int]) -> RLE:
    """What a round brush covers that is moved along `path`, points (x, y); a single point is a dot.

    radius: in pixels, at least LEAST_RADIUS. Parts outside the photo are left out. Raises InvalidInput.

    >>> from sam2_painter.rle import rle_to_mask
    >>> rle_to_mask(stroke([(2.5, 1.5), (4.5, 1.5)], 1, (3, 7))).astype(int)
    array([[0, 0, 1, 1, 1, 0, 0],
           [0, 1, 1, 1, 1, 1, 0],
           [0, 0, 1, 1, 1, 0, 0]])
    """
    points = _points(path, 1)
    reach = max(LEAST_RADIUS, number(radius, "radius", 0, MAX_RADIUS))
    start = points[:-1] if len(points) > 1 else points
    along = np.diff(points, axis=0) if len(points) > 1 else np.zeros_like(points)
    low = np.minimum(start[:, 0], start[:, 0] + along[:, 0]) - reach
    high = np.maximum(start[:, 0], start[:, 0] + along[:, 0]) + reach

    def covered(column: np.ndarray, part: np.ndarray) -> np.ndarray:
        x = column + 0.5
        bottom = _boundary(x, start[part], along[part], reach, 1)
        top = _boundary(x, start[part], along[part], reach, -1)
        return _runs(column, np.ceil(top - 0.5), np.floor(bottom - 0.5) + 1, size_hw[0])

    return _by_columns(low, high, size_hw, covered)


def _boundary(x: np.ndarray, start: np.ndarray, along: np.ndarray, radius: float, side: int) -> np.ndarray:
    """(N,) where the line y over column x leaves the capsule around a segment; side 1: its greatest y, -1: its least.

    Of all discs on the segment, the one that reaches farthest has its centre where the capsule's straight edge, the
    segment moved along its normal, passes x; beyond the ends of the segment it is the disc at that end.
    """
    length = np.hypot(along[:, 0], along[:, 1])
    ux, uy = (along / np.maximum(length, 1e-12)[:, None]).T
    upright = np.abs(ux) < 1e-9
    normal_x = np.where(ux > 0, -uy, uy) * side
    at = (x - radius * normal_x - start[:, 0]) / np.where(upright, 1.0, ux)
    at = np.where(upright, np.where(uy * side > 0, length, 0.0), np.clip(at, 0.0, length))
    away = x - (start[:, 0] + at * ux)
    y: np.ndarray = start[:, 1] + at * uy + side * np.sqrt(np.maximum(radius * radius - away * away, 0.0))
    return y


def polygon(path: Sequence[tuple[float, float]], size_hw: tuple[int, int]) -> RLE:
    """What lies inside a polygon of at least three corners (x, y), closed by itself; where it crosses itself, too.

    Parts outside the photo are left out. Raises InvalidInput.

    >>> from sam2_painter.rle import rle_to_mask
    >>> rle_to_mask(polygon([(1, 0), (5, 0), (1, 4)], (4, 6))).astype(int)
    array([[0, 1, 1, 1, 0, 0],
           [0, 1, 1, 0, 0, 0],
           [0, 1, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0]])
    """
    corners = _points(path, 3)
    following = np.roll(corners, -1, axis=0)
    left = np.where((corners[:, 0] <= following[:, 0])[:, None], corners, following)
    right = np.where((corners[:, 0] <= following[:, 0])[:, None], following, corners)
    turn = np.where(corners[:, 0] <= following[:, 0], 1, -1)

    def inside(column: np.ndarray, edge: np.ndarray) -> np.ndarray:
        slope = (right[edge, 1] - left[edge, 1]) / np.maximum(right[edge, 0] - left[edge, 0], 1e-12)
        y = left[edge, 1] + (column + 0.5 - left[edge, 0]) * slope
        order = np.lexsort((y, column))
        within = np.cumsum(turn[edge][order]) != 0  # every column is entered as often as left
        before = np.concatenate([[False], within[:-1]])
        begins, ends = np.flatnonzero(within & ~before), np.flatnonzero(~within & before)
        column, y = column[order], y[order]
        return _runs(column[begins], np.ceil(y[begins] - 0.5), np.ceil(y[ends] - 0.5), size_hw[0])

    return _by_columns(left[:, 0], right[:, 0], size_hw, inside, closed=False)


def simplify(path: Sequence[tuple[float, float]], tolerance: float, most: int, *, closed: bool = False) -> Line:
    """The line, or closed polygon, with fewer points, nowhere further than `tolerance` pixels from the one given; more
    only where it would have more than `most` points otherwise (Douglas-Peucker)."""
    points = _points(path, 3 if closed else 1).astype(np.float32)
    simple = cv2.approxPolyDP(points[:, None], tolerance, closed)[:, 0]
    while len(simple) > most:
        tolerance *= 2
        simple = cv2.approxPolyDP(points[:, None], tolerance, closed)[:, 0]
    if closed and len(simple) < 3:
        simple = points[:: max(1, len(points) // 3)]
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in simple)


def _points(path: Sequence[tuple[float, float]], least: int) -> np.ndarray:
    """(N, 2) float64 of the path; InvalidInput for fewer than `least` points, or what is no list of [x, y]."""
    try:
        points = np.asarray(path, np.float64)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InvalidInput("path must be a list of [x, y]", "path")
    if len(points) < least:
        raise InvalidInput(f"path must have at least {least} points", "path")
    return np.clip(points, -1e6, 1e6)


def _by_columns(
    low: np.ndarray,
    high: np.ndarray,
    size_hw: tuple[int, int],
    runs: Callable[[np.ndarray, np.ndarray], np.ndarray],
    closed: bool = True,
) -> RLE:
    """The mask of `runs`, which is asked for some columns at a time: of pairs of a column and a part that crosses it.

    Part n crosses the columns whose centres are in [low[n], high[n]], or [low[n], high[n]) unless `closed`.
    """
    height, width = size_hw
    first = np.clip(np.ceil(low - 0.5), 0, width).astype(np.int64)
    after = np.floor(high - 0.5) + 1 if closed else np.ceil(high - 0.5)
    after = np.maximum(np.clip(after, 0, width).astype(np.int64), first)
    if (crossings := int((after - first).sum())) > MAX_CROSSINGS:
        raise InvalidInput("path goes to and fro too often: give it fewer points, or draw it in parts", "path")
    step = width if crossings <= _AT_ONCE else max(1, _AT_ONCE // len(low))
    found = [np.empty((0, 2), np.int64)]
    for left in range(int(first.min()), int(after.max()), step):
        begins, ends = np.clip(first, left, left + step), np.clip(after, left, left + step)
        count = ends - begins
        part = np.repeat(np.arange(len(count)), count)
        found.append(runs(begins[part] + np.arange(len(part)) - (np.cumsum(count) - count)[part], part))
    starts_stops = np.concatenate(found)
    touching = starts_stops[1:, 0] <= starts_stops[:-1, 1]  # at the seam of two rounds
    starts = starts_stops[np.append(True, ~touching)[: len(starts_stops)], 0]
    stops = starts_stops[np.append(~touching, True)[: len(starts_stops)], 1]
    if 2 * len(starts) > MAX_RUNS:
        raise InvalidInput(f"path is as ragged as noise: more than {MAX_RUNS:,} edges", "path")
    bounds = np.concatenate([[0], np.column_stack([starts, stops]).ravel(), [height * width]])
    counts = np.diff(bounds)
    return RLE(size_hw, (counts[:-1] if len(counts) > 1 and counts[-1] == 0 else counts).astype(np.uint32))


def _runs(column: np.ndarray, top: np.ndarray, bottom: np.ndarray, height: int) -> np.ndarray:
    """(N, 2) int64: where runs start and stop, counted down the columns, of rows [top, bottom) in each column; these
    intervals may overlap, the runs do not even touch."""
    top = np.clip(top, 0, height).astype(np.int64)
    bottom = np.clip(bottom, 0, height).astype(np.int64)
    some = bottom > top
    starts, stops = (column * height + top)[some], (column * height + bottom)[some]
    order = np.argsort(starts, kind="stable")
    starts, stops = starts[order], np.maximum.accumulate(stops[order])
    apart = starts[1:] > stops[:-1]
    return np.column_stack([starts[np.append(True, apart)[: len(starts)]], stops[np.append(apart, True)[: len(stops)]]])
