"""Whose requests keep the event loop busy. All share its one thread, and no address may have it for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from .middleware.paths import address_of
from .middleware.proxies import counted_as

SHARE = 0.15
"""Of the loop's time, that one address may take while others ask: a hundred small requests a second, or an upload of
20 MB a second."""

BURST_SECONDS, MOST_DEBT_SECONDS = 0.05, 0.6
"""What it may take at once, and how much of what it took above that is remembered."""

ACTIVE_SECONDS = 5.0
"""For how long after a request an address counts as one that asks."""

MOST_ADDRESSES = 4096
"""That are remembered for longer."""

CONNECTION_SECONDS, BYTE_SECONDS = 2e-4, 1e-9
"""What a connection, and a byte that is thrown away, take before anything here can measure it."""


class LoopTime:
    """Seconds of the loop that each address has left. For the loop's thread only.

    clock: what time it is. cpu: seconds that this thread has worked.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, cpu: Callable[[], float] = time.thread_time):
        self._clock, self._cpu = clock, cpu
        self._left: dict[str, tuple[float, float]] = {}  # seconds, and when that was so

    def charge(self, address: str, seconds: float) -> None:
        """It took so many."""
        left = max(self._now(address) - seconds, -MOST_DEBT_SECONDS)
        self._left[address] = (left, self._clock())
        if len(self._left) > MOST_ADDRESSES:
            self._forget()

    @contextmanager
    def charging(self, address: str) -> Generator[None, None, None]:
        """It takes what is done inside."""
        began = self._cpu()
        try:
            yield
        finally:
            self.charge(address, self._cpu() - began)

    def wait(self, address: str) -> float:
        """Seconds until something more may be done for it: 0 where it has some left, or nobody else asks."""
        left = self._now(address)
        if left >= 0 or not self._others_ask(address):
            return 0.0
        return -left / SHARE

    def _now(self, address: str) -> float:
        left, at = self._left.get(address, (BURST_SECONDS, self._clock()))
        return min(BURST_SECONDS, left + (self._clock() - at) * SHARE)

    def _others_ask(self, address: str) -> bool:
        self._forget()
        return len(self._left) > (address in self._left)

    def _forget(self) -> None:
        """Who has asked nothing for a while, and has paid by now."""
        since = self._clock() - ACTIVE_SECONDS
        self._left = {one: (left, at) for one, (left, at) in self._left.items() if at >= since}


class Metered:
    """An ASGI application around `app`: charges what is done for a request to the address it came from."""

    def __init__(self, app: ASGIApp, loop_time: LoopTime):
        self.app, self.loop_time = app, loop_time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer."""
        address = counted_as(address_of(scope))
        await _Steps(self.app(scope, receive, send).__await__(), self.loop_time, address)


class _Steps:
    """An awaitable that measures each step of another, between two waits."""

    def __init__(self, steps: Generator[Any, Any, None], loop_time: LoopTime, address: str):
        self.steps, self.loop_time, self.address = steps, loop_time, address

    def __await__(self) -> Generator[Any, Any, None]:
        error: BaseException | None = None
        while True:
            try:
                with self.loop_time.charging(self.address):
                    waits_for = self.steps.send(None) if error is None else self.steps.throw(error)
            except StopIteration:
                return
            try:
                error = None
                yield waits_for
            except BaseException as thrown:  # noqa: BLE001  # a task that is cancelled: told to what waits inside
                error = thrown
