"""The annotated photos: where they lie, what is in them, and what their labels mean for a painter.

A data folder has ``train/`` and ``dev/``, each with ``manifest.json``, ``images/NAME.jpg`` and ``labels/NAME.png``
(16-bit: 0 not annotated, 1.. the region's id), and ``painter/train/`` and ``painter/dev/`` with finer labels of some of
the same photos: there a wall is one surface of one paint, while the data set's own "wall" is a whole building. Over
others we drew such labels ourselves, see `drawn`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from sam2_painter.engines.offline.boundary import lab_gradient
from sam2_painter.engines.offline.surfaces import CLASSES

from .drawn import WALL, Shape, laid_over, read_shapes, surfaces

BUILDING = 100  # of a class: any of BUILDING_CLASSES, and several of them in one region
GLAZED = 101  # any of GLAZED_CLASSES
IGNORED = 255  # not known
BUILDING_CLASSES = tuple(CLASSES.index(name) for name in ("wall", "roof", "eaves", "trim", "shutter", "door", "other"))
GLAZED_CLASSES = tuple(CLASSES.index(name) for name in ("window", "shutter"))
SKY = CLASSES.index("sky")
UNKNOWN = -1  # of a thing: nobody knows where it ends
LARGE = 0.012  # of the photo: an unannotated component that large is more than a left-out window
CALM = 1.6  # Lab units a pixel: what is smoother, unannotated and reaches the top of the photo is sky

HAND = {  # the painter's labels; what is not named here is a class of that name
    "gutter": "trim",
    "chimney": "other",
    "garage": "door",
    "fence": "other",
    "sign": "other",
}
DATASET = {  # the data set's own labels, as class codes
    "wall": BUILDING,
    "window": GLAZED,
    "door": CLASSES.index("door"),
    "shop": IGNORED,
    "balcony": CLASSES.index("balcony"),
    "fence": CLASSES.index("other"),
    "ground": CLASSES.index("ground"),
    "vegetation": CLASSES.index("vegetation"),
    "other": CLASSES.index("other"),
}


@dataclass(frozen=True)
class Region:
    """One annotated region: its id in the label map, its class code, its paint ("" when not known: only regions of one
    class and paint share it).
    """

    id: int
    code: int
    paint: str = ""


@dataclass(frozen=True, eq=False)
class Truth:
    """What a picture shows, each (H, W).

    classes: uint8, indices into CLASSES, BUILDING, GLAZED or IGNORED. things: int32, ids of single surfaces (a face of
    a wall, one window), 0 for small things that were left out, UNKNOWN where nobody knows. paints: int32, ids of what
    is of one paint; 0 where that is not known.
    """

    classes: np.ndarray
    things: np.ndarray
    paints: np.ndarray


@dataclass(frozen=True)
class Example:
    """One annotated photo; pixels are read when asked for. kinds: the data set's class of each of its own regions.
    shapes, drawn: what we laid over those, by `drawn.surfaces`.
    """

    image_path: Path
    label_path: Path
    regions: tuple[Region, ...]
    kinds: Mapping[int, str] = field(default_factory=dict)
    shapes: tuple[Shape, ...] = ()
    drawn: Mapping[int, Shape] = field(default_factory=dict)

    @cached_property
    def name(self) -> str:
        """The photo's name."""
        return self.image_path.stem

    @property
    def told_apart(self) -> bool:
        """Whether its walls are told from its roofs, eaves and trim."""
        return all(region.code != BUILDING for region in self.regions)

    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        return cv2.imread(str(self.image_path))[:, :, ::-1]

    def labels(self) -> np.ndarray:
        """(H, W) int32: region ids, 0 where nothing is annotated."""
        labels = cv2.imread(str(self.label_path), cv2.IMREAD_UNCHANGED).astype(np.int32)
        return laid_over(labels, self.kinds, self.shapes, self.drawn) if self.shapes else labels

    def truth(self) -> Truth:
        """What the labels say."""
        return truth_of(self.image(), self.labels(), self.regions)


