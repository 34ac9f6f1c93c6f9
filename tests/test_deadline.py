"""Deadlines: work past its limit, or for somebody who left, ends."""

import contextvars
import threading

import pytest

from sam2_painter.errors import Cancelled, TimeLimitExceeded
from sam2_painter.jobs import deadline
from sam2_painter.jobs.deadline import Deadline
from sam2_painter.settings import Limits
from sam2_painter.studio.verb import verb


class Studio:
    """One whose only verb tells the deadline it works under."""

    limits = Limits(segment=60)

    @verb("segment")
    def look(self):
        return deadline.current()


def test_no_deadline_never_stops():
    """Where no limit was set, `check` is silent."""
    deadline.check()
    assert deadline.current() is None


def test_past_its_limit_it_says_what_took_too_long():
    """The message names the work and the limit."""
    with Deadline(0, "paint"), pytest.raises(TimeLimitExceeded, match="paint took longer than 0 s"):
        threading.Event().wait(0.01)
        deadline.check()


def test_the_earlier_of_two_counts():
    """Inside a short limit a long one does not help."""
    with Deadline(0, "outer"), Deadline(60, "inner"):
        threading.Event().wait(0.01)
        assert deadline.remaining() == 0
        with pytest.raises(TimeLimitExceeded, match="outer"):
            deadline.check()


def test_cancel_reaches_another_thread():
    """A door cancels what its worker thread does."""
    job = Deadline(60, "generate")
    outcome = []

    def work():
        with job:
            job.cancel()
            try:
                deadline.check()
            except Cancelled as error:
                outcome.append(str(error))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    thread.join()
    assert outcome == ["generate was cancelled; nothing was changed."]
    assert deadline.current() is None


def test_sealed_work_is_neither_cancelled_nor_late():
    """Once work is being written down, nobody is told that nothing was changed."""
    with Deadline(60, "outer") as outer, Deadline(60, "inner") as inner:
        deadline.seal()
        outer.ends_at = inner.ends_at = 0.0  # late
        assert not inner.cancel()
        assert not outer.cancel()
        deadline.check()


def test_cancelled_work_cannot_be_sealed():
    """Who was told that nothing was changed can rely on it."""
    with Deadline(60, "paint") as job:
        assert job.cancel()
        with pytest.raises(Cancelled):
            deadline.seal()


def test_late_work_cannot_be_sealed():
    """Work that ran out of time leaves no trace."""
    with Deadline(0, "paint"), pytest.raises(TimeLimitExceeded):
        threading.Event().wait(0.01)
        deadline.seal()


def test_a_verb_works_under_the_limit_of_its_door():
    """Where that is as tight as its own; where it is not, or there is none, the verb's own counts."""
    with Deadline(60, "door") as door:
        assert Studio().look() is door
    with Deadline(600, "notebook"):
        assert (Studio().look().what, Studio().look().seconds) == ("look", 60)
    assert Studio().look().what == "look"


def test_a_verb_after_another_has_a_limit_of_its_own():
    """What the first one wrote down ends the door's limit: the second must not work for ever."""
    with Deadline(60, "door") as door:
        door.seal()
        door.ends_at = 0.0
        second = Studio().look()
        assert second is not door
        with second:
            assert second.remaining() > 50
            second.ends_at = 0.0
            with pytest.raises(TimeLimitExceeded, match="look"):
                deadline.check()
