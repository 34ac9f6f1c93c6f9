"""One server for every door: the page, Gradio's API, /api, MCP, and a share link where one can be had."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import importlib.util
import io
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from gradio_client import Client
from starlette.types import ASGIApp

from ..errors import InvalidInput, PainterError
from ..jobs.workers import Workers
from ..settings import Settings
from ..studio.studio import Studio
from . import files
from .api import endpoints as api
from .api import rest
from .middleware.auth import SignIn
from .middleware.disconnect import Disconnects
from .middleware.entrance import Entrance
from .middleware.gradio_calls import GradioCalls, refuse_upload
from .middleware.guard import Guard
from .middleware.origins import Origins
from .middleware.rate_limit import Rate
from .page import blocks as page

log = logging.getLogger(__name__)
SWEEP_SECONDS = 20.0
FINISH_SECONDS = 3.0
KEEP_ALIVE_SECONDS = 30  # clients let an idle connection go after 5: a server that does, too, may hang up on a question
M_ARENA_MAX = -8  # of glibc's malloc.h
REMEMBERED_TABS = 256  # clients of whom Gradio keeps its configuration, 0.1 MB each; another one costs 13 ms to make
NO_MCP = "No MCP: it needs the packages of requirements-mcp.txt (pip install -r requirements-mcp.txt)."
NO_SHARE = "No public link: Gradio's link service cannot be reached from here. The page stays up at {url}."


@dataclass(frozen=True)
class Served:
    """A server that is up. url: where, without a slash at its end. share_url: for everybody, "" where there is none.

    notes: sentences for whoever started it: where it is, and what could not be had.
    """

    url: str
    share_url: str
    notes: tuple[str, ...]
    blocks: gr.Blocks
    _workers: Workers = field(repr=False)
    _stop: threading.Event = field(repr=False)

    def close(self) -> None:
        """Stop serving: no new work is begun, what runs may finish within FINISH_SECONDS and is cancelled then."""
        self._stop.set()
        self._workers.close(FINISH_SECONDS)
        self.blocks.close(verbose=False)  # waits up to 5 s for answers that are under way

    def wait(self) -> None:
        """Serve until SIGINT or SIGTERM, then close. For the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        self._stop.wait()
        self.close()


class _GuardedApp(App):
    """Gradio's application with the guard around all of it, Gradio's own middleware included."""

    guard: Guard
    service: api.Service

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.state_holder = _Tabs()
        self.add_exception_handler(TypeError, refuse_upload)

    def build_middleware_stack(self) -> ASGIApp:
        watched = Disconnects(super().build_middleware_stack(), self.service.listening, self.service.forget)
        self.guard.app = GradioCalls(watched, self.get_blocks())
        return self.guard


class _Tab(SessionState):
    """What Gradio remembers of a client, without its last questions and answers: those hold photos."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class _Tabs(StateHolder):
    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _Tab(self.blocks)
        return super().__getitem__(session_id)


def launch(
    studio: Studio,
    settings: Settings,
    *,
    prevent_thread_lock: bool = False,
    any_port: bool = False,
    quiet: bool = False,
    **options: Any,
) -> Served:
    """Serve page and programs on `settings.host` and `settings.port`.

    prevent_thread_lock: come back at once instead of serving until SIGINT or SIGTERM. any_port: another port when that
    one is taken. quiet: print nothing. options: further ones of Gradio's `launch`, such as inbrowser, height. Raises
    InvalidInput when the port is taken, or the machine does not reach itself there.
    """
    if not any_port:
        _check_port(settings)
    _keep_memory_together()
    uploads = files.use_private_folder()
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(2**31))  # else a pandas table for every event
    threading.Thread(target=_import_plotting, name="import plotting", daemon=True).start()
    blocks = page.build(studio, settings)
    workers = Workers(queue_size=settings.queue_size)
    photos = Rate(settings.sessions_per_minute, "photos")
    service = api.Service(studio, workers, photos, uploads)
    api.add_to(blocks, service)
    blocks.queue(max_size=settings.queue_size)

    app = _GuardedApp()
    app.guard, app.service = _guard(app, service, settings), service
    mcp = settings.mcp and importlib.util.find_spec("mcp") is not None
    chatter = io.StringIO()  # Gradio's; ours is in `notes`
    with _reaches_itself(blocks, settings), contextlib.redirect_stdout(chatter):
        _, url, share_url = blocks.launch(
            server_name=settings.host,
            server_port=None if any_port else settings.port,
            share=settings.share,
            prevent_thread_lock=True,
            max_file_size=settings.max_file_size,
            enable_monitoring=False,
            state_session_capacity=REMEMBERED_TABS,
            mcp_server=mcp,
            _app=app,
            _frontend=False,  # else it asks the server again whether it is there, and gives it three seconds
            **{**page.launch_options(), **options},
        )
    blocks.server.config.timeout_keep_alive = KEEP_ALIVE_SECONDS
    app.guard.entrance.started = True
    _log_with_ours("uvicorn")
    log.debug("gradio: %s", chatter.getvalue().strip())
    if mcp:
        _sign_in_mcp(blocks, settings)

    stop = threading.Event()
    threading.Thread(target=_sweep, args=(stop, studio, uploads), name="sweep", daemon=True).start()
    notes = _notes(url.rstrip("/"), share_url, settings, mcp)
    served = Served(url.rstrip("/"), share_url or "", notes, blocks, workers, stop)
    if not quiet:
        print(*notes, sep="\n", flush=True)  # noqa: T201  # what a person in a terminal or notebook wants to know
    if not prevent_thread_lock:
        served.wait()
    return served


def _import_plotting() -> None:
    """Gradio imports matplotlib, where there is one, in the middle of its first answer: everybody waits for seconds."""
    with contextlib.suppress(ImportError):
        importlib.import_module("matplotlib").get_backend()


@contextlib.contextmanager
def _reaches_itself(blocks: gr.Blocks, settings: Settings) -> Iterator[None]:
    """Gradio asks the server it has started for an answer; where none comes it raises one of several errors."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, httpx.TransportError) and "localhost" not in str(error):
            raise
        blocks.close(verbose=False)
        raise InvalidInput(
            f"{settings.host} cannot be reached from this machine itself. Where HTTP_PROXY is set, set "
            "NO_PROXY=localhost,127.0.0.1 too; otherwise choose another address with --host.",
            "host",
        ) from error


