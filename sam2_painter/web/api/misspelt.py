"""Fields that are sent and not known: a slip of the finger is told, anything else is left aside.

Programs may send more than we read: those written for the original, or for a version to come. So an unknown field is a
mistake only where it looks like a field of ours that was not sent.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any, NamedTuple

from typing_extensions import is_typeddict

LIKE = 0.8  # of 1: how much a name must look like another to be meant as that
LONGEST = 40
MOST = 20  # unknown names that are looked at: each costs some comparisons


class Misspelt(NamedTuple):
    """A field that looks misspelt. where: it is, such as "points[0].lable". names: all that there are in its place."""

    where: str
    meant: str
    names: list[str]

    @property
    def sentence(self) -> str:
        """What to tell whoever sent it."""
        return f"There is no field {self.where}; was {self.meant} meant? There are {', '.join(self.names)}."


def misspelt(given: Mapping[str, Any], hints: Mapping[str, Any]) -> Misspelt | None:
    """The first field that looks misspelt, None where there is none. hints: types by field, which may hold lists of
    TypedDicts.

    >>> misspelt({"color": "red", "opacty": 0.5, "trace": 7}, {"color": str, "opacity": float}).sentence
    'There is no field opacty; was opacity meant? There are color, opacity.'
    """
    for where, name, names, free in islice(_unknown(given, hints), MOST):
        close = get_close_matches(name.lower(), free, 1, LIKE) if len(name) <= LONGEST else []
        if close:
            return Misspelt(where, close[0], names)
    return None


def _unknown(given: Mapping[str, Any], hints: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """Of each unknown field: where it is, its name, the names there are, and those that were not sent."""
    yield from _of("", given, hints)
    for field, hint in hints.items():
        items, kind = given.get(field), _item(hint)
        if kind is not None and isinstance(items, list):
            for place, item in enumerate(items):
                if isinstance(item, dict):
                    yield from _of(f"{field}[{place}].", item, kind.__annotations__)


def _of(where: str, given: Mapping[str, Any], names: Iterable[str]) -> Iterator[tuple[str, str, list[str], list[str]]]:
    known = list(names)
    for name in given:
        if name not in known:
            yield where + name, name, known, [one for one in known if one not in given]


def _item(hint: Any) -> Any:
    """The TypedDict that a list holds, which may be one of several types; None for others."""
    for part in (hint, *typing.get_args(hint)):
        if typing.get_origin(part) is list and is_typeddict(inner := typing.get_args(part)[0]):
            return inner
    return None
