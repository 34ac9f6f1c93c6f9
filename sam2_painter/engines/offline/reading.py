"""A photo as the engine reads it once: leaves, their graph, their merge trees. Arrays only.

Everything a question needs is here, so that an embedding can be pickled, kept on disk and asked from any thread.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property

import cv2
import numpy as np
from scipy.sparse import csr_matrix

from .boundary import find_boundary, work_picture
from .network import LIKENESS_STRIDE, Network, alikeness
from .regions import border_graph, find_leaves
from .snap import label_sizes, labels_under, snap_labels
from .trees import COLOUR_STEP, COLOUR_WEIGHTS, Look, Recipe, Tree, grow_tree

RECIPES = (
    Recipe(boundary=1.0, size=0.1),
    Recipe(boundary=1.0, colour=0.3, classes=0.5, size=0.2),
    Recipe(boundary=0.5, colour=0.2, classes=0.5, likeness=0.5, size=0.2),
    Recipe(boundary=0.3, colour=0.7, classes=0.7, size=0.3),
    Recipe(boundary=0.4, likeness=1.0, size=0.25),
)
GRID_STEP = 6  # work pixels between the points of `Reading.grid`
# Columns of `sums`, each a total over a leaf's pixels; the classes follow.
AREA, LAB, LAB2, CONTACT, X, Y, TEXTURE, FINE, XX, YY, XY, CLASS = 0, 1, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15
# Columns of `edge_sums`, each a length in work pixels.
LENGTH, STRENGTH, FAINT, WEAK, CLEAR, STRONG, STEP, KIND, LEARNED, LEARNED_CLEAR, UNLIKE = range(11)


@dataclass(frozen=True, eq=False)
class Reading:
    """n leaves, E edges, T trees, C classes.

    size: (2,) int64, the photo's (H, W). work_size: the work picture's. run_labels, run_ends: see `snap`. sums: (n,
    15 + C) float64. likeness: (n, V * LIKENESS) float32, see `network.alikeness`. around: (n, 11) float64, the
    `edge_sums` of all edges at each leaf. box: (n, 4) uint16, XYXY in work pixels, the last ones included. edges,
    border_x, border_y, border_first: see `regions.Graph`. edge_sums: (E, 11) float64. parent, altitude, first,
    last: (T, 2n-1), see `trees.Tree`.
    """

    size: np.ndarray
    work_size: np.ndarray
    run_labels: np.ndarray
    run_ends: np.ndarray
    sums: np.ndarray
    likeness: np.ndarray
    around: np.ndarray
    box: np.ndarray
    edges: np.ndarray
    border_x: np.ndarray
    border_y: np.ndarray
    border_first: np.ndarray
    edge_sums: np.ndarray
    parent: np.ndarray
    altitude: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """The fields by name: what an embedding keeps."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def count(self) -> int:
        """n."""
        return len(self.sums)

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) of the photo."""
        return int(self.size[0]), int(self.size[1])

    @cached_property
    def area(self) -> np.ndarray:
        """(n,) float32, work pixels."""
        return self.sums[:, AREA].astype(np.float32)

    @cached_property
    def whole(self) -> np.ndarray:
        """(15 + C,) float64: `sums` of the whole photo."""
        return self.sums.sum(axis=0)

    @cached_property
    def typical_strength(self) -> float:
        """The strength that one edge in ten of this photo exceeds: what counts as strong here."""
        if not len(self.edges):
            return 1.0
        return float(np.quantile(self.strength, 0.9)) + 0.02

    @cached_property
    def strength(self) -> np.ndarray:
        """(E,) float64, mean strength of each border."""
        return self.edge_sums[:, STRENGTH] / self.edge_sums[:, LENGTH]

    @cached_property
    def contact(self) -> np.ndarray:
        """(n,) float32, pixels on the photo's rim."""
        return self.sums[:, CONTACT].astype(np.float32)

    @cached_property
    def pixels(self) -> np.ndarray:
        """(n,) float64, pixels of the photo."""
        return label_sizes(self.run_labels, self.run_ends, self.count)

    @cached_property
    def lab(self) -> np.ndarray:
        """(n, 3) float32, mean colour."""
        return (self.sums[:, LAB : LAB + 3] / self.sums[:, :1]).astype(np.float32)

    @cached_property
    def classes(self) -> np.ndarray:
        """(n, C) float32, mean class probabilities."""
        return (self.sums[:, CLASS:] / self.sums[:, :1]).astype(np.float32)

    @cached_property
    def trees(self) -> tuple[Tree, ...]:
        """The merge trees."""
        return tuple(
            Tree(p, a, f, e, f[: self.count])
            for p, a, f, e in zip(self.parent, self.altitude, self.first, self.last, strict=True)
        )

    @cached_property
    def first_edge(self) -> np.ndarray:
        """(n + 1,) int32: the edges of which leaf k is the first end are those from first_edge[k] to the next."""
        return np.searchsorted(self.edges[:, 0], np.arange(self.count + 1)).astype(np.int32)

    def graph(self, weights: np.ndarray) -> csr_matrix:
        """(n, n) the leaves' graph with weights (E,), each edge at its first end only."""
        return csr_matrix((weights, self.edges[:, 1], self.first_edge), (self.count, self.count))

    @cached_property
    def heard(self) -> csr_matrix:
        """(n, n) how much each leaf hears of each neighbour: less across a strong border."""
        heard = self.graph(self.edge_sums[:, LENGTH] * np.exp(-self.strength / 0.1))
        return heard + heard.T

    @cached_property
    def ends(self) -> np.ndarray:
        """(2, E) int, `edges` as they are quick to index with."""
        return np.ascontiguousarray(self.edges.T, np.intp)

    @cached_property
    def sides(self) -> np.ndarray:
        """(4, n) float32, `box` with its far sides negated: the least of some leaves' is the box around them."""
        return np.ascontiguousarray(self.box.T * np.float32([[1], [1], [-1], [-1]]))

    @cached_property
    def grid(self) -> np.ndarray:
        """(h, w) int: the leaves under one of GRID_STEP work pixels each way."""
        y, x = (
            (np.arange(0, work, GRID_STEP) * size // work).astype(int)
            for work, size in zip(self.work_size, self.size_hw, strict=True)
        )
        return labels_under(self.run_labels, self.run_ends, self.size_hw[0], *np.meshgrid(x, y)).astype(np.intp)

    def alike(self, leaf: int) -> np.ndarray:
        """(n,) float32 in [0, 1]: the chance that each leaf and this one are parts of one thing."""
        return alikeness(self.likeness, self.likeness[leaf])

    def leaf(self, x: float, y: float) -> int:
        """The leaf under a point of the photo."""
        return int(labels_under(self.run_labels, self.run_ends, int(self.size[0]), np.int64(x), np.int64(y)))

    def to_work(self, x: float, y: float) -> tuple[float, float]:
        """A point of the photo in work pixels."""
        return x * self.work_size[1] / self.size[1], y * self.work_size[0] / self.size[0]


def read_photo(pixels: np.ndarray, network: Network) -> Reading:
    """Read (H, W, 3) uint8 RGB pixels."""
    with ThreadPoolExecutor(1) as beside:  # what does not need each other is done at once
        return _read(pixels, network, beside)


def _read(pixels: np.ndarray, network: Network, beside: Executor) -> Reading:
    picture = work_picture(pixels)
    bounded = beside.submit(find_boundary, picture)
    sight, boundary = network.look(picture), bounded.result()
    kinds, wide = sight.classes, cv2.dilate(sight.border, np.ones((3, 3), np.uint8))
    labels = find_leaves(np.float32(0.6) * boundary.strength + np.float32(0.3) * sight.border)
    snapped = beside.submit(snap_labels, pixels, labels)
    graph = border_graph(labels)
    strength = np.float32(0.22) * boundary.fine + np.float32(0.12) * boundary.texture + np.float32(0.75) * wide
    flat = labels.ravel()
    count = int(flat.max()) + 1

    def total(field: np.ndarray) -> np.ndarray:
        return np.bincount(flat, weights=field.ravel(), minlength=count)

    height, width = labels.shape
    ys, xs = (grid.astype(np.float64) for grid in np.mgrid[:height, :width])
    rim = np.zeros(labels.shape)
    for side in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        rim[side] += 1
    lab = [boundary.lab[..., c] for c in range(3)]
    columns = [np.ones(labels.shape), *lab, *(c * c for c in lab), rim, xs, ys, boundary.texture, boundary.fine]
    columns += [xs * xs, ys * ys, xs * ys, *(kinds[..., c] for c in range(kinds.shape[2]))]
    sums = np.stack([total(column) for column in columns], axis=1)
    area = sums[:, AREA]
    colour, classes = sums[:, LAB : LAB + 3] / area[:, None], sums[:, CLASS:] / area[:, None]
    likeness = _leaf_likeness(labels, sight.likeness, sums[:, X] / area, sums[:, Y] / area)
    along, faced = graph.mean(strength), graph.mean(wide)
    u, v = graph.edges.T
    step = np.sqrt((((colour[u] - colour[v]) * COLOUR_WEIGHTS) ** 2).sum(axis=1)) / COLOUR_STEP
    kind = np.abs(classes[u] - classes[v]).sum(axis=1) / 2
    measures = [np.ones_like(along), along, along < 0.12, along < 0.22, along > 0.35, along > 0.5]
    measures += [np.minimum(step, 1.5), kind, faced, faced > 0.4, 1 - alikeness(likeness[u], likeness[v])]
    look = Look(colour, classes, likeness)
    grown = [grow_tree(graph.edges, graph.length, along, area, look, recipe) for recipe in RECIPES]
    edge_sums = np.stack(measures, axis=1).astype(np.float64) * graph.length[:, None]
    around = [np.bincount(graph.edges.ravel(), np.repeat(column, 2), count) for column in edge_sums.T]
    run_labels, run_ends = snapped.result()
    return Reading(
        size=np.array(pixels.shape[:2]),
        work_size=np.array(labels.shape),
        run_labels=run_labels,
        run_ends=run_ends,
        sums=sums,
        likeness=likeness,
        around=np.stack(around, axis=1),
        box=_leaf_boxes(labels, count),
        edges=graph.edges,
        border_x=graph.border_x,
        border_y=graph.border_y,
        border_first=graph.first,
        edge_sums=edge_sums,
        parent=np.stack([tree.parent for tree in grown]),
        altitude=np.stack([tree.altitude for tree in grown]),
        first=np.stack([tree.first for tree in grown]),
        last=np.stack([tree.last for tree in grown]),
    )


def _leaf_likeness(labels: np.ndarray, likeness: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n, D) float32: the mean likeness of each leaf, from one pixel of each block; what lies between them all takes
    the value at its middle (x, y).
    """
    height, width = likeness.shape[:2]
    # The blocks' middles, and the last pixel for one that is cut short.
    rows = np.minimum(np.arange(height) * LIKENESS_STRIDE + LIKENESS_STRIDE // 2, labels.shape[0] - 1)
    columns = np.minimum(np.arange(width) * LIKENESS_STRIDE + LIKENESS_STRIDE // 2, labels.shape[1] - 1)
    blocks = labels[rows[:, None], columns].ravel()
    hits = np.bincount(blocks, minlength=len(x))
    flat = likeness.reshape(blocks.size, -1)
    sums = [np.bincount(blocks, weights=column, minlength=len(x)) for column in flat.T]
    middle = likeness[(y // LIKENESS_STRIDE).astype(int), (x // LIKENESS_STRIDE).astype(int)]
    return np.where(hits[:, None] > 0, np.stack(sums, axis=1) / np.maximum(hits, 1)[:, None], middle).astype(np.float32)


def _leaf_boxes(labels: np.ndarray, count: int) -> np.ndarray:
    """(n, 4) uint16 XYXY of each label, the last pixels included."""
    order = np.argsort(labels.ravel(), kind="stable")
    starts = np.searchsorted(labels.ravel()[order], np.arange(count))
    y, x = np.divmod(order, labels.shape[1])
    ends = [
        op.reduceat(axis, starts) for op, axis in ((np.minimum, x), (np.minimum, y), (np.maximum, x), (np.maximum, y))
    ]
    return np.stack(ends, axis=1).astype(np.uint16)
