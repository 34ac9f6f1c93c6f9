"""Picture files made by hand, for what Pillow cannot write: chunks, segments, boxes and directories."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from PIL import Image

RED, GREEN, BLUE, GREY = (200, 30, 20), (20, 160, 60), (30, 60, 190), (90, 90, 90)


def quarters(height: int = 64, width: int = 80) -> np.ndarray:
    """Red and green above blue and grey: every turn and flip of it looks different."""
    pixels = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    pixels[:top, :left], pixels[:top, left:] = RED, GREEN
    pixels[top:, :left], pixels[top:, left:] = BLUE, GREY
    return pixels


def saved(image: np.ndarray | Image.Image, format: str, **options: object) -> bytes:
    """The bytes of a file as Pillow writes it."""
    out = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(out, format, **options)
    return out.getvalue()


# -- Exif


def exif_block(
    entries: Sequence[tuple[int, int, int, bytes]], order: str = "<", inner: dict[int, list] | None = None
) -> bytes:
    """A TIFF of one directory of (tag, type, count, value); inner: tag -> entries of a directory it points to, whose
    own values may be lists of entries again."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + _directory(list(entries), order, 8, inner or {})


def _directory(entries: list, order: str, at: int, inner: dict[int, list]) -> bytes:
    rows = sorted([*entries, *((tag, 4, 1, below) for tag, below in inner.items())], key=lambda row: row[0])
    table, tail = struct.pack(order + "H", len(rows)), b""
    behind = at + 2 + 12 * len(rows) + 4
    for tag, kind, count, value in rows:
        if isinstance(value, list):
            place = behind + len(tail)
            deeper = {row[0]: row[3] for row in value if isinstance(row[3], list)}
            tail += _directory([row for row in value if row[0] not in deeper], order, place, deeper)
            value = struct.pack(order + "I", place)
        elif len(value) > 4:
            place = behind + len(tail)
            tail += value + bytes(len(value) % 2)
            value = struct.pack(order + "I", place)
        table += struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
    return table + bytes(4) + tail


def short(value: int, order: str = "<") -> bytes:
    return struct.pack(order + "H", value)


def gps_entries(order: str = "<") -> list:
    """A place in degrees, minutes and seconds, as phones write it."""
    degrees = struct.pack(order + "6I", 52, 1, 31, 1, 1234, 100)
    return [(1, 2, 2, b"N\0"), (2, 5, 3, degrees), (3, 2, 2, b"E\0"), (4, 5, 3, degrees)]


# -- JPEG, PNG


def jpeg_with(data: bytes, *segments: tuple[int, bytes]) -> bytes:
    """A JPEG with segments (code, body) put behind its start."""
    made = b"".join(b"\xff" + bytes([code]) + struct.pack(">H", len(body) + 2) + body for code, body in segments)
    return data[:2] + made + data[2:]


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_with(data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with chunks (name, body) put behind its header."""
    return data[:33] + b"".join(chunk(name, body) for name, body in chunks) + data[33:]


def deep_png(values: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A 16-bit PNG of (H, W), (H, W, 2), (H, W, 3) or (H, W, 4) uint16."""
    samples = 1 if values.ndim == 2 else values.shape[2]
    height, width = values.shape[:2]
    color = {1: 0, 2: 4, 3: 2, 4: 6}[samples]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, body) for name, body in parts)


# -- TIFF


