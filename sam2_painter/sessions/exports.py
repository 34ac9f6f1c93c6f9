"""A session's work as files, each format in its own module; and its masks as pictures."""

from __future__ import annotations

from .. import masks
from ..types import Session
from .coco import chosen, join, to_coco
from .ora import PaintedWall, to_ora
from .project import Project, ProjectReader, to_project
from .zips import pack, plain_name

__all__ = ["PaintedWall", "Project", "ProjectReader", "join", "to_coco", "to_ora", "to_png_zip", "to_project"]


def to_png_zip(session: Session, *, every: bool = False) -> bytes:
    """The chosen masks, or every one, as black and white PNGs named by their numbers and their walls or kinds, such as
    "mask-0007 Front.png"."""
    ids = tuple(session.masks) if every else chosen(session)
    names = {layer.mask_id: layer.name for layer in session.layers}

    def member(mask_id: int) -> str:
        name = names.get(mask_id) or session.masks[mask_id].category
        return f"mask-{mask_id:04d} {plain_name(name)}".rstrip() + ".png"

    return pack([(member(mask_id), masks.mask_to_png(session.masks[mask_id].rle)) for mask_id in ids])
