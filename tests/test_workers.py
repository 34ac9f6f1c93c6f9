"""Workers are shared fairly: who asks most waits longest, and nobody can keep the others out."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest
from conftest import eventually

from sam2_painter.errors import Busy, TooManyRequests
from sam2_painter.jobs.asker import Asker, asking
from sam2_painter.jobs.background import Background
from sam2_painter.jobs.workers import Workers

ONE, OTHER = Asker("203.0.113.1"), Asker("203.0.113.2")


def ask(workers: Workers, call, asker: Asker = ONE, **options) -> asyncio.Task:
    """A verb asked for by somebody."""
    with asking(asker):
        return asyncio.create_task(workers.run(call, **{"limit": 60, "name": "verb", **options}))


async def settled() -> None:
    """All that was asked has its place, or waits for one."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_who_asks_once_is_next():
    """One address has ten jobs waiting; another that comes after them is served before the second of these."""
    order = []

    async def run():
        workers, gate = Workers(threads=1), threading.Event()
        first = ask(workers, gate.wait)
        await settled()
        many = [ask(workers, lambda: order.append("many")) for _ in range(10)]
        await settled()
        once = ask(workers, lambda: order.append("once"), OTHER)
        await settled()
        gate.set()
        await asyncio.gather(first, once, *many)
        workers.close()

    asyncio.run(run())
    assert order.index("once") <= 1


def test_one_address_leaves_a_thread_for_others():
    """However much it asks, another's verb begins at once."""

    async def run():
        workers, gate = Workers(threads=3), threading.Event()
        slow = [ask(workers, gate.wait) for _ in range(8)]
        await settled()
        assert await ask(workers, lambda: "at once", OTHER) == "at once"
        assert not any(task.done() for task in slow)
        gate.set()
        await asyncio.gather(*slow)
        workers.close()

    asyncio.run(run())


def test_when_all_places_are_taken_the_one_who_asks_most_gives_one_up():
    """Its last is told to come back; who asks little comes in."""

    async def run():
        workers, gate = Workers(threads=1, queue_size=4), threading.Event()
        greedy = [ask(workers, gate.wait) for _ in range(5)]
        await settled()
        with pytest.raises(Busy):  # its own sixth is one too many, and costs nobody else
            await ask(workers, gate.wait)
        modest = ask(workers, lambda: "served", OTHER)
        with pytest.raises(TooManyRequests, match="more than others") as told:
            await greedy[-1]
        assert told.value.retry_after > 0
        gate.set()
        assert await modest == "served"
        await asyncio.gather(*greedy[:-1])
        workers.close()

    asyncio.run(run())


def test_what_waits_for_its_lane_holds_no_thread():
    """Eight times "every mask": one is at work, seven wait, and clicks of the same person go on."""

    async def run():
        lanes = dict(lanes={"slow": 1}, lane_of={"every mask": "slow"})
        workers, gate, begun = Workers(threads=3, **lanes), threading.Event(), []
        slow = [ask(workers, lambda: begun.append(1) or gate.wait(), name="every mask", limit=600) for _ in range(8)]
        await settled()
        assert await ask(workers, lambda: "click", name="click") == "click"
        assert len(begun) == 1
        gate.set()
        await asyncio.gather(*slow)
        assert len(begun) == 8
        workers.close()

    asyncio.run(run())


def test_who_has_begun_goes_before_who_comes():
    """With much to be done for photos that are open already, a new photo is refused, and a click is not."""

    async def run():
        workers = Workers(threads=1, newcomers=frozenset({"upload"}), ahead=lambda: 30.0)
        with pytest.raises(Busy, match="Try again in 30 s") as told:
            await ask(workers, lambda: None, name="upload")
        assert told.value.retry_after == 30
        assert await ask(workers, lambda: "click", name="click") == "click"
        workers.close()

    asyncio.run(run())


def test_who_leaves_while_waiting_gives_the_place_back():
    """A job whose client went away before it was begun is never begun."""
    begun = []

    async def run():
        workers, gate = Workers(threads=1), threading.Event()
        slow = ask(workers, gate.wait)
        await settled()
        left = ask(workers, lambda: begun.append("left"))
        after = ask(workers, lambda: begun.append("after"))
        await settled()
        left.cancel()
        gate.set()
        await asyncio.gather(slow, after)
        assert left.cancelled()
        workers.close()

    asyncio.run(run())
    assert begun == ["after"]


def test_quick_verbs_of_one_address_are_bounded_too():
    """They pass everybody's queue, and cannot fill it up."""

    async def run():
        workers, gate = Workers(threads=1, queue_size=16), threading.Event()
        many = [ask(workers, gate.wait, quick=True) for _ in range(16)]
        await settled()
        with pytest.raises(Busy):
            await ask(workers, gate.wait, quick=True)
        gate.set()
        await asyncio.gather(*many)
        assert await ask(workers, lambda: "again", quick=True) == "again"
        workers.close()

    asyncio.run(run())


@pytest.mark.parametrize("quick", [False, True])
def test_work_that_fails_lets_go_of_what_it_worked_with(quick):
    """A photo of 240 MB in a refused file must not wait for the garbage collector, which counts objects, not bytes."""
    seen = []

    class Large:
        """Can be watched."""

    def work():
        large = Large()
        seen.append(weakref.ref(large))
        try:
            raise ValueError("a decoder's error")
        except ValueError as error:
            raise Busy("no room") from error

    async def run():
        workers = Workers(threads=1)
        for _ in range(3):
            with pytest.raises(Busy, match="no room"):
                await ask(workers, work, quick=quick)
        workers.close()

    gc.disable()
    try:
        asyncio.run(run())
        assert [one() for one in seen] == [None] * 3
    finally:
        gc.enable()


def test_background_work_says_how_much_there_is():
    """What is promised and not done counts by what it takes; beyond its places nothing is taken."""
    background, gate = Background(1, 2, "test"), threading.Event()
    assert background.submit(gate.wait)
    assert background.submit(gate.wait)
    assert not background.submit(gate.wait)
    gate.set()
    assert eventually(lambda: background.submit(lambda: None))
    background.finish()
    assert background.ahead() == 0
