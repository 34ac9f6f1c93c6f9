"""What the ceilings of the masks are counted from: known masks have known figures."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.ceilings import closed, leaves_iou, report, soft_ious
from sam2_painter.engines.offline.surfaces import CLASSES


def test_a_cell_counts_by_its_share() -> None:
    """Half a cell of the aim is half a hit, and half a miss of a mask that holds the whole cell."""
    aim, judged = np.array([[1.0, 0.5]], np.float32), np.ones((1, 2), np.float32)
    masks = np.array([[[True, True]], [[True, False]], [[False, False]]])
    assert soft_ious(masks, aim, judged) == pytest.approx([0.75, 1 / 1.5, 0])


def test_what_nobody_judged_does_not_count() -> None:
    """A mask may hold any part of it."""
    aim, judged = np.array([[1.0, 0.0]], np.float32), np.array([[1.0, 0.0]], np.float32)
    assert soft_ious(np.ones((1, 1, 2), bool), aim, judged) == pytest.approx([1])


def test_pipes_are_closed_and_windows_are_not() -> None:
    """A gap of 4 cells is part of an outline, one of 12 is not; and nothing grows at the rim."""
    wall = np.zeros((40, 60), bool)
    wall[:, 5:50] = True
    wall[:, 10:14] = wall[14:26, 30:42] = False
    outline = closed(wall)
    assert outline[:, 10:14].all()
    assert not outline[16:24, 32:40].any()
    assert not outline[:, :5].any()


def test_leaves_are_chosen_by_what_they_mostly_are() -> None:
    """Of three leaves of 10 pixels with 9, 6 and 2 in the aim, two are taken: 15 of 17 and 5 others."""
    assert leaves_iou(np.array([9.0, 6, 2]), np.full(3, 10.0)) == pytest.approx(15 / 22)


def test_a_report_names_what_walls_are_taken_for() -> None:
    """The largest share first, those below half a per cent left out."""
    taken = np.zeros((2, len(CLASSES)))
    taken[:, CLASSES.index("balcony")], taken[:, CLASSES.index("wall")], taken[0, CLASSES.index("car")] = (
        0.2,
        0.79,
        0.001,
    )
    told = report({name: [0.5, 1.0] for name in ("cells", "classes", "candidates", "leaves")}, taken)
    assert "| the best candidate | 0.75 | 0.75 | 50% |" in told
    assert told.endswith("2 walls are taken for: wall 79.0%, balcony 20.0%.")
