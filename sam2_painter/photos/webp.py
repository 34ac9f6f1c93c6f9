"""WebP, still or the first picture of an animation."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, WebPImagePlugin

from ..errors import NotAnImage
from . import profiles
from .exif import read_exif, xmp_orientation
from .picture import MAX_PROFILE, Decoded, Picture, check_pixels
from .pixels import read_array

MAX_CHUNKS = 20_000
"""Of one file; each picture of an animation is one."""


def read_webp(data: bytes, max_pixels: int, field: str) -> Picture:
    """A WebP file. Raises NotAnImage for one in thousands of parts, TooLarge before its decoder sees it."""
    said: dict[bytes, bytes] = {}
    size, position, count, moves = None, 12, 0, False
    while position + 8 <= len(data):
        count += 1
        if count > MAX_CHUNKS:
            raise NotAnImage(f"The WebP is in more than {MAX_CHUNKS} parts. Save it again as JPEG or PNG.", field)
        name, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        start = position + 8
        if size is None and name in _SIZES:
            size = _SIZES[name](data[start : start + 10])
        elif name == b"ANMF":
            moves = True
        elif name in (b"ICCP", b"EXIF", b"XMP "):
            said.setdefault(name, data[start : start + min(length, MAX_PROFILE + 1)])
        position = start + length + length % 2
    if size is None:
        raise OSError("truncated")
    check_pixels(size, max_pixels, field)
    exif = read_exif(said.get(b"EXIF", b""))
    return Picture(
        "WEBP",
        size,
        lambda: _decode(data, size) if moves else _decode_still(data, size),
        bytes_per_pixel=18 if moves else 8,
        orientation=exif.orientation or xmp_orientation(said.get(b"XMP ", b"")) or 1,
        icc_profile=said.get(b"ICCP", b"") or (profiles.adobe_rgb_profile() if exif.adobe_rgb else b""),
        dpi=exif.dpi,
    )


def _decode_still(data: bytes, size: tuple[int, int]) -> Decoded:
    """By OpenCV: Pillow takes every WebP for an animation, with a canvas, a copy of it and the picture."""
    read = read_array(data, np.uint8)
    return _decode(data, size) if read is None or read.shape[1::-1] != size else read


def _decode(data: bytes, size: tuple[int, int]) -> Image.Image:
    image = WebPImagePlugin.WebPImageFile(BytesIO(data))  # takes the memory of its canvas here
    if image.size != size:
        raise OSError("the parts of the file are of different sizes")
    image.load()
    return image


def _vp8x_size(body: bytes) -> tuple[int, int]:
    return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")


def _vp8_size(body: bytes) -> tuple[int, int]:
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _vp8l_size(body: bytes) -> tuple[int, int]:
    bits = int.from_bytes(body[1:5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)


_SIZES = {b"VP8X": _vp8x_size, b"VP8 ": _vp8_size, b"VP8L": _vp8l_size}
