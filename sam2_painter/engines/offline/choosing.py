"""From many scored candidates to the few that are shown."""

from __future__ import annotations

import numpy as np

from .candidates import components
from .features import areas, as_sparse
from .reading import Reading

PINHOLE = 0.0005  # of the photo: smaller holes are filled ...
SPECK = 0.02  # of the mask: smaller loose parts are dropped
CONSIDERED = 700  # the likeliest candidates that compete with each other in `suppress`


def three_that_differ(reading: Reading, masks: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Indices of the best candidate and up to two more, best first: as different from each other as there are."""
    order = np.argsort(-scores, kind="stable")
    masks = masks[order]
    area, picked, overlaps = areas(reading, masks), [0], []
    for alike in (0.7, 0.85):
        while len(picked) < 3:
            if len(overlaps) < len(picked):
                common = areas(reading, masks, masks[picked[-1]])
                overlaps.append(common / (area + area[picked[-1]] - common))
            other = np.flatnonzero((np.array(overlaps) <= alike).all(axis=0))
            if not len(other):
                break
            picked.append(other[0])
    return order[sorted(picked)]


def tidy(reading: Reading, masks: np.ndarray) -> np.ndarray:
    """(K, n) bool masks without pinholes and loose specks."""
    sizes, touches = _parts(reading, ~masks)
    filled = masks | (~touches & (sizes < PINHOLE * reading.area.sum()))
    sizes, _ = _parts(reading, filled)
    return filled & (sizes >= np.minimum(SPECK * areas(reading, filled), sizes.max(axis=1))[:, None])


def _parts(reading: Reading, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each leaf in masks (K, n): the work pixels of the connected part it belongs to, (K, n), 0 outside; and, (K, n)
    bool, whether that part reaches the photo's rim.
    """
    name = components(reading, masks).ravel()
    size = np.bincount(name, np.where(masks, reading.area, 0).ravel())[name]
    rim = np.bincount(name, np.where(masks, reading.contact, 0).ravel())[name] > 0
    return size.reshape(masks.shape), rim.reshape(masks.shape)


def suppress(reading: Reading, masks: np.ndarray, scores: np.ndarray, threshold: float, most: int) -> list[int]:
    """Greedy non-maximum suppression by the masks' IoU: indices, best first, at most `most`; scores below 0 are
    left out.
    """
    order = np.argsort(-scores, kind="stable")[:CONSIDERED]
    order = order[scores[order] >= 0]
    members = as_sparse(masks[order])
    common = (members.multiply(reading.area).tocsr() @ members.T).toarray()
    area = np.diagonal(common)
    overlap = common / (area[:, None] + area - common)
    kept: list[int] = []
    for k in range(len(order)):
        if len(kept) == most:
            break
        if (overlap[k, kept] <= threshold).all():
            kept.append(k)
    return [int(order[k]) for k in kept]
