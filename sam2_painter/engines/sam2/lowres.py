"""The full-size mask of 256x256 logits: its runs and its stability, without making its pixels.

SAM 2's mask is its logits, interpolated bilinearly to the photo's size and thresholded. Down a column of pixels the
interpolated value goes straight from one logit's row to the next, so between two rows it passes the threshold at most
once: the column is known from where its 256 values change sides. So a 12-megapixel mask costs 256 values a column, and
its runs and areas are exact to the rounding of a float.

A cell is the gap between logits i and i + 1; the last logit repeats itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ...rle import RLE

SIDE = 256
MAX_VALUES = 1 << 23
"""Column values worked out at a time: bounds memory."""


@dataclass(frozen=True, eq=False)
class Axis:
    """How the n pixels of one axis of a photo lie in the 256 cells of that axis.

    cell, weight: (n,), the cell of each pixel and how far into it, in [0, 1). count, first: (256,), how many pixels a
    cell has and the first of them. weights: (256, K) float32, those of the cell's pixels; there: (256, K) bool, which
    of them it has.
    """

    cell: Tensor
    weight: Tensor
    count: Tensor
    first: Tensor
    weights: Tensor
    there: Tensor


@lru_cache(maxsize=64)
def axis(n: int, device: torch.device) -> Axis:
    """The Axis of `n` pixels; positions as `torch.nn.functional.interpolate` computes them, in float32."""
    position = (np.arange(n, dtype=np.float32) + np.float32(0.5)) * np.float32(SIDE / n) - np.float32(0.5)
    position = np.maximum(position, 0)
    cell = np.minimum(position.astype(np.int64), SIDE - 1)
    weight = np.minimum(position - cell.astype(np.float32), np.float32(1))
    count = np.bincount(cell, minlength=SIDE)
    first = np.cumsum(count) - count
    there = np.arange(count.max()) < count[:, None]
    weights = np.zeros(there.shape, np.float32)
    weights[there] = weight
    return Axis(*(torch.from_numpy(v).to(device) for v in (cell, weight, count, first, weights, there)))


def to_rles(logits: Tensor, size: tuple[int, int], threshold: float) -> list[RLE]:
    """The full-size masks of `size` (H, W): where the interpolated logits (M, 256, 256) exceed `threshold`."""
    pixels = size[0] * size[1]
    stride = pixels + 1  # keeps the end of one mask off the start of the next
    found = []
    for columns in _columns(logits, size):
        mask, pixel = _flips(columns, size, threshold)
        at, times = torch.unique_consecutive(mask * stride + pixel, return_counts=True)
        at = at[times % 2 == 1].cpu().numpy()  # two flips at one pixel are none
        for part in np.split(at, np.searchsorted(at, np.arange(1, len(columns)) * stride)):
            ends = part % stride
            found.append(RLE(size, np.diff(ends[ends < pixels], prepend=0, append=pixels)))
    return found


def stability_score(logits: Tensor, size: tuple[int, int], threshold: float, offset: float) -> Tensor:
    """(M,) float32: pixels over `threshold + offset` by pixels over `threshold - offset`; NaN where there are neither.

    logits: (M, 256, 256). size: (H, W) of the full-size masks this speaks of.
    """
    scores = [
        _areas(columns, size, threshold + offset) / _areas(columns, size, threshold - offset)
        for columns in _columns(logits, size)
    ]
    return torch.cat(scores) if scores else logits.new_zeros(0)


def _columns(logits: Tensor, size: tuple[int, int]) -> Iterator[Tensor]:
    """(m, W, 256) of some masks at a time: at each column of pixels, the values on the rows of the logits."""
    across = axis(size[1], logits.device)
    right = (across.cell + 1).clamp(max=SIDE - 1)
    for some in logits.split(max(1, MAX_VALUES // (SIDE * size[1]))):
        if len(some):
            turned = some.transpose(1, 2).contiguous()  # (m, 256 across, 256 down)
            left = turned.index_select(1, across.cell)
            yield torch.lerp(left, turned.index_select(1, right), across.weight[:, None])


def _flips(columns: Tensor, size: tuple[int, int], threshold: float) -> tuple[Tensor, Tensor]:
    """Where masks begin and end, by turns, in the order of their pixels: (n,) which mask, (n,) pixel from 0 to H*W.

    Pixels count down the columns. Two flips may share a pixel.
    """
    height, width = size
    down = axis(height, columns.device)
    values = columns.flatten(1)  # (M, W*256): one column after the other
    over = values > threshold
    flips = over.clone()  # [:, i]: between values i - 1 and i; before the first, all is background
    flips[:, 1:] ^= over[:, :-1]
    flip = _where(flips)
    column, k = flip // SIDE, flip % SIDE
    inside = k > 0  # or else between the end of one column and the start of the next
    cell = (k - 1).clamp(min=0)
    values = values.view(-1)
    before, after = values[flip - inside.long()][:, None], values[flip][:, None]
    over = torch.lerp(before, after, down.weights.index_select(0, cell)) > threshold  # (n, K)
    not_yet = (over == (before > threshold)) & down.there.index_select(0, cell)
    y = torch.where(inside, down.first[cell] + not_yet.sum(dim=1), 0)
    return column // width, column % width * height + y


def _areas(columns: Tensor, size: tuple[int, int], threshold: float) -> Tensor:
    """(M,) float32: pixels over `threshold`, that is, ends less beginnings."""
    mask, pixel = _flips(columns, size, threshold)
    count = torch.bincount(mask, minlength=len(columns))
    first = count.cumsum(0) - count
    begins = (torch.arange(len(mask), device=mask.device) - first[mask]) % 2 == 0
    open_end = count % 2 * (size[0] * size[1])
    return open_end.index_add(0, mask, torch.where(begins, -pixel, pixel)).float()


def _where(flags: Tensor) -> Tensor:
    """(n,) int64: the indices, counted through, of the true ones."""
    if flags.device.type == "cpu":  # numpy is ten times as fast there
        return torch.from_numpy(np.flatnonzero(flags.numpy()))
    return flags.view(-1).nonzero()[:, 0]