def read_split(data: str | Path, split: str) -> list[Example]:
    """The examples of ``train`` or ``dev``, in the manifest's order; with finer labels where there are some."""
    folder, finer = Path(data) / split, Path(data) / "painter" / split
    hand = {image["name"]: image for image in _manifest(finer)}
    examples = []
    for image in _manifest(folder):
        name = image["name"]
        path = folder / "images" / f"{name}.jpg"
        shapes = read_shapes(name)
        if name in hand:
            found, labels = hand[name]["regions"], finer / "labels" / f"{name}.png"
            kinds = {r["id"]: r["cls"] for r in found if r["cls"] != WALL}
            regions = [Region(r["id"], _hand_code(r), r["paint"]) for r in found]
            beyond = max(r["id"] for r in found)
        else:
            kinds, labels = {r["id"]: r["painter"] for r in image["regions"]}, folder / "labels" / f"{name}.png"
            regions = [Region(n, DATASET[kind]) for n, kind in kinds.items() if not (shapes and kind == WALL)]
            beyond = max(kinds, default=0)
        drawn = surfaces(shapes, beyond)
        regions += [Region(number, _code(shape.cls), shape.paint) for number, shape in drawn.items()]
        examples.append(Example(path, labels, tuple(regions), kinds, tuple(shapes), drawn))
    return examples


def _manifest(folder: Path) -> list[dict]:
    path = folder / "manifest.json"
    return json.loads(path.read_text())["images"] if path.exists() else []


def _hand_code(region: dict) -> int:
    if region["source"] == "dataset":
        return DATASET.get(region["cls"], IGNORED)
    return _code(region["cls"])


def _code(cls: str) -> int:
    name = HAND.get(cls, cls)
    return CLASSES.index(name) if name in CLASSES else IGNORED


def truth_of(image: np.ndarray, labels: np.ndarray, regions: tuple[Region, ...]) -> Truth:
    """What a photo (H, W, 3) uint8 RGB with this label map (H, W) shows.

    Sky is not annotated in most photos: it is what is unannotated and calm down from the top edge, too.
    """
    own = max([int(labels.max()), *(region.id for region in regions)]) + 1  # of sky that nobody annotated
    codes, paint_of = np.full(own + 1, IGNORED, np.uint8), np.arange(own + 1, dtype=np.int32)
    first: dict[tuple[int, str], int] = {}
    for region in regions:
        codes[region.id] = region.code
        if region.paint:
            paint_of[region.id] = first.setdefault((region.code, region.paint), region.id)
    classes, things = codes[labels], labels.copy()
    free = labels == 0
    sky = _calm_from_the_top(image, free)
    classes[sky] = SKY
    things[sky] = next((region.id for region in regions if region.code == SKY), own)
    free &= ~sky
    things[classes == BUILDING] = UNKNOWN
    _, components, stats, _ = cv2.connectedComponentsWithStats(free.astype(np.uint8), connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] > LARGE * labels.size
    large[0] = False
    things[large[components]] = UNKNOWN
    paints = np.where(things > 0, paint_of[np.maximum(things, 0)], 0).astype(np.int32)
    return Truth(classes, things, paints)


def _calm_from_the_top(image: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(H, W) bool: the free pixels that can be reached from the top edge over smooth ground only."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    calm = cv2.erode((free & (lab_gradient(lab, 2.0) < CALM)).astype(np.uint8), np.ones((5, 5), np.uint8))
    _, components, stats, _ = cv2.connectedComponentsWithStats(calm, connectivity=4)
    from_top = (stats[:, cv2.CC_STAT_TOP] <= 4) & (stats[:, cv2.CC_STAT_AREA] > LARGE / 6 * free.size)
    from_top[0] = False
    return free & (cv2.dilate(from_top[components].astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)
