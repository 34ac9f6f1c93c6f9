"""Time limits and cancelling, known to whoever works without being passed around.

A door opens a `Deadline` around a verb; whatever runs inside asks `check()` now and then (engines through their
`progress`), and the session store asks a last time before it commits. So work past its limit, or for somebody who went
away, ends without a trace.
"""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar, Token
from typing import Self

from ..errors import Cancelled, TimeLimitExceeded

CHECK_SECONDS = 0.25
"""How long whoever waits for something may go without a `check`: so late is a Cancel noticed, at most."""

_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class Deadline:
    """A moment by which `what` must be done; a context manager. Inside another one, the earlier of the two counts.

    seconds: from now. Thread-safe: `cancel` is called from elsewhere. Work is either cancelled or sealed, never both:
    who is told "nothing was changed" can rely on it.
    """

    def __init__(self, seconds: float, what: str):
        self.seconds, self.what = seconds, what
        self.ends_at = time.monotonic() + seconds
        self._cancelled = self._sealed = False
        self._guard = threading.Lock()
        self._outer: Deadline | None = None
        self._token: Token[Deadline | None] | None = None

    def __enter__(self) -> Self:
        self._outer = _current.get()
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _current.reset(self._token)

    def cancel(self) -> bool:
        """Ask the work to stop at its next `check`; False when it is sealed, and so too late."""
        with self._guard:
            self._cancelled = not self._sealed
            return self._cancelled

    def seal(self) -> None:
        """From here on the work is being written down: it can neither be cancelled nor run out of time any more.

        Raises like `check` when it is over already.
        """
        self.check()
        if self._outer is not None:
            self._outer.seal()
        with self._guard:
            if not self._cancelled:
                self._sealed = True
        self.check()

    @property
    def is_sealed(self) -> bool:
        """Whether something was written down under it."""
        return self._sealed

    def check(self) -> None:
        """Raises Cancelled or TimeLimitExceeded when it is over."""
        if self._sealed:
            return
        if self._outer is not None:
            self._outer.check()
        if self._cancelled:
            raise Cancelled(f"{self.what} was cancelled; nothing was changed.")
        if time.monotonic() > self.ends_at:
            raise self.exceeded()

    def exceeded(self) -> TimeLimitExceeded:
        """The error that says so."""
        return TimeLimitExceeded(
            f"{self.what} took longer than {self.seconds:g} s; nothing was changed. Try a smaller photo."
        )

    def remaining(self) -> float:
        """Seconds left, at least 0."""
        left = max(0.0, self.ends_at - time.monotonic())
        return left if self._outer is None or self._outer.is_sealed else min(left, self._outer.remaining())


def current() -> Deadline | None:
    """The deadline this thread works under, if any."""
    return _current.get()


def check() -> None:
    """Raises Cancelled or TimeLimitExceeded when the current deadline is over."""
    deadline = _current.get()
    if deadline is not None:
        deadline.check()


def seal() -> None:
    """`Deadline.seal` of the current deadline, if any: call it right before writing."""
    deadline = _current.get()
    if deadline is not None:
        deadline.seal()


def until_check() -> float:
    """Seconds to wait before the next `check`: CHECK_SECONDS, or until right after the time limit."""
    return min(CHECK_SECONDS, remaining() + 0.01)


def remaining(default: float = 600.0) -> float:
    """Seconds the current deadline leaves; `default` where there is none."""
    deadline = _current.get()
    return default if deadline is None else deadline.remaining()
