"""Photos in, pictures out: files, Pillow images and arrays -> Photo; pixels -> PNG, JPEG, WebP.

A photo comes out as a person sees it: upright, opaque on white, 8-bit sRGB. Its size is never changed.
"""

from __future__ import annotations

import os

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from ..types import Photo, fit_size
from .containers import DECODING, MAX_PIXELS, Picture, check_pixels, open_picture, pillow_errors
from .encoding import ENDINGS, FORMATS, MAX_SIDE, check_format, encode, encode_file, to_data_url
from .pixels import CLEAR, frozen, to_rgb, to_uint8, upright_rgb
from .sources import MAX_BYTES, as_path, read_bytes

Source = bytes | bytearray | memoryview | str | os.PathLike[str] | Image.Image | np.ndarray
__all__ = [
    "ENDINGS",
    "FORMATS",
    "MAX_SIDE",
    "Source",
    "check_format",
    "encode",
    "encode_file",
    "fit",
    "open_photo",
    "orientation",
    "printed_dpi",
    "thumbnail",
    "to_data_url",
]


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


def orientation(data: bytes) -> int:
    """Which way up a photo's file is stored, 1 to 8 as Exif counts, 1 upright."""
    return open_picture(data, max_pixels=2**62).orientation


def printed_dpi(data: bytes) -> tuple[float, float] | None:
    """Pixels an inch that a photo's file names, (x, y) of the upright picture; None where it does not."""
    picture = open_picture(data, max_pixels=2**62)
    return picture.dpi[::-1] if picture.dpi and picture.orientation > 4 else picture.dpi


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
