"""The built-in engine: a small network and the photo's own edges answer as SAM does, without downloads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from weakref import WeakKeyDictionary

import numpy as np

from ...errors import EngineUnavailable, InvalidInput
from ...rle import RLE
from ...types import AutoMask, Embedding, Mask, Photo, Prompts
from ..base import Progress, foreign_embedding, no_progress
from .answers import Answers, Points, answer, overlaps, tidy
from .asking import given_mask, paste, paste_all, points_of
from .boxes import in_box
from .buildings import building_at
from .network import Network
from .objects import all_of_a_kind, every_answer
from .pieces import pieces_of
from .reading import Reading, read_photo
from .scorer import load_scorers
from .snap import labels_under
from .surfaces import CLASSES

VERSION = "offline-11"
MOST_MASKS = 150
REMEMBERED = 512  # answers to earlier clicks, some kB each
NAMED = 0.4  # a mask takes the name of the class that it is to this share
FOUND = 0.002  # of the photo: less of a category is none

# What SAM's default thresholds are on this engine's scale, chosen so that the defaults give a useful set of masks.
USUAL_IOU, OWN_IOU = 0.88, 0.39
USUAL_STABILITY, OWN_STABILITY = 0.95, 0.6


class OfflineEngine:
    """See `Engine`. A mask is named after what the network sees in most of it.

    Besides weights it keeps its answers to recent clicks, so that the next click need not find them again, and what
    follows from an embedding for as long as somebody holds that; to forget them changes no answer. Raises
    EngineUnavailable when onnxruntime is not installed.
    """

    title = "Offline engine"
    categories: tuple[str, ...] = ("wall", "window", "roof", "trim", "shutter", "door", "eaves", "vegetation", "sky")

    def __init__(self) -> None:
        weights = files(__package__).joinpath("scorers.npz").read_bytes()
        self._scorers = load_scorers(weights)
        try:
            self._network = Network()
        except ImportError:
            raise EngineUnavailable("The offline engine needs onnxruntime: pip install onnxruntime.") from None
        self.name = f"{VERSION}/{sha256(weights + self._network.digest.encode()).hexdigest()[:8]}"
        self._answers: OrderedDict[tuple[object, ...], Answers] = OrderedDict()
        self._readings: WeakKeyDictionary[Embedding, Reading] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def embed(self, photo: Photo) -> Embedding:
        """Read a photo: under a second. The features are a dict of arrays, the fields of `reading.Reading`."""
        features = read_photo(photo.pixels, self._network).arrays()
        nbytes = sum(array.nbytes for array in features.values())
        return Embedding(photo.digest, self.name, photo.size, features, nbytes)

    def predict(self, embedding: Embedding, prompts: Prompts) -> list[Mask]:
        """What the prompts point at; see `Engine.predict`.

        Points are taken in their order, each an improvement on the answer to those before it: a positive point
        only adds to it, a negative one only takes away. A box or a mask with points is what the points start
        from.
        """
        prompts.check_inside(embedding.size)
        reading = self._reading(embedding)
        points, given = points_of(reading, prompts), given_mask(reading, prompts)
        start, found = None if given is None else given.leaves, None
        if start is None and prompts.box is not None:
            found = in_box(reading, self._scorers, prompts.box)
            start = found.masks[0]
        elif start is not None:
            found = Answers(start[None], np.ones(1), np.ones(1))
        if len(points):
            source = "" if start is None else prompts.key
            found = self._after_clicks((embedding.digest, source), reading, points, start)
        if found is None:
            raise InvalidInput("give points, a box or a mask", "prompts")
        count = None if prompts.multimask_output else 1
        coords = tuple((float(x), float(y)) for x, y in prompts.point_coords)
        return [
            self._mask(reading, mask, paste(reading, mask, prompts, given), iou, stability, coords)
            for mask, iou, stability in zip(*(part[:count] for part in vars(found).values()), strict=True)
        ]

    def generate(
        self, photo: Photo, embedding: Embedding, options: AutoMask, progress: Progress = no_progress
    ) -> list[Mask]:
        """Every mask that is likely to be a thing, largest first, at most 150.

        pred_iou_thresh and stability_score_thresh are on SAM's scale: what this engine expects of its masks is what
        comes true, and that is less than SAM's, so SAM's defaults (0.88, 0.95) stand for 0.4 and 0.6 of its own, 0
        and 1 for themselves, straight lines between. The masks carry its own figures. box_nms_thresh is the IoU (of
        masks, not of their boxes) above which the less likely of two is dropped. points_per_side: only masks that a
        point of the grid hits. min_mask_region_area: smaller masks are dropped. multimask_output: without it, each
        thing that is looked at gives its likeliest mask only. The photo is seen at once and not in crops or batches:
        the other knobs change nothing.
        """
        reading = self._reading(embedding)
        progress(0.0)
        least = (
            float(np.interp(options.pred_iou_thresh, (0, USUAL_IOU, 1), (0, OWN_IOU, 1))),
            float(np.interp(options.stability_score_thresh, (0, USUAL_STABILITY, 1), (0, OWN_STABILITY, 1))),
        )
        most = 3 if options.multimask_output else 1
        found = every_answer(reading, self._scorers, lambda done: progress(0.8 * done), least, most)
        hit = found.masks[:, _grid_leaves(reading, options.points_per_side)].any(axis=1)
        found = found.only(np.flatnonzero(hit))
        chosen = found.only(_suppressed(reading, found, options.box_nms_thresh))
        tidied = tidy(reading, chosen.masks)
        masks: dict[RLE, Mask] = {}
        rles = paste_all(reading, tidied)
        for leaves, rle, iou, stability in zip(tidied, rles, chosen.ious, chosen.stability, strict=True):
            if rle.area >= max(1, options.min_mask_region_area):
                masks.setdefault(rle, self._mask(reading, leaves, rle, iou, stability, ()))
        progress(1.0)
        return sorted(masks.values(), key=lambda mask: -mask.area)

    def find(self, embedding: Embedding, category: str, point: tuple[float, float] | None = None) -> list[Mask]:
        """All of a category at once, as one mask, or [] when there is none: "wall" is every wall without its
        windows, doors and plants. point: (x, y) in the photo, only what belongs to the building under it. Raises
        InvalidInput for what is not in `categories`.
        """
        if category not in self.categories:
            allowed = ", ".join(self.categories)
            raise InvalidInput(f"category must be one of {allowed}, got {category!r}", "category")
        reading = self._reading(embedding)
        kind = CLASSES.index(category)
        leaves = all_of_a_kind(reading, kind)
        if point is not None:
            leaves &= building_at(reading, reading.cell(*point))
        if reading.areas[leaves].sum() < FOUND * reading.areas.sum():
            return []
        sure = float(np.average(reading.classes[leaves, kind], weights=reading.areas[leaves]))
        return [self._mask(reading, leaves, paste(reading, leaves), sure, sure, ())]

    def _reading(self, embedding: Embedding) -> Reading:
        if embedding.engine != self.name:
            raise foreign_embedding(embedding.engine, self.name)
        with self._lock:
            return self._readings.setdefault(embedding, reading_of(embedding))

    def _after_clicks(
        self, source: tuple[object, ...], reading: Reading, points: Points, start: np.ndarray | None
    ) -> Answers:
        """Up to three answers. source: what the clicks start from, for remembering them."""
        previous, found = start, None
        for count in range(1, len(points) + 1):
            some = points.upto(count)
            key = (*source, some.leaves.tobytes(), some.clicks.cells.tobytes(), some.clicks.positive.tobytes())
            found = self._recall(key)
            if found is None:
                found = answer(reading, self._scorers, some, previous)
                self._remember(key, found)
            previous = found.masks[0]
        assert found is not None  # there is at least one click
        return found

    def _recall(self, key: tuple[object, ...]) -> Answers | None:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
            return self._answers.get(key)

    def _remember(self, key: tuple[object, ...], found: Answers) -> None:
        with self._lock:
            self._answers[key] = found
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)

    @staticmethod
    def _mask(
        reading: Reading,
        leaves: np.ndarray,
        rle: RLE,
        iou: float,
        stability: float,
        coords: tuple[tuple[float, float], ...],
    ) -> Mask:
        name, share = "", 0.0
        if leaves.any():
            shares = np.average(reading.classes[leaves], axis=0, weights=reading.areas[leaves])
            if shares.max() >= NAMED:
                name, share = CLASSES[int(shares.argmax())], float(shares.max())
        return Mask(rle, float(iou), float(stability), coords, category=name, category_score=share)


def reading_of(embedding: Embedding) -> Reading:
    """The reading inside an embedding of this engine."""
    features: Mapping[str, np.ndarray] = embedding.features  # type: ignore[assignment]  # any engine's are an object
    return Reading(**features)


def _suppressed(reading: Reading, answers: Answers, threshold: float) -> np.ndarray:
    """Greedy non-maximum suppression by the masks' IoU: indices, best first."""
    pieces = pieces_of(reading, answers.masks)
    shared = overlaps(pieces.masks, pieces.areas)
    kept: list[int] = []
    for k in np.argsort(-answers.ious, kind="stable"):
        if len(kept) == MOST_MASKS:
            break
        if not kept or (shared[k, kept] <= threshold).all():
            kept.append(int(k))
    return np.array(kept, int)


def _grid_leaves(reading: Reading, points_per_side: int) -> np.ndarray:
    """The leaves under a grid of points, set as SAM sets it: in the middle of equal cells."""
    height, width = reading.size_hw
    at = (np.arange(points_per_side) + 0.5) / points_per_side
    x, y = np.meshgrid((at * width).astype(int), (at * height).astype(int))
    return np.unique(labels_under(reading.run_labels, reading.run_ends, height, x.ravel(), y.ravel()))
