"""Who asks, known to whoever works without being passed around.

A door names the asker for a request; `Workers` gives each asker a fair share, and whoever makes a session counts it.
Where there is no door (a notebook, the command line) nobody is named, and nothing is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


def _uncounted() -> None:
    """Nobody counts."""


@dataclass(frozen=True)
class Asker:
    """Who asks. address: of the network, "" for nobody in particular. count_photo: notes that a photo is opened, and
    raises TooManyRequests when that was one too many."""

    address: str = ""
    count_photo: Callable[[], None] = _uncounted


NOBODY = Asker()
_current: ContextVar[Asker] = ContextVar("asker", default=NOBODY)


def current() -> Asker:
    """Who asks for what is being done."""
    return _current.get()


@contextmanager
def asking(asker: Asker) -> Iterator[None]:
    """Inside, `asker` is the one who asks."""
    token = _current.set(asker)
    try:
        yield
    finally:
        _current.reset(token)
