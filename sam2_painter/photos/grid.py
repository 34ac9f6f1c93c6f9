"""Pictures side by side, each with its label."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GAP, _TEXT = 0.02, 0.06  # of a picture's longer side
_SCREEN = 1.5  # width by height of what they are looked at on
_PAPER, _INK = (250, 250, 248), (40, 40, 46)


def grid(pictures: Sequence[tuple[str, np.ndarray]], max_side: int = 2400) -> np.ndarray:
    """(H, W, 3) uint8: pictures of one size, (h, w, 3) uint8 each, in rows that fill a screen, as large as
    max_side pixels allow.

    >>> grid([("Photo", np.zeros((600, 800, 3), np.uint8))] * 4, 400).shape
    (326, 400, 3)
    """
    height, width = pictures[0][1].shape[:2]
    gap, text = _GAP * max(height, width), _TEXT * max(height, width)

    def size_with(across: int) -> tuple[float, float]:
        down = math.ceil(len(pictures) / across)
        return down * (height + text) + (down + 1) * gap, across * width + (across + 1) * gap

    def room(across: int) -> float:  # the height of a screen that all of it fits on
        high, wide = size_with(across)
        return max(high, wide / _SCREEN)

    across = min(range(1, len(pictures) + 1), key=room)
    whole = size_with(across)
    scale = min(1.0, max_side / max(whole))
    sheet = Image.new("RGB", (round(whole[1] * scale), round(whole[0] * scale)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(max(8.0, text * scale * 0.6))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    for place, (label, pixels) in enumerate(pictures):
        row, column = divmod(place, across)
        x = round((gap + column * (width + gap)) * scale)
        y = round((gap + row * (height + text + gap)) * scale)
        sheet.paste(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0), (x, y))
        draw.text((x, y + size[1] + text * scale / 2), label, _INK, font, "lm")
    return np.asarray(sheet)
