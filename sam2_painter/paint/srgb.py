"""sRGB codes and linear light, and the hue of light in logarithms."""

from __future__ import annotations

import numpy as np

from ..photos.profiles import srgb_to_linear

LUMINANCE = np.array([0.2126729, 0.7151522, 0.0721750], np.float32)  # of linear sRGB (IEC 61966-2-1)

# Directions in the plane of (ln red/green, ln blue/green): from warm sun to cool sky, and across it.
WARM_COOL, ACROSS = np.array([0.592, -0.806], np.float32), np.array([0.806, 0.592], np.float32)


def linear_to_srgb(light: np.ndarray) -> np.ndarray:
    """Linear light -> sRGB; the inverse of `srgb_to_linear`, negative light counts as none."""
    light = np.maximum(light, 0)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


LINEAR = srgb_to_linear(np.arange(256) / 255).astype(np.float32)  # (256,) linear light of each sRGB code


def log_chromaticity(linear: np.ndarray) -> np.ndarray:
    """(..., 3) linear light -> (..., 2): ln red/green and ln blue/green."""
    logs = np.log(linear)
    return np.stack([logs[..., 0] - logs[..., 1], logs[..., 2] - logs[..., 1]], -1)
