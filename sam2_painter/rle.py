"""Run-length masks, as COCO writes them: column-major, background first.

A 12-megapixel mask is 12 MB as bool and some 65 kB as runs. Area, box, "is this pixel inside?" are
answered from the runs alone; pixels are made only for what is looked at.

>>> door = np.array([[0, 0, 0, 0],
...                  [0, 1, 1, 0],
...                  [0, 1, 1, 0]], bool)
>>> rle = mask_to_rle(door)
>>> rle.size, rle.counts.tolist(), rle.area, rle.bbox
((3, 4), [4, 2, 1, 2, 3], 4, (1, 1, 2, 2))
>>> rle.contains(2, 1), rle.contains(0, 0)
(True, False)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .errors import InvalidInput

MAX_RUNS = 4_000_000
"""Of a mask that comes from outside: some forty times as ragged as a wall behind a tree at 12 megapixels."""


@dataclass(frozen=True, eq=False)
class RLE:
    """One mask as runs.

    size: (H, W). counts: (R,) uint32, read-only: lengths of runs down the columns, by turns
    background and foreground, background first (so it may start with 0). They add up to H*W.
    Raises InvalidInput when they do not.
    """

    size: tuple[int, int]
    counts: np.ndarray

    def __post_init__(self) -> None:
        height, width = (int(v) for v in self.size)
        raw = np.asarray(self.counts)
        if raw.ndim != 1 or raw.size == 0 or raw.dtype.kind not in "ui" or (raw.dtype.kind == "i" and raw.min() < 0):
            raise InvalidInput("RLE counts must be a list of whole numbers of at least 0", "counts")
        if height < 1 or width < 1 or int(raw.sum(dtype=np.uint64)) != height * width:
            raise InvalidInput(f"RLE counts must add up to {height}x{width} pixels", "counts")
        counts = raw.astype(np.uint32)
        counts.flags.writeable = False
        object.__setattr__(self, "size", (height, width))
        object.__setattr__(self, "counts", counts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RLE):
            return NotImplemented
        return self.size == other.size and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.size, self.counts.tobytes()))

    @cached_property
    def ends(self) -> np.ndarray:
        """(R,) int64: where each run ends, in column-major pixels."""
        return np.cumsum(self.counts, dtype=np.int64)

    @property
    def nbytes(self) -> int:
        """Bytes of the runs and of what is remembered about them."""
        return self.counts.nbytes * 3

    @cached_property
    def area(self) -> int:
        """Foreground pixels."""
        return int(self.counts[1::2].sum(dtype=np.int64))

    @cached_property
    def bbox(self) -> tuple[int, int, int, int]:
        """XYWH in pixels, the smallest box around the foreground; (0, 0, 0, 0) for an empty mask."""
        height = self.size[0]
        stops, lengths = self.ends[1::2], self.counts[1::2].astype(np.int64)
        stops, lengths = stops[lengths > 0], lengths[lengths > 0]
        if not len(stops):
            return (0, 0, 0, 0)
        starts, lasts = stops - lengths, stops - 1
        x0, x1 = int(starts[0] // height), int(lasts[-1] // height)
        if (starts // height != lasts // height).any():  # a run that wraps touches the bottom and the top row
            y0, y1 = 0, height - 1
        else:
            y0, y1 = int((starts % height).min()), int((lasts % height).max())
        return (x0, y0, x1 - x0 + 1, y1 - y0 + 1)

    def contains(self, x: float, y: float) -> bool:
        """Whether the pixel under (x, y) is foreground: one binary search. Outside the photo: False."""
        height, width = self.size
        if not (0 <= x < width and 0 <= y < height):
            return False
        return bool(np.searchsorted(self.ends, int(x) * height + int(y), side="right") % 2)

    def crop(self) -> tuple[np.ndarray, tuple[int, int, int, int]]:
        """The (h, w) bool pixels inside `bbox`, and `bbox` itself (XYWH)."""
        x, y, w, h = self.bbox
        height = self.size[0]
        # Only the columns of the box are unrolled.
        first, last = x * height, (x + w) * height
        lo = int(np.searchsorted(self.ends, first, side="right"))
        hi = int(np.searchsorted(self.ends, last, side="left")) + 1
        edges = np.clip(np.concatenate([[first], self.ends[lo:hi]]), first, last)
        values = (np.arange(lo, lo + len(edges) - 1) % 2).astype(bool)
        columns = np.repeat(values, np.diff(edges)).reshape(w, height)  # (w, H)
        return _transposed(columns[:, y : y + h]), (x, y, w, h)

    def to_coco(self) -> dict[str, Any]:
        """COCO's uncompressed form: ``{"size": [H, W], "counts": [...]}``."""
        return {"size": list(self.size), "counts": self.counts.tolist()}


