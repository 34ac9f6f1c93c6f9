"""The annotated photos: where they lie, what is in them, and which are held out.

A data folder has ``train/`` and ``dev/``, each with ``manifest.json``, ``images/NAME.jpg`` and ``labels/NAME.png``
(16-bit: 0 not annotated, 1.. the region's id).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sam2_painter.engines.offline.boundary import lab_gradient
from sam2_painter.engines.offline.network import CLASSES

IGNORED = 255  # of a class: not known
UNKNOWN = -1  # of an instance: not known, and not known to be one thing either
LARGE = 0.012  # of the photo: an unannotated component that large is more than a left-out window
CALM = 1.6  # Lab units a pixel: what is smoother, unannotated and reaches the top of the photo is sky


@dataclass(frozen=True)
class Region:
    """One annotated region: its id in the label map, the painter's name for it, a click well inside (XY), area in
    [0, 1].
    """

    id: int
    painter: str
    click: tuple[int, int]
    area: float


@dataclass(frozen=True)
class Example:
    """One annotated photo; pixels are read when asked for."""

    folder: Path
    name: str
    regions: tuple[Region, ...]

    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        return cv2.imread(str(self.folder / "images" / f"{self.name}.jpg"))[:, :, ::-1]

    def labels(self) -> np.ndarray:
        """(H, W) int32: region ids, 0 where nothing is annotated."""
        return cv2.imread(str(self.folder / "labels" / f"{self.name}.png"), cv2.IMREAD_UNCHANGED).astype(np.int32)


def read_split(data: str | Path, split: str) -> list[Example]:
    """The examples of ``train`` or ``dev``, in the manifest's order."""
    folder = Path(data) / split
    images = json.loads((folder / "manifest.json").read_text())["images"]
    return [
        Example(
            folder,
            image["name"],
            tuple(Region(r["id"], r["painter"], tuple(r["click"]), r["area"]) for r in image["regions"]),
        )
        for image in images
    ]


def class_map(image: np.ndarray, labels: np.ndarray, regions: tuple[Region, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(classes, instances) of a photo (H, W, 3) uint8 RGB and its label map.

    classes: (H, W) uint8, indices into CLASSES or IGNORED. instances: (H, W) int32, ids that differ across every true
    border; 0 for small things that were left out, UNKNOWN for large parts that nobody looked at (they hide borders).
    Sky is not annotated in the data: it is what is unannotated and calm down from the top edge.
    """
    lookup = np.full(int(labels.max()) + 1, IGNORED, np.uint8)
    for region in regions:
        lookup[region.id] = CLASSES.index(region.painter)
    classes, instances = lookup[labels], labels.copy()
    free = labels == 0
    sky = _calm_from_the_top(image, free)
    classes[sky], instances[sky] = CLASSES.index("sky"), len(lookup)
    _, components, stats, _ = cv2.connectedComponentsWithStats((free & ~sky).astype(np.uint8), connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] > LARGE * labels.size
    large[0] = False
    instances[large[components]] = UNKNOWN
    return classes, instances


def _calm_from_the_top(image: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(H, W) bool: the free pixels that can be reached from the top edge over smooth ground only."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    calm = cv2.erode((free & (lab_gradient(lab, 2.0) < CALM)).astype(np.uint8), np.ones((5, 5), np.uint8))
    _, components, stats, _ = cv2.connectedComponentsWithStats(calm, connectivity=4)
    from_top = (stats[:, cv2.CC_STAT_TOP] <= 4) & (stats[:, cv2.CC_STAT_AREA] > LARGE / 6 * free.size)
    from_top[0] = False
    return free & (cv2.dilate(from_top[components].astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)
