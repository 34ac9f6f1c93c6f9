"""What the scorers learn from: candidates for simulated clicks, their features, and how good they truly are.

A photo is read with a network that has not seen it, and clicked again and again with a scorer that has not: on its own
photos either is surer than it will be on new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from sam2_painter.engines.offline.candidates import all_candidates, click_candidates, keep_promises
from sam2_painter.engines.offline.choosing import tidy
from sam2_painter.engines.offline.features import FIRST_FEATURES, Clicks, auto_features, first_features, next_features
from sam2_painter.engines.offline.network import Network
from sam2_painter.engines.offline.reading import Reading, read_photo

from .augment import SKY, cast_shadow, masonry, relight, repaint, replace_sky
from .data import IGNORED, Example, class_map
from .houses import house

CLICKS = 4
BEST, OTHERS = 12, 40  # candidates kept of each click: the best ones, and some of the rest
AUTO = 200  # candidates kept of each picture
MOST_PER_CLASS = 2
MIDDLE = 0.7  # of the clicks are right in the middle, the others somewhere about it
OWN_ANSWERS = 0.75  # of the answers that get corrected are what a scorer chose, the others are drawn by their IoU
DOUBT = 0.03  # what such a scorer's opinion is off by, so that it does not always choose the same
HOUSE = 100_000  # the number of the first rendered house: photos have smaller ones


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture that was read, with its truth. number: of the picture. classes, instances: see `data.class_map`.
    targets: ids of the instances to click.
    """

    number: int
    reading: Reading
    classes: np.ndarray
    instances: np.ndarray
    targets: np.ndarray

    @cached_property
    def leaves(self) -> np.ndarray:
        """(H, W) uint16: the leaf of each pixel."""
        lengths = np.diff(self.reading.run_ends.astype(np.int64), prepend=0)
        height, width = self.reading.size_hw
        return np.ascontiguousarray(np.repeat(self.reading.run_labels, lengths).reshape(width, height).T)

    def save(self, path: Path) -> None:
        """Write it to an .npz file."""
        own = {"number": self.number, "classes": self.classes, "instances": self.instances, "targets": self.targets}
        _write(path, own | {f"reading_{name}": array for name, array in self.reading.arrays().items()})

    @classmethod
    def load(cls, path: Path) -> Scene:
        """The inverse of `save`."""
        with np.load(path) as arrays:
            reading = {key.removeprefix("reading_"): arrays[key] for key in arrays.files if key.startswith("reading_")}
            own = (arrays[name] for name in ("classes", "instances", "targets"))
            return cls(int(arrays["number"]), Reading(**reading), *own)


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
    _write(path, {f"{name}_{k}": array for name, some in samples.items() for k, array in vars(some).items()})


def load_samples(path: Path) -> dict[str, Samples]:
    """The inverse of `save_samples`."""
    with np.load(path) as arrays:
        names = {key.partition("_")[0] for key in arrays.files}
        return {n: Samples(*(arrays[f"{n}_{f.name}"] for f in fields(Samples))) for n in names}


