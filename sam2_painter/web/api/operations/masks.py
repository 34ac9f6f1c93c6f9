"""Operations about masks: ask the engine, find every one, combine, look one up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from .... import masks
from ....errors import InvalidInput
from ....rle import rle_to_mask
from ....studio.studio import Generated, Pointed, Studio
from ....types import AutoMask, CombineMode, Mask, Prompts
from .. import schemas
from ..fields import XY, ImageHash, IoUThresh, MaskFormat, PointsPerSide, SessionId, StabilityThresh
from ..plain import boxes_of, mask_text, point_xy, width_height
from ..schemas import Box, Point

MAX_PROMPTS = 1000


def segment(
    studio: Studio,
    session_id: SessionId,
    points: Annotated[
        list[Point] | None, Field(description="clicks in pixels of the photo; label 1 is foreground, 0 background")
    ] = None,
    boxes: Annotated[list[Box] | None, Field(description="rectangles around what is meant")] = None,
    mask: Annotated[str | None, Field(description="a rough mask as base64 PNG of the photo's size")] = None,
    mask_format: MaskFormat = "png",
) -> schemas.Segmented:
    """Find the mask that clicks, boxes or a rough mask point at. It is kept in the session under its mask_id.

    Several boxes are answered one by one, each with the points inside it, and united.

    Returns:
        The best mask, its score, its bbox [x, y, width, height], the same as box [x1, y1, x2, y2], and all
        candidates, best first.
    """
    rough = rough_mask(studio, session_id, mask)
    session = studio.segment_parts(session_id, _prompts(points or [], boxes or [], rough))
    best = session.selection.mask_id
    assert best is not None  # `segment_parts` selects something
    candidates = session.selection.candidates or (best,)
    found = {mask_id: session.masks[mask_id] for mask_id in {best, *candidates}}
    texts = {mask_id: mask_text(mask.rle, mask_format) for mask_id, mask in found.items()}
    return {
        "session_id": session_id,
        "mask": texts[best],
        "score": found[best].predicted_iou,
        **boxes_of(found[best].rle),
        "mask_id": best,
        "candidates": [
            {"mask_id": mask_id, "mask": texts[mask_id], "score": found[mask_id].predicted_iou}
            for mask_id in candidates
        ],
    }


def rough_mask(studio: Studio, session_id: str, mask: str | None) -> np.ndarray | None:
    """(H, W) bool of the photo's size: a mask that came as base64 PNG, None without one."""
    return None if mask is None else rle_to_mask(masks.mask_from_png(mask, studio.session(session_id).size))


def _prompts(points: Sequence[Point], boxes: Sequence[Box], rough: np.ndarray | None) -> list[Prompts]:
    """One prompt, or one for each of several boxes and one for the points outside them all."""
    if len(points) > MAX_PROMPTS or len(boxes) > MAX_PROMPTS:
        raise InvalidInput(f"points and boxes must be at most {MAX_PROMPTS}", "points")
    if len(boxes) < 2:
        return [prompt_of(points, boxes[0] if boxes else None, rough)]
    if rough is not None:
        raise InvalidInput("a mask goes with at most one box", "mask")
    inside = [[point for point in points if _is_in(point, box)] for box in boxes]
    outside = [point for point in points if not any(_is_in(point, box) for box in boxes)]
    unwanted = [point for point in outside if point.get("label", 1) == 0]  # not to be in any of the answers
    parts = [prompt_of([*own, *unwanted], box, None) for own, box in zip(inside, boxes, strict=True)]
    return parts + ([prompt_of(outside, None, None)] if len(outside) > len(unwanted) else [])


def prompt_of(points: Sequence[Point], box: Box | None, rough: np.ndarray | None) -> Prompts:
    """What clicks, a box and a rough mask, (H, W) bool, ask together."""
    coords, labels = [[point["x"], point["y"]] for point in points], [point.get("label", 1) for point in points]
    corners = None if box is None else [box["x1"], box["y1"], box["x2"], box["y2"]]
    return Prompts(coords, labels, corners, rough)  # type: ignore[arg-type]  # Prompts makes arrays of them


def _is_in(point: Point, box: Box) -> bool:
    return box["x1"] <= point["x"] <= box["x2"] and box["y1"] <= point["y"] <= box["y2"]


def generate_masks(
    studio: Studio,
    session_id: SessionId,
    points_per_side: PointsPerSide = 32,
    pred_iou_thresh: IoUThresh = 0.88,
    stability_score_thresh: StabilityThresh = 0.95,
    image_hash: ImageHash | None = None,
    mask_format: MaskFormat = "png",
) -> schemas.Generated:
    """Find every mask of the photo, largest first. They are kept in the session under their ids."""
    options = AutoMask(points_per_side, 64, pred_iou_thresh, stability_score_thresh)
    return _generated(studio.generate(session_id, options), mask_format)


