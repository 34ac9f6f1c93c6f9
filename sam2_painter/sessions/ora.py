"""OpenRaster: the photo and each painted wall as layers that GIMP, Krita and others open.

The format is a zip (openraster.org, baseline 0.0.3): `mimetype` first and not packed, `stack.xml` with the layers from
top to bottom, a PNG for each, `mergedimage.png` and a thumbnail. A wall's layer is clear wherever the wall is not: its
alpha is its mask, and the pixels beside it that its paint changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np

from ..rle import RLE, rle_to_mask
from ..types import fit_size
from .zips import check_packed, pack

MEDIA_TYPE = "image/openraster"
THUMBNAIL_SIDE = 256


@dataclass(frozen=True, eq=False)
class PaintedWall:
    """A wall as a layer. picture: (H, W, 3) uint8 RGB, everything up to and with this wall; before: the same without
    it."""

    name: str
    mask: RLE
    picture: np.ndarray
    before: np.ndarray
    visible: bool = True


def to_ora(photo: np.ndarray, walls: Iterable[PaintedWall], photo_name: str = "Photo") -> bytes:
    """An .ora file. photo: (H, W, 3) uint8 RGB. walls: from bottom to top. Shown together, its layers are the painted
    picture, pixel by pixel."""
    height, width = photo.shape[:2]
    merged = photo
    rows = [_row(photo_name, "data/photo.png", 0, 0, True)]
    files = [("data/photo.png", _png(photo))]
    for number, wall in enumerate(walls, 1):
        inside = rle_to_mask(wall.mask) | (wall.picture != wall.before).any(axis=2)
        x, y, w, h = cv2.boundingRect(inside.astype(np.uint8))
        w, h = max(1, w), max(1, h)
        alpha = inside[y : y + h, x : x + w, None].astype(np.uint8) * 255
        file = f"data/wall-{number}.png"
        files.append((file, _png(np.dstack([wall.picture[y : y + h, x : x + w], alpha]))))
        check_packed(files)
        rows.append(_row(wall.name or f"Wall {number}", file, x, y, wall.visible))
        merged = wall.picture if wall.visible else merged
    stack = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<image version="0.0.3" w="{width}" h="{height}" xres="72" yres="72">\n <stack>\n'
        + "".join(reversed(rows))  # the first is on top
        + " </stack>\n</image>\n"
    )
    small = fit_size((height, width), THUMBNAIL_SIDE)
    thumbnail = cv2.resize(merged, small[::-1], interpolation=cv2.INTER_AREA)
    return pack(
        [
            ("mimetype", MEDIA_TYPE.encode()),
            ("stack.xml", stack.encode("utf-8", "replace")),
            *files,
            ("mergedimage.png", _png(merged)),
            ("Thumbnails/thumbnail.png", _png(thumbnail)),
        ]
    )


def _row(name: str, file: str, x: int, y: int, visible: bool) -> str:
    shown = "visible" if visible else "hidden"
    plain = "".join(c for c in name if c.isprintable())  # XML allows no control characters, not even escaped
    return (
        f'  <layer name={quoteattr(plain)} src="{file}" x="{x}" y="{y}" opacity="1.0" visibility="{shown}" '
        'composite-op="svg:src-over"/>\n'
    )


def _png(pixels: np.ndarray) -> bytes:
    """(H, W, 3) RGB or (H, W, 4) RGBA -> PNG."""
    code = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    return bytes(cv2.imencode(".png", cv2.cvtColor(pixels, code))[1])
