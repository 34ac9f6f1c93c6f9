"""How many requests one address may make, counted before anything else is done for them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import Busy, TooManyRequests
from ...jobs.asker import Asker, asking
from ...jobs.rate import Rate
from ..error_responses import refuse_error
from .paths import HEALTH, address_of, path_of

_REFUSALS = frozenset((408, 413, 503))
_COST = 5
"""Requests that one of these, or a photo too many, counts as: who goes on all the same is soon not heard at all. Wrong
passwords do not: others behind the same address may have the right one."""


class RateLimits:
    """An ASGI application around `app`: answers 429 where an address asks too much, or too often what was refused.

    requests: of everything but health, and files a page is made of, which browsers keep: `uncounted` says below which
    prefixes they lie. photos: not counted here, but where a session is made, for the asker this names (`jobs.asker`);
    who has used them up is not let in where `opens` says that a photo comes.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        requests: Rate,
        photos: Rate,
        uncounted: tuple[str, ...],
        opens: Callable[[str], bool],
    ):
        self.app, self.requests, self.photos, self.uncounted, self.opens = app, requests, photos, uncounted, opens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 429 itself, or let the application answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        path, method, address = path_of(scope), scope.get("method", "GET"), address_of(scope)
        try:
            if self._counts(method, path):
                self.requests.count(address)
            if method == "POST" and self.opens(path):
                self.photos.check(address)
        except Busy as error:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1013})
            else:
                self._charge(address)
                refusal = refuse_error(error)
                refusal.headers["Connection"] = "close"  # what else was sent on it is not read
                await refusal(scope, receive, send)
            return

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _REFUSALS:
                self._charge(address)
            await send(message)

        with asking(Asker(address, partial(self._count_photo, address))):
            await self.app(scope, receive, noted)

    def _count_photo(self, address: str) -> None:
        try:
            self.photos.count(address)
        except TooManyRequests:
            self._charge(address)
            raise

    def _charge(self, address: str) -> None:
        with suppress(TooManyRequests):
            self.requests.count(address, _COST - 1)

    def _counts(self, method: str, path: str) -> bool:
        return path != HEALTH and (method not in ("GET", "HEAD") or not path.startswith(self.uncounted))
