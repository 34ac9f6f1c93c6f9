"""Masks worth considering: nodes of the merge trees, geodesic neighbourhoods, areas of one class, areas that look like
one thing with the click, and edits of an earlier answer.

A candidate is (n,) bool over the leaves, with its origin: (kind, persistence, altitude), where persistence is
how much more it takes in its tree to join the node with its neighbour.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from . import reading as r
from .features import Clicks, areas, as_sparse, boxes
from .network import CLASSES
from .reading import Reading
from .trees import COLOUR_STEP, Tree

NODE, BALL, COLOUR_BALL, CLASS_AREA, NODE_OF_CLASS, ALIKE_AREA = range(6)
EDIT = 6  # is added to the kind of what was added to an answer or taken from it
LARGEST = 0.9  # of the photo: a mask of nearly everything is no answer
GROWTH = 1.03  # a node that its parent hardly exceeds is skipped for the parent
BALL_SHARES = (0.0015, 0.003, 0.006, 0.012, 0.02, 0.03, 0.045, 0.06, 0.08, 0.11, 0.15, 0.2, 0.27, 0.35, 0.45)
NEARLY = 0.03  # of its own size: two candidates that differ by less are one
NEAR_BOX = 20  # nodes of each tree that are looked at for a box
OPENINGS = tuple(CLASSES.index(name) for name in ("window", "door"))
ALIKE = (0.15, 0.3, 0.45, 0.6, 0.75, 0.87)  # chances to be one thing with the click


class Pool:
    """Collects candidates, each once."""

    def __init__(self) -> None:
        self._masks: dict[bytes, np.ndarray] = {}
        self._origins: list[tuple[float, float, float]] = []

    def add(
        self,
        masks: np.ndarray,
        kind: np.ndarray | int,
        persistence: np.ndarray | float = 0.0,
        altitude: np.ndarray | float = 0.0,
    ) -> None:
        """Take candidates (K, n), but no empty or known ones; the parts of their origins are (K,), or one for all."""
        origins = np.empty((len(masks), 3), np.float32)
        for column, part in enumerate((kind, persistence, altitude)):
            origins[:, column] = part
        keys = np.packbits(masks, axis=1)
        for k in np.flatnonzero(masks.any(axis=1)):
            if (key := keys[k].tobytes()) not in self._masks:
                self._masks[key] = masks[k]
                self._origins.append(origins[k])

    def stacked(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Masks (K, count) bool and origins (K, 3) float32."""
        masks = np.array(list(self._masks.values()), bool).reshape(-1, count)
        return masks, np.array(self._origins, np.float32).reshape(-1, 3)


