"""Every mask of a photo: ask a grid of points, over the photo and its crops, and keep no mask twice.

The method and its knobs are those of SAM 2's ``SAM2AutomaticMaskGenerator``; the order of the work is not. What asks
the network is an argument, and it hands over only what has passed the two score thresholds, with the box of each mask
known but its pixels not made yet: most candidates are duplicates, and only what survives is ever drawn.

Boxes here have SAM's edges: XYXY where x2 and y2 are the last pixel *inside*, so a mask one pixel wide has width 0.
Duplicates are judged by such boxes, and so must they be here for the same masks to survive. `Mask.bbox` counts pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from .rle import RLE, mask_to_rle, paste_rle
from .types import AutoMask, Mask

NEAR_EDGE = 20.0
"""Pixels. A mask this close to the edge of a crop was probably cut off by it."""

MAX_UNDRAWN = 2048
"""Candidates that wait for the duplicates to be told before they are drawn. Bounds memory, changes no answer."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """What some points of one crop gave, in pixels of that crop; both score thresholds are behind them.

    point_coords: (N, 2) XY each was made from. predicted_iou, stability_score: (N,) float32 in [0, 1]. boxes: (N, 4)
    float32 with SAM's edges. draw(i): the i-th mask as (h, w) bool pixels and the (x, y) of their top left corner.
    """

    point_coords: np.ndarray
    predicted_iou: np.ndarray
    stability_score: np.ndarray
    boxes: np.ndarray
    draw: Callable[[int], tuple[np.ndarray, int, int]]


Predictor = Callable[[np.ndarray], Candidates]
"""(B, 2) float64 XY in pixels of a crop -> what the network sees there."""


@dataclass(frozen=True)
class Crop:
    """A part of the photo that is read on its own. box: XYXY, far edges excluded. layer: 0 is the whole photo."""

    box: tuple[int, int, int, int]
    layer: int


def point_grid(points_per_side: int) -> np.ndarray:
    """(n*n, 2) XY in [0, 1], row by row: the centres of an n by n chessboard.

    >>> point_grid(2).tolist()
    [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    """
    half = 1 / (2 * points_per_side)
    along = np.linspace(half, 1 - half, points_per_side)
    return np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)


def crops(size: tuple[int, int], crop_n_layers: int, crop_overlap_ratio: float) -> list[Crop]:
    """The whole photo of `size` (H, W), then 2x2, 4x4, ... overlapping crops, a layer each.

    Crops of the first layer overlap by `crop_overlap_ratio` of the short side, those of later layers by less.
    """
    height, width = size
    found = [Crop((0, 0, width, height), 0)]
    for layer in range(1, crop_n_layers + 1):
        n = 2**layer
        overlap = int(crop_overlap_ratio * min(size) * 2 / n)
        w, h = (math.ceil((overlap * (n - 1) + side) / n) for side in (width, height))
        for i, j in product(range(n), range(n)):
            x, y = (w - overlap) * i, (h - overlap) * j
            # Photos of a few pixels have no room for every crop.
            if x < width and y < height:
                found.append(Crop((x, y, min(x + w, width), min(y + h, height)), layer))
    return found


def near_crop_edge(boxes: np.ndarray, crop: Crop, size: tuple[int, int]) -> np.ndarray:
    """(N,) bool: which boxes (in pixels of the crop) come close to an edge of the crop that is none of the photo."""
    x0, y0 = crop.box[:2]
    height, width = size
    on_photo = boxes + np.float32([x0, y0, x0, y0])
    near = np.abs(on_photo - np.float32(crop.box)) <= NEAR_EDGE
    return (near & ~(np.abs(on_photo - np.float32([0, 0, width, height])) <= NEAR_EDGE)).any(axis=1)


def nms(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """Indices of the boxes that stay, best score first: each drops later ones whose IoU with it exceeds `threshold`.

    boxes: (N, 4) XYXY. scores: (N,); of equal ones the earlier is the better.
    """
    order = np.argsort(-scores, kind="stable")
    x1, y1, x2, y2 = boxes[order].astype(np.float32).T
    area = (x2 - x1) * (y2 - y1)
    alive = np.ones(len(order), bool)
    for i in range(len(order)):
        if not alive[i]:
            continue
        rest = slice(i + 1, None)
        w = np.minimum(x2[i], x2[rest]) - np.maximum(x1[i], x1[rest])
        h = np.minimum(y2[i], y2[rest]) - np.maximum(y1[i], y1[rest])
        shared = np.maximum(w, 0) * np.maximum(h, 0)
        with np.errstate(invalid="ignore"):  # 0/0, two boxes without area, is no overlap
            alive[rest] &= ~((shared / (area[i] + area[rest] - shared)).astype(np.float64) > threshold)
    return order[alive]


def remove_small_regions(segmentation: np.ndarray, min_area: int) -> np.ndarray:
    """(H, W) bool with holes and specks below `min_area` pixels filled and removed; its largest part always stays."""
    import cv2

    for holes in (True, False):
        parts = (segmentation != holes).astype(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(parts, connectivity=8)
        areas = stats[1:, cv2.CC_STAT_AREA]  # the first is the background
        small = areas < min_area
        if not small.any():
            continue
        if not holes and small.all():
            small[np.argmax(areas)] = False
        segmentation = segmentation ^ np.append(False, small)[labels]
    return segmentation


def generate(
    size: tuple[int, int],
    options: AutoMask,
    open_crop: Callable[[Crop], Predictor],
    progress: Callable[[float], None],
    batch: int,
) -> list[Mask]:
    """Every mask of a photo of `size` (H, W), largest first; none without a pixel, none twice.

    open_crop: reads a crop and returns what asks about it; it applies `pred_iou_thresh` and `stability_score_thresh`.
    progress: told the fraction done after every `batch` points; what it raises ends the work.
    min_mask_region_area is in pixels of the photo: holes and specks below it go, and so do masks that thereby become
    another's duplicate (those that needed no mending win).
    """
    todo = [
        (crop, _points_in(crop, options)) for crop in crops(size, options.crop_n_layers, options.crop_overlap_ratio)
    ]
    total = sum(len(points) for _, points in todo)
    found: list[_Candidate] = []
    done = 0
    progress(0.0)
    for crop, points in todo:
        predict = open_crop(crop)
        in_crop: list[_Candidate] = []
        for start in range(0, len(points), batch):
            answer = predict(points[start : start + batch])
            whole = np.flatnonzero(~near_crop_edge(answer.boxes, crop, size))
            in_crop += [_Candidate(answer, int(i), crop, size) for i in whole]
            _bound_memory(in_crop)
            done = min(done + batch, total)
            progress(done / total)
        found += _unique(in_crop, [c.predicted_iou for c in in_crop], options.box_nms_thresh)
    if len(todo) > 1:  # masks of smaller crops are the finer ones
        found = _unique(found, [1 / (c.crop_box[2] * c.crop_box[3]) for c in found], options.crop_nms_thresh)
    if options.min_mask_region_area > 0:
        masks = _mended([c.mask() for c in found], options)
    else:
        masks = [c.mask() for c in found]
    once = {mask.rle: mask for mask in reversed(masks) if mask.area}  # of equal runs the first stays
    return sorted(once.values(), key=lambda mask: (-mask.area, -mask.predicted_iou, mask.bbox))


class _Candidate:
    """One mask in pixels of the photo, drawn when first asked for; what it is drawn from is then let go."""

    def __init__(self, answer: Candidates, i: int, crop: Crop, size: tuple[int, int]):
        x0, y0, x1, y1 = crop.box
        self.box = answer.boxes[i] + np.float32([x0, y0, x0, y0])
        self.crop_box = (x0, y0, x1 - x0, y1 - y0)  # XYWH
        self.predicted_iou = float(answer.predicted_iou[i])
        self._stability_score = float(answer.stability_score[i])
        self._point = answer.point_coords[i] + (x0, y0)
        self._rle: RLE | None = None

        def draw() -> RLE:
            pixels, x, y = answer.draw(i)
            return paste_rle(pixels, x0 + x, y0 + y, size)

        self._draw: Callable[[], RLE] | None = draw

    @property
    def drawn(self) -> bool:
        return self._draw is None

    def rle(self) -> RLE:
        if self._draw is not None:
            self._rle, self._draw = self._draw(), None
        assert self._rle is not None
        return self._rle

    def mask(self) -> Mask:
        x, y = self._point
        return Mask(self.rle(), self.predicted_iou, self._stability_score, ((float(x), float(y)),), self.crop_box)


def _points_in(crop: Crop, options: AutoMask) -> np.ndarray:
    """(N, 2) XY: the grid of the crop's layer, in pixels of the crop."""
    side = options.points_per_side // options.crop_n_points_downscale_factor**crop.layer
    x0, y0, x1, y1 = crop.box
    return point_grid(max(1, side)) * (x1 - x0, y1 - y0)


def _bound_memory(candidates: Sequence[_Candidate]) -> None:
    undrawn = [c for c in candidates if not c.drawn]
    if len(undrawn) > MAX_UNDRAWN:
        for candidate in undrawn:
            candidate.rle()


def _unique(candidates: Sequence[_Candidate], scores: Sequence[float], threshold: float) -> list[_Candidate]:
    boxes = np.array([c.box for c in candidates], np.float32).reshape(-1, 4)
    return [candidates[i] for i in nms(boxes, np.array(scores, np.float32), threshold)]


def _mended(masks: Sequence[Mask], options: AutoMask) -> list[Mask]:
    mended = [
        replace(mask, rle=mask_to_rle(remove_small_regions(mask.segmentation, options.min_mask_region_area)))
        for mask in masks
    ]
    boxes = np.array([m.bbox for m in mended], np.float32).reshape(-1, 4)  # XYWH
    boxes[:, 2:] += boxes[:, :2] - 1
    untouched = np.array([before.rle == after.rle for before, after in zip(masks, mended, strict=True)], np.float32)
    return [mended[i] for i in nms(boxes, untouched, max(options.box_nms_thresh, options.crop_nms_thresh))]
