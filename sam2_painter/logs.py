"""Log lines for people and for machines: `key=value` or JSON, one line each, on standard error.

What is logged with `extra={"fields": {...}}` becomes keys of its own.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

_NOISY = (
    *("httpx", "httpcore", "asyncio", "PIL", "matplotlib", "multipart", "python_multipart", "markdown_it", "mcp"),
    "uvicorn",  # starting and finishing is told by us
)


def set_up(level: str = "INFO", *, as_json: bool = False) -> None:
    """Log from `level` (DEBUG, INFO, WARNING, ERROR) on. Libraries that tell every request speak up at WARNING only."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLine() if as_json else KeyValueLine())
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
