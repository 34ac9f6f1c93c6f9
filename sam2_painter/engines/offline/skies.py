"""Sky that was taken for a wall, as the network often does where a wire cuts a piece of it off.

Behind a wire the sky goes on in the colours that it had, calm as before, and nothing opens in it. A wall is set off by
its colour or its eaves, or has windows.
"""

from __future__ import annotations

import cv2
import numpy as np

from .surfaces import CLASSES

WALL, SKY = CLASSES.index("wall"), CLASSES.index("sky")
OPENINGS = [CLASSES.index(name) for name in ("shutter", "door", "window")]
ROUGH = 6  # of OpenCV's 8-bit Lab: texture that no sky has
STEP = 8  # of it, between neighbours: pieces end there
SAME = 5  # of it, across a wire
WIRE = 4  # cells, with the blur beside it
SMALLEST = 0.002  # of the photo
BESIDE = 0.25  # of a piece's outline, along the sky
OPEN = 0.1  # of a piece's outline: so many cells of openings near by, and it is a wall


def sky_behind(kind: np.ndarray, lab: np.ndarray, calm: np.ndarray) -> np.ndarray:
    """(h, w) bool: cells of walls that are sky. kind: (h, w), the likeliest class of each cell. lab, calm: (3, h, w)
    OpenCV's 8-bit Lab, with and without texture.
    """
    wall, sky = kind == WALL, kind == SKY
    behind = np.zeros(kind.shape, bool)
    if not sky.any():
        return behind
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(_even(wall, lab, calm), connectivity=4)
    away, nearest = cv2.distanceTransformWithLabels(_bytes(~sky), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    sky_of = np.zeros((nearest.max() + 1, 2), int)
    sky_of[nearest[sky]] = np.argwhere(sky)
    openings = np.isin(kind, OPENINGS)
    for number in range(1, count):
        if stats[number, cv2.CC_STAT_AREA] < SMALLEST * kind.size:
            continue
        piece = pieces == number
        outline = piece & ~_eroded(piece)
        beside = outline & (away <= WIRE)
        length = np.count_nonzero(outline)
        if np.count_nonzero(beside) < BESIDE * length:
            continue
        rows, columns = sky_of[nearest[beside]].T
        unlike = np.abs(calm[:, beside] - calm[:, rows, columns]).max(axis=0)
        opens = np.count_nonzero(openings & _grown(piece, WIRE - 1))
        if np.percentile(unlike, 75) <= SAME and opens < OPEN * length:
            behind |= piece
    if behind.any():  # the wire, too
        around = _bytes(sky | behind)
        closed = cv2.morphologyEx(around, cv2.MORPH_CLOSE, np.ones((WIRE + 1, WIRE + 1), np.uint8)) > 0
        behind |= wall & closed & _grown(behind, WIRE // 2)
    return behind


def _even(cells: np.ndarray, lab: np.ndarray, calm: np.ndarray) -> np.ndarray:
    """(h, w) uint8: cells without texture, apart from neighbours of another colour."""
    even = cells & (np.abs(lab - calm).max(axis=0) <= ROUGH)
    even[1:] &= np.abs(np.diff(calm, axis=1)).max(axis=0) <= STEP
    even[:, 1:] &= np.abs(np.diff(calm, axis=2)).max(axis=0) <= STEP
    return _bytes(even)


def _bytes(cells: np.ndarray) -> np.ndarray:
    return cells.astype(np.uint8)


def _eroded(cells: np.ndarray) -> np.ndarray:
    inside: np.ndarray = cv2.erode(_bytes(cells), np.ones((3, 3), np.uint8), borderValue=1) > 0
    return inside


def _grown(cells: np.ndarray, by: int) -> np.ndarray:
    grown: np.ndarray = cv2.dilate(_bytes(cells), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0
    return grown
