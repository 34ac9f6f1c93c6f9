"""CORS for the whole server: browsers let pages of the named sites read its answers, refusals included."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EXPOSED = ("Content-Disposition", "Content-Range", "ETag", "Retry-After")


class Cors:
    """An ASGI application around `app`: CORS headers for the named origins ("*" for all), and for nobody else.

    What a browser remembers (cookies) is never for other sites; they send a token or a password of their own accord.
    """

    def __init__(self, app: ASGIApp, *, named: frozenset[str]):
        self._app = CORSMiddleware(
            app,
            allow_origins=sorted(named),
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights itself; let the application answer everything else."""
        await self._app(scope, receive, send)


class WithoutCors:
    """An ASGI application around `app`, without the CORS headers of its answers: Gradio has some for everybody."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [h for h in message.get("headers", ()) if not h[0].lower().startswith(b"access-control-")]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, sending)
