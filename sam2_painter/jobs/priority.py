"""Threads for work, and others that give way to them: for who keeps the machine busy while others ask now and then."""

from __future__ import annotations

import contextvars
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

R = TypeVar("R")
NICENESS = 13
"""Of threads that give way: a twentieth of a core where somebody else wants all of it, all that nobody else wants."""

_gives_way: ContextVar[bool] = ContextVar("gives way", default=False)


@contextmanager
def giving_way(does: bool = True) -> Iterator[None]:
    """Inside, what is handed to a `Threads` gives way, and what that hands on as well."""
    token = _gives_way.set(does)
    try:
        yield
    finally:
        _gives_way.reset(token)


def gives_way() -> bool:
    """Whether what is done here does."""
    return _gives_way.get()


class Threads:
    """At most `most` threads for usual work and as many that give way, which needs Linux; elsewhere all are equal."""

    def __init__(self, most: int, name: str):
        self._usual = ThreadPoolExecutor(most, name)
        self._patient = ThreadPoolExecutor(most, f"{name}, giving way", initializer=_give_way)

    def submit(self, call: Callable[[], R]) -> Future[R]:
        """Do it in a thread, in the context of who asks."""
        pool = self._patient if gives_way() else self._usual
        return pool.submit(contextvars.copy_context().run, call)

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        """Take no more."""
        for pool in (self._usual, self._patient):
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)


def _give_way() -> None:
    """From now on, in this thread and those it starts. Nobody may take that back, so such threads do nothing else."""
    if sys.platform == "linux":  # where it counts for a thread, not for the whole process
        usual = os.getpriority(os.PRIO_PROCESS, os.getpid())  # of the main thread; ours may have its starter's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, usual + NICENESS))
