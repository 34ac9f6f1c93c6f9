"""What programs can ask for, each once: plain values in, one or two calls to `Studio`, plain values out.

`api.ENDPOINTS` gives every function here its name and path; the first parameter is the studio, one annotated `Caller`
is filled in by the door, the rest are the fields of the request. The docstrings are what clients and MCP tools read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np

from ... import masks, paint
from ...errors import InvalidInput, SignInRequired
from ...jobs.cache import CacheStatus
from ...paint import colors, palette_files
from ...photos import images, sources
from ...rle import rle_to_mask
from ...sessions import project
from ...sessions.downloads import Download
from ...studio.studio import Generated, Pointed, Studio
from ...types import AutoMask, Coat, CombineMode, Layer, Mask, Prompts, Session
from . import schemas as forms
from .plain import base64_text, boxes_of, layer_values, mask_text, point_xy
from .schemas import Attachment, Box, Caller, ColoredMask, ImageFormat, MaskFormat, Point

EXACT_PIXELS = 4_000_000
"""A photo up to this size comes back as PNG; a larger one, that would take seconds and tens of megabytes, as JPEG where
JPEG can hold it."""

OPACITY = 0.7
"""Of paint whose caller names none, at the endpoints of the original service; everywhere else paint covers."""

MAX_PROMPTS = 1000


# -- the server ------------------------------------------------------------------------------------------------------


def health(studio: Studio) -> forms.Health:
    """Is everything well? Which engine answers and why, how it did when it was last asked, how much is kept.

    Returns:
        status "healthy", or "degraded" when the engine failed last time. This never wakes a GPU: modal_status.status
        is "not configured", "configured" (nothing asked yet), "healthy" or "failing: ..." from real questions.
    """
    trouble = studio.engine_trouble
    told = "configured" if trouble is None else f"failing: {trouble}" if trouble else "healthy"
    return {
        "status": studio.status,
        "engine": studio.engine.title,
        "engine_reason": studio.reason,
        "modal_status": {"status": told if studio.engine.name.startswith("modal") else "not configured"},
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "sessions_count": studio.sessions.count(),
        "cache_status": _cache_counts(studio),
    }


def cache_status(studio: Studio) -> forms.CacheReport:
    """How much is remembered: sessions, masks, embeddings, and every cache in bytes.

    Returns:
        Counts, and the fill of each cache by name.
    """
    status = studio.cache_status()
    return {
        **_cache_counts(studio),
        "cache_enabled": any(cache.max_bytes for cache in status.values()),
        "total_cached_bytes": sum(cache.bytes for cache in status.values()),
        "caches": {name: asdict(cache) for name, cache in status.items()},
    }


def clear_cache(studio: Studio, caller: Caller, session_id: str | None = None) -> forms.Message:
    """Forget what can be computed again. It costs time later and changes no answer.

    Args:
        session_id: whose caches; without it everybody's, which takes a signed-in operator
    """
    if session_id is None and not caller.operator:
        raise SignInRequired("Name the session_id whose cache to clear; everybody's takes an operator who signed in.")
    studio.clear_cache(session_id)
    return {"message": "Cache cleared." if session_id is None else "Cache of this session cleared."}


def _cache_counts(studio: Studio) -> forms.CacheCounts:
    digests, cached = studio.sessions.digests(), studio.cached_digests()
    status: dict[str, CacheStatus] = studio.cache_status()
    return {
        "total_sessions": len(digests),
        "sessions_with_cache": sum(digest in cached for digest in digests),
        "total_cached_masks": studio.cached_masks(),
        "total_cached_embeddings": status["embeddings"].entries,
    }


# -- photos and sessions ---------------------------------------------------------------------------------------------


def upload(studio: Studio, file: Attachment, filename: str = "") -> forms.Uploaded:
    """Open a photo and start a session on it. Everything else names this session by its session_id.

    Args:
        file: the photo (JPEG, PNG, WebP, HEIC, AVIF, TIFF or BMP), as a file, base64 text or a data URL
        filename: what to call it, when it does not come as a file

    Returns:
        The session_id, and the photo upright at full size: base64 PNG up to 4 megapixels, JPEG above.
    """
    session = studio.open(file.content, filename or file.name)
    return _uploaded(studio, session, " ".join(("Photo opened.", *session.notes)))


def open_project(studio: Studio, file: Attachment) -> forms.Uploaded:
    """Start a session from a file that save_project made.

    Args:
        file: the project, as a file or base64 text

    Returns:
        The new session_id and the photo, as upload does; session_info tells how many masks it holds.
    """
    data = sources.read_bytes(file.content, project.MAX_BYTES, paths=isinstance(file.content, Path))
    return _uploaded(studio, studio.open_project(data), "Project opened.")


def session_info(studio: Studio, session_id: str, mask_format: MaskFormat = "none") -> forms.SessionInfo:
    """What a session holds: its masks by their ids, and its layers of paint, the one painted first first.

    Args:
        session_id: from upload
        mask_format: "png", "rle" (COCO's compressed runs) or "none", of the stored masks
    """
    session = studio.session(session_id)
    return {
        "session_id": session.id,
        "filename": session.name,
        **_width_height(session),
        "created_at": datetime.fromtimestamp(session.created_at, UTC).isoformat(timespec="seconds"),
        "stored_masks": {str(mask_id): _stored(mask, mask_format) for mask_id, mask in session.masks.items()},
        "masks_count": len(session.masks),
        "layers": [layer_values(layer) for layer in session.layers],
        "message": f"{_counted(len(session.layers), 'layer')} of paint.",
    }


def _stored(mask: Mask, mask_format: MaskFormat) -> forms.StoredMask:
    return {
        "mask": mask_text(mask.rle, mask_format),
        "score": mask.predicted_iou,
        **boxes_of(mask.rle),
        "area": mask.area,
    }


def delete_session(studio: Studio, session_id: str) -> forms.Message:
    """Delete a session with its photo, masks, paint and downloads. Nothing of it stays on disk.

    Args:
        session_id: from upload
    """
    studio.close(session_id)
    return {"message": "Session deleted."}


def get_embedding(studio: Studio, session_id: str) -> forms.Embedded:
    """Let the engine read the photo now, so that the first segmentation is quick.

    Args:
        session_id: from upload

    Returns:
        What the engine keeps; cached is true only if it was there already.
    """
    embedding, cached = studio.embed(session_id)
    return {
        "session_id": session_id,
        "embedding": {
            "digest": embedding.digest,
            "engine": embedding.engine,
            "shapes": _shapes(embedding.features),
            "bytes": embedding.nbytes,
        },
        "cached": cached,
        "message": "Embedding was there." if cached else "Embedding computed.",
    }


def _uploaded(studio: Studio, session: Session, message: str) -> forms.Uploaded:
    studio.read_ahead(session.id)
    pixels = studio.photo(session.id).pixels
    exact = session.size[0] * session.size[1] <= EXACT_PIXELS or max(session.size) > images.MAX_SIDE["JPEG"]
    data = images.encode(pixels, "PNG" if exact else "JPEG", 90)
    return {"session_id": session.id, "image_data": base64_text(data), **_width_height(session), "message": message}


def _shapes(features: object) -> list[list[int]]:
    """Shapes of the arrays an engine keeps, however it nests them."""
    if isinstance(shape := getattr(features, "shape", None), tuple):  # an array's, or a torch tensor's
        return [list(shape)]
    if is_dataclass(features):
        features = [getattr(features, field.name) for field in fields(features)]
    parts = features.values() if isinstance(features, dict) else features if isinstance(features, (list, tuple)) else ()
    return [shape for part in parts for shape in _shapes(part)]


# -- masks -----------------------------------------------------------------------------------------------------------


def segment(
    studio: Studio,
    session_id: str,
    points: list[Point] | None = None,
    boxes: list[Box] | None = None,
    mask: str | None = None,
    mask_format: MaskFormat = "png",
) -> forms.Segmented:
    """Find the mask that clicks, boxes or a rough mask point at. It is kept in the session under its mask_id.

    Several boxes are answered one by one, each with the points inside it, and united.

    Args:
        session_id: from upload
        points: clicks in pixels of the photo; label 1 is foreground, 0 background
        boxes: rectangles around what is meant
        mask: a rough mask as base64 PNG of the photo's size
        mask_format: "png", "rle" (COCO's compressed runs) or "none"

    Returns:
        The best mask, its score, its bbox [x, y, width, height], the same as box [x1, y1, x2, y2], and all
        candidates, best first.
    """
    session = studio.session(session_id)
    rough = None if mask is None else rle_to_mask(masks.mask_from_png(mask, session.size))
    session = studio.segment_parts(session_id, _prompts(points or [], boxes or [], rough))
    best, candidates = session.selection.mask_id, session.selection.candidates or (session.selection.mask_id,)
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


def _prompts(points: Sequence[Point], boxes: Sequence[Box], rough: np.ndarray | None) -> list[Prompts]:
    """One prompt, or one for each of several boxes and one for the points outside them all."""
    if len(points) > MAX_PROMPTS or len(boxes) > MAX_PROMPTS:
        raise InvalidInput(f"points and boxes must be at most {MAX_PROMPTS}", "points")
    if len(boxes) < 2:
        return [_prompt(points, boxes[0] if boxes else None, rough)]
    if rough is not None:
        raise InvalidInput("a mask goes with at most one box", "mask")
    inside = [[point for point in points if _is_in(point, box)] for box in boxes]
    outside = [point for point in points if not any(_is_in(point, box) for box in boxes)]
    unwanted = [point for point in outside if point.get("label", 1) == 0]  # not to be in any of the answers
    parts = [_prompt([*own, *unwanted], box, None) for own, box in zip(inside, boxes, strict=True)]
    return parts + ([_prompt(outside, None, None)] if len(outside) > len(unwanted) else [])


def _prompt(points: Sequence[Point], box: Box | None, rough: np.ndarray | None) -> Prompts:
    return Prompts(
        [[point["x"], point["y"]] for point in points],
        [point.get("label", 1) for point in points],
        None if box is None else [box["x1"], box["y1"], box["x2"], box["y2"]],
        rough,
    )


def _is_in(point: Point, box: Box) -> bool:
    return box["x1"] <= point["x"] <= box["x2"] and box["y1"] <= point["y"] <= box["y2"]


def generate_masks(
    studio: Studio,
    session_id: str,
    points_per_side: int = 32,
    pred_iou_thresh: float = 0.88,
    stability_score_thresh: float = 0.95,
    image_hash: str | None = None,
    mask_format: MaskFormat = "png",
) -> forms.Generated:
    """Find every mask of the photo, largest first. They are kept in the session under their ids.

    Args:
        session_id: from upload
        points_per_side: how fine the grid of questions is, 1 to 128
        pred_iou_thresh: least quality a mask must have by the engine's own guess, 0 to 1
        stability_score_thresh: how little a mask may depend on its threshold, 0 to 1
        image_hash: taken, not needed: the session knows its photo
        mask_format: "png", "rle" (COCO's compressed runs) or "none"
    """
    options = AutoMask(points_per_side, 64, pred_iou_thresh, stability_score_thresh)
    return _generated(studio.generate(session_id, options), mask_format)


def generate_masks_advanced(
    studio: Studio,
    session_id: str,
    points_per_side: int = 32,
    points_per_batch: int = 64,
    pred_iou_thresh: float = 0.88,
    stability_score_thresh: float = 0.95,
    stability_score_offset: float = 1.0,
    mask_threshold: float = 0.0,
    box_nms_thresh: float = 0.7,
    crop_n_layers: int = 0,
    crop_nms_thresh: float = 0.7,
    crop_overlap_ratio: float = 512 / 1500,
    crop_n_points_downscale_factor: int = 1,
    min_mask_region_area: int = 0,
    use_m2m: bool = False,
    multimask_output: bool = True,
    image_hash: str | None = None,
    mask_format: MaskFormat = "png",
) -> forms.Generated:
    """Find every mask of the photo with all the knobs of SAM 2's automatic mask generator, under its names.

    Args:
        session_id: from upload
        points_per_side: how fine the grid of questions is, 1 to 128
        points_per_batch: questions asked at once; more is faster and takes more memory
        pred_iou_thresh: least quality a mask must have by the engine's own guess, 0 to 1
        stability_score_thresh: how little a mask may depend on its threshold, 0 to 1
        stability_score_offset: how far the threshold is moved to see that, in logits
        mask_threshold: logit above which a pixel belongs to the mask
        box_nms_thresh: overlap of boxes above which the worse of two masks goes, 0 to 1
        crop_n_layers: also look into crops of the photo, 0 to 3 layers of them
        crop_nms_thresh: like box_nms_thresh, between crops
        crop_overlap_ratio: how far crops overlap, 0 to 1
        crop_n_points_downscale_factor: the grid of a crop is coarser by this factor for each layer
        min_mask_region_area: holes and specks below so many pixels are removed
        use_m2m: refine every mask once more
        multimask_output: up to three nested masks a point
        image_hash: taken, not needed: the session knows its photo
        mask_format: "png", "rle" (COCO's compressed runs) or "none"
    """
    given = locals()
    options = AutoMask(**{knob.name: given[knob.name] for knob in fields(AutoMask)})
    return _generated(studio.generate(session_id, options), mask_format)


def generate_masks_cached(
    studio: Studio,
    session_id: str,
    points_per_side: int = 32,
    pred_iou_thresh: float = 0.88,
    stability_score_thresh: float = 0.95,
    image_hash: str | None = None,
    mask_format: MaskFormat = "png",
) -> forms.GeneratedCached:
    """Like generate_masks, and says whether anything had to be computed.

    Args:
        session_id: from upload
        points_per_side: how fine the grid of questions is, 1 to 128
        pred_iou_thresh: least quality a mask must have by the engine's own guess, 0 to 1
        stability_score_thresh: how little a mask may depend on its threshold, 0 to 1
        image_hash: taken, not needed: answers are remembered by the photo itself, the engine and all parameters
        mask_format: "png", "rle" (COCO's compressed runs) or "none"
    """
    options = AutoMask(points_per_side, 64, pred_iou_thresh, stability_score_thresh)
    made = studio.generate(session_id, options)
    return {**_generated(made, mask_format), "cached": made.cached}


def _generated(made: Generated, mask_format: MaskFormat) -> forms.Generated:
    session = made.session
    return {
        "session_id": session.id,
        "masks": [_found_mask(mask_id, session.masks[mask_id], mask_format) for mask_id in session.automatic],
        "total_masks": len(session.automatic),
        **_width_height(session),
    }


def _found_mask(mask_id: int, mask: Mask, mask_format: MaskFormat) -> forms.FoundMask:
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
    session_id: str,
    mask_ids: list[int],
    mode: CombineMode = "union",
    mask_format: MaskFormat = "png",
) -> forms.Combined:
    """Make one mask of several and keep it in the session.

    Args:
        session_id: from upload
        mask_ids: masks of the session
        mode: "union", "intersect" (what they share) or "subtract" (the first less the others)
        mask_format: "png", "rle" (COCO's compressed runs) or "none"
    """
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
    session_id: str,
    point: list[float],
    image_hash: str | None = None,
    all_masks: list[dict] | None = None,
    mask_format: MaskFormat = "png",
) -> forms.PointMask:
    """The smallest mask of the session under a point, at once and without the engine.

    Args:
        session_id: from upload
        point: [x, y] in pixels of the photo
        image_hash: taken, not needed
        all_masks: taken, not needed: the session holds its masks
        mask_format: "png", "rle" (COCO's compressed runs) or "none"
    """
    return _point_mask(session_id, studio.mask_at(session_id, *point_xy(point)), mask_format)


def generate_mask_at_point(
    studio: Studio,
    session_id: str,
    point: list[float],
    image_hash: str | None = None,
    mask_format: MaskFormat = "png",
) -> forms.PointMask:
    """The engine's best mask for one foreground point, kept in the session.

    Args:
        session_id: from upload
        point: [x, y] in pixels of the photo
        image_hash: taken, not needed
        mask_format: "png", "rle" (COCO's compressed runs) or "none"

    Returns:
        The mask; cached is true only if the engine was not asked.
    """
    return _point_mask(session_id, studio.generate_at(session_id, *point_xy(point)), mask_format)


def _point_mask(session_id: str, found: Pointed, mask_format: MaskFormat) -> forms.PointMask:
    return {
        "session_id": session_id,
        "mask": mask_text(found.mask.rle, mask_format),
        "mask_id": found.mask_id,
        "score": found.mask.predicted_iou,
        **boxes_of(found.mask.rle),
        "cached": found.cached,
    }


# -- paint -----------------------------------------------------------------------------------------------------------


def paint_mask(
    studio: Studio,
    session_id: str,
    color: str,
    mask_id: int | None = None,
    mask: str | None = None,
    opacity: float = OPACITY,
    image_format: ImageFormat = "PNG",
) -> forms.Painted:
    """Paint one mask. Painting a mask that has paint already changes that paint.

    Args:
        session_id: from upload
        color: #rgb, #rrggbb, rgb(r, g, b), hsl(), oklch(), a CSS name or the name of a paint of the palette
        mask_id: a mask of the session
        mask: or a new mask as base64 PNG of the photo's size
        opacity: 0 (nothing) to 1 (no trace of the old colour)
        image_format: "PNG" (exact), "JPG" (smaller) or "none" for the picture that comes back

    Returns:
        The photo with all paint of the session.
    """
    wanted: ColoredMask = {"color": color, "mask_id": mask_id, "mask": mask, "opacity": opacity}
    return _painted(studio, session_id, [wanted], image_format)


def paint_multiple_masks(
    studio: Studio, session_id: str, colored_masks: list[ColoredMask], image_format: ImageFormat = "PNG"
) -> forms.PaintedMasks:
    """Paint several masks at once, each in its colour: all of them or, if one is wrong, none.

    Args:
        session_id: from upload
        colored_masks: each with mask_id or mask (base64 PNG), color, and opacity (0.7 by default)
        image_format: "PNG" (exact), "JPG" (smaller) or "none" for the picture that comes back

    Returns:
        The photo with all paint of the session.
    """
    painted = _painted(studio, session_id, colored_masks, image_format)
    return {**painted, "num_masks_painted": len(colored_masks)}


def _painted(
    studio: Studio, session_id: str, wanted: Sequence[ColoredMask], image_format: ImageFormat
) -> forms.Painted:
    session = studio.session(session_id)
    coats = [_coat(studio, session, one) for one in wanted]
    if image_format == "none":
        session, data = studio.paint(session_id, coats), b""
    else:
        session, data = studio.paint_shown(session_id, coats, partial(images.encode, format=image_format, quality=95))
    return {"session_id": session_id, "painted_image": base64_text(data), **_width_height(session)}


def _coat(studio: Studio, session: Session, wanted: ColoredMask) -> Coat:
    mask_id, mask, opacity = wanted.get("mask_id"), wanted.get("mask"), wanted.get("opacity")
    if (mask_id is None) == (mask is None):
        raise InvalidInput("give either mask_id or mask", "mask_id")
    rle = None if mask is None else masks.mask_from_png(mask, session.size)
    color = studio.color(session, wanted["color"])
    return Coat(color, mask_id, rle, OPACITY if opacity is None else opacity)


# -- colours ---------------------------------------------------------------------------------------------------------


def describe_color(
    studio: Studio,
    session_id: str,
    color: str | None = None,
    mask_id: int | None = None,
    point: list[float] | None = None,
) -> forms.Described:
    """Tell a colour's nearest paint, light reflectance value and harmonies: a colour given, a wall's, or the photo's.

    Args:
        session_id: from upload
        color: #rgb, #rrggbb, rgb(r, g, b), hsl(), oklch(), a CSS name or the name of a paint of the palette
        mask_id: or a mask of the session: the paint that is on this wall now, with light and shadow taken out; of
            several the main one, and all of them in paints
        point: or [x, y] in pixels: what the photo shows there
    """
    session = studio.session(session_id)
    if sum(one is not None for one in (color, mask_id, point)) != 1:
        raise InvalidInput("give one of color, mask_id and point", "color")
    now: tuple[paint.OldPaint, ...] = ()
    if color is not None:
        rgb = studio.color(session, color)
    elif mask_id is not None:
        now = studio.wall_paints(session_id, mask_id)
        rgb = now[0].rgb
    else:
        rgb = studio.color_at(session_id, *point_xy(point or ()))
    told = studio.describe(session, rgb)
    return {
        "session_id": session_id,
        "color": colors.to_hex(rgb),
        "name": told.name,
        "distance": round(told.distance, 2),
        "lrv": round(told.reflectance, 1),
        "harmonies": {kind: [colors.to_hex(one) for one in group] for kind, group in told.harmonies.items()},
        "paints": [
            {
                "color": colors.to_hex(one.rgb),
                "name": studio.describe(session, one.rgb).name,
                "share": round(one.share, 3),
            }
            for one in now
        ],
    }


def get_palette(studio: Studio, session_id: str) -> forms.Palette:
    """The paints a session has to choose from.

    Args:
        session_id: from upload
    """
    return _palette(studio, studio.session(session_id))


def load_palette(studio: Studio, session_id: str, file: Attachment, filename: str = "") -> forms.Palette:
    """Choose from the paints of a file from now on: colours may go by their names, and are named after them.

    Args:
        session_id: from upload
        file: a palette (CSV, JSON, GIMP .gpl or Adobe .ase, .aco), as a file or base64 text
        filename: what to call it, when it does not come as a file
    """
    data = sources.read_bytes(
        file.content, palette_files.MAX_PALETTE_BYTES, paths=isinstance(file.content, Path), field="palette"
    )
    palette = palette_files.load_palette(data, filename or file.name or "palette")
    return _palette(studio, studio.use_palette(session_id, palette))


def reset_palette(studio: Studio, session_id: str) -> forms.Palette:
    """Choose from the usual paints again.

    Args:
        session_id: from upload
    """
    return _palette(studio, studio.use_palette(session_id, None))


def _palette(studio: Studio, session: Session) -> forms.Palette:
    palette = studio.palette(session)
    paints: list[forms.NamedColor] = [
        {"name": paint.name, "color": colors.to_hex(paint.rgb)} for paint in palette.paints
    ]
    return {"session_id": session.id, "name": palette.name, "paints": paints}


# -- downloads -------------------------------------------------------------------------------------------------------


def download_image(studio: Studio, session_id: str, format: str = "PNG", quality: int = 95) -> forms.MadeDownload:
    """Make a file of the photo as it was opened, at full size.

    Args:
        session_id: from upload
        format: "PNG", "JPG" or "WEBP"
        quality: 1 to 100, for JPG and WEBP

    Returns:
        Where the file waits.
    """
    return _made(studio.download(session_id, painted=False, format=format, quality=quality))


def download_painted_image(
    studio: Studio,
    session_id: str,
    mask_id: int | None = None,
    mask: str | None = None,
    color: str = "#FF0000",
    opacity: float = OPACITY,
    format: str = "PNG",
    quality: int = 95,
) -> forms.MadeDownload:
    """Make a file of the painted photo at full size: all paint of the session, or only the mask named here.

    Args:
        session_id: from upload
        mask_id: only this mask of the session, in color
        mask: or only this mask, a base64 PNG of the photo's size
        color: for mask_id or mask
        opacity: for mask_id or mask, 0 to 1
        format: "PNG", "JPG" or "WEBP"
        quality: 1 to 100, for JPG and WEBP

    Returns:
        Where the file waits.
    """
    layers = None
    if mask_id is not None or mask is not None:
        session = studio.session(session_id)
        wanted: ColoredMask = {"color": color, "mask_id": mask_id, "mask": mask, "opacity": opacity}
        coat = _coat(studio, session, wanted)
        chosen = session.mask(mask_id) if coat.rle is None else Mask(coat.rle)  # type: ignore[arg-type]
        layers = [Layer(chosen, coat.color, coat.opacity)]
    return _made(studio.download(session_id, layers=layers, format=format, quality=quality))


def download_masks(
    studio: Studio,
    session_id: str,
    format: Literal["coco", "png", "ora"] = "coco",
    which: Literal["chosen", "all"] = "chosen",
) -> forms.MadeDownload:
    """Make a file of the masks of the session.

    Args:
        session_id: from upload
        format: "coco" (COCO JSON with compressed RLE), "png" (a zip of black and white PNGs) or "ora" (OpenRaster, for
            GIMP and Krita: the photo and each painted wall as a layer)
        which: "chosen" (the painted ones and the selected one; without any, all that were found) or "all"

    Returns:
        Where the file waits.
    """
    if which not in ("chosen", "all"):
        raise InvalidInput("which must be chosen or all", "which")
    return _made(studio.export(session_id, format, every=which == "all"))


def save_project(studio: Studio, session_id: str) -> forms.MadeDownload:
    """Make a file of everything: photo, masks and paint. open_project brings it back.

    Args:
        session_id: from upload

    Returns:
        Where the file waits.
    """
    return _made(studio.export(session_id, "project"))


def download_file(studio: Studio, filename: str) -> Download:
    """A file that was made by a download endpoint.

    Args:
        filename: as that endpoint named it
    """
    return studio.sessions.download(filename)


def list_downloads(studio: Studio, session_id: str | None = None) -> forms.Downloads:
    """The files of a session that wait to be fetched.

    Args:
        session_id: from upload; without it the list is empty: nobody sees the files of others
    """
    made = [] if session_id is None else studio.sessions.downloads(session_id)
    listed: list[forms.DownloadEntry] = [
        {"filename": one.filename, "size_bytes": one.size_bytes, "download_url": download_url(one)} for one in made
    ]
    message = "Name the session_id whose files to list." if session_id is None else f"{_counted(len(listed), 'file')}."
    return {"downloads": listed, "total_files": len(listed), "message": message}


def download_url(made: Download) -> str:
    """Where a file waits, relative to `/api`."""
    return f"/download-file/{quote(made.filename, safe='')}"


def _made(made: Download) -> forms.MadeDownload:
    return {
        "session_id": made.session_id,
        "image_url": download_url(made),
        "filename": made.filename,
        "format": made.path.suffix[1:].upper(),
        "size_bytes": made.size_bytes,
        "message": "Ready for download.",
    }


# -- small parts -----------------------------------------------------------------------------------------------------


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _width_height(session: Session) -> dict[str, int]:
    return {"width": session.size[1], "height": session.size[0]}
