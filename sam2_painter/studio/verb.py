"""What makes a method a verb: a time limit of its kind, and one line in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from ..errors import PainterError
from ..jobs.deadline import Deadline, current
from ..settings import Limits
from ..types import Session

log = logging.getLogger(__name__)


class Limited(Protocol):
    """Whose methods can be verbs."""

    limits: Limits


S = TypeVar("S", bound=Limited)
P = ParamSpec("P")
R = TypeVar("R")


def verb(limit: str) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """A method that works under the limit of that name, can be cancelled, and is logged in one line.

    Where a door has set as tight a limit already, that one counts: it began earlier. Once something was written down
    it limits nothing any more, and a verb that follows has a limit of its own.
    """

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        name = method.__name__

        @wraps(method)
        def call(limited: S, *args: P.args, **kwargs: P.kwargs) -> R:
            outer, seconds = current(), getattr(limited.limits, limit)
            is_limited = outer is not None and outer.seconds <= seconds and not outer.is_sealed
            with nullcontext() if is_limited else Deadline(seconds, name):
                return _logged(name, args, lambda: method(limited, *args, **kwargs))

        call.limit = limit  # type: ignore[attr-defined]
        return cast(Callable[Concatenate[S, P], R], call)

    return decorate


def _logged(name: str, args: Sequence[object], call: Callable[[], R]) -> R:
    session = args[0][:6] if args and isinstance(args[0], str) else "-"
    start, outcome, level = time.perf_counter(), "ok", logging.INFO
    cached = size = None
    try:
        result = call()
        cached = getattr(result, "cached", None)
        size = getattr(result, "size_bytes", getattr(result, "nbytes", None))
        if not session.strip("-") and isinstance(result, Session):
            session = result.id[:6]
        return result
    except PainterError as error:
        outcome = type(error).__name__
        raise
    except BaseException as error:
        outcome, level = type(error).__name__, logging.ERROR
        raise
    finally:
        fields: dict[str, object] = dict(verb=name, session=session, ms=round((time.perf_counter() - start) * 1e3, 1))
        fields |= {name: value for name, value in (("bytes", size), ("cached", cached)) if value is not None}
        fields["outcome"] = outcome
        log.log(level, "%s", name, extra={"fields": fields})
