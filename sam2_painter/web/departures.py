"""Notices at once that a client of Gradio's queue has gone, so that nobody works for it any more.

Its answers travel on one stream of events a client. Gradio itself would notice within ten seconds. Its other sign of
life, the heartbeat, is no measure: a busy moment ends that connection while the client still waits for its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

STREAM = "/gradio_api/queue/data"


class Departures:
    """An ASGI application around `app` that calls `gone(session_hash)` when a client leaves its stream of answers."""

    def __init__(self, app: ASGIApp, gone: Callable[[str], None]):
        self.app, self.gone = app, gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and watch the client while it does."""
        if scope["type"] != "http" or scope["path"].removeprefix(scope.get("root_path", "")) != STREAM:
            await self.app(scope, receive, send)
            return
        client = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
        left, finished = asyncio.Event(), False

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            left.set()
            if not finished:  # a server that has said everything reports its client gone, too
                self.gone(client)

        async def receive_end() -> Message:  # the question has no body: there is nothing else to be heard
            await left.wait()
            return {"type": "http.disconnect"}

        async def send_on(message: Message) -> None:
            nonlocal finished
            finished = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        watching = asyncio.ensure_future(watch())
        try:
            await self.app(scope, receive_end, send_on)
        finally:
            watching.cancel()
