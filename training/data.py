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

from sam2_painter.engines.offline.network import CLASSES

IGNORED = 255
SKY_AREA = 0.012  # of the photo: an unannotated component that large is a thing of its own, not a left-out window


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


def class_map(labels: np.ndarray, regions: tuple[Region, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(classes, instances) of a label map.

    classes: (H, W) uint8, indices into CLASSES or IGNORED. instances: (H, W) int32, ids that differ across every true
    border. Sky is not annotated in the data: a large unannotated component that touches the top edge is taken for
    sky, other large ones for "other"; small ones are left-out regions and teach no class, only their border.
    """
    lookup = np.full(int(labels.max()) + 1, IGNORED, np.uint8)
    for region in regions:
        lookup[region.id] = CLASSES.index(region.painter)
    classes, instances = lookup[labels], labels.copy()
    count, components, stats, _ = cv2.connectedComponentsWithStats((labels == 0).astype(np.uint8), connectivity=4)
    for k in range(1, count):
        if stats[k, cv2.CC_STAT_AREA] > SKY_AREA * labels.size:
            here = components == k
            classes[here] = CLASSES.index("sky" if stats[k, cv2.CC_STAT_TOP] <= 2 else "other")
            instances[here] = len(lookup) + k
    return classes, instances
