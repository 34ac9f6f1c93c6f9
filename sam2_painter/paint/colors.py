"""Colours as people write, name and choose them. Inside the house a colour is (red, green, blue), 0-255, sRGB.

>>> parse_color("#fa0"), parse_color("rgb(10 20 30)"), parse_color("Teal")
((255, 170, 0), (10, 20, 30), (0, 128, 128))
>>> to_hex((255, 170, 0))
'#ffaa00'
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..photos.sources import read_file
from ..types import Paint, Palette

if TYPE_CHECKING:
    from coloraide import Color

RGB = tuple[int, int, int]

ALLOWED = (
    "write a colour as #rgb, #rrggbb, rgb(10, 20, 30), hsl(120, 50%, 40%), oklch(70% 0.1 120), a CSS name or a paint's"
)
HEX = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.ASCII)
CALL = re.compile(r"(rgb|hsl|oklch)a?\s*\(([^()]*)\)", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(%|deg)?", re.ASCII)
MAX_PALETTE_BYTES = 2**20
MUTED = 0.08  # OKLCH chroma: more of it looks like a toy on a whole facade
FARTHEST = 8  # times their CIEDE2000 distance that two colours of sRGB lie apart in Lab, at most
GREY = 0.015  # OKLCH chroma below which a colour has no hue to speak of


@dataclass(frozen=True)
class Description:
    """What can be said of a colour.

    rgb: 0-255 each. name: of the paint or CSS colour that looks most alike. distance: how far that is from it,
    CIEDE2000 (below 1 it is hardly to be told). reflectance: see `light_reflectance`. harmonies: see `harmonies`.
    """

    rgb: RGB
    name: str
    distance: float
    reflectance: float
    harmonies: dict[str, tuple[RGB, ...]]


def describe(rgb: RGB, palette: Palette | None = None) -> Description:
    """A colour in words and numbers; its name is looked for in the palette, as `nearest_name` does."""
    return Description(rgb, *nearest_name(rgb, palette), light_reflectance(rgb), harmonies(rgb))


def parse_color(text: str, palette: Palette | None = None) -> RGB:
    """What somebody typed, or a colour picker sent, as RGB.

    Hex of 3, 4, 6 or 8 digits with or without #; rgb(), rgba(), hsl(), hsla() and oklch() with commas or blanks, floats
    and percentages; names of the palette's paints and of CSS, in any case. Raises InvalidInput for everything else:
    transparent colours (a layer has an opacity for that), values out of range or outside sRGB, inf and NaN, and codes
    of paint makers that are not in the palette.
    """
    if not isinstance(text, str):
        raise InvalidInput(f"color must be text: {ALLOWED}", "color")
    plain = text.strip().lower()
    if len(plain) > 100:
        raise _unreadable(text)
    if match := HEX.fullmatch(plain):
        return _from_hex(match[1])
    if match := CALL.fullmatch(plain):
        return _from_call(match[1], match[2], text)
    for paint in palette.paints if palette else ():
        if paint.name.strip().lower() == plain:
            return paint.rgb
    if plain == "transparent":
        raise _see_through(text)
    try:
        return css_names()[plain]
    except KeyError:
        raise _unreadable(text, _like(plain, palette)) from None


def _like(plain: str, palette: Palette | None) -> str:
    """The names most like one that nobody knows, for a sentence; "" for none."""
    names = {paint.name.strip().lower(): paint.name.strip() for paint in (palette.paints if palette else ())}
    names = {**{name: name for name in css_names()}, **names}
    with_it = [name for name in names if plain in name.split()]  # "sage" for "garden sage"
    found = dict.fromkeys([*with_it, *get_close_matches(plain, names, n=3, cutoff=0.7)])
    return " or ".join(repr(names[name]) for name in [*found][:3])


def to_hex(rgb: RGB) -> str:
    """(255, 170, 0) -> "#ffaa00"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _unreadable(text: str, like: str = "") -> InvalidInput:
    if like:
        return InvalidInput(f"{text[:40]!r} is no colour. Did you mean {like}?", "color")
    return InvalidInput(f"{text[:40]!r} is no colour: {ALLOWED}", "color")


def _see_through(text: str) -> InvalidInput:
    return InvalidInput(f"{text[:40]!r} is transparent: give the solid colour, and set the layer's opacity", "color")


