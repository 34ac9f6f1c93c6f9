"""A small renderer that makes up photos of buildings, with exact masks of their parts.

``python -m training.rendering FOLDER`` writes the examples of `sam2_painter.photos.examples` as JPEG files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam2_painter.errors import InvalidInput
from sam2_painter.types import whole_number

from . import scenes
from .renderer import develop, nearest, shrink
from .renderer import render as trace

WIDTH, JPEG_QUALITY = 1600, 80
_SAMPLES = 2  # a side, for each pixel
_ASPECT = 3 / 4


@dataclass(frozen=True, eq=False)
class Example:
    """pixels: (H, W, 3) uint8 RGB. masks: by the name of the part, (H, W) bool, no two overlapping."""

    pixels: np.ndarray
    masks: dict[str, np.ndarray]


def render(name: str, width: int = WIDTH) -> Example:
    """Make an example anew; the same pixels each time. width: 16 to 4096, the height is three quarters of it."""
    scene, size = _scene(name, width)
    light, seen = trace(scene.faces, scene.camera, scene.sun, size, scene.exposure)
    return Example(develop(shrink(light, _SAMPLES)), _masks(scene, seen))


def masks(name: str, width: int = WIDTH) -> dict[str, np.ndarray]:
    """The masks of `render`, without the light: in less than half the time."""
    scene, size = _scene(name, width)
    return _masks(scene, nearest(scene.faces, scene.camera, size))


def _scene(name: str, width: int) -> tuple[scenes.Scene, tuple[int, int]]:
    """What an example shows, and the (H, W) that it is traced at."""
    if name not in scenes.SCENES:
        raise InvalidInput(f"example must be one of {', '.join(scenes.SCENES)}", "name")
    width = whole_number(width, "width", 16, 4096)
    return scenes.SCENES[name](), (round(width * _ASPECT) * _SAMPLES, width * _SAMPLES)


def _masks(scene: scenes.Scene, seen: np.ndarray) -> dict[str, np.ndarray]:
    """By part, the pixels that see most of it. seen: see `renderer.nearest`."""
    parts = ["sky", *dict.fromkeys(face.part for face in scene.faces)]
    part_of = np.array([parts.index(face.part) for face in scene.faces] + [0])  # -1, the sky, is the last
    samples = part_of[seen].astype(np.uint8)
    shares = [shrink((samples == i).astype(np.uint8) * 255, _SAMPLES) for i in range(len(parts))]
    most = np.argmax(np.stack(shares), axis=0)
    return {part: most == i for i, part in enumerate(parts) if (most == i).any()}
