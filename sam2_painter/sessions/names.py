"""Names of painted walls, and the kinds they go by: what a wall is called while nobody has named it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .. import masks
from ..rle import RLE
from ..types import Layer, Mask, Session, Step

LEAST_SHARE = 0.25
"""Of a wall: a kind that less of it was found to be is not its kind."""


def kind_of(session: Session, steps: Sequence[Step], rle: RLE) -> str:
    """The kind that most of a wall was found to be, such as "window"; "" where that is little of it.

    steps: what the wall was made of; rle: what it is now. Parts drawn by hand have no kind.
    """
    added = [step for step in steps if step.mode == "union" and step.kind != "tidy"]
    found = [session.masks[step.region] if step.region is not None else None for step in added]
    kinds = {mask.category if mask else "" for mask in found}
    if len(kinds) == 1 and len(added) == len(steps):
        return kinds.pop()
    areas: dict[str, int] = {}
    for mask in found:
        if mask and mask.category and masks.may_overlap(mask.rle, rle):
            areas[mask.category] = areas.get(mask.category, 0) + masks.intersect([mask.rle, rle]).area
    kind = max(areas, key=lambda one: areas[one], default="")
    return kind if areas.get(kind, 0) >= LEAST_SHARE * rle.area else ""


def of_kind(mask: Mask, kind: str) -> Mask:
    """The mask as one of this kind; of another than it had nobody is surer than of its shape."""
    if kind == mask.category:
        return mask
    return replace(mask, category=kind, category_score=mask.predicted_iou if kind else 0.0)


def free_name(mask: Mask, painted: Sequence[Layer]) -> str:
    """ "Roof 2" where the engine named the mask, "Wall 3" otherwise."""
    taken = {layer.name for layer in painted}
    return next(name for n in range(1, len(taken) + 2) if (name := f"{_word(mask)} {n}") not in taken)


def name_after(layer: Layer, mask: Mask, painted: Sequence[Layer]) -> str:
    """What a layer is called once this is its mask: a name that was given by us follows the kind, any other stays."""
    ours = re.fullmatch(rf"{re.escape(_word(layer.mask))} \d+", layer.name)
    return free_name(mask, painted) if ours and _word(mask) != _word(layer.mask) else layer.name


def _word(mask: Mask) -> str:
    return mask.category.capitalize() or "Wall"
