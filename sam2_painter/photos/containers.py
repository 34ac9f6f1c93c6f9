"""Picture files, read with suspicion: what a file is, by its content, before any pixel of it is decoded.

Metadata is where a small file hides a large bill: a directory that claims the same 50 MB sixty thousand
times, a colour profile that unpacks to gigabytes. So the decoder never sees it. Each reader below walks the
parts of a file, takes out the orientation and the colour profile, and hands on a file of pixels only.
"""

from __future__ import annotations

import ctypes
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO

from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, TiffTags, WebPImagePlugin

from ..errors import NotAnImage, PainterError, TooLarge

MAX_PIXELS = 80_000_000
_MAX_PROFILE = 8 * 1024 * 1024
_MAX_TAGS = 16 * 1024 * 1024
_MAX_SCANS = 100  # a progressive JPEG has about ten; each one more is another pass over all pixels
_USE = "use JPEG, PNG, BMP, TIFF or WebP"


@dataclass(frozen=True, eq=False)
class Picture:
    """An opened file, nothing decoded yet. `image.load()` inside `pillow_errors` does that.

    image: Pillow's, in the file's own mode, without metadata. format: JPEG, PNG, BMP, TIFF or WEBP. orientation:
    1 to 8 as Exif counts, 1 upright. icc_profile: bytes, empty for none.
    """

    image: Image.Image
    format: str
    orientation: int = 1
    icc_profile: bytes = b""


def open_picture(
    data: bytes, *, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = (), field: str = "photo"
) -> Picture:
    """Find out what `data` is and open it, decoding no pixel.

    formats: the ones allowed, () for all five. Raises NotAnImage for anything else, TooLarge above max_pixels.
    """
    with pillow_errors(field):
        kind = _kind(data)
        if kind not in (formats or _READERS):
            wanted = f"use {' or '.join(formats)}" if formats else _USE
            raise NotAnImage(f"The {field} is {_describe(data, kind)}, which cannot be opened here: {wanted}.", field)
        picture = _READERS[kind](data, max_pixels)
        check_pixels(picture.image.size, max_pixels, field)
        return picture


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


# -- which kind of file


def _kind(data: bytes) -> str:
    """JPEG, PNG, BMP, TIFF, WEBP, or "" for anything else."""
    for prefix, kind in _PREFIXES:
        if data.startswith(prefix):
            return "" if kind == "TIFF" and data[8:10] == b"CR" else kind  # Canon's raw files begin like TIFF
    return "WEBP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


