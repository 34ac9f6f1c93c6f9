"""What a network sees in crops whose photos it did not learn from, kept on disk: what answers learn from is then as
doubtful as what they meet in new photos.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sam2_painter.engines.offline.network import LIKENESS, Sight, sight_of
from sam2_painter.engines.offline.surfaces import CLASSES

from .crops import CELLS, Crops, finished
from .encoder import halved
from .network import Network

OUTPUTS = {"logits": 1 + len(CLASSES), "likeness": LIKENESS}  # channels
TRUTH = ("classes", "things", "paints")


@torch.no_grad()
def keep_sights(folder: Path, network: Network) -> None:
    """Write what a network sees beside the crops of a folder, if it is not there."""
    if (folder / "seen").exists():
        return
    torch.set_num_threads(1)
    crops, count = Crops([folder]), finished(folder)
    arrays = [
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float16, (count, channels, CELLS, CELLS))
        for name, channels in OUTPUTS.items()
    ]
    for number in range(count):
        crop = crops.one(number)
        with halved():
            outputs = network.decode(torch.from_numpy(crop["features"].astype(np.float32)))
        for array, output in zip(arrays, outputs, strict=True):
            array[number] = output[0].float().numpy()
    (folder / "seen").touch()


class Sights:
    """The crops of some folders as they were seen, one after another."""

    def __init__(self, folders: list[Path]) -> None:
        self._crops = Crops(folders, (*OUTPUTS, *TRUTH, "lab"))

    def __len__(self) -> int:
        return len(self._crops)

    def __getitem__(self, number: int) -> tuple[Sight, tuple[np.ndarray, ...]]:
        """What was seen in a crop; and its classes, things and paints, see `data.Truth`, in cells."""
        crop = {name: array[0] for name, array in self._crops.one(number).items()}
        logits, likeness = (crop[name].astype(np.float32) for name in OUTPUTS)
        return sight_of(logits, likeness, crop["lab"].transpose(2, 0, 1)), tuple(np.array(crop[name]) for name in TRUTH)
