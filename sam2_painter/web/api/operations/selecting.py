"""Operations that choose a wall as the page and `Painter` do: by clicks that mean what a person means, or prompts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ....studio.studio import SelectMode, Studio
from .. import schemas
from ..fields import XY, MaskFormat, SessionId, WallMode
from ..plain import point_xy
from ..schemas import Box, Point
from .masks import prompt_of, rough_mask
from .work import work_of


def click_wall(
    studio: Studio,
    session_id: SessionId,
    point: XY,
    label: Annotated[int, Field(description='1 for "this belongs to it", 0 for "this does not"')] = 1,
    mode: Annotated[
        SelectMode,
        Field(
            description='"new" as a person means it, or "union", "subtract", "intersect" or "replace" with the chosen '
            "wall"
        ),
    ] = "new",
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Click as on the page: a painted wall is chosen, an unpainted one grows, elsewhere a new one begins."""
    x, y = point_xy(point)
    return work_of(studio, studio.click(session_id, x, y, label, mode), mask_format)


def segment_wall(
    studio: Studio,
    session_id: SessionId,
    points: Annotated[
        list[Point] | None, Field(description="clicks in pixels of the photo; label 1 is foreground, 0 background")
    ] = None,
    box: Annotated[Box | None, Field(description="a rectangle around what is meant")] = None,
    mask: Annotated[str | None, Field(description="a rough mask as base64 PNG of the photo's size")] = None,
    mode: WallMode = "new",
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Choose what points, a box and a rough mask point at together, or change the chosen wall by it."""
    prompts = prompt_of(points or [], box, rough_mask(studio, session_id, mask))
    return work_of(studio, studio.segment(session_id, prompts, mode), mask_format)


def select_masks(
    studio: Studio,
    session_id: SessionId,
    mask_ids: Annotated[list[int], Field(description="masks of the session")],
    mode: WallMode = "new",
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Choose masks the session holds, several as their union, or change the chosen wall by them."""
    return work_of(studio, studio.select(session_id, mask_ids, mode), mask_format)


def remove_point(
    studio: Studio,
    session_id: SessionId,
    index: Annotated[int, Field(description="of all its clicks, 0 for the first")],
    mask_format: MaskFormat = "none",
) -> schemas.Work:
    """Take back one of the clicks the chosen wall is made of; the last one clears the selection."""
    return work_of(studio, studio.remove_point(session_id, index), mask_format)
