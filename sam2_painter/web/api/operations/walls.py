"""Operations about walls: choose one, and make its shape right, before and after it is painted.

Each answers with the same `Work`: the chosen wall, the layers, and what can be undone.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .... import masks
from ....errors import InvalidInput
from ....studio.studio import SelectMode, Studio
from .. import schemas
from ..fields import XY, MaskFormat, OtherLayer, Protect, Revision, SessionId, WallMode
from ..plain import point_xy
from ..schemas import Box
from .work import work_of

# -- choosing --------------------------------------------------------------------------------------------------------


def choose_wall(
    studio: Studio,
    session_id: SessionId,
    point: XY | None = None,
    layer_id: Annotated[int | None, Field(description="or a painted wall, from list_layers")] = None,
    revision: Revision | None = None,
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Choose the wall to work on: the painted one at a point, or by its layer. Where nothing is painted a wall begins.

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
    session_id: SessionId,
    category: Annotated[
        str,
        Field(
            description='the kind, such as "wall", "roof", "door" or "window"; '
            "an unknown one is answered with those there are"
        ),
    ] = "wall",
    mode: WallMode = "new",
    protect: Annotated[bool, Field(description="leave pixels of painted walls alone")] = True,
    mask_format: MaskFormat = "none",
    point: Annotated[XY | None, Field(description="only of the building under this [x, y]")] = None,
    kind: Annotated[str | None, Field(description="category by the word that people use; give one of them")] = None,
    layer_id: OtherLayer | None = None,
    revision: Revision | None = None,
) -> schemas.Work:
    """Choose everything of a kind that the engine knows, such as all walls less their windows; or add it to the chosen
    wall, or take it away.
    """
    if kind is not None and category not in ("wall", kind):
        raise InvalidInput("kind and category are one field by two names: give one of them", "kind")
    at = None if point is None else point_xy(point)
    session = studio.find(
        session_id, kind or category, mode, point=at, layer_id=layer_id, revision=revision, protect=protect
    )
    return work_of(studio, session, mask_format)


def choose_nothing(studio: Studio, session_id: SessionId) -> schemas.Work:
    """Choose no wall; the next one begins anew."""
    return work_of(studio, studio.clear_selection(session_id))


# -- the shape of the chosen wall ------------------------------------------------------------------------------------


def wall_point(
    studio: Studio,
    session_id: SessionId,
    point: XY,
    mode: Annotated[
        SelectMode,
        Field(
            description='"union" adds, "subtract" takes away near the point, "intersect" keeps what both have, '
            '"new" begins a wall, "replace" makes the shape of the chosen one anew'
        ),
    ] = "union",
    layer_id: OtherLayer | None = None,
    revision: Revision | None = None,
    protect: Protect = True,
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Add what lies at a point to the chosen wall, or take it away; painted walls change at once."""
    x, y = point_xy(point)
    session = studio.point(session_id, x, y, mode, layer_id=layer_id, revision=revision, protect=protect)
    return work_of(studio, session, mask_format)


def wall_box(
    studio: Studio,
    session_id: SessionId,
    box: Annotated[Box, Field(description="x1, y1, x2, y2 in pixels of the photo")],
    mode: Annotated[
        SelectMode,
        Field(description='"new", "union" (add), "subtract" (nothing outside the box), "intersect" or "replace"'),
    ] = "new",
    layer_id: OtherLayer | None = None,
    revision: Revision | None = None,
    protect: Protect = True,
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Begin a wall with what a box is drawn around, add it to the chosen wall, or take it away."""
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
    session_id: SessionId,
    path: Annotated[list[list[float]], Field(description="points [x, y] the brush passes, in pixels of the photo")],
    radius: Annotated[float, Field(description="of the brush, in pixels of the photo")],
    mode: WallMode = "union",
    edge_aware: Annotated[bool, Field(description="the brush stops at strong borders")] = False,
    layer_id: OtherLayer | None = None,
    revision: Revision | None = None,
    protect: Protect = True,
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Brush on the chosen wall's shape, or rub out; without a chosen wall a stroke begins one."""
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
    session_id: SessionId,
    path: Annotated[list[list[float]], Field(description="its corners [x, y] in pixels of the photo, at least three")],
    mode: WallMode = "union",
    only_wall: Annotated[
        bool,
        Field(
            description="the polygon is rough: windows and doors in it are left out, its outline follows the photo; "
            "the whole of it is answer 1, the wall with all that may be of it answer 2 where there is one"
        ),
    ] = False,
    layer_id: OtherLayer | None = None,
    revision: Revision | None = None,
    protect: Protect = True,
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Add the inside of a polygon to the chosen wall, take it away, or begin a wall with it."""
    corners = [point_xy(point, "path") for point in path]
    session = studio.polygon(
        session_id, corners, mode, only_wall=only_wall, layer_id=layer_id, revision=revision, protect=protect
    )
    return work_of(studio, session, mask_format)


def tidy_wall(
    studio: Studio,
    session_id: SessionId,
    layer_id: OtherLayer | None = None,
    revision: Revision | None = None,
    protect: Protect = True,
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Make the chosen wall's outline follow the edges of the photo, without specks and pinholes: one step."""
    session = studio.tidy(session_id, layer_id=layer_id, revision=revision, protect=protect)
    return work_of(studio, session, mask_format)


def wall_mask(
    studio: Studio,
    session_id: SessionId,
    mask: Annotated[
        str, Field(description="a base64 PNG of the photo's size; what is not black and at least half opaque is in")
    ],
    mode: WallMode = "new",
    layer_id: OtherLayer | None = None,
    revision: Revision | None = None,
    protect: Protect = True,
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Begin a wall with a mask of your own, add it to the chosen wall, or take it away."""
    rle = masks.mask_from_png(mask, studio.session(session_id).size)
    session = studio.import_mask(session_id, rle, mode, layer_id=layer_id, revision=revision, protect=protect)
    return work_of(studio, session, mask_format)


def take_over(
    studio: Studio,
    session_id: SessionId,
    layer_id: OtherLayer | None = None,
    revision: Revision | None = None,
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Take what the chosen wall shares with other painted walls from them, where it was added without protect."""
    return work_of(studio, studio.take_over(session_id, layer_id=layer_id, revision=revision), mask_format)


def choose_answer(
    studio: Studio,
    session_id: SessionId,
    choice: Annotated[int, Field(description="of one of the answers in the last reply")],
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Take another of the engine's answers to the last step; what the wall was before that step stays."""
    return work_of(studio, studio.choose(session_id, choice), mask_format)


def remove_step(
    studio: Studio,
    session_id: SessionId,
    index: Annotated[int, Field(description="the step's place in the list of the last reply, 0 for the first")],
    layer_id: OtherLayer | None = None,
    revision: Revision | None = None,
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Take one step back out of the chosen wall's shape; the steps after it stay."""
    session = studio.remove_step(session_id, index, layer_id=layer_id, revision=revision)
    return work_of(studio, session, mask_format)
