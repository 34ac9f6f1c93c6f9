"""How many may do heavy work at once, and how many may wait for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import Busy
from . import deadline


class Semaphore:
    """At most `capacity` inside, first come first served; at most `queue` waiting, more are told Busy at once."""

    def __init__(self, capacity: int, queue: int):
        self.capacity, self.queue = capacity, queue
        self._inside = 0
        self._waiting: list[object] = []
        self._changed = threading.Condition()

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Wait for a place, as long as the deadline allows. Raises Busy, TimeLimitExceeded, Cancelled."""
        ticket = object()
        with self._changed:
            if self._inside >= self.capacity and len(self._waiting) >= self.queue:
                raise Busy("Too many requests are waiting for this. Try again in a few seconds.", 5.0)
            self._waiting.append(ticket)
            try:
                while self._inside >= self.capacity or self._waiting[0] is not ticket:
                    deadline.check()
                    self._changed.wait(deadline.until_check())
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()