_PREFIXES = (
    (b"\xff\xd8", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)


def _describe(data: bytes, kind: str) -> str:
    """What to call a file that is refused."""
    if kind:
        return f"a {kind} picture"
    if not data:
        return "an empty file"
    brand = data[8:12]
    if data[4:8] == b"ftyp":
        if brand in (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"):
            return "a HEIC photo"
        return "an AVIF picture" if brand in (b"avif", b"avis") else "a video"
    for prefix, name in _OTHERS:
        if data.startswith(prefix):
            return name
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<svg") or b"<svg" in head:
        return "an SVG drawing"
    if b"\0" not in head and not re.search(rb"[\x01-\x08\x0e-\x1f]", head):
        return "a text file"
    return "of no kind we know"


_OTHERS = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF document"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"II*\0", "a camera raw file"),
    (b"\0\0\1\0", "an icon"),
    (b"PK\3\4", "a ZIP archive"),
)


# -- JPEG


def _jpeg(data: bytes, max_pixels: int) -> Picture:
    exif, profile, kept = b"", {}, bytearray(data[:2])
    position, scans, ended = 2, 0, False
    while not ended and (marker := _JPEG_MARKER.search(data, position)):
        start, code = marker.end() - 2, data[marker.end() - 1]
        if scans:  # what lies between two markers of the picture itself are its pixels
            kept += data[position:start]
        position = start + 2
        if code in _JPEG_ALONE:
            ended = code == _JPEG_END
            kept += data[start:position]
            continue
        length = int.from_bytes(data[position : position + 2])
        position += length
        segment = data[start + 4 : position]
        if code == 0xE1 and segment[:6] == b"Exif\0\0" and not exif:
            exif = segment[6:]
        elif code == 0xE2 and segment[:12] == b"ICC_PROFILE\0":
            profile.setdefault(segment[12:13], segment[14:])
        elif code in _JPEG_NEEDED or not (0xE0 <= code <= 0xEF or code == 0xFE):  # APPn and comments are metadata
            kept += data[start:position]
        scans += code == 0xDA
        if scans > _MAX_SCANS:
            raise NotAnImage(f"The JPEG has more than {_MAX_SCANS} scans. Save it again as JPEG or PNG.", "photo")
    if not ended:
        kept += data[position:]
    image = JpegImagePlugin.JpegImageFile(BytesIO(kept))
    return Picture(image, "JPEG", _exif_orientation(exif), b"".join(profile[key] for key in sorted(profile)))


_JPEG_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")  # not the restarts inside a scan
_JPEG_END = 0xD9
_JPEG_ALONE = frozenset((0xD8, _JPEG_END))  # markers without a length
_JPEG_NEEDED = frozenset((0xE0, 0xEE))  # JFIF and Adobe say which colours the components are


# -- PNG


def _png(data: bytes, max_pixels: int) -> Picture:
    exif = profile = b""
    kept, position = bytearray(data[:8]), 8
    while position < len(data):
        length, name = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        after = position + 12 + length
        if name[:1].isupper() or name == b"tRNS":  # upper case: needed to show the picture
            kept += data[position:after]
        elif name == b"eXIf":
            exif = data[position + 8 : after - 4]
        elif name == b"iCCP":
            _, _, packed = data[position + 8 : after - 4].partition(b"\0")
            profile = _unpack(packed[1:])
        position = after
        if name == b"IEND":
            break
    return Picture(PngImagePlugin.PngImageFile(BytesIO(kept)), "PNG", _exif_orientation(exif), profile)


def _unpack(packed: bytes) -> bytes:
    """Inflate a colour profile; empty when it is broken or unreasonably large."""
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed, _MAX_PROFILE)
    except zlib.error:
        return b""
    return profile if unpacker.eof else b""


# -- BMP


def _bmp(data: bytes, max_pixels: int) -> Picture:
    return Picture(BmpImagePlugin.BmpImageFile(BytesIO(data)), "BMP")


# -- WebP


def _webp(data: bytes, max_pixels: int) -> Picture:
    exif = profile = b""
    size, position = None, 12
    while position + 8 <= len(data):
        name, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        start = position + 8
        if size is None and name in _WEBP_SIZES:
            size = _WEBP_SIZES[name](data[start : start + 10])
            check_pixels(size, max_pixels)  # its decoder allocates the canvas when it is opened
        elif name == b"ICCP":
            profile = data[start : start + length]
        elif name == b"EXIF":
            exif = data[start : start + length].removeprefix(b"Exif\0\0")
        position = start + length + length % 2
    image = WebPImagePlugin.WebPImageFile(BytesIO(data))
    return Picture(image, "WEBP", _exif_orientation(exif), profile)


def _vp8x_size(body: bytes) -> tuple[int, int]:
    return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")


