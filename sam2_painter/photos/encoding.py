"""Pixels -> the bytes of PNG, JPEG and WebP files."""

from __future__ import annotations

import base64
import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from ..types import whole_number
from .png import SIGNATURE, chunk
from .profiles import srgb_profile

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
"""What `encode` writes, and the media type of each."""

ENDINGS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
"""Of the names of such files."""

MAX_SIDE = {"PNG": 2**31 - 1, "JPEG": 65_500, "WEBP": 16_383}
"""Pixels a side that `encode` can write of each."""

LARGE, STRIP_PIXELS = 2**22, 2**20
"""Pixels above which a PNG is written in strips, and of a strip."""

_METHODS = (0, 4)
"""Of WebP: the quickest takes a third of OpenCV's time for a few percent more bytes, and has less room."""


def encode(pixels: np.ndarray, format: str = "PNG", quality: int = 95) -> bytes:
    """(H, W, 3) uint8 RGB -> the bytes of a PNG, JPEG (4:4:4) or WebP file, without metadata.

    format: any case, "JPG" too. quality: whole number 1 to 100; PNG is lossless and does not use it. Raises
    InvalidInput, also where the format cannot hold the picture.
    """
    format, quality = _checked_options(pixels, format, quality)
    return _webp(pixels, quality) if format == "WEBP" else _png_or_jpeg(pixels, format, quality)


def encode_file(
    pixels: np.ndarray, format: str = "PNG", quality: int = 95, *, dpi: tuple[float, float] | None = None
) -> bytes:
    """`encode` for a file that people keep: with the profile of sRGB and, where it is known, the pixels an inch (x, y),
    which say how large it is printed."""
    format, quality = _checked_options(pixels, format, quality)
    if format == "WEBP":
        return _webp(pixels, quality, icc_profile=srgb_profile(), exif=_exif(dpi))
    data = _png_or_jpeg(pixels, format, quality)
    return _tag_png(data, dpi) if format == "PNG" else _tag_jpeg(data, dpi)


def check_format(format: str) -> str:
    """PNG, JPEG or WEBP from any case and from JPG. Raises InvalidInput."""
    known = {**{name: name for name in FORMATS}, "JPG": "JPEG"}
    try:
        return known[format.strip().lstrip(".").upper()]
    except (KeyError, AttributeError):
        raise InvalidInput("format must be PNG, JPEG or WEBP", "format") from None


def to_data_url(data: bytes, format: str = "PNG") -> str:
    """Encoded bytes as a data URL."""
    return f"data:{FORMATS[check_format(format)]};base64,{base64.b64encode(data).decode('ascii')}"


def _checked_options(pixels: np.ndarray, format: str, quality: int) -> tuple[str, int]:
    format, quality = check_format(format), whole_number(quality, "quality", 1, 100)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise InvalidInput(f"pixels must be (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}", "pixels")
    if max(pixels.shape[:2]) > MAX_SIDE[format]:
        raise InvalidInput(f"{format} holds at most {MAX_SIDE[format]} pixels a side; use PNG", "format")
    return format, quality


def _png_or_jpeg(pixels: np.ndarray, format: str, quality: int) -> bytes:
    import cv2  # some five times as fast as Pillow at PNG

    if format == "PNG" and pixels.shape[0] * pixels.shape[1] > LARGE:
        return _large_png(pixels)
    options: list[int] = []
    if format == "JPEG":
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    extension = {"PNG": ".png", "JPEG": ".jpg"}[format]
    _, data = cv2.imencode(extension, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return data.tobytes()


def _large_png(pixels: np.ndarray) -> bytes:
    """Strip by strip, as quick and as small as OpenCV's, which wants a copy of the whole with blue first."""
    height, width = pixels.shape[:2]
    packer = zlib.compressobj(1, strategy=zlib.Z_RLE)
    parts = [SIGNATURE, chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))]
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = pixels[top : top + rows].reshape(-1, 3 * width)
        lines = np.empty((len(strip), 1 + 3 * width), np.uint8)
        lines[:, 0] = 1  # each number is less the one three before it
        lines[:, 1:4] = strip[:, :3]
        np.subtract(strip[:, 3:], strip[:, :-3], out=lines[:, 4:])
        if packed := packer.compress(lines.data):
            parts.append(chunk(b"IDAT", packed))
    return b"".join([*parts, chunk(b"IDAT", packer.flush()), chunk(b"IEND", b"")])


def _webp(pixels: np.ndarray, quality: int, **tags: bytes) -> bytes:
    image = Image.fromarray(pixels)
    for method in _METHODS:
        out = BytesIO()
        try:
            image.save(out, "WEBP", quality=quality, method=method, **tags)
        except ValueError:  # the first of its partitions holds 512 kB, too few for some pictures of 36 megapixels
            continue
        return out.getvalue()
    raise InvalidInput("WebP cannot hold this picture: it is too large and too detailed; use PNG or JPG", "format")


def _tag_png(data: bytes, dpi: tuple[float, float] | None) -> bytes:
    chunks = chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile()))
    if dpi is not None:
        chunks += chunk(b"pHYs", struct.pack(">IIB", *(round(one / 0.0254) for one in dpi), 1))
    return data[:33] + chunks + data[33:]  # behind the header


def _tag_jpeg(data: bytes, dpi: tuple[float, float] | None) -> bytes:
    """OpenCV's files begin with a JFIF segment of 18 bytes after the start."""
    profile = b"ICC_PROFILE\0\1\1" + srgb_profile()
    head = bytearray(data[:20])
    if dpi is not None:
        head[13:18] = struct.pack(">BHH", 1, *(min(65_535, round(one)) for one in dpi))
    return bytes(head) + b"\xff\xe2" + struct.pack(">H", len(profile) + 2) + profile + data[20:]


def _exif(dpi: tuple[float, float] | None) -> bytes:
    if dpi is None:
        return b""
    exif = Image.Exif()
    exif[282], exif[283], exif[296] = round(dpi[0]), round(dpi[1]), 2
    return exif.tobytes()
