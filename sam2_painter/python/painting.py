"""Verbs that paint: coats, layers, ties, colours, undo."""

from __future__ import annotations

from os import PathLike
from typing import Any, Self

import numpy as np

from ..errors import SchemeNotFound
from ..paint import OldPaint
from ..paint.colors import RGB
from ..paint.palette_files import open_palette
from ..paint.palettes import Description
from ..types import Coat, Layer, Paint, PaintMode, Palette
from .arguments import numbers_one_by_one, rgb_of
from .selecting import SelectingVerbs


class PaintingVerbs(SelectingVerbs):
    """A layer is one wall's paint; layers are counted as they were put on, 0 the first."""

    def paint(
        self,
        color: str | RGB | Paint,
        opacity: float = 1.0,
        mode: PaintMode = Layer.mode,
        *,
        light: float = Layer.light,
        shadow: float = Layer.shadow,
        name: str = "",
    ) -> Self:
        """Paint what is selected; painting it again changes its colour.

        color: "#b5c7a3", "rgb(181 199 163)", a name of CSS or of the `palette`, one of its paints, or (r, g, b) of
        0-255. opacity: 0 to 1. mode: "realistic", "flat" or "multiply". light, shadow: as in `Layer`. Raises
        InvalidInput, or MaskNotFound with nothing selected.
        """
        self._selected_id()
        coat = Coat(self._rgb(color), None, None, opacity, mode, light, shadow, name=name)
        self.studio.paint_wall(self.session_id, coat)
        return self

    def wall_color(self) -> RGB:
        """What colour the selected wall has now, (red, green, blue) of 0-255: light, shadow and texture taken out.

        Paint of this colour leaves the wall about as it is. Raises MaskNotFound with nothing selected.
        """
        return self.studio.wall_color(self.session_id, self._selected_id())

    def wall_paints(self) -> tuple[OldPaint, ...]:
        """Each paint that is under the selection now, the main one first: its `rgb`, and the `share` it covers."""
        return self.studio.wall_paints(self.session_id, self._selected_id())

    @numbers_one_by_one
    def color_at(self, x: float, y: float) -> RGB:
        """The photo's colour around (x, y), (red, green, blue) of 0-255: an eyedropper."""
        return self.studio.color_at(self.session_id, x, y)

    @property
    def palette(self) -> Palette:
        """The paints to choose from: `palette.paints`, each with `name` and `rgb`."""
        return self.studio.palette(self.session)

    def use_palette(self, palette: Palette | str | PathLike[str] | None) -> Self:
        """Choose from other paints: a file (CSV, JSON, GIMP .gpl, Adobe .ase, .aco), or None for the usual ones.

        `paint` then takes their names, and `describe` names colours by them. Raises InvalidInput, TooLarge.
        """
        if not (palette is None or isinstance(palette, Palette)):
            palette = open_palette(palette)
        self.studio.use_palette(self.session_id, palette)
        return self

    def describe(self, color: str | RGB | Paint) -> Description:
        """A colour's nearest paint and distance to it, light reflectance value, and what goes with it."""
        return self.studio.describe(self.session, self._rgb(color))

    def _rgb(self, color: str | RGB | Paint) -> RGB:
        if isinstance(color, str):
            return self.studio.color(self.session, color)
        return rgb_of(color)

    def edit_layer(self, index: int, **changes: Any) -> Self:
        """Change a layer (0 was painted first): color, opacity, mode, light, shadow, name or visible."""
        if "color" in changes:
            changes["color"] = self._rgb(changes["color"])
        self.studio.edit_layer(self.session_id, self._layer_id(index), **changes)
        return self

    def remove_layer(self, index: int) -> Self:
        """Take a layer of paint off."""
        self.studio.remove_layer(self.session_id, self._layer_id(index))
        return self

    def move_layer(self, index: int, to: int) -> Self:
        """Paint a layer earlier or later."""
        self.studio.move_layer(self.session_id, self._layer_id(index), to)
        return self

    def tie_layers(self, *indices: int) -> Self:
        """Say that layers lie on one old paint, such as the front and the shaded side of a house: they are analysed as
        one wall, and come out in one brightness. Undo takes it back."""
        self.studio.tie_layers(self.session_id, [self._layer_id(index) for index in indices])
        return self

    def untie_layer(self, index: int) -> Self:
        """Say that a layer lies on an old paint of its own."""
        self.studio.untie_layer(self.session_id, self._layer_id(index))
        return self

    def tie_offers(self) -> list[tuple[int, int]]:
        """Layers, two by two, that have one new colour and look as if they lay on one old paint."""
        places = {layer.id: place for place, layer in enumerate(self.session.layers)}
        return [(places[one], places[other]) for one, other in self.studio.tie_offers(self.session_id)]

    # -- schemes -----------------------------------------------------------------------------------------------------

    @property
    def schemes(self) -> tuple[str, ...]:
        """Names of the schemes, variants of all paints, in their order; `scheme` is the one shown."""
        return tuple(one.name for one in self.studio.schemes(self.session))

    @property
    def scheme(self) -> str:
        """The scheme that is shown: `paint` and `edit_layer` change its paint alone."""
        session = self.session
        return next(one.name for one in self.studio.schemes(session) if one.id == session.canvas.scheme)

    def add_scheme(self, name: str = "") -> Self:
        """Add a scheme, painted like the one shown, and show it. name: the next letter by default."""
        self.studio.add_scheme(self.session_id, name)
        return self

    def choose_scheme(self, name: str) -> Self:
        """Show another scheme: every layer gets the paint it has there. Raises SchemeNotFound."""
        self.studio.choose_scheme(self.session_id, self._scheme_id(name))
        return self

    def rename_scheme(self, name: str, to: str) -> Self:
        """Call a scheme something else."""
        self.studio.rename_scheme(self.session_id, self._scheme_id(name), to)
        return self

    def remove_scheme(self, name: str) -> Self:
        """Take a scheme away; if it is the one shown, its neighbour is shown. The last one stays."""
        self.studio.remove_scheme(self.session_id, self._scheme_id(name))
        return self

    def compare_schemes(self, max_side: int = 2400) -> np.ndarray:
        """The photo and every scheme side by side with their names, (H, W, 3) uint8 RGB of at most max_side pixels."""
        return self.studio.compare_schemes(self.session_id, max_side)

    def _scheme_id(self, name: str) -> int:
        for one in self.studio.schemes(self.session):
            if one.name == name:
                return one.id
        raise SchemeNotFound(f"No scheme {str(name)[:80]} here; there is {', '.join(self.schemes)}.")

    # -- history -----------------------------------------------------------------------------------------------------

    def undo(self) -> Self:
        """Take the last action back."""
        self.studio.undo(self.session_id)
        return self

    def redo(self) -> Self:
        """Do again what was taken back."""
        self.studio.redo(self.session_id)
        return self
