"""A wall's outline made to follow the edges of the photo, all of it at once.

Within a band around the outline each pixel goes to the side whose colours near it are more like its own; far from the
outline nothing changes. What changes side is kept piece by piece, only where the new outline runs along a clearly
stronger edge than the old one did: an outline that is right stays. Specks go and pinholes are filled. It works on the
mask's own part of the photo, at most as fine as a photo of WORK_SIDE pixels, and brings back what has changed.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..rle import RLE, paste_rle
from .borders import color_change
from .boxes import grow_box, pixels_in
from .operations import clean

WORK_SIDE = 1280
"""Pixels on the photo's long side at which the outline is looked at."""

REACH = 1 / 160
"""Of the photo's long side: how far the outline may move."""

LEAST_REACH = 3  # pixels
NEAR = 4  # reaches: colours of both sides are learned so far around a pixel
COARSE = 4  # pixels of the work picture that are one where colours are averaged
ROUNDS = 2
TRUST = 3.0  # log odds, at the rim of the band, for what the outline says
SURE = 4.0  # log odds of what the colours say, at most
STRANGE = 12.5  # log odds against the wall's colours from which a pixel is of no side that is known
NOISE = 16.0  # variance of one colour, in codes of LAB squared
LIGHTNESS = 0.5  # weight against the two colours: shadow is on the wall
STRONGER, STRONGER_BY = 1.5, 2.0  # the new outline's edge against the old one's, times and LAB a pixel
FAINT = 4.0  # LAB a pixel: a part or hole with such an edge is none
SPECK = 40 / 1024**2  # of the photo's long side squared: parts and holes below it are none


def tidy(pixels: np.ndarray, rle: RLE) -> RLE:
    """The mask with its outline on the photo's own edges, without specks and pinholes; the same for the same mask.

    pixels: (H, W, 3) uint8 RGB of the photo. The outline moves by REACH of the photo's long side at most.
    """
    if not rle.area:
        return rle
    long_side = max(rle.size)
    reach = max(LEAST_REACH, round(long_side * REACH))
    box = x, y, w, h = grow_box(rle.bbox, NEAR * reach, rle.size)
    mask = pixels_in(rle, box)
    scale = min(1.0, WORK_SIDE / long_side)
    small = max(1, round(w * scale)), max(1, round(h * scale))
    picture, seen = pixels[y : y + h, x : x + w], mask
    if small != (w, h):
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        seen = cv2.resize(mask.view(np.uint8) * np.uint8(255), small, interpolation=cv2.INTER_AREA) > 127
    frame = (y == 0, y + h == rle.size[0], x == 0, x + w == rle.size[1])
    moved = _moved(picture, seen, max(LEAST_REACH, round(reach * scale)), frame)
    changed = clean(_brought_back(mask, seen, moved), max(2, round(SPECK * long_side * long_side)))
    return paste_rle(changed, x, y, rle.size) if changed.any() else rle


def _brought_back(mask: np.ndarray, seen: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(H, W) bool: the mask with what has changed from `seen` to `moved`, both (h, w); the rest keeps its pixels."""
    if seen.shape == mask.shape:
        return moved
    size = mask.shape[1], mask.shape[0]
    near = cv2.dilate((seen != moved).view(np.uint8), np.ones((3, 3), np.uint8))
    there = cv2.resize(near, size, interpolation=cv2.INTER_NEAREST) > 0
    smooth = cv2.resize(moved.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_LINEAR) > 127
    back: np.ndarray = np.where(there, smooth, mask)
    return back


def _moved(picture: np.ndarray, mask: np.ndarray, reach: int, frame: tuple[bool, bool, bool, bool]) -> np.ndarray:
    """(h, w) bool: the mask with its outline moved where that pays. frame: whether top, bottom, left and right of the
    picture are the photo's own end, which is no outline."""
    codes = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    depth = _depth(mask, frame)
    band = np.abs(depth) <= reach
    if not band.any():
        return mask
    rows, columns = np.nonzero(band)
    believed = np.float32(TRUST / reach) * depth[band]
    smooth = cv2.GaussianBlur(codes, (0, 0), 0.8) * np.array([LIGHTNESS, 1, 1], np.float32)
    grey = codes[..., 0] / np.float32(255)
    now = mask
    for _ in range(ROUNDS):
        odds = np.where(mask, np.float32(SURE), np.float32(-SURE))
        odds[band] = believed + _odds(smooth, now, rows, columns, NEAR * reach)
        likely = _along_edges(grey, 1 / (1 + np.exp(-odds)))
        now = np.where(band, likely > 0.5, mask)
    now = clean(now, 2)
    return _kept(codes, mask, now)


def _depth(mask: np.ndarray, frame: tuple[bool, bool, bool, bool]) -> np.ndarray:
    """(h, w) float32: pixels to the outline, above 0 inside and below 0 outside."""
    top, bottom, left, right = (int(end) for end in frame)
    inside = cv2.copyMakeBorder(mask.view(np.uint8), top, bottom, left, right, cv2.BORDER_REPLICATE)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, 3)[top : top + mask.shape[0], left : left + mask.shape[1]]
    without = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 3)
    depth: np.ndarray = np.where(mask, within - np.float32(0.5), np.float32(0.5) - without)
    return depth


