"""Which site's page asks: one of ours, one that `--cors-origins` names, or a foreign one."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers


class Origins:
    """The sites whose pages may use this server beside its own ("*" for all of them)."""

    def __init__(self, named: Iterable[str] = ()):
        self.named = frozenset(named)

    def is_foreign(self, headers: Headers) -> bool:
        """Whether a page of another site asks, one that is not named."""
        origin = headers.get("origin")
        if origin is None or origin in self.named or "*" in self.named:
            return False
        return urlsplit(origin).netloc != headers.get("x-forwarded-host", headers.get("host", ""))
