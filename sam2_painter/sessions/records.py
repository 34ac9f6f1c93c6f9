"""Values as plain JSON and back: what the session store writes and a project file holds.

Masks go by their id; the runs of a mask travel beside the JSON as compressed bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from ..errors import InvalidInput
from ..rle import RLE
from ..types import Canvas, Layer, Mask, Paint, Palette, Prompts, Selection

MaskOf = Callable[[int], Mask]


def counts_to_bytes(rle: RLE) -> bytes:
    """The runs, little-endian and deflated."""
    return zlib.compress(rle.counts.astype("<u4").tobytes(), 1)


def rle_from_bytes(data: bytes, size: tuple[int, int]) -> RLE:
    """The inverse of `counts_to_bytes` for a photo of `size` (H, W); InvalidInput for bytes that do not fit it."""
    limit = 4 * (size[0] * size[1] + 2)  # no mask has more runs than pixels
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(data, limit)
    except zlib.error:
        raise InvalidInput("the runs of a mask are damaged", "mask") from None
    if inflate.unconsumed_tail or len(raw) % 4:
        raise InvalidInput("the runs of a mask do not fit the photo", "mask")
    return RLE(size, np.frombuffer(raw, "<u4"))


def mask_to_record(mask: Mask) -> dict:
    """All of a mask but its runs."""
    return {
        "predicted_iou": mask.predicted_iou,
        "stability_score": mask.stability_score,
        "point_coords": [list(point) for point in mask.point_coords],
        "crop_box": mask.crop_box and list(mask.crop_box),
        "category": mask.category,
        "category_score": mask.category_score,
    }


def mask_from_record(record: dict, rle: RLE) -> Mask:
    """The inverse of `mask_to_record`."""
    return Mask(
        rle,
        predicted_iou=record["predicted_iou"],
        stability_score=record["stability_score"],
        point_coords=tuple((float(x), float(y)) for x, y in record["point_coords"]),
        crop_box=tuple(record["crop_box"]) if record["crop_box"] else None,  # type: ignore[arg-type]
        category=record["category"],
        category_score=record["category_score"],
    )


def layer_to_record(layer: Layer) -> dict:
    """A layer, its mask by id."""
    return {
        "mask_id": layer.mask_id,
        "color": list(layer.color),
        "opacity": layer.opacity,
        "mode": layer.mode,
        "name": layer.name,
        "visible": layer.visible,
        "light": layer.light,
        "shadow": layer.shadow,
    }


def layer_from_record(record: dict, mask_of: MaskOf) -> Layer:
    """The inverse of `layer_to_record`. `mask_of` gives the mask of an id or raises MaskNotFound."""
    return Layer(mask_of(record["mask_id"]), **{**record, "color": tuple(record["color"])})


def canvas_to_record(canvas: Canvas) -> dict:
    """Selection and layers. A mask prompt is not kept: its answer is."""
    selection, prompts = canvas.selection, canvas.selection.prompts
    return {
        "mask_id": selection.mask_id,
        "prompts": prompts_to_record(prompts) if prompts else None,
        "candidates": list(selection.candidates),
        "choice": selection.choice,
        "base": selection.base,
        "mode": selection.mode,
        "layers": [layer_to_record(layer) for layer in canvas.layers],
    }


def canvas_from_record(record: dict, mask_of: MaskOf) -> Canvas:
    """The inverse of `canvas_to_record`."""
    selection = Selection(
        mask_id=record["mask_id"],
        prompts=prompts_from_record(record["prompts"]) if record["prompts"] else None,
        candidates=tuple(record["candidates"]),
        choice=record["choice"],
        base=record["base"],
        mode=record["mode"],
    )
    return Canvas(selection, tuple(layer_from_record(layer, mask_of) for layer in record["layers"]))


def palette_to_record(palette: Palette) -> dict:
    """Its name, and name and colour of each paint."""
    return {"name": palette.name, "paints": [[paint.name, list(paint.rgb)] for paint in palette.paints]}


def palette_from_record(record: dict) -> Palette:
    """The inverse of `palette_to_record`."""
    return Palette(record["name"], tuple(Paint(name, tuple(rgb)) for name, rgb in record["paints"]))


def prompts_to_record(prompts: Prompts) -> dict | None:
    """Points and box; None when there are neither."""
    if len(prompts.point_coords) == 0 and prompts.box is None:
        return None
    return {
        "point_coords": prompts.point_coords.tolist(),
        "point_labels": prompts.point_labels.tolist(),
        "box": None if prompts.box is None else prompts.box.tolist(),
    }


def prompts_from_record(record: dict) -> Prompts:
    """The inverse of `prompts_to_record`."""
    return Prompts(record["point_coords"], record["point_labels"], record["box"])
