"""JSON that strangers send: counted before it is parsed, because parsing stops everybody else."""

from __future__ import annotations

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..error_responses import refuse_error
from .endpoints import WrongType

MOST_VALUES = 50_000
"""In one request: ten thousand points with their labels; a million empty lists cost half a second, and as many bytes
of text next to nothing."""


MOST_DEEP = 100
"""Lists and objects in one another: parsers end at some hundreds."""

_PIECE = 2**16


class ValueCount:
    """Counts the values in JSON that comes piece by piece."""

    def __init__(self, what: str = "The body"):
        self._what, self._values = what, 0

    def add(self, text: bytes) -> None:
        """Raises WrongType when there may be more than MOST_VALUES by now, as soon as it has seen so many: a list of
        millions takes no longer than one that is just too long."""
        for start in range(0, len(text), _PIECE):
            self._values += sum(text.count(mark, start, start + _PIECE) for mark in (b",", b"[", b"{"))
            if self._values > MOST_VALUES:
                raise WrongType(f"{self._what} holds too much: at most {MOST_VALUES} values in all its lists together.")


def check_count(text: bytes, what: str = "The body") -> None:
    """`ValueCount` of a whole."""
    ValueCount(what).add(text)


def parse(text: bytes, what: str) -> object:
    """The JSON value in `text`. Raises WrongType when it is none, or one of too many values."""
    check_count(text, what)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise WrongType(f"{what} is not JSON: {error}.") from None


def parse_object(body: bytes, what: str = "The body") -> dict[str, object]:
    """The JSON object in `body`; {} for an empty one. Raises like `parse`, and WrongType when it is no object.

    >>> parse_object(b'{"points": [1, 2]}')
    {'points': [1, 2]}
    """
    given = parse(body, what) if body.strip() else {}
    if not isinstance(given, dict):
        raise WrongType(f"{what} must be a JSON object.")
    return given


def _is_shallow(value: object, most: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not inside or (most > 0 and all(_is_shallow(one, most - 1) for one in inside))


class CountedJson:
    """An ASGI application around one that parses JSON itself, beside everybody's answers: what it gets is counted.

    whole: and it is JSON that any parser reads, for one that answers 500 to other bodies.
    """

    def __init__(self, app: ASGIApp, *, whole: bool = False):
        self.app, self.whole = app, whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 422 itself, or let the application read the body again."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        pieces, more = [], True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
        body, told = b"".join(pieces), False
        try:
            check_count(body)
            if self.whole and not _is_shallow(parse(body, "The body"), MOST_DEEP):
                raise WrongType(f"The body holds lists in lists: at most {MOST_DEEP} deep.")
        except WrongType as error:
            await refuse_error(error)(scope, receive, send)
            return

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)
