"""What stands before everything the server answers: number and size of requests, who is let in, headers.

It wraps the whole application, so that no route of ours, of Gradio or of MCP can be reached around it.
"""

from __future__ import annotations

import asyncio
import re

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import Busy
from ..error_responses import refuse, refuse_error
from .entrance import Entrance
from .paths import API, GRADIO_API, HEALTH, STARTUP, is_under
from .rate_limit import Rate

OPENS_PHOTO = frozenset((f"{GRADIO_API}/upload", f"{API}/upload", f"{API}/open-project"))
_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"))

# Gradio's page configures itself in inline scripts and compiles the templates of its components.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self' "
)
NOTEBOOKS = (
    "http://localhost:* https://localhost:* http://127.0.0.1:* https://127.0.0.1:* vscode-webview: vscode-file: "
    "https://colab.research.google.com https://*.googleusercontent.com"
)
"""Where notebooks live that may show the page in a cell."""

_FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"  # whatever was uploaded, it runs nothing here

_CLOSED = re.compile(
    rf"{GRADIO_API}/(proxy=|file[=/]\s*\w[\w+.-]+:|deep_link|stream/|runs(/|$)|run-history|component_server|"
    r"process_recording|vibe-|undo-vibe|dev/)|/monitoring",
    re.IGNORECASE,
)
"""Parts of Gradio that the page does not use: they fetch any address for whoever asks, or tell of others' work."""


class Guard:
    """An ASGI application around two others: `api` under /api, `app` everywhere else.

    entrance: who is let in; the sites it names may show the page, too. shared: the page has a public link, and may be
    shown in a cell of any notebook by https. max_body, body_limit: bytes a request may carry, and seconds in which they
    must have come. requests, photos: what one address may ask in a minute.
    """

    def __init__(
        self,
        app: ASGIApp,
        api: ASGIApp,
        *,
        entrance: Entrance,
        requests: Rate,
        photos: Rate,
        max_body: int,
        body_limit: float,
        shared: bool = False,
    ):
        self.app, self.api = app, api
        self.entrance, self.requests, self.photos = entrance, requests, photos
        self.max_body, self.body_limit = max_body, body_limit
        frames = " ".join([NOTEBOOKS, *sorted(entrance.origins.named), *(["https:"] if shared else [])])
        self._page_policy = (_PAGE_POLICY + frames).encode("latin-1", "ignore")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer itself, or let one of the applications answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        foreign = self.entrance.origins.is_foreign(headers)
        body = _Body(receive, self.max_body, self.body_limit)
        try:
            answer = await self._before(scope, body, headers, path)
        except Busy as error:
            answer = refuse_error(error)
        except ClientDisconnect:
            answer = body.refusal or refuse(400, "The request ended early.")
        if answer is None and _CLOSED.match(path):
            answer = refuse(404, "There is nothing here.")
        policy = _FILE_POLICY.encode() if path.startswith(f"{GRADIO_API}/file") else self._page_policy
        send = _finishing(send, body, keep_cors=not foreign, policy=policy)
        if answer is None:
            await (self.api if is_under(path, API) else self.app)(scope, body, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, send)

    async def _before(self, scope: Scope, receive: Receive, headers: Headers, path: str) -> Response | None:
        """The answer that ends it here, or None to go on."""
        method, address = scope.get("method", "GET"), (scope.get("client") or ("",))[0]
        if method == "POST" and path in OPENS_PHOTO:
            self.photos.count(address)
        if (is_under(path, API) or is_under(path, GRADIO_API)) and path not in (HEALTH, STARTUP):
            self.requests.count(address)
        if _length(headers) > self.max_body:
            return _too_large(self.max_body)
        return await self.entrance.admit(scope, receive, headers, path)


class _Body:
    """`receive` that ends a request which carries more than `most` bytes, whatever length it announced, or takes more
    than `limit` seconds to come. refusal: what is to be answered then."""

    def __init__(self, receive: Receive, most: int, limit: float):
        self.receive, self.most, self.limit = receive, most, limit
        self.refusal: Response | None = None
        self._seen = 0
        self._ends: float | None = asyncio.get_running_loop().time() + limit  # None: all of it is there

    async def __call__(self) -> Message:
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self.receive()
        except TimeoutError:
            self.refusal = _too_slow(self.limit)
            return {"type": "http.disconnect"}
        if not message.get("more_body", False):
            self._ends = None
        self._seen += len(message.get("body", b""))
        if self._seen > self.most:
            self.refusal = _too_large(self.most)
            return {"type": "http.disconnect"}
        return message


def _finishing(send: Send, body: _Body, keep_cors: bool, policy: bytes) -> Send:
    """`send` that adds and takes away headers, and sends the body's refusal where it was cut off."""
    replaced = False

    async def finishing(message: Message) -> None:
        nonlocal replaced
        if replaced:
            return
        if message["type"] == "http.response.start":
            if body.refusal:
                replaced = True
                await body.refusal({"type": "http"}, body.receive, send)
                return
            headers = [h for h in message.get("headers", ()) if keep_cors or not h[0].startswith(b"access-control-")]
            message = {**message, "headers": [*headers, *_ALWAYS, (b"content-security-policy", policy)]}
        await send(message)

    return finishing


def _too_large(most: int) -> Response:
    return refuse(413, f"The request is too large: at most {most / 2**20:.0f} MB.")


def _too_slow(limit: float) -> Response:
    answer = refuse(408, f"The request took longer than {limit:g} s to arrive; nothing was changed.")
    answer.headers["Connection"] = "close"
    return answer


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0