def tiff(
    values: np.ndarray,
    *,
    photometric: int = 2,
    order: str = "<",
    planar: int = 1,
    tile: tuple[int, int] | None = None,
    predictor: int = 1,
    rows: int = 0,
    extra: tuple[int, ...] = (),
    big: bool = False,
    subfile: int | None = None,
    more: Sequence[tuple[int, str, Sequence[int]]] = (),
) -> bytes:
    """A Deflate TIFF of (H, W, S) numbers, written after the specification. tile: (W, H). rows: of a strip."""
    height, width, samples = values.shape
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    planes = [values] if planar == 1 else [values[..., i : i + 1] for i in range(samples)]
    blocks = []
    for plane in planes:
        if tile:
            wide, high = tile
            padded = np.zeros((-(-height // high) * high, -(-width // wide) * wide, plane.shape[2]), plane.dtype)
            padded[:height, :width] = plane
            blocks += [
                padded[y : y + high, x : x + wide]
                for y in range(0, len(padded), high)
                for x in range(0, padded.shape[1], wide)
            ]
        else:
            rows = rows or height
            blocks += [plane[y : y + rows] for y in range(0, height, rows)]
    packed = [zlib.compress(_predicted(block, predictor, order)) for block in blocks]
    body, places = bytearray(), []
    start = 16 if big else 8
    for one in packed:
        places.append(start + len(body))
        body += one + bytes(len(one) % 2)
    tags: list[tuple[int, str, Sequence[int]]] = [
        (256, "I", [width]), (257, "I", [height]), (258, "H", [values.dtype.itemsize * 8] * samples), (259, "H", [8]),
        (262, "H", [photometric]), (277, "H", [samples]), (284, "H", [planar]), (317, "H", [predictor]),
        (339, "H", [kind] * samples), *more,
    ]  # fmt: skip
    if tile:
        tags += [(322, "I", [tile[0]]), (323, "I", [tile[1]]), (324, "I", places), (325, "I", [len(p) for p in packed])]
    else:
        tags += [(273, "I", places), (278, "I", [rows]), (279, "I", [len(p) for p in packed])]
    tags += [(338, "H", list(extra))] if extra else []
    tags += [(254, "I", [subfile])] if subfile is not None else []
    mark, word = (b"II" if order == "<" else b"MM"), "Q" if big else "I"
    head = mark + (struct.pack(order + "HHH", 43, 8, 0) if big else struct.pack(order + "H", 42))
    at = start + len(body)
    size, entry = (8, 20) if big else (4, 12)
    table, tail = struct.pack(order + ("Q" if big else "H"), len(tags)), b""
    behind = at + len(table) + entry * len(tags) + size
    for tag, code, numbers in sorted(tags):
        value = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        if len(value) > size:
            place = behind + len(tail)
            tail += value + bytes(len(value) % 2)
            value = struct.pack(order + word, place)
        table += struct.pack(f"{order}HH{word}", tag, {"H": 3, "I": 4}[code], len(numbers)) + value.ljust(size, b"\0")
    return head + struct.pack(order + word, at) + body + table + bytes(size) + tail


def _predicted(block: np.ndarray, predictor: int, order: str) -> bytes:
    if predictor == 2:
        block = np.diff(block, axis=1, prepend=np.zeros_like(block[:, :1]))
    if predictor == 3:  # TIFF Technical Note 3: bytes of one weight together, highest first, then differences
        height, width, samples = block.shape
        raw = block.astype(block.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
        raw = raw.reshape(height, width * samples, -1).transpose(0, 2, 1).reshape(height, -1)
        raw = raw.reshape(height, -1, samples)
        return np.diff(raw, axis=1, prepend=np.zeros_like(raw[:, :1])).astype(np.uint8).tobytes()
    return block.astype(block.dtype.newbyteorder(order)).tobytes()


# -- HEIC

_HVCC = base64.b64decode(
    "AQQIAAAAnjgAAAAAHvAA/P/4+AAADwNgAAEAF0ABDAH//wQIAAADAJ44AAADAAAeugJAYQABACpCAQEECAAAAwCeOAAAAwAAHpAFECCy3UklNc3A"
    "Q0GBAAADABkAAAMAAQhiAAEACEQBwXKGDAIk"
)
_HEVC = base64.b64decode(
    "AAAAwigBrwT47Xl0nXb/8ZX///7gG9l/a51L53DStvbv8jI///CeAxsTmjJnDI0/kgUX5jbSwEpa2dDwRt0eJymtZ75Nyd/Y9fqb1GQY91zV0o3f"
    "P31F4ddd47kipzbhFZAt3UMtB0RmN+Tf2N+xRo//xx7yk7sPsWj/+FtKneSW76WFfvymHO7t6zgnti99pCvkUqkX4kdbNQ03AweJJAvxN+u1b5eT"
    "OENZynRZzlGecrlFAWiVdhg2PI8Ud4+h6Of7sz94"
)
"""`quarters()` as x265 packed it, 4:4:4."""


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of ISO base media."""
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def heic(
    *,
    brand: bytes = b"heic",
    size: tuple[int, int] = (80, 64),
    properties: Sequence[bytes] = (),
    exif: bytes = b"",
    grid: tuple[int, int, int, int] | None = None,
) -> bytes:
    """`quarters()` as HEIC. properties: boxes more, such as irot. grid: (rows, columns, W, H) of that picture again and
    again."""
    items = [(1, b"hvc1", _HEVC)]
    if exif:
        items.append((2, b"Exif", struct.pack(">I", 0) + exif))
    links, parts = [(1, [1, 2, *range(4, 4 + len(properties))])], b""
    if grid:
        rows, columns, width, height = grid
        tiles = range(10, 10 + rows * columns)
        items.append((3, b"grid", struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)))
        items += [(number, b"hvc1", b"") for number in tiles]  # all of the one picture
        parts = box(b"iref", bytes(4), box(b"dimg", struct.pack(f">HH{len(tiles)}H", 3, len(tiles), *tiles)))
        links = [(3, [3]), *((number, [1, 2]) for number in (1, *tiles))]
    infos = [box(b"infe", b"\2\0\0\0", struct.pack(">HH", number, 0), kind, b"\0") for number, kind, _ in items]
    ispe = box(b"ispe", bytes(4), struct.pack(">II", *size))
    large = box(b"ispe", bytes(4), struct.pack(">II", *(grid[2:] if grid else size)))
    ipco = box(b"ipco", box(b"hvcC", _HVCC), ispe, large, *properties)
    rows_of = b"".join(struct.pack(">HB", number, len(of)) + bytes(of) for number, of in links)
    ipma = box(b"ipma", bytes(4), struct.pack(">I", len(links)), rows_of)

    def file(starts: Sequence[int]) -> bytes:
        extents = [
            (start, len(body)) if body else (starts[0], len(_HEVC))
            for (*_, body), start in zip(items, starts, strict=True)
        ]
        places = b"".join(
            struct.pack(">HHHII", item[0], 0, 1, *extent) for item, extent in zip(items, extents, strict=True)
        )
        meta = box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", 3 if grid else 1)),
            box(b"iloc", bytes(4), b"\x44\0", struct.pack(">H", len(items)), places),
            box(b"iinf", bytes(4), struct.pack(">H", len(items)), *infos),
            box(b"iprp", ipco, ipma),
            parts,
        )
        return box(b"ftyp", brand, bytes(4), b"mif1heicmiaf") + meta

    before = len(file([0] * len(items))) + 8
    starts = list(accumulate((len(body) for *_, body in items[:-1]), initial=before))
    return file(starts) + box(b"mdat", *(body for _, _, body in items))
