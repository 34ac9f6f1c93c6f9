"""Who is let in, asked before anything answers, and which application answers.

It stands around all of them, so that no route of ours, of Gradio or of MCP can be reached around it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ...errors import Busy
from ..error_responses import end_with, refuse, refuse_error
from .entrance import Entrance
from .paths import GRADIO_API, is_under, path_of

_CLOSED = re.compile(
    rf"{GRADIO_API}/(proxy=|file[=/]\s*\w[\w+.-]+:|deep_link|stream/|runs(/|$)|run-history|component_server|"
    r"process_recording|upload_progress|vibe-|undo-vibe|dev/)|/monitoring",
    re.IGNORECASE,
)
"""Parts of Gradio that the page does not use: they fetch any address for whoever asks, or tell of others' work."""


class Guard:
    """An ASGI application around others: lets in whom `entrance` does, and hides what Gradio has beside the page.

    by_prefix: the applications that answer below a path. app: the one that answers everywhere else.
    """

    def __init__(self, app: ASGIApp, *, entrance: Entrance, by_prefix: Mapping[str, ASGIApp]):
        self.app, self.entrance, self.by_prefix = app, entrance, by_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer itself, or let the application answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), path_of(scope)
        answer: Response | None
        try:
            answer = await self.entrance.admit(scope, receive, headers, path)
        except Busy as error:
            answer = refuse_error(error)
        if answer is None and _CLOSED.match(path):
            answer = refuse(404, "There is nothing here.")
        if answer is None:
            await self._behind(path)(scope, receive, send)
        else:
            await end_with(answer, scope, receive, send)

    def _behind(self, path: str) -> ASGIApp:
        return next((app for prefix, app in self.by_prefix.items() if is_under(path, prefix)), self.app)
