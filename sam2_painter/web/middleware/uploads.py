"""Gradio's door for uploads: its folder is there, and holds no more than there is room for."""

from __future__ import annotations

import errno
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ...errors import Busy, PainterError, StorageError
from .. import files
from ..error_responses import refuse, refuse_error

UPLOAD = "/gradio_api/upload"


class Uploads:
    """An ASGI application around `app`: a file comes in where it and what is kept stay within `most` bytes.

    kept: bytes of everything else. most_each: bytes of the largest file, for those that do not say how large they are.
    """

    def __init__(self, app: ASGIApp, kept: Callable[[], int], most: int, most_each: int):
        self.app, self._kept, self._most, self._most_each = app, kept, most, most_each

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it in, or answer 503."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith(UPLOAD):
            length = Headers(scope=scope).get("content-length", "")
            size = int(length) if length.isascii() and length.isdecimal() else self._most_each
            try:
                await run_in_threadpool(self._make_ready, size)
            except PainterError as error:
                await refuse_error(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _make_ready(self, size: int) -> None:
        files.restore_private_folder()
        if size + files.size_of(files.use_private_folder()) + self._kept() > self._most:
            raise Busy("The server has no room for another file just now. Try again in a minute.", 60.0)


async def refuse_upload(request: Request, error: Exception) -> Response:
    """What Gradio raises for a form without a file, or with a full disk. No code of ours runs in that route; elsewhere
    it is a defect."""
    if not request.url.path.endswith(UPLOAD):
        raise error
    if not isinstance(error, OSError):
        return refuse(422, "This form cannot be read: send files, each with a name, as multipart/form-data.")
    if error.errno not in _DISK:
        raise error
    return refuse_error(StorageError(files.full(error)))


_DISK = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT, errno.EIO, errno.EMFILE))
