"""Paints to choose from: ours, and those of cards that somebody loaded; found by name, by code, and by colour.

No maker's card comes with us: `palette_files` reads those that people have.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InvalidInput
from ..types import Paint, Palette
from .colors import RGB, color_of, css_names, harmonies, light_reflectance
from .palette_files import load_palette

if TYPE_CHECKING:
    from coloraide import Color

MAX_TEXT = 200
"""Characters of what is searched for."""

FARTHEST = 8  # times their CIEDE2000 distance that two colours of sRGB lie apart in Lab, at most


@cache
def exterior() -> Palette:
    """Our own paints for outside walls, light to dark within each family of hue."""
    return load_palette((files(__package__) / "palettes" / "exterior.json").read_bytes(), "Exterior paints")


class Near(NamedTuple):
    """A paint, and how far it is from a colour: CIEDE2000, below 1 you can't see the difference."""

    paint: Paint
    distance: float


def search(paints: Iterable[Paint], text: str, count: int = 20) -> list[Paint]:
    """The paints whose name, code or brand holds every word of a text, the best first: those with this very code or
    name, then those that begin with it. Case, blanks and dashes make no difference: "ral9010" finds "RAL 9010".

    Raises InvalidInput for a text of more than MAX_TEXT characters.
    """
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"text must have at most {MAX_TEXT} characters", "text")
    wanted = [_plain(word) for word in text.split() if _plain(word)]
    whole = _plain(text)
    if not wanted:
        return []
    found = []
    for place, paint in enumerate(paints):
        name, code = _plain(paint.name), _plain(paint.code)
        everything = f"{_plain(paint.brand)} {code} {name}"
        joined = everything.replace(" ", "")
        if whole in joined or all(word in everything for word in wanted):
            exact = whole in (name, code, _plain(paint.brand) + code)
            begins = name.startswith(whole) or code.startswith(whole)
            found.append((not exact, not begins, place, paint))
    return [paint for *_, paint in sorted(found, key=lambda one: one[:3])[:count]]


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def nearest(paints: Iterable[Paint], rgb: RGB, count: int = 5) -> list[Near]:
    """The paints that look most like a colour, by CIEDE2000, the nearest first; of several cards together, give all
    their paints."""
    lab = color_of(rgb).convert("lab-d65")
    near = [(math.dist(lab[:3], _lab(paint.rgb)[:3]), place, paint) for place, paint in enumerate(paints)]
    found: list[tuple[float, int, Paint]] = []
    for plain, place, paint in sorted(near, key=lambda one: one[:2]):
        if len(found) == count and plain > FARTHEST * found[-1][0]:
            break
        distance = float(lab.delta_e(_lab(paint.rgb), method="2000"))
        found = sorted([*found, (distance, place, paint)], key=lambda one: one[:2])[:count]
    return [Near(paint, distance) for distance, _, paint in found]


@lru_cache(maxsize=2 * 4096)
def _lab(rgb: RGB) -> Color:
    return color_of(rgb).convert("lab-d65")


def nearest_name(rgb: RGB, palette: Palette | None = None) -> tuple[str, float]:
    """What looks most alike, and its CIEDE2000 distance: a paint of the palette, or without one a paint of ours or a
    colour of CSS."""
    paint, distance = _nearest_named(rgb, palette)
    return paint.name, distance


@lru_cache(maxsize=256)
def _nearest_named(rgb: RGB, palette: Palette | None) -> Near:
    """The same as a paint; colours of CSS have no code."""
    lab = color_of(rgb).convert("lab-d65")
    named = [(math.dist(lab[:3], other[:3]), paint.name, paint, other) for paint, other in _named(palette)]
    best: Near | None = None
    for plain, _, paint, other in sorted(named, key=lambda one: one[:2]):
        if best is not None and plain > FARTHEST * best.distance:
            break
        distance = float(lab.delta_e(other, method="2000"))
        if best is None or distance < best.distance:
            best = Near(paint, distance)
    assert best is not None  # a palette has a paint
    return best


@lru_cache(maxsize=16)
def _named(palette: Palette | None) -> tuple[tuple[Paint, Color], ...]:
    paints = {paint.rgb: paint for paint in (palette or exterior()).paints}
    for name, rgb in css_names().items() if palette is None else ():
        paints.setdefault(rgb, Paint(name, rgb))
    return tuple((paint, color_of(rgb).convert("lab-d65")) for rgb, paint in paints.items())


@dataclass(frozen=True)
class Description:
    """What can be said of a colour.

    rgb: 0-255 each. name, code: of the paint or CSS colour that looks most alike. distance: how far that is from it,
    CIEDE2000 (below 1 you can't see the difference). reflectance: see `light_reflectance`. harmonies: see `harmonies`.
    """

    rgb: RGB
    name: str
    code: str
    distance: float
    reflectance: float
    harmonies: dict[str, tuple[RGB, ...]]


def describe(rgb: RGB, palette: Palette | None = None) -> Description:
    """A colour in words and numbers; its name is looked for in the palette, as `nearest_name` does."""
    paint, distance = _nearest_named(rgb, palette)
    return Description(rgb, paint.name, paint.code, distance, light_reflectance(rgb), harmonies(rgb))
