"""Where one surface ends and the next begins: the boundary map.

Two kinds of evidence. Fine gradients in Lab say exactly where a border lies; a texture gradient says whether
the two sides look different at all: the colour and texture histograms of opposite half windows, compared by
chi-square at four angles (the idea of Martin, Fowlkes and Malik's Pb, 2004).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

WORK_SIDE = 1024  # px, long side of the picture that is analysed
MIN_SIDE = 16  # px: thinner photos are stretched, every filter below then has room
BINS = 6  # of each histogram; their limits are quantiles of the photo itself


@dataclass(frozen=True)
class Boundary:
    """Maps of the work picture (h, w), float32. lab: (h, w, 3) CIE Lab. fine, texture, strength: in [0, 1]."""

    lab: np.ndarray
    fine: np.ndarray
    texture: np.ndarray
    strength: np.ndarray


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


def texture_gradient(lab: np.ndarray) -> np.ndarray:
    """(h, w) in [0, 1]: how different the histograms of opposite half windows are, at the angle where they differ
    most.
    """
    height, width = lab.shape[:2]
    small = cv2.resize(lab, (max(8, width // 2), max(8, height // 2)), interpolation=cv2.INTER_AREA)
    light = small[..., 0]
    mean = cv2.blur(light, (5, 5))
    rough = np.sqrt(np.maximum(cv2.blur(light * light, (5, 5)) - mean * mean, 0))
    result = np.zeros(light.shape, np.float32)
    members = [m for channel in (light, small[..., 1], small[..., 2], rough) for m in _bin_members(channel)]
    for radius in (4, 8):
        result += _half_window_distance(members, radius)
    return cv2.resize(result / 2, (width, height), interpolation=cv2.INTER_LINEAR)


def _bin_members(channel: np.ndarray) -> list[np.ndarray]:
    """Maps that are 1 where the channel falls into a bin; bins narrower than 2 Lab units are joined (noise is no
    texture).
    """
    limits = np.quantile(channel[::2, ::2], np.arange(1, BINS) / BINS)
    kept: list[float] = []
    for limit in limits:
        if not kept or limit - kept[-1] >= 2.0:
            kept.append(float(limit))
    words = np.digitize(channel, kept)
    return [(words == k).astype(np.float32) for k in range(len(kept) + 1)]


def _half_window_distance(members: list[np.ndarray], radius: int) -> np.ndarray:
    """(h, w) in [0, 1]: the largest over four angles of the chi-square distance between windows on either side."""
    half = radius // 2
    window = 2 * half + 1
    shifts = ((half + 1, 0), (0, half + 1), (half, half), (half, -half))
    height, width = members[0].shape
    sums = np.zeros((4, height, width), np.float32)
    for member in members:
        share = cv2.copyMakeBorder(
            cv2.blur(member, (window, window)), radius, radius, radius, radius, cv2.BORDER_REPLICATE
        )
        for total, (dx, dy) in zip(sums, shifts, strict=True):
            one = share[radius + dy : radius + dy + height, radius + dx : radius + dx + width]
            other = share[radius - dy : radius - dy + height, radius - dx : radius - dx + width]
            difference = one - other
            total += difference * difference / (one + other + np.float32(1e-3))
    # Four channels vote, each with at most 2.
    return np.sqrt(np.clip(sums.max(axis=0) / 8, 0, 1))


def find_boundary(picture: np.ndarray) -> Boundary:
    """The boundary map of a work picture (h, w, 3) uint8 RGB."""
    calm = cv2.bilateralFilter(picture, 5, 30, 5)
    lab = cv2.cvtColor(calm.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    fine = np.minimum(lab_gradient(lab, 1.0) / 12, 1)
    broad = np.minimum(lab_gradient(lab, 2.5) / 8, 1)
    texture = texture_gradient(lab)
    strength = np.float32(0.35) * fine + np.float32(0.25) * broad + np.float32(0.4) * texture
    return Boundary(lab, fine, texture, strength)
