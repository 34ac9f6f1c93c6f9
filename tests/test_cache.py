"""Caches: one computation each, least recently used out first, losable at any moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sam2_painter.errors import TimeLimitExceeded
from sam2_painter.jobs.cache import Cache
from sam2_painter.jobs.deadline import Deadline


def text_cache(max_bytes=100):
    return Cache(max_bytes, len)


def test_second_question_computes_nothing():
    """`cached` is true only when the value was there."""
    cache = text_cache()
    assert cache.get("a", lambda: "x") == ("x", False)
    assert cache.get("a", lambda: pytest.fail("computed twice")) == ("x", True)


def test_equal_questions_at_once_compute_once():
    """Eight threads that ask for one key share one computation; one of them is told it was not cached."""
    cache, calls, gate = text_cache(), [], threading.Barrier(8)

    def compute():
        calls.append(1)
        threading.Event().wait(0.05)
        return "x"

    def ask(_):
        gate.wait()
        return cache.get("a", compute)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert len(calls) == 1
    assert sorted(found.cached for found in answers) == [False] + [True] * 7


def test_a_failed_computation_is_not_kept():
    """Who comes after an error computes anew."""
    cache = text_cache()
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: str(1 // 0))
    assert cache.get("a", lambda: "x") == ("x", False)


def test_a_value_takes_the_place_of_an_older_one():
    """Under its own key; the older one costs nothing any more."""
    cache = text_cache()
    cache.put("first", "xxx")
    cache.replace("first", "second", "yy")
    assert (cache.kept(), cache.peek("second"), cache.status().bytes) == (["second"], "yy", 2)


def test_the_longest_unused_goes_first():
    """Over the limit, the entry used longest ago is dropped, until the rest fits."""
    cache = text_cache(max_bytes=10)
    for key in "abc":
        cache.get(key, lambda: "xxx")
    cache.get("a", lambda: pytest.fail("was kept"))
    cache.get("d", lambda: "yyyy")
    assert set(cache.kept()) == {"c", "a", "d"}
    assert cache.status().bytes == 10


def test_what_is_larger_than_the_cache_is_not_kept():
    """A value over the limit is answered and forgotten; the others stay."""
    cache = text_cache(max_bytes=5)
    cache.get("small", lambda: "xx")
    assert cache.get("large", lambda: "x" * 6).value == "x" * 6
    assert cache.kept() == ["small"]


def test_clear_takes_what_it_is_told():
    """`clear` forgets the keys chosen, and counts them."""
    cache = text_cache()
    cache.get(("p", 1), lambda: "x")
    cache.get(("q", 1), lambda: "x")
    assert cache.clear(lambda key: key[0] == "p") == 1
    assert cache.kept() == [("q", 1)]
    assert cache.status().bytes == 1


def test_waiting_for_another_ends_with_the_deadline():
    """Who waits for somebody else's computation waits no longer than its own time limit."""
    cache, release = text_cache(), threading.Event()
    owner = threading.Thread(target=cache.get, args=("a", lambda: "x" * release.wait(5)))
    owner.start()
    while "a" not in cache._pending:
        pass
    try:
        with Deadline(0.05, "segment"), pytest.raises(TimeLimitExceeded):
            cache.get("a", lambda: "never")
    finally:
        release.set()
        owner.join()
