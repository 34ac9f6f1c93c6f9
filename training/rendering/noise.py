"""Noise from an integer hash: the same picture on every machine and with every version of numpy."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

_SIDE = 512


def hashed(a: np.ndarray, b: np.ndarray, salt: int = 0) -> np.ndarray:
    """Whole numbers a, b -> an even spread over [0, 1), the same for ever."""
    with np.errstate(over="ignore"):
        h = a.astype(np.int64).astype(np.uint32) * np.uint32(0x9E3779B1)
        h ^= b.astype(np.int64).astype(np.uint32) * np.uint32(0x85EBCA77) + np.uint32(salt * 0x27D4EB2F & 0xFFFFFFFF)
        for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
            h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
        h ^= h >> np.uint32(15)
    return (h >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


@cache
def _noise_tile() -> np.ndarray:
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    return hashed(columns, rows, 7)


def noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Smooth noise in [0, 1] with features one unit wide."""
    shape = np.shape(x)
    wrapped = [np.mod(np.ravel(v), _SIDE).astype(np.float32) for v in (x, y)]
    out = np.empty(wrapped[0].shape, np.float32)
    for top in range(0, len(out), 30_000):  # remap takes pictures of at most 32767 a side
        piece = slice(top, top + 30_000)
        out[piece] = cv2.remap(
            _noise_tile(),
            wrapped[0][piece][None],
            wrapped[1][piece][None],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )[0]
    return out.reshape(shape)


def fractal(x: np.ndarray, y: np.ndarray, octaves: int = 4) -> np.ndarray:
    """Noise at several scales, each half as strong and twice as fine, in [0, 1]."""
    total, weight = 0, 0.0
    for octave in range(octaves):
        share = 0.5**octave
        total = total + share * noise(x * 2**octave + 17.3 * octave, y * 2**octave + 5.1 * octave)
        weight += share
    return total / weight


def grain(height: int, width: int) -> np.ndarray:
    """(height, width) film grain with mean 0."""
    rows, columns = np.mgrid[:height, :width]
    return hashed(columns, rows, 3) + hashed(columns, rows, 5) - 1
