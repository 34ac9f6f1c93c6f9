"""Verbs about walls: choose one, and make its shape right by points, boxes, strokes and masks.

Each of them is one step of the shape and one step of the history. They share these arguments:

layer_id: the painted wall that is meant; None for the one chosen now. revision: that of the session in which the caller
saw it; a wall that is gone since then is a `Conflict`, never another wall. protect: what is added leaves other painted
walls alone. take: instead, what is added is taken from them. scale: photo pixels to a pixel of the caller's screen, by
which small is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from .. import masks
from ..errors import InvalidInput, MaskNotFound
from ..rle import RLE
from ..sessions import walls
from ..sessions.editing import Edit
from ..sessions.walls import SelectMode
from ..types import Layer, Line, Mask, Prompts, Session, Step, number, whole_number
from .corrections import Corrections
from .verb import verb

SCREEN = 1600
"""Pixels on the long side of a photo as a page shows it, where nobody says."""

TINY_BOX = 8.0
"""In pixels of the screen: a smaller box is a click with an unsteady hand."""

SPOT = 12.0
"""In pixels of the screen: the radius of the least that a click takes away."""

MAX_POINTS = 20_000
"""Of a stroke or polygon as it is sent; it is kept with fewer."""

_DONE = {"union": "add", "subtract": "take away"}  # names of actions
_KEPT_POINTS = 200
_TOLERANCE = 0.25  # pixels a kept line may differ from the one that was sent


@dataclass(frozen=True)
class Answer:
    """One of the engine's answers to the last step: the wall as it would be with it.

    choice: what `choose` takes. area: the wall's share of the photo, 0 to 1. chosen: whether it is taken now.
    """

    choice: int
    rle: RLE
    area: float
    chosen: bool


class WallVerbs(Corrections):
    """The chosen wall is the session's `selection`; once it is painted, its layer changes with it."""

    # -- choosing ----------------------------------------------------------------------------------------------------

    @verb("segment")
    def click(
        self,
        session_id: str,
        x: float,
        y: float,
        label: int = 1,
        mode: SelectMode = "new",
        *,
        layer_id: int | None = None,
        revision: int | None = None,
        protect: bool = True,
        take: bool = False,
        scale: float | None = None,
    ) -> Session:
        """One click on the photo, the way a person means it.

        On a painted wall it chooses that wall. Elsewhere it begins a new one, or adds to the one that is chosen and has
        no paint yet. label 0 takes away from the chosen wall what lies there. mode says how instead: "union",
        "subtract", "intersect", or "replace": the chosen wall's shape is made anew of it.
        """
        walls.check_mode(mode)
        asked = Prompts.click(x, y, label)
        if label == 0:
            mode, asked = "subtract", Prompts.click(x, y)
        with self._wall(session_id, layer_id, revision, take) as edit:
            self._clicked(edit, asked, mode, protect and not take, scale)
        return edit.session

    @verb("segment")
    def choose_at(
        self, session_id: str, x: float, y: float, *, protect: bool = True, scale: float | None = None
    ) -> Session:
        """Choose the painted wall that lies on top at (x, y); where there is none, begin a new one with the engine."""
        asked = Prompts.click(x, y)
        with self.sessions.edit(session_id) as edit:
            painted = walls.layer_at(edit.session.layers, x, y)
            if painted is not None:
                walls.choose_painted(edit, painted)
            else:
                self._point(edit, asked, "new", protect, scale)
        return edit.session

    @verb("segment")
    def choose_wall(self, session_id: str, layer_id: int, *, revision: int | None = None) -> Session:
        """Choose a painted wall by its layer's id: its steps come back."""
        with self.sessions.edit(session_id) as edit:
            walls.choose_painted(edit, walls.find_layer(edit.session, layer_id, revision))
        return edit.session

    def layer_at(self, session: Session, x: float, y: float) -> Layer | None:
        """The visible layer on top at a pixel, None where there is none."""
        Prompts.click(x, y).check_inside(session.size)
        return walls.layer_at(session.layers, x, y)

    # -- steps -------------------------------------------------------------------------------------------------------

    @verb("segment")
    def point(
        self,
        session_id: str,
        x: float,
        y: float,
        mode: SelectMode = "union",
        *,
        layer_id: int | None = None,
        revision: int | None = None,
        protect: bool = True,
        scale: float | None = None,
    ) -> Session:
        """Add what lies at (x, y) to the chosen wall, take it away ("subtract"), or begin a new wall there ("new").

        Adding never loses anything. Taking away stays near the point, takes at least a visible spot, and never adds.
        """
        walls.check_mode(mode)
        asked = Prompts.click(x, y)
        with self._wall(session_id, layer_id, revision) as edit:
            self._point(edit, asked, mode, protect, scale)
        return edit.session

    @verb("segment")
    def box(
        self,
        session_id: str,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        mode: SelectMode = "new",
        *,
        layer_id: int | None = None,
        revision: int | None = None,
        protect: bool = True,
        take: bool = False,
        scale: float | None = None,
    ) -> Session:
        """What a box from corner to corner is drawn around; a tiny one is a `click` at its middle.

        "subtract" takes nothing away outside the box.
        """
        walls.check_mode(mode)
        with self._wall(session_id, layer_id, revision, take) as edit:
            height, width = edit.session.size
            left, right = sorted(number(v, "box", -1e6, 1e6) for v in (x1, x2))
            top, bottom = sorted(number(v, "box", -1e6, 1e6) for v in (y1, y2))
            left, top, right, bottom = max(0.0, left), max(0.0, top), min(right, width), min(bottom, height)
            if left > right or top > bottom:
                raise InvalidInput(f"the box lies outside the {width}x{height} photo", "box")
            if max(right - left, bottom - top) < TINY_BOX * _scale(edit.session, scale):
                x, y = min((left + right) / 2, width - 1), min((top + bottom) / 2, height - 1)
                self._clicked(edit, Prompts.click(x, y), mode, protect and not take, scale)
            else:
                prompts = Prompts(box=[left, top, max(right, left + 1), max(bottom, top + 1)])  # type: ignore[arg-type]
                self._boxed(edit, prompts, mode, protect and not take)
        return edit.session

    @verb("segment")
    def stroke(
        self,
        session_id: str,
        path: Sequence[tuple[float, float]],
        radius: float,
        mode: SelectMode = "union",
        *,
        edge_aware: bool = False,
        layer_id: int | None = None,
        revision: int | None = None,
        protect: bool = True,
        take: bool = False,
    ) -> Session:
        """Paint on the chosen wall's shape with a round brush ("union"), or rub out ("subtract").

        path: points (x, y) the brush passes; radius: in pixels of the photo. edge_aware: the brush stops at strong
        borders. The first stroke begins a wall where none is chosen.
        """
        walls.check_mode(mode)
        with self._wall(session_id, layer_id, revision, take) as edit:
            self._stroked(edit, path, radius, mode, edge_aware, protect and not take)
        return edit.session

    @verb("segment")
    def find(
        self,
        session_id: str,
        category: str,
        mode: SelectMode = "new",
        *,
        point: tuple[float, float] | None = None,
        layer_id: int | None = None,
        revision: int | None = None,
        protect: bool = False,
    ) -> Session:
        """Begin a wall with everything of a kind, such as "wall" (walls less their windows, doors and plants), add it
        to the chosen wall, or take it away.

        point: (x, y), only of the building under it.
        """
        with self._wall(session_id, layer_id, revision) as edit:
            self._find(edit, category, mode, protect, point)
        return edit.session

    @verb("segment")
    def import_mask(
        self,
        session_id: str,
        rle: RLE,
        mode: SelectMode = "new",
        *,
        layer_id: int | None = None,
        revision: int | None = None,
        protect: bool = True,
    ) -> Session:
        """Begin a wall with a mask somebody brings along, or change the chosen one by it."""
        walls.check_mode(mode)
        with self._wall(session_id, layer_id, revision) as edit:
            step = Step("mask", region=walls.bring_mask(edit, rle), protect=protect)
            walls.begin_or_add(edit, step, mode, "import mask")
        return edit.session

    # -- the last step again -----------------------------------------------------------------------------------------

    @verb("segment")
    def choose(self, session_id: str, choice: int) -> Session:
        """Take another of the engine's answers to the last step (0 is the best); what came before it stays."""
        with self.sessions.edit(session_id) as edit:
            walls.choose_candidate(edit, choice)
        return edit.session

    def answers(self, session: Session) -> tuple[Answer, ...]:
        """The engine's answers to the last step, the smallest wall first; () when it was no question. One that would
        leave nothing of the wall is left out."""
        taken, pixels = session.selection.choice, session.size[0] * session.size[1]
        shapes = walls.with_candidates(session)
        found = [Answer(choice, rle, rle.area / pixels, choice == taken) for choice, rle in shapes]
        return tuple(sorted(found, key=lambda answer: answer.area))

    @verb("segment")
    def take_over(self, session_id: str, *, layer_id: int | None = None, revision: int | None = None) -> Session:
        """Take what the chosen wall shares with other painted walls from them, where it was added without protect."""
        with self._wall(session_id, layer_id, revision) as edit:
            walls.take_over(edit)
        return edit.session

    @verb("segment")
    def remove_step(
        self, session_id: str, index: int, *, layer_id: int | None = None, revision: int | None = None
    ) -> Session:
        """Take one step (0 was the first) back out of the chosen wall's shape; the others stay."""
        with self._wall(session_id, layer_id, revision) as edit:
            walls.remove_step(edit, index, self._tidy(edit.session))
        return edit.session

    @verb("segment")
    def remove_point(self, session_id: str, index: int) -> Session:
        """Take one point back (0 was the first of all the selection's points); the last one clears the selection."""
        with self.sessions.edit(session_id) as edit:
            steps = edit.session.selection.steps
            places = [(place, inner) for place, step in enumerate(steps) for inner in range(len(step.points))]
            if not places:
                raise InvalidInput("The selection has no points.", "index")
            place, inner = places[whole_number(index, "index", 0, len(places) - 1)]
            self._less_a_point(edit, place, inner)
        return edit.session

    # -- inside ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _wall(self, session_id: str, layer_id: int | None, revision: int | None, take: bool = False) -> Iterator[Edit]:
        """The session to edit, with the wall chosen that is meant. layer_id, revision, take: as the module says."""
        with self.sessions.edit(session_id) as edit:
            before = edit.session.selection
            walls.choose(edit, layer_id, revision)
            yield edit
            if take and edit.new_step:
                walls.take_over(edit)
            if not edit.new_step:  # the step changed nothing ...
                edit.forget_masks()
                if edit.session.selection is not before:  # ... but it chose
                    walls.write_choice(edit, before)

    def _clicked(self, edit: Edit, asked: Prompts, mode: SelectMode, protect: bool, scale: float | None) -> None:
        """What `click` says. asked: one click of label 1."""
        selection, (x, y) = edit.session.selection, asked.point_coords[0].tolist()
        begun = selection.layer is None and selection.mask_id is not None
        painted = walls.layer_at(edit.session.layers, x, y) if mode == "new" and protect else None
        if painted is not None:
            walls.choose_painted(edit, painted)
        else:
            self._point(edit, asked, "union" if mode == "new" and begun else mode, protect, scale)

    def _point(self, edit: Edit, prompts: Prompts, mode: SelectMode, protect: bool, scale: float | None) -> None:
        """prompts: one click of label 1."""
        session, (x, y) = edit.session, prompts.point_coords[0].tolist()
        prompts.check_inside(session.size)
        anew = mode in ("new", "replace") or (session.selection.mask_id is None and mode != "subtract")
        if not anew and session.selection.mask_id is None:
            raise InvalidInput(walls.NOTHING_CHOSEN, "mode")
        if mode in ("union", "replace") and protect:
            walls.check_free(session, x, y)
        if anew or mode == "intersect":
            found = list(self._predicted(session, prompts).value)
            best = next((place for place, mask in enumerate(found) if mask.rle.contains(int(x), int(y))), 0)
        else:
            spot = masks.stroke([(x, y)], SPOT * _scale(session, scale), session.size)
            change = self._added_at if mode == "union" else self._taken_at
            found, best = change(session, x, y, spot), 0
        if not found:
            return
        ids = edit.add(found, made=True)
        step = Step.asked(prompts, "union", ids, ids[best], protect)
        walls.begin_or_add(edit, step, mode, _DONE.get(mode, "select"))

    def _boxed(self, edit: Edit, prompts: Prompts, mode: SelectMode, protect: bool) -> None:
        session = edit.session
        found = self._predicted(session, prompts).value
        if mode == "subtract" and session.selection.mask_id is not None:
            assert prompts.box is not None
            x1, y1, x2, y2 = prompts.box.tolist()
            drawn = masks.polygon([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], session.size)
            inside = masks.intersect([drawn, session.mask(session.selection.mask_id).rle])
            regions = [masks.intersect([inside, mask.rle]) for mask in found]
            seen = [rle for rle in regions if rle.area >= inside.area / 10]
            ids = edit.add([Mask(rle) for rle in [*seen, inside] if rle.area], made=True)
            if ids:
                walls.begin_or_add(edit, Step.asked(prompts, "subtract", _once(ids), ids[0]), mode, "take away")
            return
        ids = edit.add(found, made=True)
        walls.begin_or_add(edit, Step.asked(prompts, "union", ids, ids[0], protect), mode, "select")

    def _stroked(
        self,
        edit: Edit,
        path: Sequence[tuple[float, float]],
        radius: float,
        mode: SelectMode,
        edge_aware: bool,
        protect: bool,
    ) -> None:
        radius = number(radius, "radius", masks.LEAST_RADIUS, max(edit.session.size))
        line = kept_path(path, 1)
        region = None
        if edge_aware:
            rle = masks.edge_aware_stroke(self.photo_of(edit.session).pixels, line, radius)
            region = edit.add([Mask(rle)], made=True)[0] if rle.area else None
        if region is None and not masks.stroke(line, radius, edit.session.size).area:
            raise InvalidInput("the stroke lies outside the photo", "path")
        step = Step("stroke", region=region, path=line, radius=radius, edge_aware=edge_aware, protect=protect)
        walls.begin_or_add(edit, step, mode, "erase" if mode == "subtract" else "brush")

    def _find(
        self, edit: Edit, category: str, mode: SelectMode, protect: bool, point: tuple[float, float] | None = None
    ) -> None:
        walls.check_mode(mode)
        category = self.kind_named(category)
        if category not in self.categories:
            raise InvalidInput(
                f"the kind (category) must be one of {', '.join(self.categories)}"
                if self.categories
                else f"{self.engine.title} does not name what it sees; click the walls instead.",
                "category",
            )
        session = edit.session
        if point is not None:
            Prompts.click(*point).check_inside(session.size)
        found = self._found(session, category, point)
        if not found:
            where = "in this photo" if point is None else "on a building at this point"
            raise MaskNotFound(f"No {category} was found {where}. Click one instead.")
        mask_id = walls.combine(edit, edit.add(found), "union")
        again = category if point is None else ""  # in another photo the point would be at another building
        step = Step("mask", region=mask_id, protect=protect, found=again)
        walls.begin_or_add(edit, step, mode, f"{_DONE.get(mode, 'select')} every {category}")

    def _less_a_point(self, edit: Edit, place: int, inner: int) -> None:
        steps = edit.session.selection.steps
        step = steps[place]
        points = tuple(point for number, point in enumerate(step.points) if number != inner)
        if not any(label for _, _, label in points) and step.box is None:
            walls.remove_step(edit, place, self._tidy(edit.session))
            return
        prompts = replace(step, points=points).prompts
        assert prompts is not None
        ids = edit.add(self._predicted(edit.session, prompts).value, made=True)
        fewer = Step.asked(prompts, step.mode, ids, ids[0], step.protect)
        tidy = self._tidy(edit.session)
        walls.rebuild(edit, (*steps[:place], fewer, *steps[place + 1 :]), place + 1, tidy, "remove point")

    def _tidy(self, session: Session) -> Callable[[RLE], RLE]:
        """`masks.tidy` of the session's photo, which is opened only if something is tidied."""
        return lambda rle: masks.tidy(self.photo_of(session).pixels, rle)


def _scale(session: Session, scale: float | None) -> float:
    """Photo pixels to a pixel of the screen."""
    if scale is None:
        return max(1.0, max(session.size) / SCREEN)
    return number(scale, "scale", 1e-3, 1e3)


def kept_path(path: Sequence[tuple[float, float]], least: int) -> Line:
    """The path as it is kept: checked, and with no more points than its form needs."""
    if not isinstance(path, (Sequence, np.ndarray)) or not least <= len(path) <= MAX_POINTS:
        raise InvalidInput(f"path must be a list of {least} to {MAX_POINTS} points [x, y]", "path")
    return masks.simplify(path, _TOLERANCE, _KEPT_POINTS, closed=least > 1)


def _once(ids: Sequence[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(ids))
