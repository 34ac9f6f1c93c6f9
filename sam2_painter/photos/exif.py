"""What a file says about its picture beside the pixels, in Exif and XMP: which way up, which colours, how large.

An Exif block is a TIFF file without pixels, so directories of both are read here, and nothing in them is believed: each
value must lie inside the file, and a directory of thousands of entries is no directory.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

MAX_ENTRIES = 2048
"""Of one directory; the fullest ones of cameras have some three hundred."""

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_TYPE_CODES = {3: "H", 4: "I", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, XMP_PACKET = 274, 282, 283, 296, 700
EXIF_IFD, GPS_IFD, COLOR_SPACE, INTEROP_IFD, INTEROP_INDEX = 34665, 34853, 40961, 40965, 1


class BadDirectory(ValueError):
    """More entries than any directory has."""


@dataclass(frozen=True)
class Tag:
    """One entry of a directory.

    raw: as it stands there. kind: the number of its type. value: its bytes, wherever they are, of `count` values.
    place: where those begin in the file. order: "<" or ">".
    """

    raw: bytes
    kind: int
    count: int
    value: memoryview
    place: int
    order: Literal["<", ">"]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values of a tag that holds numbers; rational ones as floats, 0 for those over 0."""
        if self.kind in (5, 10):
            parts = struct.unpack(f"{self.order}{2 * self.count}{'I' if self.kind == 5 else 'i'}", self.value)
            return tuple(top / below if below else 0.0 for top, below in zip(parts[::2], parts[1::2], strict=True))
        if self.kind in _TYPE_CODES:
            return struct.unpack(f"{self.order}{self.count}{_TYPE_CODES[self.kind]}", self.value)
        return tuple(self.value)

    @property
    def number(self) -> int:
        """The value of a tag that holds one whole number; 0 for an empty one."""
        return int(self.numbers[0]) if self.count else 0


@dataclass(frozen=True)
class Directory:
    """order: "<" or ">". big: whether it is BigTIFF. tags: those whose values lie inside the file, by their numbers.
    next: where the next one begins, 0 for none."""

    order: Literal["<", ">"]
    big: bool
    tags: dict[int, Tag]
    next: int = 0

    def number(self, tag: int, otherwise: int = 0) -> int:
        """The whole number a tag holds."""
        return self.tags[tag].number if tag in self.tags else otherwise

    def numbers(self, tag: int) -> tuple[float, ...]:
        """The numbers a tag holds; () without it."""
        return self.tags[tag].numbers if tag in self.tags else ()


def read_directory(data: bytes, start: int | None = None) -> Directory:
    """The directory that begins at `start`, by default the first one of the file.

    Raises BadDirectory for one of too many entries, struct.error or OverflowError for one that leaves the file.
    """
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, entry_bytes = ("Q", 20) if big else ("L", 12)
    word_bytes = struct.calcsize(order + word)
    if start is None:
        (start,) = struct.unpack_from(order + word, data, 8 if big else 4)
    (number,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    if number > MAX_ENTRIES:
        raise BadDirectory(f"{number} entries")
    start += 8 if big else 2
    end = start + entry_bytes * number
    view, tags = memoryview(data), dict[int, Tag]()
    for at in range(start, end, entry_bytes):
        tag, kind, count = struct.unpack_from(f"{order}HH{word}", data, at)
        size = count * _TYPE_BYTES.get(kind, len(data) + 1)
        place = at + entry_bytes - word_bytes
        if size > word_bytes:
            (place,) = struct.unpack_from(order + word, data, place)
        if place + size <= len(data):
            raw = data[at : at + entry_bytes]
            tags.setdefault(tag, Tag(raw, kind, count, view[place : place + size], place, order))
    following = struct.unpack_from(order + word, data, end)[0] if end + word_bytes <= len(data) else 0
    return Directory(order, big, tags, following)


@dataclass(frozen=True)
class Exif:
    """What matters of an Exif block. orientation: 1 to 8, 0 where it does not say. adobe_rgb: whether the colours are
    Adobe RGB's (1998), which cameras say without a profile. dpi: pixels an inch, (x, y)."""

    orientation: int = 0
    adobe_rgb: bool = False
    dpi: tuple[float, float] | None = None


def read_exif(block: bytes) -> Exif:
    """An Exif block, which begins with a TIFF header; a broken one says nothing."""
    block = block.removeprefix(b"Exif\0\0")
    if block[:2] not in (b"II", b"MM"):
        return Exif()
    try:
        return from_directory(block, read_directory(block))
    except (struct.error, OverflowError, ValueError):
        return Exif()


def from_directory(data: bytes, first: Directory) -> Exif:
    """`read_exif` of a directory that was read already."""
    orientation = first.number(ORIENTATION)
    return Exif(orientation if 1 <= orientation <= 8 else 0, _is_adobe_rgb(data, first), _dpi(first))


def _is_adobe_rgb(data: bytes, first: Directory) -> bool:
    """Exif has no number for Adobe RGB: cameras write 2, or "uncalibrated" and DCF's interoperability index R03."""
    try:
        camera = read_directory(data, first.number(EXIF_IFD)) if EXIF_IFD in first.tags else None
        if camera is None or camera.number(COLOR_SPACE) == 1:
            return False
        if camera.number(COLOR_SPACE) == 2:
            return True
        if INTEROP_IFD not in camera.tags:
            return False
        index = read_directory(data, camera.number(INTEROP_IFD)).tags.get(INTEROP_INDEX)
    except (struct.error, OverflowError, ValueError):
        return False
    return index is not None and bytes(index.value).startswith(b"R03")


def _dpi(first: Directory) -> tuple[float, float] | None:
    across, down = first.numbers(X_RESOLUTION), first.numbers(Y_RESOLUTION)
    unit = {2: 1.0, 3: 2.54}.get(first.number(RESOLUTION_UNIT, 2))
    if len(across) != 1 or len(down) != 1 or unit is None:
        return None
    return sane_dpi(across[0] * unit, down[0] * unit)


def sane_dpi(across: float, down: float) -> tuple[float, float] | None:
    """Both, where they can be true."""
    return (across, down) if 1 <= across <= 30_000 and 1 <= down <= 30_000 else None


def xmp_orientation(packet: bytes) -> int:
    """1 to 8 from an XMP packet, as an attribute or an element; 0 where it does not say."""
    found = _XMP_ORIENTATION.search(packet[:MAX_XMP])
    return int(found[1]) if found else 0


MAX_XMP = 2**20
_XMP_ORIENTATION = re.compile(rb"""tiff:Orientation(?:\s{0,9}=\s{0,9}["']|\s{0,9}>\s{0,9})([1-8])\s{0,9}["'<]""")
