"""Answers that are the same for everybody are made once: each takes a core for up to a tenth of a second."""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .paths import API, GRADIO_API, path_of

PATHS = frozenset(("/config", "/theme.css", f"{GRADIO_API}/info", f"{GRADIO_API}/openapi.json", f"{API}/openapi.json"))
QUERIES = frozenset((b"", b"serialize=False", b"serialize=True"))
KEPT = 64
"""One of each kind for each address the server is reached at."""


@dataclass(frozen=True)
class _Answer:
    plain: bytes
    small: bytes
    media_type: str
    etag: str


class Kept:
    """An ASGI application around `app`: asks it once for each of PATHS, and repeats what it said."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self._answers: OrderedDict[tuple[str, bytes], _Answer] = OrderedDict()
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer itself, or let the application answer."""
        query = scope.get("query_string", b"")
        if scope["type"] != "http" or scope["method"] != "GET" or query not in QUERIES or path_of(scope) not in PATHS:
            await self.app(scope, receive, send)
            return
        key = (str(HTTPConnection(scope).base_url) + path_of(scope), query)
        async with self._making:
            answer = self._answers.get(key) or await self._made(key, scope, receive)
        if answer is None:
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        headers = {"ETag": answer.etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
        if answer.etag in asked.get("if-none-match", ""):
            response = Response(status_code=304, headers=headers)
        elif "gzip" in asked.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            response = Response(answer.small, media_type=answer.media_type, headers=headers)
        else:
            response = Response(answer.plain, media_type=answer.media_type, headers=headers)
        await response(scope, receive, send)

    async def _made(self, key: tuple[str, bytes], scope: Scope, receive: Receive) -> _Answer | None:
        """The answer, kept; None where the application refuses."""
        status, kind, parts = 0, "", []

        async def collect(message: Message) -> None:
            nonlocal status, kind
            if message["type"] == "http.response.start":
                status, kind = message["status"], Headers(raw=message["headers"]).get("content-type", "")
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        plain = [(n, v) for n, v in scope["headers"] if n not in (b"accept-encoding", b"if-none-match", b"range")]
        await self.app({**scope, "headers": plain}, receive, collect)
        if status != 200:
            return None
        body = b"".join(parts)
        small = await run_in_threadpool(gzip.compress, body, 6, mtime=0)
        answer = self._answers[key] = _Answer(body, small, kind, f'W/"{sha256(body).hexdigest()[:20]}"')
        if len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        return answer
