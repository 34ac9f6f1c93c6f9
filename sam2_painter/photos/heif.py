"""HEIC and AVIF: pictures in boxes, as MP4 has films (ISO/IEC 23008-12).

The boxes are walked here first, within limits, so that no decoder is asked for a picture made of thousands of others.
HEIC is decoded by libheif and libde265 (in the package pi-heif, which cannot encode), AVIF by Pillow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

from PIL import AvifImagePlugin, Image

from ..errors import NotAnImage, TooLarge
from . import profiles
from .exif import read_exif
from .picture import MAX_PROFILE, Picture, check_pixels

MAX_BOXES = 20_000
MAX_ITEMS = 4096
"""Pictures, tiles of pictures and metadata in one file; a phone's 48 megapixels are some 300."""

_HEVC, _AV1, _RAW = frozenset((b"hvc1", b"hev1")), frozenset((b"av01",)), frozenset((b"crx ",))
_MADE_OF_OTHERS = frozenset((b"grid", b"iovl", b"iden", b"tmap"))
_NO_PICTURES = frozenset((b"qt  ", b"M4V ", b"M4A ", b"isom", b"iso2", b"mp41", b"mp42", b"3gp4", b"3gp5", b"avc1"))


@dataclass
class _Item:
    """A picture of the file. kind: how it is coded. size: (W, H) as decoded, before it is turned; None when unsaid.
    parts: ids of the pictures it is made of. codes: primaries and transfer
    characteristics (H.273), 2 for unsaid."""

    kind: bytes
    size: tuple[int, int] | None = None
    parts: tuple[int, ...] = ()
    icc_profile: bytes = b""
    codes: tuple[int, int] = (2, 2)


@dataclass
class _Contents:
    """What the boxes say. Where a number cannot be, it is left out."""

    primary: int = 0
    items: dict[int, _Item] = field(default_factory=dict)


def brands(data: bytes) -> frozenset[bytes]:
    """What the file says it can be read as; empty when it is not of boxes."""
    if data[4:8] != b"ftyp":
        return frozenset()
    length = min(int.from_bytes(data[:4]), 512, len(data))
    return frozenset((data[8:12], *(data[at : at + 4] for at in range(16, length - 3, 4))))


