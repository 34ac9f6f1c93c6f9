"""Files of paints: CSV, JSON, GIMP (.gpl), Adobe Swatch Exchange (.ase) and Adobe Color Swatch (.aco)."""

from __future__ import annotations

import csv
import json
import math
import struct
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

from ..errors import InvalidInput
from ..photos.sources import at_home, read_file
from ..types import MAX_PAINTS, Paint, Palette
from .colors import CALL, HEX, RGB, make_color, parse_color, to_codes, to_hex

MAX_PALETTE_BYTES = 2**20
MAX_CELLS = 40
"""Of a line of a CSV file."""

KINDS = "CSV, JSON, GIMP (.gpl) or Adobe (.ase, .aco)"

_COLUMNS = {  # what a column of a CSV file may be called, in plain letters
    "name": ("name", "title", "colorname", "colourname", "paint", "label", "bezeichnung", "farbname", "nom", "nombre"),
    "code": ("code", "number", "no", "nr", "ref", "reference", "id", "sku", "ral", "ncs", "colorcode", "colourcode"),
    "brand": ("brand", "maker", "manufacturer", "collection", "card", "fandeck", "range", "hersteller", "marke"),
    "color": ("hex", "color", "colour", "hexcode", "html", "rgbhex", "srgb", "web", "farbe"),
    "red": ("r", "red", "rot"),
    "green": ("g", "green", "gruen", "grün"),
    "blue": ("b", "blue", "blau"),
    "rgb": ("rgb",),
}


def open_palette(path: str | PathLike[str]) -> Palette:
    """The palette of a file. Raises InvalidInput (field "palette") as `load_palette`, and when it cannot be read."""
    path = at_home(path, "palette")
    return load_palette(read_file(path, max_bytes=MAX_PALETTE_BYTES, field="palette"), path.name)


def load_palette(data: bytes, filename: str = "palette") -> Palette:
    """A palette file: CSV, JSON, GIMP (.gpl) or Adobe's (.ase, .aco), told apart by content.

    CSV has a heading or not; columns name, code, brand, and hex, rgb, or red, green and blue. JSON is a list of
    ``{"name": ..., "color": ..., "code": ..., "brand": ...}`` or of colours, an object from names to colours, or one
    with the list under "paints" or "colors". Colours are as for `parse_color`. Raises InvalidInput (field "palette")
    when it is none of these, is damaged, or has no colours.
    """
    filename = _printable(filename) or "palette"
    if len(data) > MAX_PALETTE_BYTES:
        raise InvalidInput(f"{filename} is over {MAX_PALETTE_BYTES} bytes: that is no palette", "palette")
    try:
        return Palette(filename, tuple(_not_too_many(_read(data))))
    except InvalidInput as error:
        raise InvalidInput(f"{filename}: {error}", "palette") from None
    except (ValueError, RecursionError, struct.error, csv.Error):
        raise InvalidInput(f"{filename} is no whole {KINDS} palette", "palette") from None


def _not_too_many(paints: Iterator[Paint]) -> Iterator[Paint]:
    """The same; it ends with the first one too many, for some take half a millisecond each."""
    for count, paint in enumerate(paints, 1):
        if count > MAX_PAINTS:
            raise InvalidInput(f"a palette has 1 to {MAX_PAINTS} colours, not more", "palette")
        yield paint


def _read(data: bytes) -> Iterator[Paint]:
    if data.startswith(b"ASEF"):
        return _read_ase(data)
    if data[:2] in (b"\0\1", b"\0\2") and len(data) > 4:
        return _read_aco(data)
    text = _text(data)
    if text.startswith("GIMP Palette"):
        return _read_gpl(text)
    if text.lstrip()[:1] in ("[", "{", '"') and _is_json(text):
        return _read_json(text)
    return _read_csv(text)


