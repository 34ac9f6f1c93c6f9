"""What a box means: what fits it best of what is in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .answers import Answers, Points, answer, overlaps, that_differ, tidy
from .candidates import Clicks
from .reading import Reading
from .scorer import Scorer
from .surfaces import CLASSES

TINY = 0.02  # of the photo's long side: a box whose sides are smaller is a shaky click
FITS = 0.3  # weight of the expected IoU beside that of the boxes
FILLS = 0.3  # of a box, at least, by what it is drawn around; a wall with many windows still does


def in_box(reading: Reading, scorers: Mapping[str, Scorer], box: np.ndarray) -> Answers:
    """Up to three answers to a box (4,) XYXY in the photo's pixels; the first of all holds its middle or fits it.

    What is considered: what a click in its middle may mean, whole and inside the box only; the leaves in the box that
    are of one class; and all leaves in the box.
    """
    x0, y0, x1, y1 = (float(side) for side in box)
    height, width = reading.size_hw
    x, y = min((x0 + x1) / 2, width - 1), min((y0 + y1) / 2, height - 1)
    leaf = reading.leaf(int(x), int(y))
    point = Points(Clicks(np.array([reading.cell(x, y)]), np.ones(1, bool)), np.array([leaf]))
    clicked = answer(reading, scorers, point)
    if max(x1 - x0, y1 - y0) < TINY * max(height, width):
        return clicked
    inside = _in_box(reading, box)
    inside[leaf] = True
    masks = [*clicked.masks, *(clicked.masks & inside), inside]
    sure = [*clicked.ious, *clicked.ious, 0.0]
    kinds = reading.classes.argmax(axis=1)
    for kind in range(len(CLASSES)):
        of_kind = inside & (kinds == kind)
        if of_kind.any():
            masks.append(of_kind)
            sure.append(float(np.average(reading.classes[of_kind, kind], weights=reading.areas[of_kind])))
    tidied = tidy(reading, np.array(masks))
    fit = np.array([_box_iou(reading, mask, box) for mask in tidied])
    # A frame around a door has the same box as the door: what leaves most of the box empty was hardly meant.
    fit *= np.minimum(1.0, (tidied & inside) @ reading.areas / max(1.0, FILLS * float(reading.areas[inside].sum())))
    scores = (1 - FITS) * fit + FITS * np.array(sure)
    best = that_differ(overlaps(tidied, reading.areas), scores)
    return Answers(tidied[best], scores[best], fit[best])


def _in_box(reading: Reading, box: np.ndarray) -> np.ndarray:
    """(n,) bool: the leaves that lie mostly in the box."""
    rows, columns = reading.labels.shape
    height, width = reading.size_hw
    x0, y0, x1, y1 = (round(side) for side in (np.asarray(box) * np.tile((columns / width, rows / height), 2)).tolist())
    mask = np.zeros(reading.labels.shape, bool)
    mask[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = True
    hits = np.bincount(reading.labels[mask], minlength=reading.count)
    inside: np.ndarray = hits * 2 > np.bincount(reading.labels.ravel(), minlength=reading.count)
    return inside


def _box_iou(reading: Reading, mask: np.ndarray, box: np.ndarray) -> float:
    """The IoU of the box around a mask with a box."""
    ys, xs = np.nonzero(mask[reading.labels])
    if not len(ys):
        return 0.0
    rows, columns = reading.labels.shape
    height, width = reading.size_hw
    own = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], float)
    own *= (width / columns, height / rows, width / columns, height / rows)
    low, high = np.maximum(own[:2], box[:2]), np.minimum(own[2:], box[2:])
    common = float(np.prod(np.clip(high - low, 0, None)))
    return common / float(np.prod(own[2:] - own[:2]) + np.prod(np.subtract(box[2:], box[:2])) - common)
