"""The soft border of a mask: how much of each border pixel is wall.

A mask says yes or no; a photo's edge is a pixel or two of both. Near the border the photo itself tells: where wall
and surroundings differ, a guided filter (He, Sun & Tang, "Guided Image Filtering", 2013; coefficients at a coarse
scale as in their "Fast Guided Filter", 2015) reads coverage off the colours. Where they do not differ (a mask drawn
across one wall) the photo tells nothing, and the border stays as sharp as it was drawn.

A mask counts a pixel that is half wall as wall, and one that is a third wall as none; left alone, that third would stay
as a rim in the old colour. So coverage goes one pixel beyond the mask, where the photo tells that wall is in it.
"""

from __future__ import annotations

import cv2
import numpy as np

from .filters import shrunk

EPSILON = 1e-4  # ridge of the colour fit, (1/100 of full scale) squared: about the noise of a JPEG
LOW, HIGH = 0.15, 0.75  # the filter is never quite sure: these count as 0 and 1
BEYOND = 1  # pixels outside the mask that may be partly wall
CONTRAST = 20  # codes; a wall and what is beside it closer in colour than this tell nothing of a mixture
OFF_LINE = 0.4  # how far, in lengths of the line between two colours, a mixture of both may lie beside it
APART = 3  # codes; a pixel closer to an outer neighbour is of the same thing
COARSE_RADIUS = 4  # the fit runs on pictures so small that `radius` is about this many of their pixels


