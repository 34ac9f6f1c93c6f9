"""Blown highlights and reflections: what the lens saw of a lamp or the sky in a wall stays one, in the new colour."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sam2_painter.paint.composite import composite, wall_paints
from sam2_painter.paint.srgb import LINEAR, linear_to_srgb
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import Layer, Mask, Photo

Y, X = np.mgrid[0:240, 0:320]
FROM_LAMP = np.hypot(X - 120, Y - 110)
LAMP, SKY = np.array([3, 2.85, 2.55]), np.array([0.03, 0.04, 0.05])
WALL = (Y >= 20) & (X < 300)
GREEN, BLUE, RED = (143, 165, 139), (60, 85, 105), (170, 40, 35)
NAVY, WHITE, BRICK = (32, 48, 78), (244, 241, 234), (170, 50, 45)


def wall(paint, mirrored) -> Photo:
    """A wall whose light falls off to the right, with grain and noise, and what it mirrors (240, 320, 3), linear."""
    rng = np.random.default_rng(5)
    grain = cv2.GaussianBlur(rng.standard_normal(X.shape).astype(np.float32), (0, 0), 1.5)
    light = (0.75 - 0.001 * X) * np.exp(0.15 * grain)
    seen = cv2.GaussianBlur((LINEAR[list(paint)] * light[..., None] + mirrored).astype(np.float32), (0, 0), 0.8)
    codes = 255 * linear_to_srgb(np.clip(seen, 0, 1)) + rng.normal(0, 1, seen.shape)
    return Photo(np.round(codes.clip(0, 255)).astype(np.uint8))


def painted(photo: Photo, color) -> np.ndarray:
    return composite(photo, [Layer(Mask(mask_to_rle(WALL)), color, 1.0)]).astype(int)


@pytest.mark.parametrize("new", [NAVY, WHITE, BRICK], ids=["navy", "white", "brick"])
@pytest.mark.parametrize("old", [GREEN, BLUE, RED], ids=["green", "blue", "red"])
def test_the_blown_reflection_of_a_lamp(old, new):
    """It is brightest, fades outwards without a rim, in the new hue, and leaves the rest of the wall as without it."""
    photo = wall(old, LAMP * np.exp(-((FROM_LAMP / 9) ** 2) / 2)[..., None])
    assert (photo.pixels[FROM_LAMP < 12] >= 250).all(-1).any()
    result, without = painted(photo, new), painted(wall(old, np.zeros(3)), new)
    rings = np.array([result[(FROM_LAMP >= r) & (FROM_LAMP < r + 4)].mean(0) for r in range(0, 60, 4)])
    assert (np.diff(rings, axis=0) < 3).all()  # no dark rim, no bright one
    assert (rings[0] > rings[-1] + 8).all()
    paint = np.argsort(new)
    assert (np.diff(rings[:, paint], axis=1) > -2).all()  # navy stays navy where the photo is white
    assert np.abs(result - without)[WALL & (FROM_LAMP > 75)].mean() < 3


@pytest.mark.parametrize("old", [GREEN, RED], ids=["green", "red"])
def test_the_sky_mirrored_in_gloss_is_no_second_paint(old):
    """A pale veil that fades along the wall is light: the wall has one paint, and keeps the veil as brightness."""
    veil = np.clip((150 - X) / 100 + 0.5, 0, 1)[..., None] * SKY
    photo = wall(old, veil)
    assert len(wall_paints(photo, mask_to_rle(WALL))) == 1
    columns = painted(photo, WHITE)[30:230].mean((0, 2))[10:290]
    assert np.diff(columns.reshape(-1, 40).mean(1)).max() < 3
