"""Surfaces that we drew over photos of the data set whose labels know whole buildings only: ``drawn/NAME.json``.

Each file has ``notes`` and ``shapes``, polygons laid one over the other. A shape has a class (``cls``), a ``paint``
(the same letter is the same old paint of one building), a ``part`` (one face), its corners (``poly``, x and y in the
photo's pixels), and what it covers: the data set's "wall" and what has no label; with ``any`` everything; with ``over``
the classes named there as well, with ``only`` nothing else than those. What the data set calls wall and no shape covers
is not known. Parapets of masonry are painted with their house and are wall; what stands back behind them, and railings
and panels, are balcony.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

FOLDER = Path(__file__).with_name("drawn")
WALL, UNKNOWN, UNLABELLED = "wall", "ignore", ""


@dataclass(frozen=True, eq=False)
class Shape:
    """A polygon over a photo. surface: what it is a piece of: its class, its paint, and its part, or its own place
    where it has neither. corners: (P, 2) int32, x and y. covers: the data set's classes that it is laid over,
    UNLABELLED for what has none; None for all.
    """

    surface: tuple[str, str, str | int]
    corners: np.ndarray
    covers: frozenset[str] | None

    @property
    def cls(self) -> str:
        """Its class."""
        return self.surface[0]

    @property
    def paint(self) -> str:
        """Its paint's letter, "" where nobody told."""
        return self.surface[1]


def read_shapes(name: str) -> list[Shape]:
    """The shapes drawn over a photo, lowest first; none when nobody drew any."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return []
    shapes = []
    for place, shape in enumerate(json.loads(path.read_text())["shapes"]):
        paint, part = shape.get("paint", ""), shape.get("part", "")
        named = shape.get("only") or [UNLABELLED, WALL, *shape.get("over", [])]
        covers = None if shape.get("any") else frozenset(named)
        corners = np.round(np.array(shape["poly"], float)).astype(np.int32)
        shapes.append(Shape((shape["cls"], paint, part if paint or part else place), corners, covers))
    return shapes


def surfaces(shapes: Iterable[Shape], beyond: int) -> dict[int, Shape]:
    """The surfaces that shapes are pieces of, by ids above `beyond`; each by its first shape."""
    first: dict[tuple[str, str, str | int], Shape] = {}
    for shape in shapes:
        if shape.cls != UNKNOWN:
            first.setdefault(shape.surface, shape)
    return dict(enumerate(first.values(), beyond + 1))


def laid_over(
    labels: np.ndarray, kinds: Mapping[int, str], shapes: Iterable[Shape], ids: Mapping[int, Shape]
) -> np.ndarray:
    """(H, W) int32: a label map with shapes laid over it. kinds: the data set's class of each of its ids. ids: see
    `surfaces`.
    """
    walls = [number for number, kind in kinds.items() if kind == WALL]
    result = np.where(np.isin(labels, walls), 0, labels).astype(np.int32)
    numbers = {shape.surface: number for number, shape in ids.items()}
    of_label = {0: UNLABELLED, **kinds}
    for shape in shapes:
        inside = np.zeros(labels.shape, np.uint8)
        cv2.fillPoly(inside, [shape.corners], 1)
        mask = inside > 0
        if shape.covers is not None:
            mask &= np.isin(labels, [number for number, kind in of_label.items() if kind in shape.covers])
        result[mask] = 0 if shape.cls == UNKNOWN else numbers[shape.surface]
    return result
