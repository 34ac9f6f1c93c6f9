"""Values as they travel between programs and us: points as lists, masks and pictures as text."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from ... import masks
from ...errors import InvalidInput
from ...rle import RLE
from .schemas import MaskFormat


def point_xy(point: Sequence[float], field: str = "point") -> tuple[float, float]:
    """A point as programs send it. InvalidInput unless it is two numbers."""
    if len(point) != 2:
        what = "[x, y]" if field == "point" else "a list of [x, y]"
        raise InvalidInput(f"{field} must be {what}", field)
    return point[0], point[1]


def mask_text(rle: RLE, mask_format: MaskFormat) -> str:
    """A mask as base64 PNG, as COCO's compressed runs, or not at all."""
    if mask_format == "none":
        return ""
    if mask_format == "rle":
        return str(masks.to_coco_compressed(rle)["counts"])
    return base64_text(masks.mask_to_png(rle))


def base64_text(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode("ascii")
