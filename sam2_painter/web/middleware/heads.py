"""The head of a request, before anything parses it, and the headers that every answer has.

Of the cookies only our own is handed on: other programs on this machine's name leave theirs here too, and readers of
cookies take seconds for some that are made to measure (CVE-2024-7592).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..error_responses import end_with, refuse
from .auth import COOKIE, MOST_COOKIES, cookies_named
from .paths import GRADIO_API, SHEET

MOST_HEADERS, MOST_HEADER_BYTES, MOST_URL_BYTES, MOST_COOKIE_BYTES = 100, 8192, 8192, 65536
_OWN_COOKIE_BYTES = 512

_NOSNIFF = (b"x-content-type-options", b"nosniff")
_REFERRER = (b"referrer-policy", b"same-origin")
_NO_REFERRER = (b"referrer-policy", b"no-referrer")  # the address of a sheet is its key

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

_FILE_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; sandbox"  # whatever was uploaded, it runs nothing here
_SHEET_POLICY = (
    b"default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
)


def page_policy(origins: Iterable[str] = (), *, shared: bool = False) -> str:
    """The page's Content-Security-Policy. `origins` may frame it; with a public link (`shared`) any https page may."""
    return _PAGE_POLICY + " ".join([NOTEBOOKS, *sorted(origins), *(["https:"] if shared else [])])


class Heads:
    """An ASGI application around `app`: refuses heads that are too large, hands on our own cookie only,
    and gives every answer its headers. policy: of the page (`page_policy`)."""

    def __init__(self, app: ASGIApp, *, policy: str):
        self.app, self._policy = app, policy.encode("latin-1", "ignore")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 404, 414 or 431 itself, or let the application answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        policy, referrer = self._policy, _REFERRER
        if f"{GRADIO_API}/file" in scope["path"]:
            policy = _FILE_POLICY
        elif f"{SHEET}/" in scope["path"]:
            policy, referrer = _SHEET_POLICY, _NO_REFERRER

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = message.get("headers", ())
                headers = [*said, _NOSNIFF, referrer, (b"content-security-policy", policy)]
                message = {**message, "headers": headers}
            await send(message)

        refusal = _refusal(scope)
        if refusal is None:
            await self.app({**scope, "headers": _own_cookie_only(scope["headers"])}, receive, finish)
        else:
            await end_with(refusal, scope, receive, finish)


def _refusal(scope: Scope) -> Response | None:
    headers = scope["headers"]
    if len(scope.get("raw_path") or b"") + len(scope.get("query_string", b"")) > MOST_URL_BYTES:
        return refuse(414, f"The address is too long: at most {MOST_URL_BYTES} bytes.")
    if len(headers) > MOST_HEADERS:
        return refuse(431, f"There are too many headers: at most {MOST_HEADERS}.")
    for name, value in headers:
        if len(value) > (MOST_COOKIE_BYTES if name == b"cookie" else MOST_HEADER_BYTES):
            return refuse(431, f"The header {name[:40].decode('latin-1')} is too long.")
    if "\x00" in scope.get("path", ""):
        return refuse(404, "There is nothing here.")
    return None


def _own_cookie_only(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers with no cookies but ours, read by hand."""
    kept = []
    for name, value in headers:
        if name != b"cookie":
            kept.append((name, value))
            continue
        ours = cookies_named(COOKIE, value.decode("latin-1"))[:MOST_COOKIES]
        plain = [f"{COOKIE}={one}" for one in ours if len(one) <= _OWN_COOKIE_BYTES and _PLAIN.fullmatch(one)]
        if plain:
            kept.append((name, "; ".join(plain).encode("ascii")))
    return kept


_PLAIN = re.compile(r"[\w.-]+", re.ASCII)
