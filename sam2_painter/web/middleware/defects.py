"""What breaks inside the server: one line in the log with its traceback, one sentence to who asked."""

from __future__ import annotations

import logging

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..error_responses import BROKEN, refuse

log = logging.getLogger(__name__)


class Defects:
    """An ASGI application around `app`, the outermost: an exception ends here.

    The HTTP server would log it once more, and cut the connection on which the next request may already be.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and answer 500 where it cannot."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = ended = False

        async def watch(message: Message) -> None:
            nonlocal begun, ended
            begun = True
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except ClientDisconnect:
            if not begun:
                await refuse(400, "The request ended early.")(scope, receive, send)
        except Exception:
            log.exception("%s %s broke", scope["method"], scope["path"][:200])
            if not begun:
                await refuse(500, BROKEN)(scope, receive, send)
            elif not ended:
                raise  # an answer that cannot be ended: the connection must say so
