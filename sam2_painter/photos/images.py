"""Photos in, pictures out: files, Pillow images and arrays -> Photo; pixels -> PNG, JPEG, WebP.

A photo comes out as a person sees it: upright, opaque on white, 8-bit sRGB. Its size is never changed.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from ..errors import InvalidInput
from ..types import Photo, fit_size, whole_number
from .containers import MAX_PIXELS, Picture, check_pixels, open_picture, pillow_errors
from .sources import MAX_BYTES, as_path, read_bytes

Source = bytes | bytearray | memoryview | str | os.PathLike | Image.Image | np.ndarray
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
"""What `encode` writes, and the media type of each."""

MAX_SIDE = {"PNG": 2**31 - 1, "JPEG": 65_500, "WEBP": 16_383}
"""Pixels a side that `encode` can write of each."""

_STRIP_PIXELS = 1 << 20


def open_photo(source: Source, name: str = "", *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Photo:
    """A Photo from the bytes of a file, a path, a Pillow image, an array, base64 text or a data URL.

    Files: JPEG, PNG, BMP, TIFF or WebP by content, whatever they are called; the first frame of an animation.
    Arrays: (H, W) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB, (H, W, 4) RGBA; whole numbers span their type (those
    of 32 bits and more the smallest of 8, 16 and 31 bits that holds the largest), floats 0 to 1, or 0 to 255 when any
    exceeds 1.
    name: for the photo; "" takes the path's, else "photo". Text is a path when such a file exists: give text from
    strangers to `sources.read_bytes(..., paths=False)` first. Raises NotAnImage; TooLarge, before any pixel is decoded;
    InvalidInput for other sources.
    """
    if isinstance(source, np.ndarray):
        image = _array_to_image(source, max_pixels)
        return Photo(_frozen(_to_rgb(image, b"")), name or "photo")
    if isinstance(source, Image.Image):
        check_pixels(source.size, max_pixels)
        with pillow_errors():
            picture = _from_pillow(source)
            return Photo(_upright_rgb(picture), name or "photo")
    path = as_path(source)
    data = read_bytes(source, max_bytes)
    with pillow_errors():
        pixels = _upright_rgb(open_picture(data, max_pixels=max_pixels))
    return Photo(pixels, name or (path.name if path else "photo"))


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


# -- Pillow image -> (H, W, 3) uint8 sRGB


def _from_pillow(image: Image.Image) -> Picture:
    """A caller's own image: its orientation and profile, and pixels that are safe to look at."""
    orientation = image.getexif().get(0x0112, 1)
    profile = image.info.get("icc_profile") or b""
    image.load()
    # A TIFF is turned by Pillow itself while it loads, and an image turned by the caller has lost the tag.
    orientation = image.getexif().get(0x0112, 1) if image.format == "TIFF" else orientation
    return Picture(image, image.format or "", orientation if orientation in _TURNS else 1, profile)


def _upright_rgb(picture: Picture) -> np.ndarray:
    image = picture.image
    image.load()
    image = _spread(image)
    pixels = _to_rgb(image, picture.icc_profile)
    return _frozen(_TURNS[picture.orientation](pixels))


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


def _frozen(pixels: np.ndarray) -> np.ndarray:
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False  # Photo keeps it without another copy
    return pixels


def _spread(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float grey as 8-bit "L"; anything else as it is."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    if tags.get(339, (1,))[0] == 2 and tags.get(258, (0,))[0] == 16:
        values = values.astype(np.int16)
    grey = _to_uint8(values)
    if tags.get(262) == 0:  # "white is zero", which Pillow heeds for up to 8 bits only
        grey = 255 - grey
    return Image.fromarray(grey)


def _to_uint8(values: np.ndarray) -> np.ndarray:
    """Any numbers as 0-255, rounded; see `open_photo` for what they span. Below 0 and NaN are black."""
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=0.0)
        finite = values[np.isfinite(values)]
        full = 1.0 if not finite.size or finite.max() <= 1 else 255.0
    else:
        largest = int(values.max())
        if values.dtype in (np.uint16, np.int16, np.int8):
            full = float(np.iinfo(values.dtype).max)
        else:
            full = float(next(top for top in (2**8 - 1, 2**16 - 1, 2**31 - 1, 2**64) if largest <= top))
    out = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), rows := max(1, _STRIP_PIXELS // max(1, values[0].size))):  # floats in strips only
        part = values[top : top + rows].astype(np.float64)
        out[top : top + rows] = np.clip(part * (255 / full), 0, 255) + 0.5
    return out


def _array_to_image(array: np.ndarray, max_pixels: int) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    known = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (2, 3, 4))
    if not known or array.dtype.kind not in "buif" or array.size == 0:
        raise InvalidInput(
            f"an array must be (H, W), (H, W, 3) or (H, W, 4) numbers, got {array.shape} {array.dtype}", "photo"
        )
    check_pixels(array.shape[1::-1], max_pixels)
    return Image.fromarray(np.ascontiguousarray(_to_uint8(array)))


def _to_rgb(image: Image.Image, icc_profile: bytes) -> np.ndarray:
    """Strip by strip, so that no second picture in an in-between mode is held."""
    width, height = image.size
    to_srgb = _profile_transform(icc_profile, image.mode) if icc_profile else None
    if image.mode == "LAB":
        to_srgb = _lab_transform()
    out = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        out[top : top + rows] = np.asarray(_strip_to_rgb(strip, to_srgb))
    return out


def _strip_to_rgb(strip: Image.Image, to_srgb: ImageCms.ImageCmsTransform | None) -> Image.Image:
    alpha = None
    if "transparency" in strip.info or strip.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        grey = strip.mode in ("1", "L", "LA", "La")
        strip = strip.convert("RGBA" if strip.mode != "La" else "LA")
        alpha = strip.getchannel("A")
        strip = strip.convert("RGB").convert("L") if grey and to_srgb else strip.convert("RGB")
    if to_srgb is not None:
        strip = strip if strip.mode == to_srgb.input_mode else strip.convert(to_srgb.input_mode)
        strip = to_srgb.apply(strip)
    elif strip.mode != "RGB":
        strip = strip.convert("RGB")
    if alpha is None:
        return strip
    white = Image.new("RGB", strip.size, "white")
    white.paste(strip, mask=alpha)
    return white


# -- colour profiles


def _profile_transform(icc_profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What turns `mode` pixels of that profile into sRGB; None when it changes nothing, is junk or of another space."""
    if len(icc_profile) > MAX_BYTES:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
        space = profile.profile.xcolor_space.strip()
        expected = {"1": "GRAY", "L": "GRAY", "LA": "GRAY", "La": "GRAY", "CMYK": "CMYK"}.get(mode, "RGB")
        if space != expected:
            return None
        input_mode = {"GRAY": "L", "CMYK": "CMYK", "RGB": "RGB"}[space]
        transform = ImageCms.buildTransform(
            profile,
            _srgb(),
            input_mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except _PROFILE_ERRORS:
        return None
    return None if input_mode == "RGB" and _changes_nothing(transform) else transform


_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError, MemoryError)


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether it moves no colour by more than 1: sRGB itself, in its many spellings, stays bit-exact."""
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    moved = np.asarray(transform.apply(Image.fromarray(cube)))
    return int(np.abs(moved.astype(int) - cube).max()) <= 1


def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb(), "LAB", "RGB")


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
