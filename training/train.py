"""Train all of the offline engine's weights and write them into the package, with their model card.

    python -m training.train DATA --work WORK

DATA has ``train/`` as the README of the photos describes it. WORK keeps what is finished, so that a stopped
training goes on where it was. On two processor cores it takes a good hour:

1. two networks, each on one half of the photos (the halves are in the photos' order, so a street falls into one
of them) and on rendered houses of its own; 2. candidates and their features, each photo read by the network
that has not seen it; 3. the same of buildings rendered by ``houses.py``, which neither network has seen; 4.
three scorers from both; 5. ``network-0.onnx``, ``network-1.onnx``, ``scorers.npz`` and ``MODEL_CARD.md``. All
figures in it are of pictures held out.

The engine averages the two networks; on its own photos a network is surer than on new ones, and the scorers
would learn to trust it too much.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import reduce
from multiprocessing import get_context
from operator import add
from pathlib import Path

import cv2
import numpy as np
import torch

from . import scorers
from .card import model_card
from .data import CLASSES, Example, read_split
from .export import export
from .gather import Samples, gather, gather_houses, load_samples, save_samples
from .network import Network, check, draw, read, train

PACKAGE = Path(__file__).parents[1] / "sam2_painter" / "engines" / "offline"
STEPS = 2400
HOUSES = 83  # rendered buildings for the scorers, of the seeds from 0
DRAWN = (range(1000, 1050), range(1050, 1100))  # seeds of the rendered buildings for the networks, by half


def one_thread() -> None:
    """Two of these processes share two cores."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def halves(data: str) -> tuple[list[Example], list[Example]]:
    """The training photos in two parts."""
    examples = read_split(data, "train")
    return examples[: len(examples) // 2], examples[len(examples) // 2 :]


def train_half(data: str, work: Path, half: int) -> None:
    """``half0`` or ``half1``: .pt, .onnx, and .json with its figures on the photos and the houses of the other half."""
    target = work / f"half{half}.pt"
    parts = halves(data)
    if not target.exists():
        torch.save(train(parts[half], DRAWN[half], STEPS, seed=half).state_dict(), target)
    network = load(target)
    if not target.with_suffix(".json").exists():
        export(network, target.with_suffix(".onnx"))
        on = {"photos": read(parts[1 - half]), "houses": draw(DRAWN[1 - half][:20])}
        target.with_suffix(".json").write_text(json.dumps({name: check(network, seen) for name, seen in on.items()}))


def load(path: Path) -> Network:
    """A trained network, ready to use."""
    network = Network()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def gather_half(data: str, work: Path, half: int) -> dict[str, Samples]:
    """Samples for the scorers from one half of the photos."""
    from sam2_painter.engines.offline.network import Network as Runner

    target = work / f"samples{half}.npz"
    if target.exists():
        return load_samples(target)
    parts = halves(data)
    samples = gather(parts[half], Runner([(work / f"half{1 - half}.onnx").read_bytes()]), half * len(parts[0]))
    save_samples(target, samples)
    return samples


def gather_half_of_houses(work: Path, half: int) -> dict[str, Samples]:
    """Samples for the scorers from one half of the rendered buildings, read as the engine will read a photo."""
    from sam2_painter.engines.offline.network import Network as Runner

    target = work / f"houses{half}.npz"
    if target.exists():
        return load_samples(target)
    network = Runner([(work / f"half{k}.onnx").read_bytes() for k in (0, 1)])
    samples = gather_houses(range(half, HOUSES, 2), network)
    save_samples(target, samples)
    return samples


def train_scorer(work: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, dict[str, float]]]:
    """The arrays of one scorer and its cross-validated figures."""
    parts = [f"{source}{half}.npz" for source in ("samples", "houses") for half in (0, 1)]
    samples = reduce(add, (load_samples(work / part)[name] for part in parts))
    arrays, figures = scorers.fit(samples, order=name != "auto")
    print(name, figures, flush=True)
    return arrays, figures


def main() -> None:
    """Parse the command line and do what is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder of the annotated photos")
    parser.add_argument("--work", type=Path, default=Path("training-work"), help="folder for what is finished")
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        list(pool.map(train_half, *zip(*((args.data, work, half) for half in (0, 1)), strict=True)))
        list(pool.map(gather_half, *zip(*((args.data, work, half) for half in (0, 1)), strict=True)))
        list(pool.map(gather_half_of_houses, [work] * 2, (0, 1)))
        names = ("first", "next", "auto")
        trained = dict(zip(names, pool.map(train_scorer, [work] * 3, names), strict=True))
    arrays = {f"{name}_{part}": array for name, (parts, _) in trained.items() for part, array in parts.items()}
    np.savez_compressed(PACKAGE / "scorers.npz", **arrays)
    for half in (0, 1):
        (PACKAGE / f"network-{half}.onnx").write_bytes((work / f"half{half}.onnx").read_bytes())
    figures = {f"half{half}": json.loads((work / f"half{half}.json").read_text()) for half in (0, 1)}
    figures["scorers"] = {name: figure for name, (_, figure) in trained.items()}
    parameters = sum(weight.numel() for weight in Network().parameters())
    photos = len(read_split(args.data, "train"))
    drawn = sum(map(len, DRAWN))
    card = model_card(date.today(), photos, drawn, HOUSES, figures, parameters, len(CLASSES))
    (PACKAGE / "MODEL_CARD.md").write_text(card)


if __name__ == "__main__":
    main()
