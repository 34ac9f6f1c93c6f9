"""Train all of the offline engine's weights and write them into the package, with their model card.

    python -m training.train DATA --work WORK

DATA has ``train/`` and ``painter/train/`` as `training.data` describes them. WORK keeps what is finished, some 8 GB, so
that a stopped training goes on where it was. On two processor cores it takes about an hour:

1. rendered houses, and augmented crops of them and of the photos as the frozen part of the encoder sees them, in
parts; 2. the network, on the first of them; 3. candidates for first clicks in crops of the others, which the network
has not seen, and their features; 4. a scorer of first clicks; 5. candidates for the clicks that correct its answers; 6.
``network.onnx``, ``scorers.npz`` and ``MODEL_CARD.md``.
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

PACKAGE = Path(__file__).parents[1] / "sam2_painter" / "engines" / "offline"
HOUSES = range(2000, 2110)  # seeds
CROPS = 1200  # in each part
SEEN, UNSEEN = (1, 2, 3, 4), (5, 6)  # parts that the network learns from, and that the scorers do
STEPS = 2200
LATER = 1600  # unseen crops from here on are for later clicks
PARTS = 2  # of what is gathered, at once


def draw_crops(data: str, work: Path, part: int) -> None:
    """``crops1`` and so on."""
    folder = work / f"crops{part}"
    if finished(folder) < CROPS:
        keep_crops(folder, photo_samples(data), house_samples(work, HOUSES), CROPS, seed=part)


def network_of(work: Path) -> Network:
    """The trained network; trained first when there is none."""
    path = work / "network-finished.pt"
    if not path.exists():
        torch.save(train(work, Crops([work / f"crops{part}" for part in SEEN]), STEPS).state_dict(), path)
    network = Network()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def gather_part(work: Path, name: str, part: int) -> None:
    """``first*.npz`` or ``next*.npz``: samples of some crops for the scorer of that name."""
    target = work / f"{name}{part}.npz"
    if target.exists():
        return
    torch.set_num_threads(1)
    low, high = (0, LATER) if name == "first" else (LATER, CROPS * len(UNSEEN))
    ends = np.linspace(low, high, PARTS + 1).astype(int)
    scorer = None if name == "first" else scorers.Trees(samples_of(work, "first"), order=True).guess
    crops = Crops([work / f"crops{part}" for part in UNSEEN])
    save_samples(target, gather(network_of(work), crops, range(ends[part], ends[part + 1]), 1, scorer))


def samples_of(work: Path, name: str) -> Samples:
    """All samples for the scorer of that name."""
    parts = [load_samples(work / f"{name}{part}.npz") for part in range(PARTS)]
    return sum(parts[1:], parts[0])


def main() -> None:
    """Parse the command line and do what is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder of the annotated photos")
    parser.add_argument("--work", type=Path, default=Path("training-work"), help="folder for what is finished")
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    house_samples(work, HOUSES)
    os.environ["OMP_NUM_THREADS"] = "1"  # two processes share two cores
    with ProcessPoolExecutor(PARTS, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        list(pool.map(partial(draw_crops, args.data, work), SEEN + UNSEEN))
        network = network_of(work)
        for name in ("first", "next"):
            list(pool.map(partial(gather_part, work, name), range(PARTS)))
    arrays, figures = {}, {}
    for name in ("first", "next"):
        parts, figures[name] = scorers.fit(samples_of(work, name), order=True)
        arrays |= {f"{name}_{part}": array for part, array in parts.items()}
        print(name, json.dumps(figures[name]), flush=True)
    export(network, PACKAGE / "network.onnx")
    np.savez_compressed(PACKAGE / "scorers.npz", **arrays)
    examples = read_split(args.data, "train")
    hand = sum("painter" in example.label_path.parts for example in examples)
    weights = sum(weight.numel() for weight in network.parameters())
    card = model_card(date.today(), len(examples), hand, len(HOUSES), weights, figures)
    (PACKAGE / "MODEL_CARD.md").write_text(card)


if __name__ == "__main__":
    main()