def click_candidates(
    reading: Reading, clicks: Clicks, previous: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Masks (K, n), K >= 1, and origins (K, 3) for clicks after the answer `previous`, (n,) bool, to all clicks
    but the last.

    Every candidate holds every positive leaf and no negative one. After an answer, a positive click only adds
    to it and a negative one only takes away.
    """
    masks, origins = _from_nothing(reading, clicks) if previous is None else _from_previous(reading, clicks, previous)
    pool = Pool()
    pool.add(keep_promises(masks, clicks, previous), *origins.T)
    masks, origins = pool.stacked(reading.count)
    if not len(masks):  # nothing is left to add or to take away
        return np.zeros((1, reading.count), bool), np.zeros((1, 3), np.float32)
    different = _that_differ(reading, masks, previous)
    return masks[different], origins[different]


def _that_differ(reading: Reading, masks: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
    """(K,) bool: which of the masks (K, n) are not nearly what one before them is. Many ways lead to one wall.

    Nearly the same are those of one area, middle and extent; after an answer, those that change it alike.
    """
    changed = masks if previous is None else masks ^ previous
    area, *moments = (as_sparse(changed) @ reading.sums[:, [r.AREA, r.X, r.Y, r.XX, r.YY]]).T
    x, y, xx, yy = np.stack(moments) / (area + 1e-9)
    wide, high = np.sqrt(np.maximum(xx - x * x, 0) + 1), np.sqrt(np.maximum(yy - y * y, 0) + 1)
    size = area if previous is None else np.minimum(area, areas(reading, masks))
    unlike = np.zeros((len(masks), len(masks)), bool)
    for value, scale in ((area, size), (x, wide), (y, high), (wide, wide), (high, high)):
        unlike |= np.abs(value[:, None] - value) > NEARLY * scale
    kept = np.ones(len(masks), bool)
    for k in range(len(masks)):
        if kept[k]:
            kept[k + 1 :] &= unlike[k, k + 1 :]
    return kept


def positive_and_negative(clicks: Clicks) -> tuple[list[int], list[int]]:
    """The leaves that must be in and those that must be out; a leaf with both kinds of click is in (and cut by
    pixels later).
    """
    good = list(dict.fromkeys(clicks.leaves[clicks.positive].tolist()))
    bad = [leaf for leaf in dict.fromkeys(clicks.leaves[~clicks.positive].tolist()) if leaf not in good]
    return good, bad


def keep_promises(masks: np.ndarray, clicks: Clicks, previous: np.ndarray | None) -> np.ndarray:
    """Masks (K, n) made to keep the promises of `click_candidates`."""
    good, bad = positive_and_negative(clicks)
    if previous is not None:
        masks = masks | previous if clicks.positive[-1] else masks & previous
    masks[:, good] = True
    masks[:, bad] = False
    return masks


def _from_nothing(reading: Reading, clicks: Clicks) -> tuple[np.ndarray, np.ndarray]:
    """For the first click. A negative one asks for everything but what the same positive one would select."""
    masks, origins = _things_at(reading, int(clicks.leaves[0]), [])
    return (masks if clicks.positive[0] else ~masks), origins


def _from_previous(reading: Reading, clicks: Clicks, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For a later click: more or less by what it points at; for a negative one also what else the first positive one
    may have meant.
    """
    leaf, add = int(clicks.leaves[-1]), bool(clicks.positive[-1])
    good, bad = positive_and_negative(clicks)
    masks, origins = _things_at(reading, leaf, [k for k in (bad if add else good) if k != leaf])
    origins = origins + np.float32([EDIT, 0, 0])
    if add or not good:
        return (previous | masks if add else previous & ~masks), origins
    meant, others = _things_at(reading, good[0], bad)
    whole = meant[:, good].all(axis=1)
    return np.concatenate([previous & ~masks, previous & meant[whole]]), np.concatenate([origins, others[whole]])


def _things_at(reading: Reading, leaf: int, against: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Masks and origins of everything that a leaf may be a part of and none of some others is."""
    pool = Pool()
    for tree in reading.trees:
        masks, persistence, altitude = _nodes_over(reading, tree, leaf, LARGEST)
        fair = ~masks[:, against].any(axis=1)
        masks, persistence, altitude = masks[fair], persistence[fair], altitude[fair]
        pool.add(masks, NODE, persistence, altitude)
        _add_without_openings(pool, reading, masks, leaf, persistence, altitude)
    _add_balls(pool, reading, leaf, against, BALL, 1.0, 1.0)
    if not against:  # they take as long as all the rest, and answer a first click
        _add_balls(pool, reading, leaf, against, COLOUR_BALL, 0.3, 0.15)
    _add_class_areas(pool, reading, leaf, against)
    _add_alike_areas(pool, reading, leaf, against)
    return pool.stacked(reading.count)


def _nodes_over(reading: Reading, tree: Tree, leaf: int, largest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks (K, n), persistence and altitude (K,) of the nodes that hold a leaf, smallest first, up to a share of the
    photo.
    """
    nodes = np.array(tree.path(leaf))
    area = tree.sums(reading.area)[nodes]
    small = area <= largest * area[-1]
    kept = np.flatnonzero(small[:-1] & ~((area[1:] < GROWTH * area[:-1]) & small[1:]))
    above, own = tree.altitude[nodes[kept + 1]], tree.altitude[nodes[kept]]
    return tree.leaves(nodes[kept]), above - own, above


def _add_without_openings(
    pool: Pool,
    reading: Reading,
    masks: np.ndarray,
    leaf: int,
    persistence: np.ndarray | float = 0.0,
    altitude: np.ndarray | float = 0.0,
) -> None:
    """The parts of nodes that are no openings: walls without their windows."""
    openings = reading.classes[:, OPENINGS].sum(axis=1) > 0.5
    if not openings[leaf]:
        pool.add(masks & ~openings, NODE_OF_CLASS, persistence, altitude)


def _add_balls(
    pool: Pool, reading: Reading, leaf: int, against: list[int], kind: int, boundary: float, colour: float
) -> None:
    """Neighbourhoods of a click by the effort to get there, cut where the next step costs most, less what is
    nearer to the clicks against it.
    """
    by_colour = kind == COLOUR_BALL
    effort = _effort(reading, [leaf], boundary, colour, by_colour)
    lost = np.zeros(reading.count, bool)
    if against:
        lost = _effort(reading, against, boundary, colour, by_colour) < effort
    order = np.argsort(effort, kind="stable")
    steps = np.diff(effort[order])
    reached = np.cumsum(reading.area[order]) / reading.area.sum()
    masks = []
    for share in BALL_SHARES:
        at = int(np.searchsorted(reached, share))
        low, high = int(at * 0.8), min(reading.count - 2, max(at + 1, int(at * 1.25)))
        if high <= low:
            continue
        cut = low + int(steps[low:high].argmax())
        mask = np.zeros(reading.count, bool)
        mask[order[: cut + 1]] = True
        masks.append(mask & ~lost)
    pool.add(np.array(masks, bool).reshape(-1, reading.count), kind)


def _effort(reading: Reading, leaves: list[int], boundary: float, colour: float, by_colour: bool) -> np.ndarray:
    """(n,) the cheapest way from the leaves to each leaf: borders crossed, colour and class steps, strangeness of
    colour.
    """
    step, kind = (reading.edge_sums[:, c] / reading.edge_sums[:, r.LENGTH] for c in (r.STEP, r.KIND))
    weights = 1e-3 + boundary * np.maximum(reading.strength - 0.05, 0) + colour * (step + kind)
    if by_colour:
        away = (reading.lab - np.average(reading.lab[leaves], axis=0, weights=reading.area[leaves])) / COLOUR_STEP
        strange = np.sqrt((away**2 * (0.35, 2, 2)).sum(axis=1))
        weights = weights + 0.5 * (strange[reading.edges[:, 0]] + strange[reading.edges[:, 1]])
    return dijkstra(reading.graph(weights.astype(np.float64)), directed=False, indices=leaves, min_only=True)


def _add_class_areas(pool: Pool, reading: Reading, leaf: int, against: list[int]) -> None:
    """Connected areas of the class that the network sees at the click, with and without stopping at borders."""
    own = reading.classes[leaf]
    kind = int(own.argmax())
    if own[kind] < 0.3:
        return
    limits = np.array([(0.3, 9), (0.5, 9), (0.7, 9), (0.3, 0.45), (0.5, 0.45), (0.3, 0.3), (0.5, 0.3)])
    inside = reading.classes[:, kind] >= np.minimum(limits[:, :1], own[kind] * 0.9)
    masks = _around(reading, inside, reading.strength < limits[:, 1:], leaf)
    pool.add(masks[~masks[:, against].any(axis=1)], CLASS_AREA)


def _add_alike_areas(pool: Pool, reading: Reading, leaf: int, against: list[int]) -> None:
    """Connected areas that are likely one thing with the click and less likely with any click against it; the chances
    as they are, and evened out between neighbours that no border parts.
    """
    chance = reading.alike(leaf)
    if against:
        other = np.max([reading.alike(k) for k in against], axis=0)
        chance = np.where(chance > other, chance, 0)
    both = np.concatenate([np.stack([chance, _evened(reading, chance)])] * len(ALIKE))
    limits = np.minimum(np.repeat(ALIKE, 2), both[:, leaf] * 0.98)
    masks = _around(reading, both >= limits[:, None], True, leaf)
    masks = masks[~masks[:, against].any(axis=1)]
    pool.add(masks, ALIKE_AREA)
    _add_without_openings(pool, reading, masks, leaf)


def _evened(reading: Reading, chance: np.ndarray, rounds: int = 12) -> np.ndarray:
    """(n,) chances after some rounds in which every leaf listens to its neighbours, less across strong borders."""
    heard, own = reading.heard, 0.25 * np.sqrt(reading.area).astype(np.float64)
    whole, own_chance = own + heard @ np.ones(reading.count), own * chance
    evened = chance.astype(np.float64)
    for _ in range(rounds):
        evened = (own_chance + heard @ evened) / whole
    return evened


def _around(reading: Reading, inside: np.ndarray, passable: np.ndarray | bool, leaf: int) -> np.ndarray:
    """(T, n) bool: of each set of leaves (T, n), the connected part that holds a leaf."""
    name = components(reading, inside, passable)
    return (name == name[:, leaf : leaf + 1]) & inside


def box_candidates(reading: Reading, box: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks (K, n), origins (K, 3) and, (K,), the IoU of each one's own box with the given one, XYXY in work pixels.

    One of them is all that has its middle in the box, so there is always one.
    """
    pool = Pool()
    for tree in reading.trees:
        nodes = np.argsort(-box_overlap(tree.boxes(reading.box), box), kind="stable")[:NEAR_BOX]
        above = tree.altitude[tree.parent[nodes]]
        pool.add(tree.leaves(nodes), NODE, above - tree.altitude[nodes], above)
    for kind in range(reading.classes.shape[1]):
        alike = reading.classes[:, kind] >= 0.5
        name = components(reading, alike[None])[0]
        large = np.unique(name[alike & (reading.area * len(reading.area) > reading.area.sum())])
        pool.add(alike & (name == large[:, None]), CLASS_AREA)
    middle = reading.sums[:, [r.X, r.Y]] / reading.area[:, None]
    inside = ((middle >= box[:2]) & (middle < box[2:])).all(axis=1)
    inside[np.abs(middle - (box[:2] + box[2:]) / 2).sum(axis=1).argmin()] = True
    pool.add(inside[None], NODE)
    masks, origins = pool.stacked(reading.count)
    return masks, origins, box_overlap(boxes(reading, as_sparse(masks)), box)


def box_overlap(many: np.ndarray, one: np.ndarray) -> np.ndarray:
    """(K,) the IoU of boxes (4, K) with a box (4,), all XYXY."""
    wide = np.clip(np.minimum(many[2], one[2]) - np.maximum(many[0], one[0]), 0, None)
    high = np.clip(np.minimum(many[3], one[3]) - np.maximum(many[1], one[1]), 0, None)
    whole = (many[2] - many[0]) * (many[3] - many[1]) + (one[2] - one[0]) * (one[3] - one[1])
    return wide * high / (whole - wide * high)


def components(reading: Reading, inside: np.ndarray, passable: np.ndarray | bool = True) -> np.ndarray:
    """(T, n) int32 names of the connected parts of T sets of leaves (T, n) bool; leaves outside are parts of their own.

    passable: (E,) or (T, E) bool. All sets are one graph: most of the time would go into the calls.
    """
    u, v = reading.ends
    joined = inside.take(u, axis=1) & inside.take(v, axis=1) & passable
    sets, edges = np.divmod(np.flatnonzero(joined), len(u))
    before = np.concatenate([[0], np.cumsum(joined, dtype=np.int32)])  # how many are joined before each edge of a set
    first = np.arange(len(inside))[:, None] * len(u) + reading.first_edge[:-1]
    rows = np.append(before[first.ravel()], before[-1])
    columns = (sets * reading.count + v[edges]).astype(np.int32)
    graph = csr_matrix((np.ones(len(edges)), columns, rows), (inside.size, inside.size))
    return connected_components(graph, directed=False)[1].reshape(inside.shape)


def all_candidates(reading: Reading, smallest: float = 0.0008, largest: float = 0.85) -> tuple[np.ndarray, np.ndarray]:
    """Masks (K, n) and origins (K, 3) of every tree node and class area between two shares of the photo."""
    whole, pool = reading.area.sum(), Pool()
    for tree in reading.trees:
        area = tree.sums(reading.area) / whole
        nodes = np.flatnonzero((area > smallest) & (area < largest) & (tree.parent >= 0))
        above = tree.altitude[tree.parent[nodes]]
        pool.add(tree.leaves(nodes), NODE, above - tree.altitude[nodes], above)
    for kind in range(reading.classes.shape[1]):
        for threshold in (0.35, 0.55, 0.75):
            alike = reading.classes[:, kind] >= threshold
            name = components(reading, alike[None])[0]
            area = np.bincount(name[alike], weights=reading.area[alike], minlength=int(name.max()) + 1) / whole
            large = np.flatnonzero(area > 1.5 * smallest)
            pool.add(alike & (name == large[:, None]), CLASS_AREA)
    return pool.stacked(reading.count)
