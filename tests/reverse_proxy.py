"""A proxy in front of a server, as people set one up: nginx where it is installed, else a small one of our own."""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import free_port

AS_IT_CAME = {"Host": "$http_host"}
USUAL = {
    **AS_IT_CAME,
    "X-Real-IP": "$remote_addr",
    "X-Forwarded-For": "$proxy_add_x_forwarded_for",
    "X-Forwarded-Proto": "$scheme",
}


@dataclass(frozen=True)
class Way:
    """What is below `path` goes to `upstream`, without that path where `strips`. headers: that are set, in nginx's
    words; without a Host the server hears its own address, as is nginx's default."""

    upstream: str
    path: str = "/"
    strips: bool = True
    headers: Mapping[str, str] = field(default_factory=lambda: dict(USUAL))


@contextmanager
def proxying(*ways: Way) -> Iterator[str]:
    """The address of a proxy that knows these ways; everything else is 404, "the other site"."""
    port = free_port()
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert program or os.environ.get("CI") != "true", "the tests of proxies need nginx on PATH"
    with _nginx(program, port, ways) if program else _small(port, ways):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def nginx_with(servers: str, port: int) -> Iterator[None]:
    """nginx with these `server` blocks, one of which listens on `port` of this machine. Skips where there is none."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("no nginx on PATH")
    with _running(program, servers, port):
        yield


@contextmanager
def _nginx(program: str, port: int, ways: tuple[Way, ...]) -> Iterator[None]:
    locations = "\n".join(_location(way) for way in ways)
    other = "" if any(way.path == "/" for way in ways) else 'location / { return 404 "the other site"; }'
    server = f"server {{ listen 127.0.0.1:{port}; client_max_body_size 60m; {locations} {other} }}"
    with _running(program, server, port):
        yield


@contextmanager
def _running(program: str, servers: str, port: int) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
        config = folder / "nginx.conf"
        config.write_text(
            f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
            f"http {{ access_log off; {temporary}\n{servers} }}"
        )
        running = subprocess.Popen([program, "-c", str(config), "-p", name], stderr=subprocess.PIPE, text=True)
        try:
            _wait(port, running)
            yield
        finally:
            running.terminate()
            running.communicate(timeout=20)


def _location(way: Way) -> str:
    headers = " ".join(f'proxy_set_header {name} "{value}";' for name, value in way.headers.items())
    tail = "/" if way.strips and way.path != "/" else ""
    return f"location {way.path} {{ proxy_pass {way.upstream}{tail}; proxy_buffering off; {headers} }}"


def _wait(port: int, running: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + 60
    while True:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        assert running.poll() is None, running.stderr.read() if running.stderr else ""
        assert time.monotonic() < ends, "nginx did not start"
        time.sleep(0.05)


@contextmanager
def _small(port: int, ways: tuple[Way, ...]) -> Iterator[None]:
    """One request a connection, rewritten by hand and passed on."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, target, _ = self.rfile.readline().decode("latin-1").split(" ", 2)
            head = list(iter(lambda: self.rfile.readline().decode("latin-1").strip(), ""))
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
            way = next((one for one in ways if target.startswith(one.path)), None)
            if way is None:
                body = b"the other site"
                self.wfile.write(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 14\r\n\r\n" + body)
                return
            upstream = way.upstream.removeprefix("http://")
            sent = {"host": headers.get("host", "")}
            told = {
                "$http_host": sent["host"],
                "$host": sent["host"].partition(":")[0],
                "$remote_addr": self.client_address[0],
                "$scheme": "http",
                "$proxy_add_x_forwarded_for": ", ".join(
                    filter(None, (headers.get("x-forwarded-for"), self.client_address[0]))
                ),
            }
            headers |= {"host": upstream, "connection": "close"}
            headers |= {name.lower(): told.get(value, value) for name, value in way.headers.items()}
            path = "/" + target.removeprefix(way.path).lstrip("/") if way.strips and way.path != "/" else target
            lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
            host, _, its_port = upstream.partition(":")
            with closing(socket.create_connection((host, int(its_port)))) as server:
                server.sendall("\r\n".join(lines).encode("latin-1"))
                threading.Thread(target=self.pump_body, args=(server,), daemon=True).start()
                with suppress(OSError):
                    while data := server.recv(65536):
                        self.wfile.write(data)

        def pump_body(self, server: socket.socket) -> None:
            with suppress(OSError, ValueError):
                while data := self.rfile.read1(65536):
                    server.sendall(data)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    with Server(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