def mask_to_rle(segmentation: np.ndarray) -> RLE:
    """(H, W) bool or 0/1 array -> RLE. Raises InvalidInput for other shapes."""
    segmentation = np.asarray(segmentation)
    if segmentation.ndim != 2 or segmentation.size == 0:
        raise InvalidInput(f"a mask must be (H, W), got {segmentation.shape}", "mask")
    segmentation = segmentation.astype(bool, copy=False)
    columns = np.flatnonzero(segmentation.any(axis=0))
    if not len(columns):
        return RLE(segmentation.shape, np.array([segmentation.size], np.uint32))
    x0, x1 = int(columns[0]), int(columns[-1]) + 1
    return paste_rle(segmentation[:, x0:x1], x0, 0, segmentation.shape)


def paste_rle(crop: np.ndarray, x: int, y: int, size: tuple[int, int]) -> RLE:
    """The RLE of a (h, w) bool crop whose top left pixel lies at (x, y) of a photo of `size` (H, W)."""
    height, width = size
    h, w = crop.shape
    if not (0 <= x and 0 <= y and x + w <= width and y + h <= height):
        raise InvalidInput(f"a {w}x{h} crop at ({x}, {y}) leaves the {width}x{height} photo", "mask")
    flat = _transposed(crop).ravel()  # column-major
    inside = np.concatenate([[False], flat, [False]])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, stops = edges[0::2], edges[1::2]
    if h < height:  # a run that wraps from one column of the crop into the next is two runs in the photo
        first_column, last_column = starts // h, (stops - 1) // h
        extra = last_column - first_column
        which = np.repeat(np.arange(len(starts)), extra + 1)
        column = first_column[which] + (
            np.arange(len(which)) - np.repeat(np.cumsum(extra + 1) - (extra + 1), extra + 1)
        )
        starts, stops = np.maximum(starts[which], column * h), np.minimum(stops[which], (column + 1) * h)
        starts, stops = starts + column * (height - h), stops + column * (height - h)
    offset = x * height + y
    bounds = np.empty(2 * len(starts) + 2, np.int64)
    bounds[0], bounds[-1] = 0, height * width
    bounds[1:-1:2], bounds[2:-1:2] = starts + offset, stops + offset
    counts = np.diff(bounds)
    if len(starts) and counts[-1] == 0:
        counts = counts[:-1]
    return RLE((height, width), counts.astype(np.uint32))


def _transposed(pixels: np.ndarray) -> np.ndarray:
    """(h, w) bool -> (w, h), C-contiguous. Large ones by OpenCV, which turns a photo's mask some ten times as fast as
    NumPy."""
    if pixels.size < _LARGE or pixels.strides[1] != 1:
        return np.ascontiguousarray(pixels.T)
    import cv2  # here: `import sam2_painter` stays light

    return cv2.transpose(pixels.view(np.uint8)).view(bool)


_LARGE = 4096  # pixels


def rle_to_mask(rle: RLE) -> np.ndarray:
    """The inverse of `mask_to_rle`: (H, W) bool, C-contiguous."""
    out = np.zeros(rle.size, bool)
    crop, (x, y, w, h) = rle.crop()
    out[y : y + h, x : x + w] = crop
    return out


def rle_from_coco(coco: Mapping[str, Any]) -> RLE:
    """COCO's uncompressed form -> RLE. Raises InvalidInput for anything else."""
    try:
        size, counts = coco["size"], coco["counts"]
    except (TypeError, KeyError):
        raise InvalidInput('an RLE must be {"size": [H, W], "counts": [...]}', "rle") from None
    if not isinstance(size, Sequence) or len(size) != 2 or not isinstance(counts, Sequence) or isinstance(counts, str):
        raise InvalidInput('an RLE must be {"size": [H, W], "counts": [whole numbers]}', "rle")
    if not all(type(v) is int and 0 <= v < 2**32 for v in (*size, *counts)):
        raise InvalidInput("RLE size and counts must be whole numbers of at least 0", "rle")
    return RLE((size[0], size[1]), np.array(counts, np.uint32))
