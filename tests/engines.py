"""A fast engine for tests: floods by colour, knows no weights, always answers the same."""

from __future__ import annotations

import threading
import time

import numpy as np
from scipy import ndimage

from sam2_painter.engines import Progress, no_progress
from sam2_painter.errors import PainterError
from sam2_painter.rle import mask_to_rle
from sam2_painter.types import AutoMask, Embedding, Mask, Photo, Prompts


class FloodEngine:
    """Regions of one colour. It counts what it is asked. wait: seconds every answer takes; it tells its progress at
    least ten times a second. stopped: the error that stopped it last."""

    name = "flood/1"
    title = "Flood engine"
    categories = ()

    def __init__(self, wait: float = 0.0):
        self.wait = wait
        self.asked: dict[str, int] = {"embed": 0, "predict": 0, "generate": 0}
        self.stopped = ""
        self._guard = threading.Lock()

    def embed(self, photo: Photo) -> Embedding:
        """The pixels themselves, coarse enough for flat regions to be one colour each."""
        self._count("embed")
        labels = _regions(photo.pixels // 16)
        return Embedding(photo.digest, self.name, photo.size, labels, labels.nbytes)

    def predict(self, embedding: Embedding, prompts: Prompts) -> list[Mask]:
        """The mask given and the regions under foreground points, less those under background points; a box cuts, or is
        the mask."""
        self._count("predict")
        labels = embedding.features
        inside = np.zeros(labels.shape, bool)
        if prompts.mask_input is not None and prompts.mask_input.ndim == 2:
            inside |= prompts.mask_input
        for (x, y), label in zip(prompts.point_coords.astype(int), prompts.point_labels, strict=True):
            region = labels == labels[y, x]
            inside = inside | region if label else inside & ~region
        if prompts.box is not None:
            x1, y1, x2, y2 = prompts.box.astype(int)
            box = np.zeros(labels.shape, bool)
            box[y1:y2, x1:x2] = True
            inside = inside & box if inside.any() else box
        points = tuple((float(x), float(y)) for x, y in prompts.point_coords)
        wider = ndimage.binary_dilation(inside)
        return [Mask(mask_to_rle(inside), 0.95, 0.97, points), Mask(mask_to_rle(wider), 0.8, 0.9, points)]

    def generate(
        self, photo: Photo, embedding: Embedding, options: AutoMask, progress: Progress = no_progress
    ) -> list[Mask]:
        """Every region larger than what a grid of points_per_side would miss, largest first."""
        self._count("generate", progress)
        labels = embedding.features
        sizes = np.bincount(labels.ravel())
        least = max(1, labels.size // (options.points_per_side * 64), options.min_mask_region_area)
        kept = [label for label in np.argsort(-sizes, kind="stable") if sizes[label] >= least]
        return [Mask(mask_to_rle(labels == label), 0.9, 0.96) for label in kept]

    def _count(self, what: str, progress: Progress = no_progress) -> None:
        with self._guard:
            self.asked[what] += 1
        if what == "embed":
            return
        steps = max(10, round(10 * self.wait))
        for step in range(steps):
            time.sleep(self.wait / steps)
            try:
                progress(step / steps)
            except PainterError as error:
                self.stopped = type(error).__name__
                raise


class NamingEngine(FloodEngine):
    """Knows the parts of the drawn building by their colours, given by kind."""

    def __init__(self, colors: dict[str, tuple[int, int, int]]):
        super().__init__()
        self.categories = tuple(colors)
        self._colors, self._photos = colors, {}

    def embed(self, photo: Photo) -> Embedding:
        """The photo is remembered by its digest."""
        self._photos[photo.digest] = photo.pixels
        return super().embed(photo)

    def find(self, embedding: Embedding, category: str, point: tuple[float, float] | None = None) -> tuple[Mask, ...]:
        """Every pixel of the kind's colour; a building reaches 40 px to each side of the point."""
        inside = (self._photos[embedding.digest] == self._colors[category]).all(2)
        if point is not None:
            columns = np.arange(inside.shape[1])
            inside &= np.abs(columns - point[0]) <= 40
        return (Mask(mask_to_rle(inside), category=category, category_score=1.0),) if inside.any() else ()


class HeldEngine(FloodEngine):
    """Reads photos; every other answer waits for `let_go`."""

    def __init__(self):
        super().__init__()
        self.let_go = threading.Event()

    def _count(self, what: str, progress: Progress = no_progress) -> None:
        super()._count(what, progress)
        if what != "embed":
            self.let_go.wait(120)


def _regions(colors: np.ndarray) -> np.ndarray:
    """(H, W) int32: connected pixels of equal colour share a number."""
    code = colors[..., 0].astype(np.int32) * 65536 + colors[..., 1].astype(np.int32) * 256 + colors[..., 2]
    labels, start = np.zeros(code.shape, np.int32), 0
    for value in np.unique(code):
        parts, count = ndimage.label(code == value)
        labels = np.where(parts > 0, parts + start, labels)
        start += count
    return labels
