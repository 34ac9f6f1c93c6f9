"""What the scorers learn from: candidates for simulated clicks, their features, and how good they truly are.

A photo is read with a network that has not seen it, for on its own photos a network is surer than it will be on new
ones, and the scorers would learn to trust it too much.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from sam2_painter.engines.offline.candidates import all_candidates, click_candidates
from sam2_painter.engines.offline.features import Clicks, auto_features, first_features, next_features
from sam2_painter.engines.offline.network import Network
from sam2_painter.engines.offline.reading import Reading, read_photo

from .augment import SKY, cast_shadow, masonry, relight, repaint, replace_sky
from .data import Example, class_map
from .houses import house

PHOTOS = 90  # of each half
CLICKS = 4
BEST, OTHERS = 12, 24  # candidates kept of each click: the best ones, and some of the rest
AUTO = 200  # candidates kept of each photo
MOST_PER_CLASS = 2
HOUSE = 100_000  # the number of the first rendered house: photos have smaller ones


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows for one scorer. features: (R, F) float32. ious: (R,) float32. group: (R,) int, the click they are
    candidates of. photo: (R,) int, for holding photos out.
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


def save_samples(path: Path, samples: dict[str, Samples]) -> None:
    """Write samples by the scorer's name to an .npz file."""
    np.savez(path, **{f"{name}_{k}": array for name, some in samples.items() for k, array in vars(some).items()})


def load_samples(path: Path) -> dict[str, Samples]:
    """The inverse of `save_samples`."""
    with np.load(path) as arrays:
        names = {key.partition("_")[0] for key in arrays.files}
        return {n: Samples(*(arrays[f"{n}_{f.name}"] for f in fields(Samples))) for n in names}


def gather(examples: list[Example], network: Network, first: int) -> dict[str, Samples]:
    """Samples for the scorers "first", "next" and "auto". first: the number of the first example."""
    samples = {name: Collected() for name in ("first", "next", "auto")}
    # Any number of photos is a fair choice of them.
    order = np.random.default_rng(0).permutation(len(examples))[:PHOTOS]
    for done, k in enumerate(order, 1):
        example, number = examples[k], first + int(k)
        rng = np.random.default_rng(number)
        image = example.image()
        classes, instances = class_map(image, example.labels(), example.regions)
        if rng.random() < 0.6:
            image = disguised(rng, image, classes, instances)
        reading = read_photo(image, network)
        leaves = label_map(reading)
        _gather_auto(samples["auto"], rng, reading, leaves, classes, instances, number)
        for region in targets(rng, example, classes, instances):
            _gather_clicks(samples, rng, reading, leaves, instances == region, number)
        if done % 10 == 0:
            print(f"gathered {done}/{len(order)} photos", flush=True)
    return {name: collected.samples() for name, collected in samples.items()}


def gather_houses(seeds: range, network: Network) -> dict[str, Samples]:
    """The same from rendered buildings, which no network has learned from."""
    samples = {name: Collected() for name in ("first", "next", "auto")}
    for done, seed in enumerate(seeds, 1):
        rng, example = np.random.default_rng(seed), house(seed)
        reading = read_photo(example.pixels, network)
        leaves = label_map(reading)
        everything = np.zeros_like(example.instances)  # of a class that counts: all is annotated
        _gather_auto(samples["auto"], rng, reading, leaves, everything, example.instances, HOUSE + seed)
        for region in example.targets(rng):
            _gather_clicks(samples, rng, reading, leaves, example.instances == region, HOUSE + seed)
        if done % 10 == 0:
            print(f"gathered {done}/{len(seeds)} houses", flush=True)
    return {name: collected.samples() for name, collected in samples.items()}


