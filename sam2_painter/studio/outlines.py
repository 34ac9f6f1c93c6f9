"""Verbs about a wall's outline as a whole: draw it with straight lines, and tidy it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from .. import masks
from ..errors import InvalidInput
from ..rle import RLE
from ..sessions import walls
from ..sessions.editing import Edit
from ..sessions.walls import SelectMode
from ..types import Mask, Session, Step
from .verb import verb
from .walls import WallVerbs, kept_path

NOT_WALL = ("window", "door", "shutter")
"""Kinds that stand in a wall and are none of it."""

LEAST_WALL = 1 / 3
"""Of a polygon: where less of it seems to be wall, what was drawn is meant."""


class OutlineVerbs(WallVerbs):
    """layer_id, revision, protect, take: as in `walls`."""

    @verb("segment")
    def polygon(
        self,
        session_id: str,
        path: Sequence[tuple[float, float]],
        mode: SelectMode = "union",
        *,
        only_wall: bool = False,
        layer_id: int | None = None,
        revision: int | None = None,
        protect: bool = True,
        take: bool = False,
    ) -> Session:
        """Add the inside of a polygon or lasso to the chosen wall, take it away, or begin a wall with it.

        path: its corners (x, y), at least three; it closes itself. only_wall: a rough polygon is meant: windows, doors
        and shutters in it are left out where the engine knows them, and its outline is tidied; the whole of it is the
        other answer, for `choose`. What is taken away is always the whole.
        """
        walls.check_mode(mode)
        with self._wall(session_id, layer_id, revision, take) as edit:
            self._drawn(edit, path, mode, protect and not take, only_wall)
        return edit.session

    @verb("segment")
    def tidy(
        self, session_id: str, *, layer_id: int | None = None, revision: int | None = None, protect: bool = True
    ) -> Session:
        """Make the chosen wall's outline follow the edges of the photo, all of it at once (`masks.tidy`).

        One step of the history; none where the outline is tidy already. Raises InvalidInput when nothing is chosen.
        """
        with self._wall(session_id, layer_id, revision) as edit:
            self._tidied(edit, protect)
        return edit.session

    # -- inside ------------------------------------------------------------------------------------------------------

    def _drawn(
        self, edit: Edit, path: Sequence[tuple[float, float]], mode: SelectMode, protect: bool, only_wall: bool = False
    ) -> None:
        line = kept_path(path, 3)
        drawn = masks.polygon(line, edit.session.size)
        if not drawn.area:
            raise InvalidInput("the polygon holds no pixel of the photo", "path")
        step = Step("polygon", path=line, protect=protect)
        wall = self._wall_in(edit.session, drawn) if only_wall and mode != "subtract" else drawn
        if wall != drawn:
            ids = edit.add([Mask(wall), Mask(drawn)], made=True)
            step = Step("polygon", region=ids[0], candidates=ids, path=line, edge_aware=True, protect=protect)
        walls.take(edit, step, mode, "erase polygon" if mode == "subtract" else "polygon")

    def _wall_in(self, session: Session, drawn: RLE) -> RLE:
        """What of a rough polygon is wall."""
        kinds = [kind for kind in NOT_WALL if kind in self.categories]
        found = [mask.rle for kind in kinds for mask in self._found(session, kind, None)]
        wall = masks.subtract(drawn, [rle for rle in found if masks.may_overlap(rle, drawn)])
        if wall.area < LEAST_WALL * drawn.area:
            return drawn
        return masks.tidy(self.photo_of(session).pixels, wall)

    def _tidied(self, edit: Edit, protect: bool) -> None:
        mask_id = edit.session.selection.mask_id
        if mask_id is None:
            raise InvalidInput("Click the wall you want first; then tidy its outline.", "session_id")
        before = edit.session.mask(mask_id).rle
        after = masks.tidy(self.photo_of(edit.session).pixels, before)
        added, taken = masks.subtract(after, [before]), masks.subtract(before, [after])
        if added.area:
            (region,) = edit.add([Mask(added)], made=True)
            with suppress(InvalidInput):  # all that it lacks is painted already
                walls.add_step(edit, Step("tidy", region=region, protect=protect), "tidy the outline")
        if taken.area:
            (region,) = edit.add([Mask(taken)], made=True)
            walls.add_step(edit, Step("tidy", "subtract", region), "tidy the outline")
