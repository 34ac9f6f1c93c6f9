"""From the work picture's regions to the photo's own pixels, once for every border.

The label map of the photo is kept as runs down its columns, the order of COCO's RLE. A mask is then a choice of
labels, and its RLE comes from the runs alone: a 12-megapixel answer costs a lookup of some hundred thousand
runs and touches no pixel.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from ...rle import RLE

STRIP = 384  # columns at a time: bounds the memory, whatever the photo's size


def snap_labels(pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs of the photo's label map: (run_labels (R,) uint16, run_ends (R,) uint32), down the columns.

    pixels: (H, W, 3) uint8. labels: (h, w) uint16 of the work picture. Where the photo is larger, the pixels
    around each border are given out anew by a watershed of the photo itself, so borders follow its edges and
    not the enlarged work pixels.
    """
    height, width = pixels.shape[:2]
    rows = (np.arange(height) * labels.shape[0]) // height
    columns = (np.arange(width) * labels.shape[1]) // width
    reach = int(np.ceil(0.8 * max(height / labels.shape[0], width / labels.shape[1])))

    def runs(x0: int) -> tuple[np.ndarray, np.ndarray]:
        x1 = min(width, x0 + STRIP)
        margin = 4 * reach if reach > 1 else 0
        left, right = max(0, x0 - margin), min(width, x1 + margin)
        strip = np.ascontiguousarray(labels[rows[:, None], columns[None, left:right]])
        if reach > 1:
            strip = _flood_borders(pixels[:, left:right], strip, reach)
        flat = np.ascontiguousarray(strip[:, x0 - left : x1 - left].T).ravel()
        ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
        return flat[ends - 1], ends + x0 * height

    with ThreadPoolExecutor(2) as pool:  # OpenCV lets other threads run
        run_labels, run_ends = zip(*pool.map(runs, range(0, width, STRIP)), strict=True)
    return np.concatenate(run_labels), np.concatenate(run_ends).astype(np.uint32)


def _flood_borders(pixels: np.ndarray, labels: np.ndarray, reach: int) -> np.ndarray:
    """(h, w) uint16: the labels, with the pixels within `reach` of a border flooded anew from both sides."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    unsure = cv2.dilate(labels, kernel) != cv2.erode(labels, kernel)
    markers = labels.astype(np.int32) + 1
    markers[unsure] = 0
    # The watershed gives its picture's rim away: it gets a frame to give.
    markers = np.pad(markers, 1, mode="edge")
    picture = cv2.copyMakeBorder(cv2.GaussianBlur(pixels, (3, 3), 0), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    cv2.watershed(picture, markers)
    _join_lines(picture, markers)
    flooded = markers[1:-1, 1:-1]
    return np.where(flooded > 0, flooded - 1, labels).astype(np.uint16)


def _join_lines(picture: np.ndarray, markers: np.ndarray) -> None:
    """Give the one-pixel lines between basins (-1) to the neighbour that looks most alike."""
    ys, xs = np.nonzero(markers[1:-1, 1:-1] <= 0)
    ys, xs = ys + 1, xs + 1
    own = picture[ys, xs].astype(np.int16)
    best, choice = np.full(len(ys), 10_000, np.int16), markers[ys, xs]
    for dy, dx in ((0, -1), (-1, 0), (0, 1), (1, 0)):
        label = markers[ys + dy, xs + dx]
        distance = np.abs(picture[ys + dy, xs + dx].astype(np.int16) - own).sum(axis=1, dtype=np.int16)
        better = (label > 0) & (distance < best)
        best[better], choice[better] = distance[better], label[better]
    markers[ys, xs] = choice


def labels_under(run_labels: np.ndarray, run_ends: np.ndarray, height: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The labels of the pixels (x, y), whole numbers, of a photo of this height."""
    labels: np.ndarray = run_labels[np.searchsorted(run_ends, (x * height + y).astype(np.uint32), side="right")]
    return labels


def labels_to_rle(chosen: np.ndarray, run_labels: np.ndarray, run_ends: np.ndarray, size: tuple[int, int]) -> RLE:
    """The RLE of the pixels whose label is chosen. chosen: (n,) bool by label. size: (H, W)."""
    inside = chosen[run_labels]
    last = np.append(np.flatnonzero(inside[1:] != inside[:-1]), len(inside) - 1)
    counts = np.diff(run_ends[last], prepend=np.uint32(0))
    if inside[0]:
        counts = np.concatenate([[0], counts])
    return RLE(size, counts.astype(np.uint32))


def join_runs(run_labels: np.ndarray, run_ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same runs, those that follow one another with one label as one."""
    last = np.append(run_labels[1:] != run_labels[:-1], True)
    return run_labels[last], run_ends[last]


def label_pixels(label: int, run_labels: np.ndarray, run_ends: np.ndarray) -> np.ndarray:
    """Column-major indices of the pixels with this label."""
    runs = np.flatnonzero(run_labels == label)
    ends = run_ends[runs].astype(np.int64)
    starts = np.where(runs > 0, run_ends[np.maximum(runs, 1) - 1], 0).astype(np.int64)
    return np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)])


def pixels_inside(mask: RLE, run_labels: np.ndarray, run_ends: np.ndarray, count: int) -> np.ndarray:
    """(count,) float64: how many pixels of each label a mask of the photo holds."""
    ends = mask.ends.astype(np.uint32)
    run = np.searchsorted(ends, run_ends)  # of the mask, in which each of ours ends
    before = np.cumsum(np.where(np.arange(len(ends)) % 2, mask.counts, 0))  # pixels inside up to the end of each
    held = before[run] - np.where(run % 2, ends[run] - run_ends, 0)
    return np.bincount(run_labels, weights=np.diff(held, prepend=0), minlength=count)


def label_sizes(run_labels: np.ndarray, run_ends: np.ndarray, count: int) -> np.ndarray:
    """(count,) float64: the pixels of each label."""
    lengths = np.diff(run_ends.astype(np.int64), prepend=0)
    return np.bincount(run_labels, weights=lengths, minlength=count)
