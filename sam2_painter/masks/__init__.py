"""Masks: what is done to them, and how they are shown."""

from .operations import (
    MAX_MASK_BYTES,
    clean,
    combine,
    complement,
    intersect,
    iou,
    label_map,
    mask_at,
    mask_from_png,
    mask_to_png,
    sample_rle,
    subtract,
    to_coco_annotations,
    to_coco_compressed,
    union,
)

__all__ = [
    "MAX_MASK_BYTES",
    "clean",
    "combine",
    "complement",
    "intersect",
    "iou",
    "label_map",
    "mask_at",
    "mask_from_png",
    "mask_to_png",
    "sample_rle",
    "subtract",
    "to_coco_annotations",
    "to_coco_compressed",
    "union",
]
