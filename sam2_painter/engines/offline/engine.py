"""The built-in engine: a hierarchy of regions that answers clicks, boxes and masks as SAM does, without downloads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import sha256
from importlib.resources import files
from weakref import WeakKeyDictionary

import numpy as np

from ...errors import EngineUnavailable, InvalidInput
from ...rle import RLE
from ...types import AutoMask, Embedding, Mask, Photo, Prompts
from ..base import Progress, no_progress
from . import reading as r
from .asking import box_in_work, clicks_of, given_mask, paste
from .candidates import all_candidates, box_candidates, click_candidates, keep_promises
from .choosing import suppress, three_that_differ, tidy
from .features import Clicks, areas, auto_features, first_features, next_features
from .network import CLASSES, Network
from .reading import Reading, read_photo
from .scorer import load_scorers
from .snap import labels_under

VERSION = "offline-3"
MOST_MASKS = 150
REMEMBERED = 512  # answers to earlier clicks, some kB each
NAMED = 0.4  # a mask takes the name of the class that it is to this share
FOUND = 0.002  # of the photo: less of a category is none

# What SAM's default thresholds are on this engine's scale, chosen so that the defaults give a useful set of masks.
USUAL_IOU, OWN_IOU = 0.88, 0.28
USUAL_STABILITY, OWN_STABILITY = 0.95, 0.3


class OfflineEngine:
    """See `Engine`. A mask is named after what the network sees in most of it.

    Besides weights it keeps its answers to recent clicks, so that the next click need not find them again, and what
    follows from an embedding for as long as somebody holds that; to forget them changes no answer. Raises
    EngineUnavailable when onnxruntime is not installed.
    """

    title = "Offline engine"
    categories: tuple[str, ...] = ("wall", "window", "roof", "vegetation", "sky")  # the classes it is good at

    def __init__(self) -> None:
        weights = files(__package__).joinpath("scorers.npz").read_bytes()
        self._scorers = load_scorers(weights)
        try:
            self._network = Network()
        except ImportError:
            raise EngineUnavailable("The offline engine needs onnxruntime: pip install onnxruntime.") from None
        digest = sha256(weights + self._network.digest.encode()).hexdigest()
        self.name = f"{VERSION}/{digest[:8]}"
        self._answers: OrderedDict[tuple, tuple[np.ndarray, np.ndarray]] = OrderedDict()
        self._readings: WeakKeyDictionary[Embedding, Reading] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def embed(self, photo: Photo) -> Embedding:
        """Read a photo: about a second. The features are a dict of arrays, the fields of `reading.Reading`."""
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
        clicks, start = clicks_of(reading, prompts), given_mask(reading, prompts)
        if start is None and prompts.box is not None:
            masks, scores = self._in_box(reading, prompts.box)
            start = masks[0]
        elif start is not None:
            masks, scores = start[None], np.ones(1)
        if len(clicks):
            source = "" if start is None else prompts.key
            masks, scores = self._after_clicks((embedding.digest, source), reading, clicks, start)
        if not prompts.multimask_output:
            masks, scores = masks[:1], scores[:1]
        return [
            self._mask(reading, mask, paste(reading, mask, prompts), score, _coords(prompts))
            for mask, score in zip(masks, scores, strict=True)
        ]

    def generate(
        self, photo: Photo, embedding: Embedding, options: AutoMask, progress: Progress = no_progress
    ) -> list[Mask]:
        """Every mask that is likely to be a thing, largest first, at most 150.

        pred_iou_thresh and stability_score_thresh are on SAM's scale: this engine is more modest about its
        masks, so SAM's defaults (0.88, 0.95) stand for 0.28 and 0.3 of its own, 0 and 1 for themselves,
        straight lines between. The masks carry its own figures. box_nms_thresh is the IoU (of masks, not of
        their boxes) above which the less likely of two is dropped. points_per_side: only masks that a point of
        the grid hits. min_mask_region_area: smaller masks are dropped. multimask_output: without it, each point
        of the grid has its likeliest mask only. The photo is seen at once and not in crops or batches: the
        other knobs change nothing.
        """
        reading = self._reading(embedding)
        progress(0.0)
        masks, origins = all_candidates(reading)
        progress(0.2)
        features = auto_features(reading, masks, origins)
        scores = np.clip(self._scorers["auto"](features), 0, 1)
        stability = _stability(features)
        progress(0.6)
        good = scores >= np.interp(options.pred_iou_thresh, (0, USUAL_IOU, 1), (0, OWN_IOU, 1))
        good &= stability >= np.interp(options.stability_score_thresh, (0, USUAL_STABILITY, 1), (0, OWN_STABILITY, 1))
        grid = _grid_leaves(reading, options.points_per_side)
        good &= masks[:, grid].any(axis=1)
        if not options.multimask_output and len(masks):
            good &= np.isin(
                np.arange(len(masks)), np.where(masks[:, grid] & good[:, None], scores[:, None], -1).argmax(0)
            )
        chosen = suppress(reading, masks, np.where(good, scores, -1.0), options.box_nms_thresh, MOST_MASKS)
        found: dict[RLE, Mask] = {}
        for done, k in enumerate(chosen, 1):
            leaves = tidy(reading, masks[k : k + 1])[0]
            rle = paste(reading, leaves)
            if rle.area >= max(1, options.min_mask_region_area):
                found.setdefault(rle, self._mask(reading, leaves, rle, scores[k], (), stability[k]))
            progress(0.6 + 0.39 * done / len(chosen))
        progress(1.0)
        return sorted(found.values(), key=lambda mask: -mask.area)

    def find(self, embedding: Embedding, category: str) -> list[Mask]:
        """All of a category at once, as one mask, or [] when there is none: "wall" is every wall without its
        windows, doors and plants. Raises InvalidInput for what is not in `categories`.
        """
        if category not in self.categories:
            allowed = ", ".join(self.categories)
            raise InvalidInput(f"category must be one of {allowed}, got {category!r}", "category")
        reading = self._reading(embedding)
        kind = CLASSES.index(category)
        leaves = tidy(reading, reading.classes.argmax(axis=1)[None] == kind)[0]
        if areas(reading, leaves[None])[0] < FOUND * reading.area.sum():
            return []
        sure = float(np.average(reading.classes[leaves, kind], weights=reading.area[leaves]))
        return [self._mask(reading, leaves, paste(reading, leaves), sure, ())]

    def _reading(self, embedding: Embedding) -> Reading:
        if embedding.engine != self.name:
            raise InvalidInput(f"this embedding was made by {embedding.engine}; embed the photo again", "embedding")
        with self._lock:
            return self._readings.setdefault(embedding, reading_of(embedding))

    def _in_box(self, reading: Reading, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        masks, origins, fit = box_candidates(reading, box_in_work(reading, box))
        scores = 0.7 * fit + 0.3 * self._scorers["auto"](auto_features(reading, masks, origins))
        best = three_that_differ(reading, masks, scores)
        return masks[best], scores[best]

    def _after_clicks(
        self, source: tuple, reading: Reading, clicks: Clicks, start: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Up to three masks and their scores. source: what the clicks start from, for remembering the answers."""
        previous, answer = start, None
        for count in range(1, len(clicks) + 1):
            some = clicks.upto(count)
            key = (*source, some.xy.tobytes(), some.positive.tobytes())
            answer = self._recall(key)
            if answer is None:
                answer = self._after_last_click(reading, some, previous)
                self._remember(key, answer)
            previous = answer[0][0]
        return answer

    def _after_last_click(
        self, reading: Reading, clicks: Clicks, previous: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        masks, origins = click_candidates(reading, clicks, previous)
        if previous is None:
            scores = self._scorers["first"](first_features(reading, masks, origins, clicks))
        else:
            scores = self._scorers["next"](next_features(reading, masks, origins, clicks, previous))
        best = three_that_differ(reading, masks, scores)
        return keep_promises(tidy(reading, masks[best]), clicks, previous), scores[best]

    def _recall(self, key: tuple) -> tuple[np.ndarray, np.ndarray] | None:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
            return self._answers.get(key)

    def _remember(self, key: tuple, answer: tuple[np.ndarray, np.ndarray]) -> None:
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)

    @staticmethod
    def _mask(
        reading: Reading,
        leaves: np.ndarray,
        rle: RLE,
        score: float,
        coords: tuple[tuple[float, float], ...],
        stability: float | None = None,
    ) -> Mask:
        if stability is None:
            cut = leaves[reading.edges[:, 0]] != leaves[reading.edges[:, 1]]
            length, faint = reading.edge_sums[cut][:, [r.LENGTH, r.FAINT]].sum(axis=0)
            stability = 1 - faint / length if length else 1.0
        name, share = "", 0.0
        if leaves.any():
            shares = np.average(reading.classes[leaves], axis=0, weights=reading.area[leaves])
            if shares.max() >= NAMED:
                name, share = CLASSES[int(shares.argmax())], float(shares.max())
        return Mask(rle, float(np.clip(score, 0, 1)), float(stability), coords, category=name, category_score=share)


def reading_of(embedding: Embedding) -> Reading:
    """The reading inside an embedding of this engine."""
    return Reading(**embedding.features)


def _coords(prompts: Prompts) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in prompts.point_coords)


def _stability(features: np.ndarray) -> np.ndarray:
    """The share of a mask's border that is more than faint: a higher threshold would not move it."""
    return 1 - features[:, 2].astype(np.float64)


def _grid_leaves(reading: Reading, points_per_side: int) -> np.ndarray:
    """The leaves under a grid of points, set as SAM sets it: in the middle of equal cells."""
    height, width = reading.size_hw
    at = (np.arange(points_per_side) + 0.5) / points_per_side
    x, y = np.meshgrid((at * width).astype(int), (at * height).astype(int))
    return np.unique(labels_under(reading.run_labels, reading.run_ends, height, x.ravel(), y.ravel()))
