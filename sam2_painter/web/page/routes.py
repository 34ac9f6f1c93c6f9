"""The page's own requests, by plain HTTP under /page: JSON or a file in, what is to be seen out as JSON.

They run on the same workers as /api, under the same limits and with the same answers to mistakes. Beside them lie the
page's scripts and styles, under an address that changes with what is in them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ...errors import Cancelled, PainterError
from ..api.endpoints import Limit, Service, WrongType
from ..api.json_bodies import parse
from ..api.rest import unless_gone
from ..api.schemas import Attachment
from ..error_responses import BROKEN, refuse, refuse_error
from ..middleware.paths import PAGE
from . import assets, handlers, view
from .ask import Ask

log = logging.getLogger(__name__)
GENERATE = "generate"
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Action:
    """One thing the page can ask. limit: the kind of time limit. quick: needs neither engine nor pixels.

    takes_file: a form with a file, and the rest as JSON in its field "ask".
    """

    verb: handlers.Verb
    limit: Limit
    quick: bool = False
    takes_file: bool = False


ACTIONS: dict[str, Action] = {
    "open": Action(handlers.open_upload, "upload", takes_file=True),
    "open_project": Action(handlers.open_project, "upload", takes_file=True),
    "example": Action(handlers.open_example, "upload"),
    "resume": Action(handlers.resume, "paint"),
    "look": Action(handlers.look, "paint"),
    "alive": Action(handlers.alive, "segment", quick=True),
    "close": Action(handlers.close, "segment", quick=True),
    "embed": Action(handlers.embed, "segment"),
    "click": Action(handlers.click, "segment"),
    "box": Action(handlers.box, "segment"),
    "stroke": Action(handlers.stroke, "segment"),
    "polygon": Action(handlers.polygon, "segment"),
    "tidy": Action(handlers.tidy, "segment"),
    "take_over": Action(handlers.take_over, "segment"),
    "import_mask": Action(handlers.import_mask, "segment", takes_file=True),
    "choose_wall": Action(handlers.choose_wall, "segment"),
    "remove_point": Action(handlers.remove_point, "segment"),
    "choose": Action(handlers.choose, "segment"),
    "answers": Action(handlers.answers, "segment"),
    "select": Action(handlers.select, "segment"),
    "clear_selection": Action(handlers.clear_selection, "segment"),
    "find": Action(handlers.find, "segment"),
    "color": Action(handlers.color, "paint"),
    "wall_paints": Action(handlers.wall_paints, "paint"),
    "wall": Action(handlers.wall, "paint"),
    "detail": Action(handlers.detail, "paint"),
    "load_palette": Action(handlers.load_palette, "paint", takes_file=True),
    "reset_palette": Action(handlers.reset_palette, "paint"),
    "paint": Action(handlers.paint_wall, "paint"),
    "edit_layer": Action(handlers.edit_layer, "paint"),
    "remove_layer": Action(handlers.remove_layer, "paint"),
    "move_layer": Action(handlers.move_layer, "paint"),
    "tie_layers": Action(handlers.tie_layers, "paint"),
    "untie_layer": Action(handlers.untie_layer, "paint"),
    "tie_offers": Action(handlers.tie_offers, "paint"),
    "paint_alike": Action(handlers.paint_alike, "generate"),
    "add_scheme": Action(handlers.add_scheme, "paint"),
    "choose_scheme": Action(handlers.choose_scheme, "paint"),
    "rename_scheme": Action(handlers.rename_scheme, "paint"),
    "remove_scheme": Action(handlers.remove_scheme, "paint"),
    "compare_schemes": Action(handlers.compare_schemes, "download"),
    "scheme_grid": Action(handlers.scheme_grid, "download"),
    "download_schemes": Action(handlers.download_schemes, "download"),
    "sheets": Action(handlers.sheets, "paint", quick=True),
    "make_sheet": Action(handlers.make_sheet, "download"),
    "revoke_sheet": Action(handlers.revoke_sheet, "paint", quick=True),
    "download_sheet": Action(handlers.download_sheet, "download"),
    "undo": Action(handlers.undo, "paint"),
    "redo": Action(handlers.redo, "paint"),
    "download_pictures": Action(handlers.download_pictures, "download"),
    "save_project": Action(handlers.save_project, "download"),
    "download": Action(handlers.download, "download"),
}


def build(service: Service) -> Starlette:
    """The application that answers under /page."""
    answers = [
        Route(f"{PAGE}/{name}", partial(_answer, name, action, service), methods=["POST"])
        for name, action in ACTIONS.items()
    ]
    return Starlette(
        routes=[
            *answers,
            Route(f"{PAGE}/{GENERATE}", partial(_generate, service), methods=["POST"]),
            Route(f"{PAGE}/examples/{{name}}.jpg", _example),
            Mount(f"{PAGE}/static/{assets.VERSION}", GZipMiddleware(_Lasting(directory=assets.FOLDER))),
        ],
        exception_handlers={HTTPException: _http_error, 500: _defect},
    )


async def _example(request: Request) -> Response:
    """The small picture of an example."""
    try:
        data = await run_in_threadpool(view.example_thumbnail, request.path_params["name"])
    except PainterError as error:
        return refuse_error(error)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


class _Lasting(StaticFiles):
    """Files that never change under their address."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = f"private, max-age={_YEAR}, immutable"
        return response


