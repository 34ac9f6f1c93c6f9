"""What a wall would look like if it were perfectly white: the part of painting that needs the photo.

`analyse` splits a photographed wall into its old paint and everything else (light, shadow, texture, coloured light)
and keeps the everything else: the white wall. It is done once per photo and mask; after that a colour is one look-up
table (see `paint`). The old paint is taken from the best-lit part of the wall, in linear light; what remains when it
is divided out is light.

A mask may hold several old paints (`old_paints`). Layers are not taken together by themselves, also not those of the
same new colour: their walls may have had different paint, and a layer must look the same whatever colour another is
given. Those that are tied (`ties`) are read as one wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from ..errors import InvalidInput
from ..masks.boxes import Box, grow_box, pixels_in
from ..rle import RLE
from ..types import Photo, fit_size
from .filters import enlarged, smoothing
from .light import Light, erode, read_light
from .matte import BEYOND, pixels_of, soft_border, surroundings
from .plaster import Plaster
from .srgb import LINEAR, LUMINANCE, linear_to_srgb

HEADROOM = 1.6  # the white wall is kept up to this much brighter than white: sunlit spots on a shaded wall

STRIP = 256  # rows worked on at a time: 12 megapixels of floats never lie in memory at once
MARGIN = 16  # rows a strip looks beyond its own
BESIDE = 7  # pixels: the side of the square around a border pixel in which the whole wall tells the light on it


WHITE_WALL_LIGHT = HEADROOM * (np.arange(256) / 255) ** 2  # (256,) light that each code of `Surface.white` stands for


@dataclass(frozen=True, eq=False)
class Border:
    """The N pixels of a surface that are partly wall.

    at: (N,) int64, where they are in the picture, counted row by row. white: (N, 3) uint8, as `Surface.white`. share:
    (N, 3) uint8, coverage, the same for red, green and blue. rest: (N, 3) uint8, as `Surface.rest`.
    """

    at: np.ndarray
    white: np.ndarray
    share: np.ndarray
    rest: np.ndarray

    def within(self, box: Box, width: int) -> Border:
        """The ones in a box (XYWH) of the picture, which is `width` pixels wide."""
        x, y, w, h = box
        rows, columns = np.divmod(self.at, width)
        here = (rows >= y) & (rows < y + h) & (columns >= x) & (columns < x + w)
        return Border(self.at[here], self.white[here], self.share[here], self.rest[here])


BORDER_BYTES = 8 + 3 + 3  # per pixel, beside what the surface has anyway


@dataclass(frozen=True)
class OldPaint:
    """A paint that is on the wall now: rgb in white light, as its tin would show it; its share of the mask, 0 to 1."""

    rgb: tuple[int, int, int]
    share: float


@dataclass(frozen=True, eq=False)
class Surface:
    """A wall ready for paint. Nothing in it depends on the new colour.

    size: (H, W) of the picture. box: XYWH of the wall in it. white: (h, w, 3) uint8, the wall were it white, as
    codes of `WHITE_WALL_LIGHT`. coverage: (h, w) uint8, 255 wall alone, 0 none. rest: (N, 3) uint8, what shines
    through at the N pixels of partial coverage. paints: what is on the wall now, the main paint first; empty for an
    empty mask.
    """

    size: tuple[int, int]
    box: Box
    white: np.ndarray
    coverage: np.ndarray
    rest: np.ndarray
    paints: tuple[OldPaint, ...]

    @cached_property
    def whole(self) -> np.ndarray:
        """(h, w) uint8: 255 where coverage is 255, else 0."""
        return cv2.inRange(self.coverage, 255, 255)

    @cached_property
    def soft(self) -> np.ndarray:
        """(N,) int32: the pixels of partial coverage, counted row by row in the box."""
        return np.flatnonzero((self.coverage > 0) & (self.coverage < 255)).astype(np.int32)

    @cached_property
    def border(self) -> Border:
        """What is known of the N pixels of partial coverage."""
        rows, columns = np.divmod(self.soft, np.int32(max(1, self.box[2])))
        at = (rows.astype(np.int64) + self.box[1]) * self.size[1] + columns + self.box[0]
        share = np.repeat(self.coverage[rows, columns], 3).reshape(-1, 3)
        return Border(at, self.white[rows, columns], share, self.rest)

    @property
    def nbytes(self) -> int:
        """Bytes that keeping it costs, with what painting makes it remember."""
        return self.white.nbytes + 2 * self.coverage.nbytes + len(self.rest) * (3 + 4 + BORDER_BYTES)

    def fit(self, photo: Photo, size: tuple[int, int]) -> Surface:
        """The same surface in the photo resized to (H, W): an area average, not analysed anew.

        Painting it gives what `images.fit` would make of the painted photo, within rounding.
        """
        if size == self.size or not self.white.size:
            return replace(self, size=size)
        x, y, w, h = self.box
        left, right, x0, x1 = _aligned(x, w, self.size[1], size[1])
        top, bottom, y0, y1 = _aligned(y, h, self.size[0], size[0])
        pad = (y - top, bottom - y - h, x - left, right - x - w)
        behind = photo.pixels[top:bottom, left:right].copy()
        inside = behind[pad[0] : pad[0] + h, pad[2] : pad[2] + w]
        inside[self.coverage > 0] = 0
        inside[np.unravel_index(self.soft, self.coverage.shape)] = self.rest

        def shrink(values: np.ndarray) -> np.ndarray:
            return cv2.resize(values, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)

        def shrink_box(values: np.ndarray) -> np.ndarray:
            return shrink(cv2.copyMakeBorder(values, *pad, cv2.BORDER_CONSTANT, value=0))

        coverage = shrink_box(self.coverage)
        light = cv2.multiply(self.white, cv2.merge([self.coverage] * 3), scale=1 / 255)
        white = cv2.divide(shrink_box(light), cv2.merge([np.maximum(coverage, 1)] * 3), scale=255)
        soft = (coverage > 0) & (coverage < 255)
        return Surface(size, (x0, y0, x1 - x0, y1 - y0), white, coverage, shrink(behind)[soft], self.paints)


def scale_box(box: Box, size: tuple[int, int], to: tuple[int, int]) -> Box:
    """The XYWH box of a picture of `size` (H, W) in the same picture at size `to`: every pixel it touches."""
    x, y, w, h = box
    left, top = x * to[1] // size[1], y * to[0] // size[0]
    right, bottom = -(-(x + w) * to[1] // size[1]), -(-(y + h) * to[0] // size[0])
    return left, top, right - left, bottom - top


def _aligned(start: int, length: int, source: int, target: int) -> tuple[int, int, int, int]:
    """The smallest range around [start, start + length) of `source` pixels that is a whole range of `target` pixels.

    Returns both ranges: first and last + 1 in the source, first and last + 1 in the target.
    """
    step = source // math.gcd(source, target)  # after so many source pixels the two grids meet again
    first, last = start // step * step, min(source, -(-(start + length) // step) * step)
    return first, last, first * target // source, last * target // source


def analyse(photo: Photo, rle: RLE, max_side: int | None = None, wall: RLE | None = None) -> Surface:
    """The surface under a mask of the photo; with `max_side`, as it lies in the photo shrunk to that.

    wall: the mask of all that lies on the same old paint, which is then read from the whole; None for this mask alone.
    Raises InvalidInput when the mask is not of the photo's size.
    """
    if rle.size != photo.size:
        raise InvalidInput(
            f"the mask is {rle.size[1]}x{rle.size[0]} pixels, the photo {photo.size[1]}x{photo.size[0]}", "mask"
        )
    size = photo.size if max_side is None else fit_size(photo.size, max_side)
    if not rle.area:
        white, coverage, rest = (np.zeros(shape, np.uint8) for shape in ((0, 0, 3), (0, 0), (0, 3)))
        return Surface(size, (0, 0, 0, 0), white, coverage, rest, ())
    x, y, w, h = box = reach_box(rle.bbox, photo.size)
    crop = pixels_in(rle, box)
    radius = max(2, round(2 * max(photo.size) / 256))  # the masks of SAM are 256 pixels wide: two of theirs
    coverage = _coverage(photo, crop, box, radius)
    light = read_light(photo, crop, box) if wall is None else read_light(photo, wall.crop()[0], wall.bbox)
    white = _white_wall(photo, light, coverage, box)
    rest = surroundings(photo.pixels[y : y + h, x : x + w], coverage)
    surface = Surface(photo.size, box, white, coverage, rest, _old_paints(light))
    return surface.fit(photo, size)


def _old_paints(light: Light) -> tuple[OldPaint, ...]:
    """`Surface.paints`."""
    codes = np.round(255 * linear_to_srgb(np.minimum(light.paints / light.white, 1))).astype(int)
    areas = [1.0] if light.old is None else light.old.area
    return tuple(
        OldPaint((int(red), int(green), int(blue)), float(area))
        for (red, green, blue), area in zip(codes, areas, strict=True)
    )


def reach_box(box: Box, size: tuple[int, int]) -> Box:
    """The XYWH box of all that paint on a mask may touch, from the mask's own; size: (H, W) of the photo."""
    return grow_box(box, BEYOND, size)


