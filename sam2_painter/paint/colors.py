"""Colours as people write, name and choose them. Inside the package a colour is (red, green, blue), 0-255, sRGB.

>>> parse_color("#fa0"), parse_color("rgb(10 20 30)"), parse_color("Teal")
((255, 170, 0), (10, 20, 30), (0, 128, 128))
>>> to_hex((255, 170, 0))
'#ffaa00'
"""

from __future__ import annotations

import math
import re
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..types import Palette

if TYPE_CHECKING:
    from coloraide import Color

RGB = tuple[int, int, int]

ALLOWED = "Write #rrggbb, a colour as CSS has it, such as lightgrey or hsl(120, 50%, 40%), or a paint's name."
HEX = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.ASCII)
CALL = re.compile(r"(rgb|hsl|oklch)a?\s*\(([^()]*)\)", re.ASCII)
CODE = re.compile(r"[a-z]{1,16}(?:[ .-][a-z]{1,8}){0,2}[ .-]?[0-9][0-9a-z]*(?:[ .-][0-9a-z]+){0,3}", re.ASCII)
"""What looks like a maker's code, such as "ral 7016" or "ncs s 0502-y"."""

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(%|deg)?", re.ASCII)
MUTED = 0.08  # OKLCH chroma: more of it looks like a toy on a whole facade
KEPT_PALETTES = 32
GREY = 0.015  # OKLCH chroma below which a colour has no hue to speak of


def parse_color(text: str, palette: Palette | None = None) -> RGB:
    """What somebody typed, or a colour picker sent, as RGB.

    Hex of 3, 4, 6 or 8 digits with or without #; rgb(), rgba(), hsl(), hsla() and oklch() with commas or blanks, floats
    and percentages; names and codes of the palette's paints and names of CSS, in any case and with blanks ("light
    grey"). Raises InvalidInput for everything else: transparent colours (a layer has an opacity for that), values out
    of range or outside sRGB, inf and NaN, and codes of paint makers that are not in the palette.
    """
    if not isinstance(text, str):
        raise InvalidInput(f"color must be text. {ALLOWED}", "color")
    plain = text.strip().lower()
    if len(plain) > 100:
        raise _unreadable(text)
    if match := HEX.fullmatch(plain):
        return _from_hex(match[1])
    if match := CALL.fullmatch(plain):
        return _from_call(match[1], match[2], text)
    if palette is not None and (rgb := _by_name(palette).get(plain)) is not None:
        return rgb
    if plain == "transparent":
        raise _see_through(text)
    try:
        return css_names()[plain.replace(" ", "")]
    except KeyError:
        raise _unknown_code(text) if CODE.fullmatch(plain) else _unreadable(text, _like(plain, palette)) from None


def _by_name(palette: Palette) -> dict[str, RGB]:
    """The colours of its paints by name and by code, in small letters; of two alike, the first."""
    kept = _named.get(id(palette))
    if kept is None or kept[0] is not palette:
        names: dict[str, RGB] = {}
        for paint in palette.paints:
            for name in filter(None, (paint.name, paint.code)):
                names.setdefault(name.strip().lower(), paint.rgb)
        kept = palette, names
        while len(_named) >= KEPT_PALETTES:
            _named.pop(next(iter(_named)), None)
        _named[id(palette)] = kept
    return kept[1]


_named: dict[int, tuple[Palette, dict[str, RGB]]] = {}
"""Of palettes that were used lately. By identity: comparing two takes as long as looking through one."""


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
    return InvalidInput(f"{text[:40]!r} is no colour. {ALLOWED}", "color")


def _unknown_code(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:40]!r} looks like a maker's code, and no paint that is loaded has it. Load the maker's card as a "
        "palette, or write the colour as #rrggbb.",
        "color",
    )


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
        channels = make_color("hsl", [values[0] % 360, values[1] / 100, values[2] / 100]).convert("srgb")[:3]
    else:
        lightness, chroma = (min(9.0, max(-9.0, v)) for v in values[:2])  # out of range still, and no overflow
        channels = make_color("oklch", [lightness, chroma, values[2] % 360]).convert("srgb")[:3]
    if not all(-0.5 / 255 <= v <= 255.5 / 255 for v in channels):
        allowed = "rgb values go from 0 to 255" if space == "rgb" else "no screen shows it; choose one of lower chroma"
        raise InvalidInput(f"{text[:40]!r} is out of range: {allowed}", "color")
    return to_codes(channels)


def _scaled(token: str, whole: float) -> float:
    """The number a token stands for; percentages are of `whole`."""
    if token.endswith("%"):
        return float(token[:-1]) * whole / 100
    return float(token.removesuffix("deg"))


def make_color(space: str, coordinates: list[float]) -> Color:
    """A colour of coloraide's, by which colours are converted and compared. space: its name there, such as "oklch"."""
    from coloraide import Color  # takes longer to import than all else here

    return Color(space, coordinates)


def color_of(rgb: RGB) -> Color:
    """RGB as a colour of coloraide's."""
    return make_color("srgb", [v / 255 for v in rgb])


def to_codes(channels: list[float]) -> RGB:
    """Red, green and blue of sRGB, 0 to 1, as RGB: rounded, and clipped where they leave that range."""
    red, green, blue = (min(255, max(0, math.floor(255 * v + 0.5))) for v in channels)
    return red, green, blue


@cache
def css_names() -> dict[str, RGB]:
    """The named colours of CSS (Color Module Level 4)."""
    from PIL import ImageColor

    return {name: ImageColor.getrgb(name)[:3] for name in list(ImageColor.colormap)}


def light_reflectance(rgb: RGB) -> float:
    """Light reflectance value (LRV), 0 black to 100 white: the luminance Y of the colour in daylight (D65)."""
    return 100 * color_of(rgb).luminance()


def harmonies(rgb: RGB) -> dict[str, tuple[RGB, ...]]:
    """Colours that go with this one: "analogous" (2), "complementary" (2), "monochrome" (4, light to dark).

    Turned and stepped in OKLCH, where equal steps look equal, and muted to what a facade bears. A grey has no hue; it
    is answered with warm and cool greys.
    """
    lightness, chroma, hue = color_of(rgb).convert("oklch")[:3]
    if chroma < GREY or math.isnan(hue):
        chroma, hue = 2 * GREY, 80.0  # a warm grey
    chroma = min(chroma, MUTED)

    def shade(light: float, turn: float) -> RGB:
        return to_codes(make_color("oklch", [light, chroma, (hue + turn) % 360]).convert("srgb").fit().coords())

    lighter, darker = lightness + 0.6 * (0.97 - lightness), 0.6 * lightness
    return {
        "analogous": (shade(lightness, -30), shade(lightness, 30)),
        "complementary": (shade(lightness, 180), shade(lighter if lightness < 0.6 else darker, 180)),
        "monochrome": tuple(shade(light, 0) for light in (0.93, 0.78, 0.55, 0.33)),
    }
