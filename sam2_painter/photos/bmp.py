"""BMP, as Windows writes it."""

from __future__ import annotations

from io import BytesIO

from PIL import BmpImagePlugin, Image

from ..errors import TooLarge
from .exif import sane_dpi
from .picture import Picture

MAX_PACKED = 2 * 2**20
"""Bytes of a run-length packed BMP: Pillow unpacks it a run at a time, in Python."""


def read_bmp(data: bytes, max_pixels: int, field: str) -> Picture:
    """A BMP file."""
    image = BmpImagePlugin.BmpImageFile(BytesIO(data))
    if image.tile and image.tile[0][0] == "bmp_rle" and len(data) > MAX_PACKED:
        raise TooLarge("This run-length packed BMP is too large to open. Save it again as PNG.", field)
    dpi = image.info.get("dpi")
    return Picture("BMP", image.size, lambda: _decode(data), bytes_per_pixel=9, dpi=dpi and sane_dpi(*dpi))


def _decode(data: bytes) -> Image.Image:
    image = BmpImagePlugin.BmpImageFile(BytesIO(data))
    image.load()
    return image