def _coverage(photo: Photo, crop: np.ndarray, box: Box, radius: int) -> np.ndarray:
    """(h, w) uint8: `soft_border` of the mask, which is shown the photo a little beyond its box."""
    x, y, w, h = box
    height, width = photo.size
    top, bottom, left, right = min(y, radius), min(height - y - h, radius), min(x, radius), min(width - x - w, radius)
    wider = np.pad(crop, ((top, bottom), (left, right)))
    pixels = photo.pixels[y - top : y + h + bottom, x - left : x + w + right]
    return np.ascontiguousarray(soft_border(pixels, wider, radius)[top : top + h, left : left + w])


def _white_wall(photo: Photo, light: Light, coverage: np.ndarray, box: Box) -> np.ndarray:
    """(h, w, 3) uint8: `Surface.white` of a box of the photo."""
    x, y, w, h = box
    white = np.empty((h, w, 3), np.uint8)
    root = np.sqrt(light.tint * (light.white / HEADROOM)) * 255
    labels = None if light.old is None else light.old.places.labels(box, photo.size)
    plaster = None
    if light.bare > 0:
        own = coverage if labels is None else cv2.copyTo(coverage, cv2.inRange(labels[0], 0, 0))
        plaster = Plaster.of(photo, light, own, box)
    for top in range(0, h, STRIP):
        bottom = min(h, top + STRIP)
        first, last = max(0, top - MARGIN), min(h, bottom + MARGIN)
        rows = np.s_[first:last]
        strip = _Strip(photo, light, coverage[rows], (x, y + first, w, last - first))
        here = None if labels is None else (labels[0][rows], labels[1][rows])
        shade = strip.shade(here, plaster, first)[top - first : bottom - first]
        codes = enlarged(root, (x, y + top, w, bottom - top), photo.size)
        cv2.multiply(codes, cv2.merge([shade] * 3), white[top:bottom], dtype=cv2.CV_8U)
    return white


