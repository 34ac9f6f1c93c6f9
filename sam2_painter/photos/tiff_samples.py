"""The numbers of a TIFF as they are: any depth, whole or float, in strips or tiles, together or in planes.

libtiff unpacks bytes without asking what they mean. So each plane is shown to it as a picture of 8-bit greys, as wide
as its rows have bytes, and the numbers are made of those bytes here: byte order, predictor and planes are ours.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from PIL import Image, TiffImagePlugin

from .exif import Directory
from .picture import Decoded

# Tags by their numbers.
WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, MAX_VALUE, PLANAR, PREDICTOR = 273, 277, 278, 279, 281, 284, 317
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = 332, 338, 339

COMPRESSIONS = frozenset((1, 5, 8, 32773, 32946, 34925, 50000))  # none, LZW, Deflate, PackBits, LZMA, Zstandard
_COLORS = {0: 1, 1: 1, 2: 3, 5: 4, 8: 3}  # photometric -> samples of a colour
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # sample format -> numpy's


@dataclass(frozen=True)
class Layout:
    """What a directory says of its numbers. bits, formats: of each sample. tile: (W, H), None for strips."""

    width: int
    height: int
    bits: tuple[int, ...]
    formats: tuple[int, ...]
    photometric: int
    compression: int
    planar: int
    predictor: int
    extra: tuple[int, ...]
    tile: tuple[int, int] | None
    max_value: int
    ink_set: int

    @classmethod
    def of(cls, directory: Directory) -> Layout:
        """Raises ValueError for a directory without a size."""
        samples = directory.number(SAMPLES, 1)
        if not 1 <= samples <= 4096 or WIDTH not in directory.tags or LENGTH not in directory.tags:
            raise ValueError("no picture")
        bits = tuple(int(one) for one in directory.numbers(BITS)) or (1,)
        formats = tuple(int(one) for one in directory.numbers(SAMPLE_FORMAT)) or (1,)
        tiled = TILE_WIDTH in directory.tags and TILE_LENGTH in directory.tags
        return cls(
            directory.number(WIDTH),
            directory.number(LENGTH),
            bits * samples if len(bits) == 1 else bits,
            formats * samples if len(formats) == 1 else formats,
            directory.number(PHOTOMETRIC, -1),
            directory.number(COMPRESSION, 1),
            directory.number(PLANAR, 1) if samples > 1 else 1,
            directory.number(PREDICTOR, 1),
            tuple(int(one) for one in directory.numbers(EXTRA_SAMPLES)),
            (directory.number(TILE_WIDTH), directory.number(TILE_LENGTH)) if tiled else None,
            directory.number(MAX_VALUE),
            directory.number(INK_SET, 1),
        )

    @property
    def size(self) -> tuple[int, int]:
        """(W, H)"""
        return self.width, self.height

    @property
    def samples(self) -> int:
        """Numbers of a pixel."""
        return len(self.bits)

    @property
    def padded(self) -> tuple[int, int]:
        """(W, H) that the tiles cover together."""
        wide, high = self.tile or (self.width, self.height)
        return -(-self.width // max(1, wide)) * wide, -(-self.height // max(1, high)) * high

    @property
    def bytes_per_pixel(self) -> int:
        """Of all its numbers."""
        return sum(self.bits) // 8

    @property
    def dtype(self) -> np.dtype:
        """Of a number, in the machine's byte order."""
        return np.dtype(f"{_KINDS[self.formats[0]]}{self.bits[0] // 8}")

    @property
    def significant_bits(self) -> int:
        """Bits of a 16-bit number that are in use, 0 for all, as MaxSampleValue says."""
        if self.bits[0] == 12:
            return 12
        return self.max_value.bit_length() if 0 < self.max_value < 2**15 and self.bits[0] == 16 else 0


