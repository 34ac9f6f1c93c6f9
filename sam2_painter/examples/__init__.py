"""Example photos: buildings that a small renderer of ours makes up, with exact masks of their parts.

``python -m sam2_painter.examples FOLDER`` writes them as JPEG files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InvalidInput
from ..types import whole_number

NAMES = ("brick-house", "town-house", "siding-cottage")
WIDTH, JPEG_QUALITY = 1600, 80
_SAMPLES = 2  # a side, for each pixel
_ASPECT = 3 / 4


@dataclass(frozen=True, eq=False)
class Example:
    """pixels: (H, W, 3) uint8 RGB. masks: by the name of the part, (H, W) bool, no two overlapping."""

    pixels: np.ndarray
    masks: dict[str, np.ndarray]


def path(name: str) -> Path:
    """The JPEG of an example that comes with the package."""
    return Path(__file__).parents[1] / "assets" / "examples" / f"{_known(name)}.jpg"


def render(name: str, width: int = WIDTH) -> Example:
    """Make an example anew; the same pixels each time. width: 16 to 4096, the height is three quarters of it."""
    from . import scenes
    from .renderer import develop, shrink
    from .renderer import render as trace

    width = whole_number(width, "width", 16, 4096)
    scene = scenes.SCENES[_known(name)]()
    size = (round(width * _ASPECT) * _SAMPLES, width * _SAMPLES)
    light, seen = trace(scene.faces, scene.camera, scene.sun, size, scene.exposure)
    parts = ["sky", *dict.fromkeys(face.part for face in scene.faces)]
    part_of = np.array([parts.index(face.part) for face in scene.faces] + [0])  # -1, the sky, is the last
    samples = part_of[seen].astype(np.uint8)
    shares = {part: shrink((samples == i).astype(np.uint8) * 255, _SAMPLES) for i, part in enumerate(parts)}
    most = np.argmax(np.stack(list(shares.values())), axis=0)
    masks = {part: most == i for i, part in enumerate(parts) if (most == i).any()}
    return Example(develop(shrink(light, _SAMPLES)), masks)


def _known(name: str) -> str:
    if name not in NAMES:
        raise InvalidInput(f"example must be one of {', '.join(NAMES)}", "name")
    return name