def _from_hex(digits: str) -> RGB:
    if len(digits) <= 4:
        digits = "".join(2 * d for d in digits)
    red, green, blue, *alpha = bytes.fromhex(digits)
    if alpha and alpha[0] < 255:
        raise _see_through("#" + digits)
    return red, green, blue


def _from_call(space: str, arguments: str, text: str) -> RGB:
    """rgb, hsl or oklch with three arguments, or four when the last says "not transparent"."""
    tokens = re.split(r"\s*[,/]\s*|\s+", arguments.strip())
    if len(tokens) not in (3, 4) or not all(NUMBER.fullmatch(t) for t in tokens):
        raise _unreadable(text)
    if len(tokens) == 4 and _scaled(tokens[3], 1) != 1:
        raise _see_through(text)
    scales = {"rgb": (255, 255, 255), "hsl": (360, 100, 100), "oklch": (1, 0.4, 360)}[space]
    values = [_scaled(token, scale) for token, scale in zip(tokens[:3], scales, strict=True)]
    degrees = [token.endswith("deg") and scale != 360 for token, scale in zip(tokens, (*scales, 1), strict=False)]
    if any(degrees) or not all(math.isfinite(v) for v in values):
        raise _unreadable(text)
    if space == "rgb":
        channels = [v / 255 for v in values]
    elif space == "hsl":
        if not all(0 <= v <= 100 for v in values[1:]):
            raise InvalidInput(f"{text[:40]!r}: saturation and lightness go from 0% to 100%", "color")
        channels = _color("hsl", [values[0] % 360, values[1] / 100, values[2] / 100]).convert("srgb")[:3]
    else:
        channels = _color("oklch", values).convert("srgb")[:3]
    if not all(-0.5 / 255 <= v <= 255.5 / 255 for v in channels):
        allowed = "rgb values go from 0 to 255" if space == "rgb" else "no screen shows it; choose one of lower chroma"
        raise InvalidInput(f"{text[:40]!r} is out of range: {allowed}", "color")
    return _codes(channels)


def _scaled(token: str, whole: float) -> float:
    """The number a token stands for; percentages are of `whole`."""
    if token.endswith("%"):
        return float(token[:-1]) * whole / 100
    return float(token.removesuffix("deg"))


def _color(space: str, coordinates: list[float]) -> Color:
    from coloraide import Color  # takes longer to import than all else here

    return Color(space, coordinates)


def _of(rgb: RGB) -> Color:
    return _color("srgb", [v / 255 for v in rgb])


def _codes(channels: list[float]) -> RGB:
    red, green, blue = (min(255, max(0, math.floor(255 * v + 0.5))) for v in channels)
    return red, green, blue


@cache
def css_names() -> dict[str, RGB]:
    """The named colours of CSS (Color Module Level 4)."""
    from PIL import ImageColor

    return {name: ImageColor.getrgb(name)[:3] for name in list(ImageColor.colormap)}


@lru_cache(maxsize=256)
def nearest_name(rgb: RGB, palette: Palette | None = None) -> tuple[str, float]:
    """What looks most alike, and its CIEDE2000 distance (1: hardly to be told): a paint of the palette, or without one
    a paint of ours or a colour of CSS."""
    lab = _of(rgb).convert("lab-d65")
    named = [(math.dist(lab[:3], other[:3]), name, other) for name, other in _named(palette)]
    found, least = "", math.inf
    for plain, name, other in sorted(named, key=lambda one: one[:2]):
        if plain > FARTHEST * least:
            break
        distance = float(lab.delta_e(other, method="2000"))
        if distance < least:
            found, least = name, distance
    return found, least


def nearest_paints(rgb: RGB, palette: Palette, count: int) -> list[Paint]:
    """The paints of a palette that look most like a colour, by CIEDE2000, the nearest first."""
    lab = _of(rgb).convert("lab-d65")
    return sorted(palette.paints, key=lambda paint: float(lab.delta_e(_of(paint.rgb), method="2000")))[:count]


@lru_cache(maxsize=16)
def _named(palette: Palette | None) -> tuple[tuple[str, Color], ...]:
    names = {paint.rgb: paint.name for paint in (palette or exterior()).paints}
    for name, rgb in css_names().items() if palette is None else ():
        names.setdefault(rgb, name)
    return tuple((name, _of(rgb).convert("lab-d65")) for rgb, name in names.items())


