"""Bare brick under new paint: bricks and mortar become one, and what told them apart is taken out of the light.

What the hue explains is stain and no light. Of the fine contrast that remains half goes, too: bricks differ in
lightness as well. How much that is follows from what lies around, a brick's width wide: it is worked out on small
pictures of the whole wall.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..masks.boxes import Box
from ..types import Photo
from .filters import enlarged, smoothing
from .light import PROXY, Light
from .srgb import LINEAR

LOGS = np.log(LINEAR + 0.004).astype(np.float32)
MOST = 0.7  # ln; no stain is stronger


@dataclass(frozen=True, eq=False)
class Plaster:
    """How paint evens out the bare brick of a wall, told by small pictures of its box.

    size: (h, w) of the box in the photo. usual: stain around each pixel. slope, offset: of `smoothing` over a brick.
    """

    size: tuple[int, int]
    light: Light
    usual: np.ndarray
    slope: np.ndarray
    offset: np.ndarray

    @classmethod
    def of(cls, photo: Photo, light: Light, known: np.ndarray, box: Box) -> Plaster:
        """Of a box (XYWH) of the photo; known: (h, w) uint8, above 150 where the bare wall is."""
        x, y, w, h = box
        radius = max(3, round(6 * max(photo.size) / PROXY))  # reaches over a brick and its mortar
        scale = max(1, radius // 4)
        fine = max(1, scale // 3)
        size, small = (max(1, w // fine), max(1, h // fine)), (max(1, w // scale), max(1, h // scale))
        pixels = cv2.resize(photo.pixels[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
        shade = np.sqrt(light.shade(cv2.LUT(pixels, LINEAR.reshape(1, 256, 1))))
        stain = _stain(pixels, light)
        inside = (cv2.resize(known, small, interpolation=cv2.INTER_AREA) > 150).view(np.uint8)
        weight = inside.astype(np.float32)
        side = (2 * (radius // scale) + 1,) * 2
        usual = cv2.resize(stain, small, interpolation=cv2.INTER_AREA)
        usual = cv2.blur(usual * weight, side) / (cv2.blur(weight, side) + 1e-6)
        shade *= _without(light, stain - cv2.resize(usual, size, interpolation=cv2.INTER_LINEAR))
        coarse = cv2.resize(shade, small, interpolation=cv2.INTER_AREA)
        return cls((h, w), light, usual, *smoothing(coarse, inside, 0.1, radius // scale))

    def over(self, shade: np.ndarray, pixels: np.ndarray, top: int) -> np.ndarray:
        """`shade` (square root of light) of the rows from `top` of the box, with their pixels, plastered over."""
        rows, width = shade.shape
        usual, slope, offset = (
            enlarged(values, (0, top, width, rows), self.size) for values in (self.usual, self.slope, self.offset)
        )
        shade = shade * _without(self.light, _stain(pixels, self.light) - usual)
        plastered: np.ndarray = shade + 0.5 * self.light.bare * ((slope - 1) * shade + offset)
        return plastered


def _stain(pixels: np.ndarray, light: Light) -> np.ndarray:
    """(h, w) float32: how stained each pixel is, ln of light."""
    return cv2.transform(cv2.LUT(pixels, LOGS.reshape(1, 256, 1)), light.stain.reshape(1, 3))


def _without(light: Light, stain: np.ndarray) -> np.ndarray:
    """What the square root of light is multiplied by to be without a stain."""
    factor: np.ndarray = cv2.exp(np.clip(-0.5 * light.bare * stain, -MOST, MOST))
    return factor
