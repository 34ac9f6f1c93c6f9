"""Verbs about recipes: do to this photo what was done to another."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ..errors import InvalidInput, MaskNotFound
from ..jobs.deadline import check
from ..sessions import edits, recipe, walls
from ..sessions.editing import Edit
from ..sessions.recipe import Recipe, RecipeStep, RecipeWall
from ..sessions.records import coat_of
from ..sessions.walls import SelectMode
from ..types import Coat, Layer, Prompts, Selection, Session, Step
from .masks import MaskVerbs
from .outlines import OutlineVerbs
from .painting import PaintVerbs
from .verb import verb


class Applied(NamedTuple):
    """The session once a recipe is applied. left_out: what of it could not be done here, and why, a sentence each."""

    session: Session
    left_out: tuple[str, ...]


class RecipeVerbs(MaskVerbs, OutlineVerbs, PaintVerbs):
    """A recipe is what `sessions.recipe` makes of a session."""

    def recipe(self, session_id: str) -> Recipe:
        """How the painted walls of the session were made. Raises InvalidInput when nothing is painted."""
        return recipe.of_session(self.sessions.get(session_id))

    @verb("generate")
    def apply_recipe(self, session_id: str, recipe: Recipe, *, scale: bool = False) -> Applied:
        """Find and paint the walls of a recipe, on top of what is painted: one step of the history.

        What cannot be done in this photo, such as shutters where there are none, is left out and named. scale: places
        of the recipe move with the photo's size. Raises InvalidInput for places in a photo of another size, and
        MaskNotFound when nothing of it could be done.
        """
        left_out: list[str] = []
        with self.sessions.edit(session_id) as edit:
            fitted = recipe.fitted(edit.session.size, scale)
            coats = self._mixed(edit.session, [wall.coat for wall in fitted.walls])
            ties: dict[int, list[int]] = {}
            for place, (wall, coat) in enumerate(zip(fitted.walls, coats, strict=True)):
                check()
                name, before = coat.name or f"wall {place + 1}", edit.session.canvas
                try:
                    left_out += [f"{name}: {why}" for why in self._paint_one(edit, wall, coat)]
                except (InvalidInput, MaskNotFound) as error:
                    edit.session = replace(edit.session, canvas=before)
                    left_out.append(f"{name}: {error}")
                    continue
                painted = edit.session.selection.layer
                assert painted is not None  # paint_wall chooses what it paints
                ties.setdefault(wall.tie, []).append(painted)
            if not ties:
                raise MaskNotFound(" ".join(left_out))
            for tie, layer_ids in ties.items():
                if tie and len(layer_ids) > 1:
                    edits.tie_layers(edit, layer_ids, None)
            edit.do("apply recipe", edit.session.canvas)
        return Applied(edit.session, tuple(left_out))

    @verb("generate")
    def paint_alike(self, session_id: str, like: str) -> Applied:
        """Paint the photo in the paints of another session's photo: one step of the history.

        A wall that goes by the name of one there gets its paint; of the rest, what is of a kind the engine finds, such
        as "roof", is found and painted. What cannot be done is left out and named. Raises InvalidInput when nothing is
        painted there, MaskNotFound when nothing of it could be done here.
        """
        there = [layer for layer in self.sessions.get(like).layers if layer.visible]
        if not there:
            raise InvalidInput("Nothing is painted on that photo yet.", "like")
        left_out: list[str] = []
        with self.sessions.edit(session_id) as edit:
            before = edit.session.canvas
            names = {layer.name: layer.id for layer in before.layers if layer.name}
            done: dict[str, Layer] = {}
            for layer in sorted(there, key=lambda one: -one.mask.area):
                check()
                coat, name = replace(coat_of(layer), name=layer.name), layer.name or "A wall"
                if layer.name in names:
                    edits.paint_wall(edit, coat, names[layer.name])
                    continue
                kind = next((step.found for step in layer.steps if step.found), layer.mask.category)
                if kind in done:
                    if coat_of(done[kind]) != coat_of(layer):
                        left_out.append(f"{name}: one {kind} cannot be told from another here. Click it.")
                    continue
                try:
                    if kind not in self.categories:
                        raise MaskNotFound("it cannot be found by its kind. Click it.")
                    self._find(edit, kind, "new", True)
                    edits.paint_wall(edit, coat)
                    done[kind] = layer
                except (InvalidInput, MaskNotFound) as error:
                    left_out.append(f"{name}: {error}")
            if edit.session.layers == before.layers:
                raise MaskNotFound(" ".join(left_out) or "This photo is painted like that one already.")
            edit.do("paint like another photo", replace(edit.session.canvas, selection=Selection()))
        return Applied(edit.session, tuple(left_out))

    def _paint_one(self, edit: Edit, wall: RecipeWall, coat: Coat) -> list[str]:
        """Paint one wall of a recipe; why steps after the first could not be done."""
        missing = []
        for place, step in enumerate(wall.steps):
            check()
            try:
                self._repeat(edit, step, "new" if place == 0 else step.step.mode)
            except (InvalidInput, MaskNotFound) as error:
                if place == 0:
                    raise
                missing.append(str(error))
        edits.paint_wall(edit, coat)
        return missing

    def _repeat(self, edit: Edit, one: RecipeStep, mode: SelectMode) -> None:
        step = one.step
        if step.found:
            self._find(edit, step.found, mode, step.protect)
        elif one.mask is not None:
            region = walls.bring_mask(edit, one.mask)
            walls.begin_or_add(edit, Step("mask", region=region, protect=step.protect), mode, "import mask")
        elif step.kind == "polygon":
            self._drawn(edit, step.path, mode, step.protect, step.edge_aware)
        elif step.kind == "tidy":
            self._tidied(edit, step.protect)
        elif step.kind == "stroke":
            self._stroked(edit, step.path, step.radius, mode, step.edge_aware, step.protect)
        else:
            self._ask_again(edit, step, mode)

    def _ask_again(self, edit: Edit, step: Step, mode: SelectMode) -> None:
        prompts, before = step.prompts, edit.session.selection
        assert prompts is not None  # checked when it was read
        if step.box is not None and not step.points:
            self._boxed(edit, prompts, mode, step.protect)
        elif step.box is None and len(step.points) == 1:
            ((x, y, _),) = step.points
            self._point(edit, Prompts.click(x, y), mode, step.protect, None)
        else:
            ids = edit.add(self._predicted(edit.session, prompts).value)
            walls.begin_or_add(edit, Step.asked(prompts, "union", ids, ids[0], step.protect), mode, "select")
        selection = edit.session.selection
        if selection is not before and 0 <= step.choice < len(selection.candidates) and step.choice != selection.choice:
            walls.choose_candidate(edit, step.choice)
