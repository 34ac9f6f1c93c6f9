"""What programs can ask about walls and layers of paint: like `operations`, the same verbs the page uses.

Every one that changes something answers with the same `Work`: the chosen wall, the layers, and what can be undone.
"""

from __future__ import annotations

import math
from typing import Any

from ... import masks
from ...errors import InvalidInput
from ...studio.studio import SelectMode, Studio
from ...types import Coat, PaintMode, Session
from . import schemas as forms
from .plain import boxes_of, layer_values, mask_text, point_xy
from .schemas import Box, MaskFormat

# -- choosing --------------------------------------------------------------------------------------------------------


def choose_wall(
    studio: Studio,
    session_id: str,
    point: list[float] | None = None,
    layer_id: int | None = None,
    revision: int | None = None,
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Choose the wall to work on: the painted one at a point, or by its layer. Where nothing is painted a wall begins.

    Args:
        session_id: from upload
        point: [x, y] in pixels of the photo
        layer_id: or a painted wall, from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask

    Returns:
        The chosen wall with the steps of its shape and the engine's answers, and every layer.
    """
    if (point is None) == (layer_id is None):
        raise InvalidInput("give either point or layer_id", "point")
    if layer_id is not None:
        return _work(studio, studio.choose_wall(session_id, layer_id, revision=revision), mask_format)
    return _work(studio, studio.choose_at(session_id, *point_xy(point or ())), mask_format)


def find_walls(
    studio: Studio, session_id: str, category: str = "wall", mode: SelectMode = "new", mask_format: MaskFormat = "none"
) -> forms.Work:
    """Choose everything of a kind at once, such as all walls less their windows, where the engine knows the kind.

    Args:
        session_id: from upload
        category: the kind, such as "wall", "roof", "door" or "window"; an unknown one is answered with those there are
        mode: "new", or "union", "subtract" or "intersect" with the chosen wall
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    return _work(studio, studio.find(session_id, category, mode), mask_format)


def choose_nothing(studio: Studio, session_id: str) -> forms.Work:
    """Choose no wall; the next one begins anew.

    Args:
        session_id: from upload
    """
    return _work(studio, studio.clear_selection(session_id))


# -- the shape of the chosen wall ------------------------------------------------------------------------------------


def wall_point(
    studio: Studio,
    session_id: str,
    point: list[float],
    mode: SelectMode = "union",
    layer_id: int | None = None,
    revision: int | None = None,
    protect: bool = True,
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Add what lies at a point to the chosen wall, or take it away; painted walls change at once.

    Args:
        session_id: from upload
        point: [x, y] in pixels of the photo
        mode: "union" adds, "subtract" takes away near the point, "new" begins a wall, "intersect" keeps what both have
        layer_id: a painted wall to change instead of the chosen one, from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
        protect: leave pixels of other painted walls alone
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    x, y = point_xy(point)
    session = studio.point(session_id, x, y, mode, layer_id=layer_id, revision=revision, protect=protect)
    return _work(studio, session, mask_format)


def wall_box(
    studio: Studio,
    session_id: str,
    box: Box,
    mode: SelectMode = "new",
    layer_id: int | None = None,
    revision: int | None = None,
    protect: bool = True,
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Begin a wall with what a box is drawn around, add it to the chosen wall, or take it away.

    Args:
        session_id: from upload
        box: x1, y1, x2, y2 in pixels of the photo
        mode: "new", "union" (add), "subtract" (nothing outside the box) or "intersect"
        layer_id: a painted wall to change instead of the chosen one, from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
        protect: leave pixels of other painted walls alone
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    session = studio.box(
        session_id,
        box["x1"],
        box["y1"],
        box["x2"],
        box["y2"],
        mode,
        layer_id=layer_id,
        revision=revision,
        protect=protect,
    )
    return _work(studio, session, mask_format)


def wall_stroke(
    studio: Studio,
    session_id: str,
    path: list[list[float]],
    radius: float,
    mode: SelectMode = "union",
    edge_aware: bool = False,
    layer_id: int | None = None,
    revision: int | None = None,
    protect: bool = True,
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Brush on the chosen wall's shape, or rub out; without a chosen wall a stroke begins one.

    Args:
        session_id: from upload
        path: points [x, y] the brush passes, in pixels of the photo
        radius: of the brush, in pixels of the photo
        mode: "union" brushes, "subtract" rubs out, "new" begins a wall, "intersect" keeps what both have
        edge_aware: the brush stops at strong borders
        layer_id: a painted wall to change instead of the chosen one, from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
        protect: leave pixels of other painted walls alone
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    session = studio.stroke(
        session_id,
        [point_xy(point, "path") for point in path],
        radius,
        mode,
        edge_aware=edge_aware,
        layer_id=layer_id,
        revision=revision,
        protect=protect,
    )
    return _work(studio, session, mask_format)


def wall_polygon(
    studio: Studio,
    session_id: str,
    path: list[list[float]],
    mode: SelectMode = "union",
    layer_id: int | None = None,
    revision: int | None = None,
    protect: bool = True,
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Add the inside of a polygon to the chosen wall, take it away, or begin a wall with it.

    Args:
        session_id: from upload
        path: its corners [x, y] in pixels of the photo, at least three
        mode: "union" (add), "subtract", "new" or "intersect"
        layer_id: a painted wall to change instead of the chosen one, from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
        protect: leave pixels of other painted walls alone
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    corners = [point_xy(point, "path") for point in path]
    session = studio.polygon(session_id, corners, mode, layer_id=layer_id, revision=revision, protect=protect)
    return _work(studio, session, mask_format)


def wall_mask(
    studio: Studio,
    session_id: str,
    mask: str,
    mode: SelectMode = "new",
    layer_id: int | None = None,
    revision: int | None = None,
    protect: bool = True,
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Begin a wall with a mask of your own, add it to the chosen wall, or take it away.

    Args:
        session_id: from upload
        mask: a base64 PNG of the photo's size; what is not black and at least half opaque is in
        mode: "new", "union" (add), "subtract" or "intersect"
        layer_id: a painted wall to change instead of the chosen one, from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
        protect: leave pixels of other painted walls alone
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    rle = masks.mask_from_png(mask, studio.session(session_id).size)
    session = studio.import_mask(session_id, rle, mode, layer_id=layer_id, revision=revision, protect=protect)
    return _work(studio, session, mask_format)


def choose_answer(studio: Studio, session_id: str, choice: int, mask_format: MaskFormat = "none") -> forms.Work:
    """Take another of the engine's answers to the last step; what the wall was before that step stays.

    Args:
        session_id: from upload
        choice: of one of the answers in the last reply
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    return _work(studio, studio.choose(session_id, choice), mask_format)


def remove_step(
    studio: Studio,
    session_id: str,
    index: int,
    layer_id: int | None = None,
    revision: int | None = None,
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Take one step back out of the chosen wall's shape; the steps after it stay.

    Args:
        session_id: from upload
        index: the step's place in the list of the last reply, 0 for the first
        layer_id: a painted wall to change instead of the chosen one, from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    session = studio.remove_step(session_id, index, layer_id=layer_id, revision=revision)
    return _work(studio, session, mask_format)


# -- its paint, and the layers ---------------------------------------------------------------------------------------


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
    rgb = studio.color(studio.session(session_id), color)
    coat = Coat(rgb, opacity=opacity, mode=mode, light=light, shadow=shadow, name=name)
    return _work(studio, studio.paint_wall(session_id, coat, layer_id=layer_id, revision=revision))


def list_layers(studio: Studio, session_id: str) -> forms.Work:
    """Every layer of paint, in the order of painting, and the wall that is chosen.

    Args:
        session_id: from upload
    """
    return _work(studio, studio.session(session_id))


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
    rgb = None if color is None else studio.color(studio.session(session_id), color)
    given = dict(color=rgb, opacity=opacity, mode=mode, light=light, shadow=shadow, name=name, visible=visible)
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return _work(studio, studio.edit_layer(session_id, layer_id, revision=revision, **changes))


def move_layer(studio: Studio, session_id: str, layer_id: int, to: int, revision: int | None = None) -> forms.Work:
    """Paint a layer earlier or later: later layers cover earlier ones.

    Args:
        session_id: from upload
        layer_id: from list_layers
        to: its new place, 0 is painted first
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
    """
    return _work(studio, studio.move_layer(session_id, layer_id, to, revision=revision))


def remove_layer(studio: Studio, session_id: str, layer_id: int, revision: int | None = None) -> forms.Work:
    """Take a layer of paint off; undo brings it back.

    Args:
        session_id: from upload
        layer_id: from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
    """
    return _work(studio, studio.remove_layer(session_id, layer_id, revision=revision))


def tie_layers(studio: Studio, session_id: str, layer_ids: list[int], revision: int | None = None) -> forms.Work:
    """Say that layers lie on one old paint, such as the front and the shaded side of a house: one brightness for both.

    Args:
        session_id: from upload
        layer_ids: at least two, from list_layers
        revision: of the reply in which the caller saw those layers; if one is gone since, the answer is 409
    """
    return _work(studio, studio.tie_layers(session_id, layer_ids, revision=revision))


def untie_layer(studio: Studio, session_id: str, layer_id: int, revision: int | None = None) -> forms.Work:
    """Say that a layer lies on an old paint of its own.

    Args:
        session_id: from upload
        layer_id: from list_layers
        revision: of the reply in which the caller saw that layer; if it is gone since, the answer is 409
    """
    return _work(studio, studio.untie_layer(session_id, layer_id, revision=revision))


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
    return _work(studio, studio.undo(session_id))


def redo(studio: Studio, session_id: str) -> forms.Work:
    """Do again what was taken back last.

    Args:
        session_id: from upload
    """
    return _work(studio, studio.redo(session_id))


# -- looking ---------------------------------------------------------------------------------------------------------


def list_masks(studio: Studio, session_id: str, mask_format: MaskFormat = "none") -> forms.MaskList:
    """Every mask the session holds, by its number.

    Args:
        session_id: from upload
        mask_format: "png", "rle" (COCO's compressed runs) or "none"
    """
    session = studio.session(session_id)
    automatic, painted = set(session.automatic), {layer.mask_id for layer in session.layers}
    listed: list[forms.ListedMask] = [
        {
            "mask_id": mask_id,
            "mask": mask_text(mask.rle, mask_format),
            "score": mask.predicted_iou,
            **boxes_of(mask.rle),
            "area": mask.area,
            "category": mask.category,
            "automatic": mask_id in automatic,
            "painted": mask_id in painted,
        }
        for mask_id, mask in session.masks.items()
    ]
    return {"session_id": session_id, "masks": listed, "total_masks": len(listed)}


def keep_alive(studio: Studio, session_id: str) -> forms.Alive:
    """Keep a session that is still wanted: without use it is deleted after a while.

    Args:
        session_id: from upload

    Returns:
        The seconds until it is deleted unless it is used again.
    """
    return {"session_id": session_id, "seconds_left": studio.keep_alive(session_id)}


def _work(studio: Studio, session: Session, mask_format: MaskFormat = "none") -> forms.Work:
    """The reply of everything here that changes something."""
    return {
        "session_id": session.id,
        "revision": session.revision,
        "wall": _wall(studio, session, mask_format),
        "layers": [layer_values(layer) for layer in session.layers],
        "can_undo": session.can_undo,
        "can_redo": session.can_redo,
    }


def _wall(studio: Studio, session: Session, mask_format: MaskFormat) -> forms.Wall | None:
    selection = session.selection
    if selection.mask_id is None:
        return None
    mask = session.masks[selection.mask_id]
    pixels = math.prod(session.size)
    return {
        "mask_id": selection.mask_id,
        "layer_id": selection.layer,
        "mask": mask_text(mask.rle, mask_format),
        **boxes_of(mask.rle),
        "area": mask.area,
        "share": mask.area / pixels,
        "category": mask.category,
        "steps": [
            {
                "kind": step.kind,
                "mode": step.mode,
                "points": [{"x": x, "y": y, "label": label} for x, y, label in step.points],
                "box": None if step.box is None else list(step.box),
                "path": [list(point) for point in step.path],
                "radius": step.radius,
            }
            for step in selection.steps
        ],
        "answers": [
            {"choice": one.choice, "area": one.rle.area, "share": one.rle.area / pixels, "chosen": one.chosen}
            for one in studio.answers(session)
        ],
    }
