"""What a hand can draw to make a mask right: polygons of a few corners, strokes of one width.

A person sees what a polygon or a stroke will cover before it is made, so what it gains is known exactly. Everything is
told from a mask, an aim and what is judged, all (H, W) bool; what is not judged may be covered without harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from sam2_painter import masks
from sam2_painter.rle import rle_to_mask

from .annotated import deepest

MOST_CORNERS = 12  # of a polygon
MOST_POINTS = 6  # of a stroke: a curve of the wrist
PARTS = 3  # errors that are looked at, the largest ones
SEEN = 512  # pixels of the long side of what is looked at
NUDGES = (5, 2, 1)  # pixels of it by which corners are moved to where they fit best
_LEAST = 6  # pixels of an error that are worth a look

Path = list[tuple[float, float]]


@dataclass(frozen=True)
class Shape:
    """A closed polygon, or with a radius a stroke; adds is False for one that takes away. iou: what it leads to."""

    path: Path
    radius: float
    adds: bool
    iou: float


@dataclass(frozen=True, eq=False)
class Work:
    """A mask on its way to an aim."""

    mask: np.ndarray
    aim: np.ndarray
    judged: np.ndarray

    @cached_property
    def counts(self) -> tuple[int, int]:
        """Pixels of the intersection and of the union, where it is judged."""
        mask = self.mask & self.judged
        return np.count_nonzero(mask & self.aim), np.count_nonzero(mask | self.aim)

    @property
    def iou(self) -> float:
        """Intersection over union where it is judged."""
        return self.counts[0] / max(1, self.counts[1])

    def errors(self, adds: bool) -> np.ndarray:
        """What is missing, or what is too much."""
        return self.aim & ~self.mask if adds else self.mask & ~self.aim & self.judged

    def worst(self) -> tuple[int, int, bool]:
        """(x, y, whether it is missing): the middle of the widest error."""
        best = (-1.0, 0, 0, True)
        for adds in (True, False):
            best = max(best, (*deepest(self.errors(adds)), adds))
        return best[1:]

    def part_at(self, x: int, y: int, adds: bool) -> int:
        """How many pixels the error has that hangs together with (x, y)."""
        _, parts = cv2.connectedComponents(self.errors(adds).astype(np.uint8))
        return int(np.count_nonzero(parts == parts[y, x])) if parts[y, x] else 0

    def after(self, gained: float, lost: float, adds: bool) -> float:
        """IoU once so many pixels are made right and so many wrong."""
        common, union = self.counts
        if adds:
            return float((common + gained) / max(1, union + lost))
        return float((common - lost) / max(1, union - gained))


def best_shape(work: Work) -> Shape | None:
    """The polygon or stroke that helps most, its corners put where they fit; None where none helps.

    It is looked for in a smaller copy, as on a screen.
    """
    step = -(-max(work.mask.shape) // SEEN)
    small = Work(work.mask[::step, ::step], work.aim[::step, ::step], work.judged[::step, ::step])
    found = _best_shape(small)
    if found is None:
        return None
    shape = _exact(work, [(x * step, y * step) for x, y in found.path], found.radius * step, found.adds)
    return shape if shape.iou > work.iou else None


def _exact(work: Work, path: Path, radius: float, adds: bool) -> Shape:
    """A shape and what it leads to, to the pixel."""
    size = work.mask.shape
    rle = masks.stroke(path, radius, size) if radius else masks.polygon(path, size)
    inside = rle_to_mask(rle)
    after = Work(work.mask | inside if adds else work.mask & ~inside, work.aim, work.judged)
    return Shape(path, radius, adds, after.iou)


def _best_shape(work: Work) -> Shape | None:
    best: Shape | None = None
    for adds in (True, False):
        value = _value(work, adds)
        for path in _polygons(work, adds):
            best = _better(best, _measured(work, value, path, 0.0, adds))
        for path, radius in strokes(work.errors(adds)):
            best = _better(best, _measured(work, value, path, radius, adds))
    if best is not None and not best.radius:
        best = _fitted(work, best)
    return best


def _better(one: Shape | None, other: Shape) -> Shape:
    return other if one is None or other.iou > one.iou else one


def _value(work: Work, adds: bool) -> np.ndarray:
    """(H, W) int8: 1 where a shape makes a pixel right, -1 where it makes one wrong."""
    value = work.errors(adds).astype(np.int8)
    value[~work.aim & work.judged & ~work.mask if adds else work.mask & work.aim] = -1
    return value


def covered(path: Path, radius: float, size_hw: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8: what a shape covers."""
    picture = np.zeros(size_hw, np.uint8)
    points = np.round(np.array(path) * 16).astype(np.int32)[:, None]
    if not radius:
        cv2.fillPoly(picture, [points], 1, shift=4)
        return picture
    cv2.polylines(picture, [points], False, 1, max(1, round(2 * radius)), shift=4)
    for x, y in (path[0], path[-1]):
        cv2.circle(picture, (round(x), round(y)), round(radius), 1, -1)
    return picture


