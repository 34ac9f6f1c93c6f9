"""Where a photo was taken, taken out of its file; every other byte stays where it is.

What is given away as a project should not tell where somebody lives. Cameras write the place into Exif (its GPS
directory), programs into XMP; films behind a JPEG hold it too.
"""

from __future__ import annotations

import re
import struct
import zlib

from . import heif, png
from .exif import GPS_IFD, BadDirectory, Tag, read_directory

_XMP_PLACE = re.compile(rb"""([\w-]{1,40}:GPS\w{0,40}\s{0,9}=\s{0,9})(["'])(.{0,200}?)\2""", re.IGNORECASE | re.DOTALL)
_XMP_ELEMENT = re.compile(rb"(<[\w-]{1,40}:GPS\w{0,40}(?:\s[^>]{0,200})?>)([^<]{0,200})", re.IGNORECASE)
_HIDDEN = re.compile(rb"Exif\0\0|ftyp|\xa9xyz|loci")  # of a picture or a film behind a JPEG


def without_place(data: bytes) -> bytes:
    """The same picture file without the place it was taken at; `data` itself where it names none. Pixels, colours,
    orientation and dates stay."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(png.SIGNATURE):
        return _png(data)
    body = bytearray(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        _blank_exif(body, 0, len(body))
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        position = 12
        while position + 8 <= len(body):
            length = int.from_bytes(body[position + 4 : position + 8], "little")
            if body[position : position + 4] == b"EXIF":
                _blank_exif(body, position + 8, position + 8 + length)
            position += 8 + length + length % 2
    elif heif.brands(data):
        for mark in re.finditer(rb"Exif\0\0(?=II|MM)|(?<=\0\0\0\0)(?=II\*\0|MM\0\*)", data):
            _blank_exif(body, mark.end(), len(body))
    _blank_xmp(body)
    return data if body == data else bytes(body)


def _jpeg(data: bytes) -> bytes:
    body, position, end = bytearray(data), 2, len(data)
    while position + 4 <= len(body) and body[position] == 0xFF:
        code, length = body[position + 1], int.from_bytes(body[position + 2 : position + 4])
        if code == 0xDA:
            end = _end_of_pixels(data, position)
            break
        if code == 0xE1 and body[position + 4 : position + 10] == b"Exif\0\0":
            _blank_exif(body, position + 10, position + 2 + length)
        position += 2 + length
    _blank_xmp(body)
    if _HIDDEN.search(data, end):
        del body[end:]
    return data if body == data else bytes(body)


def _end_of_pixels(data: bytes, position: int) -> int:
    """Behind the end marker of the picture whose first scan begins at `position`."""
    found = data.find(b"\xff\xd9", position)
    return len(data) if found < 0 else found + 2


def _png(data: bytes) -> bytes:
    kept, position = bytearray(data[:8]), 8
    while position + 8 <= len(data):
        length, name = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        body = bytearray(data[position + 8 : position + 8 + length])
        whole = data[position : position + 12 + length]
        if name == b"eXIf":
            _blank_exif(body, 0, len(body))
        elif name in (b"iTXt", b"tEXt"):
            _blank_xmp(body)
        packed = name in (b"iTXt", b"zTXt") and b"\0" in body
        told = png.inflated(_packed(bytes(body), name), 2**20) if packed else b""
        if re.search(rb"gps", told, re.IGNORECASE) or body.startswith(b"Raw profile type "):
            pass  # packed text that names a place, or Exif as text: left out
        elif bytes(body) == whole[8:-4]:
            kept += whole
        else:
            kept += whole[:8] + body + struct.pack(">I", zlib.crc32(name + body))
        position += 12 + length
        if name == b"IEND":
            break
    return data if kept == data[: len(kept)] and len(kept) == position else bytes(kept)


def _packed(body: bytes, name: bytes) -> bytes:
    """The packed part of a text chunk; empty where it is not packed."""
    _, _, rest = body.partition(b"\0")
    if name == b"zTXt":
        return rest[1:]
    return rest[2:].partition(b"\0")[2].partition(b"\0")[2] if rest[:1] == b"\1" else b""


def _blank_exif(body: bytearray, start: int, end: int) -> None:
    """Take the GPS directory out of the TIFF at body[start:end], in place: its entry goes, its values become zeros."""
    block = bytes(body[start:end])
    if block[:2] not in (b"II", b"MM"):
        return
    try:
        first = read_directory(block)
        if (entry := first.tags.get(GPS_IFD)) is None:
            return
        at = entry.number
        place = read_directory(block, at)
    except (struct.error, OverflowError, BadDirectory):
        return
    for tag in place.tags.values():
        _zero(body, start, tag)
    word, entry_bytes, head = ("<Q" if first.order == "<" else ">Q", 20, 8) if first.big else (first.order + "H", 12, 2)
    (count,) = struct.unpack_from(word, block, at)
    body[start + at : start + at + head + entry_bytes * count] = bytes(head + entry_bytes * count)
    _remove_entry(body, start, block, entry, word, entry_bytes, head)


def _zero(body: bytearray, start: int, tag: Tag) -> None:
    place = start + tag.place
    body[place : place + len(tag.value)] = bytes(len(tag.value))


def _remove_entry(
    body: bytearray, start: int, block: bytes, entry: Tag, word: str, entry_bytes: int, head: int
) -> None:
    """The directory without one entry: those behind it move up, and the place of the next directory with them."""
    big = head == 8
    (directory,) = struct.unpack_from(entry.order + ("Q" if big else "L"), block, 8 if big else 4)
    (count,) = struct.unpack_from(word, block, directory)
    entries = directory + head
    end = entries + entry_bytes * count + (8 if big else 4)
    at = block.index(entry.raw, entries)
    body[start + at : start + end] = block[at + entry_bytes : end] + bytes(entry_bytes)
    struct.pack_into(word, body, start + directory, count - 1)


def _blank_xmp(body: bytearray) -> None:
    """Blanks for every value of a GPS property, in place."""
    if b"GPS" not in body and b"Gps" not in body and b"gps" not in body:
        return
    for pattern, group in ((_XMP_PLACE, 3), (_XMP_ELEMENT, 2)):
        for found in list(pattern.finditer(bytes(body))):
            body[found.start(group) : found.end(group)] = b" " * (found.end(group) - found.start(group))
