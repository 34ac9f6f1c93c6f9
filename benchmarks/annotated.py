"""What benchmarks on annotated photos share: their arguments, the photos with the painter's truth, and a studio."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sam2_painter.engines import Engine
from sam2_painter.sessions.store import SessionStore
from sam2_painter.settings import Limits
from sam2_painter.studio.studio import Studio


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo and what is in it. photo: what the studio opens. labels: (H, W) region ids, 0 = not judged. regions: id,
    cls, paint, area and click of each, as the manifest has them.
    """

    name: str
    photo: Path | np.ndarray
    labels: np.ndarray
    regions: list[dict[str, Any]]


def photos(data: Path, split: str = "dev", every: int = 1, most: int | None = None) -> Iterator[Scene]:
    """The photos of DATA/painter/SPLIT by name, one of so `every`, at `most` so many."""
    folder = data / "painter" / split
    images = json.loads((folder / "manifest.json").read_text())["images"]
    for image in sorted(images, key=lambda image: image["name"])[::every][:most]:
        name = image["name"]
        labels = picture(folder / "labels" / f"{name}.png", cv2.IMREAD_UNCHANGED)
        yield Scene(name, data / split / "images" / f"{name}.jpg", labels, image["regions"])


def picture(path: Path, how: int = cv2.IMREAD_COLOR_RGB) -> np.ndarray:
    """What is in a file: (H, W, 3) uint8 RGB, or what `how` says. Raises FileNotFoundError."""
    pixels = cv2.imread(str(path), how)
    if pixels is None:
        raise FileNotFoundError(path)
    return pixels


def deepest(mask: np.ndarray) -> tuple[float, int, int]:
    """(depth, x, y) of the pixel that lies deepest in a mask (H, W) bool; depth 0 when it is empty."""
    depth = depths(mask)
    y, x = divmod(int(depth.argmax()), depth.shape[1])
    return float(depth[y, x]), x, y


def depths(mask: np.ndarray) -> np.ndarray:
    """(H, W) float32: how far each pixel is from the next one outside the mask; the photo's rim is outside."""
    deep: np.ndarray = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    return deep


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A command line that takes the folder of the photos; `BUILDINGS_DATA` is the default."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = os.environ.get("BUILDINGS_DATA")
    parser.add_argument(
        "data", type=Path, nargs="?" if known else None, default=known, help="folder of the photos (BUILDINGS_DATA)"
    )
    return parser


@contextmanager
def studio_with(engine: Engine) -> Iterator[Studio]:
    """A studio in a folder of its own, where a busy machine changes no answer."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = SessionStore(root / "u", root / "m", root / "r")
        yield Studio(engine, store, limits=Limits.all(3600.0))
        store.close()
