"""What an engine is asked: points, boxes and masks for one answer, and the knobs for every mask.

Everywhere: pixels of the photo as opened, upright; XY for points, XYXY for boxes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np

from .errors import InvalidInput


def number(value: Any, field_name: str, low: float, high: float) -> float:
    """`value` as a float in [low, high]; InvalidInput for anything else (bool, text, NaN, infinity)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InvalidInput(f"{field_name} must be a number from {low:g} to {high:g}", field_name)
    if not low <= value <= high:  # false for NaN too
        got = f", got {float(value):g}" if -1e300 < value < 1e300 else ""  # a larger int is no float
        raise InvalidInput(f"{field_name} must be from {low:g} to {high:g}{got}", field_name)
    return float(value)


def whole_number(value: Any, field_name: str, low: int, high: int) -> int:
    """`value` as an int in [low, high]; InvalidInput for anything else (2.5, bool, text)."""
    result = number(value, field_name, low, high)
    if not result.is_integer():
        raise InvalidInput(f"{field_name} must be a whole number from {low} to {high}, got {result:g}", field_name)
    return int(value)  # not int(result): floats lose large integers


@dataclass(frozen=True, eq=False)
class Prompts:
    """What somebody pointed at, in SAM's terms.

    point_coords: (N, 2) float32 XY. point_labels: (N,) int32, 1 foreground, 0 background.
    box: (4,) float32 XYXY or None. mask_input: None, an earlier answer as (H, W) bool of the photo's
    size, or SAM's own (1, 256, 256) float32 logits. multimask_output: up to three nested candidates
    instead of the one best mask. Raises InvalidInput when they do not fit together.
    """

    point_coords: np.ndarray = ()  # type: ignore[assignment]
    point_labels: np.ndarray = ()  # type: ignore[assignment]
    box: np.ndarray | None = None
    mask_input: np.ndarray | None = None
    multimask_output: bool = True

    def __post_init__(self) -> None:
        coords, labels = _floats(self.point_coords, "point_coords"), _floats(self.point_labels, "point_labels")
        if coords.size % 2 or (coords.ndim == 2 and coords.shape[1] != 2) or coords.ndim > 2:
            raise InvalidInput("point_coords must be a list of [x, y]", "point_coords")
        coords, labels = coords.reshape(-1, 2), labels.reshape(-1)
        if len(coords) != len(labels):
            raise InvalidInput(f"{len(coords)} point_coords but {len(labels)} point_labels", "point_labels")
        if not np.isin(labels, (0, 1)).all():
            raise InvalidInput("point_labels must be 1 (foreground) or 0 (background)", "point_labels")
        box = None if self.box is None else _floats(self.box, "box").reshape(-1)
        if box is not None and not (box.shape == (4,) and box[0] < box[2] and box[1] < box[3]):
            raise InvalidInput("box must be [x1, y1, x2, y2] with x1 < x2 and y1 < y2", "box")
        mask = None if self.mask_input is None else np.asarray(self.mask_input)
        if mask is not None and not (mask.dtype == bool and mask.ndim == 2):
            if mask.shape != (1, 256, 256) or mask.dtype.kind != "f" or not np.isfinite(mask).all():
                raise InvalidInput("mask_input must be (H, W) bool or (1, 256, 256) float logits", "mask_input")
            mask = mask.astype(np.float32)
        if len(coords) == 0 and box is None and mask is None:
            raise InvalidInput("give at least one point, a box or a mask", "point_coords")
        kept = dict(point_coords=coords, point_labels=labels.astype(np.int32), box=box, mask_input=mask)
        for name, value in kept.items():
            object.__setattr__(self, name, value)

    @classmethod
    def click(cls, x: float, y: float, label: int = 1) -> Prompts:
        """One point."""
        return cls([[x, y]], [label])  # type: ignore[arg-type]

    def plus(self, x: float, y: float, label: int = 1) -> Prompts:
        """These prompts and one point more."""
        more = Prompts.click(x, y, label)
        return replace(
            self,
            point_coords=np.vstack([self.point_coords, more.point_coords]),
            point_labels=np.append(self.point_labels, more.point_labels),
        )

    def check_inside(self, size: tuple[int, int]) -> None:
        """InvalidInput if a point or the box lies outside a photo of `size` (H, W), or mask_input has another size."""
        height, width = size
        outside = (self.point_coords < 0) | (self.point_coords >= (width, height))
        if outside.any():
            x, y = self.point_coords[outside.any(axis=1)][0]
            raise InvalidInput(f"point ({x:g}, {y:g}) is outside the {width}x{height} photo", "points")
        if self.box is not None:
            x1, y1, x2, y2 = self.box
            if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
                raise InvalidInput(
                    f"box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) is outside the {width}x{height} photo", "boxes"
                )
        mask = self.mask_input
        if mask is not None and mask.ndim == 2 and mask.shape != size:
            raise InvalidInput(f"mask is {mask.shape[1]}x{mask.shape[0]}, the photo {width}x{height}", "mask")

    @cached_property
    def key(self) -> str:
        """sha256 (hex) of everything asked: part of cache keys."""
        digest = sha256()
        for part in (self.point_coords, self.point_labels, self.box, self.mask_input):
            digest.update(b"-" if part is None else f"{part.dtype}{part.shape}".encode() + part.tobytes())
        digest.update(bytes([self.multimask_output]))
        return digest.hexdigest()


