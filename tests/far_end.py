"""The far end of the wire for tests: real sockets on loopback, well-behaved or not."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sam2_painter.engines import Engine
from sam2_painter.engines.remote.server import Answer, Service, build_api
from sam2_painter.jobs.cache import Cache

Behaviour = Callable[["FarEnd", "Handler"], None]


def memory(max_bytes: int = 2**30) -> Cache:
    """What a service remembers photos in."""
    return Cache(max_bytes, lambda kept: kept.nbytes)


@contextmanager
def serving(engine: Engine, **options: object) -> Iterator[str]:
    """`build_api(engine)` under uvicorn; the address."""
    import uvicorn

    config = uvicorn.Config(build_api(engine, memory(), **options), port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


class FarEnd:
    """A service behind a proxy that can be told to misbehave: `script` holds what it does to the next requests.

    asked: (method, path, headers) of every request so far. Out of script, it answers as it should.
    """

    def __init__(self, engine: Engine, remembers: Cache | None = None):
        self.service = Service(engine, remembers or memory())
        self.script: deque[Behaviour] = deque()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.later: dict[str, Answer] = {}
        handler = type("Bound", (Handler,), {"far_end": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    far_end: FarEnd
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """A question, answered or mistreated."""
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve()

    def do_GET(self) -> None:
        """Where a redirect led."""
        self.body = b""
        self._serve()

    def _serve(self) -> None:
        far_end = self.far_end
        far_end.asked.append((self.command, self.path, dict(self.headers)))
        if far_end.script:
            far_end.script.popleft()(far_end, self)
        else:
            self.reply(self.answer())

    def answer(self) -> Answer:
        """What the service says."""
        return self.far_end.service.answer(self.path.rpartition("/")[2], self.body)

    def reply(self, answer: Answer, **headers: str) -> None:
        """Send an answer."""
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def hang_up(far_end: FarEnd, request: Handler) -> None:
    """Close the connection without a word."""
    request.close_connection = True
    request.connection.close()


def say(status: int, body: bytes = b"<html>proxy</html>", **headers: str) -> Behaviour:
    """Answer this instead."""
    return lambda far_end, request: request.reply(Answer(status, body), **headers)


def redirect(hops: int, to: str = "") -> Behaviour:
    """Send on `hops` times, as Modal's proxy does while a container works, then give the answer."""

    def send_on(far_end: FarEnd, request: Handler) -> None:
        if request.command == "POST":
            far_end.later["call"] = request.answer()
        if hops:
            far_end.script.appendleft(redirect(hops - 1, to))
            request.reply(Answer(303, b""), Location=f"{to}{request.path.partition('?')[0]}?call={hops}")
        else:
            request.reply(far_end.later["call"])

    return send_on


def pour(megabytes: int) -> Behaviour:
    """A reply that goes on and on."""

    def send(far_end: FarEnd, request: Handler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(megabytes << 20))
        request.end_headers()
        try:
            for _ in range(megabytes):
                request.wfile.write(bytes(1 << 20))
        except OSError:  # the client has had enough
            request.close_connection = True

    return send


def hold(later: threading.Event) -> Behaviour:
    """Answer when `later` is set."""

    def send(far_end: FarEnd, request: Handler) -> None:
        later.wait(120)
        try:
            request.reply(request.answer())
        except OSError:  # the client has gone
            request.close_connection = True

    return send