def _odds(smooth: np.ndarray, mask: np.ndarray, rows: np.ndarray, columns: np.ndarray, near: int) -> np.ndarray:
    """(N,) float32: log odds that N pixels are of the mask, by the colours of both sides around them."""
    kernel = np.ones((5, 5), np.uint8)
    core = cv2.erode(mask.view(np.uint8), kernel, borderValue=1) + np.float32(0.05) * mask
    rest = 1 - cv2.dilate(mask.view(np.uint8), kernel) + np.float32(0.02) * ~mask
    own = smooth[rows, columns]
    wall, spread = _colours(smooth, core.astype(np.float32), rows, columns, near)
    apart = ((own - wall) ** 2 / spread).sum(axis=1)
    size = np.log(spread).sum(axis=1)
    other, spread = _colours(smooth, rest.astype(np.float32), rows, columns, near // 2)
    beside = np.maximum(
        -((own - other) ** 2 / spread).sum(axis=1) - np.log(spread).sum(axis=1), -2 * np.float32(STRANGE) - size
    )
    odds: np.ndarray = np.clip((-apart - size - beside) / 2, -SURE, SURE)
    return odds


def _colours(
    smooth: np.ndarray, weight: np.ndarray, rows: np.ndarray, columns: np.ndarray, near: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance, (N, 3) each, of what has weight within `near` of N pixels."""
    height, width = weight.shape
    small = max(1, width // COARSE), max(1, height // COARSE)
    side = 2 * max(1, round(near / COARSE)) + 1

    def around(values: np.ndarray) -> np.ndarray:
        shrunk = cv2.resize(values, small, interpolation=cv2.INTER_AREA)
        return cv2.blur(shrunk, (side, side), borderType=cv2.BORDER_REFLECT)

    share = around(weight)[..., None] + np.float32(1e-4)
    weighted = smooth * weight[..., None]
    mean = around(weighted) / share
    spread = np.maximum(around(weighted * smooth) / share - mean * mean, 0) + np.float32(NOISE)
    at = (rows * small[1] // height).clip(0, small[1] - 1), (columns * small[0] // width).clip(0, small[0] - 1)
    return mean[at], spread[at]


def _along_edges(grey: np.ndarray, likely: np.ndarray) -> np.ndarray:
    """(h, w) float32: a guided filter of radius 2 (He, Sun & Tang, 2013)."""

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (5, 5), borderType=cv2.BORDER_REFLECT)

    grey_mean, likely_mean = mean(grey), mean(likely)
    slope = (mean(grey * likely) - grey_mean * likely_mean) / (mean(grey * grey) - grey_mean * grey_mean + 1e-3)
    smooth: np.ndarray = mean(slope) * grey + mean(likely_mean - slope * grey_mean)
    return smooth


def _kept(codes: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """(h, w) bool: the new mask in each piece that changed where its outline runs along a clearly stronger edge than
    the old one's, the old mask in the others."""
    count, parts = cv2.connectedComponents((old != new).view(np.uint8), connectivity=4)
    if count < 2:
        return new
    calm = cv2.GaussianBlur(codes, (0, 0), 1.0)
    edge = cv2.dilate(color_change(calm), np.ones((3, 3), np.uint8))
    strength = {True: np.zeros(count), False: np.zeros(count)}
    length = {True: np.zeros(count), False: np.zeros(count)}
    sides = ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:]))
    for one, other in sides:
        part, here = np.maximum(parts[one], parts[other]), np.maximum(edge[one], edge[other])
        was, is_now = old[one] != old[other], new[one] != new[other]
        for newer in (True, False):
            outline = (is_now & ~was if newer else was & ~is_now) & (part > 0)
            strength[newer] += np.bincount(part[outline], here[outline], count)
            length[newer] += np.bincount(part[outline], minlength=count)
    before, after = (strength[newer] / np.maximum(length[newer], 1) for newer in (False, True))
    better = after > STRONGER * before + STRONGER_BY
    better |= (length[True] == 0) & (before < FAINT)  # a hole filled, a part gone: they leave no outline behind
    better[0] = False
    kept: np.ndarray = np.where(better[parts], new, old)
    return kept
