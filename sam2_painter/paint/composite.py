"""A photo and its layers of paint -> the picture. What is seen is what is downloaded: there is one `composite`.

Pure and deterministic. A picture is always painted from the photo, never from an earlier picture; later layers cover
earlier ones. What the photo has to say about a wall is in its `Surface`, found once; a colour is then one look-up
table of 256 entries a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from ..errors import InvalidInput
from ..masks.boxes import Box
from ..photos.images import fit
from ..rle import RLE
from ..types import Layer, Photo, fit_size
from .srgb import LINEAR, linear_to_srgb
from .surface import WHITE_WALL_LIGHT, Border, OldPaint, Surface, analyse, reach_box, scale_box
from .ties import tied_walls

Analyse = Callable[..., Surface]
"""`analyse`, or one that remembers its answers by (photo.digest, rle, max_side) and, where layers are tied, the fourth
argument `wall`; `Surface.nbytes` is what one costs."""

STRIP = 64  # rows painted at a time


def composite(
    photo: Photo, layers: Sequence[Layer], *, analyse: Analyse = analyse, max_side: int | None = None
) -> np.ndarray:
    """The painted photo, (H, W, 3) uint8 RGB, a new array.

    Layers are painted in their order; invisible ones and those of opacity 0 change nothing. Pixels outside every mask
    stay bit-identical, but for those at its very border that are partly wall. With `max_side` the picture is made at
    that size, and equals the full one shrunk, within rounding. Raises InvalidInput when a mask is not of the photo's
    size.
    """
    base = photo.pixels if max_side is None else fit(photo.pixels, max_side)
    picture = base.copy()
    repaint(picture, base, photo, layers, analyse=analyse, max_side=max_side)
    return picture


def repaint(
    picture: np.ndarray,
    base: np.ndarray,
    photo: Photo,
    layers: Sequence[Layer],
    box: Box | None = None,
    *,
    analyse: Analyse = analyse,
    max_side: int | None = None,
) -> None:
    """Paint `layers` anew into one box of `picture`, in place: after it, that box is as `composite` makes it.

    picture: (H, W, 3) uint8, writable, C-contiguous; where `box` (XYWH of the picture, None for all of it) does not
    reach, it is left alone. base: the photo's own pixels at the picture's size (`images.fit`).
    """
    x, y, w, h = box or (0, 0, base.shape[1], base.shape[0])
    part = np.s_[y : y + h, x : x + w]
    picture[part] = base[part]
    painted: list[tuple[RLE, Box]] = []
    for layer, wall in zip(layers, tied_walls(layers), strict=True):
        if _shows(layer):
            rle = layer.mask.rle
            surface = analyse(photo, rle, max_side) if wall is None else analyse(photo, rle, max_side, wall)
            # Paint on the very same mask lies wholly under this layer: what shines through at the border is the photo.
            others = [other for mask, other in painted if all(_overlap(surface.box, other)[2:]) and mask != rle]
            _cover(picture, base, surface, layer, (x, y, w, h), fresh=not others)
            painted.append((rle, surface.box))


def changed_box(before: Sequence[Layer], after: Sequence[Layer], size: tuple[int, int], max_side: int | None) -> Box:
    """The part of the picture that differs between two lists of layers; (0, 0, 0, 0) for none of it.

    size: (H, W) of the photo. Only boxes are compared, so it may be larger than what really differs.
    """
    old, new = _showing(before), _showing(after)
    same = 0
    while same < min(len(old), len(new)) and _paints_alike(old[same], new[same]):
        same += 1
    tail = 0
    while tail < min(len(old), len(new)) - same and _paints_alike(old[-1 - tail], new[-1 - tail]):
        tail += 1
    changed = old[same : len(old) - tail] + new[same : len(new) - tail]
    boxes = [layer.mask.bbox for layer, _ in changed if layer.mask.area]
    if not boxes:
        return (0, 0, 0, 0)
    x, y = min(b[0] for b in boxes), min(b[1] for b in boxes)
    right, bottom = max(b[0] + b[2] for b in boxes), max(b[1] + b[3] for b in boxes)
    box = reach_box((x, y, right - x, bottom - y), size)
    return box if max_side is None else scale_box(box, size, fit_size(size, max_side))


def _shows(layer: Layer) -> bool:
    return layer.visible and layer.opacity > 0


def _showing(layers: Sequence[Layer]) -> list[tuple[Layer, RLE | None]]:
    """The layers that show, each with the wall it is tied to."""
    return [pair for pair in zip(layers, tied_walls(layers), strict=True) if _shows(pair[0])]


def _paints_alike(one: tuple[Layer, RLE | None], other: tuple[Layer, RLE | None]) -> bool:
    look = ("color", "opacity", "mode", "light", "shadow")
    same = all(getattr(one[0], v) == getattr(other[0], v) for v in look)
    return same and one[0].mask.rle == other[0].mask.rle and one[1] == other[1]


def _overlap(one: Box, other: Box) -> Box:
    """What two boxes share; width or height 0 when nothing."""
    x, y = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[0] + one[2], other[0] + other[2]), min(one[1] + one[3], other[1] + other[3])
    return (x, y, max(0, right - x), max(0, bottom - y))


def _cover(picture: np.ndarray, base: np.ndarray, surface: Surface, layer: Layer, box: Box, fresh: bool) -> None:
    """Put one layer's paint on `picture`, in place, inside `box`. fresh: no paint of another mask is under it."""
    x, y, w, h = _overlap(surface.box, box)
    if not w or not h:
        return
    border = surface.border
    if (x, y, w, h) != surface.box:
        border = border.within((x, y, w, h), base.shape[1])
    _cover_border(picture, base, border, layer, fresh)
    for top in range(y, y + h, STRIP):  # a strip stays in the processor's cache
        here = np.s_[top : min(top + STRIP, y + h), x : x + w]
        there = np.s_[top - surface.box[1] : here[0].stop - surface.box[1], x - surface.box[0] : x + w - surface.box[0]]
        paint, before = _paint(surface.white[there], base[here], layer), picture[here]
        if layer.opacity < 1:
            paint = cv2.addWeighted(before, 1 - layer.opacity, paint, layer.opacity, 0)
        cv2.copyTo(paint, surface.whole[there], before)