async def _answer(name: str, action: Action, service: Service, request: Request) -> Response:
    try:
        ask = await _read(request, action.takes_file)
        make = partial(_reply, action, service, ask)
        work = service.run(make, action.limit, name, quick=action.quick)
        return Response(await unless_gone(request, work), media_type="application/json")
    except PainterError as error:
        return refuse_error(error)


def _reply(action: Action, service: Service, ask: Ask) -> bytes:
    """In a worker: what is to be seen, as JSON."""
    return orjson.dumps(action.verb(service.studio, ask))


async def _read(request: Request, takes_file: bool) -> Ask:
    try:
        if not takes_file:
            return Ask.read(parse(await request.body(), "The request"))
        async with request.form(max_files=1, max_fields=1) as form:
            file, text = form.get("file"), form.get("ask", "{}")
            if not isinstance(file, UploadFile) or not isinstance(text, str):
                raise WrongType("This request needs a form with a file, and the rest as JSON in its field ask.")
            return Ask.read(
                parse(text.encode("utf-8", "replace"), "The field ask"),
                Attachment(await file.read(), file.filename or ""),
            )
    except ClientDisconnect:
        raise Cancelled("The request ended early; nothing was changed.") from None
    except HTTPException as error:  # what Starlette makes of a form it cannot read
        raise WrongType(f"The form cannot be read: {error.detail}") from None


# -- every mask: lines of JSON, while it is looked for ---------------------------------------------------------------


async def _generate(service: Service, request: Request) -> Response:
    """A line {"fraction": 0.4} now and then, and what is to be seen as the last one. Whoever hangs up ends the work.

    What goes wrong before the first line is an answer like any other, and {"detail": sentence} after it.
    """
    loop, news = asyncio.get_running_loop(), asyncio.Queue[float | None]()

    def tell(fraction: float) -> None:
        loop.call_soon_threadsafe(news.put_nowait, round(fraction, 2))

    try:
        ask = await _read(request, takes_file=False)
        work = asyncio.ensure_future(
            service.run(lambda: orjson.dumps(handlers.generate(service.studio, ask, tell)), "generate", GENERATE)
        )
        work.add_done_callback(lambda _: news.put_nowait(None))
        try:
            first = await unless_gone(request, news.get())
        except PainterError:
            work.cancel()
            raise
        if first is None:
            return Response(work.result() + b"\n", media_type="application/x-ndjson")
    except PainterError as error:
        return refuse_error(error)
    return StreamingResponse(_lines(request, news, first, work), media_type="application/x-ndjson")


async def _lines(
    request: Request, news: asyncio.Queue[float | None], first: float, work: asyncio.Future[bytes]
) -> AsyncIterator[bytes]:
    fraction: float | None = first
    try:
        while fraction is not None:
            yield orjson.dumps({"fraction": fraction}) + b"\n"
            fraction = await unless_gone(request, news.get())
        yield work.result() + b"\n"
    except PainterError as error:
        yield orjson.dumps({"detail": str(error)}) + b"\n"
    except Exception:
        log.exception("generate")
        yield orjson.dumps({"detail": BROKEN}) + b"\n"
    finally:
        work.cancel()


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, f"{error.detail}. Reload the page.")


async def _defect(request: Request, error: Exception) -> Response:
    return refuse(500, BROKEN)
