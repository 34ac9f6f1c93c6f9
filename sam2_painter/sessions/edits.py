"""What selecting and painting do to a session while it is being edited: no engine, no pixels of a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from .. import masks
from ..errors import InvalidInput
from ..rle import RLE
from ..types import COMBINE_MODES, Canvas, CombineMode, Layer, Mask, Selection
from .store import Edit

SelectMode = Literal["new", "union", "subtract", "intersect"]
"""How a new part is taken: by itself, or combined with what is selected."""


def part_of(selection: Selection, mode: SelectMode) -> tuple[int | None, CombineMode | Literal[""]]:
    """What a new part is combined with, and how: (None, "") when it stands alone. Raises InvalidInput."""
    if mode not in ("new", *COMBINE_MODES):
        raise InvalidInput(f"mode must be one of new, {', '.join(COMBINE_MODES)}", "mode")
    if mode == "new" or selection.mask_id is None:
        return None, ""
    return selection.mask_id, mode


def select_candidate(edit: Edit, selection: Selection, action: str) -> None:
    """Select what `selection` chose among its candidates, combined with its base."""
    mask_id = selection.candidates[selection.choice]
    if selection.base is not None and selection.mode:
        mask_id = combine(edit, (selection.base, mask_id), selection.mode)
    edit.do(action, replace(edit.session.canvas, selection=replace(selection, mask_id=mask_id)))


def select_mask(edit: Edit, mask_id: int, mode: SelectMode, action: str) -> None:
    """Select a mask of the session, or by `mode` combine it with the selection."""
    base, how = part_of(edit.session.selection, mode)
    if base is not None and how:
        mask_id = combine(edit, (base, mask_id), how)
    edit.do(action, replace(edit.session.canvas, selection=Selection(mask_id)))


def combine(edit: Edit, mask_ids: Sequence[int], mode: CombineMode) -> int:
    """One mask from several of the session; its id. Raises InvalidInput when nothing is left, MaskNotFound."""
    if mode not in COMBINE_MODES:
        raise InvalidInput(f"mode must be one of {', '.join(COMBINE_MODES)}", "mode")
    if not mask_ids:
        raise InvalidInput("mask_ids must name at least one mask", "mask_ids")
    picked = [edit.session.mask(mask_id) for mask_id in mask_ids]
    if len(set(mask_ids)) == 1 and mode != "subtract":
        return mask_ids[0]
    rle = masks.combine([mask.rle for mask in picked], mode)
    if not rle.area:
        raise InvalidInput(f"Nothing is left of these masks by {mode}.", "mode")
    first = picked[0]
    same = {mask.category for mask in picked} == {first.category} or mode == "subtract"
    score = min(mask.predicted_iou for mask in picked)
    stable = min(mask.stability_score for mask in picked)
    named = dict(category=first.category, category_score=first.category_score) if same else {}
    return edit.add([Mask(rle, score, stable, **named)])[0]  # type: ignore[arg-type]


def bring_mask(edit: Edit, rle: RLE, category: str = "") -> int:
    """Keep a mask somebody brings along; its id. Raises InvalidInput when it has not the photo's size or is empty."""
    if rle.size != edit.session.size:
        height, width = edit.session.size
        raise InvalidInput(f"mask is {rle.size[1]}x{rle.size[0]}, the photo {width}x{height}", "mask")
    if not rle.area:
        raise InvalidInput("mask is empty: it must hold at least one pixel", "mask")
    return edit.add([Mask(rle, category=category)])[0]


def put_paint(edit: Edit, layers: Sequence[dict[str, Any]], replace_same: bool) -> None:
    """Paint masks: `Studio.paint` says what `layers` are. A mask that is painted already is repainted in place."""
    if not layers:
        raise InvalidInput("colored_masks must name at least one mask", "colored_masks")
    painted = list(edit.session.layers)
    for values in layers:
        values = dict(values)
        if "rle" in values:
            values["mask_id"] = bring_mask(edit, values.pop("rle"))
        mask_id = values["mask_id"]
        mask = edit.session.mask(mask_id)
        values = {"name": _layer_name(mask, painted), **values}
        same = [i for i, layer in enumerate(painted) if layer.mask_id == mask_id] if replace_same else []
        if same:
            values["name"] = painted[same[0]].name
            painted[same[0]] = Layer(mask, **values)
        else:
            painted.append(Layer(mask, **values))
    selection = replace(edit.session.selection, prompts=None, candidates=(), choice=0, base=None, mode="")
    edit.do("paint", Canvas(selection, tuple(painted)))


def set_layers(edit: Edit, layers: tuple[Layer, ...], action: str) -> None:
    """These are the layers now."""
    edit.do(action, replace(edit.session.canvas, layers=layers))


def _layer_name(mask: Mask, painted: Sequence[Layer]) -> str:
    """ "Wall 2" where the engine named the mask, "Layer 3" otherwise."""
    kind = mask.category.capitalize() or "Layer"
    taken = {layer.name for layer in painted}
    return next(name for n in range(1, len(taken) + 2) if (name := f"{kind} {n}") not in taken)