def _text(data: bytes) -> str:
    """UTF-8, or what Windows writes in western Europe."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in data:
            raise
        return data.decode("cp1252")


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] in ("[", "{"):
        return True
    try:
        json.loads(text)
    except ValueError:
        return False  # a CSV file whose first cell is in quotes
    return True


def _paint(name: object, rgb: RGB, code: object = "", brand: object = "") -> Paint:
    code, brand = _printable(str(code or "")), _printable(str(brand or ""))
    return Paint(_printable(str(name or "")) or code or to_hex(rgb), rgb, code, brand)


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()[:80]


def _read_json(text: str) -> Iterator[Paint]:
    value = json.loads(text)
    brand = ""
    if isinstance(value, dict) and isinstance(inner := value.get("paints", value.get("colors")), list):
        brand, value = value.get("brand", ""), inner
    elif isinstance(value, dict):
        value = [{"name": name, "color": color} for name, color in value.items()]
    if not isinstance(value, list):
        raise ValueError("neither a list nor an object")
    for item in value:
        if isinstance(item, dict):
            rgb = _json_color(item)
            yield _paint(item.get("name"), rgb, item.get("code"), item.get("brand", brand))
        else:
            yield _paint("", parse_color(item), "", brand)


def _json_color(item: Mapping[str, Any]) -> RGB:
    color = item.get("color", item.get("hex", item.get("rgb")))
    if isinstance(color, list) and len(color) == 3 and all(isinstance(one, int) for one in color):
        return parse_color("rgb({}, {}, {})".format(*color))
    return parse_color(color)  # says what is wrong with anything else


def _read_csv(text: str) -> Iterator[Paint]:
    """Rows of cells, separated by what the first line has most of."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(";\t,", key=first.count)
    if separator not in first and not first.lstrip().startswith("#"):
        raise ValueError("no columns")
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=separator)]
    rows = [row for row in rows if any(row)]
    if max(map(len, rows), default=0) > MAX_CELLS:
        raise InvalidInput(f"a line has at most {MAX_CELLS} cells", "palette")
    if len(rows) > MAX_PAINTS + 1:
        raise InvalidInput(f"a palette has 1 to {MAX_PAINTS} colours, not {len(rows)}", "palette")
    columns = _heading(rows[0]) if rows else {}
    for number, row in enumerate(rows[1:] if columns else rows, 2 if columns else 1):
        cells = {what: row[at] for what, at in columns.items() if at < len(row)} if columns else _guessed(row)
        try:
            rgb = _cell_color(cells)
        except InvalidInput as error:
            raise InvalidInput(f"line {number}: {error}", "palette") from None
        yield _paint(cells.get("name"), rgb, cells.get("code"), cells.get("brand"))


def _heading(row: list[str]) -> dict[str, int]:
    """Which column is what; empty where the first line is a paint already."""
    plain = ["".join(c for c in cell.casefold() if c.isalpha()) for cell in row]
    found = {what: plain.index(name) for what, names in _COLUMNS.items() for name in reversed(names) if name in plain}
    return found if {"color", "rgb"} & found.keys() or {"red", "green", "blue"} <= found.keys() else {}


def _guessed(row: list[str]) -> dict[str, str]:
    """The colour where it stands; the first other cell is the name, a second one the code, a third one the brand."""
    numbers = [i for i, cell in enumerate(row) if cell.isascii() and cell.isdigit() and int(cell) < 256]
    cells: dict[str, str] = {}
    taken: list[int] = []
    for i, cell in enumerate(row):
        digits, call = HEX.fullmatch(cell.lower()), CALL.fullmatch(cell.lower())
        if not call and not (digits and (cell.startswith("#") or (len(cell) == 6 and i not in numbers))):
            continue  # before `parse_color` looks for names like it
        try:
            parse_color(cell)
        except InvalidInput:
            continue
        cells["color"], taken = cell, [i]
        break
    if not cells and len(numbers) >= 3:
        taken = numbers[-3:]
        cells = dict(zip(("red", "green", "blue"), (row[i] for i in taken), strict=True))
    rest = [cell for i, cell in enumerate(row) if i not in taken and cell]
    return cells | dict(zip(("name", "code", "brand"), rest, strict=False))


def _cell_color(cells: Mapping[str, str]) -> RGB:
    if {"red", "green", "blue"} <= cells.keys():
        return parse_color(f"rgb({cells['red']}, {cells['green']}, {cells['blue']})")
    if "color" in cells:
        return parse_color(cells["color"])
    if "rgb" in cells:
        text = cells["rgb"]
        return parse_color(text if "(" in text or text.startswith("#") else f"rgb({text})")
    raise InvalidInput("there is no colour in it", "palette")


