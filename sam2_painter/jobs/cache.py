"""What can be computed again: least recently used out first, by bytes, one computation each.

May be emptied at any moment: that costs time and changes no answer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from . import deadline

V = TypeVar("V")


class Found(NamedTuple, Generic[V]):
    """A value, and whether it was there already (true only if nothing was computed for it)."""

    value: V
    cached: bool


@dataclass(frozen=True)
class CacheStatus:
    """How full a cache is. bytes and max_bytes are what the values themselves say they cost."""

    entries: int
    bytes: int
    max_bytes: int
    hits: int
    misses: int


class Cache(Generic[V]):
    """Values by key. `nbytes(value)` says what keeping one costs; one larger than `max_bytes` is not kept."""

    def __init__(self, max_bytes: int, nbytes: Callable[[V], int]):
        self.max_bytes = max_bytes
        self._nbytes = nbytes
        self._kept: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._bytes = self._hits = self._misses = 0
        self._pending: set[Hashable] = set()
        self._changed = threading.Condition()

    def get(self, key: Hashable, compute: Callable[[], V]) -> Found[V]:
        """The value for `key`, computed if need be. Who asks meanwhile waits for that one computation; if it fails,
        its own caller gets the error and the next in line computes."""
        with self._changed:
            while key in self._pending:
                deadline.check()
                self._changed.wait(deadline.until_check())
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                self._hits += 1
                return Found(kept[0], True)
            self._misses += 1
            self._pending.add(key)
        try:
            value = compute()
            with self._changed:
                self._put(key, value)
            return Found(value, False)
        finally:
            with self._changed:
                self._pending.discard(key)
                self._changed.notify_all()

    def peek(self, key: Hashable) -> V | None:
        """The value kept for `key`, if there is one."""
        with self._changed:
            kept = self._kept.get(key)
            return None if kept is None else kept[0]

    def put(self, key: Hashable, value: V) -> None:
        """Keep a value in place of the one before."""
        with self._changed:
            self._put(key, value)

    def replace(self, old: Hashable, key: Hashable, value: V) -> None:
        """Keep a value under `key` in place of the one under `old`."""
        with self._changed:
            self._drop(old)
            self._put(key, value)

    def _put(self, key: Hashable, value: V) -> None:
        self._drop(key)
        cost = self._nbytes(value)
        if cost > self.max_bytes:
            return
        self._kept[key] = (value, cost)
        self._bytes += cost
        while self._bytes > self.max_bytes:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._bytes -= dropped

    def _drop(self, key: Hashable) -> None:
        if key in self._kept:
            self._bytes -= self._kept.pop(key)[1]

    def clear(self, which: Callable[[Hashable], bool] = lambda key: True) -> int:
        """Forget the entries whose key `which` says yes to; returns how many."""
        with self._changed:
            keys = [key for key in self._kept if which(key)]
            for key in keys:
                self._drop(key)
            return len(keys)

    def kept(self) -> list[Hashable]:
        """The keys kept now, least recently used first."""
        with self._changed:
            return list(self._kept)

    def status(self) -> CacheStatus:
        """How full it is."""
        with self._changed:
            return CacheStatus(len(self._kept), self._bytes, self.max_bytes, self._hits, self._misses)
