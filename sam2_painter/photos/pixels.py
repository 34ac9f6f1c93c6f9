"""Pixels of any mode, depth and colour space -> (H, W, 3) uint8 sRGB, upright and opaque on white."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms

from . import profiles
from .picture import Decoded, Picture

STRIP_PIXELS = 1 << 20
CLEAR = "Transparent parts of the photo are white now."
STRETCHED = "The photo used only the darkest part of its 16 bits, as 12-bit cameras write it, and was brightened."


class Rgb(NamedTuple):
    """pixels: (H, W, 3) uint8, contiguous and read-only. notes: what was done to them that somebody may not expect."""

    pixels: np.ndarray
    notes: tuple[str, ...]


def upright_rgb(picture: Picture) -> Rgb:
    """Decode a picture, turn it upright and bring it to sRGB."""
    image, note = _spread(picture.decode(), picture.bits)
    pixels, clear = to_rgb(image, picture.icc_profile)
    notes = (*picture.notes, note, CLEAR if clear else "")
    return Rgb(frozen(_TURNS[picture.orientation](pixels)), tuple(filter(None, notes)))


_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: p[::-1].swapaxes(0, 1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: p[:, ::-1].swapaxes(0, 1),
}
"""Exif orientation -> the way to turn stored pixels upright."""


def frozen(pixels: np.ndarray) -> np.ndarray:
    """The same, contiguous and read-only: `Photo` keeps it without another copy."""
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return pixels


# -- depths


def _spread(decoded: Decoded, bits: int) -> tuple[Image.Image, str]:
    """Pixels of more than 8 bits as 8-bit ones, anything else as it is; and what there is to say about it."""
    if isinstance(decoded, Image.Image):
        if decoded.mode not in ("I", "F") and not decoded.mode.startswith("I;16"):
            return decoded, ""
        decoded = _plain_numbers(decoded)
    colors = decoded[..., :-1] if decoded.ndim == 3 and decoded.shape[2] in (2, 4) else decoded
    full, note = _full(colors, bits)
    eight = to_uint8(decoded, full)
    if colors is not decoded and full is not None and (alpha := decoded[..., -1]).max() > full:
        eight[..., -1] = to_uint8(alpha)  # by all of its bits
    return Image.fromarray(eight), note


def _plain_numbers(image: Image.Image) -> np.ndarray:
    """A Pillow image of deep greys as numbers; of a TIFF with the sign and the direction that Pillow leaves out."""
    values, tags = np.asarray(image), getattr(image, "tag_v2", {})
    if tags.get(339, (1,))[0] == 2 and tags.get(258, (0,))[0] == 16:
        values = values.astype(np.int16)
    if tags.get(262) == 0 and values.dtype.kind in "ui":  # "white is zero", which Pillow heeds up to 8 bits only
        values = np.iinfo(values.dtype).max - np.maximum(values, 0)
    return values


def _full(values: np.ndarray, bits: int) -> tuple[float | None, str]:
    """What white is, where it is not what the type of the numbers says (None), and what there is to say about that.

    bits: how many the file says are in use. Numbers of 12 bits belong into the upper ones of 16; where they stand in
    the lower ones the picture would be nearly black, and no photo has so little light in it. Floats a little above 1
    are the highlights of an HDR picture.
    """
    if values.dtype.kind == "f":
        largest = _largest(values)
        return (1.0, profiles.HDR_NOTE) if 1 < largest <= 16 else (max(largest, 1.0) if largest > 255 else None, "")
    if values.dtype != np.uint16 or bits >= 16 or not values.size:
        return None, ""
    most = int(values.max())
    if bits:
        return (float(2**bits - 1) if most < 2**bits else None), ""
    full = next((float(top) for top in (1023, 4095) if 0 < most <= top), None)
    return full, STRETCHED if full else ""


def _largest(values: np.ndarray) -> float:
    return float(np.max(values, initial=0.0, where=np.isfinite(values)))


def to_uint8(values: np.ndarray, full: float | None = None) -> np.ndarray:
    """Any numbers as 0-255, rounded; below 0 and NaN are black.

    full: the number that is white; by default whole numbers span their type (those of 32 bits and more the smallest of
    8, 16 and 31 bits that holds the largest), floats 0 to 1, or 0 to 255 when any exceeds 1.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    if full is None:
        full = _span(values)
    if values.dtype == np.uint16:
        table = np.clip(np.arange(2**16) * (255 / full), 0, 255) + 0.5
        return np.asarray(table.astype(np.uint8)[values])
    out = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), rows := max(1, STRIP_PIXELS // max(1, values[0].size))):  # floats in strips only
        part = values[top : top + rows].astype(np.float64)
        if values.dtype.kind == "f":
            part = np.nan_to_num(part, nan=0.0, posinf=full, neginf=0.0)
        out[top : top + rows] = np.clip(part * (255 / full), 0, 255) + 0.5
    return out


def _span(values: np.ndarray) -> float:
    if values.dtype.kind == "f":
        return 1.0 if _largest(values) <= 1 else 255.0
    if values.dtype in (np.uint16, np.int16, np.int8):
        return float(np.iinfo(values.dtype).max)
    most = int(values.max())
    return float(next(2**bits - 1 for bits in (8, 16, 31, 32, 63, 64) if most < 2**bits))


# -- colours


def to_rgb(image: Image.Image, icc_profile: bytes) -> tuple[np.ndarray, bool]:
    """(H, W, 3) uint8 sRGB on white, and whether anything was transparent.

    Strip by strip, so that no second picture in an in-between mode is held.
    """
    width, height = image.size
    transform = profiles.to_srgb(icc_profile, image.mode) if icc_profile else None
    if image.mode == "LAB":
        transform = profiles.lab_to_srgb()
    out, clear = np.empty((height, width, 3), np.uint8), False
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        opaque, seen_through = _strip_to_rgb(strip, transform)
        out[top : top + rows] = np.asarray(opaque)
        clear |= seen_through
    return out, clear


def _strip_to_rgb(strip: Image.Image, transform: ImageCms.ImageCmsTransform | None) -> tuple[Image.Image, bool]:
    alpha = None
    if "transparency" in strip.info or strip.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        grey = strip.mode in ("1", "L", "LA", "La")
        strip = strip.convert("RGBA" if strip.mode != "La" else "LA")
        alpha = strip.getchannel("A")
        strip = strip.convert("RGB").convert("L") if grey and transform else strip.convert("RGB")
    if transform is not None:
        strip = strip if strip.mode == transform.input_mode else strip.convert(transform.input_mode)
        strip = transform.apply(strip)
    elif strip.mode != "RGB":
        strip = strip.convert("RGB")
    if alpha is None or alpha.getextrema()[0] == 255:
        return strip, False
    white = Image.new("RGB", strip.size, "white")
    white.paste(strip, mask=alpha)
    return white, True
