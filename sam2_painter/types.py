"""The values everything works with: small, frozen, checked once when they are made.

Everywhere: pixels of the photo as opened, upright; XY for points, XYXY for boxes that go in, XYWH for
`Mask.bbox` that comes out (SAM's own convention); RGB uint8; `size` is (H, W).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Literal

import numpy as np

from .errors import InvalidInput, LayerNotFound, MaskNotFound
from .prompts import AutoMask, Prompts, fit_size, number, text, whole_number
from .rle import RLE, rle_to_mask

__all__ = [
    "COMBINE_MODES",
    "MAX_PAINTS",
    "MAX_PATH",
    "MAX_RADIUS",
    "PAINT_MODES",
    "STEP_KINDS",
    "AutoMask",
    "Canvas",
    "Coat",
    "CombineMode",
    "Embedding",
    "Layer",
    "Line",
    "Mask",
    "Paint",
    "PaintMode",
    "Palette",
    "Photo",
    "Prompts",
    "Scheme",
    "Selection",
    "Session",
    "Step",
    "StepKind",
    "fit_size",
    "number",
    "whole_number",
]

PaintMode = Literal["realistic", "flat", "multiply"]
PAINT_MODES: tuple[PaintMode, ...] = ("realistic", "flat", "multiply")
CombineMode = Literal["union", "intersect", "subtract"]
COMBINE_MODES: tuple[CombineMode, ...] = ("union", "intersect", "subtract")
StepKind = Literal["prompts", "stroke", "polygon", "mask", "tidy"]
STEP_KINDS: tuple[StepKind, ...] = ("prompts", "stroke", "polygon", "mask", "tidy")
Line = tuple[tuple[float, float], ...]
"""Points (x, y) in pixels of the photo, in their order."""


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
        return sha256(repr(self.pixels.shape).encode() + self.pixels.data.cast("B")).hexdigest()

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.pixels.shape[0], self.pixels.shape[1]


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
        object.__setattr__(self, "category", text(self.category, "category", 80))

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


MAX_PATH = 2000
"""Points of one stroke or polygon."""

MAX_RADIUS = 10_000.0
"""Of a brush, in pixels."""


@dataclass(frozen=True)
class Step:
    """One thing somebody did to the shape of a wall: it adds a region, takes it away, or keeps what both have.

    kind: "prompts" (points or a box that the engine answered), "stroke" (of a brush), "polygon", "mask" (found, picked
    or brought along) or "tidy" (a part of what tidying changed). mode: how the region changes what was there before.
    region: the mask of the session that is added or taken, None for a stroke or polygon that `path` alone tells.
    points: (x, y, label) and box: XYXY, what the engine was asked; candidates: the masks it offered, best first;
    choice: which of them was taken. path: the line of a stroke, or the corners of a polygon; radius: of a stroke, in
    pixels. edge_aware: the stroke stopped at strong borders, of the polygon only what is wall was taken. protect: what
    it added left other painted walls alone. found: the kind that the region is all of, such as "wall"; "" for none.
    """

    kind: StepKind
    mode: CombineMode = "union"
    region: int | None = None
    points: tuple[tuple[float, float, int], ...] = ()
    box: tuple[float, float, float, float] | None = None
    candidates: tuple[int, ...] = ()
    choice: int = 0
    path: Line = ()
    radius: float = 0.0
    edge_aware: bool = False
    protect: bool = False
    found: str = ""

    def __post_init__(self) -> None:
        if self.kind not in STEP_KINDS:
            raise InvalidInput(f"kind must be one of {', '.join(STEP_KINDS)}", "kind")
        if self.mode not in COMBINE_MODES:
            raise InvalidInput(f"mode must be one of {', '.join(COMBINE_MODES)}", "mode")
        if not isinstance(self.edge_aware, bool) or not isinstance(self.protect, bool):
            raise InvalidInput("edge_aware and protect must be true or false", "protect")
        object.__setattr__(self, "found", text(self.found, "found", 40))
        if len(self.path) > MAX_PATH:
            raise InvalidInput(f"path must have at most {MAX_PATH} points", "path")
        object.__setattr__(self, "path", tuple((_pixel(x), _pixel(y)) for x, y in self.path))
        object.__setattr__(self, "radius", number(self.radius, "radius", 0, MAX_RADIUS))

    @classmethod
    def asked(
        cls, prompts: Prompts, mode: CombineMode, candidates: tuple[int, ...], region: int, protect: bool = False
    ) -> Step:
        """What an engine answered prompts with."""
        pairs = zip(prompts.point_coords.tolist(), prompts.point_labels.tolist(), strict=True)
        points = tuple((x, y, label) for (x, y), label in pairs)
        box = None if prompts.box is None else tuple(prompts.box.tolist())
        choice = candidates.index(region) if region in candidates else 0
        return cls("prompts", mode, region, points, box, candidates, choice, protect=protect)

    @property
    def prompts(self) -> Prompts | None:
        """What the engine was asked, less a mask prompt; None when that is nothing."""
        if not self.points and self.box is None:
            return None
        coords, labels = [(x, y) for x, y, _ in self.points], [label for _, _, label in self.points]
        return Prompts(coords, labels, self.box)  # type: ignore[arg-type]  # Prompts makes arrays of them


def _pixel(value: object) -> float:
    return round(number(value, "path", -1e6, 1e6), 2)


@dataclass(frozen=True)
class Layer:
    """A mask with paint on it: a painted wall. A picture is a photo and its layers, painted in their order.

    color: RGB, 0-255. opacity: 0 (nothing) to 1 (no trace of the old hue). mode: "realistic" keeps the
    light, shadow and texture of the wall; "flat" is the colour itself; "multiply" only darkens. light: exposure of
    the paint, 1 as found. shadow: below 1 softer shadows, above 1 deeper. mask_id: the mask's number in its session,
    -1 when it has none. id: the layer's own number in its session, never given twice; -1 when it has none. steps: what
    its shape was made of, () when only the mask is known. tie: layers of one number other than 0 lie on one old paint
    and are analysed as one wall.
    """

    mask: Mask
    color: tuple[int, int, int]
    opacity: float = 1.0
    mode: PaintMode = "realistic"
    name: str = ""
    visible: bool = True
    light: float = 1.0
    shadow: float = 1.0
    mask_id: int = -1
    id: int = -1
    steps: tuple[Step, ...] = ()
    tie: int = 0

    def __post_init__(self) -> None:
        if len(tuple(self.color)) != 3:
            raise InvalidInput("color must be (red, green, blue)", "color")
        object.__setattr__(self, "color", tuple(whole_number(v, "color", 0, 255) for v in self.color))
        object.__setattr__(self, "opacity", number(self.opacity, "opacity", 0, 1))
        object.__setattr__(self, "light", number(self.light, "light", 0.25, 4))
        object.__setattr__(self, "shadow", number(self.shadow, "shadow", 0, 2))
        if self.mode not in PAINT_MODES:
            raise InvalidInput(f"mode must be one of {', '.join(PAINT_MODES)}", "mode")
        object.__setattr__(self, "name", text(self.name, "name", 200))
        if not isinstance(self.visible, bool):
            raise InvalidInput("visible must be true or false", "visible")
        object.__setattr__(self, "tie", whole_number(self.tie, "tie", 0, 2**31))


@dataclass(frozen=True)
class Coat:
    """Paint to put on a mask: what a `Layer` is made of.

    mask_id: the mask of the session, or rle: a new one that somebody brings along; neither for the wall that is
    chosen. color: (red, green, blue) of 0-255, or what `Studio.color` reads, such as "#b5c7a3" or a paint's name. name:
    of the new layer, "" for a free one such as "Wall 2". The rest is as in `Layer`.
    """

    color: tuple[int, int, int] | str
    mask_id: int | None = None
    rle: RLE | None = None
    opacity: float = 1.0
    mode: PaintMode = "realistic"
    light: float = 1.0
    shadow: float = 1.0
    visible: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        if self.mask_id is not None and self.rle is not None:
            raise InvalidInput("give either mask_id or mask", "mask_id")


@dataclass(frozen=True)
class Paint:
    """A colour with a name. rgb: 0-255 each. code, brand: of its maker, such as "RAL 9010" and "RAL"; "" for none."""

    name: str
    rgb: tuple[int, int, int]
    code: str = ""
    brand: str = ""

    def __post_init__(self) -> None:
        for what, least in (("code", 0), ("brand", 0), ("name", 1)):
            value = text(getattr(self, what), f"a paint's {what}", 80, least=least, field="palette")
            object.__setattr__(self, what, value)
        if len(self.rgb) != 3:
            raise InvalidInput("a paint must be (red, green, blue)", "palette")
        object.__setattr__(self, "rgb", tuple(whole_number(v, "palette", 0, 255) for v in self.rgb))


MAX_PAINTS = 4096
"""Of one palette."""


@dataclass(frozen=True)
class Palette:
    """Paints to choose from. name: what people know it by, such as its file's name."""

    name: str
    paints: tuple[Paint, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidInput("a palette's name must be text", "palette")
        object.__setattr__(self, "name", text(self.name[:200], "a palette's name", 200, field="palette"))
        if not 0 < len(self.paints) <= MAX_PAINTS:
            raise InvalidInput(f"a palette has 1 to {MAX_PAINTS} colours, not {len(self.paints)}", "palette")


@dataclass(frozen=True)
class Selection:
    """The wall that is chosen: what the next step changes and the next paint goes on.

    mask_id: its mask, None when nothing is chosen. steps: what its shape was made of. layer: the id of the painted
    layer it is, None while it has no paint. base: its mask before the last step, None when that was the first.
    """

    mask_id: int | None = None
    steps: tuple[Step, ...] = ()
    layer: int | None = None
    base: int | None = None

    @property
    def candidates(self) -> tuple[int, ...]:
        """Masks the engine offered for the last step, best first."""
        return self.steps[-1].candidates if self.steps else ()

    @property
    def choice(self) -> int:
        """Which of the candidates was taken."""
        return self.steps[-1].choice if self.steps else 0

    @property
    def points(self) -> tuple[tuple[float, float, int], ...]:
        """(x, y, label) of every click in the steps; those of steps that take away are labelled 0."""
        return tuple(
            (x, y, 0 if step.mode == "subtract" else label) for step in self.steps for x, y, label in step.points
        )

    @property
    def prompts(self) -> Prompts | None:
        """Every one of the `points`, and the last box; None when there are none."""
        box = next((step.box for step in reversed(self.steps) if step.box is not None), None)
        return Step("prompts", points=self.points, box=box).prompts


@dataclass(frozen=True)
class Scheme:
    """One variant of all paints of a photo, such as "A". coats: how it paints the layers, by a layer's id; a layer it
    does not name keeps the paint it has. The scheme that is shown says nothing here: the layers have its paint."""

    id: int
    name: str
    coats: Mapping[int, Coat] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", text(self.name, "a scheme's name", 80, least=1, field="name"))


@dataclass(frozen=True, eq=False)
class Canvas:
    """What undo and redo travel through. schemes: () until there are two; scheme: the id of the one that is shown."""

    selection: Selection = field(default_factory=Selection)
    layers: tuple[Layer, ...] = ()
    schemes: tuple[Scheme, ...] = ()
    scheme: int = 0


@dataclass(frozen=True, eq=False)
class Session:
    """What one person has done to one photo: a snapshot; `sessions.edit` makes the next one.

    masks: every mask of the session by its id; ids count up from 0 and are never given twice. made: ids of those that
    steps of walls made. automatic: ids found by the last "every mask", largest first. palette: paints somebody brought
    along. next_layer: the id of the next new layer. can_undo, can_redo: names of the actions, "" for none. created_at,
    used_at: Unix seconds. revision: counts up with each change. notes: what there is to say about the file it was
    opened from, in the session that opening gives only.
    """

    id: str
    name: str
    digest: str
    size: tuple[int, int]
    masks: Mapping[int, Mask] = field(default_factory=lambda: MappingProxyType({}))
    made: frozenset[int] = frozenset()
    automatic: tuple[int, ...] = ()
    palette: Palette | None = None
    canvas: Canvas = field(default_factory=Canvas)
    next_layer: int = 0
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

    def layer(self, layer_id: int) -> Layer:
        """The layer with this id; LayerNotFound otherwise."""
        if isinstance(layer_id, bool) or not isinstance(layer_id, int):
            raise LayerNotFound("layer_id must be a whole number.")
        for layer in self.layers:
            if layer.id == layer_id:
                return layer
        known = ", ".join(str(layer.id) for layer in self.layers[:20]) or "none"
        raise LayerNotFound(f"No layer {layer_id} in this session; it has {known}.")

    @property
    def chosen(self) -> Layer | None:
        """The painted wall that is chosen."""
        return next((layer for layer in self.layers if layer.id == self.selection.layer), None)