def _measured(work: Work, value: np.ndarray, path: Path, radius: float, adds: bool) -> Shape:
    # the pixels of this shape's own box only
    height, width = value.shape
    xs, ys = zip(*path, strict=True)
    left, right = max(0, int(min(xs) - radius) - 1), min(width, int(max(xs) + radius) + 2)
    top, bottom = max(0, int(min(ys) - radius) - 1), min(height, int(max(ys) + radius) + 2)
    inside = covered([(x - left, y - top) for x, y in path], radius, (max(1, bottom - top), max(1, right - left)))
    some = value[top:bottom, left:right][inside[: bottom - top, : right - left] > 0]
    gained, lost = np.count_nonzero(some == 1), np.count_nonzero(some == -1)
    return Shape(path, radius, adds, work.after(gained, lost, adds))


def _fitted(work: Work, shape: Shape) -> Shape:
    """The same polygon, each corner moved to where it helps most."""
    value = _value(work, shape.adds)
    height, width = value.shape
    for step in NUDGES:
        for corner in range(len(shape.path)):
            x, y = shape.path[corner]
            for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1), (-1, 1), (1, -1)):
                moved = (min(max(x + dx * step, 0.0), width), min(max(y + dy * step, 0.0), height))
                path = [*shape.path[:corner], moved, *shape.path[corner + 1 :]]
                shape = _better(shape, _measured(work, value, path, 0.0, shape.adds))
    return shape


def _polygons(work: Work, adds: bool) -> Iterator[Path]:
    """Outlines with few corners: of the largest errors, of those that lie close together, of the aim itself, and of
    what stands in the aim (a window, the sky)."""
    error = work.errors(adds)
    whole = work.aim if adds else ~work.aim & work.judged
    for source in (error, _closed(error, 9), _closed(error, 25), _closed(whole, 3), _closed(whole, 25)):
        for outline in _outlines(source, error):
            hull = cv2.convexHull(outline)
            for line in (outline, hull):
                for most in (MOST_CORNERS, 4):
                    path = _simple(line, most)
                    if len(path) >= 3:
                        yield path


def _outlines(source: np.ndarray, error: np.ndarray) -> list[np.ndarray]:
    """The outlines of the parts of a mask that hold most of the error."""
    count, parts = cv2.connectedComponents(source.astype(np.uint8))
    within = np.bincount(parts[error], minlength=count)
    within[0] = 0
    found = []
    for part in np.argsort(-within, kind="stable")[:PARTS]:
        if within[part] < _LEAST:
            break
        outlines, _ = cv2.findContours((parts == part).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        found.append(max(outlines, key=len))
    return found


def _simple(outline: np.ndarray, most: int) -> Path:
    """The outline with at most so many corners, as few as it takes off."""
    tolerance = 1.5
    simple = cv2.approxPolyDP(outline, tolerance, True)
    while len(simple) > most:
        tolerance *= 1.3
        simple = cv2.approxPolyDP(outline, tolerance, True)
    return [(float(x) + 0.5, float(y) + 0.5) for x, y in simple[:, 0]]


def strokes(error: np.ndarray, most: int = PARTS) -> Iterator[tuple[Path, float]]:
    """Lines along the largest errors, in some widths, the broadest last."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(error.astype(np.uint8))
    sizes = stats[:, cv2.CC_STAT_AREA].copy()
    sizes[0] = 0
    for part in np.argsort(-sizes, kind="stable")[:most]:
        if sizes[part] < _LEAST:
            break
        ys, xs = np.nonzero(parts == part)
        points = np.column_stack([xs, ys]) + 0.5
        middle = points.mean(axis=0)
        along = np.linalg.eigh(np.cov((points - middle).T) + np.eye(2) * 1e-6)[1][:, 1]
        at = (points - middle) @ along
        bins = np.minimum(((at - at.min()) / max(1e-6, np.ptp(at)) * MOST_POINTS).astype(int), MOST_POINTS - 1)
        path = [tuple(points[bins == k].mean(axis=0).tolist()) for k in range(MOST_POINTS) if (bins == k).any()]
        width = len(points) / max(1.0, float(np.ptp(at)))
        for radius in (width / 2, 0.8 * width, 1.3 * width):
            yield path, max(1.5, float(radius))


def _closed(mask: np.ndarray, size: int) -> np.ndarray:
    if not mask.any():
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))
    closed: np.ndarray = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0
    return closed
