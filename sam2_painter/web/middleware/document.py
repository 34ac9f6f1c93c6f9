"""The page's document as it is sent: with our name, picture and icons, small on the wire, and made once an address.

Gradio writes it from a template, anew for each visitor, under its own name and half a megabyte large.
"""

from __future__ import annotations

import html
import json
import re
from collections import OrderedDict
from importlib import resources

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ...errors import TooManyRequests
from ..error_responses import refuse_error
from .kept import KeptAnswer, fetch, new_addresses
from .paths import address_of, path_of

TITLE = "SAM2 Painter"
DESCRIPTION = (
    "Open a photo of a building, click a wall, see it in another colour: its light, shadow and texture stay in place."
)
PREVIEW, PREVIEW_SIZE = "preview.jpg", (1200, 630)
KEPT = 16
"""Documents that are kept, one for each address the server is reached at."""

FILES = {
    "/favicon.ico": ("icon-192.png", "image/png"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/icon-192.png": ("icon-192.png", "image/png"),
    "/icon-512.png": ("icon-512.png", "image/png"),
    f"/{PREVIEW}": (PREVIEW, "image/jpeg"),
}
_MANIFEST = {
    "name": TITLE,
    "short_name": "Painter",
    "description": DESCRIPTION,
    "start_url": "./",
    "scope": "./",
    "display": "standalone",
    "background_color": "#f5efe4",
    "theme_color": "#a84a23",
    "icons": [
        {"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"},
        {"src": "icon-192.png", "sizes": "192x192", "type": "image/png"},
        {"src": "icon-512.png", "sizes": "512x512", "type": "image/png"},
    ],
}
_GRADIOS = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>|\s*<link rel="manifest"[^>]*>')
_ROOT = (  # where the page is, by the browser's word: a proxy may have said another name, or no path
    "<script>if (window.gradio_config) "
    'window.gradio_config.root = new URL(".", window.location.href).href.replace(/\\/$/, "");</script>'
)


class Document:
    """An ASGI application around `app`: answers for the page's document, its icons and its manifest."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self._documents: OrderedDict[str, KeptAnswer] = OrderedDict()
        self._new = new_addresses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer itself, or let the application answer."""
        answer = None
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path = path_of(scope)
            if path == "/":
                answer = await self._page({**scope, "query_string": b""}, receive)
            elif path == "/manifest.json":
                answer = _kept_a_day(json.dumps(_MANIFEST).encode(), "application/manifest+json")
            elif path in FILES:
                name, media_type = FILES[path]
                answer = _kept_a_day(_site_file(name), media_type)
        await (answer or self.app)(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive) -> Response | None:
        """The page, or None where the application gives no document."""
        address = str(HTTPConnection(scope).base_url)
        document = self._documents.get(address)
        if document is None:
            try:
                self._new.count(address_of(scope))
            except TooManyRequests as error:
                return refuse_error(error)
            status, kind, written = await fetch(self.app, scope, receive)
            if status != 200 or not kind.startswith("text/html"):
                return None
            document = await run_in_threadpool(_finished, written.decode(), address)
            self._documents[address] = document
            if len(self._documents) > KEPT:
                self._documents.popitem(last=False)
        self._documents.move_to_end(address)
        return document.response(scope)


def _finished(document: str, address: str) -> KeptAnswer:
    """The document with what is ours in it."""
    text = _GRADIOS.sub("", document)
    text = re.sub(r"</head>", lambda _: f"{_head(address)}</head>", text, count=1)
    text = re.sub(r"(window\.gradio_config = .*?</script>)", lambda found: found[1] + _ROOT, text, count=1, flags=re.S)
    text = re.sub(r"const root = \"[^\"]*\";", "const root = window.gradio_config.root;", text, count=1)
    return KeptAnswer.of(text.encode(), "text/html", 9)


def _head(address: str) -> str:
    """What links to the page show of it, and its icons. Only addresses of pictures for other sites are absolute."""
    width, height = PREVIEW_SIZE
    told = {
        "og:type": "website",
        "og:site_name": TITLE,
        "og:title": TITLE,
        "og:description": DESCRIPTION,
        "og:url": address,
        "og:image": address + PREVIEW,
        "og:image:width": str(width),
        "og:image:height": str(height),
        "og:image:alt": "A house: one half as it is, the other repainted",
    }
    metas = "".join(f'<meta property="{name}" content="{html.escape(value)}">' for name, value in told.items())
    return (
        f'<title>{TITLE}</title><meta name="description" content="{html.escape(DESCRIPTION)}">{metas}'
        '<meta name="twitter:card" content="summary_large_image"><meta name="theme-color" content="#a84a23">'
        '<link rel="icon" href="./icon.svg" type="image/svg+xml"><link rel="apple-touch-icon" href="./icon-192.png">'
        '<link rel="manifest" href="./manifest.json" crossorigin="use-credentials">'
    )


def _site_file(name: str) -> bytes:
    return resources.files("sam2_painter").joinpath("assets", "site", name).read_bytes()


def _kept_a_day(content: bytes, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"Cache-Control": "private, max-age=86400"})
