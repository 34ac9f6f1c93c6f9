"""Merge trees: the same small regions joined in different orders.

A tree over n leaves has 2n - 1 nodes; node k >= n was made by the (k - n)-th merge. The leaves of a node are
consecutive in the tree's own leaf order, so that a node is a pair of numbers and its sums are differences of
prefix sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .network import alikeness

COLOUR_STEP = 25.0  # weighted Lab distance that counts as one full step
COLOUR_WEIGHTS = np.sqrt(np.array([0.5, 2.0, 2.0]))  # lightness less: a shadow keeps the chroma


@dataclass(frozen=True)
class Recipe:
    """What merging two neighbours costs: (boundary + colour + classes + likeness) * (smaller area / whole) ** size."""

    boundary: float = 1.0
    colour: float = 0.0
    classes: float = 0.0
    likeness: float = 0.0
    size: float = 0.1


@dataclass(frozen=True, eq=False)
class Look:
    """What n leaves look like. colour: (n, 3) mean Lab. classes: (n, C) probabilities. likeness: (n, D), see
    `network.alikeness`.
    """

    colour: np.ndarray
    classes: np.ndarray
    likeness: np.ndarray


@dataclass(frozen=True)
class Tree:
    """parent: (2n-1,) int32, -1 at the root. altitude: (2n-1,) float32, cost at which the node was made, rising to
    the root. first, last: (2n-1,) int32: the node's leaves are those whose `rank` is in [first, last). rank:
    (n,) int32.
    """

    parent: np.ndarray
    altitude: np.ndarray
    first: np.ndarray
    last: np.ndarray
    rank: np.ndarray

    def path(self, leaf: int) -> list[int]:
        """The nodes that hold a leaf, from the leaf itself up to the root."""
        nodes = [leaf]
        while self.parent[nodes[-1]] >= 0:
            nodes.append(int(self.parent[nodes[-1]]))
        return nodes

    def leaves(self, nodes: np.ndarray) -> np.ndarray:
        """(K, n) bool: the leaves of each node."""
        return (self.rank >= self.first[nodes, None]) & (self.rank < self.last[nodes, None])

    def boxes(self, leaves: np.ndarray) -> np.ndarray:
        """(4, 2n-1) float32 XYXY around each node, from the boxes of the leaves (n, 4), their last pixels included."""
        ordered = np.empty_like(leaves)
        ordered[self.rank] = leaves
        # Every other result of reduceat is a node; no index may be n, so one leaf is repeated.
        ordered = np.concatenate([ordered, ordered[-1:]])
        pairs = np.stack([self.first, self.last], axis=1).ravel()
        low = np.minimum.reduceat(ordered[:, :2], pairs)[::2]
        high = np.maximum.reduceat(ordered[:, 2:], pairs)[::2]
        return np.concatenate([low, high + np.float32(1)], axis=1).T.astype(np.float32)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(2n-1,) float64: the sum of leaf values (n,) over each node."""
        ordered = np.empty(len(values))
        ordered[self.rank] = values
        prefix = np.concatenate([[0.0], np.cumsum(ordered)])
        return prefix[self.last] - prefix[self.first]


def grow_tree(
    edges: np.ndarray,
    length: np.ndarray,
    strength: np.ndarray,
    area: np.ndarray,
    look: Look,
    recipe: Recipe,
) -> Tree:
    """Merge neighbours, cheapest first, until one region is left.

    edges: (E, 2) leaf pairs. length: (E,) border pixels. strength: (E,) mean boundary strength. area: (n,). Each
    round joins all pairs that are each other's cheapest neighbour and belong to the cheaper half: nearly the order
    of a priority queue, without a Python loop over merges.
    """
    n = len(area)
    parent = np.full(2 * n - 1, -1, np.int32)
    altitude = np.zeros(2 * n - 1, np.float32)
    children = np.zeros((n - 1, 2), np.int32)
    whole, area = area.sum(), area.astype(np.float64)
    # What no recipe weight asks for need not be carried along.
    parts = [look.colour * COLOUR_WEIGHTS / COLOUR_STEP, look.classes]
    means = np.concatenate(parts + [look.likeness] * bool(recipe.likeness), axis=1)
    kinds = 3 + look.classes.shape[1]
    ids = np.arange(n)
    u, v = edges[:, 0].astype(np.int64), edges[:, 1].astype(np.int64)
    length, total = length.astype(np.float64), strength * length.astype(np.float64)
    made = n
    while len(ids) > 1:
        difference = means[u] - means[v]
        cost = recipe.boundary * total / length
        if recipe.colour:
            cost += recipe.colour * np.minimum(np.sqrt((difference[:, :3] ** 2).sum(axis=1)), 1.2)
        if recipe.classes:
            cost += recipe.classes * 0.5 * np.abs(difference[:, 3:kinds]).sum(axis=1)
        if recipe.likeness:
            cost += recipe.likeness * (1 - alikeness(means[u, kinds:], means[v, kinds:]))
        cost *= (np.minimum(area[u], area[v]) / whole) ** recipe.size
        pairs = cheapest_pairs(cost, u, v, len(ids))
        keep, gone = u[pairs], v[pairs]
        nodes = np.arange(made, made + len(pairs))
        made += len(pairs)
        children[nodes - n] = np.stack([ids[keep], ids[gone]], axis=1)
        parent[ids[keep]] = parent[ids[gone]] = nodes
        altitude[nodes] = np.maximum(cost[pairs], np.maximum(altitude[ids[keep]], altitude[ids[gone]]))
        share = (area[keep] / (area[keep] + area[gone]))[:, None]
        means[keep] = means[keep] * share + means[gone] * (1 - share)
        area[keep] += area[gone]
        ids[keep] = nodes
        # Rename what is left to 0..m-1 and join the borders that have become one.
        alive = np.ones(len(ids), bool)
        alive[gone] = False
        name = np.cumsum(alive) - 1
        name[gone] = name[keep]
        ids, area, means = ids[alive], area[alive], means[alive]
        u, v = name[u], name[v]
        apart = u != v
        u, v, length, total = join_edges(u[apart], v[apart], len(ids), length[apart], total[apart])
    return _ordered(parent, altitude, children)


def join_edges(
    u: np.ndarray, v: np.ndarray, count: int, *weights: np.ndarray
) -> tuple[np.ndarray, ...]:  # (u, v, *weights), each pair once with u < v
    """Add up the weights of edges that join the same two of `count` regions."""
    key = np.minimum(u, v).astype(np.int64) * count + np.maximum(u, v)
    unique, inverse = np.unique(key, return_inverse=True)
    summed = (np.bincount(inverse, weights=w, minlength=len(unique)) for w in weights)
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


def _ordered(parent: np.ndarray, altitude: np.ndarray, children: np.ndarray) -> Tree:
    """Lay out the leaves so that each node's are consecutive."""
    n = len(children) + 1
    size = np.ones(2 * n - 1, np.int32)
    for k, (a, b) in enumerate(children.tolist(), n):
        size[k] = size[a] + size[b]
    first = np.zeros(2 * n - 1, np.int32)
    for k in range(2 * n - 2, n - 1, -1):
        a, b = children[k - n]
        first[a], first[b] = first[k], first[k] + size[a]
    return Tree(parent, altitude, first, first + size, first[:n].copy())
