"""Photos in, pictures out: files, Pillow images and arrays -> Photo; pixels -> PNG, JPEG, WebP.

A photo comes out as a person sees it: upright, opaque on white, 8-bit sRGB. Its size is never changed.
"""

from __future__ import annotations

import base64
import os
from io import BytesIO

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from ..types import Photo, fit_size, whole_number
from .containers import DECODING, MAX_PIXELS, Picture, check_pixels, open_picture, pillow_errors
from .pixels import CLEAR, frozen, to_rgb, to_uint8, upright_rgb
from .sources import MAX_BYTES, as_path, read_bytes

Source = bytes | bytearray | memoryview | str | os.PathLike[str] | Image.Image | np.ndarray
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
"""What `encode` writes, and the media type of each."""

MAX_SIDE = {"PNG": 2**31 - 1, "JPEG": 65_500, "WEBP": 16_383}
"""Pixels a side that `encode` can write of each."""


def open_photo(source: Source, name: str = "", *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Photo:
    """A Photo from the bytes of a file, a path, a Pillow image, an array, base64 text or a data URL.

    Files: JPEG, PNG, WebP, HEIC, AVIF, TIFF or BMP by content, whatever they are called; the first frame of an
    animation. What was done to the pixels that somebody may not expect is in the photo's `notes`.
    Arrays: (H, W) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB, (H, W, 4) RGBA; whole numbers span their type (those
    of 32 bits and more the smallest of 8, 16 and 31 bits that holds the largest), floats 0 to 1, or 0 to 255 when any
    exceeds 1.
    name: for the photo; "" takes the path's, else "photo". Text is a path when such a file exists: give text from
    strangers to `sources.read_bytes(..., paths=False)` first. Raises NotAnImage; TooLarge, before any pixel is decoded;
    Busy when there is no memory for it in time; InvalidInput for other sources.
    """
    if isinstance(source, np.ndarray):
        pixels, clear = to_rgb(_array_to_image(source, max_pixels), b"")
        return Photo(frozen(pixels), name or "photo", (CLEAR,) if clear else ())
    path = None if isinstance(source, Image.Image) else as_path(source)
    if isinstance(source, Image.Image):
        check_pixels(source.size, max_pixels)
        with pillow_errors():
            picture = _from_pillow(source)
    else:
        picture = open_picture(read_bytes(source, max_bytes), max_pixels=max_pixels)
    with DECODING.take(picture.cost), pillow_errors():
        pixels, notes = upright_rgb(picture)
    return Photo(pixels, name or (path.name if path else "photo"), notes)


def encode(pixels: np.ndarray, format: str = "PNG", quality: int = 95) -> bytes:
    """(H, W, 3) uint8 RGB -> the bytes of a PNG, JPEG (4:4:4) or WebP file.

    format: any case, "JPG" too. quality: whole number 1 to 100; PNG is lossless and does not use it. Raises
    InvalidInput.
    """
    import cv2  # some five times as fast as Pillow at PNG

    format, quality = check_format(format), whole_number(quality, "quality", 1, 100)
    if max(pixels.shape[:2]) > MAX_SIDE[format]:
        raise InvalidInput(f"{format} holds at most {MAX_SIDE[format]} pixels a side; use PNG", "format")
    if format == "WEBP":  # Pillow's quickest method takes a third of OpenCV's time for a few percent more bytes
        out = BytesIO()
        Image.fromarray(_checked(pixels)).save(out, "WEBP", quality=quality, method=0)
        return out.getvalue()
    options = {
        "PNG": [],
        "JPEG": [
            cv2.IMWRITE_JPEG_QUALITY,
            quality,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ],
    }
    extension = {"PNG": ".png", "JPEG": ".jpg"}[format]
    _, data = cv2.imencode(extension, cv2.cvtColor(_checked(pixels), cv2.COLOR_RGB2BGR), options[format])
    return data.tobytes()


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


def fit(pixels: np.ndarray, max_side: int) -> np.ndarray:
    """(H, W, 3) or (H, W) uint8 -> the same shrunk by area to `fit_size`; itself when it fits already."""
    import cv2

    height, width = fit_size(pixels.shape[:2], max_side)
    if (height, width) == pixels.shape[:2]:
        return pixels
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def thumbnail(pixels: np.ndarray, max_side: int = 256, quality: int = 85) -> bytes:
    """A small JPEG of the picture."""
    return encode(fit(pixels, max_side), "JPEG", quality)


def _checked(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise InvalidInput(f"pixels must be (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}", "pixels")
    return pixels


# -- other sources


def _from_pillow(image: Image.Image) -> Picture:
    """A caller's own image: its orientation and profile, and pixels that are safe to look at."""
    orientation = image.getexif().get(0x0112, 1)
    image.load()
    # A TIFF is turned by Pillow itself while it loads, and an image turned by the caller has lost the tag.
    orientation = image.getexif().get(0x0112, 1) if image.format == "TIFF" else orientation
    return Picture(
        image.format or "",
        image.size,
        lambda: image,
        orientation=orientation if orientation in range(1, 9) else 1,
        icc_profile=image.info.get("icc_profile") or b"",
    )


def _array_to_image(array: np.ndarray, max_pixels: int) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    known = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (2, 3, 4))
    if not known or array.dtype.kind not in "buif" or array.size == 0:
        raise InvalidInput(
            f"an array must be (H, W), (H, W, 3) or (H, W, 4) numbers, got {array.shape} {array.dtype}", "photo"
        )
    check_pixels(array.shape[1::-1], max_pixels)
    return Image.fromarray(np.ascontiguousarray(to_uint8(array)))
