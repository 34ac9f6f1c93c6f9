"""Asks engines and trusts none of their answers: foreign errors, hangs and rubbish become ours here, and only here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import fields
from typing import TypeVar

from ..errors import Busy, Cancelled, EngineError, InvalidInput, PainterError, TimeLimitExceeded
from ..jobs import deadline
from ..jobs.priority import Threads
from ..types import AutoMask, Embedding, Mask, Photo, Prompts
from .base import Engine, Finder, Progress, no_progress

log = logging.getLogger(__name__)
R = TypeVar("R")
THREADS = 64
_GIVEN = {"photo", "points", "boxes"} | {field.name for kind in (Prompts, AutoMask) for field in fields(kind)}
"""What people say to an engine: its complaints about anything else are not theirs to mend."""


class GuardedEngine:
    """An engine, asked in a thread of its own: one that hangs is left behind when the time is over, and neither its
    asker nor anybody else waits for it. Every method raises EngineError for what an engine must not do or say.

    trouble: why there was no answer when it was asked last, "" when there was one, None before that. A mistake in the
    question, or an asker who went away, tells nothing of the engine.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self.trouble: str | None = None
        self._threads = Threads(THREADS, "engine")  # reused: some libraries keep much for each thread

    def embed(self, photo: Photo) -> Embedding:
        """`Engine.embed`; the embedding is of this photo."""
        embedding = self._ask(lambda: self._engine.embed(photo))
        if not isinstance(embedding, Embedding) or (embedding.digest, embedding.size) != (photo.digest, photo.size):
            raise self._rubbish("something that is no reading of this photo")
        return embedding

    def predict(self, embedding: Embedding, prompts: Prompts) -> tuple[Mask, ...]:
        """`Engine.predict`; at least one mask."""
        found = self._masks(self._ask(lambda: self._engine.predict(embedding, prompts)), embedding.size)
        if not found:
            raise self._rubbish("no mask at all")
        return found

    def generate(
        self, photo: Photo, embedding: Embedding, options: AutoMask, progress: Progress = no_progress
    ) -> tuple[Mask, ...]:
        """`Engine.generate`. An error that `progress` raises is raised unchanged."""
        left, own = threading.Event(), _OwnErrors(progress)

        def told(fraction: float) -> None:
            if left.is_set():
                raise Cancelled("Nobody waits for these masks any more.")
            own(min(1.0, max(0.0, fraction)))

        try:
            found = self._ask(lambda: self._engine.generate(photo, embedding, options, told), own)
        finally:
            left.set()
        return self._masks(found, embedding.size)

    def find(self, embedding: Embedding, category: str, point: tuple[float, float] | None = None) -> tuple[Mask, ...]:
        """`Finder.find` of an engine that is one."""
        engine = self._engine
        if not isinstance(engine, Finder):
            raise EngineError(f"{engine.title} does not know what things are.")
        return self._masks(self._ask(lambda: engine.find(embedding, category, point)), embedding.size)

    def _ask(self, call: Callable[[], R], own: _OwnErrors | None = None) -> R:
        try:
            answer = self._answer(call, own)
        except (EngineError, Busy) as error:
            self.trouble = str(error)
            raise
        except TimeLimitExceeded:
            self.trouble = f"{self._engine.title} did not answer in time."
            raise
        self.trouble = ""
        return answer

    def _answer(self, call: Callable[[], R], own: _OwnErrors | None) -> R:
        future = self._threads.submit(call)
        try:
            while not wait({future}, deadline.until_check()).done:
                deadline.check()
            return future.result()
        except InvalidInput as error:
            if error.field in _GIVEN:
                raise
            raise self._rubbish(f"what cannot be used ({error})") from error
        except PainterError:
            raise
        except MemoryError as error:
            raise EngineError(f"{self._engine.title} ran out of memory. Try a smaller photo.") from error
        except Exception as error:  # the boundary: an engine is other people's code and raises anything
            if own is not None and error is own.raised:
                raise
            log.exception("%s failed", self._engine.title)
            raise EngineError(f"{self._engine.title} failed ({type(error).__name__}). Try again.") from error
        finally:
            future.cancel()  # one that waits for a thread need not start any more
            del future  # it holds its error, and that this frame: photos would wait for the garbage collector

    def _masks(self, found: object, size: tuple[int, int]) -> tuple[Mask, ...]:
        if not isinstance(found, Sequence) or not all(isinstance(mask, Mask) for mask in found):
            raise self._rubbish("something that is no list of masks")
        if any(mask.size != size for mask in found):
            raise self._rubbish("a mask of another size than the photo")
        return tuple(found)

    def _rubbish(self, what: str) -> EngineError:
        return EngineError(f"{self._engine.title} answered with {what}. Try again, or another photo.")


class _OwnErrors:
    """A `Progress` that remembers what it raised, so that a caller's own error is not taken for the engine's."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self.raised: BaseException | None = None

    def __call__(self, fraction: float) -> None:
        try:
            self._progress(fraction)
        except BaseException as error:
            self.raised = error
            raise
