"""Log lines for people and for machines: `key=value` or JSON, one line each, on standard error.

What is logged with `extra={"fields": {...}}` becomes keys of its own.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

_NOISY = (
    "httpx", "httpcore", "asyncio", "PIL", "matplotlib", "multipart", "python_multipart", "markdown_it", "mcp",
    "uvicorn",  # starting and finishing is told by us
)  # fmt: skip

MOST_EQUAL, WINDOW_SECONDS = 20, 10.0
"""Warnings of one kind that are logged in so many seconds: whoever can cause one could else fill the disk with it."""


class Throttle(logging.Filter):
    """Lets MOST_EQUAL warnings or errors of one kind through in a window; the next one then tells how many were not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}  # by logger and message: end of the window, how many

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log it."""
        if record.levelno < logging.WARNING:
            return True
        now, kind = self._clock(), (record.name, str(record.msg)[:200])
        ends, count = self._seen.get(kind, (0.0, 0))
        if now >= ends:
            if len(self._seen) > 1000:
                self._seen.clear()
            self._seen[kind] = (now + WINDOW_SECONDS, 1)
            if count > MOST_EQUAL:
                record.fields = {**getattr(record, "fields", {}), "not_logged": count - MOST_EQUAL}
            return True
        self._seen[kind] = (ends, count + 1)
        return count < MOST_EQUAL


def set_up(level: str = "INFO", *, as_json: bool = False) -> None:
    """Log from `level` (DEBUG, INFO, WARNING, ERROR) on. Libraries that tell every request speak up at WARNING only."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLine() if as_json else KeyValueLine())
    handler.addFilter(Throttle())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _Line(logging.Formatter):
    """One line a record; `join` makes it of the record's keys and values."""

    def join(self, values: dict[str, Any]) -> str:
        raise NotImplementedError  # abstract: each format has its own

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        values: dict[str, Any] = {
            "time": when.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return self.join(values)


class JsonLine(_Line):
    """{"time": "...", "level": "INFO", ...}"""

    def join(self, values: dict[str, Any]) -> str:
        return json.dumps(values, ensure_ascii=False, default=str)


class KeyValueLine(_Line):
    """time=... level=INFO ...; values with blanks, quotes or line ends are written as JSON strings."""

    def join(self, values: dict[str, Any]) -> str:
        return " ".join(f"{key}={self._value(value)}" for key, value in values.items())

    @staticmethod
    def _value(value: Any) -> str:
        text = str(value)
        plain = text and text.isprintable() and not set(text) & set(' "=')
        return text if plain else json.dumps(text, ensure_ascii=False)