def refusal(layout: Layout) -> str | None:
    """Why these numbers are not for `decode`, as words after "a TIFF with"; None when they are."""
    if len(layout.formats) != layout.samples or len(set(layout.bits)) > 1 or len(set(layout.formats)) > 1:
        return "numbers of several kinds in one pixel"
    if layout.formats[0] not in _KINDS:
        return "complex numbers"
    bits, kind = layout.bits[0], _KINDS[layout.formats[0]]
    if bits not in ((16, 32, 64) if kind == "f" else (8, 16, 32, 64)):
        return f"{bits}-bit {'floating point ' if kind == 'f' else ''}numbers"
    if layout.compression not in COMPRESSIONS:
        return f"{bits}-bit numbers packed by compression {layout.compression}"
    if layout.photometric not in _COLORS:
        return f"{bits}-bit numbers under photometric interpretation {layout.photometric}"
    if layout.samples < _COLORS[layout.photometric]:
        return "too few numbers for its colours"
    if layout.planar not in (1, 2) or layout.predictor not in (1, 2, 3) or (layout.predictor == 3) > (kind == "f"):
        return f"planes {layout.planar} and predictor {layout.predictor}"
    if layout.predictor == 2 and kind == "f":
        return "floating point numbers under a predictor for whole ones"
    if layout.photometric == 5 and layout.ink_set != 1:
        return "inks other than cyan, magenta, yellow and black"
    if layout.photometric in (5, 8) and (kind == "f" or bits > 16 or (layout.photometric == 5 and kind != "u")):
        return f"{bits}-bit {'Lab' if layout.photometric == 8 else 'CMYK'} colours"
    return None


def decode(data: bytes, directory: Directory, layout: Layout) -> Decoded:
    """The pixels, of a layout that `refusal` has nothing against."""
    colors = _COLORS[layout.photometric]
    alpha = [colors + i for i, kind in enumerate(layout.extra[: layout.samples - colors]) if kind in (1, 2)][:1]
    wanted = [*range(colors), *(alpha if layout.photometric in (0, 1, 2) else [])]
    values = np.empty((layout.height, layout.width, len(wanted)), layout.dtype)
    if layout.planar == 1:
        _read_plane(data, directory, layout, 0, wanted, values)
    else:
        for i, plane in enumerate(wanted):
            _read_plane(data, directory, layout, plane, [0], values[..., i : i + 1])
    if layout.photometric == 5:
        return Image.fromarray(_upper_byte(values), "CMYK")
    if layout.photometric == 8:
        return _lab(values)
    if layout.photometric == 0:
        values[..., 0] = _negative(values[..., 0])
    if alpha and layout.extra[alpha[0] - colors] == 1:
        values = _straight(values)
    return values[..., 0] if values.shape[2] == 1 else values


