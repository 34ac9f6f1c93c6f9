"""Masks: what is done to them, and how they are shown."""

from .borders import edge_aware_stroke
from .looks import by_looks
from .operations import (
    MAX_MASK_BYTES,
    clean,
    combine,
    complement,
    grow,
    intersect,
    iou,
    label_map,
    mask_at,
    mask_from_png,
    mask_to_png,
    may_overlap,
    part_at,
    sample_rle,
    subtract,
    to_coco_annotations,
    to_coco_compressed,
    union,
    without_crumbs,
)
from .rasterise import LEAST_RADIUS, polygon, simplify, stroke
from .tidying import tidy

__all__ = [
    "LEAST_RADIUS",
    "MAX_MASK_BYTES",
    "by_looks",
    "clean",
    "combine",
    "complement",
    "edge_aware_stroke",
    "grow",
    "intersect",
    "iou",
    "label_map",
    "mask_at",
    "mask_from_png",
    "mask_to_png",
    "may_overlap",
    "part_at",
    "polygon",
    "sample_rle",
    "simplify",
    "stroke",
    "subtract",
    "tidy",
    "to_coco_annotations",
    "to_coco_compressed",
    "union",
    "without_crumbs",
]
