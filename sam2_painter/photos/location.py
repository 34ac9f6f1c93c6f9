"""Where a photo was taken, taken out of its file; every other byte stays where it is.

What is given away as a project should not tell where somebody lives. Cameras write the place into Exif (its GPS
directory), programs into XMP and IPTC, by names too: city, street, country; films behind a JPEG hold it.
"""

from __future__ import annotations

import re
import struct
from itertools import islice

from . import heif, png
from .exif import GPS_IFD, BadDirectory, Tag, read_directory
from .jpeg import END, MARKER, START, start_of_jpeg

_XMP_NAME = re.compile(  # numbers of GPS, and names in IPTC's Core and Extension and in Photoshop's properties
    rb":(?:GPS\w{0,40}|City|State|Province(?:State|Name)|Country(?:Name|Code)?|Location|Sub-?location|WorldRegion|"
    rb"Location(?:Shown|Created|Name|Id)|PersonsAddress|Ci(?:Ad|Urlk)\w{0,20})(?=[\s=/>])",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rb"""\s{0,9}=\s{0,9}(["'])(.{0,2000}?)\1""", re.DOTALL)
_BETWEEN_TAGS = re.compile(rb"(?<=>)[^<]+(?=<)")
_MOST_NAMES, _MOST_INSIDE = 2000, 20_000  # that are looked at in a file, and bytes inside an element
_EXIF_INSIDE = re.compile(rb"Exif\0\0(?=II|MM)|(?<=\0\0\0\0)(?=II\*\0|MM\0\*)")
_MOST_EXIF, _MOST_OF_EXIF = 64, 2**20  # blocks that are looked at in a HEIC file, and bytes of each: they are copied
_IPTC_PLACES = frozenset((26, 27, 90, 92, 95, 100, 101))
"""Datasets of IPTC's application record: content location (code, name), city, sublocation, province, country."""

_HIDDEN = re.compile(rb"Exif\0\0|ftyp|\xa9xyz|loci")  # of a picture or a film behind a JPEG


def without_place(data: bytes) -> bytes:
    """The same picture file without the place it was taken at; `data` itself where it names none. Pixels, colours,
    orientation and dates stay."""
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
        for mark in islice(_EXIF_INSIDE.finditer(data), _MOST_EXIF):
            _blank_exif(body, mark.end(), min(len(body), mark.end() + _MOST_OF_EXIF))
    elif data.startswith(b"\xff\xd8") or (start_of_jpeg(data) >= 0 and not data.startswith(b"BM")):
        return _jpeg(data, max(0, start_of_jpeg(data)))  # a few bytes may stand before it
    _blank_xmp(body)
    return data if body == data else bytes(body)


def _jpeg(data: bytes, begin: int) -> bytes:
    """Its parts are found as `read_jpeg` finds them: whatever that takes for Exif is looked at here."""
    body, position, end = bytearray(data), begin + 2, len(data)
    while marker := MARKER.search(data, position):
        code, start = data[marker.end() - 1], marker.end()
        position = start
        if code == END:
            end = position
            break
        if code == START:
            continue
        position += max(2, int.from_bytes(data[start : start + 2]))
        if code == 0xE1 and data.startswith(b"Exif\0\0", start + 2):
            _blank_exif(body, start + 8, min(position, len(body)))
        if code == 0xED and data.startswith(_PHOTOSHOP, start + 2):
            _blank_photoshop(body, start + 2 + len(_PHOTOSHOP), min(position, len(body)))
    _blank_xmp(body)
    if _HIDDEN.search(data, end):
        del body[end:]
    return data if body == data else bytes(body)


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
            kept += png.chunk(name, bytes(body))
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
