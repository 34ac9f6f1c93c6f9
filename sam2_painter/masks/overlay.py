"""Pictures of masks that are only looked at, never downloaded: outlines in notebooks, thumbnails, the label map.

They are as large as a screen shows them, and take a few kilobytes, whatever the photo's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from ..photos.images import encode
from ..rle import RLE, rle_to_mask
from ..types import Mask, fit_size, number, whole_number
from .operations import label_map, sample_rle

Color = tuple[int, int, int]
_LEAST_SIDE = 96  # of the photo around a thumbnail's mask: a door knob alone tells nothing


def outline_png(
    rle: RLE, max_side: int, color: Color = (255, 255, 255), width: int = 2, alpha: float = 0.0, halo: Color = (0, 0, 0)
) -> bytes:
    """A PNG of the photo at most max_side long, transparent but for a line of `width` pixels along the inside of the
    mask, and a `halo` of one pixel outside: of the two one shows on any photo.

    alpha: of a tint of `color` inside the line, 0 to 1. Raises InvalidInput for values out of range.
    """
    import cv2

    width, alpha = whole_number(width, "width", 1, 64), number(alpha, "alpha", 0, 1)
    shown = rle_to_mask(sample_rle(rle, fit_size(rle.size, max_side))).view(np.uint8)
    square = np.ones((3, 3), np.uint8)
    # Beyond the photo's edge counts as mask: a wall that is cut off by the frame has no outline there.
    inner = cv2.erode(shown, square, iterations=width, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    levels = shown * 2 - inner  # 1 tint, 2 line
    levels[(cv2.dilate(shown, square) > 0) & (shown == 0)] = 3
    return _palette_png(levels, [color, color, halo], [alpha, 1.0, 0.5])


def _palette_png(levels: np.ndarray, colors: Sequence[Color], alphas: Sequence[float]) -> bytes:
    """(H, W) uint8 levels of 0 to 3 as a PNG: level 0 transparent, level i + 1 colour i."""
    if any(len(color) != 3 for color in colors):
        raise InvalidInput("color must be (red, green, blue)", "color")
    image = Image.fromarray(levels)
    image.putpalette([0, 0, 0, *(whole_number(v, "color", 0, 255) for color in colors for v in color)])
    out = BytesIO()
    transparency = bytes([0, *(round(255 * alpha) for alpha in alphas)])
    image.save(out, "PNG", bits=2, transparency=transparency, compress_level=6)
    return out.getvalue()


def thumbnail(photo_small: np.ndarray, mask: Mask, max_side: int = 160, quality: int = 85) -> bytes:
    """A JPEG for the gallery: the mask as it is in the photo, all around it dimmed, with some of the surroundings.

    photo_small: (h, w, 3) uint8, the photo at any size, made once for all thumbnails of it.
    """
    import cv2

    height, width = photo_small.shape[:2]
    scale_x, scale_y = width / mask.size[1], height / mask.size[0]
    x, y, w, h = mask.bbox
    longer = max(w * scale_x, h * scale_y)
    margin = max(0.12 * longer, (_LEAST_SIDE - longer) / 2)
    left, top = max(0, int(x * scale_x - margin)), max(0, int(y * scale_y - margin))
    right, bottom = min(width, int((x + w) * scale_x + margin) + 1), min(height, int((y + h) * scale_y + margin) + 1)
    pixels = photo_small[top:bottom, left:right]
    h, w = fit_size(pixels.shape[:2], max_side)
    step = max(1, (right - left) // (2 * w))  # two samples a pixel are enough, and much cheaper than all
    pixels = cv2.resize(pixels[::step, ::step], (w, h), interpolation=cv2.INTER_AREA)
    # The whole mask at that scale too, and of it the part looked at.
    scale = 2 * w / (right - left)
    inside = rle_to_mask(sample_rle(mask.rle, (max(1, round(height * scale)), max(1, round(width * scale)))))
    inside = inside[round(top * scale) : round(bottom * scale) or 1, round(left * scale) : round(right * scale) or 1]
    cover = cv2.resize(inside.view(np.uint8) * np.uint8(255), (w, h), interpolation=cv2.INTER_AREA)
    dimmed = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) // 4 + 20
    share = cover[..., None].astype(np.uint16)
    mixed = (pixels * share + dimmed * (255 - share) + 127) // 255
    return encode(mixed.astype(np.uint8), "JPEG", quality)


def label_map_png(masks: Sequence[Mask], size_hw: tuple[int, int], max_side: int) -> bytes:
    """`label_map` as an opaque RGB PNG that a canvas can read: label = red + 256 * green, 0 for no mask."""
    labels = label_map(masks, size_hw, max_side)
    return encode(np.stack([labels & 255, labels >> 8, np.zeros_like(labels)], -1).astype(np.uint8), "PNG")
