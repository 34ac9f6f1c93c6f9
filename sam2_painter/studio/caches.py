"""What a studio remembers of photos so as not to work it out twice. All of it can be lost at any moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import paint
from ..jobs.cache import Cache, CacheStatus
from ..photos import images
from ..photos.picture import DECODING
from ..rle import RLE
from ..settings import CacheSizes
from ..types import Embedding, Layer, Mask, Photo, fit_size

ANALYSIS_BYTES = 24
"""That `paint.analyse` takes for each pixel of a wall's box, at its most."""


class Painted(NamedTuple):
    """A picture, and the layers on it."""

    layers: tuple[Layer, ...]
    pixels: np.ndarray


class Caches:
    """Opened photos, embeddings, answers of the engine, analysed walls, painted pictures: a cache each.

    Every key begins with the digest of the photo it is about.
    """

    def __init__(self, sizes: CacheSizes):
        self.photos: Cache[Photo] = Cache(sizes.photos, lambda photo: photo.pixels.nbytes)
        self.embeddings: Cache[Embedding] = Cache(sizes.embeddings, lambda embedding: embedding.nbytes)
        self.masks: Cache[tuple[Mask, ...]] = Cache(sizes.masks, _mask_bytes)
        self.surfaces: Cache[paint.Surface] = Cache(sizes.surfaces, lambda surface: surface.nbytes)
        self.pictures: Cache[Painted] = Cache(sizes.pictures, lambda painted: painted.pixels.nbytes)

    def surface(self, photo: Photo, rle: RLE, max_side: int | None = None, wall: RLE | None = None) -> paint.Surface:
        """`paint.analyse`, remembered; a wall is analysed once, whatever sizes it is shown at."""

        def analyse() -> paint.Surface:
            if max_side is None:
                _, _, width, height = rle.bbox
                with DECODING.take(width * height * ANALYSIS_BYTES):
                    return paint.analyse(photo, rle, wall=wall)
            return self.surface(photo, rle, wall=wall).fit(photo, fit_size(photo.size, max_side))

        return self.surfaces.get((photo.digest, rle, max_side, wall), analyse).value

    def painted(self, photo: Photo, layers: Sequence[Layer], max_side: int | None = None) -> np.ndarray:
        """`paint.composite`, read-only; only the box that differs from the photo's last picture is painted anew."""
        key, layers = (photo.digest, max_side), tuple(layers)
        before = self.pictures.peek(key)
        if before is None:
            picture = paint.composite(photo, layers, analyse=self.surface, max_side=max_side)
        else:
            box = paint.changed_box(before.layers, layers, photo.size, max_side)
            picture = before.pixels.copy()
            if box[2]:
                base = images.fit(photo.pixels, max_side) if max_side else photo.pixels
                paint.repaint(picture, base, photo, layers, box, analyse=self.surface, max_side=max_side)
        picture.flags.writeable = False
        self.pictures.put(key, Painted(layers, picture))
        return picture

    def forget(self, digest: str | None = None) -> None:
        """Everything about one photo, or about all."""
        self._clear(lambda key: digest in (None, key[0]))  # type: ignore[index]

    def keep_owned(self, owned: Callable[[], Collection[str]]) -> None:
        """Forget the photos whose digests `owned` does not name. What is remembered only after `owned` was asked stays:
        it is of photos that were opened meanwhile."""
        noted = {key for cache in self._caches().values() for key in cache.kept()}
        digests = owned()
        self._clear(lambda key: key in noted and key[0] not in digests)  # type: ignore[index]

    def _clear(self, which: Callable[[Hashable], bool]) -> None:
        for cache in self._caches().values():
            cache.clear(which)

    def status(self) -> dict[str, CacheStatus]:
        """How full each cache is, by name."""
        return {name: cache.status() for name, cache in self._caches().items()}

    def digests(self) -> set[str]:
        """Of the photos an embedding or masks are remembered for."""
        return {key[0] for cache in (self.masks, self.embeddings) for key in cache.kept()}  # type: ignore[index]

    def mask_count(self) -> int:
        """How many masks the remembered answers hold."""
        return sum(len(self.masks.peek(key) or ()) for key in self.masks.kept())

    def _caches(self) -> dict[str, Cache[Any]]:
        return vars(self)


def _mask_bytes(found: tuple[Mask, ...]) -> int:
    return 64 + sum(400 + mask.rle.nbytes for mask in found)
