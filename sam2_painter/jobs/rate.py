"""How much one address may ask in a span of time, such as a minute."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from ..errors import TooManyRequests

MINUTE = 60.0


class Rate:
    """At most `most` of `what` from one address in a span of the clock. Thread-safe.

    span: its seconds, and what it is called; a minute by default.
    """

    def __init__(
        self,
        most: int,
        what: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        span: tuple[float, str] = (MINUTE, "a minute"),
    ):
        self.most, self.what = most, what
        self._clock = clock
        self._seconds, self._span = span
        self._spans = 0  # of the clock, that are gone
        self._counts: Counter[str] = Counter()  # of this span only, so it cannot grow for ever
        self._refused: Counter[str] = Counter()
        self._changing = threading.Lock()

    def count(self, address: str, times: int = 1) -> None:
        """One more, or so many. Raises TooManyRequests, which says when to come back."""
        with self._changing:
            try:
                self._check(address)
            except TooManyRequests:
                self._refused[address] += times
                raise
            self._counts[address] += times

    def check(self, address: str) -> None:
        """Raises TooManyRequests where one more would be one too many."""
        with self._changing:
            self._check(address)

    def ignores_refusals(self, address: str) -> bool:
        """Whether it was refused as often as it may ask, and goes on all the same."""
        with self._changing:
            self._begin_span()
            return self._refused[address] >= self.most

    def counted(self, address: str) -> int:
        """How many there were in this span."""
        with self._changing:
            self._begin_span()
            return self._counts[address]

    def _check(self, address: str) -> None:
        self._begin_span()
        if self._counts[address] >= self.most:
            wait = self._seconds - self._clock() % self._seconds
            raise TooManyRequests(f"More than {self.most} {self.what} in {self._span}. Wait {wait:.0f} s.", wait)

    def _begin_span(self) -> None:
        """Forget what was counted, once its span is over."""
        spans = int(self._clock() // self._seconds)
        if spans != self._spans:
            self._spans = spans
            self._counts.clear()
            self._refused.clear()
