"""What of a drawn region looks like the wall in it, by the photo's own colours.

An engine sees windows and trim in coarse cells: it takes strips of wall for a frame, and leaves pipes, sills and bands
in the wall. The paint of a wall changes slowly along it, so the wall's colours near a pixel tell whether the pixel is
of that paint; lightness counts less than the two colours, for a shadow is on the wall. It works on the region's own
part of the photo, at most as fine as a photo of WORK_SIDE pixels.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..rle import RLE, paste_rle
from .boxes import grow_box, pixels_in
from .operations import intersect

WORK_SIDE = 1280
"""Pixels on the photo's long side at which colours are looked at."""

NEAR = (1 / 50, 1 / 16)  # of the photo's long side: how far around a pixel the wall's colours are learned
COARSE = 4  # pixels of the work picture that are one where colours are averaged
ROUNDS = 3
DOUBT = 0.15  # weight of what is no wall so far, once it looks like it
NOISE = np.array([30, 6, 6], np.float32)  # variance of one paint, in codes of LAB squared
FAR = np.array([400, 100, 100], np.float32)  # squared differences from which one is as good as another
LIGHTNESS = 0.6  # weight against the two colours: shadow is on the wall
ALIKE, UNLIKE = 1.5, 8.0  # variances: below the one it is of the paint, above the other it is not
THIN = 1 / 340  # of the photo's long side: what is thinner changes no side
BROAD = 1 / 41  # of the photo's long side: a window that holds so much of the wall's colour holds wall
SPECK = 60 / 1024**2  # of the photo's long side squared: smaller pieces change no side
MOST = 0.3  # of the wall: where more of it would go, it has more than one look


def by_looks(pixels: np.ndarray, drawn: RLE, wall: RLE, openings: RLE, doubtful: RLE) -> tuple[RLE, RLE]:
    """What a wall lacks and what it has too much by its looks: (of `drawn`, of `wall`).

    pixels: (H, W, 3) uint8 RGB of the photo. drawn: the region that was drawn. wall: what is taken for wall in it.
    openings: windows and the like, of which only broad pieces in the wall's colour are given back. doubtful: only of
    this something goes; both have to agree, for a wall's shadows and stains are unlike it, too.
    """
    long_side = max(drawn.size)
    scale = min(1.0, WORK_SIDE / long_side)
    side = long_side * scale
    box = x, y, w, h = grow_box(drawn.bbox, round(NEAR[0] * long_side), drawn.size)
    small = max(1, round(w * scale)), max(1, round(h * scale))

    def seen(rle: RLE) -> np.ndarray:
        mask = pixels_in(intersect([rle, drawn]), box)
        return mask if small == (w, h) else cv2.resize(mask.view(np.uint8), small, interpolation=cv2.INTER_NEAREST) > 0

    picture = pixels[y : y + h, x : x + w]
    if small != (w, h):
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    inside, held, holes = seen(drawn), seen(wall), seen(openings)
    unlike = distance_to_wall(picture, held, inside, side)
    alike = inside & ~held & (unlike < ALIKE)
    back = _opened(alike & ~holes, THIN * side) | _opened(alike & holes, BROAD * side)
    gone = _pieces(_opened((held | back) & seen(doubtful) & (unlike > UNLIKE), THIN * side), SPECK * side * side)
    if gone.sum() > MOST * held.sum():
        gone[:] = False
    return tuple(_placed(mask, box, drawn) for mask in (_pieces(back, SPECK * side * side), gone))  # type: ignore[return-value]


def _opened(mask: np.ndarray, width: float) -> np.ndarray:
    """(h, w) bool: the mask without what is thinner."""
    kernel = np.ones((max(1, round(width)),) * 2, np.uint8)
    opened: np.ndarray = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    return opened


def _pieces(mask: np.ndarray, least: float) -> np.ndarray:
    """(h, w) bool: the mask without connected pieces of fewer than `least` pixels."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    kept = stats[:, cv2.CC_STAT_AREA] >= least
    kept[0] = False
    there: np.ndarray = kept[parts]
    return there


def _placed(mask: np.ndarray, box: tuple[int, int, int, int], like: RLE) -> RLE:
    """The mask of a box of the work picture as one of the photo."""
    x, y, w, h = box
    if mask.shape != (h, w):
        mask = cv2.resize(mask.view(np.uint8) * np.uint8(255), (w, h), interpolation=cv2.INTER_LINEAR) > 127
    return paste_rle(mask, x, y, like.size)


def distance_to_wall(picture: np.ndarray, wall: np.ndarray, drawn: np.ndarray, long_side: float) -> np.ndarray:
    """(h, w) float32: how unlike the wall near it each pixel looks, in variances; 0 is the wall's own colour.

    picture: (h, w, 3) uint8 RGB. wall, drawn: (h, w) bool, what is taken for wall and all that may be. long_side: of
    the photo in pixels of the picture.
    """
    codes = cv2.cvtColor(cv2.GaussianBlur(picture, (0, 0), 0.7), cv2.COLOR_RGB2LAB).astype(np.float32)
    sure = np.where(wall, np.float32(1), np.float32(DOUBT)) * drawn
    weight, unlike = sure * wall, np.zeros(wall.shape, np.float32)
    for _ in range(ROUNDS):
        base = (codes * weight[..., None]).sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
        found = [_apart(codes, weight, base, round(near * long_side)) for near in NEAR]
        unlike = np.minimum(*found)
        weight = sure * np.exp(np.float32(-0.35) * unlike)
    smooth: np.ndarray = cv2.blur(unlike, (3, 3))
    return smooth


def _apart(codes: np.ndarray, weight: np.ndarray, base: np.ndarray, near: int) -> np.ndarray:
    """(h, w) float32: squared distance of each pixel to the weighted colours within `near` of it; base: to lean on
    where nothing has weight."""
    height, width = weight.shape
    small = max(1, width // COARSE), max(1, height // COARSE)
    side = 2 * max(1, round(near / COARSE)) + 1

    def around(values: np.ndarray) -> np.ndarray:
        shrunk = cv2.resize(values, small, interpolation=cv2.INTER_AREA)
        for _ in range(2):
            shrunk = cv2.blur(shrunk, (side, side), borderType=cv2.BORDER_REFLECT)
        return shrunk

    def large(values: np.ndarray) -> np.ndarray:
        return cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)

    share, lean = around(weight)[..., None] + np.float32(1e-3), np.float32(1e-3)
    away = codes - large((around(codes * weight[..., None]) + lean * base.astype(np.float32)) / share)
    squared = away * away
    spread = large((around(np.minimum(squared, FAR) * weight[..., None]) + lean * NOISE) / share) + NOISE
    parts = np.minimum(squared / spread, np.float32(30))
    apart: np.ndarray = parts[..., 1] + parts[..., 2] + np.float32(LIGHTNESS) * parts[..., 0]
    return apart
