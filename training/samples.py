"""Pictures to learn from, at the size the network sees them; made once and kept on disk."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from .data import Example, Truth, read_split
from .houses import house

SIDE = 768  # px of the long side
TELLING = 5  # times that a photo is drawn whose walls are told from its roofs


@dataclass(frozen=True, eq=False)
class Sample:
    """image: (H, W, 3) uint8 RGB. truth: of the same size."""

    image: np.ndarray
    truth: Truth

    def save(self, path: Path) -> None:
        """Write it to an .npz file that is there whole or not at all."""
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            np.savez_compressed(file, image=self.image, **vars(self.truth))
        unfinished.replace(path)

    @classmethod
    def load(cls, path: Path) -> Sample:
        """The inverse of `save`."""
        with np.load(path) as arrays:
            return cls(arrays["image"], Truth(arrays["classes"], arrays["things"], arrays["paints"]))


def at_side(image: np.ndarray, truth: Truth, side: int = SIDE) -> Sample:
    """A sample at `side` pixels; ids are kept in 16 bits."""
    scale = side / max(truth.classes.shape)
    size = (round(truth.classes.shape[1] * scale), round(truth.classes.shape[0] * scale))

    def labels(field: np.ndarray) -> np.ndarray:
        kind = np.uint8 if field.dtype == np.uint8 else np.int16
        return cv2.resize(field.astype(kind), size, interpolation=cv2.INTER_NEAREST)

    shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return Sample(shrunk, Truth(labels(truth.classes), labels(truth.things), labels(truth.paints)))


def photo_samples(data: str | Path, half: int) -> list[Sample]:
    """One half of the photos to learn from, 0 or 1; those whose labels say more several times."""
    samples = []
    for example in read_split(data, "train")[half::2]:
        samples += [_photo(example)] * (TELLING if example.told_apart else 1)
    return samples


def _photo(example: Example) -> Sample:
    return at_side(example.image(), example.truth())


def house_samples(work: Path, seeds: range) -> list[Sample]:
    """Rendered houses of these seeds; what is finished is kept in `work`."""
    folder = work / "houses"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [seed for seed in seeds if not (folder / f"{seed}.npz").exists()]
    if missing:
        with ProcessPoolExecutor(2, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
            list(pool.map(partial(_draw, folder), missing))
    return [Sample.load(folder / f"{seed}.npz") for seed in seeds]


def _draw(folder: Path, seed: int) -> None:
    drawn = house(seed)
    at_side(drawn.pixels, drawn.truth()).save(folder / f"{seed}.npz")
