"""Operations about walls: choose one, and make its shape right, before and after it is painted.

Each answers with the same `Work`: the chosen wall, the layers, and what can be undone.
"""

from __future__ import annotations

from .... import masks
from ....errors import InvalidInput
from ....studio.studio import SelectMode, Studio
from .. import schemas as forms
from ..plain import point_xy
from ..schemas import Box, MaskFormat
from .work import work_of

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
        return work_of(studio, studio.choose_wall(session_id, layer_id, revision=revision), mask_format)
    return work_of(studio, studio.choose_at(session_id, *point_xy(point or ())), mask_format)


def find_walls(
    studio: Studio,
    session_id: str,
    category: str = "wall",
    mode: SelectMode = "new",
    protect: bool = True,
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Choose everything of a kind at once, such as all walls less their windows, where the engine knows the kind.

    Args:
        session_id: from upload
        category: the kind, such as "wall", "roof", "door" or "window"; an unknown one is answered with those there are
        mode: "new", or "union", "subtract" or "intersect" with the chosen wall
        protect: leave pixels of painted walls alone
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    return work_of(studio, studio.find(session_id, category, mode, protect=protect), mask_format)


def choose_nothing(studio: Studio, session_id: str) -> forms.Work:
    """Choose no wall; the next one begins anew.

    Args:
        session_id: from upload
    """
    return work_of(studio, studio.clear_selection(session_id))


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
    return work_of(studio, session, mask_format)


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
    return work_of(studio, session, mask_format)


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
    return work_of(studio, session, mask_format)


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
    return work_of(studio, session, mask_format)


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
    return work_of(studio, session, mask_format)


def choose_answer(studio: Studio, session_id: str, choice: int, mask_format: MaskFormat = "none") -> forms.Work:
    """Take another of the engine's answers to the last step; what the wall was before that step stays.

    Args:
        session_id: from upload
        choice: of one of the answers in the last reply
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    return work_of(studio, studio.choose(session_id, choice), mask_format)


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
    return work_of(studio, session, mask_format)
