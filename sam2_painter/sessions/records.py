"""Values as plain JSON and back: what the session store writes and a project file holds.

Masks go by their id; the runs of a mask travel beside the JSON as compressed bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import fields
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..jobs.deadline import check
from ..rle import RLE
from ..types import (
    Canvas,
    Coat,
    Layer,
    Mask,
    Paint,
    Palette,
    Prompts,
    Scheme,
    Selection,
    Session,
    Step,
    number,
    whole_number,
)

LOOK = tuple(field.name for field in fields(Coat) if field.name not in ("mask_id", "rle", "name"))
"""What paint looks like: fields that coats and layers share."""

MOST_MADE = 2
"""Times the masks a session may hold: so many more may steps of walls make."""

MAX_RUN_BYTES = 256 * 2**20
"""Bytes of runs a session's masks may take in memory: some 4000 detailed masks of 12 megapixels."""

MOST_LAYERS = 2000
"""Of a session: each is told in every answer, and painted in every picture."""

MaskOf = Callable[[int], Mask]
Record = dict[str, Any]


def counts_to_bytes(rle: RLE) -> bytes:
    """The runs, little-endian and deflated. Raises where its deadline is over: a session may hold thousands."""
    check()
    return zlib.compress(rle.counts.astype("<u4").tobytes(), 1)


def rle_from_bytes(data: bytes, size: tuple[int, int], max_runs: int = 2**31) -> RLE:
    """The inverse of `counts_to_bytes` for a photo of `size` (H, W); InvalidInput for bytes that do not fit it, or for
    more than max_runs."""
    limit = 4 * min(max_runs, size[0] * size[1] + 2)  # no mask has more runs than pixels
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(data, limit)
    except zlib.error:
        raise InvalidInput("the runs of a mask are damaged", "mask") from None
    if inflate.unconsumed_tail or len(raw) % 4:
        raise InvalidInput("the runs of a mask do not fit the photo", "mask")
    return RLE(size, np.frombuffer(raw, "<u4"))


def mask_to_record(mask: Mask) -> Record:
    """All of a mask but its runs."""
    return {
        "predicted_iou": mask.predicted_iou,
        "stability_score": mask.stability_score,
        "point_coords": [list(point) for point in mask.point_coords],
        "crop_box": mask.crop_box and list(mask.crop_box),
        "category": mask.category,
        "category_score": mask.category_score,
    }


def kept_mask(session: Session, mask_id: int) -> Record:
    """`mask_to_record` of a mask of a session, marked if the steps of a wall made it."""
    return mask_to_record(session.masks[mask_id]) | ({"made": True} if mask_id in session.made else {})


def check_count(masks: int, made: int, most: int) -> None:
    """InvalidInput for more masks than a session may hold. made: how many of them steps of walls made, which do not
    count, but for what no hand can do."""
    if masks - made > most:
        raise InvalidInput(f"A session holds at most {most} masks. Open the photo again.", "session_id")
    if made > most * MOST_MADE:
        raise InvalidInput("This photo was changed more often than can be kept. Open it again.", "session_id")


def check_runs(masks: Iterable[Mask]) -> None:
    """InvalidInput for more runs than the masks of a session may have."""
    if sum(mask.rle.nbytes for mask in masks) > MAX_RUN_BYTES:
        raise InvalidInput("The masks of this photo are too ragged to be kept together. Open the photo again.", "mask")


def check_layers(layers: int) -> None:
    """InvalidInput for more layers than a session may hold."""
    if layers > MOST_LAYERS:
        raise InvalidInput(f"A photo has at most {MOST_LAYERS} painted walls. Remove some first.", "session_id")


def mask_from_record(record: Record, rle: RLE) -> Mask:
    """The inverse of `mask_to_record`."""
    return Mask(
        rle,
        predicted_iou=record["predicted_iou"],
        stability_score=record["stability_score"],
        point_coords=tuple((_place(x), _place(y)) for x, y in record["point_coords"]),
        crop_box=_crop(*record["crop_box"]) if record["crop_box"] else None,
        category=record["category"],
        category_score=record["category_score"],
    )


def _place(value: object) -> float:
    return number(value, "point_coords", -1e6, 1e6)


def _crop(*box: object) -> tuple[int, int, int, int]:
    x, y, w, h = (whole_number(value, "crop_box", 0, 10**6) for value in box)
    return x, y, w, h


def layer_to_record(layer: Layer) -> Record:
    """A layer, its mask by id."""
    return {
        "id": layer.id,
        "mask_id": layer.mask_id,
        "color": list(layer.color),
        "opacity": layer.opacity,
        "mode": layer.mode,
        "name": layer.name,
        "visible": layer.visible,
        "light": layer.light,
        "shadow": layer.shadow,
        "steps": [step_to_record(step) for step in layer.steps],
        "tie": layer.tie,
    }


