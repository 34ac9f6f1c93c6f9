"""Train all of the offline engine's weights and write them into the package, with their model card.

    python -m training.train DATA --work WORK

DATA has ``train/`` as the README of the photos describes it. WORK keeps what is finished, some 2 GB, so that a
stopped training goes on where it was. On two processor cores it takes under an hour:

1. two networks, each on one half of the photos (the halves are in the photos' order, so a street falls into one
of them) and on rendered houses of its own; 2. scenes: each photo read by the network that has not seen it, and
buildings rendered by ``houses.py`` that neither has; 3. candidates for first clicks and for every mask, and their
features; 4. a scorer of each half, and candidates for the clicks that correct its answers in the other half; 5.
three scorers from both halves; 6. ``network-0.onnx``, ``network-1.onnx``, ``scorers.npz`` and ``MODEL_CARD.md``.
All figures in it are of pictures held out.

The engine averages the two networks; on its own photos a network is surer than on new ones, and the scorers
would learn to trust it too much.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
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
from .data import CLASSES, Example, read_split
from .export import export
from .gather import HOUSE, Scene, gather_first, gather_next, house_scene, load_samples, photo_scene, save_samples
from .network import Network, check, draw, read, train

PACKAGE = Path(__file__).parents[1] / "sam2_painter" / "engines" / "offline"
STEPS = 2400
HOUSES = 83  # rendered buildings for the scorers, of the seeds from 0
DRAWN = (range(1000, 1050), range(1050, 1100))  # seeds of the rendered buildings for the networks, by half


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


def read_half(data: str, work: Path, half: int) -> None:
    """``scene*.npz``: one half of the photos and of the rendered buildings, read as the engine will read a photo."""
    from sam2_painter.engines.offline.network import Network as Runner

    models = [(work / f"half{k}.onnx").read_bytes() for k in (0, 1)]
    stranger, both = Runner([models[1 - half]]), Runner(models)
    parts = halves(data)
    wanted = {
        number: partial(photo_scene, example, number, stranger)
        for number, example in enumerate(parts[half], half * len(parts[0]))
    } | {HOUSE + seed: partial(house_scene, seed, both) for seed in range(half, HOUSES, 2)}
    for done, (number, read_scene) in enumerate(wanted.items(), 1):
        target = work / f"scene{number}-{half}.npz"
        if not target.exists():
            read_scene().save(target)
        if done % 20 == 0:
            print(f"read {done}/{len(wanted)} pictures", flush=True)


def scenes(work: Path, half: int) -> Iterator[Scene]:
    """Those of one half, one after another."""
    return map(Scene.load, sorted(work.glob(f"scene*-{half}.npz")))


def gather_first_half(work: Path, half: int) -> None:
    """``first{half}.npz``: samples of one half for the scorers "first" and "auto"."""
    target = work / f"first{half}.npz"
    if not target.exists():
        save_samples(target, gather_first(scenes(work, half)))


def gather_next_half(work: Path, half: int) -> None:
    """``next{half}.npz``: samples of one half for the scorer "next", with a scorer that has learned from the other."""
    target = work / f"next{half}.npz"
    if not target.exists():
        others = scorers.Trees(load_samples(work / f"first{1 - half}.npz")["first"], order=True)
        save_samples(target, gather_next(scenes(work, half), others.guess))


def train_scorer(work: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, dict[str, float]]]:
    """The arrays of one scorer and its cross-validated figures."""
    part = "next" if name == "next" else "first"
    samples = load_samples(work / f"{part}0.npz")[name] + load_samples(work / f"{part}1.npz")[name]
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
    os.environ["OMP_NUM_THREADS"] = "1"  # two processes share two cores
    with ProcessPoolExecutor(2, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        for step in (train_half, read_half):
            list(pool.map(step, [args.data] * 2, [work] * 2, (0, 1)))
        for step in (gather_first_half, gather_next_half):
            list(pool.map(step, [work] * 2, (0, 1)))
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
