"""TIFF: which of its pictures is the photo, and who can decode it.

TIFF holds numbers of any depth, in any order, under any name; programs that guess open some of it silently wrong. So
what is opened is listed: pixels of 8 bits and fewer go to Pillow, where it knows the combination; larger numbers, and
those in planes, are read by `tiff_samples`; everything else is refused, with the reason.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from io import BytesIO

from PIL import Image, TiffImagePlugin, TiffTags

from ..errors import NotAnImage, TooLarge
from . import formats, profiles, tiff_samples
from .exif import XMP_PACKET, BadDirectory, Directory, from_directory, read_directory, xmp_orientation
from .picture import MAX_PROFILE, Decoded, Picture, check_pixels
from .tiff_samples import (
    COMPRESSION,
    EXTRA_SAMPLES,
    FILL_ORDER,
    PHOTOMETRIC,
    STRIP_OFFSETS,
    TILE_OFFSETS,
    WIDTH,
    Layout,
)

MAX_PAGES = 32
"""Looked at for the one that is the photo."""

MAX_PARTS = 65_536
"""Strips or tiles of a picture."""

_MAX_TAGS = 16 * 2**20
_SUBFILE, _SUB_IFDS, _JPEG_TABLES, _PROFILE, _DNG_VERSION = 254, 330, 347, 34675, 50706
_CFA, _LINEAR_RAW = 32803, 34892
_PIXEL_TAGS = frozenset(
    (256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 338, 339)
    + (_JPEG_TABLES, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532)  # JPEG inside TIFF, YCbCr
)
_COMPRESSIONS = {
    2: "CCITT", 3: "CCITT", 4: "CCITT", 6: "old JPEG", 7: "JPEG", 9: "JBIG", 10: "JBIG", 32766: "NeXT",
    32771: "CCITT", 32809: "ThunderScan", 33003: "JPEG 2000", 33005: "JPEG 2000", 34676: "LogLuv", 34677: "LogLuv",
    34712: "JPEG 2000", 34887: "LERC", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_BY_PILLOW = frozenset((2, 3, 4, 7, 50001)) | tiff_samples.COMPRESSIONS
_COLORS = {4: "a transparency mask", 9: "ICC Lab", 10: "ITU Lab", 32844: "LogL", 32845: "LogLuv"}


def read_tiff(data: bytes, max_pixels: int, field: str) -> Picture:
    """A TIFF or BigTIFF file. Raises NotAnImage for one that holds what cannot be opened right, TooLarge."""
    _silence_libtiff()
    try:
        directory = _photo(data, field)
    except BadDirectory:
        raise NotAnImage("The TIFF has an unreasonably large directory. Save it again as PNG.", field) from None
    layout = Layout.of(directory)
    check_pixels(layout.size, max_pixels, field)
    _check_parts(directory, layout, max_pixels, field)
    exif = from_directory(data, directory)
    xmp = directory.tags.get(XMP_PACKET)
    own = directory.tags.get(_PROFILE)
    icc = bytes(own.value[: MAX_PROFILE + 1]) if own else b""
    if not icc and exif.adobe_rgb and layout.photometric == 2:
        icc = profiles.adobe_rgb_profile()
    decode, cost = _decoder(data, directory, layout, max_pixels, field)
    return Picture(
        "TIFF",
        layout.size,
        decode,
        bytes_per_pixel=cost,
        orientation=exif.orientation or (xmp_orientation(bytes(xmp.value)) if xmp else 0) or 1,
        icc_profile=icc,
        bits=layout.significant_bits,
        dpi=exif.dpi,
    )


def _decoder(
    data: bytes, directory: Directory, layout: Layout, max_pixels: int, field: str
) -> tuple[Callable[[], Decoded], int]:
    """What decodes the picture, Pillow or we ourselves, and the bytes a pixel takes meanwhile."""
    if layout.bits[0] == 8 and _pillow_decodes(directory, layout):  # the quicker way
        reason: str | None = ""
    else:
        reason = tiff_samples.refusal(layout)
    if reason is None:
        unpacked = layout.width * layout.height * layout.bytes_per_pixel
        if unpacked > 12 * max_pixels:
            raise TooLarge(f"The TIFF unpacks to {unpacked / 1e6:.0f} MB.", field)
        return partial(tiff_samples.decode, data, directory, layout), 2 * layout.bytes_per_pixel + 12
    if reason:
        _check_known(directory, layout, reason, field)
    decode = partial(_decode, _with_directory(data, directory, field))
    _open(decode.args[0])  # damaged? then now
    return decode, 14


def _photo(data: bytes, field: str) -> Directory:
    """The first picture that is not a smaller copy of another one; of camera raw files none."""
    pages = [read_directory(data)]
    with suppress(struct.error, OverflowError, ValueError):  # a damaged second page is no fault of the first
        while len(pages) < MAX_PAGES and pages[-1].next:
            pages.append(read_directory(data, pages[-1].next))
    inner = []
    for page in pages[:4]:
        with suppress(struct.error, OverflowError, ValueError):  # what it may hold beside its picture
            inner += [read_directory(data, int(place)) for place in page.numbers(_SUB_IFDS)[:8]]
    if any(_is_raw(page) for page in (*pages, *inner)):
        raise NotAnImage(f"The {field} is a camera raw file, which cannot be opened here: use {formats.NAMES}.", field)
    large = [page for page in (*pages, *inner) if not page.number(_SUBFILE) & 1 and WIDTH in page.tags]
    return (large or pages)[0]


def _is_raw(directory: Directory) -> bool:
    compressed = directory.number(COMPRESSION)
    return (
        _DNG_VERSION in directory.tags
        or directory.number(PHOTOMETRIC) in (_CFA, _LINEAR_RAW)
        or compressed in (32767, 32769, 34713, 34892, 65535)  # those of Sony, Epson, Nikon, DNG and Pentax
    )


def _check_parts(directory: Directory, layout: Layout, max_pixels: int, field: str) -> None:
    """A small picture may claim a tile of gigabytes, or millions of strips."""
    if layout.tile is not None:
        check_pixels(layout.tile, max_pixels, field)
        check_pixels(layout.padded, 2 * max_pixels + 2**22, field)
    parts = max((directory.tags[t].count for t in (STRIP_OFFSETS, TILE_OFFSETS) if t in directory.tags), default=0)
    if parts > MAX_PARTS:
        raise NotAnImage(f"The TIFF is in {parts} parts, more than {MAX_PARTS}. Save it again as PNG.", field)


def _check_known(directory: Directory, layout: Layout, reason: str, field: str) -> None:
    """NotAnImage, with the reason, unless Pillow is known to decode it right."""
    if _pillow_decodes(directory, layout):
        return
    if layout.compression not in _BY_PILLOW:
        reason = f"{_COMPRESSIONS.get(layout.compression, f'compression {layout.compression}')} pixels"
    elif layout.photometric in _COLORS:
        reason = f"colours as {_COLORS[layout.photometric]}"
    elif layout.photometric == 6 and layout.compression == 1:
        reason = "colours as unpacked YCbCr"
    raise NotAnImage(
        f"The {field} is a TIFF with {reason}, which cannot be opened here: save it as PNG, or as TIFF with 8 or 16 "
        "bits in RGB.",
        field,
    )


def _pillow_decodes(directory: Directory, layout: Layout) -> bool:
    """Whether Pillow is known to decode it right."""
    return (
        layout.compression in _BY_PILLOW
        and layout.photometric not in _COLORS
        and (layout.photometric, layout.compression) != (6, 1)
        and layout.planar == 1
        and layout.ink_set == 1
        and not (directory.big and directory.order == ">")
        and _pillow_knows(directory, layout)
    )


def _pillow_knows(directory: Directory, layout: Layout) -> bool:
    """Whether the combination is in Pillow's own table, with numbers of at most 12 bits."""
    bits, extra = layout.bits, tuple(int(kind) for kind in directory.numbers(EXTRA_SAMPLES))
    fill = directory.number(FILL_ORDER, 1)
    key = (b"II" if directory.order == "<" else b"MM", layout.photometric, (1,), fill, bits, extra)
    if layout.compression == 7 and layout.photometric == 6:
        return bits == (8, 8, 8)
    return max(bits) <= 12 and set(layout.formats) <= {1, 4} and key in TiffImagePlugin.OPEN_INFO


