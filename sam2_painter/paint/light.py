"""What a photo tells about the light on a wall: old paint, white, the light's colour, bare brick.

All of it is read off a small picture, in linear light, from statistics of the whole wall and never from single pixels:
a leak of the mask onto sky or a window, glare and noise move them little.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..photos.images import fit
from ..types import Photo
from .old_paints import OldPaints, find_old_paints
from .srgb import ACROSS, LINEAR, LUMINANCE, WARM_COOL, log_chromaticity

USUAL_WHITE = 0.85  # linear light of a white wall, in a photo that shows nothing near white
WHITEST = 0.92  # paint reflects no more
TRIM_SEEN, TRIM_SURE = 0.012, 0.045  # of what is beside the wall: enough white to tell its brightness, and its colour
DAZZLING = 1.08  # linear light of white; trim that tells more stands in other light, and white paint would burn out
BLOWN = 0.05  # of the surroundings: with so much of them blown out, what is left tells nothing of how bright white is
BRIGHT = 0.45  # linear light: nothing darker is taken for white
TRIM = np.array([0.875, 0.86, 0.83], np.float32)  # linear colour of what is usually called white: trim, frames, sills
SWALLOWED = 0.05  # of the brightest channel: with so little of it a channel's hue is half believed
SAME_LIGHT = 0.7  # of the brightest part; what is darker stands in another light

# The brightest grains of a wall over what is around them: as bright as the brightest things is one with that much, in a
# dark photo and in a light one, where those may be lighter than it can show. Less and more is no grain.
SMOOTHEST, DARK_GRAIN, LIGHT_GRAIN, ROUGHEST = 1.05, 1.085, 1.18, 1.33
SLANT = 1.4  # by this power of it is the wall darker
DARK_PHOTO, LIGHT_PHOTO = 0.8, 0.9  # linear light of the brightest things

WARMER = 0.1  # the wall is read where it is brightest, in the sun; what seems warmer than that is another paint
BROAD, TELLING = 0.2, 0.1  # of the wall, and of the main paint's luminance: such another paint tells of the light, too
BRIGHTEST = 1.1  # linear light; no paint is as bright

TINT_FLOOR = 0.001  # linear light; below it a channel says nothing about the light's colour

AROUND = 32  # pixels of the small picture: what lies farther from a wall tells nothing of the light on it
PROXY = 512  # parameters are read off a picture of at most this many pixels a side


@dataclass(frozen=True, eq=False)
class Light:
    """How a wall is lit, read off a small picture of it.

    paint: (3,) linear light of the old paint, the main one of several, where it is well lit. white: (3,) linear light
    of a white wall there. tint: (h, w, 3) colour of the light across the whole photo, compared with there; luminance 1.
    bare, stain: see `_bareness`. old: the several paints, None where the wall has one.
    """

    paint: np.ndarray
    white: np.ndarray
    tint: np.ndarray
    bare: float
    stain: np.ndarray
    old: OldPaints | None

    @property
    def paints(self) -> np.ndarray:
        """(N, 3) linear light of each old paint where well lit, the main one first."""
        return self.paint[None] if self.old is None else (self.paint * self.old.ratio).astype(np.float32)

    def shade(self, linear: np.ndarray) -> np.ndarray:
        """(h, w) float32: the light on pixels of linear light (h, w, 3), 1 where as bright as the main paint."""
        return cv2.transform(linear, (self.paint / (self.paint @ self.paint)).reshape(1, 3).astype(np.float32))


def read_light(photo: Photo, crop: np.ndarray, box: tuple[int, int, int, int]) -> Light:
    """Old paints, light level and colour of the light on the wall under a mask, from a small picture of the photo.

    crop: (h, w) bool, the mask in a box (XYWH) of the photo.
    """
    x, y, w, h = box
    codes = shrink(photo.pixels)
    mask = np.zeros(photo.size, np.uint8)
    mask[y : y + h, x : x + w] = crop.view(np.uint8) * np.uint8(255)
    return read_small(codes, shrink(mask))


def read_small(codes: np.ndarray, mask: np.ndarray) -> Light:
    """`read_light` of a small picture, (h, w, 3) uint8, and its mask, (h, w) uint8, 255 inside."""
    linear = cv2.LUT(codes, LINEAR.reshape(1, 256, 1))
    old = find_old_paints(linear, mask)
    near = _Near.of(mask)
    if old is None:
        paint = _old_paint(near.part(codes), near.part(linear), near.part(mask))
        bare, stain = _bareness(near.part(linear), near.part(mask))
        white = _white_light(codes, linear, mask, paint, near, bare)
        return Light(paint, white, _tint(linear, mask, paint, near), bare, stain, None)
    # The old paint is read where the wall is lit best, on the main paint, a brighter one or a broad one: should a
    # sunlit part be taken for another paint by mistake, too little is divided out, and the sun is found all the same. A
    # small darker one, such as a shop, would add little but what is no wall; and where a broad one comes out brighter
    # than white can be, it is not what it was taken for.
    even = old.evened(linear)
    luminance = old.ratio @ LUMINANCE
    brighter, broad = luminance >= 0.99, (old.area >= BROAD) & (luminance >= TELLING)
    for chosen in (brighter | broad, brighter):
        best = np.where(chosen[old.places.which], mask, 0).astype(np.uint8)
        paint = _old_paint(near.part(codes), near.part(even), near.part(best))
        if paint.max() < BRIGHTEST:
            break
    main = np.where(old.places.which == 0, mask, 0).astype(np.uint8)
    beside = np.where((main == 0) & (mask > 5), np.uint8(128), main)  # other paints are neither wall nor surroundings
    bare, stain = _bareness(near.part(linear), near.part(main))
    white = _half_cast(_white_light(codes, linear, beside, paint, near, bare))
    return Light(paint, white, _tint(even, mask, paint, near), bare, stain, old)


@dataclass(frozen=True)
class _Near:
    """A wall's box in the small picture with `AROUND` pixels around it: first and last + 1 of rows and of columns."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def of(cls, mask: np.ndarray) -> _Near:
        x, y, w, h = cv2.boundingRect(mask)
        return cls(
            max(0, y - AROUND),
            min(mask.shape[0], y + h + AROUND),
            max(0, x - AROUND),
            min(mask.shape[1], x + w + AROUND),
        )

    def part(self, values: np.ndarray) -> np.ndarray:
        """What lies in it."""
        return np.ascontiguousarray(values[self.top : self.bottom, self.left : self.right])

    def spread(self, part: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(H, W, ...) of the whole small picture: `part`, and around it what is at its edge."""
        above, below = self.top, size[0] - self.bottom
        return cv2.copyMakeBorder(part, above, below, self.left, size[1] - self.right, cv2.BORDER_REPLICATE)


def _half_cast(white: np.ndarray) -> np.ndarray:
    """White light half as coloured: beside one paint of several there is less to read a cast from."""
    level = white @ LUMINANCE
    cast = np.sqrt(white / level)
    return (level * cast / (cast @ LUMINANCE)).astype(np.float32)


def shrink(pixels: np.ndarray) -> np.ndarray:
    """The picture shrunk to `PROXY`. Halving first is the same area average, and three times as fast."""
    while min(pixels.shape[:2]) > 2 * PROXY and not (pixels.shape[0] % 2 or pixels.shape[1] % 2):
        pixels = cv2.resize(pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return fit(pixels, PROXY)


def erode(mask: np.ndarray, radius: int) -> np.ndarray:
    """A 0/1 uint8 mask without its outer `radius` pixels; the photo's own frame is no border."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.erode(mask, disc, borderType=cv2.BORDER_CONSTANT, borderValue=1)


def _mean_inside(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean of values, (h, w) or (h, w, C), of those with weight (h, w) only."""
    less = int(max(1, sigma // 3))  # a broad one is made at a smaller size
    size = tuple(-(-side // less) for side in weight.shape[::-1])
    deep = values.ndim == 3
    sums, norm = cv2.multiply(values, cv2.merge([weight] * values.shape[2]) if deep else weight), weight
    if less > 1:
        sums, norm = (cv2.resize(v, size, interpolation=cv2.INTER_AREA) for v in (sums, norm))
    sums, norm = (cv2.GaussianBlur(v, (0, 0), sigma / less) for v in (sums, norm))
    mean: np.ndarray = sums / ((norm[..., None] if deep else norm) + 1e-4)
    return mean if less == 1 else cv2.resize(mean, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _old_paint(small: np.ndarray, linear: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(3,) linear: the wall's colour where it is well lit.

    The brightest tenth is sun; the very brightest is glare, clipped or no wall at all. So the mean of the band from the
    85th to the 95th percentile of luminance, over pixels that are surely wall: inside the border, not clipped, texture
    smoothed away, and of the hue of the others (sun and sky may differ along the axis from warm to cool). Where the
    sunlit part is so small that the band reaches into the shade, only its bright end counts.
    """
    core = erode((mask > 250).view(np.uint8), 3)
    if core.sum() < 200:
        core = (mask > 250).view(np.uint8)
    if core.sum() < 20:
        core = (mask >= min(127, int(mask.max()))).view(np.uint8)
    smooth = _mean_inside(linear, core.astype(np.float32), 6)
    inside = core > 0
    unclipped = inside & (small.max(-1) < 250)
    if unclipped.sum() > 0.3 * inside.sum():
        inside = unclipped
    wall = smooth[inside]
    # Compared with what the usual colour would be as bright as the pixel is: the floor that keeps noise out of dark
    # hues must not tell the sunlit corner of a dark wall from its shade.
    usual = np.maximum(np.median(wall, 0), 1e-5)
    as_bright = (wall @ LUMINANCE)[:, None] * (usual / (usual @ LUMINANCE))
    hue = log_chromaticity(wall + 0.004) - log_chromaticity(as_bright + 0.004)
    hue -= np.median(hue, 0)
    # A channel that the paint next to swallows holds flare and the camera's own colours rather than the wall's hue.
    hue *= (usual / (usual + SWALLOWED * usual.max())).min()
    along, across = hue @ WARM_COOL, hue @ ACROSS
    same = (along > -0.4) & (along < 0.8) & (np.abs(across) < 0.25)
    if same.mean() > 0.6:
        wall = wall[same]
    luminance = wall @ LUMINANCE
    # The band's ends are pixels of the wall, so that it is never empty.
    low, high = np.percentile(luminance, 85, method="lower"), np.percentile(luminance, 95, method="higher")
    low = max(low, SAME_LIGHT * high)
    paint: np.ndarray = np.maximum(wall[(luminance >= low) & (luminance <= high)].mean(0), 1e-4)
    return paint.astype(np.float32)


def _white_light(
    codes: np.ndarray, whole: np.ndarray, outside: np.ndarray, paint: np.ndarray, part: _Near, bare: float
) -> np.ndarray:
    """(3,) linear light of a white wall where `paint` was read.

    What stands beside the wall in the same light tells: trim, frames and sills are often white. Their ratio to the wall
    next to them, where it is about that of white, gives how bright white is and how coloured the light: the more of it
    there is, the more it is believed. Failing that, the light is taken for neutral, and the brightest things of the
    photo tell how bright white is (`_brightest`). No paint is whiter than `WHITEST`.

    codes, whole, outside: the small picture, its linear light and its mask; part: where the wall is; bare: how surely
    its grain is that of bare brick, and no light.
    """
    small, linear, mask = part.part(codes), part.part(whole), part.part(outside)
    unclipped = small.max(-1) < 250
    shade = linear @ (paint / (paint @ paint))
    core = erode((mask > 250).view(np.uint8), 3).astype(np.float32)
    beside, square = cv2.split(_mean_inside(cv2.merge([shade, shade * shade]), core, 6))
    even = square - beside * beside < (0.25 * beside) ** 2  # no edge of a shadow
    near = cv2.GaussianBlur(core, (0, 0), 6) > 0.02
    near &= (erode((mask < 6).view(np.uint8), 1) > 0) & unclipped & even & (beside > 0.1)
    ratio = linear[near] / beside[near][:, None]
    luminance = ratio @ LUMINANCE
    red, blue = (ratio[:, v] / np.maximum(ratio[:, 1], 1e-4) for v in (0, 2))
    # Sky is bluer and brighter than any white wall.
    white = (luminance > 0.5) & (luminance < 1.3) & (red > 0.85) & (red < 1.25) & (blue > 0.65) & (blue < 1.15)
    seen = np.count_nonzero(white)
    least, enough = max(40, TRIM_SEEN * len(luminance)), TRIM_SURE * len(luminance)
    brightness, cast, believed = 1.0, np.ones(3), 0.0
    if seen >= least:
        low, high = np.percentile(luminance[white], [50, 80])
        trim = ratio[white & (luminance >= low) & (luminance <= high)].mean(0) / TRIM
        brightness = float(np.clip(trim @ LUMINANCE, 0.6, DAZZLING if seen >= enough else 1))
        cast = trim / (trim @ LUMINANCE)
        # A lit room or yellow leaves pass for white trim in warm light. But light that makes the paint more colourful
        # than it looks is unlikely.
        colourful = np.linalg.norm(log_chromaticity(paint / cast)) > np.linalg.norm(log_chromaticity(paint))
        believed = float(np.clip((seen / len(luminance) - TRIM_SEEN) / (TRIM_SURE - TRIM_SEEN), 0, 1))
        cast = np.ones(3) if colourful else cast**believed
        cast = cast / (cast @ LUMINANCE)
    if believed < 1:
        otherwise = _brightest(codes, whole, outside, _grain(shade, beside, core), bare)
        brightness = brightness**believed * otherwise ** (1 - believed)
    brightness = min(1.2, max(brightness, float(paint.max()) / WHITEST))
    light: np.ndarray = brightness * cast
    return light.astype(np.float32)


def _brightest(codes: np.ndarray, whole: np.ndarray, outside: np.ndarray, grain: float, bare: float) -> float:
    """Linear light of a white wall, told by the brightest things there are.

    A photo of which nothing is blown out shows white as no brighter than those. They face the light. The rougher a wall
    looks, the more slanting is the light on it, and the darker is it than they are; a smooth one may be brighter.

    codes, whole, outside: as in `_white_light`; grain: `_grain` of the wall; bare: how surely that is no light.
    """
    brightness = USUAL_WHITE
    around = outside < 6
    clear = around & (codes.min(-1) < 250)  # sky with one channel at its end still tells
    if clear.sum() > 0.01 * clear.size:
        brightest = float(np.percentile(cv2.transform(whole, LUMINANCE.reshape(1, 3))[clear], 99)) / 0.9
        if np.count_nonzero(clear) < (1 - BLOWN) * np.count_nonzero(around):
            brightness = float(np.clip(brightest, USUAL_WHITE, 1))
        elif brightest > BRIGHT:
            brightness = float(np.clip(brightest, 0.5, 1))
    usual = float(np.interp(brightness, (DARK_PHOTO, LIGHT_PHOTO), (DARK_GRAIN, LIGHT_GRAIN)))
    slant = float(np.clip(grain, SMOOTHEST, ROUGHEST)) / usual
    return min(1.0, float(brightness / slant ** (SLANT * (1 - bare))))


def _grain(shade: np.ndarray, usual: np.ndarray, core: np.ndarray) -> float:
    """By how much the brightest grains of a well lit wall are brighter than what is close around them.

    shade: (h, w) light on it, 1 where it is well lit; usual: the broad mean around each; core: above 0 in the wall.
    """
    lit = (core > 0) & (abs(usual - 1) < 0.15)
    if np.count_nonzero(lit) < 40:
        return DARK_GRAIN
    around = _mean_inside(shade, core, 2)  # so close that patches of sun between leaves are no grain
    return float(np.percentile(shade[lit] / around[lit], 95))


def _bareness(linear: np.ndarray, mask: np.ndarray) -> tuple[float, np.ndarray]:
    """Whether the wall is bare brick, in [0, 1], and (3,) weights of ln red, green, blue that tell its stain.

    On a painted wall only light differs from pixel to pixel, and light differs along the axis from warm to cool. Bare
    bricks differ from their mortar across it: the greyer, the lighter. Where that explains much of the wall's fine
    contrast, it is not light, and new paint would cover it.
    """
    core = erode((mask > 250).view(np.uint8), 3)
    if core.sum() < 200:
        return 0.0, np.zeros(3, np.float32)
    logs = np.log(linear + 0.004)
    detail = (logs - _mean_inside(logs, core.astype(np.float32), 6))[core > 0]
    luminance = detail @ LUMINANCE
    hue = (detail[:, 0] - detail[:, 1]) * ACROSS[0] + (detail[:, 2] - detail[:, 1]) * ACROSS[1]
    slope = float((luminance * hue).mean() / ((hue * hue).mean() + 1e-4))
    spread = float(hue.std())
    bare = np.clip((-slope * spread - 0.11) / 0.03, 0, 1) * np.clip((spread - 0.06) / 0.03, 0, 1)
    return float(bare), slope * np.array([ACROSS[0], -ACROSS.sum(), ACROSS[1]], np.float32)


def _tint(whole: np.ndarray, outside: np.ndarray, paint: np.ndarray, part: _Near) -> np.ndarray:
    """(h, w, 3) float32: the light's colour, luminance 1: where the wall is warmer or cooler than where it was read.

    whole, outside: linear light and mask of the small picture; part: where the wall is.
    """
    linear, mask = part.part(whole), part.part(outside)
    core = erode((mask > 250).view(np.uint8), 5).astype(np.float32)
    wall = _mean_inside(linear, core, 2)
    shade = wall @ (paint / (paint @ paint))
    hue = log_chromaticity((wall + TINT_FLOOR) / (shade[..., None] * paint + TINT_FLOOR))
    along, across = hue @ WARM_COOL, np.abs(hue @ ACROSS)
    weight = core * (shade > 0.02) * (np.abs(along) < 0.5) * (across < 0.15)  # else it is another paint
    # Old paint with next to none of a channel reflects next to nothing of it.
    trust = float((paint / (paint + 8 * TINT_FLOOR))[[0, 2]] @ WARM_COOL**2)
    along = np.minimum(along, WARMER)
    along = _mean_inside((along * trust).astype(np.float32), weight.astype(np.float32), 16)[..., None]
    tint = np.exp(along * np.array([WARM_COOL[0], 0, WARM_COOL[1]], np.float32))
    return part.spread(tint / (tint @ LUMINANCE)[..., None], outside.shape)
