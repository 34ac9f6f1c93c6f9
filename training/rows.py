"""Rows that a scorer learns from: features of candidates, and how good they truly are."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows for one scorer. features: (R, F) float32. ious: (R,) float32. group: (R,) int, the click they are
    candidates of. photo: (R,) int, for holding pictures out.
    """

    features: np.ndarray
    ious: np.ndarray
    group: np.ndarray
    photo: np.ndarray

    def __add__(self, other: Samples) -> Samples:
        groups = int(self.group.max()) + 1
        return Samples(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.ious, other.ious]),
            np.concatenate([self.group, other.group + groups]),
            np.concatenate([self.photo, other.photo]),
        )

    def only(self, rows: np.ndarray) -> Samples:
        """Those of some rows, (R,) bool."""
        return Samples(self.features[rows], self.ious[rows], self.group[rows], self.photo[rows])


class Collected:
    """Samples while they are gathered."""

    def __init__(self) -> None:
        self._rows: list[tuple[np.ndarray, np.ndarray, int]] = []

    def add(self, features: np.ndarray, ious: np.ndarray, photo: int) -> None:
        """Take the rows of one click."""
        self._rows.append((features, ious.astype(np.float32), photo))

    def samples(self) -> Samples:
        """All of them."""
        counts = [len(ious) for _, ious, _ in self._rows]
        return Samples(
            np.concatenate([features for features, _, _ in self._rows]),
            np.concatenate([ious for _, ious, _ in self._rows]),
            np.repeat(np.arange(len(counts)), counts),
            np.repeat([photo for _, _, photo in self._rows], counts),
        )


def save_samples(path: Path, samples: Samples) -> None:
    """Write samples to an .npz file that is there whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, **vars(samples))
    unfinished.replace(path)


def load_samples(path: Path) -> Samples:
    """The inverse of `save_samples`."""
    with np.load(path) as arrays:
        return Samples(*(arrays[field.name] for field in fields(Samples)))
