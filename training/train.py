"""Train all of the offline engine's weights and write them into the package, with their model card.

    python -m training.train DATA --work WORK

DATA has ``train/`` and ``painter/train/`` as `training.data` describes them. WORK keeps what is finished, some 15 GB,
so that a stopped training goes on where it was. On two processor cores it takes some hour and a half:

1. rendered houses, and augmented crops of them and of the photos as the frozen part of the encoder sees them: of each
half of the pictures some; 2. the network, on all of them, and two more, each on one half; 3. what those see in crops of
the other half: no more than anybody sees in a new photo; 4. there, candidates for the first clicks of simulated people,
and their features; 5. a scorer of first clicks; 6. candidates for the clicks that correct its answers, and a scorer;
7. ``network.onnx``, ``scorers.npz`` and ``MODEL_CARD.md``.
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from . import scorers
from .card import model_card
from .crops import Crops, finished, keep_crops
from .data import read_split
from .export import export
from .gather import gather
from .learning import train
from .network import Network
from .rows import Samples, load_samples, save_samples
from .samples import house_samples, photo_samples
from .sights import Sights, keep_sights

PACKAGE = Path(__file__).parents[1] / "sam2_painter" / "engines" / "offline"
HOUSES = range(2000, 2110)  # seeds
HALVES, PARTS = (0, 1), (1, 2)  # of the pictures; and of what is drawn of each
CROPS = 1800  # in each part
STEPS, HALF_STEPS = 5000, 2500  # of the network, and of those that see one half only
NAMES = ("first", "next")  # of the scorers
LATER = 2400  # crops of each half from here on are for later clicks


def parts_of(work: Path, *halves: int) -> list[Path]:
    """The folders of the crops of some halves."""
    return [work / f"crops{half}-{part}" for half in halves for part in PARTS]


def draw_crops(data: str, work: Path, half: int) -> None:
    """``crops0-1`` and so on."""
    for part, folder in zip(PARTS, parts_of(work, half), strict=True):
        if finished(folder) < CROPS:
            houses = house_samples(work, HOUSES)[half :: len(HALVES)]
            keep_crops(folder, photo_samples(data, half), houses, CROPS, seed=10 * half + part)


def network_of(work: Path, *halves: int) -> Network:
    """The network that learned from some halves; trained first when there is none."""
    name = "-".join(str(half) for half in halves)
    path, steps = work / f"network{name}-finished.pt", STEPS if len(halves) > 1 else HALF_STEPS
    torch.set_num_threads(1)
    if not path.exists():
        torch.save(train(work / f"network{name}.pt", Crops(parts_of(work, *halves)), steps).state_dict(), path)
    network = Network()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def look(work: Path, half: int) -> None:
    """What is seen in the crops of a half by the network of the other."""
    network = network_of(work, 1 - half)
    for folder in parts_of(work, half):
        keep_sights(folder, network)


def gather_half(work: Path, name: str, half: int) -> None:
    """``first*.npz`` and so on: samples of some crops of a half for the scorer of that name."""
    target = work / f"{name}{half}.npz"
    if target.exists():
        return
    torch.set_num_threads(1)
    sights = Sights(parts_of(work, half))
    scorer = scorers.Trees(samples_of(work, "first"), order=True).guess if name == "next" else None
    numbers = range(LATER, len(sights)) if name == "next" else range(LATER)
    save_samples(target, gather(sights, numbers, half, scorer))


def samples_of(work: Path, name: str) -> Samples:
    """All samples for the scorer of that name."""
    parts = [load_samples(work / f"{name}{half}.npz") for half in HALVES]
    return sum(parts[1:], parts[0])


def main() -> None:
    """Parse the command line and do what is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder of the annotated photos")
    parser.add_argument("--work", type=Path, default=Path("training-work"), help="folder for what is finished")
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    arrays, figures = {}, {}
    house_samples(work, HOUSES)
    os.environ["OMP_NUM_THREADS"] = "1"  # two processes share two cores
    with ProcessPoolExecutor(len(HALVES), get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        for step in (partial(draw_crops, args.data), look):
            list(pool.map(partial(step, work), HALVES))
        whole = pool.submit(network_of, work, *HALVES)
        for name in NAMES:
            list(pool.map(partial(gather_half, work, name), HALVES))
        for name in NAMES:
            parts, figures[name] = scorers.fit(samples_of(work, name), order=True)
            arrays |= {f"{name}_{part}": array for part, array in parts.items()}
            print(name, json.dumps(figures[name]), flush=True)
        network = whole.result()
    export(network, PACKAGE / "network.onnx")
    np.savez_compressed(PACKAGE / "scorers.npz", **arrays)
    examples = read_split(args.data, "train")
    hand = sum(example.told_apart for example in examples)
    weights = sum(weight.numel() for weight in network.parameters())
    card = model_card(date.today(), len(examples), hand, len(HOUSES), weights, figures)
    (PACKAGE / "MODEL_CARD.md").write_text(card)


if __name__ == "__main__":
    main()
