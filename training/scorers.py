"""The three scorers: gradient-boosted trees that guess a candidate's IoU."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from .gather import HOUSE, Samples

DEPTH = 6
TREES = 220


def fit(samples: Samples) -> HistGradientBoostingRegressor:
    """Trees fitted to the IoUs by squared error; the photos and the rendered houses weigh the same."""
    model = HistGradientBoostingRegressor(
        max_iter=TREES,
        max_depth=DEPTH,
        max_leaf_nodes=28,
        learning_rate=0.06,
        min_samples_leaf=40,
        l2_regularization=5.0,
        max_features=0.5,
        random_state=0,
    )
    house = samples.photo >= HOUSE
    weights = np.where(house, 1 / max(house.sum(), 1), 1 / max((~house).sum(), 1))
    return model.fit(samples.features, samples.ious, sample_weight=weights / weights.mean())


def as_arrays(model: HistGradientBoostingRegressor) -> dict[str, np.ndarray]:
    """The trees as full binary ones of DEPTH levels, in heap order: node k has the children 2k + 1 and 2k + 2.

    feature: (T, 2**DEPTH - 1) uint8. threshold: the same shape, float32; a feature above it goes right. value:
    (T, 2**DEPTH) float32. base: () float32. A branch that ends early goes left for ever.
    """
    trees = [stage[0].nodes for stage in model._predictors]
    inner = 2**DEPTH - 1
    feature = np.zeros((len(trees), inner), np.uint8)
    threshold = np.full((len(trees), inner), np.inf, np.float32)
    value = np.zeros((len(trees), inner + 1), np.float32)
    for t, nodes in enumerate(trees):
        stack = [(0, 0)]  # node of the model, place in the heap
        while stack:
            k, place = stack.pop()
            node = nodes[k]
            if node["is_leaf"]:
                while place < inner:
                    place = 2 * place + 1
                value[t, place - inner] = node["value"]
            else:
                feature[t, place] = node["feature_idx"]
                threshold[t, place] = node["num_threshold"]
                stack += [(int(node["left"]), 2 * place + 1), (int(node["right"]), 2 * place + 2)]
    base = np.float32(np.ravel(model._baseline_prediction)[0])
    return {"feature": feature, "threshold": threshold, "value": value, "base": base}


def check(samples: Samples, folds: int = 2) -> dict[str, dict[str, float]]:
    """Cross-validated by whole pictures, of "photos" and "houses": explained variance of the IoU, the mean IoU of the
    candidate ranked first, and the mean of the best there was.
    """
    guess = np.zeros(len(samples.ious))
    for fold in range(folds):
        out = samples.photo % folds == fold
        guess[out] = fit(samples.only(~out)).predict(samples.features[out])
    house = samples.photo >= HOUSE
    return {name: _figures(samples.only(some), guess[some]) for name, some in (("photos", ~house), ("houses", house))}


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
