"""Sheets for the painter, as pages: whoever has the link may read one, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ..errors import PainterError
from ..sessions import sheet_page
from ..sessions.sheets import Sheets
from .error_responses import refuse_error
from .middleware.paths import SHEET

_HEADERS = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "private, no-store"}
_GONE = (
    "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<meta name=color-scheme content='light dark'><title>No sheet here</title>"
    "<p style='font:16px system-ui;max-width:30rem;margin:4rem auto;padding:0 1rem'>This sheet is not there any more: "
    "it expired, or was taken back. Ask for a new link."
)


def build(sheets: Sheets) -> Starlette:
    """The application that answers under /sheet."""
    doors: tuple[tuple[str, Callable[[Sheets, Request], Awaitable[Response]]], ...] = (
        ("{token}", _sheet),
        ("{token}/before.jpg", partial(_picture, "before")),
        ("{token}/after.jpg", partial(_picture, "after")),
    )
    return Starlette(routes=[Route(f"{SHEET}/{path}", partial(door, sheets)) for path, door in doors])


async def _sheet(sheets: Sheets, request: Request) -> Response:
    token = request.path_params["token"]
    try:
        sheet = await run_in_threadpool(sheets.get, token)
    except PainterError as error:
        return HTMLResponse(_GONE, refuse_error(error).status_code, _HEADERS)
    link = f"{str(request.base_url).rstrip('/')}{SHEET}/{token}"
    page = sheet_page.render(sheet.facts, f"{token}/before.jpg", f"{token}/after.jpg", link)
    return HTMLResponse(page, headers=_HEADERS)


async def _picture(which: str, sheets: Sheets, request: Request) -> Response:
    try:
        data = await run_in_threadpool(sheets.picture, request.path_params["token"], which)
    except PainterError as error:
        return refuse_error(error)
    return Response(data, media_type="image/jpeg", headers=_HEADERS)