def light_reflectance(rgb: RGB) -> float:
    """Light reflectance value (LRV), 0 black to 100 white: the luminance Y of the colour in daylight (D65)."""
    return 100 * _of(rgb).luminance()


def harmonies(rgb: RGB) -> dict[str, tuple[RGB, ...]]:
    """Colours that go with this one: "analogous" (2), "complementary" (2), "monochrome" (4, light to dark).

    Turned and stepped in OKLCH, where equal steps look equal, and muted to what a facade bears. A grey has no hue; it
    is answered with warm and cool greys.
    """
    lightness, chroma, hue = _of(rgb).convert("oklch")[:3]
    if chroma < GREY or math.isnan(hue):
        chroma, hue = 2 * GREY, 80.0  # a warm grey
    chroma = min(chroma, MUTED)

    def shade(light: float, turn: float) -> RGB:
        return _codes(_color("oklch", [light, chroma, (hue + turn) % 360]).convert("srgb").fit().coords())

    lighter, darker = lightness + 0.6 * (0.97 - lightness), 0.6 * lightness
    return {
        "analogous": (shade(lightness, -30), shade(lightness, 30)),
        "complementary": (shade(lightness, 180), shade(lighter if lightness < 0.6 else darker, 180)),
        "monochrome": tuple(shade(light, 0) for light in (0.93, 0.78, 0.55, 0.33)),
    }


@cache
def exterior() -> Palette:
    """Our own paints for outside walls, light to dark within each family of hue."""
    return load_palette((files(__package__) / "palettes" / "exterior.json").read_bytes(), "Exterior paints")


def open_palette(path: str | PathLike[str]) -> Palette:
    """The palette of a file. Raises InvalidInput (field "palette") as `load_palette`, and when it cannot be read."""
    path = Path(path).expanduser()
    return load_palette(read_file(path, max_bytes=MAX_PALETTE_BYTES, field="palette"), path.name)


def load_palette(data: bytes, filename: str = "palette") -> Palette:
    """A palette file: JSON, GIMP (.gpl) or Adobe Swatch Exchange (.ase), told apart by content.

    JSON is a list of ``{"name": ..., "color": ...}`` or of colours, or an object from names to colours, each as for
    `parse_color`. Raises InvalidInput (field "palette") when it is none of these, is damaged, or has no colours.
    """
    filename = _printable(filename) or "palette"
    if len(data) > MAX_PALETTE_BYTES:
        raise InvalidInput(f"{filename} is over {MAX_PALETTE_BYTES} bytes: that is no palette", "palette")
    try:
        if data.startswith(b"ASEF"):
            paints = list(_read_ase(data))
        elif data.lstrip(b"\xef\xbb\xbf").startswith(b"GIMP Palette"):
            paints = list(_read_gpl(data.decode("utf-8-sig")))
        else:
            paints = list(_read_json(data.decode("utf-8-sig")))
        return Palette(filename, tuple(paints))
    except InvalidInput as error:
        raise InvalidInput(f"{filename}: {error}", "palette") from None
    except (ValueError, RecursionError, struct.error):
        raise InvalidInput(f"{filename} is no whole JSON, GIMP (.gpl) or Adobe (.ase) palette", "palette") from None


def _paint(name: object, rgb: RGB) -> Paint:
    return Paint(_printable(str(name or "")) or to_hex(rgb), rgb)


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()[:80]


def _read_json(text: str) -> Iterator[Paint]:
    value = json.loads(text)
    if isinstance(value, dict):
        value = [{"name": name, "color": color} for name, color in value.items()]
    if not isinstance(value, list):
        raise ValueError("neither a list nor an object")
    for item in value:
        if isinstance(item, dict):
            yield _paint(item.get("name"), parse_color(item.get("color", item.get("hex"))))
        else:
            yield _paint("", parse_color(item))


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
        return _codes(_color("lab", [100 * values[0], *values[1:]]).convert("srgb").fit().coords())
    if model == b"CMYK":  # without the printer's profile this is as near as it gets
        *inks, black = values
        return _codes([(1 - ink) * (1 - black) for ink in inks])
    return _codes(list(values) if model == b"RGB " else [values[0]] * 3)
