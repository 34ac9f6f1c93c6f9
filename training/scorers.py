"""The scorers: gradient-boosted trees that guess a candidate's IoU.

For a click it matters which candidate comes first, so beside trees that guess the IoU there are some that learn
only the order of one click's candidates; what a scorer says is the sum of both, brought back to the scale of IoUs.
"""

from __future__ import annotations

import lightgbm
import numpy as np

from .rows import Samples

DEPTH = 6
TREES = 300  # of each kind
ORDER = 0.1  # what the trees of the order weigh, where those of the IoU weigh 1
GRADES = 31  # of IoU, for the order
COMMON = {
    "max_depth": DEPTH,
    "num_leaves": 28,
    "learning_rate": 0.05,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
    "num_threads": 1,
    "deterministic": True,
    "seed": 0,
    "verbose": -1,
}


class Trees:
    """Trees fitted to some samples; with `order` they also learn the order within each click."""

    def __init__(self, samples: Samples, order: bool) -> None:
        told = lightgbm.Dataset(samples.features, samples.ious)
        self._parts = [(1.0, lightgbm.train({**COMMON, "objective": "regression"}, told, TREES))]
        if order:
            clicks = np.unique(samples.group, return_counts=True)[1]
            grades = np.clip(samples.ious * GRADES, 0, GRADES - 1).astype(int)
            told = lightgbm.Dataset(samples.features, grades, group=clicks)
            self._parts.append((ORDER, lightgbm.train({**COMMON, "objective": "rank_xendcg"}, told, TREES)))

    def guess(self, features: np.ndarray) -> np.ndarray:
        """(R,) what the trees add up to."""
        return sum(weight * booster.predict(features) for weight, booster in self._parts)

    def arrays(self, scale: float, base: float) -> dict[str, np.ndarray]:
        """Scaled and moved, as full binary trees of DEPTH levels in heap order: node k has the children 2k + 1 and
        2k + 2.

        feature: (T, 2**DEPTH - 1) uint8. threshold: the same shape, float32; a feature above it goes right. value:
        (T, 2**DEPTH) float16. base: () float32. A branch that ends early goes left for ever.
        """
        trees = [
            (weight, tree["tree_structure"])
            for weight, booster in self._parts
            for tree in booster.dump_model()["tree_info"]
        ]
        inner = 2**DEPTH - 1
        feature = np.zeros((len(trees), inner), np.uint8)
        threshold = np.full((len(trees), inner), np.inf, np.float32)
        value = np.zeros((len(trees), inner + 1), np.float16)
        for t, (weight, root) in enumerate(trees):
            stack = [(root, 0)]  # node of the model, place in the heap
            while stack:
                node, place = stack.pop()
                if "leaf_value" in node:
                    while place < inner:
                        place = 2 * place + 1
                    value[t, place - inner] = scale * weight * node["leaf_value"]
                else:
                    feature[t, place] = node["split_feature"]
                    threshold[t, place] = _not_above(node["threshold"])
                    stack += [(node["left_child"], 2 * place + 1), (node["right_child"], 2 * place + 2)]
        return {"feature": feature, "threshold": threshold, "value": value, "base": np.float32(base)}


def _not_above(threshold: float) -> np.float32:
    """The largest float32 that is not above it: what exceeds the one exceeds the other."""
    near = np.float32(threshold)
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))


def fit(samples: Samples, order: bool, folds: int = 2) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The arrays of a scorer; and its figures, cross-validated by whole pictures: explained variance of the IoU, the
    mean IoU of the candidate ranked first, and the mean of the best there was.

    The scale of IoUs is taken from the guesses on pictures held out too.
    """
    guess = np.zeros(len(samples.ious))
    for fold in range(folds):
        out = samples.photo % folds == fold
        guess[out] = Trees(samples.only(~out), order).guess(samples.features[out])
    scale, base = np.polyfit(guess, samples.ious, 1)
    return Trees(samples, order).arrays(scale, base), _figures(samples, scale * guess + base)


def _figures(samples: Samples, guess: np.ndarray) -> dict[str, float]:
    starts = np.flatnonzero(np.diff(samples.group, prepend=-1))
    ends = np.append(starts[1:], len(guess))
    picked = [samples.ious[a + guess[a:b].argmax()] for a, b in zip(starts, ends, strict=True)]
    return {
        "explained": float(1 - ((guess - samples.ious) ** 2).mean() / samples.ious.var()),
        "ranked first": float(np.mean(picked)),
        "best candidate": float(np.maximum.reduceat(samples.ious, starts).mean()),
        "rows": len(guess),
    }