def _read_gpl(text: str) -> Iterator[Paint]:
    """Lines of "red green blue name" after a header (GIMP's own format, version 2)."""
    for line in text.splitlines()[1:]:
        fields = line.split(None, 3)
        if not fields or line.startswith(("#", "Name:", "Columns:")):
            continue
        if len(fields) < 3 or not all(v.isascii() and v.isdigit() and int(v) < 256 for v in fields[:3]):
            raise InvalidInput(f"{line[:40]!r} is no line of a GIMP palette", "palette")
        red, green, blue = (int(v) for v in fields[:3])
        yield _paint(fields[3] if len(fields) > 3 else "", (red, green, blue))


def _read_ase(data: bytes) -> Iterator[Paint]:
    """Adobe Swatch Exchange, big-endian: a header, then blocks of (kind, length, body); groups are flattened."""
    _, count = struct.unpack_from(">II", data, 4)
    at = 12
    for _ in range(count):
        kind, length = struct.unpack_from(">HI", data, at)
        body, at = data[at + 6 : at + 6 + length], at + 6 + length
        if len(body) < length:
            raise ValueError("cut short")
        if kind != 0x0001:  # the start or the end of a group
            continue
        (letters,) = struct.unpack_from(">H", body)
        name = body[2 : 2 + 2 * letters].decode("utf-16-be").rstrip("\0")
        model = body[2 + 2 * letters : 6 + 2 * letters]
        yield _paint(name, _from_ase(model, body[6 + 2 * letters :]))


def _from_ase(model: bytes, body: bytes) -> RGB:
    sizes = {b"RGB ": 3, b"CMYK": 4, b"LAB ": 3, b"Gray": 1}
    if model not in sizes:
        raise ValueError(f"unknown colour model {model!r}")
    values = struct.unpack_from(f">{sizes[model]}f", body)
    if not all(math.isfinite(v) for v in values):
        raise ValueError("a colour is not finite")
    if model == b"LAB ":  # Adobe's Lab is relative to D50
        return to_codes(make_color("lab", [100 * values[0], *values[1:]]).convert("srgb").fit().coords())
    if model == b"CMYK":  # without the printer's profile this is as near as it gets
        *inks, black = values
        return to_codes([(1 - ink) * (1 - black) for ink in inks])
    return to_codes(list(values) if model == b"RGB " else [values[0]] * 3)


def _read_aco(data: bytes) -> Iterator[Paint]:
    """Adobe Color Swatch, big-endian: the colours of version 1, then, in newer files, again with their names."""
    version, count = struct.unpack_from(">HH", data)
    at = 4
    if version == 1 and len(data) >= 8 + 10 * count and data[4 + 10 * count : 6 + 10 * count] == b"\0\2":
        version, count = struct.unpack_from(">HH", data, 4 + 10 * count)
        at = 8 + 10 * count
    for _ in range(count):
        space, *values = struct.unpack_from(">H4H", data, at)
        at, name = at + 10, ""
        if version == 2:
            (letters,) = struct.unpack_from(">I", data, at)
            if letters > 1000 or len(data) < at + 4 + 2 * letters:
                raise ValueError("cut short")
            name = data[at + 4 : at + 4 + 2 * letters].decode("utf-16-be").rstrip("\0")
            at += 4 + 2 * letters
        yield _paint(name, _from_aco(space, values))


def _from_aco(space: int, values: list[int]) -> RGB:
    first, second, third, fourth = values
    full = 65535
    if space == 0:
        return to_codes([first / full, second / full, third / full])
    if space == 1:
        hsv = [360 * first / full, second / full, third / full]
        return to_codes(make_color("hsv", hsv).convert("srgb").fit().coords())
    if space == 2:  # 0 is all of an ink; without the printer's profile this is as near as it gets
        return to_codes([one / full * fourth / full for one in (first, second, third)])
    if space == 7:  # Adobe's Lab is relative to D50
        a, b = (value - 65536 * (value > 32767) for value in (second, third))
        return to_codes(make_color("lab", [first / 100, a / 100, b / 100]).convert("srgb").fit().coords())
    if space == 8:  # 10,000 is black
        return to_codes([1 - min(first, 10_000) / 10_000] * 3)
    raise ValueError(f"unknown colour space {space}")
