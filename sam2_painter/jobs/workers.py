"""Where verbs run: threads beside the event loop, so that the server answers others meanwhile."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..errors import Busy
from .deadline import Deadline

log = logging.getLogger(__name__)
R = TypeVar("R")
QUICK_THREADS = 4


class Workers:
    """`threads` verbs at once and `queue_size` waiting; quick ones, that need no engine, never wait behind others."""

    def __init__(self, threads: int = 8, queue_size: int = 64):
        self.threads, self.queue_size = threads, queue_size
        self._pool = ThreadPoolExecutor(threads, "verb")
        self._quick_pool = ThreadPoolExecutor(QUICK_THREADS, "quick verb")
        self._jobs: dict[Deadline, float | None] = {}  # when each was begun
        self._took: dict[str, float] = {}  # seconds that each verb takes, of late
        self._closing = False

    async def run(self, call: Callable[[], R], *, limit: float, name: str, quick: bool = False) -> R:
        """What `call` returns or raises, made in a thread under a deadline that counts the wait too.

        Past `limit` seconds this raises TimeLimitExceeded at once, and when the caller is cancelled the work is:
        the thread then stops at its next check. Raises Busy when too many wait already, or when the wait and then the
        work itself may take more than half of `limit`: sooner told to come back than time out.
        """
        if self._closing:
            raise Busy("The server is going down. Try again in a minute.", 30.0)
        if not quick and len(self._jobs) >= self.threads + self.queue_size:
            log.warning("busy", extra={"fields": {"verb": name, "waiting": len(self._jobs)}})
            raise Busy("The server is busy with other requests. Try again in a few seconds.", 5.0)
        wait = self._wait()
        if not quick and wait and wait + self._expected(name) > limit / 2:
            log.warning("busy", extra={"fields": {"verb": name, "wait": round(wait)}})
            raise Busy(f"The server is busy. Try again in {math.ceil(wait)} s.", wait)
        job = Deadline(limit, name)

        def work() -> R:
            with job:
                job.check()
                began = time.monotonic()
                if quick:
                    return call()
                self._jobs[job] = began
                try:
                    return call()
                finally:
                    took, usual = time.monotonic() - began, self._took.get(name)
                    self._took[name] = took if usual is None else usual + (took - usual) / 8

        if not quick:
            self._jobs[job] = None
        pool = self._quick_pool if quick else self._pool
        future = asyncio.get_running_loop().run_in_executor(pool, contextvars.copy_context().run, work)
        future.add_done_callback(lambda done: self._finished(job, done))
        try:
            done, _ = await asyncio.wait({future}, timeout=limit)
        except asyncio.CancelledError:
            job.cancel()
            raise
        if not done and job.cancel():
            log.warning("late", extra={"fields": {"verb": name, "limit": limit}})
            raise job.exceeded()
        return await future  # done, or being written down: then it is worth the wait

    def _wait(self) -> float:
        """Seconds until a job that comes now is begun, if all those before it take what they usually do."""
        if len(self._jobs) < self.threads:
            return 0.0
        names = Counter(job.what for job in self._jobs)
        return sum(count * self._expected(name) for name, count in names.items()) / self.threads

    def _expected(self, name: str) -> float:
        """Seconds that a verb takes: what it usually does, or longer if one is at it for longer already."""
        usual = self._took.get(name, sum(self._took.values()) / max(1, len(self._took)))
        now = time.monotonic()
        return max([usual, *(now - began for job, began in self._jobs.items() if began and job.what == name)])

    def _finished(self, job: Deadline, future: asyncio.Future) -> None:
        self._jobs.pop(job, None)
        if not future.cancelled():
            future.exception()  # nobody may be waiting for it any more; asyncio would complain

    def close(self, seconds: float = 0.0) -> None:
        """Take no more; what is not done after so many seconds stops at its next check."""
        self._closing = True
        ends = time.monotonic() + seconds
        while self._jobs and time.monotonic() < ends:
            time.sleep(0.02)
        for job in list(self._jobs):
            job.cancel()
        for pool in (self._pool, self._quick_pool):
            pool.shutdown(wait=False, cancel_futures=True)
