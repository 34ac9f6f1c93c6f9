"""The table by Gradio's protocol, as `gradio_client`, Gradio's JavaScript client and its documented curl calls speak.

* `POST /gradio_api/call/NAME` {"data": [...]} or `/call/v2/NAME` {"field": ...} begins, `GET .../NAME/EVENT_ID` tells
* `POST /gradio_api/queue/join` {"fn_index", "data", "session_hash"} begins, `GET /gradio_api/queue/data?session_hash=`
  tells of all that this client asked, as events
* `POST /gradio_api/run/NAME` {"data": [...]} answers at once
* `POST /gradio_api/upload` takes files that a question then names (`uploads`)
* `POST /gradio_api/cancel` and `/reset` {"event_id"} end what was begun

Gradio's own queue would be a second waiting room, and keep every answer that nobody fetches. Here a question runs on
the same workers as everybody's, and is given up with all it has told when its client does not listen, or leaves.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ...errors import Busy, Cancelled, NotFound, PainterError
from ...sessions.downloads import Download
from .. import files
from ..error_responses import BROKEN, refuse, refuse_error
from ..middleware.paths import GRADIO_API, address_of, path_of
from .endpoints import ENDPOINTS, Endpoint, Service, WrongType
from .json_bodies import parse_object
from .rest import caller_of, unless_gone
from .schemas import Caller
from .uploads import Uploads

log = logging.getLogger(__name__)
LISTENING_SECONDS = 15.0  # clients open their stream of answers before or right after they ask
HEARTBEAT_SECONDS = 15.0  # proxies cut streams that say nothing for a minute
MOST_OPEN, MOST_OPEN_EACH = 512, 64
"""Questions that are begun and not yet told of: of everybody, and of one address."""
MOST_UNHEARD_BYTES = 128 * 2**20
MOST_NAME = 128

_ASK = re.compile(r"/call/v2/(?P<named>[^/]+)/?|/call/(?P<listed>[^/]+)/?|/(?:run|api)/(?P<at_once>[^/]+)/?")
_TELL = re.compile(r"/call/(?:v2/)?[^/]+/(?P<event>[^/]+)/?")
NO_EVENT = "This request fits no event of this server. See /gradio_api/info for what there is."


@dataclass
class _Client:
    """Who asks by way of a queue: what it asked and has not been told of, and messages that wait for it."""

    address: str
    asked: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    messages: deque[tuple[str, bytes]] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    listening: int = 0
    timer: asyncio.TimerHandle | None = None

    def tell(self, event: str, message: bytes) -> None:
        self.messages.append((event, message))
        self.news.set()

    @property
    def unheard(self) -> int:
        return 0 if self.listening else sum(len(message) for _, message in self.messages)


class GradioProtocol:
    """An ASGI application around `app`: answers what the protocol asks of the table, and lets `app` answer the rest.

    numbers: the endpoints by Gradio's number of each (fn_index). uploads: takes the files that are sent before.
    """

    def __init__(self, app: ASGIApp, *, service: Service, numbers: Mapping[int, Endpoint], uploads: Uploads):
        self.app, self.service, self.numbers, self.uploads = app, service, numbers, uploads
        self._names = {one.name: one for one in ENDPOINTS}
        self._clients: dict[str, _Client] = {}
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer itself, or let the application answer."""
        path = path_of(scope) if scope["type"] == "http" else ""
        answer = self._door(scope["method"], path.removeprefix(GRADIO_API)) if path.startswith(GRADIO_API) else None
        if answer is None:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await answer(request)
        except PainterError as error:
            response = refuse_error(error)
        await response(scope, request.receive, send)

    def _door(self, method: str, path: str) -> Callable[[Request], Awaitable[Response]] | None:
        if method == "POST":
            if path == "/queue/join":
                return self._join
            if path == "/upload":
                return self.uploads
            if path in ("/cancel", "/reset"):
                return self._cancel
            if asked := _ASK.fullmatch(path):
                if asked["at_once"]:
                    return partial(self._at_once, asked["at_once"])
                return partial(self._call, asked["named"] or asked["listed"], named=bool(asked["named"]))
        if method == "GET":
            if path == "/queue/data":
                return self._tell_client
            if told := _TELL.fullmatch(path):
                return partial(self._tell_of, told["event"])
        return None

    # -- asking ------------------------------------------------------------------------------------------------------

    async def _join(self, request: Request) -> Response:
        asked = parse_object(await request.body())
        number, client = asked.get("fn_index"), asked.get("session_hash")
        endpoint = self.numbers.get(number) if isinstance(number, int) else None
        if endpoint is None:
            return refuse(422, NO_EVENT)
        return self._begin(request, endpoint, self._listed(endpoint, asked), _name(client))

    async def _call(self, name: str, request: Request, *, named: bool) -> Response:
        endpoint, asked = self._names.get(name), parse_object(await request.body())
        if endpoint is None:
            return refuse(422, NO_EVENT)
        given = _named(endpoint, asked) if named else self._listed(endpoint, asked)
        client = None if named else asked.get("session_hash")
        return self._begin(request, endpoint, given, None if client is None else _name(client))

    async def _at_once(self, name: str, request: Request) -> Response:
        asked = parse_object(await request.body())
        endpoint, number = self._names.get(name), asked.get("fn_index")
        if number is not None:
            endpoint = self.numbers.get(number) if isinstance(number, int) else None
        if endpoint is None:
            return refuse(422, NO_EVENT)
        given = self._listed(endpoint, asked)
        began = monotonic()
        try:
            made = await unless_gone(request, self._work(request, endpoint, given))
        except PainterError as error:
            refusal = refuse_error(error)
            body = orjson.dumps({"error": str(error), "detail": str(error), **_SHOWN})
            headers = {k: v for k, v in refusal.headers.items() if k == "retry-after"}
            return Response(body, refusal.status_code, headers, media_type="application/json")
        return Response(_output(made, monotonic() - began), media_type="application/json")

    def _listed(self, endpoint: Endpoint, asked: Mapping[str, object]) -> dict[str, object]:
        """The inputs by name, from a list in the order of the fields; the last ones may be left out where they have
        defaults, as they are by clients that were written before a field came."""
        data = asked.get("data")
        if not isinstance(data, list):
            raise WrongType("data must be a list of the inputs")
        if asked.get("batched"):
            raise WrongType(NO_EVENT)
        names = tuple(endpoint.fields)
        if len(data) > len(names) or endpoint.required & set(names[len(data) :]):
            takes = f"{endpoint.name} takes {len(endpoint.fields)} inputs, got {len(data)}"
            raise WrongType(f"{takes}. See /gradio_api/info.")
        return dict(zip(names, data, strict=False))

    def _begin(self, request: Request, endpoint: Endpoint, given: Mapping[str, object], name: str | None) -> Response:
        """Begin to work on a question; its number."""
        address, event = address_of(request.scope), secrets.token_hex(16)
        if self._open.total() >= MOST_OPEN or self._open[address] >= MOST_OPEN_EACH:
            raise Busy("Too many questions of yours wait for an answer. Fetch their answers, or try again.", 5.0)
        name = event if name is None else name
        client = self._clients.setdefault(name, _Client(address))
        self._open[address] += 1
        client.asked[event] = asyncio.create_task(self._answer(request, endpoint, given, client, event))
        self._expect_listener(name, client)
        return Response(orjson.dumps({"event_id": event}), media_type="application/json")

    async def _answer(
        self, request: Request, endpoint: Endpoint, given: Mapping[str, object], client: _Client, event: str
    ) -> None:
        """Work on a question, and tell its client how it ended."""
        client.tell(event, _message("process_starts", event))
        began = monotonic()
        try:
            made = await self._work(request, endpoint, given)
            output, success = _output(made, monotonic() - began), b"true"
            if not client.listening and len(output) + self._unheard() > MOST_UNHEARD_BYTES:
                raise Busy("The answer was not fetched in time. Ask again, and listen for it.", 5.0)
        except PainterError as error:
            output, success = orjson.dumps({"error": str(error), **_SHOWN}), b"false"
        except asyncio.CancelledError:
            gone = Cancelled("The client went away; nothing was changed.")
            output, success = orjson.dumps({"error": str(gone), **_SHOWN}), b"false"
        except Exception:
            log.exception("%s", endpoint.name)
            output, success = orjson.dumps({"error": BROKEN, **_SHOWN}), b"false"
        finally:
            self._open[client.address] -= 1
            if not self._open[client.address]:
                del self._open[client.address]
        client.tell(event, _message("process_completed", event, b',"success":' + success + b',"output":' + output))

    def _unheard(self) -> int:
        return sum(client.unheard for client in self._clients.values())

    async def _work(self, request: Request, endpoint: Endpoint, given: Mapping[str, object]) -> bytes:
        """The reply as JSON, made in a worker."""
        caller, root = caller_of(request), str(request.base_url).rstrip("/")
        made: bytes = await self.service.answer(endpoint, partial(self._reply, endpoint, caller, root, dict(given)))
        return made

    def _reply(self, endpoint: Endpoint, caller: Caller, root: str, given: dict[str, object]) -> bytes:
        for name in endpoint.attachments:
            given[name] = files.uploaded(given[name], self.service.uploads)
        reply = endpoint.call(self.service.studio, caller, given)
        if isinstance(reply, Download):
            copy = files.lend(reply.path, reply.filename, self.service.uploads)
            reply = _file_data(str(copy), reply, root)
        return orjson.dumps(reply)

    async def _cancel(self, request: Request) -> Response:
        event = parse_object(await request.body()).get("event_id")
        for client in self._clients.values():
            if isinstance(event, str) and event in client.asked:
                client.asked[event].cancel()
        return Response(b'{"success":true}', media_type="application/json")

    # -- telling -----------------------------------------------------------------------------------------------------

    async def _tell_client(self, request: Request) -> Response:
        name = _name(request.query_params.get("session_hash"))
        client = self._clients.get(name)
        if client is None:
            raise NotFound("Nothing was asked under this session_hash, or it waited too long to be told of.")
        return _stream(self._events(name, client, _as_event))

    async def _tell_of(self, event: str, request: Request) -> Response:
        for name, client in self._clients.items():
            if event in client.asked:
                return _stream(self._events(name, client, _as_call))
        raise NotFound("There is no such question, or its answer waited too long to be fetched.")

    async def _events(self, name: str, client: _Client, form: Callable[[bytes], bytes]) -> AsyncIterator[bytes]:
        client.listening += 1
        if client.timer is not None:
            client.timer.cancel()
        finished = False
        try:
            while client.asked or client.messages:
                if not client.messages:
                    client.news.clear()
                    try:
                        async with asyncio.timeout(HEARTBEAT_SECONDS):
                            await client.news.wait()
                    except TimeoutError:
                        yield form(_message("heartbeat", ""))
                    continue
                event, message = client.messages.popleft()
                yield form(message)
                if message.startswith(_COMPLETED):
                    client.asked.pop(event, None)
            finished = True
            yield form(_message("close_stream", ""))
        finally:
            client.listening -= 1
            if finished or not client.listening:  # a client that left before it has its answers wants them no more
                self._forget(name, client)

    def _expect_listener(self, name: str, client: _Client) -> None:
        if client.timer is not None:
            client.timer.cancel()
        if not client.listening:
            client.timer = asyncio.get_running_loop().call_later(LISTENING_SECONDS, self._forget, name, client)

    def _forget(self, name: str, client: _Client) -> None:
        """Give up what is being done for a client, and all that it was to be told."""
        if client.timer is not None:
            client.timer.cancel()
        for task in client.asked.values():
            task.cancel()
        client.messages.clear()
        if self._clients.get(name) is client:
            del self._clients[name]


