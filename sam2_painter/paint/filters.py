"""Filters and resizing that the analysis of a wall shares, each as fast as OpenCV allows."""

from __future__ import annotations

import cv2
import numpy as np

from ..masks.boxes import Box

COARSER = 4  # what is smooth is enlarged by this much in one step, and so far by another


def smoothing(
    shade: np.ndarray, inside: np.ndarray, noise: float | np.ndarray, radius: int
) -> tuple[np.ndarray, np.ndarray]:
    """Self-guided filter (He et al. 2013) of the pixels inside: slope and offset of ``slope * shade + offset``.

    Flattens ripples about as low as `noise` and keeps edges. inside: (h, w) uint8, 0 or 1. radius: 7 at most.
    """
    side = 2 * radius + 1
    window = np.full(side, 1 / side, np.float32)

    def mean(values: np.ndarray) -> np.ndarray:  # faster than the box filter, which adds in double precision
        return cv2.sepFilter2D(values, -1, window, window, borderType=cv2.BORDER_REFLECT)

    count = cv2.boxFilter(inside, -1, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT)
    share = cv2.LUT(count, (1 / (np.arange(256) / side**2 + 1e-6)).astype(np.float32))
    own = cv2.copyTo(shade, inside)
    average = mean(own)
    average *= share
    slope = mean(cv2.multiply(own, shade))
    slope *= share
    slope -= cv2.multiply(average, average)
    slope /= slope + noise * noise
    slope = cv2.copyTo(slope, inside)
    offset = mean(cv2.subtract(cv2.copyTo(average, inside), cv2.multiply(average, slope)))
    slope = mean(slope)
    slope *= share
    offset *= share
    return slope, offset


def shrunk(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture shrunk to (width, height): about an area average, by fast steps to a half of its size first."""
    while (height := values.shape[0]) > 3 * size[1] and (width := values.shape[1]) > 3 * size[0]:
        values = cv2.resize(values, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)


def enlarged(values: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """(h, w, ...) float32: a smooth small picture, bilinearly, in a box (XYWH) of the picture of `size` (H, W).

    Beside a picture many times as large it is first enlarged to a fourth of that, and then in one fast step.
    """
    x, y, w, h = box
    times = COARSER if min(size[0] / values.shape[0], size[1] / values.shape[1]) > COARSER else 1
    step_x, step_y = values.shape[1] / size[1], values.shape[0] / size[0]
    wide, tall = -(-w // times), -(-h // times)
    where = np.array(
        [
            [times * step_x, 0, (x + 0.5 * times) * step_x - 0.5],
            [0, times * step_y, (y + 0.5 * times) * step_y - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    coarse = cv2.warpAffine(values, where, (wide, tall), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if times == 1:
        return coarse
    large: np.ndarray = cv2.resize(coarse, (times * wide, times * tall), interpolation=cv2.INTER_LINEAR)[:h, :w]
    return large
