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

from ...errors import TooManyRequests
from ...jobs.rate import Rate
from ..error_responses import refuse_error
from .paths import API, GRADIO_API, address_of, path_of

PATHS = frozenset(("/config", "/theme.css", f"{GRADIO_API}/info", f"{GRADIO_API}/openapi.json", f"{API}/openapi.json"))
QUERIES = frozenset((b"", b"serialize=False", b"serialize=True"))
KEPT = 64
"""One of each kind for each address the server is reached at."""

MOST_NEW = 16
"""Addresses in a minute that one client may be the first to reach the server at: it answers to every IP address."""

_OF_ONE_CLIENT = (b"accept-encoding", b"if-none-match", b"range")


@dataclass(frozen=True)
class KeptAnswer:
    """An answer to everybody. plain, small: its body as it is, and compressed by gzip."""

    plain: bytes
    small: bytes
    media_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, media_type: str, level: int) -> KeptAnswer:
        """Compressed at `level`, 1 to 9: the higher, the longer it takes."""
        return cls(body, gzip.compress(body, level, mtime=0), media_type, f'W/"{sha256(body).hexdigest()[:20]}"')

    def response(self, scope: Scope) -> Response:
        """What is sent to one client: nothing if it has it already, and compressed if it can read that."""
        asked = Headers(scope=scope)
        headers = {"ETag": self.etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
        if self.etag in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" not in asked.get("accept-encoding", ""):
            return Response(self.plain, media_type=self.media_type, headers=headers)
        return Response(self.small, media_type=self.media_type, headers={**headers, "Content-Encoding": "gzip"})


def new_addresses() -> Rate:
    """How many a client asks for the first time."""
    return Rate(MOST_NEW, "new addresses of this server")


async def fetch(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, str, bytes]:
    """Status, content type and whole body of what `app` answers to a GET of this, uncompressed."""
    status, kind, parts = 0, "", []

    async def collect(message: Message) -> None:
        nonlocal status, kind
        if message["type"] == "http.response.start":
            status, kind = message["status"], Headers(raw=message["headers"]).get("content-type", "")
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    headers = [(name, value) for name, value in scope["headers"] if name not in _OF_ONE_CLIENT]
    await app({**scope, "method": "GET", "headers": headers}, receive, collect)
    return status, kind, b"".join(parts)


class Kept:
    """An ASGI application around `app`: asks it once for each of PATHS, and repeats what it said."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self._answers: OrderedDict[tuple[str, bytes], KeptAnswer] = OrderedDict()
        self._making = asyncio.Lock()
        self._new = new_addresses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer itself, or let the application answer."""
        path = path_of(scope).rstrip("/")
        if scope["type"] != "http" or scope["method"] != "GET" or path not in PATHS:
            await self.app(scope, receive, send)
            return
        asked = scope.get("query_string", b"")
        query = asked if asked in QUERIES else b""  # others would be ways around what is kept
        scope = {**scope, "query_string": query}
        key = (str(HTTPConnection(scope).base_url) + path, query)
        try:
            async with self._making:
                answer = self._answers.get(key) or await self._made(key, scope, receive)
        except TooManyRequests as error:
            await refuse_error(error)(scope, receive, send)
            return
        await (self.app if answer is None else answer.response(scope))(scope, receive, send)

    async def _made(self, key: tuple[str, bytes], scope: Scope, receive: Receive) -> KeptAnswer | None:
        """The answer, kept; None where the application refuses. Raises TooManyRequests."""
        self._new.count(address_of(scope))
        status, kind, body = await fetch(self.app, scope, receive)
        if status != 200:
            return None
        answer = self._answers[key] = await run_in_threadpool(KeptAnswer.of, body, kind, 6)
        if len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        return answer
