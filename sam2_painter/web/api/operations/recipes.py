"""Operations about recipes: how the walls of a photo were found and painted, to do it to others."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ....sessions import recipe as recipes
from ....studio.studio import Studio
from .. import session_schemas
from ..fields import SessionId
from .work import work_of


def get_recipe(studio: Studio, session_id: SessionId) -> session_schemas.RecipeOf:
    """How the painted walls of a session were found and painted, to do the same with other photos."""
    return {"session_id": session_id, "recipe": recipes.to_json(studio.recipe(session_id))}


def apply_recipe(
    studio: Studio,
    session_id: SessionId,
    recipe: Annotated[
        dict[str, Any], Field(description="from get_recipe, or the JSON of a file that Painter.save_recipe wrote")
    ],
    scale: Annotated[
        bool, Field(description="its clicks move with the photo's size; otherwise a photo of another size is refused")
    ] = False,
) -> session_schemas.Applied:
    """Find and paint the walls of a recipe, on top of what is painted: one step of the history.

    Returns:
        The layers, and in left_out a sentence for each thing that could not be done in this photo.
    """
    read = recipes.from_json(recipe, max_pixels=studio.max_pixels)
    session, left_out = studio.apply_recipe(session_id, read, scale=scale)
    return {**work_of(studio, session), "left_out": list(left_out)}


def paint_alike(
    studio: Studio,
    session_id: SessionId,
    like: Annotated[str, Field(description="the session whose paints are wanted here, from upload")],
) -> session_schemas.Applied:
    """Paint a photo in the paints of another session's photo, by the names and kinds of its walls: one step.

    Returns:
        The layers, and in left_out a sentence for each wall that could not be painted in this photo.
    """
    session, left_out = studio.paint_alike(session_id, like)
    return {**work_of(studio, session), "left_out": list(left_out)}
