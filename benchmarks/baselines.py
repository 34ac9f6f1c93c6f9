"""What one would try first: flood fill, GrabCut, and felzenszwalb with a region graph, spoken to like an engine.

They are here to be compared with, not to be good products: they answer points only.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from sam2_painter.rle import mask_to_rle
from sam2_painter.types import AutoMask, Embedding, Mask, Photo, Prompts


class Baseline:
    """Keeps the pixels as the embedding and turns boolean arrays into masks."""

    title = "Baseline"

    @property
    def name(self) -> str:
        """The class's own name."""
        return type(self).__name__

    def embed(self, photo: Photo) -> Embedding:
        """The photo, prepared."""
        return Embedding(photo.digest, self.name, photo.size, self.prepare(photo.pixels), photo.pixels.nbytes)

    def predict(self, embedding: Embedding, prompts: Prompts) -> list[Mask]:
        """One mask for each of three tolerances."""
        coords, positive = prompts.point_coords.astype(int).tolist(), prompts.point_labels == 1
        points = [(x, y, good) for (x, y), good in zip(coords, positive, strict=True)]
        return [Mask(mask_to_rle(mask)) for mask in self.answer(embedding.features, points)]

    def generate(self, photo: Photo, embedding: Embedding, options: AutoMask, progress=None) -> list[Mask]:
        """The answers to a 16x16 grid of clicks, each area once."""
        height, width = photo.size
        taken, found = np.zeros(photo.size, bool), []
        for y in ((np.arange(16) + 0.5) / 16 * height).astype(int):
            for x in ((np.arange(16) + 0.5) / 16 * width).astype(int):
                if not taken[y, x]:
                    mask = next(self.answer(embedding.features, [(int(x), int(y), True)]))
                    taken |= mask
                    found.append(Mask(mask_to_rle(mask)))
        return found


class FloodFill(Baseline):
    """cv2.floodFill in Lab: fills of the positive points minus fills of the negative ones."""

    title = "Flood fill"

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """Smoothed Lab."""
        return cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), 1.2), cv2.COLOR_RGB2Lab)

    def answer(self, lab: np.ndarray, points: list) -> Iterator[np.ndarray]:
        """Three tolerances."""
        flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
        for tolerance in (14, 7, 24):
            mask = np.zeros(lab.shape[:2], bool)
            for x, y, positive in points:
                filled = np.zeros((lab.shape[0] + 2, lab.shape[1] + 2), np.uint8)
                cv2.floodFill(lab.copy(), filled, (x, y), 0, (tolerance,) * 3, (tolerance,) * 3, flags)
                mask = mask | (filled[1:-1, 1:-1] > 0) if positive else mask & (filled[1:-1, 1:-1] == 0)
            yield cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0


class GrabCut(Baseline):
    """cv2.grabCut on a small copy: discs of probable foreground round the positive points."""

    title = "GrabCut"

    def prepare(self, pixels: np.ndarray) -> tuple[np.ndarray, float, tuple[int, int]]:
        """At 320 px."""
        scale = 320 / max(pixels.shape[:2])
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return small, scale, pixels.shape[:2]

    def answer(self, prepared: tuple, points: list) -> Iterator[np.ndarray]:
        """Three radii for the first click, one for the next."""
        small, scale, (height, width) = prepared
        at = [(int(x * scale), int(y * scale), positive) for x, y, positive in points]
        for radius in (0.12, 0.05, 0.3) if len(points) == 1 else (0.12,):
            hints = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
            for x, y, positive in at:
                if positive:
                    cv2.circle(hints, (x, y), int(radius * 320), cv2.GC_PR_FGD, -1)
            for x, y, positive in at:
                cv2.circle(hints, (x, y), 3, cv2.GC_FGD if positive else cv2.GC_BGD, -1)
            if (hints % 2 == 0).any():
                cv2.setRNGSeed(0)
                cv2.grabCut(small, hints, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
            parts = cv2.connectedComponents((hints % 2).astype(np.uint8))[1]
            wanted = [parts[min(y, len(parts) - 1), min(x, parts.shape[1] - 1)] for x, y, positive in at if positive]
            mask = np.isin(parts, [part for part in wanted if part])
            yield cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0


class Felzenszwalb(Baseline):
    """felzenszwalb's regions, joined in a mean-colour region graph at three thresholds."""

    title = "Felzenszwalb + region graph"

    def prepare(self, pixels: np.ndarray) -> tuple[list[np.ndarray], float, tuple[int, int]]:
        """Label maps at 512 px."""
        from skimage.graph import cut_threshold, rag_mean_color
        from skimage.segmentation import felzenszwalb

        scale = min(1.0, 512 / max(pixels.shape[:2]))
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        labels = felzenszwalb(small, scale=100, sigma=0.8, min_size=40)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
        graph = rag_mean_color(lab, labels)
        return [cut_threshold(labels, graph, t, in_place=False) for t in (8, 4, 14)], scale, pixels.shape[:2]

    def answer(self, prepared: tuple, points: list) -> Iterator[np.ndarray]:
        """The joined regions under the positive points, less those under the negative ones."""
        maps, scale, (height, width) = prepared
        for labels in maps:
            mask = np.zeros(labels.shape, bool)
            for x, y, positive in points:
                region = (
                    labels == labels[min(int(y * scale), len(labels) - 1), min(int(x * scale), labels.shape[1] - 1)]
                )
                mask = mask | region if positive else mask & ~region
            yield cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0


BASELINES = {"flood": FloodFill, "grabcut": GrabCut, "felzenszwalb": Felzenszwalb}
