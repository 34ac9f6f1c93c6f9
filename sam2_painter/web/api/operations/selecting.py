"""Operations that choose a wall as the page and `Painter` do: by clicks that mean what a person means, or prompts."""

from __future__ import annotations

from .... import masks
from ....rle import rle_to_mask
from ....studio.studio import SelectMode, Studio
from .. import schemas as forms
from ..plain import point_xy
from ..schemas import Box, MaskFormat, Point
from .masks import prompt_of
from .work import work_of


def click_wall(
    studio: Studio,
    session_id: str,
    point: list[float],
    label: int = 1,
    mode: SelectMode = "new",
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Click as on the page: a painted wall is chosen, an unpainted one grows, elsewhere a new one begins.

    Args:
        session_id: from upload
        point: [x, y] in pixels of the photo
        label: 1 for "this belongs to it", 0 for "this does not"
        mode: "new" as a person means it, or "union", "subtract" or "intersect" with the chosen wall
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    x, y = point_xy(point)
    return work_of(studio, studio.click(session_id, x, y, label, mode), mask_format)


def segment_wall(
    studio: Studio,
    session_id: str,
    points: list[Point] | None = None,
    box: Box | None = None,
    mask: str | None = None,
    mode: SelectMode = "new",
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Choose what points, a box and a rough mask point at together, or change the chosen wall by it.

    Args:
        session_id: from upload
        points: clicks in pixels of the photo; label 1 is foreground, 0 background
        box: a rectangle around what is meant
        mask: a rough mask as base64 PNG of the photo's size
        mode: "new", or "union", "subtract" or "intersect" with the chosen wall
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    session = studio.session(session_id)
    rough = None if mask is None else rle_to_mask(masks.mask_from_png(mask, session.size))
    return work_of(studio, studio.segment(session_id, prompt_of(points or [], box, rough), mode), mask_format)


def select_masks(
    studio: Studio,
    session_id: str,
    mask_ids: list[int],
    mode: SelectMode = "new",
    mask_format: MaskFormat = "none",
) -> forms.Work:
    """Choose masks the session holds, several as their union, or change the chosen wall by them.

    Args:
        session_id: from upload
        mask_ids: masks of the session
        mode: "new", or "union", "subtract" or "intersect" with the chosen wall
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    return work_of(studio, studio.select(session_id, mask_ids, mode), mask_format)


def remove_point(studio: Studio, session_id: str, index: int, mask_format: MaskFormat = "none") -> forms.Work:
    """Take back one of the clicks the chosen wall is made of; the last one clears the selection.

    Args:
        session_id: from upload
        index: of all its clicks, 0 for the first
        mask_format: "png", "rle" (COCO's compressed runs) or "none" for the wall's mask
    """
    return work_of(studio, studio.remove_point(session_id, index), mask_format)
