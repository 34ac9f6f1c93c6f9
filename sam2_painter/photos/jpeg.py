"""JPEG, its parts walked and only those handed on that the pixels need.

Cameras and programs put much around a JPEG's picture: previews, depth maps, a film behind its end, a few bytes before
its start. All of that is left out here.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image, JpegImagePlugin

from ..errors import NotAnImage
from . import profiles
from .exif import Exif, read_exif, sane_dpi, xmp_orientation
from .picture import MAX_PROFILE, Picture
from .pixels import STRIP_PIXELS

MAX_SCANS = 100  # a progressive JPEG has about ten; each one more is another pass over all pixels
MAX_SCANNED = 3_200_000_000  # pixels of all scans together

MAX_SEGMENTS = 4096
"""Of one file; 50 MB of metadata in parts of 64 kB are 800."""

MAX_BEFORE = 4096
"""Bytes that may stand before the start of a picture, such as the line feed of a careless server."""

MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")  # not the restarts inside a scan
START, END, _SCAN = 0xD8, 0xD9, 0xDA
_ALONE = frozenset((START, END))  # markers without a length
_NEEDED = frozenset((0xE0, 0xEE))  # JFIF and Adobe say which colours the components are
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def start_of_jpeg(data: bytes) -> int:
    """Where a JPEG begins near the start of data of no known kind; -1 where none does."""
    found = _BEGINS.search(data[: MAX_BEFORE + 4])
    return found.start() if found else -1


_BEGINS = re.compile(rb"\xff\xd8\xff[\xc0-\xcf\xdb\xdd\xe0-\xef\xfe]")


@dataclass
class _Scans:
    """Which coefficients of which component came, to how many bits: whether a picture without an end is whole."""

    components: set[int] = field(default_factory=set)
    progressive: bool = False
    pixels: int = 0
    left: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [99] * 64))
    count: int = 0

    def frame(self, code: int, body: bytes) -> None:
        self.progressive = code in _PROGRESSIVE
        self.pixels = int.from_bytes(body[1:3]) * int.from_bytes(body[3:5])
        self.components = {body[6 + 3 * i] for i in range(body[5])} if len(body) >= 6 + 3 * body[5:6][0] else set()

    def scan(self, body: bytes) -> None:
        self.count += 1
        number = body[0] if body else 0
        if len(body) < 4 + 2 * number:
            return
        first, last, bits = body[1 + 2 * number : 4 + 2 * number]
        for i in range(number):
            for at in range(first, min(last, 63) + 1):
                self.left[body[1 + 2 * i]][at] = bits & 15

    @property
    def whole(self) -> bool:
        """Whether every coefficient of every component came, to its last bit."""
        return bool(self.components) and all(not any(self.left[component]) for component in self.components)


class _Parts:
    """The parts of a file: `kept` is the file less its metadata, which are beside it."""

    def __init__(self, head: bytes):
        self.kept = bytearray(head)
        self.scans = _Scans()
        self.exif = self.xmp = b""
        self._icc: dict[bytes, bytes] = {}

    def add(self, code: int, part: bytes) -> None:
        """The next part, from its marker on."""
        body = part[4:]
        if code == 0xE1 and body[:6] == b"Exif\0\0" and not self.exif:
            self.exif = body[6:]
        elif code == 0xE1 and body.startswith(_XMP) and not self.xmp:
            self.xmp = body[len(_XMP) :]
        elif code == 0xE2 and body[:12] == b"ICC_PROFILE\0":
            self._icc.setdefault(body[12:13], body[14:])
        elif code in _NEEDED or not (0xE0 <= code <= 0xEF or code == 0xFE):  # APPn and comments are metadata
            self.kept += part
        if code in _FRAMES:
            self.scans.frame(code, body)
        elif code == _SCAN:
            self.scans.scan(body)

    @property
    def icc_profile(self) -> bytes:
        """The profile its parts make, b"" without one."""
        return b"".join(self._icc[key] for key in sorted(self._icc))[: MAX_PROFILE + 1]


def read_jpeg(data: bytes, max_pixels: int, field: str) -> Picture:
    """A JPEG file, from its start or a few bytes before it. Raises NotAnImage for one of thousands of parts."""
    parts, ended = _parts(data, field)
    pixels, scans = bytes(parts.kept), parts.scans
    said = read_exif(parts.exif)
    orientation = said.orientation or xmp_orientation(parts.xmp) or 1
    return Picture(
        "JPEG",
        JpegImagePlugin.JpegImageFile(BytesIO(pixels)).size,
        lambda: _decode(pixels) if ended else _decode_without_end(pixels, scans),
        bytes_per_pixel=12 if scans.progressive or orientation > 1 else 9,  # to turn it takes a copy
        orientation=orientation,
        icc_profile=parts.icc_profile or (profiles.adobe_rgb_profile() if said.adobe_rgb else b""),
        dpi=_dpi(pixels, said),
    )


def _parts(data: bytes, field: str) -> tuple[_Parts, bool]:
    """The file's parts, and whether they came to their end."""
    begin = max(0, start_of_jpeg(data))
    parts, position, count = _Parts(data[begin : begin + 2]), begin + 2, 0
    while marker := MARKER.search(data, position):
        count += 1
        if count > MAX_SEGMENTS:
            raise NotAnImage(f"The JPEG is in more than {MAX_SEGMENTS} parts. Save it again as JPEG or PNG.", field)
        start, code = marker.end() - 2, data[marker.end() - 1]
        if parts.scans.count:  # what lies between two markers of the picture itself are its pixels
            parts.kept += data[position:start]
        position = start + 2
        if code in _ALONE:
            parts.kept += data[start:position]
            if code == END:
                return parts, True
            continue
        position += max(2, int.from_bytes(data[position : position + 2]))
        parts.add(code, data[start:position])
        if code == _SCAN and parts.scans.count > min(MAX_SCANS, MAX_SCANNED // max(1, parts.scans.pixels)):
            raise NotAnImage(f"The JPEG has {parts.scans.count} scans or more. Save it again as JPEG or PNG.", field)
    parts.kept += data[position:]
    return parts, False


def _decode(data: bytes) -> Image.Image:
    image = JpegImagePlugin.JpegImageFile(BytesIO(data))
    image.load()
    return image


def _decode_without_end(data: bytes, scans: _Scans) -> Image.Image:
    """Phones end a panorama without the end marker. It is whole when what would follow makes no difference."""
    if not scans.whole:
        raise OSError("truncated")
    end = bytes((0xFF, END))
    data = data.removesuffix(b"\xff")
    first, other = (_checksum(_decode(data + tail + end)) for tail in (b"", _PROBE))
    if first != other:
        raise OSError("truncated")
    return _decode(data + end)


_PROBE = bytes(254 - (7 * i * i + 11 * i) % 251 for i in range(1024))
"""Bytes that a decoder that still waits for pixels would make some from; without 0xff, which begins a marker."""


def _checksum(image: Image.Image) -> int:
    width, height = image.size
    rows, found = max(1, STRIP_PIXELS // width), 0
    for top in range(0, height, rows):
        found = zlib.crc32(image.crop((0, top, width, min(top + rows, height))).tobytes(), found)
    return found


def _dpi(kept: bytes, exif: Exif) -> tuple[float, float] | None:
    """JFIF's, where it names a unit; else that of Exif."""
    at = kept.find(b"JFIF\0", 0, 64)
    unit = {1: 1.0, 2: 2.54}.get(kept[at + 7]) if 0 <= at and at + 12 <= len(kept) else None
    if unit is not None:
        across, down = int.from_bytes(kept[at + 8 : at + 10]), int.from_bytes(kept[at + 10 : at + 12])
        return sane_dpi(across * unit, down * unit)
    return exif.dpi
