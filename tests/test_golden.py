"""The values that the page's scripts are checked against (tests/page/paint-tables.json) are the painter's own.

python tests/test_golden.py    writes them anew
"""

from __future__ import annotations

import json
from importlib import import_module
from itertools import product
from pathlib import Path

import numpy as np

from sam2_painter.paint.srgb import linear_to_srgb
from sam2_painter.paint.surface import WHITE_WALL_LIGHT
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import PAINT_MODES, Layer, Mask

composite = import_module("sam2_painter.paint.composite")  # the package names its function alike
FILE = Path(__file__).with_name("page") / "paint-tables.json"
WAYS = ((1.0, 1.0), (0.5, 1.0), (1.5, 0.4), (1.0, 2.0))  # light, shadow


def tables() -> list[dict]:
    """What codes of a wall become when it is painted: of the white wall, or for "multiply" of the photo."""
    codes = np.arange(0, 256, 15, dtype=np.uint8)
    shown = np.round(255 * linear_to_srgb(np.minimum(WHITE_WALL_LIGHT, 1))).astype(int)  # as the browser gets them
    found = []
    for mode, color, (light, shadow) in product(PAINT_MODES, (8, 120, 250), WAYS):
        layer = Layer(Mask(mask_to_rle(np.ones((1, 1), bool))), (color,) * 3, 1.0, mode, light=light, shadow=shadow)
        grey = np.repeat(codes[None, :, None], 3, axis=2)
        painted = composite._paint(grey, grey, layer)[0, :, 0]
        given = shown[codes] if mode == "realistic" else codes
        pairs = {int(code): int(to) for code, to in zip(given, painted, strict=True) if code < 255}
        found.append(dict(mode=mode, color=color, light=light, shadow=shadow, codes=sorted(pairs.items())))
    return found


def test_the_scripts_are_checked_against_this_painter():
    """Whoever changes how a wall is covered changes what the browser is held to."""
    assert json.loads(FILE.read_text()) == json.loads(json.dumps(tables()))


if __name__ == "__main__":
    FILE.write_text(json.dumps(tables()) + "\n")
