"""Leaves that no mask tells apart, as one: masks of a photo part its thousands of leaves into some hundred pieces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from .reading import Reading


@dataclass(frozen=True, eq=False)
class Pieces:
    """m connected sets of leaves.

    masks: (K, m) bool, which pieces each mask holds. of_leaf: (n,) int, the piece of each leaf. areas, rim: (m,), see
    `Reading`. edges: (2, E) int, pairs of neighbours, none twice.
    """

    masks: np.ndarray
    of_leaf: np.ndarray
    areas: np.ndarray
    rim: np.ndarray
    edges: np.ndarray

    def parts(self, masks: np.ndarray) -> np.ndarray:
        """(K, m) int: names of the connected parts of masks (K, m) bool; what is outside are parts of their own."""
        sets, edges = np.nonzero(masks[:, self.edges[0]] & masks[:, self.edges[1]])
        joined = self.edges[:, edges] + sets * masks.shape[1]
        return _connected(joined, masks.size).reshape(masks.shape)


def pieces_of(reading: Reading, masks: np.ndarray) -> Pieces:
    """The pieces that masks (K, n) bool over the leaves consist of."""
    edges = reading.edges.T
    told = np.packbits(masks, axis=0)
    alike = (told[:, edges[0]] == told[:, edges[1]]).all(axis=0)
    of_leaf = _connected(edges[:, alike], reading.count)
    count = int(of_leaf.max()) + 1
    inside = np.zeros((len(masks), count), bool)
    inside[:, of_leaf] = masks
    areas = np.bincount(of_leaf, reading.areas).astype(np.float32)
    rim = np.bincount(of_leaf, reading.rim) > 0
    u, v = np.sort(of_leaf[edges[:, ~alike]], axis=0)
    pairs = np.unique(u.astype(np.int64) * count + v)
    return Pieces(inside, of_leaf, areas, rim, np.stack([pairs // count, pairs % count]))


def _connected(pairs: np.ndarray, count: int) -> np.ndarray:
    """(count,) int: names of the connected parts of a graph. pairs: (2, E) int."""
    graph = csr_matrix((np.ones(pairs.shape[1], np.int8), tuple(pairs)), (count, count))
    names: np.ndarray = connected_components(graph, directed=False)[1]
    return names
