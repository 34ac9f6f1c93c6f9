"""What all verbs share: the engine, the session store and the caches between them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..engines import Engine
from ..engines.guarded import GuardedEngine
from ..errors import NotAnImage, PainterError, StorageError
from ..jobs.background import Background
from ..jobs.cache import CacheStatus, Found
from ..jobs.deadline import Deadline, check, current
from ..jobs.semaphore import Semaphore
from ..paint.surface import Surface
from ..photos import images
from ..rle import RLE
from ..sessions.store import SessionStore
from ..settings import CacheSizes, Limits
from ..types import Embedding, Mask, Palette, Photo, Prompts, Session
from .caches import Caches
from .verb import verb

READ_AHEAD = 2  # photos read in the background at once; a few more may wait, the rest is read when asked about
SMALL_BOX = 1 / 50
"""Of the photo's long side: a box up to this size points at what lies under its middle."""

_LEAST_SMALL = 48  # pixels: in a small photo, too
_DAMAGED = "The photo of this session is damaged on disk. Open it again."


class Core:
    """One engine, one session store and the caches between them. Thread-safe.

    reason: why this engine, for page, health and log. palette: the paints of sessions that brought none along, ours by
    default.
    """

    def __init__(
        self,
        engine: Engine,
        sessions: SessionStore,
        *,
        reason: str = "",
        finder: Engine | None = None,
        limits: Limits | None = None,
        max_file_size: int = 50 * 2**20,
        max_pixels: int = 80_000_000,
        caches: CacheSizes | None = None,
        queue_size: int = 64,
        palette: Palette | None = None,
    ):
        self.engine, self.sessions, self.reason = engine, sessions, reason
        self.limits = limits or Limits()
        self.max_file_size, self.max_pixels = max_file_size, max_pixels
        self._guarded = GuardedEngine(engine)
        self.finder = engine if finder is None else finder
        self._guarded_finder = self._guarded if self.finder is engine else GuardedEngine(self.finder)
        self._palette = palette
        self._caches = Caches(caches or CacheSizes())
        self._generating = Semaphore(1, queue_size)  # one at a time: it takes seconds, and clicks must not wait for it
        self.reading = Background(READ_AHEAD, 4 * READ_AHEAD, "read ahead")
        self._running: defaultdict[str, set[Deadline]] = defaultdict(set)  # by session, for cancel()
        self._running_guard = threading.Lock()

    # -- the photo ---------------------------------------------------------------------------------------------------

    def photo_of(self, session: Session) -> Photo:
        """The session's photo, opened (again, if memory had no room for it)."""

        def reopen() -> Photo:
            data = self.sessions.read_photo(session)
            try:  # within the limits of the day it came
                photo = images.open_photo(data, session.name, max_bytes=2**62, max_pixels=2**62)
            except NotAnImage as error:
                raise StorageError(_DAMAGED) from error
            if photo.digest != session.digest:
                raise StorageError(_DAMAGED)
            return photo

        return self._caches.photos.get((session.digest,), reopen).value

    def surface(self, photo: Photo, rle: RLE, max_side: int | None = None, wall: RLE | None = None) -> Surface:
        """`paint.analyse`, remembered."""
        return self._caches.surface(photo, rle, max_side, wall)

    # -- the engine --------------------------------------------------------------------------------------------------

    @verb("segment")
    def embed(self, session_id: str) -> Found[Embedding]:
        """Let the engine read the photo now, so that the first click is quick."""
        return self._embedding(self.sessions.get(session_id))

    def read_ahead(self, session_id: str, *, clicks: bool = False) -> None:
        """`embed` in the background, if the engine wants to (`Engine`) or a person is about to click. Returns at once
        and raises nothing: an engine that cannot read the photo tells so at the first question about it."""
        if clicks or getattr(self.engine, "reads_ahead", False):
            self.reading.submit(lambda: self._read_ahead(session_id))

    def _read_ahead(self, session_id: str) -> None:
        with suppress(PainterError):  # its line is in the log
            self.embed(session_id)

    def _embedding(self, session: Session) -> Found[Embedding]:
        return self._read_by(self._guarded, self.engine.name, session)

    def _read_by(self, engine: GuardedEngine, name: str, session: Session) -> Found[Embedding]:
        """The engine's reading of a session's photo, which is opened only if it has not read it."""
        return self._caches.embeddings.get((session.digest, name), lambda: engine.embed(self.photo_of(session)))

    def _found(self, session: Session, category: str, point: tuple[float, float] | None) -> tuple[Mask, ...]:
        """All of a category, of all buildings or the one at a point, from whoever knows what things are: the engine, or
        the one beside it.
        """

        def find() -> tuple[Mask, ...]:
            embedding = self._read_by(self._guarded_finder, self.finder.name, session).value
            return self._guarded_finder.find(embedding, category, point)

        return self._caches.masks.get((session.digest, "find", self.finder.name, category, point), find).value

    def _predicted(self, session: Session, prompts: Prompts) -> Found[tuple[Mask, ...]]:
        """The engine's answers, best first. A box alone is answered with masks that have to do with it: one far from
        it, or beside the middle of a small one, is no answer."""
        found = self._asked(session, prompts)
        if prompts.box is None or len(prompts.point_coords) or prompts.mask_input is not None:
            return found
        x1, y1, x2, y2 = prompts.box.tolist()
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        small = max(x2 - x1, y2 - y1) <= max(_LEAST_SMALL, SMALL_BOX * max(session.size))
        if small:
            fitting = tuple(mask for mask in found.value if mask.rle.contains(int(x), int(y)))
        else:
            fitting = tuple(mask for mask in found.value if _meet(mask.bbox, (x1, y1, x2, y2)))
        if fitting:
            return Found(fitting, found.cached)
        return self._asked(session, Prompts.click(x, y))

    def _asked(self, session: Session, prompts: Prompts) -> Found[tuple[Mask, ...]]:
        prompts.check_inside(session.size)

        def compute() -> tuple[Mask, ...]:
            embedding = self._embedding(session).value
            check()
            return self._guarded.predict(embedding, prompts)

        return self._caches.masks.get((session.digest, "predict", self.engine.name, prompts.key), compute)

    @property
    def categories(self) -> tuple[str, ...]:
        """What `find` understands; empty when neither the engine nor the one beside it names things."""
        return tuple(getattr(self.finder, "categories", ()))

    def kind_named(self, word: str) -> str:
        """The category somebody means by "Walls" or "windows"; the word itself where it is none."""
        return next((kind for kind in self.categories if str(word).strip().lower() in (kind, f"{kind}s")), word)

    @property
    def status(self) -> str:
        """ "healthy", or "degraded" when the engine gave no answer the last time."""
        return "degraded" if self.engine_trouble else "healthy"

    @property
    def engine_trouble(self) -> str | None:
        """What went wrong when the engine was asked last; "" when it answered, None before anything was asked."""
        return self._guarded.trouble

    # -- work under way ----------------------------------------------------------------------------------------------

    def cancel(self, session_id: str) -> bool:
        """Stop what is running for this session; whether there was anything."""
        with self._running_guard:
            running = list(self._running.get(session_id, ()))
        for job in running:
            job.cancel()
        return bool(running)

    @contextmanager
    def _cancellable(self, session_id: str) -> Iterator[None]:
        job = current()
        assert job is not None  # every verb works under one
        with self._running_guard:
            self._running[session_id].add(job)
        try:
            yield
        finally:
            with self._running_guard:
                self._running[session_id].discard(job)
                if not self._running[session_id]:
                    del self._running[session_id]

    # -- the caches --------------------------------------------------------------------------------------------------

    def clear_cache(self, session_id: str | None = None) -> None:
        """Forget what can be computed again, of one session's photo or of all."""
        self._caches.forget(None if session_id is None else self.sessions.get(session_id).digest)

    def cache_status(self) -> dict[str, CacheStatus]:
        """How full each cache is."""
        return self._caches.status()

    def cached_digests(self) -> set[str]:
        """Digests of the photos an embedding or masks are remembered for."""
        return self._caches.digests()

    def cached_masks(self) -> int:
        """How many masks the remembered answers hold."""
        return self._caches.mask_count()


def _meet(bbox: tuple[int, int, int, int], box: tuple[float, float, float, float]) -> bool:
    """Whether a mask's box (XYWH) and a box (XYXY) share anything."""
    x, y, w, h = bbox
    return x < box[2] and box[0] < x + w and y < box[3] and box[1] < y + h