def layer_from_record(record: Record, mask_of: MaskOf) -> Layer:
    """The inverse of `layer_to_record`. `mask_of` gives the mask of an id or raises MaskNotFound."""
    steps = tuple(step_from_record(step) for step in record.get("steps", ()))
    return Layer(mask_of(record["mask_id"]), **{**record, "color": tuple(record["color"]), "steps": steps})


def step_to_record(step: Step) -> Record:
    """A step, its masks by id; what is as always is left out."""
    values = ((field, getattr(step, field.name)) for field in fields(step))
    return {"kind": step.kind, "mode": step.mode} | {
        field.name: value for field, value in values if value != field.default
    }


def step_from_record(record: Record) -> Step:
    """The inverse of `step_to_record`."""
    values = dict(record)
    values["points"] = tuple((float(x), float(y), int(label)) for x, y, label in record.get("points", ()))
    values["path"] = tuple((x, y) for x, y in record.get("path", ()))
    values["candidates"] = tuple(record.get("candidates", ()))
    if (box := record.get("box")) is not None:
        values["box"] = tuple(float(v) for v in box)
    return Step(**values)


def canvas_to_record(canvas: Canvas) -> Record:
    """Selection, layers, and schemes where there are some. A mask prompt is not kept: its answer is."""
    selection = canvas.selection
    schemes = [
        {
            "id": one.id,
            "name": one.name,
            "coats": [{"layer": layer_id, **_coat_to_record(coat)} for layer_id, coat in one.coats.items()],
        }
        for one in canvas.schemes
    ]
    return {
        "selection": {
            "mask_id": selection.mask_id,
            "layer": selection.layer,
            "base": selection.base,
            "steps": [step_to_record(step) for step in selection.steps],
        },
        "layers": [layer_to_record(layer) for layer in canvas.layers],
    } | ({"schemes": schemes, "scheme": canvas.scheme} if schemes else {})


def canvas_from_record(record: Record, mask_of: MaskOf) -> Canvas:
    """The inverse of `canvas_to_record`; also reads what versions before 0.2 wrote."""
    if "selection" not in record:
        return _first_canvas(record, mask_of)
    kept = record["selection"]
    steps = tuple(step_from_record(step) for step in kept["steps"])
    selection = Selection(kept["mask_id"], steps, kept["layer"], kept["base"])
    layers = tuple(layer_from_record(layer, mask_of) for layer in record["layers"])
    schemes = tuple(_scheme_from_record(one) for one in record.get("schemes", ()))
    return Canvas(selection, layers, schemes, record["scheme"] if schemes else 0)


def coat_of(layer: Layer) -> Coat:
    """The paint of a layer, without a name."""
    return Coat(**{name: getattr(layer, name) for name in LOOK})


def _coat_to_record(coat: Coat) -> Record:
    return {name: getattr(coat, name) for name in LOOK}


def _scheme_from_record(record: Record) -> Scheme:
    coats = {
        coat["layer"]: Coat(**{name: coat[name] for name in LOOK} | {"color": tuple(coat["color"])})
        for coat in record["coats"]
    }
    return Scheme(record["id"], record["name"], MappingProxyType(coats))


def _first_canvas(record: Record, mask_of: MaskOf) -> Canvas:
    """A canvas as version 0.1 wrote it: prompts were one question, and layers went by their place."""
    steps: list[Step] = []
    if record["base"] is not None:
        steps.append(Step("mask", region=record["base"]))
    if record["prompts"]:
        asked, candidates = prompts_from_record(record["prompts"]), tuple(record["candidates"])
        region = candidates[record["choice"]] if candidates else record["mask_id"]
        steps.append(Step.asked(asked, record["mode"] or "union", candidates, region))
    elif record["mask_id"] is not None:
        steps = [Step("mask", region=record["mask_id"])]
    layers: list[Layer] = []
    for layer in record["layers"]:
        same = sum(one.mask_id == layer["mask_id"] for one in layers)
        layers.append(layer_from_record({**layer, "id": _first_layer_id(layer["mask_id"], same)}, mask_of))
    return Canvas(Selection(record["mask_id"], tuple(steps), None, record["base"]), tuple(layers))


def _first_layer_id(mask_id: int, same: int) -> int:
    """The id of a layer that was kept without one: told by its mask, so that it is the same at every step of the
    history, and below 0, where no new id is. same: layers on the same mask before it."""
    return -2 - mask_id - same * 1_000_000


def palette_to_record(palette: Palette) -> Record:
    """Its name, and name, colour, code and brand of each paint."""
    paints = [[paint.name, list(paint.rgb), paint.code, paint.brand] for paint in palette.paints]
    return {"name": palette.name, "paints": paints}


def palette_from_record(record: Record) -> Palette:
    """The inverse of `palette_to_record`; older ones have no code and no brand."""
    paints = (Paint(name, tuple(rgb), *of) for name, rgb, *of in record["paints"])
    return Palette(record["name"], tuple(paints))


def prompts_from_record(record: Record) -> Prompts:
    """Points and box as version 0.1 wrote them."""
    return Prompts(record["point_coords"], record["point_labels"], record["box"])
