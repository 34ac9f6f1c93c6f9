"""Small regions that keep to the borders: watershed basins, joined until a few thousand are left."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEAF_AREA = 130  # work pixels a leaf, on average
MAX_LEAVES = 8000


@dataclass(frozen=True)
class Graph:
    """Which leaves touch, and where.

    edges: (E, 2) int32, u < v. length: (E,) float32, border pixels. border_x, border_y: (P,) uint16, the border
    pixels of all edges one after another; first: (E,) int32, where each edge's begin.
    """

    edges: np.ndarray
    length: np.ndarray
    border_x: np.ndarray
    border_y: np.ndarray
    first: np.ndarray

    def mean(self, field: np.ndarray) -> np.ndarray:
        """(E,) float32: the mean of a map (h, w) along each edge."""
        values = field[self.border_y, self.border_x]
        sums: np.ndarray = np.add.reduceat(values, self.first, dtype=np.float64)
        means: np.ndarray = sums / self.length
        return means.astype(np.float32)


def find_leaves(strength: np.ndarray) -> np.ndarray:
    """(h, w) uint16 labels 0..n-1 of connected regions whose borders lie on the crests of the boundary map."""
    labels = _basins(strength)
    graph = border_graph(labels)
    area = np.bincount(labels.ravel()).astype(np.float64)
    target = min(MAX_LEAVES, max(1, labels.size // LEAF_AREA))
    names = np.arange(len(area))
    u, v = graph.edges[:, 0].astype(np.int64), graph.edges[:, 1].astype(np.int64)
    length, total = graph.length.astype(np.float64), graph.mean(strength).astype(np.float64) * graph.length
    while len(area) > target:
        # Weak borders of small basins go first: calm walls end as large leaves, detail keeps its small ones.
        cost = (total / length + 0.01) * np.minimum(area[u], area[v]) ** 0.4
        pairs = cheapest_pairs(cost, u, v, len(area))[: len(area) - target]
        keep, gone = u[pairs], v[pairs]
        area[keep] += area[gone]
        alive, name = joined_names(keep, gone, len(area))
        names, area = name[names], area[alive]
        u, v, length, total = join_edges(name[u], name[v], len(area), length, total)
    joined: np.ndarray = names.astype(np.uint16)[labels]
    return joined


def _basins(strength: np.ndarray) -> np.ndarray:
    """(h, w) int64 labels: every pixel flows to its lowest neighbour until it rests in a minimum."""
    smooth = cv2.GaussianBlur(strength, (0, 0), 1.0)
    height, width = smooth.shape
    padded = np.pad(smooth, 1, constant_values=np.inf)
    own = np.arange(smooth.size).reshape(smooth.shape)
    lowest, flows_to = smooth.copy(), own.copy()
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            value = padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
            # On level ground the water runs to the smaller index: every plateau drains to one pixel, with no loops.
            lower = (value < lowest) | ((value == lowest) & (own + dy * width + dx < flows_to))
            lowest = np.where(lower, value, lowest)
            flows_to = np.where(lower, own + dy * width + dx, flows_to)
    target = flows_to.ravel()
    while True:
        further = target[target]
        if np.array_equal(further, target):
            break
        target = further
    minimum = target == np.arange(target.size)
    return (np.cumsum(minimum) - 1)[target].reshape(smooth.shape)


def border_graph(labels: np.ndarray) -> Graph:
    """The region adjacency graph of a label map (h, w)."""
    width = labels.shape[1]
    across, down = labels[:, :-1] != labels[:, 1:], labels[:-1] != labels[1:]
    flat = labels.ravel().astype(np.int64)
    at = np.arange(labels.size).reshape(labels.shape)
    here = np.concatenate([at[:, :-1][across], at[:-1][down]])
    there = np.concatenate([at[:, 1:][across], at[1:][down]])
    a, b = flat[here], flat[there]
    count = int(flat.max()) + 1
    key = np.minimum(a, b) * count + np.maximum(a, b)
    order = np.argsort(key, kind="stable")
    key, here = key[order], here[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    unique = key[first]
    return Graph(
        np.stack([unique // count, unique % count], axis=1).astype(np.int32),
        np.diff(first, append=len(key)).astype(np.float32),
        (here % width).astype(np.uint16),
        (here // width).astype(np.uint16),
        first.astype(np.int32),
    )


def joined_names(keep: np.ndarray, gone: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of `count` regions of which some, `gone`, are joined to others, `keep`: (count,) bool, which are left; and
    (count,) int, their new numbers.
    """
    alive = np.ones(count, bool)
    alive[gone] = False
    name = np.cumsum(alive) - 1
    name[gone] = name[keep]
    return alive, name


def join_edges(
    u: np.ndarray, v: np.ndarray, count: int, *weights: np.ndarray
) -> tuple[np.ndarray, ...]:  # (u, v, *weights), each pair once with u < v
    """Add up the weights of edges that join the same two of `count` regions; those within one are left out."""
    apart = u != v
    u, v = u[apart], v[apart]
    key = np.minimum(u, v).astype(np.int64) * count + np.maximum(u, v)
    unique, inverse = np.unique(key, return_inverse=True)
    summed = (np.bincount(inverse, weights=w[apart], minlength=len(unique)) for w in weights)
    return (unique // count, unique % count, *summed)


def cheapest_pairs(cost: np.ndarray, u: np.ndarray, v: np.ndarray, count: int) -> np.ndarray:
    """Indices of edges that are the cheapest of both their ends, the cheaper half of them, cheapest first."""
    order = np.argsort(-cost, kind="stable")
    cheapest = np.empty(count, np.int64)
    cheapest[np.stack([u[order], v[order]], axis=1).ravel()] = np.repeat(order, 2)  # the last write wins
    edge = np.arange(len(cost))
    mutual = np.flatnonzero((cheapest[u] == edge) & (cheapest[v] == edge))
    mutual = mutual[np.argsort(cost[mutual], kind="stable")]
    return mutual[: max(1, len(mutual) // 2)] if count > 60 else mutual[:1]
