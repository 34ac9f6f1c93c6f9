"""Work that nobody waits for yet, done beside what people wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from .priority import gives_way, giving_way


class Background:
    """Threads for at most `threads` calls at once and `places` in all; one more is not taken, but done when it is asked
    for. What gives way (`jobs.priority`) does so here, too."""

    def __init__(self, threads: int, places: int, name: str):
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, name)
        self._places = threading.BoundedSemaphore(places)
        self._counting = threading.Lock()
        self._count, self._takes = 0, 0.0

    def submit(self, call: Callable[[], object]) -> bool:
        """Do it some time; False when there is no place for it."""
        if not self._places.acquire(blocking=False):
            return False
        with self._counting:
            self._count += 1
        self._pool.submit(self._timed, call, gives_way()).add_done_callback(self._done)
        return True

    def ahead(self) -> float:
        """Seconds until all of it is done, by what it takes of late."""
        with self._counting:
            return self._count * self._takes / self.threads

    def finish(self) -> None:
        """Take no more, and wait until all of it is done."""
        self._pool.shutdown(wait=True)

    def _timed(self, call: Callable[[], object], patiently: bool) -> None:
        began = time.monotonic()
        try:
            with giving_way(patiently):
                call()
        finally:
            took = time.monotonic() - began
            with self._counting:
                self._takes = took if not self._takes else self._takes + (took - self._takes) / 8

    def _done(self, future: Future[None]) -> None:
        with self._counting:
            self._count -= 1
        self._places.release()
        if not future.cancelled():
            future.exception()  # its caller is told when it is asked for