def _floats(values: object, field_name: str) -> np.ndarray:
    """Finite float32 numbers; InvalidInput for text, ragged lists, NaN and infinity."""
    try:
        raw = np.asarray(values if not isinstance(values, tuple) or values else [], dtype=None)
        if raw.dtype.kind not in "fiu" and raw.size:
            raise ValueError
        with np.errstate(over="ignore"):
            result = raw.astype(np.float32)
    except (ValueError, TypeError, OverflowError):
        raise InvalidInput(f"{field_name} must be numbers", field_name) from None
    if not np.isfinite(result).all():
        raise InvalidInput(f"{field_name} must be finite numbers", field_name)
    return result


def text(value: object, name: str, most: int, *, least: int = 0, field: str = "") -> str:
    """The text, checked to have `least` to `most` characters; InvalidInput otherwise (field: `name` by default).

    Half a surrogate pair becomes "?": names of files may hold one, and no file or answer can be written with it.

    >>> text("a\\udcff", "name", 10)
    'a?'
    """
    if not isinstance(value, str) or len(value) > most or len(value.strip()) < least:
        length = f"{least} to {most}" if least else f"at most {most}"
        raise InvalidInput(f"{name} must be text of {length} characters", field or name)
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


@dataclass(frozen=True)
class AutoMask:
    """How to look for every mask: the knobs of SAM 2's SAM2AutomaticMaskGenerator, under its names.

    Thresholds are in [0, 1] (logits for the two that say so); min_mask_region_area is in pixels of the photo.
    Raises InvalidInput for values out of range.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0  # logits
    mask_threshold: float = 0.0  # logits
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    min_mask_region_area: int = 0
    use_m2m: bool = False
    multimask_output: bool = True

    def __post_init__(self) -> None:
        for name, low, high in _WHOLE_KNOBS:
            object.__setattr__(self, name, whole_number(getattr(self, name), name, low, high))
        for name, least, most in _REAL_KNOBS:
            object.__setattr__(self, name, number(getattr(self, name), name, least, most))
        for name in ("use_m2m", "multimask_output"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidInput(f"{name} must be true or false", name)


_WHOLE_KNOBS = (
    ("points_per_side", 1, 128),
    ("points_per_batch", 1, 4096),
    ("crop_n_layers", 0, 3),
    ("crop_n_points_downscale_factor", 1, 16),
    ("min_mask_region_area", 0, 100_000_000),
)
_REAL_KNOBS = (
    ("pred_iou_thresh", 0.0, 1.0),
    ("stability_score_thresh", 0.0, 1.0),
    ("stability_score_offset", 0.0, 32.0),
    ("mask_threshold", -32.0, 32.0),
    ("box_nms_thresh", 0.0, 1.0),
    ("crop_nms_thresh", 0.0, 1.0),
    ("crop_overlap_ratio", 0.0, 1.0),
)


def fit_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """(h, w) of a photo of `size` (H, W) shrunk to max_side pixels on its longer side; never larger, at least 1.

    >>> fit_size((3000, 4000), 1600), fit_size((30, 40), 1600), fit_size((1, 5000), 100)
    ((1200, 1600), (30, 40), (1, 100))
    """
    max_side = whole_number(max_side, "max_side", 1, 1_000_000)
    height, width = size
    longer = max(height, width)
    if longer <= max_side:
        return height, width
    return max(1, round(height * max_side / longer)), max(1, round(width * max_side / longer))
