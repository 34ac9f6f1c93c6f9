"""Where verbs run: threads beside the event loop, shared fairly among those who ask.

Everybody waits here, and nowhere else: whoever asks most is served no sooner than whoever asks once, and is the one who
is turned away when there is no more room.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import math
import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import Busy, TooManyRequests
from . import asker
from .deadline import Deadline
from .priority import Threads, giving_way

log = logging.getLogger(__name__)
R = TypeVar("R")
QUICK_THREADS, MOST_QUICK = 4, 16
NEWCOMER_SECONDS = 10.0
"""How long whoever opens a photo may wait: more work follows it, and who has begun goes first."""
USE_SECONDS, MUCH_USE = 2.0, 0.75
"""What an address used so long ago counts a third (`Use`); threads' time that is much of it."""

_FULL = "The server is busy with other requests. Try again in a few seconds."


def usual_threads() -> int:
    """Threads for work that keeps cores busy: one more than there are cores, so that who comes finds one free."""
    return max(3, (os.cpu_count() or 1) + 1)


@dataclass(eq=False)
class _Job:
    """One verb that waits or is at work. place: done when it may begin. began: by the clock, None while it waits."""

    deadline: Deadline
    name: str
    address: str
    lane: str
    place: asyncio.Future[None] = field(repr=False)
    began: float | None = None


