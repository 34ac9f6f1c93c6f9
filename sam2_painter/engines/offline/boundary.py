"""The picture that is analysed, and where one surface ends and the next begins in it."""

from __future__ import annotations

import cv2
import numpy as np

WORK_SIDE = 1024  # px, long side of the picture that is analysed
MIN_SIDE = 16  # px: thinner photos are stretched, every filter below then has room


def work_picture(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> the same at WORK_SIDE at most and MIN_SIDE at least."""
    height, width = pixels.shape[:2]
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = (max(MIN_SIDE, round(width * scale)), max(MIN_SIDE, round(height * scale)))
    if size == (width, height):
        return pixels
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def lab_gradient(lab: np.ndarray, sigma: float) -> np.ndarray:
    """(h, w) gradient of the smoothed picture in Lab units a pixel; chroma counts more, for shadows change
    lightness only.
    """
    smooth = cv2.GaussianBlur(lab, (0, 0), sigma)
    total = np.zeros(lab.shape[:2], np.float32)
    for channel, weight in ((0, 1.0), (1, 1.6), (2, 1.6)):
        dx = cv2.Scharr(smooth[..., channel], cv2.CV_32F, 1, 0, scale=1 / 32)
        dy = cv2.Scharr(smooth[..., channel], cv2.CV_32F, 0, 1, scale=1 / 32)
        total += np.float32(weight * weight) * (dx * dx + dy * dy)
    return np.sqrt(total)


def find_edges(picture: np.ndarray) -> np.ndarray:
    """(h, w) float32 in [0, 1]: gradients in Lab at two scales, of an (h, w, 3) uint8 RGB picture."""
    calm = cv2.bilateralFilter(picture, 5, 30, 5)
    lab = cv2.cvtColor(calm.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    fine = np.minimum(lab_gradient(lab, 1.0) / 12, 1)
    broad = np.minimum(lab_gradient(lab, 2.5) / 8, 1)
    return np.float32(0.6) * fine + np.float32(0.4) * broad
