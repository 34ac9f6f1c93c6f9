"""How many requests one address may make, counted before anything else is done for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from ...errors import Busy
from ...jobs.asker import Asker, asking
from ...jobs.rate import Rate
from ..error_responses import refuse_error
from .paths import HEALTH, address_of, path_of


class RateLimits:
    """An ASGI application around `app`: answers 429 where an address asks too much.

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
                refusal = refuse_error(error)
                refusal.headers["Connection"] = "close"  # what else was sent on it is not read
                await refusal(scope, receive, send)
            return
        with asking(Asker(address, partial(self.photos.count, address))):
            await self.app(scope, receive, send)

    def _counts(self, method: str, path: str) -> bool:
        return path != HEALTH and (method not in ("GET", "HEAD") or not path.startswith(self.uncounted))
