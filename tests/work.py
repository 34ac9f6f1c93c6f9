"""How much is done, counted rather than timed: the same on every machine, however busy or traced it is."""

from __future__ import annotations

import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Calls of functions in this thread while it lasts, Python's and C's, by qualified name."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, called: object) -> None:
        if event == "call":
            calls[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            calls[getattr(called, "__qualname__", "?")] += 1

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@contextmanager
def counted_unpacking(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Bytes that zlib unpacks while it lasts, one number for each call."""
    sizes: list[int] = []
    whole, parts = zlib.decompress, zlib.decompressobj

    class Counting:
        def __init__(self, *given: object, **named: object):
            self._inner = parts(*given, **named)

        def decompress(self, *given: object, **named: object) -> bytes:
            sizes.append(len(out := self._inner.decompress(*given, **named)))
            return out

        def flush(self, *given: object) -> bytes:
            sizes.append(len(out := self._inner.flush(*given)))
            return out

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

    def decompress(*given: object, **named: object) -> bytes:
        sizes.append(len(out := whole(*given, **named)))
        return out

    with monkeypatch.context() as patch:
        patch.setattr(zlib, "decompressobj", Counting)
        patch.setattr(zlib, "decompress", decompress)
        yield sizes
