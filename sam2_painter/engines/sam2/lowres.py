"""What a mask looks like at full size, told from its 256x256 logits without making it.

SAM 2's full-size mask is its logits, interpolated bilinearly and thresholded. Between four neighbouring logits no value
leaves their range; so where all four lie on one side of a threshold the pixels between them are known by counting,
and only cells that a threshold passes through are worked out. Areas, stability and boxes come out exact, from a few
per cent of the pixels.

A cell (i, j) is the square between logits (i, j) and (i+1, j+1); the last row and column repeat themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 256
MAX_CELLS = 1 << 16
"""Cells worked out at a time: bounds memory."""

_FAR = 1 << 30


@dataclass(frozen=True, eq=False)
class Axis:
    """How the n pixels of one axis of a photo lie in the 256 cells of that axis.

    cell, weight: (n,), the cell of each pixel and how far into it, in [0, 1). count, first: (256,), how many pixels a
    cell has and the first of them. weights: (256, K), those of the cell's pixels; beyond `count` they mean nothing.
    """

    cell: Tensor
    weight: Tensor
    count: Tensor
    first: Tensor
    weights: Tensor


@lru_cache(maxsize=64)
def axis(n: int, device: torch.device) -> Axis:
    """The Axis of `n` pixels; positions as `torch.nn.functional.interpolate` computes them, in float32."""
    position = (np.arange(n, dtype=np.float32) + np.float32(0.5)) * np.float32(SIDE / n) - np.float32(0.5)
    position = np.maximum(position, 0)
    cell = np.minimum(position.astype(np.int64), SIDE - 1)
    weight = np.minimum(position - cell.astype(np.float32), np.float32(1))
    count = np.bincount(cell, minlength=SIDE)
    first = np.cumsum(count) - count
    weights = np.zeros((SIDE, count.max()), np.float32)
    weights[cell, np.arange(n) - first[cell]] = weight
    return Axis(*(torch.from_numpy(v).to(device) for v in (cell, weight, count, first, weights)))


def stability_score(logits: Tensor, size: tuple[int, int], threshold: float, offset: float) -> Tensor:
    """(M,) float32: pixels over `threshold + offset` by pixels over `threshold - offset`; NaN where there are neither.

    logits: (M, 256, 256). size: (H, W) of the full-size masks this speaks of.
    """
    ys, xs = axis(size[0], logits.device), axis(size[1], logits.device)
    patches = _Patches(logits)
    high, low = threshold + offset, threshold - offset
    passed = patches.passed(high) | patches.passed(low)
    areas = []
    for level in (high, low):
        sure = (patches.lowest > level) & ~passed
        rows = (sure.float() @ xs.count.float()).long()  # (M, 256), each at most W: exact in float32
        areas.append((rows * ys.count).sum(dim=1))
    for m, _, _, values, inside in patches.worked_out(passed, ys, xs):
        for area, level in zip(areas, (high, low), strict=True):
            area.index_add_(0, m, ((values > level) & inside).sum(dim=(1, 2)))
    return areas[0].float() / areas[1].float()


def boxes(logits: Tensor, size: tuple[int, int], threshold: float) -> Tensor:
    """(M, 4) int64 XYXY: the first and last pixels over `threshold`; zeros for an empty mask."""
    ys, xs = axis(size[0], logits.device), axis(size[1], logits.device)
    patches = _Patches(logits)
    sure = (patches.lowest > threshold) & (ys.count[:, None] > 0) & (xs.count > 0)
    ends = [_ends(sure.any(dim=2), ys), _ends(sure.any(dim=1), xs)]  # y, x: (M, 2) each
    passed = patches.passed(threshold)
    outside = [
        (along.first < end[:, :1]) | (along.first + along.count - 1 > end[:, 1:])
        for along, end in zip((ys, xs), ends, strict=True)
    ]  # (M, 256): rows and columns of cells that may push the box out
    passed &= outside[0][:, :, None] | outside[1][:, None, :]
    for m, i, j, values, inside in patches.worked_out(passed, ys, xs):
        over = (values > threshold) & inside
        for k, (along, cell) in enumerate(((ys, i), (xs, j))):
            some = over.any(dim=2 - k)  # (cells, K)
            pixel = along.first[cell][:, None] + torch.arange(some.shape[1], device=some.device)
            ends[k][:, 0].scatter_reduce_(0, m, torch.where(some, pixel, _FAR).amin(dim=1), "amin")
            ends[k][:, 1].scatter_reduce_(0, m, torch.where(some, pixel, -1).amax(dim=1), "amax")
    y, x = ends
    return torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], dim=1) * (y[:, 1:] >= 0)


def draw(logits: Tensor, size: tuple[int, int], threshold: float) -> tuple[np.ndarray, int, int]:
    """One mask's (h, w) bool pixels around all that is over `threshold`, and the (x, y) of their top left corner.

    logits: (256, 256). For an empty mask the pixels are (0, 0).
    """
    over = logits > threshold
    ys, xs = axis(size[0], logits.device), axis(size[1], logits.device)
    rows, columns = _span(over.any(dim=1), ys), _span(over.any(dim=0), xs)
    if rows.start == rows.stop or columns.start == columns.stop:
        return np.zeros((0, 0), bool), 0, 0
    i, j = ys.cell[rows], xs.cell[columns]
    part = logits[int(i[0]) : int(i[-1]) + 2]
    i = i - i[0]
    wide = torch.lerp(part[:, j], part[:, (j + 1).clamp(max=SIDE - 1)], xs.weight[columns])
    full = torch.lerp(wide[i], wide[(i + 1).clamp(max=len(part) - 1)], ys.weight[rows, None])
    return (full > threshold).cpu().numpy(), columns.start, rows.start


class _Patches:
    """The cells of (M, 256, 256) logits and their ranges; lowest and highest: (M, 256, 256)."""

    def __init__(self, logits: Tensor):
        self._corners = F.pad(logits[:, None], (0, 1, 0, 1), mode="replicate")[:, 0]  # (M, 257, 257)
        c = self._corners
        low, high = torch.minimum(c[:, :, :-1], c[:, :, 1:]), torch.maximum(c[:, :, :-1], c[:, :, 1:])
        self.lowest = torch.minimum(low[:, :-1], low[:, 1:])
        self.highest = torch.maximum(high[:, :-1], high[:, 1:])

    def passed(self, level: float) -> Tensor:
        """(M, 256, 256) bool: cells that `level` passes through."""
        return (self.lowest <= level) & (self.highest > level)

    def worked_out(self, which: Tensor, ys: Axis, xs: Axis) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
        """The cells `which` (M, 256, 256) names, some at a time: mask, row, column (n,), values of their pixels
        (n, K, L), and which of those are pixels of the cell."""
        some_y = torch.arange(ys.weights.shape[1], device=which.device) < ys.count[:, None]  # (256, K)
        some_x = torch.arange(xs.weights.shape[1], device=which.device) < xs.count[:, None]
        which = which & (ys.count[:, None] > 0) & (xs.count > 0)
        for cells in which.nonzero().split(MAX_CELLS):
            m, i, j = cells.unbind(dim=1)
            c, across, down = self._corners, xs.weights[j], ys.weights[i]
            upper = torch.lerp(c[m, i, j][:, None], c[m, i, j + 1][:, None], across)
            lower = torch.lerp(c[m, i + 1, j][:, None], c[m, i + 1, j + 1][:, None], across)
            values = torch.lerp(upper[:, None], lower[:, None], down[:, :, None])
            yield m, i, j, values, some_y[i][:, :, None] & some_x[j][:, None]


def _ends(some: Tensor, along: Axis) -> Tensor:
    """(M, 2): the first and last pixel of the cells in `some` (M, 256) bool; _FAR and -1 where there is none."""
    first = torch.where(some, along.first, _FAR).amin(dim=1)
    last = torch.where(some, along.first + along.count - 1, -1).amax(dim=1)
    return torch.stack([first, last], dim=1)


def _span(some: Tensor, along: Axis) -> slice:
    """The pixels of the cells that touch a logit of `some` (256,) bool."""
    nodes = some.nonzero()[:, 0].tolist()
    if not nodes:
        return slice(0, 0)
    cells = slice(max(0, nodes[0] - 1), nodes[-1] + 1)
    first, count = along.first[cells], along.count[cells]
    return slice(int(first[0]), int(first[-1] + count[-1]))