def soft_border(pixels: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """Coverage of each pixel by the wall under a mask, (h, w) uint8: 255 wall alone, 0 none of it.

    pixels: (h, w, 3) uint8 RGB and mask: (h, w) bool, the same part of a photo, with a margin of `radius` pixels
    around the mask where the photo has them. radius: how far inside the mask its true border may lie, in pixels;
    outside, it is looked for within `BEYOND`.
    """
    coverage = mask.view(np.uint8) * np.uint8(255)
    height, width = mask.shape
    scale = max(1, round(radius / COARSE_RADIUS))
    small = (max(1, round(width / scale)), max(1, round(height / scale)))
    guide, target = (shrunk(values, small).astype(np.float32) / 255 for values in (pixels, coverage))
    reach = max(1, round(radius / scale))
    wall = (target > 0.5).view(np.uint8)
    # The colours of both sides are learned where the mask is surely right, and applied where it may not be.
    strip = np.ones((3, 3), np.uint8)
    inner = cv2.erode(wall, strip, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    sure = (cv2.dilate(wall, strip) == inner).astype(np.float32)
    slopes, offset, trust = _fit(guide, wall.astype(np.float32), sure, reach)

    rows, columns = pixels_of(_band(mask, radius).view(np.uint8))
    if not len(rows):
        return coverage
    planes = cv2.merge([*cv2.split(slopes), offset])
    near = sample(planes, rows, columns, mask.shape)
    seen = np.einsum("nc,nc->n", near[:, :3], pixels[rows, columns].astype(np.float32) / 255) + near[:, 3]
    seen = np.clip((seen - LOW) / (HIGH - LOW), 0, 1)
    believed = sample(trust, rows, columns, mask.shape)[:, 0]
    said = mask[rows, columns].astype(np.float32)
    beyond = said == 0
    share = _mixed(pixels, mask, rows[beyond], columns[beyond])
    believed[beyond] *= share > 0
    seen[beyond] = (seen[beyond] + share) / 2  # two readings of one coverage: the mean errs less than either
    coverage[rows, columns] = np.round(255 * (said + believed * (seen - said))).astype(np.uint8)
    return coverage


def _band(mask: np.ndarray, radius: int) -> np.ndarray:
    """(h, w) bool: within `radius` of the mask's border inside it, `BEYOND` outside; the photo's frame is no border."""
    inside, outside = (np.ones((2 * reach + 1, 2 * reach + 1), np.uint8) for reach in (radius, BEYOND))
    inner = cv2.erode(mask.view(np.uint8), inside, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    band: np.ndarray = cv2.dilate(mask.view(np.uint8), outside) != inner
    return band


def _mixed(pixels: np.ndarray, mask: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(N,): the wall's share in N pixels beside the mask, 0 for those that are no mixture of it and what lies beyond.

    Where three colours meet the filter takes the third for a mixture of the others. A mixture lies about on the line
    from the colour two pixels further in to the one two pixels out, and is like neither of its outer neighbours.
    """
    steps = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if (y, x) != (0, 0)]
    around = cv2.copyMakeBorder(mask.view(np.uint8), 2, 2, 2, 2, cv2.BORDER_REPLICATE)
    inward = np.zeros((len(rows), 2), np.float32)
    for y, x in steps:
        inward += around[rows + 2 + y, columns + 2 + x, None] * np.array([y, x], np.float32)
    inward /= np.maximum(np.hypot(*inward.T), 1e-6)[:, None]

    def colour(distance: int) -> np.ndarray:
        y = np.clip(np.rint(rows + distance * inward[:, 0]).astype(int), 0, mask.shape[0] - 1)
        x = np.clip(np.rint(columns + distance * inward[:, 1]).astype(int), 0, mask.shape[1] - 1)
        codes: np.ndarray = pixels[y, x].astype(np.float32)
        return codes

    own, inside, next_out, outside = colour(0), colour(2), colour(-1), colour(-2)
    line = inside - outside
    length = np.maximum((line * line).sum(1), 1e-6)
    share = ((own - outside) * line).sum(1) / length
    off = np.linalg.norm(own - outside - share[:, None] * line, axis=1)
    length = np.sqrt(length)
    apart = np.minimum(np.linalg.norm(own - next_out, axis=1), np.linalg.norm(own - outside, axis=1))
    between = (length > CONTRAST) & (share > 0) & (share < 1) & (off < OFF_LINE * length) & (apart > APART)
    return np.where(between, share, 0)


def _fit(
    guide: np.ndarray, target: np.ndarray, weight: np.ndarray, radius: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Around each pixel, the plane through the colours that explains `target` best, by the pixels of weight 1.

    Returns slopes (h, w, 3), offset (h, w), and trust (h, w): 0 where the plane explains none of the target's variance,
    1 where it explains half of it or more.
    """

    def blur(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    norm = blur(weight) + 1e-6

    def mean(values: np.ndarray) -> np.ndarray:
        return blur(values * weight) / norm

    red, green, blue = cv2.split(guide)
    mean_red, mean_green, mean_blue = mean(red), mean(green), mean(blue)
    mean_target = mean(target)
    with_red = mean(red * target) - mean_red * mean_target
    with_green = mean(green * target) - mean_green * mean_target
    with_blue = mean(blue * target) - mean_blue * mean_target
    rr = mean(red * red) - mean_red * mean_red + EPSILON
    gg = mean(green * green) - mean_green * mean_green + EPSILON
    bb = mean(blue * blue) - mean_blue * mean_blue + EPSILON
    rg = mean(red * green) - mean_red * mean_green
    rb = mean(red * blue) - mean_red * mean_blue
    gb = mean(green * blue) - mean_green * mean_blue
    # The 3x3 covariance inverted by its cofactors: no loop, no LAPACK call per pixel.
    irr, irg, irb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    igg, igb, ibb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = np.maximum(rr * irr + rg * irg + rb * irb, EPSILON**3)
    slope_red = (irr * with_red + irg * with_green + irb * with_blue) / determinant
    slope_green = (irg * with_red + igg * with_green + igb * with_blue) / determinant
    slope_blue = (irb * with_red + igb * with_green + ibb * with_blue) / determinant
    explained = slope_red * with_red + slope_green * with_green + slope_blue * with_blue
    trust = np.clip(2 * blur(explained) / np.maximum(blur(mean_target * (1 - mean_target)), 1e-3), 0, 1)
    offset = mean_target - slope_red * mean_red - slope_green * mean_green - slope_blue * mean_blue
    return blur(cv2.merge([slope_red, slope_green, slope_blue])), blur(offset), trust


def pixels_of(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels of a (h, w) uint8 mask, row by row: `np.nonzero`, several times as fast."""
    found = cv2.findNonZero(mask)
    if found is None:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    columns, rows = found.reshape(-1, 2).T.astype(np.intp)
    return rows, columns


def sample(planes: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(N, C): coarse `planes` read, bilinearly, at N pixels of a picture of `size` (H, W)."""
    height, width = planes.shape[:2]
    x = ((columns + 0.5) * (width / size[1]) - 0.5).astype(np.float32)
    y = ((rows + 0.5) * (height / size[0]) - 0.5).astype(np.float32)
    wide = 4096  # remap refuses rows longer than 32767
    fill = -len(x) % wide
    x, y = (np.pad(v, (0, fill)).reshape(-1, wide) for v in (x, y))
    read = cv2.remap(planes, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return read.reshape(x.size, -1)[: len(rows)]


def surroundings(pixels: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """(N, 3) uint8: what everything but the wall gives to the N pixels with coverage below 255 (row by row).

    It is the pixel less `coverage` times the colour of the wall beside it. New paint goes on as
    ``surroundings + coverage * paint``, and no rim of the old paint stays.
    """
    rows, columns = pixels_of(cv2.inRange(coverage, 1, 254))
    if not len(rows):
        return np.zeros((0, 3), np.uint8)
    height, width = coverage.shape
    small = (max(1, round(width / 4)), max(1, round(height / 4)))
    core = (coverage == 255).astype(np.uint8)
    core = cv2.erode(core, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    weight = shrunk(core * np.uint8(255), small).astype(np.float32) / 255
    wall = shrunk(cv2.copyTo(pixels, core), small).astype(np.float32)
    near_weight = cv2.blur(weight, (5, 5)) + 1e-6
    near_wall = cv2.blur(wall, (5, 5)) / near_weight[..., None]
    known = np.minimum(near_weight / 0.02, 1)
    read = sample(cv2.merge([*cv2.split(near_wall), known]), rows, columns, coverage.shape)
    own = pixels[rows, columns].astype(np.float32)
    old_paint = own + (read[:, :3] - own) * read[:, 3:]
    share = coverage[rows, columns].astype(np.float32)[:, None] / 255
    rest = np.clip(own - share * old_paint, 0, 255 * (1 - share))
    codes: np.ndarray = np.round(rest).astype(np.uint8)
    return codes
