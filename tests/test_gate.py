"""The gate: so many inside, so many waiting, in the order they came."""

import threading

import pytest

from sam2_painter.errors import Busy, TimeLimitExceeded
from sam2_painter.jobs.deadline import Deadline
from sam2_painter.jobs.semaphore import Semaphore


def test_never_more_inside_than_its_capacity():
    """Twelve workers share two places, and each meets another there."""
    gate, inside, most, guard, pair = Semaphore(2, 20), [0], [0], threading.Lock(), threading.Barrier(2)

    def work():
        with gate.enter():
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            pair.wait(60)
            with guard:
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside[0], most[0]) == (0, 2)


def test_a_full_queue_is_told_at_once():
    """Busy says when to come back, and nobody is kept waiting to hear it."""
    gate = Semaphore(1, 0)
    with gate.enter(), pytest.raises(Busy) as error, gate.enter():
        pass
    assert error.value.retry_after == 5.0


def test_waiting_ends_with_the_deadline_and_leaves_the_queue():
    """Who gives up makes room for the next."""
    gate = Semaphore(1, 1)
    with gate.enter():
        for _ in range(3):
            with Deadline(0.02, "generate"), pytest.raises(TimeLimitExceeded), gate.enter():
                pass
    with gate.enter():
        pass


def test_an_error_inside_gives_the_place_back():
    """The next may enter after a failure."""
    gate = Semaphore(1, 0)
    with pytest.raises(ZeroDivisionError), gate.enter():
        1 // 0  # noqa: B018
    with gate.enter():
        pass
