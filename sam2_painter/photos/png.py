"""PNG, its parts walked and only those handed on that the pixels need."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image, PngImagePlugin

from ..errors import NotAnImage
from . import profiles
from .exif import MAX_XMP, read_exif, sane_dpi, xmp_orientation
from .picture import MAX_PROFILE, Decoded, Picture
from .pixels import read_array

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 20_000
"""Of one file; 50 MB in parts of 4 kB are 12,800."""

_NEEDED = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_READ = frozenset((b"eXIf", b"iCCP", b"cICP", b"sRGB", b"gAMA", b"cHRM", b"sBIT", b"pHYs", b"iTXt"))
_GREY = frozenset((0, 4))  # colour types
_XMP = b"XML:com.adobe.xmp\0"


def read_png(data: bytes, max_pixels: int, field: str) -> Picture:
    """A PNG file. Raises NotAnImage for one in thousands of parts, or with parts nobody here understands."""
    kept, said = _chunks(data, field)
    image = PngImagePlugin.PngImageFile(BytesIO(kept))
    depth, color = data[24], data[25]
    exif = read_exif(said.get(b"eXIf", b""))
    icc, hdr = _profile(said, grey=color in _GREY)
    return Picture(
        "PNG",
        image.size,
        lambda: _decode(kept, depth, color, _significant(said)),
        bytes_per_pixel=9 if depth <= 8 else 14,
        orientation=exif.orientation or xmp_orientation(_xmp(said.get(b"iTXt", b""))) or 1,
        icc_profile=icc or (profiles.adobe_rgb_profile() if exif.adobe_rgb and color not in _GREY else b""),
        bits=_significant(said) if depth == 16 else 0,
        dpi=_dpi(said.get(b"pHYs", b"")) or exif.dpi,
        notes=(profiles.HDR_NOTE,) if hdr else (),
    )


def _chunks(data: bytes, field: str) -> tuple[bytes, dict[bytes, bytes]]:
    """A file of the parts that pixels need, their data in one piece; and the bodies of what is read beside them."""
    head, pixels, tail, said = bytearray(SIGNATURE), list[bytes](), b"", dict[bytes, bytes]()
    position, count = 8, 0
    while position + 8 <= len(data):
        count += 1
        if count > MAX_CHUNKS:
            raise NotAnImage(f"The PNG is in more than {MAX_CHUNKS} parts. Save it again as PNG.", field)
        length, name = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        body, after = position + 8, position + 12 + length
        if name == b"CgBI":
            raise NotAnImage(f"The {field} is a PNG for iPhone programs only (CgBI). Save it again as PNG.", field)
        if name == b"IDAT":
            if zlib.crc32(memoryview(data)[position + 4 : after - 4]) != int.from_bytes(data[after - 4 : after]):
                raise OSError("truncated" if after > len(data) else "a checksum is wrong")
            pixels.append(data[body : after - 4])
        elif name in _NEEDED:
            if name == b"IEND":
                tail = data[position:after]
                break
            head += data[position:after]
        elif name in _READ and (name != b"iTXt" or data.startswith(_XMP, body)):
            said.setdefault(name, data[body : after - 4])
        elif name[:1].isupper():  # needed to show the picture, says the standard
            raise NotAnImage(
                f"The PNG holds a part {name.decode('ascii', 'replace')} of no standard. Save it again as PNG.", field
            )
        position = after
    if pixels:
        whole = b"".join(pixels)
        head += struct.pack(">I", len(whole)) + b"IDAT" + whole + struct.pack(">I", zlib.crc32(whole, _IDAT_CRC))
    return bytes(head) + tail, said


_IDAT_CRC = zlib.crc32(b"IDAT")


def _decode(data: bytes, depth: int, color: int, bits: int) -> Decoded:
    image = PngImagePlugin.PngImageFile(BytesIO(data))
    image.load()
    if depth < 16 or image.mode.startswith("I") or "transparency" in image.info:
        return image
    # Pillow keeps the upper byte of 16-bit colours: nothing, where only the lower bits are in use.
    darkest = max(extreme[1] for extreme in _extrema(image)[: 1 if color in _GREY else 3])
    if darkest >= 2 ** max(0, (bits or 12) - 8):
        return image
    del image
    deep = read_array(data, np.uint16)
    if deep is None:
        raise OSError("damaged")
    return deep


def _extrema(image: Image.Image) -> list[tuple[int, int]]:
    found = image.getextrema()
    return [found] if isinstance(found[0], (int, float)) else list(found)  # type: ignore[list-item]


def _significant(said: dict[bytes, bytes]) -> int:
    """Bits of the colours (not of alpha) that are in use, as sBIT says; 0 where it says nothing."""
    return max(said.get(b"sBIT", b"")[:3], default=0)


def _profile(said: dict[bytes, bytes], *, grey: bool) -> tuple[bytes, bool]:
    """The first that there is of cICP, iCCP, sRGB and gAMA, as the standard orders them; and whether it is HDR."""
    if len(coded := said.get(b"cICP", b"")) == 4 and coded[2] == 0:
        return profiles.coded_profile(coded[0], coded[1], grey=grey), coded[1] in profiles.HDR
    if packed := said.get(b"iCCP", b"").partition(b"\0")[2]:
        return inflated(packed[1:], MAX_PROFILE), False
    gamma, chromaticities = said.get(b"gAMA", b""), said.get(b"cHRM", b"")
    if b"sRGB" in said or (len(gamma) != 4 and len(chromaticities) != 32):
        return b"", False
    primaries = None
    if len(chromaticities) == 32:
        white, red, green, blue = (
            (x / 100_000, y / 100_000) for x, y in struct.iter_unpack(">II", chromaticities)
        )  # white comes first
        primaries = (red, green, blue, white)
    encoding = int.from_bytes(gamma) / 100_000 if len(gamma) == 4 else 1 / 2.2
    return profiles.tagged_profile(1 / encoding if encoding else 0, primaries, grey=grey), False


def _dpi(body: bytes) -> tuple[float, float] | None:
    if len(body) != 9 or body[8] != 1:  # 1: pixels a metre
        return None
    across, down = struct.unpack(">II", body[:8])
    return sane_dpi(across * 0.0254, down * 0.0254)


def _xmp(body: bytes) -> bytes:
    """The packet inside an iTXt chunk."""
    if not body.startswith(_XMP):
        return b""
    packed, rest = body[len(_XMP) : len(_XMP) + 1] == b"\1", body[len(_XMP) + 2 :]
    packet = rest.partition(b"\0")[2].partition(b"\0")[2]
    return inflated(packet, MAX_XMP) if packed else packet


def chunk(name: bytes, body: bytes) -> bytes:
    """A part of a PNG file as it is written: length, name, body, and the checksum of both."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def inflated(packed: bytes, most: int) -> bytes:
    """What zlib packed; empty when it is broken or larger than `most` bytes."""
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, most)
    except zlib.error:
        return b""
    return raw if unpacker.eof else b""
