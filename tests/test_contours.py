"""A mask's border as SVG path data: drawn again, it is the mask."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from sam2_painter.masks import contours
from sam2_painter.rle import mask_to_rle


def corners(path: str) -> list[np.ndarray]:
    """The closed lines of a path, (N, 2) each."""
    lines = []
    for line in re.findall(r"M([^z]*)z", path):
        at = np.array([int(v) for v in re.match(r"(\d+) (\d+)", line).groups()])
        found = [at]
        for kind, a, b in re.findall(r"([hvl])(-?\d+)(?: (-?\d+))?", line):
            at = at + {"h": (int(a), 0), "v": (0, int(a)), "l": (int(a), int(b or 0))}[kind]
            found.append(at)
        lines.append(np.array(found))
    return lines


def filled(path: str, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: what a canvas fills by the even-odd rule, looked at in the middle of each pixel."""
    inside = np.zeros(size, bool)
    ys, xs = np.mgrid[: size[0], : size[1]] + 0.5
    for line in corners(path):
        for (x1, y1), (x2, y2) in zip(line, np.roll(line, -1, axis=0), strict=True):
            crosses = (y1 > ys) != (y2 > ys)
            with np.errstate(divide="ignore", invalid="ignore"):
                inside ^= crosses & (xs < (x2 - x1) * (ys - y1) / (y2 - y1) + x1)
    return inside


def blobs(size: tuple[int, int], seed: int) -> np.ndarray:
    """A mask with bays, islands and holes."""
    noise = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 3) > 0.03


@pytest.mark.parametrize("seed", range(4))
def test_filled_it_is_the_mask(seed):
    """Holes and islands are there; it differs by half a pixel at most, where a corner is cut."""
    mask = blobs((60, 90), seed)
    again = filled(contours.to_svg_path(mask_to_rle(mask), tolerance=0), mask.shape)
    square = np.ones((3, 3), np.uint8)
    border = cv2.dilate(mask.view(np.uint8), square) != cv2.erode(mask.view(np.uint8), square)
    assert not ((again != mask) & ~border).any()
    assert (again != mask).mean() < 0.04


def test_straight_borders_are_exact():
    """A wall is a rectangle of four corners, pixel by pixel, also at the photo's own edge."""
    mask = np.zeros((20, 30), bool)
    mask[4:20, 3:25] = True
    path = contours.to_svg_path(mask_to_rle(mask))
    np.testing.assert_array_equal(filled(path, mask.shape), mask)
    assert [len(line) for line in corners(path)] == [4]


def test_single_pixels_and_nothing():
    """One pixel is a square of one; an empty mask is no path."""
    mask = np.zeros((9, 12), bool)
    assert contours.to_svg_path(mask_to_rle(mask)) == ""
    mask[2, 3] = True
    assert contours.to_svg_path(mask_to_rle(mask)) == "M3 2v1h1v-1z"


def test_large_masks_stay_small():
    """A mask of a photo of 12 megapixels is a few hundred points; one of a thousand specks is coarser, not longer."""
    ys, xs = np.mgrid[:3000, :4000]
    disc = (xs - 2000) ** 2 + (ys - 1500) ** 2 < 1200**2
    assert sum(map(len, corners(contours.to_svg_path(mask_to_rle(disc))))) < 400
    specks = np.random.default_rng(0).random((1000, 1000)) < 0.1
    path = contours.to_svg_path(mask_to_rle(specks))
    assert path
    assert sum(map(len, corners(path))) <= contours.MAX_POINTS
