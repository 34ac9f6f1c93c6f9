"""How good a candidate is likely to be: the expected IoU from its features."""

from __future__ import annotations

import numpy as np

from .features import REGION


def hand_made(features: np.ndarray) -> np.ndarray:
    """(K,) in [0, 1] of features whose first columns are REGION: clear border, calm inside, neither speck nor
    everything.
    """
    names = {name: k for k, name in enumerate(REGION)}

    def column(name: str) -> np.ndarray:
        return features[:, names[name]].astype(np.float64)

    border = np.clip(column("strength_over_photo"), 0, 1) * (1 - 0.5 * column("cut_weak"))
    calm = np.clip(column("strength_over_inner") / 2, 0, 1)
    size = np.exp(-(((column("log_area") - np.log(0.08)) / 3.0) ** 2))
    return np.clip(
        (0.45 * border + 0.35 * calm + 0.2 * column("box_fill")) * size * (1 - 0.3 * column("contact")), 0, 1
    )
