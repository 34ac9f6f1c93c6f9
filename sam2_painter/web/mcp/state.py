"""What a tool answers: the work as it stands, in a few hundred bytes, and pictures of it.

All places are pixels of the picture that `look` shows, at most LOOK_SIDE on the long side: what a model sees is what it
points at.
"""

from __future__ import annotations

import numpy as np
from typing_extensions import TypedDict

from ...errors import InvalidInput
from ...masks.operations import sample_rle
from ...paint.colors import to_hex
from ...photos import images
from ...rle import RLE, rle_to_mask
from ...studio.studio import Studio
from ...types import Session, fit_size

LOOK_SIDE, LOOK_BYTES = 1024, 150_000
MOST_WALLS = 12  # told in one answer; there is room for no more in 2 kB
TINT = np.array([255, 0, 150], np.float32)


class Selection(TypedDict):
    """What is selected. share: of the picture, 0 to 1. box: [x1, y1, x2, y2]. layer_id: null while it has no paint.
    sizes: shares of the engine's other answers to the last step, the smallest first (`resize` takes them)."""

    share: float
    box: list[int]
    layer_id: int | None
    sizes: list[float]


class Wall(TypedDict):
    """A painted wall."""

    layer_id: int
    name: str
    color: str
    share: float
    box: list[int]
    visible: bool


class State(TypedDict):
    """The work as it stands. walls: painted ones, the one on top last. size: [width, height] of what `look` shows."""

    session_id: str
    photo: str
    size: list[int]
    selection: Selection | None
    walls: list[Wall]
    walls_left_out: int
    can_undo: str
    can_redo: str
    message: str


def of(studio: Studio, session: Session, message: str) -> State:
    """What is told of a session."""
    height, width = fit_size(session.size, LOOK_SIDE)
    shown = session.layers[-MOST_WALLS:]
    return {
        "session_id": session.id,
        "photo": f"{session.name[:80]} ({session.size[1]}x{session.size[0]})",
        "size": [width, height],
        "selection": _selection(studio, session),
        "walls": [
            {
                "layer_id": layer.id,
                "name": layer.name[:40],
                "color": to_hex(layer.color),
                "share": _share(layer.mask.rle),
                "box": _box(layer.mask.rle),
                "visible": layer.visible,
            }
            for layer in shown
        ],
        "walls_left_out": len(session.layers) - len(shown),
        "can_undo": session.can_undo[:60],
        "can_redo": session.can_redo[:60],
        "message": message,
    }


def _selection(studio: Studio, session: Session) -> Selection | None:
    selection = session.selection
    if selection.mask_id is None:
        return None
    rle = session.mask(selection.mask_id).rle
    sizes = [round(answer.area, 3) for answer in studio.answers(session)]
    return {"share": _share(rle), "box": _box(rle), "layer_id": selection.layer, "sizes": sizes}


def _share(rle: RLE) -> float:
    return round(rle.area / (rle.size[0] * rle.size[1]), 3)


def _box(rle: RLE) -> list[int]:
    x, y, w, h = rle.bbox
    times = min(1.0, LOOK_SIDE / max(rle.size))
    return [round(edge * times) for edge in (x, y, x + w, y + h)]


def scale(session: Session) -> float:
    """Pixels of the photo to one of the picture that is looked at."""
    return max(1.0, max(session.size) / LOOK_SIDE)


def in_photo(session: Session, x: float, y: float) -> tuple[float, float]:
    """A place of the picture that is looked at, in pixels of the photo. Raises InvalidInput in the former's pixels."""
    height, width = fit_size(session.size, LOOK_SIDE)
    if not (0 <= x <= width and 0 <= y <= height):
        raise InvalidInput(f"({x:g}, {y:g}) is outside the picture that look shows: it is {width}x{height}.", "x")
    times = scale(session)
    return x * times, y * times


def picture(studio: Studio, session: Session, painted: bool, selected: bool) -> bytes:
    """JPEG of the photo, painted or not, at most LOOK_SIDE and LOOK_BYTES; what is selected is tinted pink."""
    pixels = studio.painted(session, None if painted else (), LOOK_SIDE)
    mask_id = session.selection.mask_id
    if selected and mask_id is not None:
        inside = rle_to_mask(sample_rle(session.mask(mask_id).rle, pixels.shape[:2]))
        pixels = pixels.copy()
        pixels[inside] = (pixels[inside] * 0.5 + TINT * 0.5).astype(np.uint8)
    return small_enough(pixels)


def shape(session: Session, layer_id: int | None = None) -> RLE | None:
    """What is selected, None for nothing; or a painted wall."""
    if layer_id is not None:
        return session.layer(layer_id).mask.rle
    mask_id = session.selection.mask_id
    return None if mask_id is None else session.mask(mask_id).rle


def small_enough(pixels: np.ndarray) -> bytes:
    """(H, W, 3) uint8 as a JPEG of at most LOOK_SIDE and LOOK_BYTES."""
    for side in (LOOK_SIDE, 800, 640):
        for quality in (88, 75, 60):
            data = images.encode(images.fit(pixels, side), "JPEG", quality)
            if len(data) <= LOOK_BYTES:
                return data
    return data
