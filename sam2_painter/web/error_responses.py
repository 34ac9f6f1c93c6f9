"""Errors as HTTP: which status, and `{"detail": sentence}`."""

from __future__ import annotations

import math
import re

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ..errors import (
    Busy,
    Cancelled,
    Conflict,
    EngineError,
    InvalidInput,
    NotAnImage,
    NotFound,
    PainterError,
    SignInRequired,
    StorageError,
    TimeLimitExceeded,
    TooLarge,
    TooManyRequests,
)
from .api.endpoints import WrongType

STATUS: tuple[tuple[type[PainterError], int], ...] = (  # the first that fits
    (WrongType, 422),
    (NotAnImage, 415),
    (TooLarge, 413),
    (InvalidInput, 400),
    (SignInRequired, 401),
    (NotFound, 404),
    (Conflict, 409),
    (TooManyRequests, 429),
    (TimeLimitExceeded, 504),
    (Busy, 503),
    (Cancelled, 503),
    (EngineError, 503),
    (StorageError, 503),
)
RETRY_SECONDS = 5.0
BROKEN = "Something broke inside the server, and nothing was changed; its log says what."
KIND, FIELD = "X-Error-Kind", "X-Error-Field"
"""Headers for `Painter(url=...)`: the error's name, and the field to change."""


def refuse_error(error: PainterError) -> JSONResponse:
    """The answer to a request that ended with this error."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    if status in (413, 415) and getattr(error, "field", "") == "mask":  # a field like others, not the file sent
        status = 400
    wait = getattr(error, "retry_after", RETRY_SECONDS) if status in (429, 503) else None
    refusal = refuse(status, str(error), wait)
    refusal.headers[KIND] = type(error).__name__
    if re.fullmatch(r"[\w.\[\]-]{1,80}", field := getattr(error, "field", ""), re.ASCII):
        refusal.headers[FIELD] = field
    return refusal


async def end_with(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """End a request with an answer; a websocket, which can have none, is closed."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await answer(scope, receive, send)


def refuse(status: int, detail: str, retry_after: float | None = None) -> JSONResponse:
    """`{"detail": ...}`; retry_after: seconds after which trying again may help."""
    headers = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
    return JSONResponse({"detail": detail}, status, headers)