def disguised(rng: np.random.Generator, image: np.ndarray, classes: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """The photo in other paint, weather and light, with the same borders."""
    image = image.astype(np.float32) / 255
    if rng.random() < 0.5:
        image = replace_sky(rng, image, classes)
    if rng.random() < 0.4:
        image = repaint(rng, image, instances)
    if rng.random() < 0.3:
        image = masonry(rng, image, classes)
    if rng.random() < 0.4:
        image = cast_shadow(rng, image, classes)
    return relight(rng, image)


def targets(rng: np.random.Generator, example: Example, classes: np.ndarray, instances: np.ndarray) -> list[int]:
    """Instance ids to click: at most MOST_PER_CLASS a class, and the sky, which the data leave out."""
    chosen = []
    annotated = {region.id for region in example.regions}
    for kind in np.unique(classes[classes < 255]):
        ids = [int(k) for k in np.unique(instances[classes == kind]) if k in annotated or kind == SKY]
        rng.shuffle(ids)
        chosen += ids[:MOST_PER_CLASS]
    return chosen


def middle(error: np.ndarray, rng: np.random.Generator, depth: float) -> tuple[float, tuple[int, int]]:
    """How deep an error mask (H, W) bool is, and (x, y) at least `depth` of the way to its deepest pixel."""
    coarse = np.ascontiguousarray(error[::2, ::2], np.uint8)  # a distance need not be exact
    inside = cv2.distanceTransform(np.pad(coarse, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    deepest = float(inside.max())
    if depth < 1 and deepest > 0:
        part = cv2.connectedComponents(coarse)[1]
        inside = np.where(part == part[np.unravel_index(inside.argmax(), inside.shape)], inside, 0)
    ys, xs = np.nonzero(inside >= depth * deepest)
    k = rng.integers(len(ys))
    return deepest, (2 * int(xs[k]), 2 * int(ys[k]))


def label_map(reading: Reading) -> np.ndarray:
    """(H, W) uint16: the leaf of each pixel."""
    lengths = np.diff(reading.run_ends.astype(np.int64), prepend=0)
    width, height = reading.size_hw[1], reading.size_hw[0]
    return np.ascontiguousarray(np.repeat(reading.run_labels, lengths).reshape(width, height).T)


def _gather_clicks(samples, rng, reading: Reading, leaves: np.ndarray, truth: np.ndarray, number: int) -> None:
    inside = np.bincount(leaves[truth], minlength=reading.count)
    deepest, at = middle(truth, rng, 1.0 if rng.random() < 0.5 else 0.5)
    points, labels, previous = [], [], None
    for _ in range(CLICKS):
        if deepest <= 1:
            return
        points.append(at)
        labels.append(previous is None or bool(truth[at[1], at[0]]))
        clicks = Clicks(
            np.array([reading.to_work(*p) for p in points]),
            np.array([leaves[y, x] for x, y in points], int),
            np.array(labels),
        )
        masks, origins = click_candidates(reading, clicks, previous)
        common = np.where(masks, inside, 0).sum(axis=1)
        ious = common / (np.where(masks, reading.pixels, 0).sum(axis=1) + truth.sum() - common)
        some = rng.permutation(len(masks))[:OTHERS]
        keep = np.unique(np.concatenate([np.argsort(-ious)[:BEST], some]))
        if previous is None:
            samples["first"].add(first_features(reading, masks[keep], origins[keep], clicks), ious[keep], number)
        else:
            features = next_features(reading, masks[keep], origins[keep], clicks, previous)
            samples["next"].add(features, ious[keep], number)
        # A learner's answer is neither perfect nor random.
        chance = np.clip(ious, 0, 1) ** rng.choice([2, 4, 10]) + 1e-6
        previous = masks[rng.choice(len(masks), p=chance / chance.sum())]
        answer = previous[leaves]
        depth = 1.0 if rng.random() < 0.6 else 0.6
        deepest, at = max(middle(truth & ~answer, rng, depth), middle(answer & ~truth, rng, depth))


def _gather_auto(samples: Collected, rng, reading: Reading, leaves, classes, instances, number: int) -> None:
    masks, origins = all_candidates(reading)
    keep = rng.permutation(len(masks))[:AUTO]
    masks, origins = masks[keep], origins[keep]
    annotated = (classes != 255) & (instances > 0)
    known = np.bincount(leaves[annotated], minlength=reading.count)
    area = np.where(masks, reading.pixels, 0).sum(axis=1)
    best = np.zeros(len(masks))
    for k in np.unique(instances[annotated]):
        truth = np.bincount(leaves[annotated & (instances == k)], minlength=reading.count)
        common = np.where(masks, truth, 0).sum(axis=1)
        best = np.maximum(best, common / (area + truth.sum() - common))
    sure = np.where(masks, known, 0).sum(axis=1) > 0.5 * area
    if sure.any():
        samples.add(auto_features(reading, masks[sure], origins[sure]), best[sure], number)
