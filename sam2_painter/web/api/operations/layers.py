"""Operations about layers of paint: paint the chosen wall, change, move and remove layers, undo and redo."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ....studio.studio import Studio
from ....types import Coat
from .. import schemas
from ..fields import CoatMode, Color, LayerId, Light, Opacity, Revision, SessionId, Shadow
from .work import work_of


def paint_wall(
    studio: Studio,
    session_id: SessionId,
    color: Color,
    opacity: Opacity = Coat.opacity,
    mode: CoatMode = Coat.mode,
    light: Light = Coat.light,
    shadow: Shadow = Coat.shadow,
    name: Annotated[str, Field(description='what to call the wall; a free name such as "Wall 2" by default')] = "",
    layer_id: Annotated[
        int | None, Field(description="a painted wall to repaint instead of the chosen one, from list_layers")
    ] = None,
    revision: Revision | None = None,
) -> schemas.Work:
    """Paint the chosen wall; one that is painted already changes its paint. It stays chosen."""
    coat = Coat(color, opacity=opacity, mode=mode, light=light, shadow=shadow, name=name)
    return work_of(studio, studio.paint_wall(session_id, coat, layer_id=layer_id, revision=revision))


def list_layers(studio: Studio, session_id: SessionId) -> schemas.Work:
    """Every layer of paint, in the order of painting, and the wall that is chosen."""
    return work_of(studio, studio.session(session_id))


def edit_layer(
    studio: Studio,
    session_id: SessionId,
    layer_id: LayerId,
    color: Color | None = None,
    opacity: Opacity | None = None,
    mode: CoatMode | None = None,
    light: Light | None = None,
    shadow: Shadow | None = None,
    name: Annotated[str | None, Field(description="what to call it, at most 200 characters")] = None,
    visible: Annotated[bool | None, Field(description="false hides it")] = None,
    revision: Revision | None = None,
) -> schemas.Work:
    """Change what a layer looks like, hide it or name it; what is not given stays as it is."""
    given = dict(color=color, opacity=opacity, mode=mode, light=light, shadow=shadow, name=name, visible=visible)
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return work_of(studio, studio.edit_layer(session_id, layer_id, revision=revision, **changes))


def move_layer(
    studio: Studio,
    session_id: SessionId,
    layer_id: LayerId,
    to: Annotated[int, Field(description="its new place, 0 is painted first")],
    revision: Revision | None = None,
) -> schemas.Work:
    """Paint a layer earlier or later: later layers cover earlier ones."""
    return work_of(studio, studio.move_layer(session_id, layer_id, to, revision=revision))


def remove_layer(
    studio: Studio, session_id: SessionId, layer_id: LayerId, revision: Revision | None = None
) -> schemas.Work:
    """Take a layer of paint off; undo brings it back."""
    return work_of(studio, studio.remove_layer(session_id, layer_id, revision=revision))


def tie_layers(
    studio: Studio,
    session_id: SessionId,
    layer_ids: Annotated[list[int], Field(description="at least two, from list_layers")],
    revision: Annotated[
        int | None,
        Field(description="of the reply in which the caller saw those layers; if one is gone since, the answer is 409"),
    ] = None,
) -> schemas.Work:
    """Say that layers lie on one old paint, such as a house's front and its shaded side: one brightness for both."""
    return work_of(studio, studio.tie_layers(session_id, layer_ids, revision=revision))


def untie_layer(
    studio: Studio, session_id: SessionId, layer_id: LayerId, revision: Revision | None = None
) -> schemas.Work:
    """Say that a layer lies on an old paint of its own."""
    return work_of(studio, studio.untie_layer(session_id, layer_id, revision=revision))


def tie_offers(studio: Studio, session_id: SessionId) -> schemas.TieOffers:
    """Layers that have one new colour and look as if they lay on one old paint: tie_layers makes them one wall.

    Returns:
        Layer ids, two by two.
    """
    return {"session_id": session_id, "offers": [list(pair) for pair in studio.tie_offers(session_id)]}


def undo(studio: Studio, session_id: SessionId) -> schemas.Work:
    """Take the last action back."""
    return work_of(studio, studio.undo(session_id))


def redo(studio: Studio, session_id: SessionId) -> schemas.Work:
    """Do again what was taken back last."""
    return work_of(studio, studio.redo(session_id))
