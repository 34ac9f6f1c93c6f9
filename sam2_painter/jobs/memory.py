"""Memory that work takes for a moment, counted before it is taken: work that finds no room waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import Busy
from . import deadline


class MemoryBudget:
    """A semaphore that counts bytes: whoever works here at the same time takes at most `max_bytes` together.

    First come, first served, so that large work is not overtaken for ever by small. Work that is larger than the whole
    budget is let in alone. `max_bytes` may be changed at any time; it counts for who comes next. Thread-safe; one
    thread must not take twice at the same time.
    """

    def __init__(self, max_bytes: int):
        self.max_bytes = max_bytes
        self._taken = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def taken(self) -> int:
        """Bytes taken now."""
        return self._taken

    @contextmanager
    def take(self, nbytes: int) -> Iterator[None]:
        """Have so many bytes inside the block.

        Waits for them, at most for half of the time that the deadline leaves: the work itself needs some too. Raises
        Busy then, and Cancelled when the caller goes away meanwhile.
        """
        ticket = object()
        with self._changed:
            ends = time.monotonic() + deadline.remaining() / 2
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or (self._taken and self._taken + nbytes > self.max_bytes):
                    deadline.check()
                    left = ends - time.monotonic()
                    if left <= 0:
                        raise Busy("Too many large pictures are being opened at once. Try again in a few seconds.", 5.0)
                    self._changed.wait(min(deadline.CHECK_SECONDS, left))
                self._taken += nbytes
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= nbytes
                self._changed.notify_all()
