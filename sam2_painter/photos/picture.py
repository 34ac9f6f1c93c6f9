"""A picture file that was looked at and not decoded yet: how large it is, and what it says about itself."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..errors import NotAnImage, PainterError, TooLarge
from ..jobs.memory import MemoryBudget
from . import formats

MAX_PIXELS = 80_000_000
MAX_PROFILE = 8 * 2**20
"""Bytes of a colour profile; a larger one is not looked at."""

DECODING = MemoryBudget(1200 * 2**20)
"""Memory that all decoding in this process shares, and what works on all pixels of large walls."""

USE = f"use {formats.NAMES}"

Decoded = Image.Image | np.ndarray
"""Pixels as the file has them: a Pillow image of any mode; or numbers of more than 8 bits as an array, (H, W) grey,
(H, W, 2) grey and alpha, (H, W, 3) RGB, (H, W, 4) RGBA."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An opened file, no pixel of it decoded yet.

    format: JPEG, PNG, WEBP, HEIC, AVIF, TIFF or BMP. size: (W, H) as stored, before it is turned. decode: gives the
    pixels; call it inside `pillow_errors` and `DECODING.take(cost)`. bytes_per_pixel: what decoding takes at its most.
    orientation: 1 to 8 as Exif counts, 1 upright. icc_profile: the file's own, or one that says the same as its other
    colour tags; empty for sRGB. bits: how many of a number's bits are in use, 0 for all. dpi: pixels an inch,
    (x, y), or None. notes: sentences that whoever opens it should be told.
    """

    format: str
    size: tuple[int, int]
    decode: Callable[[], Decoded]
    bytes_per_pixel: int = 12
    orientation: int = 1
    icc_profile: bytes = b""
    bits: int = 0
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    @property
    def cost(self) -> int:
        """Bytes of memory that decoding takes at its most, the picture that comes out included."""
        return self.size[0] * self.size[1] * self.bytes_per_pixel


def check_pixels(size_wh: tuple[int, int], max_pixels: int, field: str = "photo") -> None:
    """TooLarge for more than max_pixels, NotAnImage for none."""
    width, height = size_wh
    if width < 1 or height < 1:
        raise NotAnImage("The picture has no pixels.", field)
    if width * height > max_pixels:
        raise TooLarge(
            f"The picture is {width}x{height}, {width * height / 1e6:.1f} megapixels; "
            f"at most {max_pixels / 1e6:g} megapixels can be opened.",
            field,
        )


@contextmanager
def pillow_errors(field: str = "photo") -> Iterator[None]:
    """Translate everything Pillow is known to raise for a damaged file into NotAnImage."""
    try:
        yield
    except PainterError:
        raise
    except MemoryError:
        raise TooLarge("There is not enough memory to open this picture.", field) from None
    except _PILLOW_RAISES as error:
        cut_off = "truncated" in str(error).lower() or isinstance(error, EOFError)
        what = "cut off: a part of the file is missing" if cut_off else "damaged or of an unknown kind"
        raise NotAnImage(f"The picture is {what}. Save it again as JPEG or PNG.", field) from error


_PILLOW_RAISES = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    AttributeError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
