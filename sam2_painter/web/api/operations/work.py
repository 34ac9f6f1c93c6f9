"""What a session holds now, as the operations on walls and layers tell it."""

from __future__ import annotations

import math

from ....studio.studio import Studio
from ....types import Session
from .. import schemas
from ..fields import MaskFormat
from ..plain import boxes_of, layer_values, mask_text


def work_of(studio: Studio, session: Session, mask_format: MaskFormat = "none") -> schemas.Work:
    """The reply of everything here that changes something."""
    return {
        "session_id": session.id,
        "revision": session.revision,
        "wall": _wall(studio, session, mask_format),
        "layers": [layer_values(layer) for layer in session.layers],
        "can_undo": session.can_undo,
        "can_redo": session.can_redo,
    }


def _wall(studio: Studio, session: Session, mask_format: MaskFormat) -> schemas.Wall | None:
    selection = session.selection
    if selection.mask_id is None:
        return None
    mask = session.masks[selection.mask_id]
    pixels = math.prod(session.size)
    return {
        "mask_id": selection.mask_id,
        "layer_id": selection.layer,
        "mask": mask_text(mask.rle, mask_format),
        **boxes_of(mask.rle),
        "area": mask.area,
        "share": mask.area / pixels,
        "category": mask.category,
        "steps": [
            {
                "kind": step.kind,
                "mode": step.mode,
                "points": [{"x": x, "y": y, "label": label} for x, y, label in step.points],
                "box": None if step.box is None else list(step.box),
                "path": [list(point) for point in step.path],
                "radius": step.radius,
            }
            for step in selection.steps
        ],
        "answers": [
            {"choice": one.choice, "area": one.rle.area, "share": one.rle.area / pixels, "chosen": one.chosen}
            for one in studio.answers(session)
        ],
    }
