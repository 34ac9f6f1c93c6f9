"""The nouns of the house: small, frozen, checked once when they are made.

Everywhere: pixels of the photo as opened, upright; XY for points, XYXY for boxes that go in, XYWH for
`Mask.bbox` that comes out (SAM's own convention); RGB uint8; `size` is (H, W).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Literal

import numpy as np

from .errors import InvalidInput, LayerNotFound, MaskNotFound
from .rle import RLE, rle_to_mask

PaintMode = Literal["realistic", "flat", "multiply"]
PAINT_MODES: tuple[PaintMode, ...] = ("realistic", "flat", "multiply")
CombineMode = Literal["union", "intersect", "subtract"]
COMBINE_MODES: tuple[CombineMode, ...] = ("union", "intersect", "subtract")


def number(value: object, field_name: str, low: float, high: float) -> float:
    """`value` as a float in [low, high]; InvalidInput for anything else (bool, text, NaN, infinity)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InvalidInput(f"{field_name} must be a number from {low:g} to {high:g}", field_name)
    if not low <= value <= high:  # false for NaN too
        got = "" if abs(value) > 1e300 else f", got {float(value):g}"  # a larger int is no float
        raise InvalidInput(f"{field_name} must be from {low:g} to {high:g}{got}", field_name)
    return float(value)


def whole_number(value: object, field_name: str, low: int, high: int) -> int:
    """`value` as an int in [low, high]; InvalidInput for anything else (2.5, bool, text)."""
    result = number(value, field_name, low, high)
    if not result.is_integer():
        raise InvalidInput(f"{field_name} must be a whole number from {low} to {high}, got {result:g}", field_name)
    return int(value)  # type: ignore[call-overload]  # not int(result): floats lose large integers


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


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, upright. `pixels` is (H, W, 3) uint8 sRGB, read-only; `name` is the file name it came with; `notes` are
    sentences for who opens it, such as "Transparent parts of the photo are white now."

    Raises InvalidInput for arrays of any other form.
    """

    pixels: np.ndarray
    name: str = "photo"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
            raise InvalidInput(f"pixels must be (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}", "pixels")
        if pixels.flags.writeable or not pixels.flags.c_contiguous:
            pixels = np.array(pixels, order="C")
            pixels.flags.writeable = False
        object.__setattr__(self, "pixels", pixels)

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) of shape and pixels: two photos with the same digest look the same."""
        return sha256(repr(self.pixels.shape).encode() + memoryview(self.pixels).cast("B")).hexdigest()

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.pixels.shape[:2]  # type: ignore[return-value]


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

    @property
    def points_and_box(self) -> Prompts | None:
        """What further clicks refine, and a session keeps: these prompts less the mask; None when that is all."""
        if len(self.point_coords) == 0 and self.box is None:
            return None
        return Prompts(self.point_coords, self.point_labels, self.box)

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
        for name, low, high in _REAL_KNOBS:
            object.__setattr__(self, name, number(getattr(self, name), name, low, high))
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


@dataclass(frozen=True, eq=False)
class Embedding:
    """An engine's reading of a photo. `features` is opaque to all but that engine.

    digest: of the photo. engine: `Engine.name`, which names the weights too. size: (H, W) of the photo.
    nbytes: what keeping it costs.
    """

    digest: str
    engine: str
    size: tuple[int, int]
    features: object
    nbytes: int