def _log_with_ours(name: str) -> None:
    """What the HTTP server has to say, tracebacks of defects above all, goes where everything else is logged."""
    logger = logging.getLogger(name)
    logger.handlers.clear()
    logger.propagate = True


def _check_port(settings: Settings) -> None:
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError as error:
        raise InvalidInput(
            f"Port {settings.port} of {settings.host} cannot be had ({error.strerror}). Choose another with --port.",
            "port",
        ) from None


def _guard(app: ASGIApp, service: api.Service, settings: Settings) -> Guard:
    origins = Origins(one.strip().rstrip("/") for one in settings.cors_origins.split(",") if one.strip())
    sign_in = SignIn(settings.credentials, settings.auth_token)
    return Guard(
        app,
        rest.build(service, origins.named),
        entrance=Entrance(sign_in, origins, status=lambda: service.studio.status),
        requests=Rate(settings.requests_per_minute, "requests"),
        photos=service.photos,
        max_body=settings.max_file_size * 4 // 3 + 2**20,  # the largest photo as base64, and something around it
        body_limit=settings.body_limit,
        shared=settings.share,
    )


def _sign_in_mcp(blocks: gr.Blocks, settings: Settings) -> None:
    """Give Gradio's MCP server, which calls the server it is part of, the key to its door.

    It would make this client itself, without credentials; a tool call still travels with those of whoever calls.
    """
    if not (settings.auth or settings.auth_token):
        return
    basic = "Basic " + base64.b64encode(settings.auth.encode()).decode("ascii")
    blocks.mcp_server_obj._client_instance = Client(
        blocks.local_url,
        headers={"authorization": f"Bearer {settings.auth_token}" if settings.auth_token else basic},
        download_files=False,
        verbose=False,
        analytics_enabled=False,
        _skip_components=False,
        httpx_kwargs={"timeout": 60},
    )


def _notes(url: str, share_url: str | None, settings: Settings, mcp: bool) -> tuple[str, ...]:
    notes = [f"SAM2 Painter: {url}", f"HTTP API:     {url}/api/docs"]
    if mcp:
        notes.append(f"MCP:          {url}/gradio_api/mcp/")
    elif settings.mcp:
        notes.append(NO_MCP)
    if share_url:
        notes.append(f"Public link:  {share_url}")
    elif settings.share:
        notes.append(NO_SHARE.format(url=url))
    return tuple(notes)


def _sweep(stop: threading.Event, studio: Studio, uploads: Path) -> None:
    """Delete what nobody uses any more, also while nobody opens a photo."""
    while not stop.wait(SWEEP_SECONDS):
        try:
            studio.sweep()
            files.sweep(uploads)
        except (PainterError, OSError) as error:  # a full disk, say: the next sweep may do better
            log.warning("sweep: %s", error)
        _give_memory_back()


def _keep_memory_together() -> None:
    """glibc gives every thread that works an arena of its own, and what is freed in one serves no other: with fifty
    people at once, gigabytes."""
    _glibc("mallopt", M_ARENA_MAX, 2)


def _give_memory_back() -> None:
    """To the system, what is freed."""
    _glibc("malloc_trim", 0)


def _glibc(name: str, *numbers: int) -> None:
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        getattr(ctypes.CDLL(None), name)(*numbers)
