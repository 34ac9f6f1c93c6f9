"""Which of several old paints a pixel shows, and the light on it, seen past its own paint.

Paints are told apart on a small picture (`old_paints`). At full size most pixels have one paint; near the border of
two, a pixel's place between the two colours beside it is its share of each, as in a matte. Shares are worked out in
that band alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..masks.boxes import Box
from .matte import pixels_of, sample
from .segments import box_mean, fill

APART = 0.02  # linear light: two colours closer than this tell nothing of a mixture
LOW, HIGH = 0.08, 0.92  # a share seen in a pixel below and above these counts as none and all
BEYOND = 4  # pixels of the small picture: so far outside the mask its paints are taken to go on


@dataclass(frozen=True, eq=False)
class PaintMap:
    """Where each of N paints is, on a small picture of the photo.

    which: (h, w) uint8, the paint of each pixel; 0, the main one, far from the mask. band: (h, w) uint8, 1 near the
    border of two. planes: for each paint but the main one (h, w, 4) float32, slope and offset: its share in a pixel of
    the band is about ``linear @ slope + offset``.
    """

    which: np.ndarray
    band: np.ndarray
    planes: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, linear: np.ndarray, which: np.ndarray, count: int) -> PaintMap:
        """The map of a small picture, (h, w, 3) linear light; which: (h, w) int8, -1 outside the mask."""
        size, (x, y, w, h) = which.shape, cv2.boundingRect((which >= 0).view(np.uint8))
        near = 2 * BEYOND + 3  # past what is reached, and what its border's band and planes look at
        box = np.s_[max(0, y - near) : y + h + near, max(0, x - near) : x + w + near]
        linear, which = linear[box], which[box]
        inside = which >= 0
        side = 2 * BEYOND + 1
        reached = cv2.dilate(inside.view(np.uint8), np.ones((side, side), np.uint8)) > 0
        which = np.maximum(fill(which, reached, count), 0).astype(np.uint8)
        kernel = np.ones((5, 5), np.uint8)
        band = (cv2.dilate(which, kernel) != cv2.erode(which, kernel)).view(np.uint8)
        colour = np.dstack([linear, np.ones(which.shape, np.float32)])
        planes = (_plane(colour, which == number, inside, band > 0) for number in range(1, count))

        def whole(values: np.ndarray) -> np.ndarray:
            spread = np.zeros((*size, *values.shape[2:]), values.dtype)
            spread[box] = values
            return spread

        return cls(whole(which), whole(band), tuple(whole(plane) for plane in planes))

    def shares(self, linear: np.ndarray) -> np.ndarray:
        """(h, w, N) float32: the share of each paint in each pixel of the small picture, (h, w, 3) linear light."""
        found: np.ndarray = np.eye(len(self.planes) + 1, dtype=np.float32)[self.which]
        band = self.band > 0
        found[band] = _shares([plane[band] for plane in self.planes], linear[band])
        return found

    def labels(self, box: Box, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """(h, w) uint8 twice: each pixel's paint in a box of the photo of size (H, W), and 1 near the border of two."""
        codes = _enlarge(self.which | self.band << 7, box, size)
        return codes & 127, codes >> 7

    def light(
        self,
        linear: np.ndarray,
        paints: np.ndarray,
        labels: tuple[np.ndarray, np.ndarray],
        coverage: np.ndarray,
        box: Box,
        size: tuple[int, int],
    ) -> np.ndarray:
        """(h, w) float32: the light on each pixel of a box of the photo, 1 where it is as bright as its own paint.

        linear: (h, w, 3) of the box; labels: `labels` of it; coverage: (h, w) uint8, 0 where there is no wall. paints:
        (N, 3) linear light of each. size: (H, W) of the photo. With p the pixel's own mixture of paints it is
        ``linear @ p / p @ p``.
        """
        weights = (paints / np.einsum("nc,nc->n", paints, paints)[:, None]).astype(np.float32)
        light = cv2.transform(linear, weights[:1])
        for number in range(1, len(paints)):
            own = cv2.inRange(labels[0], number, number)
            x, y, w, h = cv2.boundingRect(own)
            if w:
                part = np.s_[y : y + h, x : x + w]
                seen = cv2.transform(linear[part], weights[number : number + 1])
                light[part] = cv2.copyTo(seen, own[part], light[part])
        rows, columns = pixels_of(cv2.copyTo(labels[1], coverage))
        if len(rows):
            planes = [sample(plane, rows + box[1], columns + box[0], size) for plane in self.planes]
            at = rows * box[2] + columns
            seen = linear.reshape(-1, 3).take(at, 0)
            paint = _shares(planes, seen) @ paints.astype(np.float32)
            light.reshape(-1)[at] = np.einsum("nc,nc->n", seen, paint) / np.einsum("nc,nc->n", paint, paint)
        return light


def _plane(colour: np.ndarray, own: np.ndarray, inside: np.ndarray, band: np.ndarray) -> np.ndarray:
    """`PaintMap.planes` of the paint whose pixels are `own`; colour: (h, w, 4), linear light and ones."""
    local = []
    for part in (own & inside, ~own & inside):
        weight = part.astype(np.float32)
        weight = weight * (box_mean(weight, 1) > 0.6) + np.float32(0.02) * weight  # mixed pixels hardly count
        sums = box_mean(colour * weight[..., None], 3)
        band = band & (sums[..., 3] > 1e-3)
        local.append(sums[..., :3] / (sums[..., 3:] + 1e-7))
    line = local[0] - local[1]
    length = np.einsum("hwc,hwc->hw", line, line)
    band = band & (length > APART**2)
    slope = np.where(band[..., None], line / (length[..., None] + 1e-6), 0)
    offset = np.where(band, -np.einsum("hwc,hwc->hw", slope, local[1]), own)
    return np.dstack([slope, offset]).astype(np.float32)


def _shares(planes: list[np.ndarray], linear: np.ndarray) -> np.ndarray:
    """(n, N) float32: shares of N paints in n pixels (n, 3), by the planes (n, 4) of all but the first."""
    seen = [np.einsum("nc,nc->n", plane[:, :3], linear) + plane[:, 3] for plane in planes]
    share = np.clip((np.stack(seen, -1) - LOW) / (HIGH - LOW), 0, 1)
    share /= np.maximum(share.sum(-1, keepdims=True), 1)
    return np.concatenate([1 - share.sum(-1, keepdims=True), share], -1)


def _enlarge(values: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """The part of a map on the small picture that lies in a box of the photo, each pixel as its nearest one there."""
    x, y, w, h = box
    step_x, step_y = values.shape[1] / size[1], values.shape[0] / size[0]
    where = np.array([[step_x, 0, (x + 0.5) * step_x - 0.5], [0, step_y, (y + 0.5) * step_y - 0.5]])
    return cv2.warpAffine(
        values, where, (w, h), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