@dataclass(frozen=True)
class Mask:
    """One mask, kept as runs.

    predicted_iou: the engine's own guess of the mask's IoU, in [0, 1]. stability_score: how little the
    mask changes with its threshold, in [0, 1]. point_coords: ((x, y), ...) it was made from. crop_box: XYWH
    of the crop it was found in, None for the whole photo. category, category_score: a name such as "wall" and
    the confidence in it, "" and 0 where the engine has none.
    """

    rle: RLE
    predicted_iou: float = 1.0
    stability_score: float = 1.0
    point_coords: tuple[tuple[float, float], ...] = ()
    crop_box: tuple[int, int, int, int] | None = None
    category: str = ""
    category_score: float = 0.0

    def __post_init__(self) -> None:
        for name in ("predicted_iou", "stability_score", "category_score"):
            value = float(getattr(self, name))
            if not math.isfinite(value):
                raise InvalidInput(f"{name} must be a finite number", name)
            object.__setattr__(self, name, min(1.0, max(0.0, value)))

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the photo."""
        return self.rle.size

    @property
    def area(self) -> int:
        """Foreground pixels."""
        return self.rle.area

    @property
    def bbox(self) -> tuple[int, int, int, int]:
        """XYWH, the smallest box around the foreground."""
        return self.rle.bbox

    @property
    def segmentation(self) -> np.ndarray:
        """(H, W) bool, made anew at each call."""
        return rle_to_mask(self.rle)


@dataclass(frozen=True)
class Layer:
    """A mask with paint on it. A picture is a photo and its layers, painted in their order.

    color: RGB, 0-255. opacity: 0 (nothing) to 1 (no trace of the old hue). mode: "realistic" keeps the
    light, shadow and texture of the wall; "flat" is the colour itself; "multiply" only darkens. light: exposure of
    the paint, 1 as found. shadow: below 1 softer shadows, above 1 deeper. mask_id: the mask's number in its session,
    -1 when it has none.
    """

    mask: Mask
    color: tuple[int, int, int]
    opacity: float = 0.7
    mode: PaintMode = "realistic"
    name: str = ""
    visible: bool = True
    light: float = 1.0
    shadow: float = 1.0
    mask_id: int = -1

    def __post_init__(self) -> None:
        if len(tuple(self.color)) != 3:
            raise InvalidInput("color must be (red, green, blue)", "color")
        object.__setattr__(self, "color", tuple(whole_number(v, "color", 0, 255) for v in self.color))
        object.__setattr__(self, "opacity", number(self.opacity, "opacity", 0, 1))
        object.__setattr__(self, "light", number(self.light, "light", 0.25, 4))
        object.__setattr__(self, "shadow", number(self.shadow, "shadow", 0, 2))
        if self.mode not in PAINT_MODES:
            raise InvalidInput(f"mode must be one of {', '.join(PAINT_MODES)}", "mode")
        if not isinstance(self.name, str) or len(self.name) > 200:
            raise InvalidInput("name must be text of at most 200 characters", "name")
        if not isinstance(self.visible, bool):
            raise InvalidInput("visible must be true or false", "visible")


@dataclass(frozen=True)
class Paint:
    """A colour with a name. rgb: 0-255 each."""

    name: str
    rgb: tuple[int, int, int]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not 0 < len(self.name) <= 80:
            raise InvalidInput("a paint's name must be text of 1 to 80 characters", "palette")
        if len(self.rgb) != 3:
            raise InvalidInput("a paint must be (red, green, blue)", "palette")
        object.__setattr__(self, "rgb", tuple(whole_number(v, "palette", 0, 255) for v in self.rgb))


@dataclass(frozen=True)
class Palette:
    """Paints to choose from. name: what people know it by, such as its file's name."""

    name: str
    paints: tuple[Paint, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidInput("a palette's name must be text", "palette")
        object.__setattr__(self, "name", self.name[:200])
        if not 0 < len(self.paints) <= MAX_PAINTS:
            raise InvalidInput(f"a palette has 1 to {MAX_PAINTS} colours, not {len(self.paints)}", "palette")


MAX_PAINTS = 4096


@dataclass(frozen=True, eq=False)
class Selection:
    """What is selected on the photo, and how it came about.

    mask_id: the selected mask, None for nothing. prompts: the clicks or the box that are being refined, None
    when the mask was picked instead. candidates: mask ids the engine offered for them, best first; choice: which of
    them was taken. base, mode: the mask the choice was combined with, and how ("" when it stands alone).
    """

    mask_id: int | None = None
    prompts: Prompts | None = None
    candidates: tuple[int, ...] = ()
    choice: int = 0
    base: int | None = None
    mode: CombineMode | Literal[""] = ""


@dataclass(frozen=True, eq=False)
class Canvas:
    """The part of a session that undo and redo travel through."""

    selection: Selection = field(default_factory=Selection)
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True, eq=False)
class Session:
    """What one person has done to one photo: a snapshot; `sessions.edit` makes the next one.

    masks: every mask of the session by its id; ids count up from 0 and are never given twice. automatic: ids found by
    the last "every mask", largest first. palette: paints somebody brought along. can_undo, can_redo: names of the
    actions, "" for none. created_at, used_at: Unix seconds. revision: counts up with each change.
    notes: what there is to say about the file it was opened from, in the session that opening gives only.
    """

    id: str
    name: str
    digest: str
    size: tuple[int, int]
    masks: Mapping[int, Mask] = field(default_factory=lambda: MappingProxyType({}))
    automatic: tuple[int, ...] = ()
    palette: Palette | None = None
    canvas: Canvas = field(default_factory=Canvas)
    can_undo: str = ""
    can_redo: str = ""
    created_at: float = 0.0
    used_at: float = 0.0
    revision: int = 0
    notes: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The paint, in order."""
        return self.canvas.layers

    @property
    def selection(self) -> Selection:
        """What is selected now."""
        return self.canvas.selection

    def mask(self, mask_id: int) -> Mask:
        """The mask with this id; MaskNotFound (or InvalidInput for what is no id) otherwise."""
        if isinstance(mask_id, bool) or not isinstance(mask_id, int):
            raise InvalidInput("mask_id must be a whole number", "mask_id")
        try:
            return self.masks[mask_id]
        except KeyError:
            known = f"0 to {len(self.masks) - 1}" if self.masks else "none yet: segment first"
            raise MaskNotFound(f"No mask {mask_id} in this session; it has {known}.") from None

    def layer(self, index: int) -> Layer:
        """The layer at this place (0 is painted first); LayerNotFound otherwise."""
        if isinstance(index, bool) or not isinstance(index, int):
            raise LayerNotFound(f"A layer goes by its number; this session has {len(self.layers)}.")
        if not 0 <= index < len(self.layers):
            raise LayerNotFound(f"No layer {index} in this session; it has {len(self.layers)}.")
        return self.layers[index]
