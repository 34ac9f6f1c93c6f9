"""JSON that strangers send: counted before it is parsed, because parsing stops everybody else."""

from __future__ import annotations

import orjson

from .endpoints import WrongType

MOST_VALUES = 50_000
"""In one request: ten thousand points with their labels; a million empty lists cost half a second, and as many bytes
of text next to nothing."""


def parse(text: bytes, what: str) -> object:
    """The JSON value in `text`. Raises WrongType when it is none, or one of too many values."""
    if sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise WrongType(f"{what} holds too much: at most {MOST_VALUES} values in all its lists together.")
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
