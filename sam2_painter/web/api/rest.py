"""The table as plain HTTP under /api: JSON or forms in, JSON out, files streamed."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar, get_args
from urllib.parse import quote

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route, request_response
from starlette.types import Receive, Scope, Send

from ...errors import Cancelled, DownloadNotFound, PainterError, StorageError
from ...sessions.downloads import Download
from .. import files
from ..error_responses import refuse, refuse_error
from ..middleware.bodies import FORMS
from ..middleware.kept import Kept
from ..middleware.paths import address_of, path_of
from . import openapi
from .endpoints import ENDPOINTS, Endpoint, Service, WrongType
from .json_bodies import parse, parse_object
from .schemas import Attachment, Caller

MOST_FILES, MOST_FIELDS = 4, 40
Part = str | Attachment
R = TypeVar("R")
Ask = Callable[[], Mapping[str, Any]]


def build(service: Service) -> Starlette:
    """The application that answers /api."""
    openapi_json = Route("/api/openapi.json", Kept(request_response(_openapi)), methods=["GET"])
    routes = [openapi_json, Route("/api/docs", _docs), Route("/api/redoc", _docs)]
    for endpoint in ENDPOINTS:
        paths = ["/api", "/api/"] if endpoint.path == "/" else [f"/api{endpoint.path}"]
        routes += [Route(path, partial(_answer, endpoint, service), methods=[endpoint.method]) for path in paths]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_error, 500: _defect},
    )


async def _answer(endpoint: Endpoint, service: Service, request: Request) -> Response:
    try:
        ask = await _read(endpoint, service, request)
        make = partial(_make, endpoint, service, caller_of(request), ask)
        made = await unless_gone(request, service.answer(endpoint, make))
    except PainterError as error:
        return refuse_error(error)
    if isinstance(made, Download):
        return _file(made, request)
    return Response(made, media_type="application/json")


def _make(endpoint: Endpoint, service: Service, caller: Caller, ask: Ask) -> bytes | Download:
    """In a worker: a body of megabytes is parsed, and made, beside the event loop."""
    reply = endpoint.call(service.studio, caller, ask())
    return reply if isinstance(reply, Download) else orjson.dumps(reply)


def caller_of(request: Request) -> Caller:
    """Who asks, and whether `middleware.entrance` saw that they signed in."""
    return Caller(address_of(request.scope), bool(request.scope.get("state", {}).get("operator")))


async def unless_gone(request: Request, work: Awaitable[R]) -> R:
    """The work's result; it is cancelled when the client goes away."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        raise Cancelled("The client went away; nothing was changed.")
    gone.cancel()
    return task.result()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


# -- reading a request -----------------------------------------------------------------------------------------------


async def _read(endpoint: Endpoint, service: Service, request: Request) -> Ask:
    """What was asked by path, query, and a JSON or form body, ready to be made plain values of."""
    parts: dict[str, Part] = {**request.query_params, **request.path_params}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = b""
    try:
        if endpoint.method == "POST" and kind in FORMS:
            most_part = service.studio.max_file_size * 4 // 3 + 1024
            async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=most_part) as form:
                for name, value in form.items():
                    parts[name] = value if isinstance(value, str) else await _attachment(value)
        elif endpoint.method == "POST":
            body = await request.body()
    except ClientDisconnect:
        raise Cancelled("The request ended early; nothing was changed.") from None
    except HTTPException as error:  # what Starlette makes of a form it cannot read
        raise WrongType(f"The form cannot be read: {error.detail}") from None
    except OSError as error:  # a form of megabytes is written to a file while it is read
        raise StorageError(files.full(error)) from error
    given = {name: part for name, part in parts.items() if part != ""}  # forms send what was left blank, too
    return lambda: {**{name: _value(endpoint, name, part) for name, part in given.items()}, **parse_object(body)}


async def _attachment(sent: UploadFile) -> Attachment:
    return Attachment(await sent.read(), sent.filename or "")


def _value(endpoint: Endpoint, name: str, part: Part) -> Any:
    """A part of a form or query as what its field is: a file, text, or JSON. A file for a text field is base64."""
    if name in endpoint.attachments:
        return part
    if isinstance(part, Attachment):
        return base64.b64encode(part.content).decode("ascii")  # type: ignore[arg-type]
    if str in (hint := endpoint.hints.get(name, str), *get_args(hint)):
        return part
    if hint is bool and part.lower() in ("true", "false"):  # forms of clients in Python say True
        return part.lower() == "true"
    try:
        return parse(part.encode("utf-8", "replace"), name)
    except WrongType:
        return part  # of the wrong type, as the check that follows will say


# -- answers that are no JSON ----------------------------------------------------------------------------------------


def _file(made: Download, request: Request) -> Response:
    """The file, streamed, or the range of it that was asked for; nothing when the client has it already."""
    try:
        stat = made.path.stat()
    except OSError:
        return refuse_error(DownloadNotFound("No such download: it was deleted with its session."))
    headers = {"Content-Disposition": content_disposition(made.filename), "Cache-Control": "private, no-cache"}
    response = FileResponse(made.path, headers=headers, media_type=made.media_type, stat_result=stat)
    if response.headers["etag"] in request.headers.get("if-none-match", "").replace(" ", "").split(","):
        return Response(status_code=304, headers={"ETag": response.headers["etag"], **headers})
    return response


def content_disposition(filename: str) -> str:
    """The header that saves a file under this name: in full for RFC 5987 readers, in ASCII for the rest.

    >>> print(content_disposition("дом #1.png"))
    attachment; filename="___ _1.png"; filename*=UTF-8''%D0%B4%D0%BE%D0%BC%20%231.png
    """
    plain = re.sub(r"[^\w .()-]", "_", filename, flags=re.ASCII)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


async def _openapi(request: Request) -> Response:
    servers = [{"url": str(request.base_url).rstrip("/")}]  # as whoever asks reached it, a proxy's path included
    document = await run_in_threadpool(openapi.document)  # the first time it takes a second
    return Response(orjson.dumps({**document, "servers": servers}), media_type="application/json")


async def _docs(request: Request) -> Response:
    return HTMLResponse(openapi.page())


async def lead_to_docs(scope: Scope, receive: Receive, send: Send) -> None:
    """From where people look for it, /docs or /redoc, to the documentation page, below whatever path."""
    up = "../" * (path_of(scope).count("/") - 1)
    await RedirectResponse(f"{up}api/docs")(scope, receive, send)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, f"{error.detail}. See /api/docs for what there is.")


async def _defect(request: Request, error: Exception) -> Response:
    return refuse(500, "Something broke inside the server; its log says what.")