def generate_masks_advanced(
    studio: Studio,
    session_id: SessionId,
    points_per_side: PointsPerSide = 32,
    points_per_batch: Annotated[
        int, Field(description="questions asked at once; more is faster and takes more memory")
    ] = 64,
    pred_iou_thresh: IoUThresh = 0.88,
    stability_score_thresh: StabilityThresh = 0.95,
    stability_score_offset: Annotated[
        float, Field(description="how far the threshold is moved to see that, in logits")
    ] = 1.0,
    mask_threshold: Annotated[float, Field(description="logit above which a pixel belongs to the mask")] = 0.0,
    box_nms_thresh: Annotated[
        float, Field(description="overlap of boxes above which the worse of two masks goes, 0 to 1")
    ] = 0.7,
    crop_n_layers: Annotated[int, Field(description="also look into crops of the photo, 0 to 3 layers of them")] = 0,
    crop_nms_thresh: Annotated[float, Field(description="like box_nms_thresh, between crops")] = 0.7,
    crop_overlap_ratio: Annotated[float, Field(description="how far crops overlap, 0 to 1")] = 512 / 1500,
    crop_n_points_downscale_factor: Annotated[
        int, Field(description="the grid of a crop is coarser by this factor for each layer")
    ] = 1,
    min_mask_region_area: Annotated[int, Field(description="holes and specks below so many pixels are removed")] = 0,
    use_m2m: Annotated[bool, Field(description="refine every mask once more")] = False,
    multimask_output: Annotated[bool, Field(description="up to three nested masks a point")] = True,
    image_hash: ImageHash | None = None,
    mask_format: MaskFormat = "png",
) -> schemas.Generated:
    """Find every mask of the photo with all the knobs of SAM 2's automatic mask generator, under its names."""
    given = locals()
    options = AutoMask(**{knob.name: given[knob.name] for knob in fields(AutoMask)})
    return _generated(studio.generate(session_id, options), mask_format)


def generate_masks_cached(
    studio: Studio,
    session_id: SessionId,
    points_per_side: PointsPerSide = 32,
    pred_iou_thresh: IoUThresh = 0.88,
    stability_score_thresh: StabilityThresh = 0.95,
    image_hash: ImageHash | None = None,
    mask_format: MaskFormat = "png",
) -> schemas.GeneratedCached:
    """Like generate_masks, and says whether anything had to be computed."""
    options = AutoMask(points_per_side, 64, pred_iou_thresh, stability_score_thresh)
    made = studio.generate(session_id, options)
    return {**_generated(made, mask_format), "cached": made.cached}


def _generated(made: Generated, mask_format: MaskFormat) -> schemas.Generated:
    session = made.session
    return {
        "session_id": session.id,
        "masks": [_found_mask(mask_id, session.masks[mask_id], mask_format) for mask_id in session.automatic],
        "total_masks": len(session.automatic),
        **width_height(session),
    }


def _found_mask(mask_id: int, mask: Mask, mask_format: MaskFormat) -> schemas.FoundMask:
    return {
        "id": mask_id,
        "mask": mask_text(mask.rle, mask_format),
        "score": mask.predicted_iou,
        **boxes_of(mask.rle),
        "area": mask.area,
        "stability_score": mask.stability_score,
    }


def combine_masks(
    studio: Studio,
    session_id: SessionId,
    mask_ids: Annotated[list[int], Field(description="masks of the session")],
    mode: Annotated[
        CombineMode,
        Field(description='"union", "intersect" (what they share) or "subtract" (the first less the others)'),
    ] = "union",
    mask_format: MaskFormat = "png",
) -> schemas.Combined:
    """Make one mask of several and keep it in the session."""
    mask_id, mask, _ = studio.combine(session_id, mask_ids, mode)
    return {
        "session_id": session_id,
        "combined_mask": mask_text(mask.rle, mask_format),
        "mask_id": mask_id,
        "width": mask.size[1],
        "height": mask.size[0],
        "num_masks_combined": len(mask_ids),
    }


def get_mask_at_point(
    studio: Studio,
    session_id: SessionId,
    point: XY,
    image_hash: ImageHash | None = None,
    all_masks: Annotated[
        list[dict[str, Any]] | None, Field(description="taken, not needed: the session holds its masks")
    ] = None,
    mask_format: MaskFormat = "png",
) -> schemas.PointMask:
    """The smallest mask of the session under a point, at once and without the engine."""
    return _point_mask(session_id, studio.mask_at(session_id, *point_xy(point)), mask_format)


def generate_mask_at_point(
    studio: Studio,
    session_id: SessionId,
    point: XY,
    image_hash: ImageHash | None = None,
    mask_format: MaskFormat = "png",
) -> schemas.PointMask:
    """The engine's best mask for one foreground point, kept in the session.

    Returns:
        The mask; cached is true only if the engine was not asked.
    """
    return _point_mask(session_id, studio.generate_at(session_id, *point_xy(point)), mask_format)


def _point_mask(session_id: str, found: Pointed, mask_format: MaskFormat) -> schemas.PointMask:
    return {
        "session_id": session_id,
        "mask": mask_text(found.mask.rle, mask_format),
        "mask_id": found.mask_id,
        "score": found.mask.predicted_iou,
        **boxes_of(found.mask.rle),
        "cached": found.cached,
    }


def list_masks(studio: Studio, session_id: SessionId, mask_format: MaskFormat = "none") -> schemas.MaskList:
    """Every mask the session holds, by its number."""
    session = studio.session(session_id)
    automatic, painted = set(session.automatic), {layer.mask_id for layer in session.layers}
    listed: list[schemas.ListedMask] = [
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
