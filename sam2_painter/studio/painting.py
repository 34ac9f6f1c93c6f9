"""Verbs about paint: put it on, change it, undo, and see the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from .. import paint
from ..paint import colors, palettes
from ..paint.surface import OldPaint
from ..sessions import edits
from ..types import Coat, Layer, Palette, Session
from .core import Core
from .verb import verb

R = TypeVar("R")


class PaintVerbs(Core):
    """Paint lies on a session's masks in layers, painted in their order. A layer goes by its id.

    revision, where a verb takes it: that of the session in which the caller saw the layer. One that is gone since then
    is a `Conflict`; the verbs never touch another layer instead.
    """

    @verb("paint")
    def paint(self, session_id: str, coats: Sequence[Coat], *, replace_same: bool = True) -> Session:
        """Put paint on masks of the session, or new ones, one step of the history.

        A mask that has a layer already is repainted in place, or, without `replace_same`, painted over.
        """
        with self.sessions.edit(session_id) as edit:
            edits.put_paint(edit, self._mixed(edit.session, coats), replace_same)
        return edit.session

    @verb("paint")
    def paint_shown(self, session_id: str, coats: Sequence[Coat], show: Callable[[np.ndarray], R]) -> tuple[Session, R]:
        """`paint`, and what `show` makes of the new picture. Should that fail or take too long, nothing is painted."""
        with self.sessions.edit(session_id) as edit:
            edits.put_paint(edit, self._mixed(edit.session, coats))
            shown = show(self.painted(edit.session))
        return edit.session, shown

    @verb("paint")
    def paint_wall(
        self, session_id: str, coat: Coat, *, layer_id: int | None = None, revision: int | None = None
    ) -> Session:
        """Paint the wall that is chosen, which stays chosen; one that is painted already changes its paint.

        layer_id: another painted wall, chosen first.
        """
        with self.sessions.edit(session_id) as edit:
            (mixed,) = self._mixed(edit.session, [coat])
            edits.paint_wall(edit, mixed, layer_id, revision)
        return edit.session

    # -- layers ------------------------------------------------------------------------------------------------------

    @verb("paint")
    def edit_layer(self, session_id: str, layer_id: int, /, *, revision: int | None = None, **changes: Any) -> Session:
        """Change what a layer looks like: color (as in `Coat`), opacity, mode, light, shadow, name or visible."""
        with self.sessions.edit(session_id) as edit:
            if isinstance(changes.get("color"), str):
                changes["color"] = self.color(edit.session, changes["color"])
            edits.edit_layer(edit, layer_id, revision, changes)
        return edit.session

    @verb("paint")
    def remove_layer(self, session_id: str, layer_id: int, *, revision: int | None = None) -> Session:
        """Take a layer of paint off."""
        with self.sessions.edit(session_id) as edit:
            edits.remove_layer(edit, layer_id, revision)
        return edit.session

    @verb("paint")
    def move_layer(self, session_id: str, layer_id: int, to: int, *, revision: int | None = None) -> Session:
        """Move a layer to another place in the order of painting; 0 is painted first."""
        with self.sessions.edit(session_id) as edit:
            edits.move_layer(edit, layer_id, to, revision)
        return edit.session

    @verb("paint")
    def tie_layers(self, session_id: str, layer_ids: Sequence[int], *, revision: int | None = None) -> Session:
        """Say that layers lie on one old paint, such as the sunlit front and the shaded side of a house.

        They are analysed as one wall from then on, and so come out in one brightness.
        """
        with self.sessions.edit(session_id) as edit:
            edits.tie_layers(edit, layer_ids, revision)
        return edit.session

    @verb("paint")
    def untie_layer(self, session_id: str, layer_id: int, *, revision: int | None = None) -> Session:
        """Say that a layer lies on an old paint of its own."""
        with self.sessions.edit(session_id) as edit:
            edits.untie_layer(edit, layer_id, revision)
        return edit.session

    @verb("paint")
    def tie_offers(self, session_id: str) -> list[tuple[int, int]]:
        """Ids of layers, two by two, that have one new colour and look as if they lay on one old paint
        (`paint.tie_offers`)."""
        session = self.sessions.get(session_id)
        pairs = paint.tie_offers(self.photo_of(session), session.layers)
        return [(session.layers[one].id, session.layers[other].id) for one, other in pairs]

    # -- history -----------------------------------------------------------------------------------------------------

    @verb("paint")
    def undo(self, session_id: str) -> Session:
        """Take the last action back. Raises InvalidInput when there is none."""
        with self.sessions.edit(session_id) as edit:
            edit.undo()
        return edit.session

    @verb("paint")
    def redo(self, session_id: str) -> Session:
        """Do the action again that was taken back last. Raises InvalidInput when there is none."""
        with self.sessions.edit(session_id) as edit:
            edit.redo()
        return edit.session

    # -- pictures ----------------------------------------------------------------------------------------------------

    @verb("paint")
    def picture(
        self, session_id: str, *, layers: Iterable[Layer] | None = None, max_side: int | None = None
    ) -> np.ndarray:
        """The painted picture, (H, W, 3) uint8 RGB, read-only: the session's layers, or those given, on its photo.

        max_side: at most so many pixels on the long side, for the screen; the same function as the full size.
        """
        return self.painted(self.sessions.get(session_id), layers, max_side)

    def painted(
        self, session: Session, layers: Iterable[Layer] | None = None, max_side: int | None = None
    ) -> np.ndarray:
        """`picture` of a session at hand."""
        shown = session.layers if layers is None else tuple(layers)
        return self._caches.painted(self.photo_of(session), shown, max_side)

    # -- colours -----------------------------------------------------------------------------------------------------

    @verb("paint")
    def use_palette(self, session_id: str, palette: Palette | None) -> Session:
        """These are the session's paints from now on; None for the usual ones. It is no step of the history."""
        with self.sessions.edit(session_id) as edit:
            edit.set_palette(palette)
        return edit.session

    def palette(self, session: Session) -> Palette:
        """The paints to choose from."""
        return session.palette or self._palette or palettes.exterior()

    def color(self, session: Session, text: str) -> colors.RGB:
        """`colors.parse_color` that knows the paints of the session by name."""
        return colors.parse_color(text, self.palette(session))

    def _mixed(self, session: Session, coats: Sequence[Coat]) -> list[Coat]:
        """The coats with colours that were named as numbers."""
        return [
            replace(coat, color=self.color(session, coat.color)) if isinstance(coat.color, str) else coat
            for coat in coats
        ]

    def describe(self, session: Session, rgb: colors.RGB) -> palettes.Description:
        """`palettes.describe` by the paints of the session."""
        return palettes.describe(rgb, session.palette or self._palette)

    @verb("paint")
    def wall_color(self, session_id: str, mask_id: int) -> colors.RGB:
        """What colour the wall under a mask has now (`paint.wall_color`)."""
        session = self.sessions.get(session_id)
        mask = session.mask(mask_id)
        return paint.wall_color(self.photo_of(session), mask.rle, analyse=self.surface)

    @verb("paint")
    def wall_paints(self, session_id: str, mask_id: int) -> tuple[OldPaint, ...]:
        """Each paint that is under a mask now, the main one first (`paint.wall_paints`)."""
        session = self.sessions.get(session_id)
        mask = session.mask(mask_id)
        return paint.wall_paints(self.photo_of(session), mask.rle, analyse=self.surface)

    @verb("paint")
    def color_at(self, session_id: str, x: float, y: float) -> colors.RGB:
        """The photo's colour around (x, y) (`paint.color_at`)."""
        return paint.color_at(self.photo_of(self.sessions.get(session_id)), x, y)