def _cover_border(picture: np.ndarray, base: np.ndarray, border: Border, layer: Layer, fresh: bool) -> None:
    """The pixels that are only partly wall, in place: what the rest gives them stays, the wall's share is painted."""
    if not len(border.at):
        return
    before, photo = _gather(picture, border), _gather(base, border)
    paint = _paint(border.white[None], photo[None], layer)[0]
    through = cv2.multiply(before, 255 - border.share, scale=1 / 255)
    if layer.mode != "multiply":  # it keeps the old colour, so there is no old rim to take away
        untouched = fresh or (before == photo).all(-1, keepdims=True)
        through = np.where(untouched, border.rest, through)
    mixed = cv2.add(through, cv2.multiply(paint, border.share, scale=1 / 255))
    if layer.opacity < 1:
        mixed = cv2.addWeighted(before, 1 - layer.opacity, mixed, layer.opacity, 0)
    _pixels(picture)[border.at] = _pixels(mixed)


def _pixels(picture: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 seen as one row of three bytes each: NumPy moves those twice as fast."""
    return picture.view("V3").reshape(-1)


def _gather(picture: np.ndarray, border: Border) -> np.ndarray:
    """(N, 3) uint8: the picture at the border's pixels."""
    codes: np.ndarray = _pixels(picture)[border.at].view(np.uint8)
    return codes.reshape(-1, 3)


def _paint(white: np.ndarray, photo: np.ndarray, layer: Layer) -> np.ndarray:
    """(h, w, 3) uint8: the wall wholly covered with the layer's paint."""
    color = LINEAR[list(layer.color)].astype(np.float64)
    if layer.mode == "flat":
        flat = np.round(255 * linear_to_srgb(np.minimum(color * layer.light, 1)))
        return np.broadcast_to(flat.astype(np.uint8), white.shape).copy()
    if layer.mode == "multiply":
        light = layer.light * (np.arange(256) / 255) ** layer.shadow
        table = np.minimum(light[:, None] * np.array(layer.color), 255)
        return cv2.LUT(photo, np.round(table).astype(np.uint8).reshape(1, 256, 3))
    return cv2.LUT(white, _table(color, layer.light, layer.shadow).reshape(1, 256, 3))


def _table(color: np.ndarray, light: float, shadow: float) -> np.ndarray:
    """(256, 3) uint8: code of the white wall -> sRGB of the painted one; highlights roll off softly, none clips."""
    glow = light * WHITE_WALL_LIGHT[:, None] ** shadow * color
    knee = 0.85
    rolled = knee + (1 - knee) * (1 - np.exp(-(np.maximum(glow, knee) - knee) / (1 - knee)))
    return np.round(255 * linear_to_srgb(np.where(glow <= knee, glow, rolled))).astype(np.uint8)


def white_wall(
    photo: Photo, rle: RLE, max_side: int | None = None, *, analyse: Analyse = analyse
) -> tuple[np.ndarray, Box]:
    """What a browser needs to recolour a wall alone: the wall were it white, and where it lies.

    Returns (h, w, 4) uint8 sRGB with coverage as alpha, and its box (XYWH) in the photo shrunk to `max_side`. The
    paint multiplied with it is the realistic picture within a few codes, ready at once; `composite` then is exact.
    """
    surface = analyse(photo, rle, max_side)
    table = np.round(255 * linear_to_srgb(np.minimum(WHITE_WALL_LIGHT, 1))).astype(np.uint8)
    return cv2.merge([*cv2.split(table[surface.white]), surface.coverage]), surface.box


def wall_color(photo: Photo, rle: RLE, *, analyse: Analyse = analyse) -> tuple[int, int, int]:
    """RGB of the paint that is on the wall now, the main one of several: the first of `wall_paints`."""
    return wall_paints(photo, rle, analyse=analyse)[0].rgb


def wall_paints(photo: Photo, rle: RLE, *, analyse: Analyse = analyse) -> tuple[OldPaint, ...]:
    """The paints that are on the wall now, the main one first, with the share of the mask that each covers.

    Each is as its tin would show it: shadow, texture and exposure taken out. Painting a wall with its own paint at
    light 1 leaves it about as it is. Raises InvalidInput for an empty mask.
    """
    if not rle.area:
        raise InvalidInput("the mask is empty: there is no wall under it", "mask")
    return analyse(photo, rle, None).paints


def color_at(photo: Photo, x: float, y: float) -> tuple[int, int, int]:
    """The eyedropper: mean RGB (in linear light) of the 5x5 pixels around (x, y), more in photos above 1000 pixels.

    Raises InvalidInput when the point is outside the photo.
    """
    height, width = photo.size
    if not (0 <= x < width and 0 <= y < height):
        raise InvalidInput(f"point ({x:g}, {y:g}) is outside the {width}x{height} photo", "point")
    reach = max(2, round(max(photo.size) / 500))
    x, y = int(x), int(y)
    near = photo.pixels[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    mean = LINEAR[near.reshape(-1, 3)].mean(0, dtype=np.float64)
    red, green, blue = (int(v) for v in np.round(255 * linear_to_srgb(mean)))
    return red, green, blue
