"""How good a candidate is likely to be: the IoU that gradient-boosted trees expect from its features."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Scorer:
    """T full binary trees of equal depth in heap order: node k has the children 2k + 1 and 2k + 2.

    feature: (T, 2**depth - 1) uint8. threshold: the same shape, float32; a feature above it goes right. value:
    (T, 2**depth) float16. base: float.
    """

    feature: np.ndarray
    threshold: np.ndarray
    value: np.ndarray
    base: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(K, F) float32 -> (K,) float64: the IoU to expect; not cut off at 0 and 1, for the order counts."""
        count, inner = self.feature.shape
        feature, threshold = self.feature.ravel().astype(np.intp), self.threshold.ravel()
        values, root = features.ravel(), np.arange(count) * inner
        row = np.arange(len(features))[:, None] * features.shape[1]
        node = np.zeros((len(features), count), np.intp)
        for _ in range(inner.bit_length()):
            at = root + node
            node = 2 * node + 1 + (values.take(row + feature.take(at)) > threshold.take(at))
        leaf = np.arange(count) * (inner + 1) + node - inner
        total: np.ndarray = self.value.ravel().take(leaf).sum(axis=1, dtype=np.float64)
        return total + self.base


def load_scorers(packed: bytes) -> dict[str, Scorer]:
    """Scorers by name from the bytes of an .npz file; no pickle is read."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        names = {key.partition("_")[0] for key in arrays.files}
        return {
            name: Scorer(
                arrays[f"{name}_feature"],
                arrays[f"{name}_threshold"],
                arrays[f"{name}_value"],
                float(arrays[f"{name}_base"]),
            )
            for name in names
        }