_SHOWN = {"visible": True, "duration": 10, "title": "Error"}
_COMPLETED = b'{"msg":"process_completed"'


def _name(given: object) -> str:
    """What a client calls itself."""
    if not isinstance(given, str) or not 0 < len(given) <= MOST_NAME:
        raise WrongType(f"session_hash must be text of 1 to {MOST_NAME} characters")
    return given


def _named(endpoint: Endpoint, given: Mapping[str, object]) -> dict[str, object]:
    """The inputs of a question that names them."""
    name = endpoint.name
    missing, unknown = endpoint.required - given.keys(), given.keys() - endpoint.fields.keys() - {"oauth_token"}
    if missing:
        raise WrongType(f"{name} needs {', '.join(sorted(missing))}. See /gradio_api/info.")
    if unknown:
        takes = ", ".join(endpoint.fields) or "no inputs"
        raise WrongType(f"{name} takes {takes}, and nothing else. See /gradio_api/info.")
    defaults = {field: one.default for field, one in endpoint.fields.items() if field not in endpoint.required}
    return {**defaults, **{field: value for field, value in given.items() if field in endpoint.fields}}


def _file_data(path: str, made: Download, root: str) -> dict[str, object]:
    """A file as Gradio's clients want it, to be fetched at `url`."""
    return {
        "path": path,
        "url": f"{root}{GRADIO_API}/file={path}",
        "size": made.size_bytes,
        "orig_name": made.filename,
        "mime_type": made.media_type,
        "is_stream": False,
        "meta": {"_type": "gradio.FileData"},
    }


def _output(reply: bytes, seconds: float) -> bytes:
    took = f"{seconds:.3f}".encode()
    return b'{"data":[' + reply + b'],"is_generating":false,"duration":' + took + b',"average_duration":' + took + b"}"


def _message(kind: str, event: str, rest: bytes = b"") -> bytes:
    return b'{"msg":"' + kind.encode() + b'","event_id":"' + event.encode() + b'"' + rest + b"}"


def _as_event(message: bytes) -> bytes:
    return b"data: " + message + b"\n\n"


def _as_call(message: bytes) -> bytes:
    """The same for who asked by hand: "complete" with the list of outputs, or "error"."""
    told: dict[str, Any] = orjson.loads(message)
    if told["msg"] == "heartbeat":
        return b"event: heartbeat\ndata: null\n\n"
    if told["msg"] != "process_completed":
        return b""
    kind, data = ("complete", told["output"]["data"]) if told["success"] else ("error", told["output"])
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def _stream(events: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
