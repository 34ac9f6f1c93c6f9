"""The built-in engine: a hierarchy of regions that answers clicks, boxes and masks as SAM does, without downloads."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from ...errors import InvalidInput
from ...rle import RLE, mask_to_rle, rle_to_mask
from ...types import AutoMask, Embedding, Mask, Photo, Prompts
from ..base import Progress, no_progress
from . import reading as r
from .candidates import all_candidates, click_candidates
from .features import Clicks, areas, as_sparse, auto_features, boxes, first_features, next_features
from .network import Network
from .reading import CLASSES, Reading, read_photo
from .scorer import hand_made
from .snap import label_pixels, labels_to_rle, share_inside

VERSION = "offline-1"
MOST_MASKS = 150
REMEMBERED = 512  # answers to earlier clicks, a few kB each


class OfflineEngine:
    """See `Engine`. It keeps weights, and answers to recent clicks so that the next click need not find them
    again; to forget those changes no answer.
    """

    title = "Offline engine"

    def __init__(self) -> None:
        self._network = Network()
        self.name = VERSION
        self._answers: OrderedDict[tuple, tuple[np.ndarray, np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, photo: Photo) -> Embedding:
        """Read a photo: about a second. The features are a dict of arrays, see `reading.Reading`."""
        features = read_photo(photo.pixels, self._network).arrays()
        nbytes = sum(array.nbytes for array in features.values())
        return Embedding(photo.digest, self.name, photo.size, features, nbytes)

    def predict(self, embedding: Embedding, prompts: Prompts) -> list[Mask]:
        """What the prompts point at; see `Engine.predict`."""
        prompts.check_inside(embedding.size)
        reading = _reading(embedding, self.name)
        clicks = _clicks(reading, prompts)
        start = _start(reading, prompts)
        if len(clicks):
            masks, scores = self._after_clicks(embedding, reading, clicks, start, prompts)
        elif start is not None:
            masks, scores = start[None], np.ones(1)
        else:
            masks, scores = _in_box(reading, prompts.box)
        masks, scores = _three_that_differ(reading, masks, scores)
        if not prompts.multimask_output:
            masks, scores = masks[:1], scores[:1]
        return [
            _mask(reading, _paste(reading, mask, start, prompts), mask, score, prompts)
            for mask, score in zip(masks, scores, strict=True)
        ]

    def generate(
        self, photo: Photo, embedding: Embedding, options: AutoMask, progress: Progress = no_progress
    ) -> list[Mask]:
        """Every mask that is likely to be a thing, largest first.

        pred_iou_thresh and stability_score_thresh are on SAM's scale; see `_ours`. box_nms_thresh is the IoU
        (of masks, not of boxes) above which the less likely of two is dropped. points_per_side: only masks that
        a point of the grid hits. min_mask_region_area: smaller masks are dropped. The engine sees the whole
        photo at once and makes no crops: the other knobs change nothing.
        """
        reading = _reading(embedding, self.name)
        progress(0.0)
        masks, origins = all_candidates(reading)
        progress(0.2)
        if not len(masks):
            progress(1.0)
            return []
        features = auto_features(reading, masks, origins)
        scores = hand_made(features)
        stability = 1 - features[:, 2].astype(np.float64)  # the share of the border that is not faint
        progress(0.6)
        good = (scores >= _ours(options.pred_iou_thresh, 0.88, 0.42)) & (
            stability >= _ours(options.stability_score_thresh, 0.95, 0.4)
        )
        good &= masks[:, _grid_leaves(reading, options.points_per_side)].any(axis=1)
        chosen = _suppress(reading, masks, np.where(good, scores, -1.0), options.box_nms_thresh)
        found: dict[RLE, Mask] = {}
        for done, k in enumerate(chosen, 1):
            rle = labels_to_rle(masks[k], reading.run_labels, reading.run_ends, reading.size_hw)
            if rle.area and rle.area >= options.min_mask_region_area:
                found.setdefault(rle, _mask(reading, rle, masks[k], scores[k], None, stability[k]))
            progress(0.6 + 0.4 * done / (len(chosen) + 1))
        progress(1.0)
        return sorted(found.values(), key=lambda mask: -mask.area)

    def _after_clicks(
        self, embedding: Embedding, reading: Reading, clicks: Clicks, start: np.ndarray | None, prompts: Prompts
    ) -> tuple[np.ndarray, np.ndarray]:
        """Candidates and scores after the last click, each click answered on top of the answer to those before it."""
        asked = (embedding.digest, prompts.mask_input is not None and prompts.key)
        previous, answer = start, None
        for count in range(1, len(clicks) + 1):
            some = clicks.upto(count)
            key = (*asked, some.xy.tobytes(), some.positive.tobytes())
            answer = self._recall(key)
            if answer is None:
                masks, origins = click_candidates(reading, some, previous)
                if previous is None:
                    scores = hand_made(first_features(reading, masks, origins, some))
                else:
                    scores = hand_made(next_features(reading, masks, origins, some, previous))
                best = np.argsort(-scores, kind="stable")[:40]
                answer = masks[best], scores[best]
                self._remember(key, answer)
            previous = answer[0][0]
        return answer

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


def _reading(embedding: Embedding, name: str) -> Reading:
    if embedding.engine != name:
        raise InvalidInput(f"this embedding was made by {embedding.engine}; embed the photo again", "embedding")
    return Reading(**embedding.features)


def _clicks(reading: Reading, prompts: Prompts) -> Clicks:
    coords = prompts.point_coords
    return Clicks(
        np.array([reading.to_work(x, y) for x, y in coords]).reshape(-1, 2),
        np.array([reading.leaf(x, y) for x, y in coords], int),
        prompts.point_labels == 1,
    )


def _start(reading: Reading, prompts: Prompts) -> np.ndarray | None:
    """(n,) bool: what a mask or a box with points starts from; None when the clicks start from nothing."""
    if prompts.mask_input is not None:
        mask = prompts.mask_input
        if mask.ndim == 3:  # logits of the photo squeezed into a square
            height, width = reading.size_hw
            rows, columns = np.arange(height) * 256 // height, np.arange(width) * 256 // width
            mask = mask[0][rows[:, None], columns] > 0
        return share_inside(mask, reading.run_labels, reading.run_ends, reading.count) > 0.5
    if prompts.box is not None and len(prompts.point_coords):
        masks, scores = _in_box(reading, prompts.box)
        return masks[int(scores.argmax())]
    return None


def _in_box(reading: Reading, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Candidates whose own box is about the given one, and how well each fits."""
    x1, y1 = reading.to_work(box[0], box[1])
    x2, y2 = reading.to_work(box[2], box[3])
    masks, origins = all_candidates(reading)
    middle = reading.sums[:, [r.X, r.Y]] / reading.area[:, None]
    inside = (middle[:, 0] >= x1) & (middle[:, 0] < x2) & (middle[:, 1] >= y1) & (middle[:, 1] < y2)
    inside[reading.leaf((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)] = True
    masks = np.concatenate([masks.reshape(-1, reading.count), inside[None]])
    origins = np.concatenate([origins, np.zeros((1, 3), np.float32)])
    left, top, right, bottom = boxes(reading, masks)
    wide = np.clip(np.minimum(right, x2) - np.maximum(left, x1), 0, None)
    high = np.clip(np.minimum(bottom, y2) - np.maximum(top, y1), 0, None)
    common = wide * high
    fit = common / ((right - left) * (bottom - top) + (x2 - x1) * (y2 - y1) - common)
    near = np.unique(np.append(np.argsort(-fit, kind="stable")[:60], len(masks) - 1))
    scores = hand_made(auto_features(reading, masks[near], origins[near]))
    return masks[near], 0.7 * fit[near] + 0.3 * scores


def _three_that_differ(reading: Reading, masks: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best and up to two more, best first, as different as there are."""
    order = np.argsort(-scores, kind="stable")
    masks, scores = masks[order], scores[order]
    area, picked = areas(reading, masks), [0]
    for alike in (0.7, 0.85):
        for k in range(1, len(masks)):
            if len(picked) == 3:
                break
            common = areas(reading, masks[picked] & masks[k])
            if (common / (area[picked] + area[k] - common + 1e-9) <= alike).all() and k not in picked:
                picked.append(k)
    picked.sort()
    return masks[picked], scores[picked]


def _paste(reading: Reading, mask: np.ndarray, start: np.ndarray | None, prompts: Prompts) -> RLE:
    """The mask in the photo's pixels. A given mask keeps its own pixels where no leaf changed; a leaf with clicks
    of both kinds is shared out by the nearest click.
    """
    rle = labels_to_rle(mask, reading.run_labels, reading.run_ends, reading.size_hw)
    given = prompts.mask_input if prompts.mask_input is not None and prompts.mask_input.ndim == 2 else None
    coords, positive = prompts.point_coords, prompts.point_labels == 1
    leaves = np.array([reading.leaf(x, y) for x, y in coords], int)
    split = np.intersect1d(leaves[positive], leaves[~positive])
    if given is None and not len(split):
        return rle
    pixels = rle_to_mask(rle)
    if given is not None:
        changed = rle_to_mask(labels_to_rle(mask ^ start, reading.run_labels, reading.run_ends, reading.size_hw))
        pixels = np.where(changed, pixels, given)
        for (x, y), wanted, leaf in zip(coords, positive, leaves, strict=True):
            if pixels[int(y), int(x)] != wanted:
                column, row = np.divmod(label_pixels(leaf, reading.run_labels, reading.run_ends), reading.size_hw[0])
                pixels[row, column] = wanted
    for leaf in split:
        column, row = np.divmod(label_pixels(leaf, reading.run_labels, reading.run_ends), reading.size_hw[0])
        here = leaves == leaf
        x, y = coords[here].T.astype(int)
        nearest = ((column[:, None] - x) ** 2 + (row[:, None] - y) ** 2).argmin(axis=1)
        pixels[row, column] = positive[here][nearest]
    return mask_to_rle(pixels)


def _mask(
    reading: Reading,
    rle: RLE,
    leaves: np.ndarray,
    score: float,
    prompts: Prompts | None,
    stability: float | None = None,
) -> Mask:
    if stability is None:
        u, v = reading.edges.T
        cut = leaves[u] != leaves[v]
        length, faint = reading.edge_sums[cut][:, [r.LENGTH, r.FAINT]].sum(axis=0)
        stability = 1.0 - faint / length if length else 1.0
    coords = () if prompts is None else tuple((float(x), float(y)) for x, y in prompts.point_coords)
    name, confidence = "", 0.0
    if leaves.any():
        share = np.average(reading.classes[leaves], axis=0, weights=reading.area[leaves])
        if share.max() >= 0.4:
            name, confidence = CLASSES[int(share.argmax())], float(share.max())
    return Mask(rle, float(score), float(stability), coords, category=name, category_score=confidence)


def _ours(threshold: float, usual: float, ours: float) -> float:
    """A threshold of SAM on this engine's scale: SAM's default is ours, 0 and 1 stay, straight lines between."""
    return float(np.interp(threshold, (0, usual, 1), (0, ours, 1)))


def _grid_leaves(reading: Reading, points_per_side: int) -> np.ndarray:
    """The leaves under a grid of points, set as SAM sets it: in the middle of equal cells."""
    height, width = reading.size_hw
    at = (np.arange(points_per_side) + 0.5) / points_per_side
    x, y = np.meshgrid((at * width).astype(int), (at * height).astype(int))
    where = np.searchsorted(reading.run_ends, (x * height + y).astype(np.uint32).ravel(), side="right")
    return np.unique(reading.run_labels[where])


def _suppress(reading: Reading, masks: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Greedy non-maximum suppression by mask IoU: indices, best first, at most MOST_MASKS, those below 0 left out."""
    order = np.argsort(-scores, kind="stable")[:700]
    order = order[scores[order] >= 0]
    members = as_sparse(masks[order])
    common = (members.multiply(reading.area).tocsr() @ members.T).toarray()
    area = np.diagonal(common)
    overlap = common / (area[:, None] + area - common)
    kept: list[int] = []
    for k in range(len(order)):
        if len(kept) == MOST_MASKS:
            break
        if (overlap[k, kept] <= threshold).all():
            kept.append(k)
    return [int(order[k]) for k in kept]
