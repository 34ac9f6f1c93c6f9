"""Every mask of a photo: ask a grid of points, over the photo and its crops, and keep no mask twice.

The method and its knobs are those of SAM 2's ``SAM2AutomaticMaskGenerator``. What asks the network is an argument; it
hands over runs of what has passed the two score thresholds, so that no full-size mask is ever made here.

Duplicates are judged by boxes with SAM's edges: XYXY where x2 and y2 are the last pixel *inside*, so that a mask one
pixel wide has width 0. They must be here, for the same masks to survive; `Mask.bbox` counts pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ...masks.operations import clean
from ...rle import RLE, mask_to_rle, paste_rle
from ...types import AutoMask, Mask

NEAR_EDGE = 20.0
"""Pixels. A mask this close to the edge of a crop was probably cut off by it."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """What some points of one crop gave, at the crop's size; both score thresholds are behind them.

    point_coords: (N, 2) XY in pixels of the crop, the point each was made from. predicted_iou, stability_score: (N,)
    float32 in [0, 1]. rles: the N masks.
    """

    point_coords: np.ndarray
    predicted_iou: np.ndarray
    stability_score: np.ndarray
    rles: Sequence[RLE]


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


def sam_boxes(rles: Sequence[RLE]) -> np.ndarray:
    """(N, 4) float32 XYXY with SAM's edges; zeros for empty masks.

    >>> sam_boxes([mask_to_rle(np.array([[0, 1, 1, 0]]))]).tolist()
    [[1.0, 0.0, 2.0, 0.0]]
    """
    boxes = np.array([rle.bbox for rle in rles], np.float32).reshape(-1, 4)  # XYWH
    boxes[:, 2:] += boxes[:, :2] - 1
    return np.maximum(boxes, 0)


def near_crop_edge(boxes: np.ndarray, crop: Crop, size: tuple[int, int]) -> np.ndarray:
    """(N,) bool: which boxes (in pixels of the crop) come close to an edge of the crop that is none of the photo."""
    x0, y0 = crop.box[:2]
    height, width = size
    on_photo = boxes + np.array([x0, y0, x0, y0], np.float32)
    near = np.abs(on_photo - np.array(crop.box, np.float32)) <= NEAR_EDGE
    at_photo_edge = np.abs(on_photo - np.array([0, 0, width, height], np.float32)) <= NEAR_EDGE
    close: np.ndarray = (near & ~at_photo_edge).any(axis=1)
    return close


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


def generate(
    size: tuple[int, int],
    options: AutoMask,
    open_crop: Callable[[Crop], Predictor],
    progress: Callable[[float], None],
    batch: int,
) -> list[Mask]:
    """Every mask of a photo of `size` (H, W), largest first; none without a pixel, none twice.

    open_crop: reads a crop and returns what asks about it; it applies `pred_iou_thresh` and `stability_score_thresh`.
    progress: told the fraction done after every `batch` points and every mask mended; what it raises ends the work.
    min_mask_region_area is in pixels of the photo: holes and specks below it go, masks of which less is left too, and
    those that thereby become another's duplicate (masks that needed no mending win).
    """
    todo = [
        (crop, _points_in(crop, options)) for crop in crops(size, options.crop_n_layers, options.crop_overlap_ratio)
    ]
    total = sum(len(points) for _, points in todo)
    found: list[Mask] = []
    done = 0
    progress(0.0)
    for crop, points in todo:
        predict = open_crop(crop)
        in_crop: list[Mask] = []
        for start in range(0, len(points), batch):
            some = points[start : start + batch]
            answer = predict(some)
            whole = ~near_crop_edge(sam_boxes(answer.rles), crop, size)
            in_crop += [_uncrop(answer, i, crop, size) for i in np.flatnonzero(whole).tolist()]
            done += len(some)
            progress(done / total)
        found += _unique(in_crop, [mask.predicted_iou for mask in in_crop], options.box_nms_thresh)
    if len(todo) > 1:  # masks of smaller crops are the finer ones
        crop_areas = [mask.crop_box[2] * mask.crop_box[3] for mask in found if mask.crop_box]
        found = _unique(found, [1 / area for area in crop_areas], options.crop_nms_thresh)
    if options.min_mask_region_area > 0:
        found = _mended(found, options, progress)
    once = {mask.rle: mask for mask in reversed(found) if mask.area}  # of equal runs the first stays
    return sorted(once.values(), key=lambda mask: (-mask.area, -mask.predicted_iou, mask.bbox))


def _points_in(crop: Crop, options: AutoMask) -> np.ndarray:
    """(N, 2) XY: the grid of the crop's layer, in pixels of the crop."""
    side = options.points_per_side // options.crop_n_points_downscale_factor**crop.layer
    x0, y0, x1, y1 = crop.box
    return point_grid(max(1, side)) * (x1 - x0, y1 - y0)


def _uncrop(answer: Candidates, i: int, crop: Crop, size: tuple[int, int]) -> Mask:
    """A candidate as a mask of the photo."""
    x0, y0, x1, y1 = crop.box
    rle = answer.rles[i]
    if rle.size != size:
        pixels, (x, y, _, _) = rle.crop()
        rle = paste_rle(pixels, x0 + x, y0 + y, size)
    x, y = answer.point_coords[i] + (x0, y0)
    return Mask(
        rle,
        predicted_iou=float(answer.predicted_iou[i]),
        stability_score=float(answer.stability_score[i]),
        point_coords=((float(x), float(y)),),
        crop_box=(x0, y0, x1 - x0, y1 - y0),  # XYWH
    )


def _unique(masks: Sequence[Mask], scores: Sequence[float], threshold: float) -> list[Mask]:
    boxes = sam_boxes([mask.rle for mask in masks])
    return [masks[i] for i in nms(boxes, np.array(scores, np.float32), threshold)]


def _mended(masks: Sequence[Mask], options: AutoMask, progress: Callable[[float], None]) -> list[Mask]:
    mended = []
    for mask in masks:
        pixels = clean(mask.segmentation, options.min_mask_region_area)
        mended.append(replace(mask, rle=mask_to_rle(pixels)))
        progress(1.0)  # at 12 megapixels each takes a tenth of a second: still to be stopped
    both = [(a, b) for a, b in zip(masks, mended, strict=True) if b.area >= options.min_mask_region_area]
    untouched = [float(before.rle == after.rle) for before, after in both]
    return _unique([after for _, after in both], untouched, max(options.box_nms_thresh, options.crop_nms_thresh))
