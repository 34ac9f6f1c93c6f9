"""Where a photo was taken, taken out of its file; every other byte stays where it is.

What is given away as a project should not tell where somebody lives. Cameras write the place into Exif (its GPS
directory), programs into XMP and IPTC, by names too: city, street, country; films behind a JPEG hold it.
"""

from __future__ import annotations

import re
import struct
import zlib
from itertools import islice

from . import heif, png
from .exif import GPS_IFD, BadDirectory, Tag, read_directory

_XMP_NAME = re.compile(  # numbers of GPS, and names in IPTC's Core and Extension and in Photoshop's properties
    rb":(?:GPS\w{0,40}|City|State|Province(?:State|Name)|Country(?:Name|Code)?|Location|Sub-?location|WorldRegion|"
    rb"Location(?:Shown|Created|Name|Id)|PersonsAddress|Ci(?:Ad|Urlk)\w{0,20})(?=[\s=/>])",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rb"""\s{0,9}=\s{0,9}(["'])(.{0,2000}?)\1""", re.DOTALL)
_BETWEEN_TAGS = re.compile(rb"(?<=>)[^<]+(?=<)")
_MOST_NAMES, _MOST_INSIDE = 2000, 20_000  # that are looked at in a file, and bytes inside an element
_IPTC_PLACES = frozenset((26, 27, 90, 92, 95, 100, 101))
"""Datasets of IPTC's application record: content location (code, name), city, sublocation, province, country."""

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
        _blank_names(body)
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
        if code == 0xED and body.startswith(_PHOTOSHOP, position + 4):
            _blank_photoshop(body, position + 4 + len(_PHOTOSHOP), position + 2 + length)
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
        if _XMP_NAME.search(told) or re.search(rb"gps", told, re.IGNORECASE) or body.startswith(b"Raw profile type "):
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


def _blank_names(body: bytearray) -> None:
    """Names of places in IPTC's and Photoshop's tags of a TIFF file."""
    try:
        tags = read_directory(bytes(body)).tags
    except (struct.error, OverflowError, BadDirectory):
        return
    if iptc := tags.get(_IPTC_TAG):
        _blank_iptc(body, iptc.place, iptc.place + len(iptc.value))
    if blocks := tags.get(_PHOTOSHOP_TAG):
        _blank_photoshop(body, blocks.place, blocks.place + len(blocks.value))


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
    """Blanks for every value of a property that tells a place, in place: whatever stands inside an element of one."""
    for found in list(islice(_XMP_NAME.finditer(bytes(body)), _MOST_NAMES)):
        begin, end = found.start(), found.end()
        while begin and found.start() - begin < 40 and body[begin - 1 : begin].isalnum():
            begin -= 1
        if value := _ATTRIBUTE.match(body, end):
            _blank(body, value.start(2), value.end(2))
        elif body[begin - 1 : begin] == b"<":
            close = body.find(b"</" + body[begin:end], end, end + _MOST_INSIDE)
            close = close if close >= 0 else body.find(b">", end, end + _MOST_INSIDE)
            _blank_inside(body, end, max(end, close))


def _blank_inside(body: bytearray, start: int, stop: int) -> None:
    """Text and attributes of what stands at body[start:stop], but for the addresses of namespaces."""
    inside = bytes(body[start:stop]) + b"<"
    for text in list(_BETWEEN_TAGS.finditer(inside)):
        _blank(body, start + text.start(), start + text.end())
    for value in list(_ATTRIBUTE.finditer(inside)):
        if b"://" not in value[2]:
            _blank(body, start + value.start(2), start + value.end(2))


def _blank(body: bytearray, start: int, stop: int) -> None:
    body[start:stop] = b" " * (stop - start)


def _blank_iptc(body: bytearray, start: int, end: int) -> None:
    """Blanks for each dataset of IPTC that names a place, among those at body[start:end], in place."""
    position = start
    while position + 5 <= end and body[position] == 0x1C:
        record, dataset = body[position + 1 : position + 3]
        length = int.from_bytes(body[position + 3 : position + 5])
        if length & 0x8000:  # an extended one: its length is behind, and no name of a place is so long
            return
        if record == 2 and dataset in _IPTC_PLACES:
            _blank(body, position + 5, min(end, position + 5 + length))
        position += 5 + length


def _blank_photoshop(body: bytearray, start: int, end: int) -> None:
    """The same for IPTC inside Photoshop's blocks ("8BIM", number, name, length, data, each even)."""
    position = start
    while position + 12 <= end and body[position : position + 4] == b"8BIM":
        number, name = int.from_bytes(body[position + 4 : position + 6]), 1 + body[position + 6]
        at = position + 6 + name + name % 2
        length, data = int.from_bytes(body[at : at + 4]), at + 4
        if number == _IPTC_BLOCK:
            _blank_iptc(body, data, min(end, data + length))
        position = data + length + length % 2


_IPTC_BLOCK = 0x0404
_PHOTOSHOP = b"Photoshop 3.0\0"
_IPTC_TAG, _PHOTOSHOP_TAG = 33723, 34377