class Use:
    """Seconds that threads were at work for each address, of late: what is USE_SECONDS old counts a third."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._used: dict[str, tuple[float, float]] = {}  # seconds, and when that was so

    def add(self, address: str, seconds: float) -> None:
        """So many seconds more."""
        now = self._clock()
        self._used = {one: (used, at) for one, (used, at) in self._used.items() if now - at < 10 * USE_SECONDS}
        self._used[address] = (self.of(address) + seconds, now)

    def of(self, address: str) -> float:
        """What counts of it now; USE_SECONDS times as many as there are threads that never rest."""
        used, at = self._used.get(address, (0.0, 0.0))
        return used * math.exp((at - self._clock()) / USE_SECONDS)

    def is_much(self, address: str) -> bool:
        """Whether it keeps at least one thread busy nearly all the time: no person who clicks does."""
        return self.of(address) > MUCH_USE * USE_SECONDS


class Workers:
    """`threads` verbs at once and `queue_size` waiting; quick ones, that need no engine, never wait behind others.

    Of what waits, the next is of the address that has the fewest at work and was not served for longest; one address
    is at work on all threads but one. Who keeps a thread busy all the time works in threads that give way to those of
    others (`jobs.priority`); so does a second job of one address, and what has a lane. lanes: how many of a kind may be
    at work at once, by the kind; lane_of: the kind of a verb, for those that have one. What waits for its lane holds no
    thread. newcomers: verbs that open a photo; ahead: seconds of work that is promised to photos opened already, and
    done elsewhere.
    """

    def __init__(
        self,
        threads: int = 0,
        queue_size: int = 64,
        *,
        lanes: Mapping[str, int] | None = None,
        lane_of: Mapping[str, str] | None = None,
        newcomers: frozenset[str] = frozenset(),
        ahead: Callable[[], float] = lambda: 0.0,
    ):
        self.threads, self.queue_size = threads or usual_threads(), queue_size
        self.lanes, self._lane_of, self._newcomers, self._ahead = dict(lanes or {}), lane_of or {}, newcomers, ahead
        self._pool = Threads(self.threads, "verb")
        self._quick_pool = ThreadPoolExecutor(QUICK_THREADS, "quick verb")
        self._quick: Counter[str] = Counter()
        self._waiting: list[_Job] = []  # in the order they came
        self._working: set[_Job] = set()
        self._turn, self._served = 0, dict[str, int]()  # the turn in which each address was served last
        self._took: dict[str, float] = {}  # seconds that each verb takes, of late
        self._use = Use()
        self._closing = False

    async def run(self, call: Callable[[], R], *, limit: float, name: str, quick: bool = False) -> R:
        """What `call` returns or raises, made in a thread under a deadline that counts the wait too.

        Past `limit` seconds this raises TimeLimitExceeded at once, and when the caller is cancelled the work is:
        the thread then stops at its next check. Raises Busy when too many wait already, or when the wait and then the
        work itself may take more than half of `limit`: sooner told to come back than time out.
        """
        if self._closing:
            raise Busy("The server is going down. Try again in a minute.", 30.0)
        deadline, address = Deadline(limit, name), asker.current().address
        try:
            if quick:
                return await self._run_quick(call, deadline, address)
            return await self._run_in_turn(call, deadline, address)
        except BaseException as error:
            _let_go(error)
            raise

    async def _run_in_turn(self, call: Callable[[], R], deadline: Deadline, address: str) -> R:
        name, limit = deadline.what, deadline.seconds
        lane = self._lane_of.get(name, "")
        self._admit(name, limit, address, lane)
        loop = asyncio.get_running_loop()
        job = _Job(deadline, name, address, lane, loop.create_future())
        self._waiting.append(job)
        self._begin_next()
        try:
            await asyncio.wait({job.place}, timeout=limit)
            if not job.place.done():
                raise deadline.exceeded()
            job.place.result()  # Busy, for one who was turned away after all
        except BaseException:
            self._leave(job)
            raise
        with giving_way(self._gives_way(job)):
            work = asyncio.wrap_future(self._pool.submit(functools.partial(_timed, call, job)))
        work.add_done_callback(lambda done: self._finished(job, done))
        return await self._result(work, deadline)

    async def _run_quick(self, call: Callable[[], R], deadline: Deadline, address: str) -> R:
        if self._quick[address] >= max(MOST_QUICK, self.queue_size):
            raise Busy(_FULL, 5.0)
        self._quick[address] += 1

        def work() -> R:
            with deadline:
                deadline.check()
                return call()

        def finished(done: asyncio.Future[Any]) -> None:
            self._quick[address] -= 1
            if not self._quick[address]:
                del self._quick[address]
            _retrieve(done)

        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._quick_pool, contextvars.copy_context().run, work)
        future.add_done_callback(finished)
        return await self._result(future, deadline)

    async def _result(self, work: asyncio.Future[R], deadline: Deadline) -> R:
        try:
            done, _ = await asyncio.wait({work}, timeout=deadline.remaining())
        except asyncio.CancelledError:
            deadline.cancel()
            raise
        if not done and deadline.cancel():
            log.warning("late", extra={"fields": {"verb": deadline.what, "limit": deadline.seconds}})
            raise deadline.exceeded()
        return await work  # done, or being written down: then it is worth the wait

    # -- who may come ------------------------------------------------------------------------------------------------

    def _admit(self, name: str, limit: float, address: str, lane: str) -> None:
        """Raises Busy when one more job of this address would wait too long, or there is no room for it."""
        wait = self._wait(address, lane)
        if name in self._newcomers and wait + self._ahead() > NEWCOMER_SECONDS:
            self._refuse(name, wait + self._ahead())
        if wait and wait + self._expected(name) > limit / 2:
            self._refuse(name, wait)
        if len(self._waiting) + len(self._working) < self.threads + self.queue_size:
            return
        by_address = Counter(job.address for job in self._waiting)
        most, count = max(by_address.items(), key=lambda item: item[1], default=(address, 0))
        if count <= by_address[address] + 1:
            log.warning("busy", extra={"fields": {"verb": name, "waiting": len(self._waiting)}})
            raise Busy(_FULL, 5.0)
        last = next(job for job in reversed(self._waiting) if job.address == most)
        self._waiting.remove(last)
        last.place.set_exception(TooManyRequests("You ask more than others at this moment. Try again later.", 5.0))

    def _refuse(self, name: str, wait: float) -> None:
        log.warning("busy", extra={"fields": {"verb": name, "wait": round(wait)}})
        raise Busy(f"The server is busy. Try again in {math.ceil(wait)} s.", wait)

    def _wait(self, address: str, lane: str) -> float:
        """Seconds until one more job of this address is begun, if all take what they usually do and take turns."""
        jobs = [*self._working, *self._waiting]
        if lane:
            before = [job for job in jobs if job.lane == lane]
            if len(before) >= self.lanes.get(lane, self.threads):
                return self._turns(before, address) / self.lanes.get(lane, self.threads)
        if len(jobs) < self.threads:
            return 0.0
        able = [job for job in jobs if job.began is not None or not self._lane_is_full(job)]
        return self._turns(able, address) / self.threads

    def _turns(self, jobs: list[_Job], address: str) -> float:
        """Seconds of work before the turn of one more job of `address`: what is at work, all of its own that wait, and
        as many of each other address."""
        own = sum(job.address == address and job.began is None for job in jobs) + 1
        seen: Counter[str] = Counter()
        seconds = 0.0
        for job in jobs:
            if job.began is None:
                seen[job.address] += 1
                if seen[job.address] > own:
                    continue
            seconds += self._expected(job.name)
        return seconds

    def _expected(self, name: str) -> float:
        """Seconds that a verb takes: what it usually does, or longer if one is at it for longer already."""
        usual = self._took.get(name, sum(self._took.values()) / max(1, len(self._took)))
        now = time.monotonic()
        running = [now - job.began for job in self._working if job.name == name and job.began is not None]
        return max([usual, *running])

    # -- whose turn it is --------------------------------------------------------------------------------------------

    def _begin_next(self) -> None:
        """Give free threads to those whose turn it is."""
        while self._waiting and len(self._working) < self.threads:
            job = self._next()
            if job is None:
                return
            self._waiting.remove(job)
            self._working.add(job)
            self._turn += 1
            self._served[job.address] = self._turn
            job.place.set_result(None)
        if not self._waiting:
            self._served.clear()

    def _next(self) -> _Job | None:
        at_work = Counter(job.address for job in self._working)
        most_each = max(1, self.threads - 1)
        able = [job for job in self._waiting if at_work[job.address] < most_each and not self._lane_is_full(job)]
        return min(able, key=lambda job: (at_work[job.address], self._served.get(job.address, 0)), default=None)

    def _lane_is_full(self, job: _Job) -> bool:
        most = self.lanes.get(job.lane)
        return most is not None and sum(one.lane == job.lane for one in self._working) >= most

    def _gives_way(self, job: _Job) -> bool:
        has_more = any(other.address == job.address for other in self._working if other is not job)
        return bool(job.lane) or has_more or self._use.is_much(job.address)

    def _leave(self, job: _Job) -> None:
        """Whoever asked waits no more; the job was not begun."""
        if job in self._waiting:
            self._waiting.remove(job)
        self._working.discard(job)
        self._begin_next()

    def _finished(self, job: _Job, future: asyncio.Future[Any]) -> None:
        self._working.discard(job)
        if job.began is not None:
            took, usual = time.monotonic() - job.began, self._took.get(job.name)
            self._took[job.name] = took if usual is None else usual + (took - usual) / 8
            self._use.add(job.address, took)
        _retrieve(future)
        self._begin_next()

    def close(self, seconds: float = 0.0) -> None:
        """Take no more; what is not done after so many seconds stops at its next check."""
        self._closing = True
        ends = time.monotonic() + seconds
        while (self._working or self._waiting) and time.monotonic() < ends:
            time.sleep(0.02)
        for job in [*self._working, *self._waiting]:
            job.deadline.cancel()
        for pool in (self._pool, self._quick_pool):
            pool.shutdown(wait=False, cancel_futures=True)


def _timed(call: Callable[[], R], job: _Job) -> R:
    """In the thread: `call` under the job's deadline."""
    with job.deadline:
        job.deadline.check()
        job.began = time.monotonic()
        return call()


def _let_go(error: BaseException) -> None:
    """Let go of what was worked with. An error names the frames it came through, one of them awaits the future that
    holds the error, and so photos of hundreds of megabytes would stay until the garbage collector comes by."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        traceback.clear_frames(one.__traceback__)
        one = one.__cause__ or one.__context__


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Take note of an error for which nobody may be waiting any more: asyncio would complain of it."""
    if not future.cancelled():
        future.exception()
