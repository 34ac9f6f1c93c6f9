"""One address has a share of the event loop, and of the machine, while others ask."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest

from sam2_painter.jobs.priority import NICENESS, Threads, gives_way, giving_way
from sam2_painter.jobs.workers import MUCH_USE, USE_SECONDS, Use, Workers
from sam2_painter.web import loop_time
from sam2_painter.web.loop_time import LoopTime, Metered

A, B = "10.0.0.1", "10.0.0.2"


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_who_asks_alone_never_waits(clock):
    """However much of the loop it takes."""
    left = LoopTime(clock, clock)
    left.charge(A, 50.0)
    assert left.wait(A) == 0


def test_who_took_too_much_waits_while_others_ask(clock):
    """Until it has paid, and no longer than for the most that is remembered; the others do not wait."""
    left = LoopTime(clock, clock)
    left.charge(B, 0.001)
    left.charge(A, loop_time.BURST_SECONDS + 0.03)
    assert left.wait(A) == pytest.approx(0.03 / loop_time.SHARE)
    assert left.wait(B) == 0
    clock.now += 0.1 / loop_time.SHARE
    assert left.wait(A) == 0
    left.charge(A, 1e6)
    assert left.wait(A) == pytest.approx(loop_time.MOST_DEBT_SECONDS / loop_time.SHARE)
    clock.now += loop_time.ACTIVE_SECONDS + 1  # nobody asked meanwhile
    assert left.wait(A) == 0


def test_addresses_are_not_remembered_for_ever(clock):
    """Those that ask nothing any more make room."""
    left = LoopTime(clock, clock)
    for number in range(3 * loop_time.MOST_ADDRESSES):
        clock.now += 0.01
        left.charge(f"2001:db8::{number:x}", 0.001)
    assert len(left._left) <= loop_time.MOST_ADDRESSES + 1


def test_each_step_of_an_answer_is_charged(clock):
    """What is done between two waits counts, the waits do not; errors and cancelling go their way."""
    left = LoopTime(clock, clock)
    seen: list[str] = []

    async def app(scope, receive, send):
        clock.now += 0.02
        await receive()
        clock.now += 0.02
        if scope["path"] == "/breaks":
            raise KeyError("broken")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def later():
        await asyncio.sleep(0)
        return {"type": "http.request"}

    async def ask(path):
        scope = {"type": "http", "path": path, "client": (A, 1)}
        task = asyncio.ensure_future(Metered(app, left)(scope, later, None))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(KeyError, match="broken"):
        asyncio.run(ask("/breaks"))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(ask("/waits"))
    assert seen == ["cancelled"]
    left.charge(B, 0.0)
    assert left.wait(A) > 0  # 0.08 s of its own, at a burst of 0.05


def test_use_is_forgotten(clock):
    """A thread that never rests is much; what was long ago is nothing."""
    use = Use(clock)
    for _ in range(40):
        clock.now += USE_SECONDS / 4
        use.add(A, USE_SECONDS / 4)
        use.add(B, USE_SECONDS / 8)
    assert use.is_much(A)
    assert not use.is_much(B)
    clock.now += 2 * USE_SECONDS * MUCH_USE
    assert not use.is_much(A)


@pytest.mark.skipif(sys.platform != "linux", reason="needs priorities of threads")
def test_threads_give_way_where_they_are_asked_to():
    """In a thread of less priority; and so does what is handed on from there."""

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    first, second = Threads(2, "first"), Threads(2, "second")
    usual = niceness()
    assert first.submit(niceness).result(10) == usual
    with giving_way():
        chained = first.submit(lambda: (niceness(), gives_way(), second.submit(niceness).result(10)))
    assert chained.result(10) == (min(19, usual + NICENESS), True, min(19, usual + NICENESS))
    assert first.submit(niceness).result(10) == niceness() == usual
    for one in (first, second):
        one.shutdown()


def test_a_second_job_of_one_address_gives_way():
    """And one in a lane; the first of each address does not."""
    workers = Workers(4, lanes={"slow": 1}, lane_of={"all": "slow"})
    began, go = threading.Semaphore(0), threading.Event()

    def work() -> bool:
        began.release()
        assert go.wait(10)
        return gives_way()

    async def three() -> list[bool]:
        tasks = []
        for name in ("one", "one"):
            tasks.append(asyncio.ensure_future(workers.run(work, limit=20, name=name)))
            await asyncio.to_thread(began.acquire, timeout=10)
        go.set()
        told = [await task for task in tasks]
        return [*told, await workers.run(work, limit=20, name="all")]

    assert asyncio.run(three()) == [False, True, True]
    workers.close()