def _vp8_size(body: bytes) -> tuple[int, int]:
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _vp8l_size(body: bytes) -> tuple[int, int]:
    bits = int.from_bytes(body[1:5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)


_WEBP_SIZES = {b"VP8X": _vp8x_size, b"VP8 ": _vp8_size, b"VP8L": _vp8l_size}


# -- TIFF, and the Exif block, which is a TIFF file without pixels


@dataclass(frozen=True)
class _Tag:
    """One entry of a directory. raw: as it stands there. value: its bytes, wherever they are, of `count` numbers."""

    raw: bytes
    count: int
    value: memoryview
    order: str

    @property
    def whole_number(self) -> int:
        """The value of a tag that holds one whole number."""
        return int.from_bytes(self.value, "little" if self.order == "<" else "big")


_ORIENTATION, _PROFILE, _DNG_VERSION, _SUBFILE, _TILE_WIDTH, _TILE_LENGTH = 274, 34675, 50706, 254, 322, 323
_JPEG_TABLES = 347
_PIXEL_TAGS = frozenset(
    (256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 338, 339)
    + (_JPEG_TABLES, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532)  # JPEG inside TIFF, YCbCr
)
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def _first_directory(data: bytes) -> tuple[str, bool, dict[int, _Tag]]:
    """Byte order ("<" or ">"), whether it is BigTIFF, and the tags whose values lie inside the file.

    Raises struct.error or OverflowError when the directory leaves the file.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, entry_bytes = ("Q", 20) if big else ("L", 12)
    word_bytes = struct.calcsize(order + word)
    (start,) = struct.unpack_from(order + word, data, 8 if big else 4)
    (number,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    start += 8 if big else 2
    view, tags = memoryview(data), {}
    for at in range(start, start + entry_bytes * min(number, 0xFFFF), entry_bytes):
        tag, kind, count = struct.unpack_from(f"{order}HH{word}", data, at)
        size = count * _TYPE_BYTES.get(kind, len(data) + 1)
        place = at + entry_bytes - word_bytes
        if size > word_bytes:
            (place,) = struct.unpack_from(order + word, data, place)
        if place + size <= len(data):
            tags.setdefault(tag, _Tag(data[at : at + entry_bytes], count, view[place : place + size], order))
    return order, big, tags


@cache
def _silence_libtiff() -> None:
    """It writes what it thinks of a damaged file to standard error, past all logging; Pillow raises all the same."""
    with suppress(AttributeError, OSError):  # a Pillow that has it built in does not show its names
        ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)


def _tiff(data: bytes, max_pixels: int) -> Picture:
    _silence_libtiff()
    order, big, tags = _first_directory(data)
    if _DNG_VERSION in tags or (_SUBFILE in tags and tags[_SUBFILE].whole_number & 1):  # the first picture: a thumbnail
        raise NotAnImage(f"The photo is a camera raw file, which cannot be opened here: {_USE}.", "photo")
    if _TILE_WIDTH in tags and _TILE_LENGTH in tags:  # a 1x1 picture may claim a tile of gigabytes
        check_pixels((tags[_TILE_WIDTH].whole_number, tags[_TILE_LENGTH].whole_number), max_pixels)
    needed = [
        tags[name]
        for name in sorted(_PIXEL_TAGS & tags.keys())
        if tags[name].count == 1 or TiffTags.lookup(name).length != 1 or name == _JPEG_TABLES  # else Pillow warns
    ]
    if sum(len(tag.value) for tag in needed) > _MAX_TAGS:
        raise NotAnImage("The TIFF has an unreasonably large directory. Save it again as PNG.", "photo")
    # A second directory, of pixels only, is put behind the file, and the header points to it.
    body = bytearray(data)
    body += bytes(len(body) % 2)
    struct.pack_into(order + ("Q" if big else "L"), body, 8 if big else 4, len(body))
    body += struct.pack(order + ("Q" if big else "H"), len(needed))
    body += b"".join(tag.raw for tag in needed) + bytes(8 if big else 4)
    orientation = tags[_ORIENTATION].whole_number if _ORIENTATION in tags else 1
    profile = bytes(tags[_PROFILE].value[: _MAX_PROFILE + 1]) if _PROFILE in tags else b""
    image = TiffImagePlugin.TiffImageFile(BytesIO(body))
    return Picture(image, "TIFF", orientation if 1 <= orientation <= 8 else 1, profile)


def _exif_orientation(exif: bytes) -> int:
    """1 to 8; 1 for a block without one, or a broken one."""
    if exif[:2] not in (b"II", b"MM"):
        return 1
    try:
        _, _, tags = _first_directory(exif)
    except (struct.error, OverflowError):
        return 1
    orientation = tags[_ORIENTATION].whole_number if _ORIENTATION in tags else 1
    return orientation if 1 <= orientation <= 8 else 1


_READERS = {"JPEG": _jpeg, "PNG": _png, "BMP": _bmp, "TIFF": _tiff, "WEBP": _webp}
