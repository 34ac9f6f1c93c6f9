"""Candidates for a click: what belongs together though something lies between."""

from __future__ import annotations

import numpy as np

from sam2_painter.engines.offline.candidates import BRIDGE, Clicks, bridged, click_candidates, things_at
from sam2_painter.engines.offline.network import LIKENESS, sight_of
from sam2_painter.engines.offline.surfaces import CLASSES


def test_a_wall_goes_on_behind_a_band_and_not_across_a_street() -> None:
    """Parts that are nearer than BRIDGE are reached, one after another; what lies between them is not taken."""
    mask = np.zeros((20, 60), bool)
    near, far = BRIDGE - 1, BRIDGE
    begin = 0
    for gap in (near, near, far, 1):
        mask[:, begin : begin + 8] = True
        begin += 8 + gap
    reached = bridged(mask, (10, 3))
    end = 3 * 8 + 2 * near
    assert (reached[:, :end] == mask[:, :end]).all()
    assert not reached[:, end:].any()


def test_negative_clicks_ask_the_only_positive_one_anew() -> None:
    """A first answer to another question shrinks at once; two positive clicks keep what they brought."""
    rng = np.random.default_rng(0)
    size, kinds = (24, 32), len(CLASSES)
    logits = rng.normal(size=(1 + kinds, *size)).astype(np.float32)
    sight = sight_of(logits, rng.normal(size=(LIKENESS, *size)).astype(np.float32), np.full((3, *size), 128, np.uint8))
    cells = np.array([[4, 5], [20, 28]])
    everything = np.ones(size, bool)
    changed, _ = click_candidates(sight, Clicks(cells, np.array([True, False])), everything)
    meant, _ = things_at(sight, (4, 5), cells[1:])
    assert np.array_equal(changed, meant)
    assert not changed[:, 20, 28].any()
    three = Clicks(np.array([[4, 5], [12, 9], [20, 28]]), np.array([True, True, False]))
    assert click_candidates(sight, three, everything)[0].mean(axis=(1, 2)).max() > 0.9
