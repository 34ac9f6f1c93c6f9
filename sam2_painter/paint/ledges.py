"""Plinths and ground floors in a darker paint than the wall above: found by the straight, level edge they end with.

Their colour alone often passes for shade. But along a ledge the step is the same from one end to the other, in the sun
and in the shade, it is crisp, and what lies below stays dark; no shadow does all of that. Everything is measured on a
small picture, in ln luminance.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

EVERY = 6  # columns of the small picture between two that are looked at
SLOPES = np.linspace(-0.5, 0.5, 41)  # rows per column: a ledge in perspective
LEAST, GREATEST = 0.22, 1.9  # ln luminance: less may be soiling, more is a pit or a shop
EVEN = 0.2  # half the distance of the quartiles of the step along one ledge
SHORTEST = 0.22  # of the wall's width
MOST = 3
MISS = -3.0  # for a column where there is no step; one where it is seen counts 1
UNSEEN = -0.05  # for a column where a door, window or plant is


@dataclass(frozen=True, eq=False)
class Ledge:
    """below: (h, w) bool, the pixels of the wall under it. hits: (n,) rows and columns where its step was seen."""

    below: np.ndarray
    hits: tuple[np.ndarray, np.ndarray]

    def step(self, values: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """(C,) by how much the values (h, w, C) of the wall just above it are larger than those just below."""
        return np.array([np.median(_step(channel, inside)[self.hits]) for channel in cv2.split(values)], np.float32)


@dataclass(frozen=True, eq=False)
class _Line:
    """row = offset + slope * (column - middle), from the first to the last column (inclusive)."""

    offset: float
    slope: float
    middle: float
    first: int
    last: int
    hits: tuple[np.ndarray, np.ndarray]

    def rows(self, columns: np.ndarray) -> np.ndarray:
        return self.offset + self.slope * (columns - self.middle)


def _band(values: np.ndarray, inside: np.ndarray, rows: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of a band `rows` below each pixel (above it, where negative), and where it is seen; (h, w) each."""
    weight = inside.astype(np.float32)
    norm, sums = (cv2.boxFilter(v, -1, (5, height), borderType=cv2.BORDER_CONSTANT) for v in (weight, values * weight))
    at = np.clip(np.arange(len(values)) + rows, 0, len(values) - 1)
    return (sums / norm.clip(1e-3))[at], (norm[at] > 0.55) & inside


def _step(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(h, w): by how much values are larger just above each pixel than just below it."""
    step: np.ndarray = _band(values, inside, -4, 5)[0] - _band(values, inside, 4, 5)[0]
    return step


def find_ledges(luminance: np.ndarray, inside: np.ndarray) -> list[Ledge]:
    """The ledges of a wall, the longest first; luminance: (h, w) float32, ln; inside: (h, w) bool."""
    above, above_seen = _band(luminance, inside, -4, 5)
    below, below_seen = _band(luminance, inside, 4, 5)
    step, seen = above - below, above_seen & below_seen
    wider = _band(luminance, inside, -9, 15)[0] - _band(luminance, inside, 9, 15)[0]
    crisp = seen & (step > LEAST) & (wider > 0.6 * step) & (step > 0.75 * wider)
    brighter = seen & (step < -LEAST) & (wider < 0.6 * step) & (step < 0.75 * wider)
    every_row = np.arange(len(inside))[:, None]
    columns = np.arange(2, inside.shape[1], EVERY)
    least = SHORTEST * np.count_nonzero(inside.any(0)) / EVERY
    if _reach(crisp, columns) < least:
        return []
    far_above, far_above_seen = _band(luminance, inside, -36, 31)
    far_below, far_below_seen = _band(luminance, inside, 36, 31)
    found: list[Ledge] = []
    for _ in range(MOST):
        line = _longest(crisp, seen, columns) if _reach(crisp, columns) >= least else None
        if line is None or len(line.hits[0]) < least:
            break
        low, middle, high = np.percentile(step[line.hits], [25, 50, 75])
        span = np.arange(max(0, line.first - EVERY), min(inside.shape[1], line.last + EVERY + 1))
        under = np.zeros(inside.shape, bool)
        under[:, span] = inside[:, span] & (every_row > line.rows(span))
        back = brighter & under
        enough = 0.5 * len(line.hits[0])
        end = _longest(back, seen & under, columns) if _reach(back, columns) > enough else None
        if end is not None and len(end.hits[0]) > enough:  # a band, and the wall again below it
            under[:, span] &= every_row < end.rows(span)
        # What is above must be the wall, and no board or cornice; a plinth may be low.
        broad = _stays(np.abs(far_above - above)[line.hits], far_above_seen[line.hits], 0.5 * middle) and (
            far_below_seen[line.hits].mean() < 0.2
            or _stays(np.abs(far_below - below)[line.hits], far_below_seen[line.hits], 0.5 * middle)
        )
        if broad and (high - low) / 2 < EVEN and middle < GREATEST:
            found.append(Ledge(under, line.hits))
        for row in range(-8, 9):  # look for others elsewhere
            near = np.clip(np.rint(line.rows(span) + row).astype(int), 0, len(inside) - 1)
            seen[near, span] = crisp[near, span] = False
    return found


def _stays(change: np.ndarray, seen: np.ndarray, most: float) -> bool:
    """Whether the wall away from a line is seen, and about as bright as close to it."""
    return bool(seen.mean() > 0.2 and np.median(change[seen]) < most)


def _reach(hit: np.ndarray, columns: np.ndarray) -> int:
    """In how many of the columns there is a step at all: no line along them shows more."""
    return int(np.count_nonzero(hit[:, columns].any(0)))


def _longest(hit: np.ndarray, seen: np.ndarray, columns: np.ndarray) -> _Line | None:
    """The line along which most columns show a step and next to none shows none."""
    worth = np.where(hit, 1.0, np.where(seen, MISS, UNSEEN)).astype(np.float32)[:, columns]
    height, middle = len(worth), float(columns.mean())
    shifts = np.rint(SLOPES[:, None] * (columns - middle)).astype(int)
    best = np.zeros((len(SLOPES), height), np.float32)
    current, begun = np.zeros_like(best), np.zeros(best.shape, np.int16)
    first, last = np.zeros_like(begun), np.zeros_like(begun)
    padded = np.pad(worth, ((height, height), (0, 0)), constant_values=UNSEEN).T.copy()
    starts = np.clip(shifts, -height, height) + height
    for place in range(len(columns)):  # the best run of columns, for all lines at once (Kadane)
        np.copyto(begun, np.int16(place), where=current <= 0)
        np.maximum(current, 0, out=current)
        current += np.lib.stride_tricks.sliding_window_view(padded[place], height)[starts[:, place]]
        better = current > best
        np.copyto(best, current, where=better)
        np.copyto(first, begun, where=better)
        np.copyto(last, np.int16(place), where=better)
    which, row = (int(v) for v in np.unravel_index(best.argmax(), best.shape))
    if best[which, row] < 5:
        return None
    own = np.arange(first[which, row], last[which, row] + 1)
    at = np.clip(row + shifts[which, own], 0, height - 1)
    is_hit = hit[at, columns[own]]
    slope = float(SLOPES[which])
    return _Line(
        float(row), slope, middle, int(columns[own[0]]), int(columns[own[-1]]), (at[is_hit], columns[own][is_hit])
    )