def kind_of(data: bytes) -> str:
    """HEIC or AVIF, by how the main picture is coded; "" for anything else, such as a film."""
    said = brands(data)
    if not said or said & _RAW or data[8:12] in _NO_PICTURES:
        return ""
    try:
        contents = _read(data)
    except (struct.error, LookupError, ValueError):
        contents = _Contents()
    item = contents.items.get(contents.primary)
    coded = {item.kind, *(contents.items[i].kind for i in item.parts[:1] if i in contents.items)} if item else set()
    if coded & _HEVC or (not coded & _AV1 and said & {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"}):
        return "HEIC"
    return "AVIF" if coded & _AV1 or said & {b"avif", b"avis"} else ""


def describe(data: bytes) -> str:
    """What to call a file of boxes that is neither."""
    said = brands(data)
    if said & _RAW:
        return "a camera raw file"
    return "a HEIF picture packed in a way no decoder here knows" if said & {b"mif1", b"msf1", b"miaf"} else "a video"


def read_heif(data: bytes, max_pixels: int, field: str) -> Picture:
    """A HEIC file, by libheif. It gives the picture upright: turns and crops are part of the format."""
    size = _checked(data, max_pixels, field, "a HEIC photo")
    opened = _open_heif(data, field)
    if opened.size not in (size, size[::-1]):  # cropped: never larger than what was checked
        check_pixels(opened.size, max_pixels, field)
    icc, hdr = _colors(data)
    return Picture(
        "HEIC",
        opened.size,
        lambda: _decode_heif(data, field),
        bytes_per_pixel=10,
        icc_profile=icc or _adobe(opened.info.get("exif") or b""),
        dpi=read_exif(opened.info.get("exif") or b"").dpi,
        notes=(profiles.HDR_NOTE,) if hdr else (),
    )


def read_avif(data: bytes, max_pixels: int, field: str) -> Picture:
    """An AVIF file, by Pillow; the first picture of an animation."""
    _checked(data, max_pixels, field, "an AVIF picture")
    image = AvifImagePlugin.AvifImageFile(BytesIO(data))
    exif = image.info.get("exif", b"")
    icc, hdr = _colors(data)
    return Picture(
        "AVIF",
        image.size,
        lambda: _decode_avif(data),
        bytes_per_pixel=12,
        orientation=read_exif(exif).orientation or 1,  # Pillow puts the format's own turns there
        icc_profile=icc or _adobe(exif),
        dpi=read_exif(exif).dpi,
        notes=(profiles.HDR_NOTE,) if hdr else (),
    )


def _open_heif(data: bytes, field: str):  # type: ignore[no-untyped-def]  # pi_heif has no types
    try:
        import pi_heif
    except ImportError:
        raise NotAnImage(
            f'The {field} is a HEIC photo; for those install pi-heif: pip install "pi-heif>=1.4,<2". '
            "Or save it as JPEG.",
            field,
        ) from None
    return pi_heif.open_heif(data, convert_hdr_to_8bit=True)


def _decode_heif(data: bytes, field: str) -> Image.Image:
    opened = _open_heif(data, field)
    return Image.frombytes(opened.mode, opened.size, opened.data, "raw", opened.mode, opened.stride)


def _decode_avif(data: bytes) -> Image.Image:
    image = AvifImagePlugin.AvifImageFile(BytesIO(data))
    image.load()
    return image


def _adobe(exif: bytes) -> bytes:
    return profiles.adobe_rgb_profile() if read_exif(exif).adobe_rgb else b""


def _colors(data: bytes) -> tuple[bytes, bool]:
    """The main picture's profile, its own or made from code points; and whether it is HDR."""
    contents = _read(data)
    item = contents.items[contents.primary]
    parts = [contents.items[part] for part in item.parts[:1] if part in contents.items]
    for one in (item, *parts):
        if one.icc_profile:
            return one.icc_profile, False
        if one.codes != (2, 2):
            return profiles.coded_profile(*one.codes), one.codes[1] in profiles.HDR
    return b"", False


def _checked(data: bytes, max_pixels: int, field: str, what: str) -> tuple[int, int]:
    """(W, H) of the main picture; all that must be decoded for it is within the limits."""
    try:
        contents = _read(data)
        item = contents.items[contents.primary]
    except (struct.error, LookupError, ValueError):
        raise NotAnImage(f"The {field} is {what}, but damaged or cut off. Save it again as JPEG.", field) from None
    if item.size is None:
        raise NotAnImage(f"The {field} is {what} that does not say how large it is. Save it as JPEG.", field)
    check_pixels(item.size, max_pixels, field)
    work, seen = 0, [(item, 0)]
    while seen:
        one, depth = seen.pop()
        if one.kind in _MADE_OF_OTHERS and depth > 2:
            raise NotAnImage("The picture is made of pictures made of pictures. Save it again as JPEG or PNG.", field)
        width, height = one.size or (0, 0)
        work += width * height
        if work > 4 * max_pixels:
            raise TooLarge("The parts of this picture are many times larger than it is itself.", field)
        if one.kind in _MADE_OF_OTHERS:
            seen += [(contents.items[part], depth + 1) for part in one.parts if part in contents.items]
    return item.size


# -- boxes ---------------------------------------------------------------------------------------------------------


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, first byte of the body, end) of each box in data[start:end]."""
    count = 0
    while start + 8 <= end:
        count += 1
        if count > MAX_BOXES:
            raise ValueError("too many boxes")
        size, kind = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8]
        body = start + 8
        if size == 1:
            size, body = int.from_bytes(data[body : body + 8]), body + 8
        stop = end if size == 0 else start + size
        if stop < body:
            raise ValueError("a box ends before it begins")
        yield kind, body, min(stop, end)
        start = stop


def _read(data: bytes) -> _Contents:
    """Raises ValueError, struct.error or LookupError for boxes that make no sense."""
    meta = next(((body, end) for kind, body, end in _boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        raise ValueError("no pictures")
    contents = _Contents()
    inside = {kind: (body, end) for kind, body, end in _boxes(data, meta[0] + 4, meta[1])}
    body, _ = inside[b"pitm"]
    contents.primary = int.from_bytes(data[body + 4 : body + (6 if data[body] == 0 else 8)])
    for item_id, kind in _item_kinds(data, *inside[b"iinf"]):
        contents.items[item_id] = _Item(kind)
    if b"iref" in inside:
        _read_parts(data, *inside[b"iref"], contents)
    if b"iprp" in inside:
        _read_properties(data, *inside[b"iprp"], contents)
    return contents


def _item_kinds(data: bytes, body: int, end: int) -> Iterator[tuple[int, bytes]]:
    start = body + (6 if data[body] == 0 else 8)
    for number, (kind, inner, stop) in enumerate(_boxes(data, start, end)):
        if number >= MAX_ITEMS:
            raise ValueError("too many items")
        if kind == b"infe" and data[inner] in (2, 3) and stop - inner >= 12:
            wide = 2 if data[inner] == 2 else 4
            yield int.from_bytes(data[inner + 4 : inner + 4 + wide]), data[inner + 6 + wide : inner + 10 + wide]


def _read_parts(data: bytes, body: int, end: int, contents: _Contents) -> None:
    wide = 2 if data[body] == 0 else 4
    total = 0
    for kind, inner, stop in _boxes(data, body + 4, end):
        if kind != b"dimg":
            continue
        item = int.from_bytes(data[inner : inner + wide])
        count = int.from_bytes(data[inner + wide : inner + wide + 2])
        first = inner + wide + 2
        total += count
        if first + count * wide > stop or total > 4 * MAX_ITEMS:
            raise ValueError("too many parts")
        parts = tuple(int.from_bytes(data[at : at + wide]) for at in range(first, first + count * wide, wide))
        if item in contents.items:
            contents.items[item].parts = parts


def _read_properties(data: bytes, body: int, end: int, contents: _Contents) -> None:
    properties: list[tuple[bytes, int, int]] = []
    linked = []
    for kind, inner, stop in _boxes(data, body, end):
        if kind == b"ipco":
            properties = list(_boxes(data, inner, stop))
        elif kind == b"ipma":
            linked.append((inner, stop))
    for inner, stop in linked:
        for item_id, numbers in _links(data, inner, stop):
            item = contents.items.get(item_id)
            for number in numbers if item is not None else ():
                if 0 < number <= len(properties):
                    _set_property(data, *properties[number - 1], item)  # type: ignore[arg-type]


def _links(data: bytes, body: int, end: int) -> Iterator[tuple[int, list[int]]]:
    """(item, numbers of its properties from 1) of an `ipma` box."""
    version, wide_numbers = data[body], data[body + 3] & 1
    count = int.from_bytes(data[body + 4 : body + 8])
    at, total = body + 8, 0
    for _ in range(min(count, MAX_ITEMS)):
        wide = 2 if version == 0 else 4
        item_id, number = int.from_bytes(data[at : at + wide]), data[at + wide]
        at += wide + 1
        step = 2 if wide_numbers else 1
        total += number
        if at + number * step > end or total > 16 * MAX_ITEMS:
            raise ValueError("too many properties")
        mask = 0x7FFF if wide_numbers else 0x7F
        yield item_id, [int.from_bytes(data[at + i * step : at + (i + 1) * step]) & mask for i in range(number)]
        at += number * step


def _set_property(data: bytes, kind: bytes, body: int, end: int, item: _Item) -> None:
    if kind == b"ispe" and end - body >= 12:
        item.size = struct.unpack_from(">II", data, body + 4)
    elif kind == b"colr" and data[body : body + 4] in (b"rICC", b"prof"):
        item.icc_profile = data[body + 4 : min(end, body + 4 + MAX_PROFILE + 1)]
    elif kind == b"colr" and data[body : body + 4] == b"nclx" and end - body >= 10:
        item.codes = struct.unpack_from(">HH", data, body + 4)
