"""A photo as the engine reads it once: leaves that keep to its edges, and what the eyes saw. Arrays only.

Everything a question needs is here, so that an embedding can be pickled, kept on disk and asked from any thread.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property

import cv2
import numpy as np

from .boundary import find_edges, work_picture
from .nesting import Nesting
from .network import Network, Sight
from .regions import border_graph, find_leaves
from .snap import label_sizes, labels_under, snap_labels

EDGES, BORDER = np.float32(0.8), np.float32(0.2)  # what the picture's and the network's borders weigh for leaves


@dataclass(frozen=True, eq=False)
class Reading:
    """n leaves, E pairs of neighbours; h rows of w cells, see `network.Sight`.

    size: (2,) int64, the photo's (H, W). run_labels, run_ends: see `snap`. labels: (h', w') uint16, the leaf of every
    other pixel each way of the work picture. areas: (n,) float32, work pixels. contact: (n,) uint8, 1 where it touches
    the photo's rim. edges: (E, 2) int32. middles: (n, 2) uint16, row and column of a cell in the middle of each leaf.
    border, kinds, likeness: float16; lab: uint8, see `network.Sight`. place, parent, begins, ends: see
    `nesting.Nesting`.
    """

    size: np.ndarray
    run_labels: np.ndarray
    run_ends: np.ndarray
    labels: np.ndarray
    areas: np.ndarray
    contact: np.ndarray
    edges: np.ndarray
    middles: np.ndarray
    border: np.ndarray
    kinds: np.ndarray
    likeness: np.ndarray
    lab: np.ndarray
    place: np.ndarray
    parent: np.ndarray
    begins: np.ndarray
    ends: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """The fields by name: what an embedding keeps."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def count(self) -> int:
        """n."""
        return len(self.areas)

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) of the photo."""
        return int(self.size[0]), int(self.size[1])

    @property
    def cells_hw(self) -> tuple[int, int]:
        """(h, w)."""
        return self.lab.shape[1], self.lab.shape[2]

    @property
    def rim(self) -> np.ndarray:
        """(n,) bool: which leaves touch the photo's rim."""
        return self.contact > 0

    @cached_property
    def sight(self) -> Sight:
        """What the eyes saw."""
        border, kinds, likeness, lab = (
            part.astype(np.float32) for part in (self.border, self.kinds, self.likeness, self.lab)
        )
        return Sight(border, kinds, likeness, lab, Nesting(self.place, self.parent, self.begins, self.ends))

    @cached_property
    def classes(self) -> np.ndarray:
        """(n, C) float32, mean class probabilities."""
        return self.means(self.sight.kinds).T

    @cached_property
    def pixels(self) -> np.ndarray:
        """(n,) float64, pixels of the photo."""
        return label_sizes(self.run_labels, self.run_ends, self.count)

    def means(self, fields: np.ndarray) -> np.ndarray:
        """(K, n) float32: the mean over each leaf of fields (K, h, w) in cells."""
        size, hits = self.labels.shape, self._hits
        found = np.empty((len(fields), self.count), np.float32)
        for k, field in enumerate(fields):
            large = cv2.resize(field.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
            here = tuple(_reach(field.any(axis=1 - axis), size[axis]) for axis in (0, 1))  # zeros add nothing
            sums = np.bincount(self.labels[here].ravel(), large[here].ravel(), self.count)
            middle = field[self.middles[:, 0], self.middles[:, 1]]
            found[k] = np.where(hits > 0, sums / np.maximum(hits, 1), middle)
        return found

    def of_cells(self, masks: np.ndarray) -> np.ndarray:
        """(K, n) bool: the leaves that lie mostly in masks (K, h, w) bool of cells."""
        inside: np.ndarray = self.means(masks) > 0.5
        return inside

    @cached_property
    def _hits(self) -> np.ndarray:
        return np.bincount(self.labels.ravel(), minlength=self.count)

    def in_cells(self, leaves: np.ndarray) -> np.ndarray:
        """(h, w) float32: which share of each cell belongs to these leaves, (n,) bool."""
        height, width = self.cells_hw
        inside = leaves[self.labels].astype(np.float32)
        shares: np.ndarray = cv2.resize(inside, (width, height), interpolation=cv2.INTER_AREA)
        return shares

    def leaf(self, x: float, y: float) -> int:
        """The leaf under a point of the photo."""
        at = (np.array([side], np.int64) for side in (int(x), int(y)))
        return int(labels_under(self.run_labels, self.run_ends, int(self.size[0]), *at)[0])

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the cell under a point of the photo."""
        (height, width), (rows, columns) = self.size_hw, self.cells_hw
        return min(rows - 1, int(y * rows / height)), min(columns - 1, int(x * columns / width))


def _reach(some: np.ndarray, length: int) -> slice:
    """What of a side of `length` pixels the cells along it that are true reach when they are enlarged."""
    cells = np.flatnonzero(some)
    if not len(cells):
        return slice(0)
    scale = length / len(some)
    return slice(max(0, int((cells[0] - 1) * scale)), int((cells[-1] + 2) * scale) + 1)


def read_photo(pixels: np.ndarray, network: Network) -> Reading:
    """Read (H, W, 3) uint8 RGB pixels."""
    picture = work_picture(pixels)
    with ThreadPoolExecutor(1) as beside:  # what does not need each other is done at once
        found = beside.submit(find_edges, picture)
        sight, edges = network.look(picture), found.result()
        height, width = edges.shape
        border = cv2.resize(sight.border, (width, height), interpolation=cv2.INTER_LINEAR)
        labels = find_leaves(EDGES * edges + BORDER * border)
        snapped = beside.submit(snap_labels, pixels, labels)
        areas = np.bincount(labels.ravel()).astype(np.float32)
        contact = np.zeros(len(areas), np.uint8)
        for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            contact[side] = 1
        run_labels, run_ends = snapped.result()
    return Reading(
        size=np.array(pixels.shape[:2]),
        run_labels=run_labels,
        run_ends=run_ends,
        labels=labels[::2, ::2].copy(),
        areas=areas,
        contact=contact,
        edges=border_graph(labels).edges,
        middles=_middle_cells(labels, areas, sight.lab.shape[1:]),
        border=sight.border.astype(np.float16),
        kinds=sight.kinds.astype(np.float16),
        likeness=sight.likeness.astype(np.float16),
        lab=sight.lab.astype(np.uint8),
        **vars(sight.nesting),
    )


def _middle_cells(labels: np.ndarray, areas: np.ndarray, cells: tuple[int, ...]) -> np.ndarray:
    """(n, 2) uint16: the cell under the mean pixel of each leaf."""
    flat = labels.ravel()
    middles = []
    for axis, across in enumerate((labels.shape[1], labels.shape[0])):
        at = np.arange(labels.shape[axis], dtype=np.float64)
        where = np.repeat(at, across) if axis == 0 else np.tile(at, across)
        mean = np.bincount(flat, where) / areas
        middles.append((mean * cells[axis] / labels.shape[axis]).astype(np.uint16))
    return np.stack(middles, axis=1)