@dataclass(frozen=True, eq=False)
class _Strip:
    """Some rows of a wall's box. coverage: (h, w) uint8 of them; box: XYWH of them in the photo."""

    photo: Photo
    light: Light
    coverage: np.ndarray
    box: Box

    def shade(self, places: tuple[np.ndarray, np.ndarray] | None, plaster: Plaster | None, first: int) -> np.ndarray:
        """(h, w) float32: the square root of the light, 1 where it is as bright as where the old paint was read.

        places: `PaintMap.labels` of it, None where there is one paint. first: the strip's first row in the wall's box.
        """
        x, y, w, h = self.box
        pixels = self.photo.pixels[y : y + h, x : x + w]
        linear = cv2.LUT(pixels, LINEAR.reshape(1, 256, 1))
        if self.light.old is None or places is None or not cv2.countNonZero(places[0]):
            labels, shade = None, self.light.shade(linear)
        else:
            labels, old = places[0], self.light.old.places
            shade = old.light(linear, self.light.paints, places, self.coverage, self.box, self.photo.size)
        shade = cv2.sqrt(_without_rim(shade, self.coverage))
        if plaster is not None:
            plastered = plaster.over(shade, pixels, first)
            shade = plastered if labels is None else cv2.copyTo(plastered, cv2.inRange(labels, 0, 0), shade)
        return _denoised(shade, self.coverage, self.light.paints @ LUMINANCE, labels)


def _denoised(shade: np.ndarray, coverage: np.ndarray, brightness: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """`shade` (square root of light) with the photo's 8-bit and JPEG noise smoothed away where dark paint amplifies it.

    brightness: (N,) luminance of each old paint; below a fifth of white it is amplified more than 2.5 times. labels:
    (h, w) uint8, which paint each pixel has, None for the first.
    """
    strength = np.clip(np.log(0.2 / brightness) / np.log(8), 0, 1).astype(np.float32)
    codes = 2.2 + 2.2 * np.clip(np.log(0.06 / brightness) / np.log(4), 0, 1)  # near black a sensor's own noise shows
    noise = (codes / 255 / np.sqrt(brightness)).astype(np.float32)
    seen = [0] if labels is None else [n for n in range(len(brightness)) if cv2.countNonZero(cv2.inRange(labels, n, n))]
    if strength[seen].max() <= 0.02:
        return shade
    mixed = strength[0] if labels is None else cv2.LUT(labels, np.resize(strength, 256))
    amplified = noise[0] if labels is None else cv2.LUT(labels, np.resize(noise, 256))
    smooth, offset = smoothing(shade, (coverage > 150).view(np.uint8), amplified, 3)
    smooth -= 1
    smooth *= shade
    smooth += offset
    smooth *= mixed
    smooth += shade
    return smooth


def _without_rim(shade: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """`shade` without what is beside the wall: a window frame mixed into its border is no light, a hedge no shadow.

    No whole pixel there is brighter than the wall further in, and one that is partly wall is lit as those next to it.
    """
    core = erode((coverage > 247).view(np.uint8), 2) * np.uint8(255)
    nearby = cv2.dilate(cv2.copyTo(cv2.blur(shade, (3, 3)), core), np.ones((11, 11), np.uint8))
    rows, columns = pixels_of(cv2.bitwise_and(cv2.inRange(coverage, 1, 255), cv2.bitwise_not(core)))
    most = nearby[rows, columns]
    own = shade[rows, columns]
    without = shade.copy()
    without[rows, columns] = np.where(most > 0, np.minimum(own, most), own)
    window = np.ones(BESIDE, np.float32)
    whole = cv2.inRange(coverage, 255, 255)
    beside = cv2.dilate(whole, np.ones((BESIDE, BESIDE), np.uint8))
    rows, columns = pixels_of(cv2.subtract(beside, whole))
    if len(rows):
        sums = cv2.sepFilter2D(cv2.copyTo(without, whole), -1, window, window)
        count = cv2.boxFilter((coverage == 255).view(np.uint8), -1, (BESIDE, BESIDE), normalize=False)
        without[rows, columns] = sums[rows, columns] / count[rows, columns]
    return without