def _write(path: Path, arrays: dict[str, np.ndarray | int]) -> None:
    """An .npz file that is there whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)
    unfinished.replace(path)


def photo_scene(example: Example, number: int, network: Network) -> Scene:
    """A photo as the engine would read it, often disguised."""
    rng = np.random.default_rng(number)
    image = example.image()
    classes, instances = class_map(image, example.labels(), example.regions)
    if rng.random() < 0.6:
        image = disguised(rng, image, classes, instances)
    chosen = np.array(targets(rng, example, classes, instances), int)
    return Scene(number, read_photo(image, network), classes, instances, chosen)


def house_scene(seed: int, network: Network) -> Scene:
    """A rendered building, which no network has learned from."""
    example = house(seed)
    everything = np.zeros_like(example.instances, np.uint8)  # of a class that counts: all is annotated
    chosen = np.array(example.targets(np.random.default_rng(seed)), int)
    return Scene(HOUSE + seed, read_photo(example.pixels, network), everything, example.instances, chosen)


def gather_first(scenes: Iterable[Scene]) -> dict[str, Samples]:
    """Samples for the scorers "first" and "auto"."""
    samples = {name: Collected() for name in ("first", "auto")}
    for scene in scenes:
        rng = np.random.default_rng([scene.number, 1])
        samples["auto"].add(*_every_mask(scene, rng), scene.number)
        for region in scene.targets:
            user = User(scene, region, rng)
            if user.content:
                continue
            masks, origins, ious = user.candidates()
            keep = _some(rng, ious)
            features = first_features(scene.reading, masks[keep], origins[keep], user.clicks)
            samples["first"].add(features, ious[keep], scene.number)
    return {name: collected.samples() for name, collected in samples.items()}


def gather_next(scenes: Iterable[Scene], scorer: Callable[[np.ndarray], np.ndarray]) -> dict[str, Samples]:
    """Samples for the scorer "next": what is clicked after answers that a scorer for first clicks would choose. It
    should not have learned from these scenes.

    What a user sees and corrects are such answers. A scorer that has learned from random ones only is at a loss
    with its own.
    """
    collected = Collected()
    for scene in scenes:
        rng = np.random.default_rng([scene.number, 2])
        for region in scene.targets:
            user = User(scene, region, rng)
            for _ in range(CLICKS):
                if user.content:
                    break
                masks, origins, ious = user.candidates()
                if user.answer is None:
                    features = first_features(scene.reading, masks, origins, user.clicks)
                else:
                    features = next_features(scene.reading, masks, origins, user.clicks, user.answer)
                    keep = _some(rng, ious)
                    collected.add(features[keep], ious[keep], scene.number)
                if rng.random() < OWN_ANSWERS:
                    scores = scorer(np.ascontiguousarray(features[:, : len(FIRST_FEATURES)]))
                    chosen = int((scores + rng.normal(0, DOUBT, len(scores))).argmax())
                else:
                    chance = np.clip(ious, 0, 1) ** rng.choice([2, 4, 10]) + 1e-6
                    chosen = int(rng.choice(len(masks), p=chance / chance.sum()))
                user.see(masks[chosen])
    return {"next": collected.samples()}


class User:
    """Wants one region of a scene, and clicks in the middle of what an answer lacks or has too much."""

    def __init__(self, scene: Scene, region: int, rng: np.random.Generator) -> None:
        self._scene, self._rng = scene, rng
        self._truth = scene.instances == region
        self._inside = np.bincount(scene.leaves[self._truth], minlength=scene.reading.count)
        self._points: list[tuple[int, int]] = []
        self._labels: list[bool] = []
        self.answer: np.ndarray | None = None
        self.content = False
        self._point_at(*middle(self._truth, rng, self._care(0.5)), True)

    @property
    def clicks(self) -> Clicks:
        """All of them so far."""
        to_work, leaves = self._scene.reading.to_work, self._scene.leaves
        return Clicks(
            np.array([to_work(*point) for point in self._points]),
            np.array([leaves[y, x] for x, y in self._points], int),
            np.array(self._labels),
        )

    def candidates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Masks (K, n), origins (K, 3) and IoUs with what is wanted (K,), for the clicks so far."""
        masks, origins = click_candidates(self._scene.reading, self.clicks, self.answer)
        common = np.where(masks, self._inside, 0).sum(axis=1)
        pixels = np.where(masks, self._scene.reading.pixels, 0).sum(axis=1)
        return masks, origins, common / (pixels + self._inside.sum() - common)

    def see(self, mask: np.ndarray) -> None:
        """Look at a candidate (n,) as the engine would show it, and click what is most wrong, or be content."""
        tidied = tidy(self._scene.reading, mask[None])
        self.answer = keep_promises(tidied, self.clicks, self.answer)[0]
        seen, depth = self.answer[self._scene.leaves], self._care(0.6)
        lacks = middle(self._truth & ~seen, self._rng, depth)
        exceeds = middle(seen & ~self._truth, self._rng, depth)
        self._point_at(*max(lacks, exceeds), lacks >= exceeds)

    def _care(self, least: float) -> float:
        return 1.0 if self._rng.random() < MIDDLE else least

    def _point_at(self, depth: float, at: tuple[int, int], positive: bool) -> None:
        self.content = depth <= 1
        self._points.append(at)
        self._labels.append(positive)


def _some(rng: np.random.Generator, ious: np.ndarray) -> np.ndarray:
    """Indices of the candidates to keep."""
    return np.union1d(np.argsort(-ious)[:BEST], rng.permutation(len(ious))[:OTHERS])


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


def _every_mask(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features and best IoUs, with any instance, of some candidates for automatic masks that are mostly annotated."""
    reading, leaves, instances = scene.reading, scene.leaves, scene.instances
    masks, origins = all_candidates(reading)
    keep = rng.permutation(len(masks))[:AUTO]
    masks, origins = masks[keep], origins[keep]
    annotated = (scene.classes != IGNORED) & (instances > 0)
    known = np.bincount(leaves[annotated], minlength=reading.count)
    area = np.where(masks, reading.pixels, 0).sum(axis=1)
    best = np.zeros(len(masks))
    for k in np.unique(instances[annotated]):
        truth = np.bincount(leaves[annotated & (instances == k)], minlength=reading.count)
        common = np.where(masks, truth, 0).sum(axis=1)
        best = np.maximum(best, common / (area + truth.sum() - common))
    sure = np.where(masks, known, 0).sum(axis=1) > 0.5 * area
    return auto_features(reading, masks[sure], origins[sure]), best[sure]
