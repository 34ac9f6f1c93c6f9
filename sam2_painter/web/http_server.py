"""The HTTP server in a thread of its own: one socket, and connections that are counted and held to time limits."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from ..errors import InvalidInput
from .connections import Connection, Connections
from .loop_time import Metered

KEEP_ALIVE_SECONDS = 30  # clients let an idle connection go after 5: a server that does, too, may hang up on a question
MOST_HEAD_BYTES = 96 * 1024  # `middleware.heads` says what is too much in a sentence: this is what h11 reads at most
START_SECONDS = 60.0
END_SECONDS = 5.0
PORTS_TRIED = 100
BACKLOG = 512  # connections that wait to be accepted
ACCEPTED_AT_ONCE = 8  # of them, before others get their turn


def listen(host: str, port: int, *, any_port: bool = False) -> socket.socket:
    """A socket that listens on `host` and `port`; with any_port on the next free one, if need be. "::" is IPv4, too.

    Raises InvalidInput naming host or port when there is none to be had.
    """
    host = host.removeprefix("[").removesuffix("]")
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError):
        raise InvalidInput(f"{host} is no address of this machine. Choose another with --host.", "host") from None
    last: OSError | None = None
    for candidate in [*range(port, min(port + PORTS_TRIED, 65536)), 0] if any_port else [port]:
        try:
            return socket.create_server((address[0], candidate), family=family, backlog=BACKLOG, dualstack_ipv6=both)
        except OSError as error:
            last = error
    assert last is not None
    if last.errno in _NO_SUCH_ADDRESS:
        raise InvalidInput(f"{host} is no address of this machine. Choose another with --host.", "host") from None
    raise InvalidInput(
        f"Port {port} of {host} cannot be had ({os.strerror(last.errno or 0)}). Choose another with --port.", "port"
    ) from None


_NO_SUCH_ADDRESS = {99, 49, 10049}  # EADDRNOTAVAIL of Linux, macOS and Windows


def url_of(host: str, port: int) -> str:
    """Where people on this machine find it."""
    host = host.removeprefix("[").removesuffix("]")
    name = "localhost" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


class HttpServer:
    """uvicorn in a thread, serving `app` on a socket that listens already."""

    def __init__(self, app: ASGIApp, listening: socket.socket, connections: Connections):
        counted = type("CountedConnection", (Connection,), {"counted": connections})
        config = uvicorn.Config(
            Metered(app, connections.loop_time),
            http=counted,
            backlog=ACCEPTED_AT_ONCE,
            log_config=None,  # its lines go where everything else is logged
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=MOST_HEAD_BYTES,
            proxy_headers=False,  # whose word counts is decided by settings, not by the environment
            ws="none",
        )
        self._server, self._socket = uvicorn.Server(config), listening
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self.error: BaseException | None = None

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except (Exception, SystemExit) as error:  # noqa: BLE001  # told to whoever waits in `start`
            self.error = error

    def start(self) -> None:
        """Serve; come back when it answers."""
        self._thread.start()
        ends = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > ends:
                raise RuntimeError("The HTTP server did not start; its log says why.") from self.error
            time.sleep(0.005)
        with contextlib.suppress(OSError):  # it is closed again
            self._socket.listen(BACKLOG)  # asyncio takes one number for both

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive() and not self._server.should_exit

    def close(self) -> None:
        """End answers that are under way, and the thread."""
        self._server.should_exit = True
        self._thread.join(END_SECONDS)
        with contextlib.suppress(OSError):
            self._socket.close()
