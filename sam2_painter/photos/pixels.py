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
    decoded, note = _spread(picture.decode(), picture.bits)
    pixels, clear = to_rgb(decoded, picture.icc_profile, picture.orientation, ours=True)
    notes = (*picture.notes, note, CLEAR if clear else "")
    return Rgb(frozen(pixels), tuple(filter(None, notes)))


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
"""Exif orientation -> what turns pixels as they are stored upright."""

_BACK = {6: 8, 8: 6}
"""The orientation whose turn undoes that of another; all others undo themselves."""


def frozen(pixels: np.ndarray) -> np.ndarray:
    """The same, contiguous and read-only: `Photo` keeps it without another copy."""
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return pixels


def read_array(data: bytes, kind: type[np.generic]) -> np.ndarray | None:
    """(H, W, 3) RGB or (H, W, 4) RGBA of the numbers in a file, by OpenCV, which holds no second copy of them; None
    where it reads something else, or nothing. The pixels are as they are stored, not turned."""
    import cv2

    try:
        read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if read is None or read.dtype != kind or read.ndim != 3 or read.shape[2] not in (3, 4):
        return None
    rows = max(1, STRIP_PIXELS // read.shape[1])
    for top in range(0, len(read), rows):  # from BGR
        part = read[top : top + rows]
        part[..., :3] = part[..., 2::-1].copy()
    return read


# -- depths


def _spread(decoded: Decoded, bits: int) -> tuple[Decoded, str]:
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
    return eight, note


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
    out = np.empty(values.shape, np.uint8)
    table = (np.clip(np.arange(2**16) * (255 / full), 0, 255) + 0.5).astype(np.uint8)
    rows = max(1, STRIP_PIXELS // max(1, values[0].size))
    for top in range(0, len(values), rows):  # floats in strips only
        if values.dtype == np.uint16:
            np.take(table, values[top : top + rows], out=out[top : top + rows])
            continue
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


def to_rgb(
    decoded: Decoded, icc_profile: bytes = b"", orientation: int = 1, *, ours: bool = False
) -> tuple[np.ndarray, bool]:
    """(H, W, 3) uint8 sRGB on white, upright, and whether anything was transparent.

    decoded: an image, or an array of uint8. ours: an array may be painted into, and is what comes out where it can be.
    Strip by strip, so that no second picture in an in-between mode is held.
    """
    (width, height), mode = (decoded.size, decoded.mode) if isinstance(decoded, Image.Image) else _shape(decoded)
    transform = profiles.to_srgb(icc_profile, mode) if icc_profile else None
    if mode == "LAB":
        transform = profiles.lab_to_srgb()
    in_place = ours and orientation == 1 and isinstance(decoded, np.ndarray) and _can_hold(decoded)
    out, stored, clear = decoded, decoded, False
    if not in_place:
        out = np.empty((height, width, 3) if orientation < 5 else (width, height, 3), np.uint8)
        stored = _TURNS[_BACK.get(orientation, orientation)](out)
    assert isinstance(out, np.ndarray)
    assert isinstance(stored, np.ndarray)
    flat = out.reshape(-1)
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        opaque, seen_through = _strip_to_rgb(_strip(decoded, top, min(top + rows, height)), transform)
        strip = np.asarray(opaque)
        if in_place:  # of four numbers a pixel three are left: what comes moves up
            flat[top * width * 3 :][: strip.size] = strip.reshape(-1)
        else:
            stored[top : top + rows] = strip
        clear |= seen_through
    if out.shape[2] == 4:
        del flat, stored
        out.resize((height, width, 3), refcheck=False)  # hands the rest back
    return out, clear


def _shape(array: np.ndarray) -> tuple[tuple[int, int], str]:
    """(W, H) of an array of uint8, and the mode of a Pillow image like it."""
    mode = "L" if array.ndim == 2 else {2: "LA", 3: "RGB", 4: "RGBA"}[array.shape[2]]
    return (array.shape[1], array.shape[0]), mode


def _can_hold(array: np.ndarray) -> bool:
    """Whether RGB of the same size can lie in the memory of this array."""
    flags = array.flags
    return array.ndim == 3 and array.shape[2] >= 3 and flags.writeable and flags.owndata and flags.c_contiguous


def _strip(decoded: Decoded, top: int, bottom: int) -> Image.Image:
    if isinstance(decoded, Image.Image):
        return decoded.crop((0, top, decoded.width, bottom))
    return Image.fromarray(np.ascontiguousarray(decoded[top:bottom]))


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
