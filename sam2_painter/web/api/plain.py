"""Values as they travel between programs and us: points as lists, masks and pictures as text."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from ... import masks
from ...errors import InvalidInput
from ...jobs.deadline import check
from ...paint import colors
from ...rle import RLE
from ...types import Layer, Session
from . import schemas
from .fields import MaskFormat


def point_xy(point: Sequence[float], field: str = "point") -> tuple[float, float]:
    """A point as programs send it. InvalidInput unless it is two numbers."""
    if len(point) != 2:
        what = "[x, y]" if field == "point" else "a list of [x, y]"
        raise InvalidInput(f"{field} must be {what}", field)
    return point[0], point[1]


def mask_text(rle: RLE, mask_format: MaskFormat) -> str:
    """A mask as base64 PNG, as COCO's compressed runs, or not at all. Raises where its deadline is over: an answer may
    hold thousands."""
    check()
    if mask_format == "none":
        return ""
    if mask_format == "rle":
        return str(masks.to_coco_compressed(rle)["counts"])
    return base64_text(masks.mask_to_png(rle))


def boxes_of(rle: RLE) -> schemas.Boxes:
    """The mask's box in both forms."""
    x, y, w, h = rle.bbox
    return {"bbox": [x, y, w, h], "box": [x, y, x + w, y + h]}


def layer_values(layer: Layer) -> schemas.PaintedLayer:
    """A layer of paint as it is told."""
    return {
        "layer_id": layer.id,
        "name": layer.name,
        "color": colors.to_hex(layer.color),
        "opacity": layer.opacity,
        "mode": layer.mode,
        "light": layer.light,
        "shadow": layer.shadow,
        "visible": layer.visible,
        "mask_id": layer.mask_id if layer.mask_id >= 0 else None,
        **boxes_of(layer.mask.rle),
        "area": layer.mask.area,
        "tie": layer.tie,
    }


def base64_text(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode("ascii")


def counted(number: int, thing: str) -> str:
    """ "1 file", "2 files"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def width_height(session: Session) -> schemas.WidthHeight:
    """The size of the photo."""
    return {"width": session.size[1], "height": session.size[0]}
