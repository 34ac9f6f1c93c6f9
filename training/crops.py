"""Augmented crops as the frozen part of the encoder sees them, kept on disk: training then needs no pictures.

Everything up to stride 4 stays as ImageNet made it, so its features are computed once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from .augment import augmented
from .data import UNKNOWN
from .encoder import EARLY, Encoder, halved
from .samples import Sample

SIZE = 448  # px of a crop
STRIDE = 4  # px: labels are kept for blocks of so many
GROUP = 8  # crops that the encoder sees at once
CELLS = SIZE // STRIDE
WINDOW = 96  # cells of a crop that are learned from at once; a multiple of 8
LABELS = {"classes": np.uint8, "things": np.int16, "paints": np.int16, "border": np.uint8, "sure": np.uint8}


def borders(things: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H/4, W/4) uint8 each: 1 where a border between things runs through the block; and 0 where nobody knows."""
    edge = np.zeros(things.shape, np.uint8)
    edge[:, 1:] |= things[:, 1:] != things[:, :-1]
    edge[1:] |= things[1:] != things[:-1]
    height, width = (side // STRIDE for side in edge.shape)
    border = edge.reshape(height, STRIDE, width, STRIDE).max((1, 3))
    known = (things[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE] != UNKNOWN) | (border > 0)
    return border, known.astype(np.uint8)


def labels_of(sample: Sample) -> dict[str, np.ndarray]:
    """What a crop teaches, (H/4, W/4) each, by the names of LABELS."""
    half = STRIDE // 2
    border, sure = borders(sample.truth.things)
    fields = {name: field[half::STRIDE, half::STRIDE] for name, field in vars(sample.truth).items()}
    return fields | {"border": border, "sure": sure}


def small_picture(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB -> (H/4, W/4, 3) uint8 Lab."""
    height, width = image.shape[:2]
    small = cv2.resize(image, (width // STRIDE, height // STRIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB)


def keep_crops(folder: Path, photos: list[Sample], houses: list[Sample], count: int, seed: int) -> None:
    """Draw `count` crops into a folder, or go on where it was stopped."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {"features": (np.float16, (EARLY, CELLS, CELLS))}
    shapes |= {name: (kind, (CELLS, CELLS)) for name, kind in LABELS.items()}
    shapes["lab"] = (np.uint8, (CELLS, CELLS, 3))
    done = finished(folder)
    mode = "r+" if done else "w+"
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", mode, kind, (count, *shape))
        for name, (kind, shape) in shapes.items()
    }
    encoder = Encoder()
    encoder.load_imagenet()
    encoder.eval().to(memory_format=torch.channels_last)
    begun = time.time()
    for at in range(done, count, GROUP):
        rng = np.random.default_rng([seed, at])
        crops = [augmented(rng, SIZE, photos, houses) for _ in range(min(GROUP, count - at))]
        pictures = torch.from_numpy(np.stack([one.image for one in crops])).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad(), halved():
            features = encoder.early(pictures.contiguous(memory_format=torch.channels_last))
        here = slice(at, at + len(crops))
        arrays["features"][here] = features.float().numpy()
        for k, one in enumerate(crops, at):
            for name, field in labels_of(one).items():
                arrays[name][k] = field
            arrays["lab"][k] = small_picture(one.image)
        (folder / "done").write_text(str(here.stop))
        if at % 200 == 0:
            print(f"crops {seed}: {at}/{count} {time.time() - begun:.0f} s", flush=True)


def finished(folder: Path) -> int:
    """How many crops there are."""
    path = folder / "done"
    return int(path.read_text()) if path.exists() else 0


class Crops:
    """The crops of some folders, as far as they have got. names: what is read of each."""

    def __init__(self, folders: list[Path], names: Sequence[str] = ("features", *LABELS, "lab")) -> None:
        self._folders = folders
        self._arrays = [{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names} for folder in folders]

    def draw(self, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """A random batch of windows of WINDOW cells: arrays (count, ...) by name."""
        done = np.array([finished(folder) for folder in self._folders])
        batch: dict[str, list[np.ndarray]] = {name: [] for name in self._arrays[0]}
        for _ in range(count):
            where = int(rng.choice(len(done), p=done / done.sum()))
            number, (y, x) = int(rng.integers(done[where])), rng.integers((CELLS - WINDOW) // 4 + 1, size=2) * 4
            rows, columns = slice(y, y + WINDOW), slice(x, x + WINDOW)
            for name, array in self._arrays[where].items():
                one = array[number]
                batch[name].append(one[:, rows, columns] if name == "features" else one[rows, columns])
        return {name: np.stack(parts) for name, parts in batch.items()}

    def one(self, number: int) -> dict[str, np.ndarray]:
        """A whole crop as a batch of one."""
        for arrays, folder in zip(self._arrays, self._folders, strict=True):
            if number < finished(folder):
                return {name: array[number : number + 1] for name, array in arrays.items()}
            number -= finished(folder)
        raise IndexError(number)

    def __len__(self) -> int:
        return sum(finished(folder) for folder in self._folders)