def _read_plane(
    data: bytes, directory: Directory, layout: Layout, plane: int, wanted: list[int], out: np.ndarray
) -> None:
    """Put the wanted samples of one plane into `out`, (H, W, len(wanted))."""
    samples = layout.samples if layout.planar == 1 else 1
    rows = directory.number(ROWS_PER_STRIP, layout.height) or layout.height
    wide, high = layout.tile or (layout.width, min(layout.height, rows))
    across, down = -(-layout.width // wide), -(-layout.height // high)
    places, lengths = (TILE_OFFSETS, TILE_BYTES) if layout.tile else (STRIP_OFFSETS, STRIP_BYTES)
    offsets, counts = (
        [int(one) for one in directory.numbers(tag)[plane * across * down : (plane + 1) * across * down]]
        for tag in (places, lengths)
    )
    if not counts and len(offsets) == 1:
        counts = [len(data) - offsets[0]]
    if len(offsets) < across * down or len(counts) < across * down or sum(counts) > 2 * len(data):
        raise OSError("truncated")
    row_bytes = wide * samples * layout.dtype.itemsize
    step = max(1, _GROUP_BYTES // (row_bytes * high))
    fill = directory.number(FILL_ORDER, 1)
    for first in range(0, across * down, step):
        parts = [
            data[o : o + c] for o, c in zip(offsets[first : first + step], counts[first : first + step], strict=True)
        ]
        last_rows = high if layout.tile or first + step < across * down else layout.height - (down - 1) * high
        raw = _unpacked(parts, layout.compression, fill, row_bytes, high, (len(parts) - 1) * high + last_rows)
        numbers = _numbers(raw, layout, directory.order, samples)
        for i in range(len(parts)):
            y, x = (first + i) // across * high, (first + i) % across * wide
            part = numbers[i * high : (i + 1) * high][: layout.height - y, : layout.width - x]
            out[y : y + len(part), x : x + part.shape[1]] = part if len(wanted) == samples else part[..., wanted]


_GROUP_BYTES = 32 * 2**20  # unpacked at a time


def _unpacked(parts: list[bytes], compression: int, fill: int, row_bytes: int, high: int, rows: int) -> np.ndarray:
    """(rows, row_bytes) uint8: strips or tiles of `high` rows, below one another, as libtiff unpacks them.

    They are shown to it as the strips of a little-endian BigTIFF of 8-bit greys.
    """
    body = b"".join(parts)
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16 + len(body) + len(body) % 2)
    lengths = [len(part) for part in parts]
    offsets = [16, *(16 + np.cumsum(lengths[:-1])).tolist()] if len(parts) > 1 else [16]
    tags: dict[int, tuple[str, list[int]]] = {
        WIDTH: ("I", [row_bytes]), LENGTH: ("I", [rows]), BITS: ("H", [8]), PHOTOMETRIC: ("H", [1]),
        SAMPLES: ("H", [1]), COMPRESSION: ("H", [compression]), FILL_ORDER: ("H", [fill]),
        ROWS_PER_STRIP: ("I", [high]), STRIP_OFFSETS: ("Q", offsets), STRIP_BYTES: ("Q", lengths),
    }  # fmt: skip
    table, tail = struct.pack("<Q", len(tags)), b""
    behind = 16 + len(body) + len(body) % 2 + 8 + 20 * len(tags) + 8
    for tag in sorted(tags):
        code, values = tags[tag]
        packed = struct.pack(f"<{len(values)}{code}", *values)
        if len(packed) > 8:
            packed, tail = struct.pack("<Q", behind + len(tail)), tail + packed
        table += struct.pack("<HHQ", tag, {"H": 3, "I": 4, "Q": 16}[code], len(values)) + packed.ljust(8, b"\0")
    image = TiffImagePlugin.TiffImageFile(BytesIO(b"".join((head, body, bytes(len(body) % 2), table, bytes(8), tail))))
    image.load()
    return np.asarray(image)


def _numbers(rows: np.ndarray, layout: Layout, order: Literal["<", ">"], samples: int) -> np.ndarray:
    """(H, W * S * bytes) uint8 -> (H, W, S) numbers of the machine's byte order, predictor undone."""
    dtype, height = layout.dtype, len(rows)
    if layout.predictor == 3:  # bytes of the same weight stand together, the highest first (TIFF Technical Note 3)
        size = dtype.itemsize
        summed = np.cumsum(rows.reshape(height, -1, samples), axis=1, dtype=np.uint8).reshape(height, size, -1)
        swapped = np.ascontiguousarray(summed.transpose(0, 2, 1)).view(dtype.newbyteorder(">"))
        return swapped.reshape(height, -1, samples).astype(dtype)
    values = np.ascontiguousarray(rows).view(dtype.newbyteorder(order)).astype(dtype, copy=False)
    values = values.reshape(height, -1, samples)
    if layout.predictor == 2:
        values = np.cumsum(values, axis=1, dtype=dtype)
    return values


def _negative(values: np.ndarray) -> np.ndarray:
    """Grey that counts from white."""
    if values.dtype.kind == "f":
        return (1.0 if values.max(initial=0.0) <= 1 else 255.0) - values
    return np.asarray(np.iinfo(values.dtype).max - np.maximum(values, 0))


def _straight(values: np.ndarray) -> np.ndarray:
    """Colours that were multiplied by alpha, without it."""
    full = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
    alpha = values[..., -1:].astype(np.float64) / full
    out = values.astype(np.float64)
    np.divide(out[..., :-1], alpha, out=out[..., :-1], where=alpha > 0)
    return np.clip(out, 0, full).astype(values.dtype)


def _upper_byte(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values if values.itemsize == 1 else values >> 8, np.uint8)


def _lab(values: np.ndarray) -> Image.Image:
    """CIE L*a*b* as Pillow has it: L 0-255, a and b signed, shown from 0 by adding 128 (as `profiles` reads them)."""
    values = np.ascontiguousarray(values).view(f"u{values.itemsize}")
    upper = _upper_byte(values)
    return Image.frombytes("LAB", (values.shape[1], values.shape[0]), upper.tobytes(), "raw", "LAB")
