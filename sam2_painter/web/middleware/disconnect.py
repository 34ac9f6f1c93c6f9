"""Notices at once that a client of Gradio's queue has gone, so that nobody works for it any more.

Its answers travel on one stream of events a client, or a question. Gradio itself would notice within ten seconds. Its
other sign of life, the heartbeat, is no measure: a busy moment ends that connection while the client still waits.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

STREAM = "/gradio_api/queue/data"
_STREAM_OF_ONE = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/([^/]+)/?")


class Disconnects:
    """An ASGI application around `app` that counts in `listening` who, by session_hash, listens for answers, and calls
    `gone(session_hash)` when a client leaves before it has them."""

    def __init__(self, app: ASGIApp, listening: Counter[str], gone: Callable[[str], None]):
        self.app, self.listening, self.gone = app, listening, gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and watch the client while it does."""
        client = _listener(scope)
        if not client:
            await self.app(scope, receive, send)
            return
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
        self.listening[client] += 1
        try:
            await self.app(scope, receive_end, send_on)
        finally:
            watching.cancel()
            self.listening[client] -= 1
            if not self.listening[client]:
                del self.listening[client]


def _listener(scope: Scope) -> str:
    """Who opens a stream of answers: a client, or, where it has no name, its question; "" for other requests."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return ""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if path == STREAM:
        return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
    of_one = _STREAM_OF_ONE.fullmatch(path)
    return of_one[1] if of_one else ""
