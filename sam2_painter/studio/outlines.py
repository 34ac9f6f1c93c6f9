"""Verbs about a wall's outline as a whole: draw it with straight lines, and tidy it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from .. import masks
from ..errors import InvalidInput
from ..rle import RLE, mask_to_rle
from ..sessions import walls
from ..sessions.editing import Edit
from ..sessions.walls import SelectMode
from ..types import Mask, Session, Step
from .verb import verb
from .walls import WallVerbs, kept_path

NOT_WALL = ("window", "door", "shutter")
"""Kinds that stand in a wall and are none of it."""

AROUND = 1 / 64
"""Of the photo's long side: how far from them their frames and sills may reach."""

KNOWN = 0.6
"""Of a polygon without them: where the engine calls so much of it wall, it knows what in it is none."""

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
        and shutters in it are left out where the engine knows them, with their frames and sills, and its outline is
        tidied. What of them looks like the wall stays, and what the engine takes for no wall goes where it looks unlike
        it. The other answers, for `choose`, are the whole polygon (1), and the wall with all that may be of it. What is
        taken away is always the whole.
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
        found = self._wall_in(edit.session, drawn) if only_wall and mode != "subtract" else (drawn,)
        if found != (drawn,):
            ids = edit.add([Mask(rle) for rle in found], made=True)
            step = Step("polygon", region=ids[0], candidates=ids, path=line, edge_aware=True, protect=protect)
        walls.begin_or_add(edit, step, mode, "erase polygon" if mode == "subtract" else "polygon")

    def _wall_in(self, session: Session, drawn: RLE) -> tuple[RLE, ...]:
        """What of a rough polygon is wall, the best guess first, then the whole of it, then the wall with all that
        may be of it."""
        openings = masks.intersect([drawn, self._of_kinds(session, NOT_WALL)])
        wall = masks.subtract(drawn, [openings])
        if wall.area < LEAST_WALL * drawn.area:
            return (drawn,)
        known = self._of_kinds(session, ("wall",))
        sure = masks.intersect([wall, known]).area >= KNOWN * wall.area
        other = masks.subtract(drawn, [known if sure else drawn])  # nothing, where the engine knows too little
        if openings.area:
            wall = self._without_frames(session, wall, openings, other)
        pixels = self.photo_of(session).pixels
        wall = masks.tidy(pixels, wall)
        back, gone = masks.by_looks(pixels, drawn, wall, openings, other)
        more = masks.union([wall, back])
        return tuple(dict.fromkeys((masks.subtract(more, [gone]), drawn, more)))

    def _without_frames(self, session: Session, wall: RLE, openings: RLE, other: RLE) -> RLE:
        """The wall without what stands around its openings: trim, and what else the engine knows to be no wall."""
        around = masks.intersect([wall, masks.grow(openings, round(AROUND * max(session.size)))])
        frames = masks.union([self._of_kinds(session, ("trim",)), other])
        less = masks.subtract(wall, [masks.intersect([around, frames])])
        return less if less.area else wall

    def _of_kinds(self, session: Session, kinds: Sequence[str]) -> RLE:
        """All that the engine finds of some kinds; nothing of one that it does not know."""
        named = [kind for kind in kinds if kind in self.categories]
        found = [mask.rle for kind in named for mask in self._found(session, kind, None)]
        return masks.union(found) if found else mask_to_rle(np.zeros(session.size, bool))

    def _tidied(self, edit: Edit, protect: bool) -> None:
        mask_id = edit.session.selection.mask_id
        if mask_id is None:
            raise InvalidInput("Click the wall you want first; then tidy its outline.", "session_id")
        before = edit.session.mask(mask_id).rle
        for step in walls.tidy_steps(edit, before, self._tidy(edit.session)(before), protect):
            with suppress(InvalidInput):  # all that it lacks is painted already
                walls.add_step(edit, step, "tidy the outline")