def _with_directory(data: bytes, directory: Directory, field: str) -> bytes:
    """The file with a second directory, of pixels only, put behind it, and the header pointing there."""
    needed = [
        directory.tags[name]
        for name in sorted(_PIXEL_TAGS & directory.tags.keys())
        if directory.tags[name].count == 1 or TiffTags.lookup(name).length != 1 or name == _JPEG_TABLES
    ]  # Pillow warns of others
    if sum(len(tag.value) for tag in needed) > _MAX_TAGS:
        raise NotAnImage("The TIFF has an unreasonably large directory. Save it again as PNG.", field)
    order, big = directory.order, directory.big
    body = bytearray(data)
    body += bytes(len(body) % 2)
    struct.pack_into(order + ("Q" if big else "L"), body, 8 if big else 4, len(body))
    body += struct.pack(order + ("Q" if big else "H"), len(needed))
    return bytes(body + b"".join(tag.raw for tag in needed) + bytes(8 if big else 4))


def _open(whole: bytes) -> TiffImagePlugin.TiffImageFile:
    return TiffImagePlugin.TiffImageFile(BytesIO(whole))


def _decode(whole: bytes) -> Image.Image:
    image = _open(whole)
    image.load()
    return image


@cache
def _silence_libtiff() -> None:
    """It writes what it thinks of a damaged file to standard error, past all logging; Pillow raises all the same."""
    with suppress(AttributeError, OSError):  # a Pillow that has it built in does not show its names
        library = Image.core.__file__  # type: ignore[attr-defined]
        ctypes.CDLL(library).TIFFSetErrorHandler(None)
