"""What stands before everything the server answers: number and size of requests, sign-in, origins, headers.

It wraps the whole application, so that no route of ours, of Gradio or of MCP can be reached around it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import Busy
from ..error_responses import refuse, refuse_error
from . import signin_page
from .auth import COOKIE, SignIn
from .rate_limit import Rate

API, GRADIO_API, PAGE = "/api", "/gradio_api", "/page"
HEALTH, STARTUP = f"{API}/health", f"{GRADIO_API}/startup-events"
OPENS_PHOTO = frozenset(
    (f"{GRADIO_API}/upload", f"{API}/upload", f"{API}/open-project", f"{PAGE}/open", f"{PAGE}/example")
)
SIGN_IN_BYTES = 4096
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
    """An ASGI application around three others: `api` under /api, `page` under /page, `app` everywhere else.

    origins: sites whose pages may call and show this one ("*" for all). shared: the page has a public link, and may be
    shown in a cell of any notebook by https. max_body, body_limit: bytes a request may carry, and seconds
    in which they must have come. requests, photos: what one address may ask in a minute. status: all that /api/health
    tells those who did not sign in. Until `started` is set, Gradio's own start-up call needs no sign-in.
    """

    def __init__(
        self,
        app: ASGIApp,
        api: ASGIApp,
        *,
        page: ASGIApp,
        sign_in: SignIn,
        requests: Rate,
        photos: Rate,
        max_body: int,
        body_limit: float,
        origins: frozenset[str] = frozenset(),
        shared: bool = False,
        status: Callable[[], str] = lambda: "ok",
    ):
        self.app, self.api, self.page = app, api, page
        self.sign_in, self.requests, self.photos = sign_in, requests, photos
        self.max_body, self.body_limit, self.origins = max_body, body_limit, origins
        self.status = status
        self.started = False
        frames = " ".join([NOTEBOOKS, *sorted(origins), *(["https:"] if shared else [])])
        self._page_policy = (_PAGE_POLICY + frames).encode("latin-1", "ignore")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer itself, or let one of the applications answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        foreign = self._is_foreign(headers)
        body = _Body(receive, self.max_body, self.body_limit)
        try:
            answer = await self._before(scope, body, headers, path, foreign)
        except Busy as error:
            answer = refuse_error(error)
        except ClientDisconnect:
            answer = body.refusal or refuse(400, "The request ended early.")
        if answer is None and _CLOSED.match(path):
            answer = refuse(404, "There is nothing here.")
        policy = _FILE_POLICY.encode() if path.startswith(f"{GRADIO_API}/file") else self._page_policy
        send = _finishing(send, body, keep_cors=not foreign, policy=policy)
        if answer is None:
            inner = self.api if _is_under(path, API) else self.page if _is_under(path, PAGE) else self.app
            await inner(scope, body, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, send)

    async def _before(
        self, scope: Scope, receive: Receive, headers: Headers, path: str, foreign: bool
    ) -> Response | None:
        """The answer that ends it here, or None to go on."""
        method, address = scope.get("method", "GET"), (scope.get("client") or ("",))[0]
        if method == "POST" and path in OPENS_PHOTO:
            self.photos.count(address)
        asks = _is_under(path, API) or _is_under(path, GRADIO_API) or (_is_under(path, PAGE) and method == "POST")
        if asks and path not in (HEALTH, STARTUP):
            self.requests.count(address)
        if _length(headers) > self.max_body:
            return _too_large(self.max_body)
        if foreign and headers.get("sec-fetch-site") == "cross-site" and method not in ("GET", "HEAD", "OPTIONS"):
            return refuse(403, "Pages of other sites may not use this server; --cors-origins names those that may.")
        if not self.sign_in.required or (method == "OPTIONS" and "access-control-request-method" in headers):
            return None
        if path.rstrip("/") == "/login" and method == "POST":
            return await self._log_in(Request(scope, receive), address)
        if path.rstrip("/") == "/logout":
            response = RedirectResponse("./", 303)
            response.delete_cookie(COOKIE)
            return response
        # A page of another site may make the browser send what it remembers; that is nobody's sign-in.
        remembered = foreign or headers.get("sec-fetch-site") == "cross-site"
        authorization, cookies = headers.get("authorization", ""), headers.get("cookie", "")
        if not remembered and await self.sign_in.check(address, authorization, cookies):
            scope.setdefault("state", {})["operator"] = True
            return None
        if path == HEALTH and method in ("GET", "HEAD"):
            return JSONResponse({"status": self.status()})
        if path == STARTUP and not self.started:
            return None
        if method == "GET" and not _is_under(path, API) and "text/html" in headers.get("accept", ""):
            return HTMLResponse(signin_page.render(), 401)
        answer = refuse(401, "Sign in: send the user and password (Basic) or the token (Bearer) of this server.")
        if _is_under(path, API):  # not for the page's own requests: browsers would open a dialog of theirs
            answer.headers["WWW-Authenticate"] = 'Basic realm="SAM2 Painter", charset="UTF-8"'
        return answer

    async def _log_in(self, request: Request, address: str) -> Response:
        """A form with username and password, as the sign-in page and gradio_client send it."""
        wants_page = "text/html" in request.headers.get("accept", "")
        if not 0 < _length(request.headers) <= SIGN_IN_BYTES:
            return refuse(413, f"A sign-in is a form of at most {SIGN_IN_BYTES} bytes.")
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if not await self.sign_in.try_password(address, form.get("username", ""), form.get("password", "")):
            wrong = "Wrong user or password."
            return HTMLResponse(signin_page.render(wrong), 401) if wants_page else refuse(401, wrong)
        answer: Response = RedirectResponse("./", 303) if wants_page else JSONResponse({"success": True})
        answer.headers["Set-Cookie"] = self.sign_in.cookie(secure=request.url.scheme == "https")
        return answer

    def _is_foreign(self, headers: Headers) -> bool:
        """Whether a page of another site asks, one that is not in `origins`."""
        origin = headers.get("origin")
        if origin is None or origin in self.origins or "*" in self.origins:
            return False
        return urlsplit(origin).netloc != headers.get("x-forwarded-host", headers.get("host", ""))


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


def _is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")
