"""Whether the clock was set forward: that must not make everybody's session old at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_JUMP_SECONDS = 60.0  # less is drift, or a slow machine


def steady() -> float:
    """Seconds that nobody sets; the time the machine sleeps counts where the system tells it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Jumps:
    """Compares a clock that may be set with one that may not. Thread-safe."""

    def __init__(self, clock: Callable[[], float], steady: Callable[[], float]):
        self._clock, self._steady = clock, steady
        self._guard = threading.Lock()
        self._ahead = clock() - steady()

    def forward(self) -> float:
        """Seconds the clock was set forward since this was last asked; 0.0 for none, or a step back."""
        with self._guard:
            ahead = self._clock() - self._steady()
            jump, self._ahead = ahead - self._ahead, ahead
        return jump if jump > _JUMP_SECONDS else 0.0
