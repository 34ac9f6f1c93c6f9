"""Operations about layers of paint: paint the chosen wall, change, move and remove layers, undo and redo."""

from __future__ import annotations

from typing import Any

from ....studio.studio import Studio
from ....types import Coat, PaintMode
from .. import schemas as forms
from .work import work_of


def paint_wall(
    studio: Studio,
    session_id: str,
    color: str,
    opacity: float = Coat.opacity,
    mode: PaintMode = Coat.mode,
    light: float = Coat.light,
    shadow: float = Coat.shadow,
    name: str = "",
    layer_id: int | None = None,
    revision: int | None = None,
) -> forms.Work:
    """Paint the chosen wall; one that is painted already changes its paint. It stays chosen.

    Args:
        session_id: from upload
        color: #rgb, #rrggbb, rgb(r, g, b), hsl(), oklch(), a CSS name or the name of a paint of the palette
        opacity: 0 (nothing) to 1 (no trace of the old colour)
        mode: "realistic" (keeps light, shadow and texture), "flat" or "multiply" (only darkens)
        light: exposure of the paint, 0.25 to 4, 1 as found
        shadow: below 1 softer shadows, above 1 deeper, 0 to 2
        name: what to call the wall; a free name such as "Wall 2" by default
        layer_id: a painted wall to repaint instead of the chosen one, from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
    """
    coat = Coat(color, opacity=opacity, mode=mode, light=light, shadow=shadow, name=name)
    return work_of(studio, studio.paint_wall(session_id, coat, layer_id=layer_id, revision=revision))


def list_layers(studio: Studio, session_id: str) -> forms.Work:
    """Every layer of paint, in the order of painting, and the wall that is chosen.

    Args:
        session_id: from upload
    """
    return work_of(studio, studio.session(session_id))


def edit_layer(
    studio: Studio,
    session_id: str,
    layer_id: int,
    color: str | None = None,
    opacity: float | None = None,
    mode: PaintMode | None = None,
    light: float | None = None,
    shadow: float | None = None,
    name: str | None = None,
    visible: bool | None = None,
    revision: int | None = None,
) -> forms.Work:
    """Change what a layer looks like, hide it or name it; what is not given stays as it is.

    Args:
        session_id: from upload
        layer_id: from list_layers
        color: #rgb, #rrggbb, rgb(r, g, b), hsl(), oklch(), a CSS name or the name of a paint of the palette
        opacity: 0 (nothing) to 1 (no trace of the old colour)
        mode: "realistic" (keeps light, shadow and texture), "flat" or "multiply" (only darkens)
        light: exposure of the paint, 0.25 to 4, 1 as found
        shadow: below 1 softer shadows, above 1 deeper, 0 to 2
        name: what to call it, at most 200 characters
        visible: false hides it
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
    """
    given = dict(color=color, opacity=opacity, mode=mode, light=light, shadow=shadow, name=name, visible=visible)
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return work_of(studio, studio.edit_layer(session_id, layer_id, revision=revision, **changes))


def move_layer(studio: Studio, session_id: str, layer_id: int, to: int, revision: int | None = None) -> forms.Work:
    """Paint a layer earlier or later: later layers cover earlier ones.

    Args:
        session_id: from upload
        layer_id: from list_layers
        to: its new place, 0 is painted first
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
    """
    return work_of(studio, studio.move_layer(session_id, layer_id, to, revision=revision))


def remove_layer(studio: Studio, session_id: str, layer_id: int, revision: int | None = None) -> forms.Work:
    """Take a layer of paint off; undo brings it back.

    Args:
        session_id: from upload
        layer_id: from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
    """
    return work_of(studio, studio.remove_layer(session_id, layer_id, revision=revision))


def tie_layers(studio: Studio, session_id: str, layer_ids: list[int], revision: int | None = None) -> forms.Work:
    """Say that layers lie on one old paint, such as the front and the shaded side of a house: one brightness for both.

    Args:
        session_id: from upload
        layer_ids: at least two, from list_layers
        revision: of the reply in which the caller saw those layers; if one is gone since, the answer is 409
    """
    return work_of(studio, studio.tie_layers(session_id, layer_ids, revision=revision))


def untie_layer(studio: Studio, session_id: str, layer_id: int, revision: int | None = None) -> forms.Work:
    """Say that a layer lies on an old paint of its own.

    Args:
        session_id: from upload
        layer_id: from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
    """
    return work_of(studio, studio.untie_layer(session_id, layer_id, revision=revision))


def tie_offers(studio: Studio, session_id: str) -> forms.TieOffers:
    """Layers that have one new colour and look as if they lay on one old paint: tie_layers makes them one wall.

    Args:
        session_id: from upload

    Returns:
        Layer ids, two by two.
    """
    return {"session_id": session_id, "offers": [list(pair) for pair in studio.tie_offers(session_id)]}


def undo(studio: Studio, session_id: str) -> forms.Work:
    """Take the last action back.

    Args:
        session_id: from upload
    """
    return work_of(studio, studio.undo(session_id))


def redo(studio: Studio, session_id: str) -> forms.Work:
    """Do again what was taken back last.

    Args:
        session_id: from upload
    """
    return work_of(studio, studio.redo(session_id))
