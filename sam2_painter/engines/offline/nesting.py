"""Regions within regions: blocks of cells that look alike are joined, two by two, until the picture is one.

What is joined late was far apart, so the regions that hold a click are its part, its wall, its house: answers that no
threshold of likeness finds where the light changes across a wall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .regions import cheapest_pairs, join_edges, joined_names

BLOCK = 2  # cells a side: what the regions are made of
COLOUR, CLASS, BORDER = 2.0, 2.0, 1.0  # what differences count, those of likeness counting 1
GROWTH = 0.7  # power of the size that joining costs: 1 keeps regions of one size, 0 lets large ones swallow all
SMALLEST = 4  # blocks
JUMP, STEP = 1.2, 1.5  # a region is an answer if what holds it is so much larger, or if it is, than the last answer


@dataclass(frozen=True, eq=False)
class Nesting:
    """n blocks and the n - 1 regions that they were joined to, numbered as they were made: blocks first.

    place: (h, w) uint16, the block of each cell; the blocks of a region have consecutive numbers. parent: (2n - 1,)
    uint16, the region that holds this one, the last its own. begins, ends: (2n - 1,) uint16, the first and the last
    block of each.
    """

    place: np.ndarray
    parent: np.ndarray
    begins: np.ndarray
    ends: np.ndarray

    def window(self, rows: slice, columns: slice) -> Nesting:
        """The same, seen through a window."""
        return Nesting(self.place[rows, columns], self.parent, self.begins, self.ends)

    def around(self, cell: tuple[int, int]) -> np.ndarray:
        """(K, h, w) bool: the regions that hold a cell, smallest first: those that long resisted to be joined with
        anything large, and some between.
        """
        region, kept, masks = int(self.place[cell]), 0, []
        while True:
            begin, end, parent = int(self.begins[region]), int(self.ends[region]), int(self.parent[region])
            size, next_size = end - begin + 1, int(self.ends[parent]) - int(self.begins[parent]) + 1
            if size >= max(SMALLEST, STEP * kept) or next_size >= JUMP * max(SMALLEST, size) or parent == region:
                masks.append((self.place >= begin) & (self.place <= end))
                kept = size
            if parent == region:
                return np.stack(masks)
            region = parent


def nest(border: np.ndarray, kinds: np.ndarray, likeness: np.ndarray, colour: np.ndarray) -> Nesting:
    """Join the blocks of what was seen, see `network.Sight`. colour: (3, h, w), in steps that count as one."""
    height, width = border.shape
    look = blocks(np.concatenate([COLOUR * colour, CLASS * kinds, likeness, border[None]]))
    rows, columns = look.shape[1:]
    count = rows * columns
    edge = look[-1]
    look = look[:-1].reshape(-1, count).T.astype(np.float64)
    at = np.arange(count).reshape(rows, columns)
    u, v = (np.concatenate([one.ravel(), other.ravel()]) for one, other in ((at[:, :-1], at[:-1]), (at[:, 1:], at[1:])))
    total = np.maximum(edge.ravel()[u], edge.ravel()[v]).astype(np.float64)
    length, area, region = np.ones(len(u)), np.ones(count), np.arange(count)
    joined = []
    made = count
    while len(area) > 1:
        together = area[u] * area[v] / (area[u] + area[v])
        cost = together**GROWTH * (((look[u] - look[v]) ** 2).sum(axis=1) + BORDER * total / length)
        pairs = cheapest_pairs(cost, u, v, len(area))
        keep, gone = u[pairs], v[pairs]
        new = np.arange(made, made + len(pairs))
        joined.append((new, region[keep], region[gone]))
        made += len(pairs)
        share = (area[gone] / (area[keep] + area[gone]))[:, None]
        look[keep] += share * (look[gone] - look[keep])
        area[keep] += area[gone]
        region[keep] = new
        alive, name = joined_names(keep, gone, len(area))
        look, area, region = look[alive], area[alive], region[alive]
        u, v, length, total = join_edges(name[u], name[v], len(area), length, total)
    return _numbered(joined, count, np.kron(at, np.ones((BLOCK, BLOCK), int))[:height, :width])


def _numbered(joined: list[tuple[np.ndarray, np.ndarray, np.ndarray]], count: int, block: np.ndarray) -> Nesting:
    """Number the blocks so that those of a region follow each other. joined: rounds of (new, one, other)."""
    sizes, first, parent = np.ones(2 * count - 1, int), np.zeros(2 * count - 1, int), np.arange(2 * count - 1)
    for new, one, other in joined:
        sizes[new] = sizes[one] + sizes[other]
        parent[one] = parent[other] = new
    for new, one, other in reversed(joined):
        first[one], first[other] = first[new], first[new] + sizes[one]
    place = first[:count]
    number = np.append(place, np.arange(count, 2 * count - 1))  # of each region, now
    held, begins, ends = np.empty_like(parent), np.empty_like(parent), np.empty_like(parent)
    held[number], begins[number], ends[number] = number[parent], first, first + sizes - 1
    return Nesting(place[block].astype(np.uint16), *(part.astype(np.uint16) for part in (held, begins, ends)))


def blocks(fields: np.ndarray) -> np.ndarray:
    """(C, rows, columns): means of fields (C, h, w) over blocks; those at the far edges are filled up with the edge."""
    height, width = fields.shape[1:]
    filled = np.pad(fields, ((0, 0), (0, -height % BLOCK), (0, -width % BLOCK)), mode="edge")
    rows, columns = filled.shape[1] // BLOCK, filled.shape[2] // BLOCK
    means: np.ndarray = filled.reshape(len(fields), rows, BLOCK, columns, BLOCK).mean(axis=(2, 4))
    return means
