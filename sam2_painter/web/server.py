"""One server for every door: the page, Gradio's API, /api, MCP, and a share link where one can be had."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import logging
import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import gradio as gr
import httpx
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from ..errors import InvalidInput, PainterError
from ..hosts import AllowedHosts, hosted_frames, hosted_names, own_names, split_host
from ..jobs.rate import Rate
from ..jobs.workers import Workers, usual_threads
from ..settings import Settings
from ..studio.studio import Studio
from . import body_limits, files, gradio_app, sheets
from .api import endpoints as api
from .api import rest
from .api.gradio_protocol import GradioProtocol
from .api.json_bodies import CountedJson
from .api.uploads import Uploads
from .connections import RESERVED_DESCRIPTORS, Connections, raise_descriptor_limit
from .http_server import HttpServer, listen, url_of
from .mcp.sources import PhotoSources
from .middleware.auth import SignIn
from .middleware.bodies import Bodies, BodyBudget
from .middleware.cors import Cors, WithoutCors
from .middleware.defects import Defects
from .middleware.document import Document
from .middleware.entrance import Entrance
from .middleware.front import Front
from .middleware.guard import Guard
from .middleware.heads import Heads, page_policy
from .middleware.kept import Kept
from .middleware.origins import Origins
from .middleware.paths import API, GRADIO_API, MCP, PAGE, SHEET
from .middleware.proxies import RootPath, TrustedProxies
from .middleware.rate_limits import RateLimits
from .page import blocks as page
from .page import routes as page_routes

if TYPE_CHECKING:
    from .mcp.server import McpServer

log = logging.getLogger(__name__)
SWEEP_SECONDS = 20.0
FINISH_SECONDS = 3.0
PARTS_OF_PAGE = ("/assets/", "/static/", "/svelte/", f"{PAGE}/static/")
EVERY_MASK = "every mask"
DESCRIPTORS = 8192  # files and connections this process may have open, where the system lets it
WORKERS_ELSEWHERE = 8
M_ARENA_MAX = -8  # of glibc's malloc.h
NO_MCP = "No MCP: pip install -r requirements-mcp.txt, or 'sam2-painter[mcp]'."
NO_SHARE = "No public link: Gradio's link service cannot be reached from here. The page stays up at {url}."


@dataclass(frozen=True)
class Served:
    """A server that is up. url: where, without a slash at its end. share_url: for everybody, "" where there is none.

    notes: sentences for whoever started it: where it is, and what could not be had.
    """

    url: str
    share_url: str
    notes: tuple[str, ...]
    blocks: gr.Blocks = field(repr=False)
    app: FastAPI = field(repr=False)
    _workers: Workers = field(repr=False)
    _http: HttpServer = field(repr=False)
    _stop: threading.Event = field(repr=False)

    @property
    def is_running(self) -> bool:
        """Whether it answers; `gradio.close_all()` ends it, too."""
        return self._http.is_running and self.blocks.is_running

    def close(self) -> None:
        """Stop serving: no new work is begun, what runs may finish within FINISH_SECONDS and is cancelled then."""
        self._stop.set()
        self._workers.close(FINISH_SECONDS)
        self._http.close()
        self.blocks.close(verbose=False)

    def wait(self) -> None:
        """Serve until SIGINT or SIGTERM, then close. For the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        self._stop.wait()
        self.close()


def launch(
    studio: Studio,
    settings: Settings,
    *,
    prevent_thread_lock: bool = False,
    any_port: bool = False,
    quiet: bool = False,
    inbrowser: bool = False,
    share_server_address: str | None = None,
) -> Served:
    """Serve page and programs on `settings.host` and `settings.port`.

    prevent_thread_lock: come back at once instead of serving until SIGINT or SIGTERM. any_port: another port when that
    one is taken. quiet: print nothing. inbrowser: open the page there. share_server_address: HOST:PORT of another link
    service than Gradio's. Raises InvalidInput when the port is taken, or the machine does not reach itself there.
    """
    sources = PhotoSources.parse(settings.allow_paths, settings.allow_urls, settings.max_file_size)
    listening = listen(settings.host, settings.port, any_port=any_port)
    shared_as: list[str] = []
    mcp = settings.mcp and importlib.util.find_spec("mcp") is not None
    served = _start(studio, settings, listening, sources if mcp else None, shared_as)
    share_url = ""
    if settings.share:
        port: int = listening.getsockname()[1]
        share_url = gradio_app.open_tunnel(served.blocks, settings.host, port, share_server_address)
    if share_url:
        shared_as.append(urlsplit(share_url).netloc)
    served = replace(served, share_url=share_url, notes=_notes(served.url, share_url, settings, mcp))
    if not quiet:
        print(*served.notes, sep="\n", flush=True)  # noqa: T201  # what a person in a terminal or notebook wants to know
    if inbrowser:
        webbrowser.open(share_url or served.url)
    if not prevent_thread_lock:
        served.wait()
    return served


def _start(
    studio: Studio,
    settings: Settings,
    listening: socket.socket,
    sources: PhotoSources | None,
    shared_as: Collection[str],
) -> Served:
    """A server that answers on this socket. sources: what MCP's tools may open; None without MCP. shared_as: the name
    of the public link, once there is one. Raises InvalidInput when the machine does not reach itself there."""
    url = url_of(settings.host, listening.getsockname()[1])
    descriptors = raise_descriptor_limit(DESCRIPTORS)
    _keep_memory_together()
    uploads = files.use_private_folder()
    threading.Thread(target=_import_plotting, name="import plotting", daemon=True).start()
    blocks, numbers = page.build(studio, settings, api.add_to)
    workers = _workers(studio, settings)
    requests = Rate(settings.requests_per_minute, "requests")
    service = api.Service(studio, workers, Rate(settings.sessions_per_minute, "photos"), uploads)
    sign_in = SignIn(settings.credentials, settings.auth_token)
    tools = None if sources is None else _tools(service, sources, sign_in)
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=None if tools is None else tools.lifespan,
        middleware=_middleware(service, numbers, settings, requests, _front(settings, shared_as), sign_in, tools),
    )
    all_tools = tools is not None and settings.mcp_all
    gradio_app.mount(app, blocks, settings, mcp=all_tools, **page.launch_options())
    http = HttpServer(app, listening, _connections(settings, descriptors, requests))
    served = Served(url, "", (), blocks, app, workers, http, threading.Event())
    http.start()
    try:
        _reach(url)
        if all_tools:
            gradio_app.sign_in_mcp(blocks, url, sign_in.own_token)
    except BaseException:
        served.close()
        raise
    threading.Thread(target=_sweep, args=(served._stop, studio, uploads), name="sweep", daemon=True).start()
    return served


def _connections(settings: Settings, descriptors: int, requests: Rate) -> Connections:
    """How many connections there may be. descriptors: files and connections the system lets this process have."""
    most = max(16, min(settings.max_connections, descriptors - RESERVED_DESCRIPTORS))
    tunnel = "127.0.0.1,::1" if settings.share else ""  # all who come by the public link come from there
    speak_for_many = TrustedProxies.parse(f"{settings.trusted_proxies},{tunnel}")
    return Connections(
        most, min(most, settings.connections_per_address), speak_for_many.include, requests.ignores_refusals
    )


def _tools(service: api.Service, sources: PhotoSources, sign_in: SignIn) -> McpServer:
    from .mcp.server import McpServer  # needs the packages of requirements-mcp.txt

    return McpServer(service, sources, signed_in=sign_in.required)


def _workers(studio: Studio, settings: Settings) -> Workers:
    """Where every door's verbs run. An engine on another machine keeps no core busy here: more may wait for it."""
    elsewhere = studio.engine.name.startswith("modal")
    slow = [page_routes.GENERATE, *(one.name for one in api.ENDPOINTS if one.name.startswith("generate_masks"))]
    return Workers(
        settings.workers or (WORKERS_ELSEWHERE if elsewhere else usual_threads()),
        settings.queue_size,
        lanes={EVERY_MASK: 1},  # it takes seconds
        lane_of=dict.fromkeys(slow, EVERY_MASK),
        newcomers=frozenset(("upload", "open_project", "open", "example")),
        ahead=studio.reading.ahead,
    )


def _import_plotting() -> None:
    """Gradio imports matplotlib, where there is one, in the middle of its first answer: everybody waits for seconds."""
    with contextlib.suppress(ImportError):
        importlib.import_module("matplotlib").get_backend()


def _reach(url: str) -> None:
    """Ask the server that was started for an answer: MCP does, too. Raises InvalidInput when none comes."""
    try:
        reply = httpx.get(f"{url}/api/health", timeout=60)
        if reply.status_code == 200 and "status" in reply.json():
            return
    except (httpx.TransportError, ValueError):
        pass  # said below
    raise InvalidInput(
        f"{url} cannot be reached from this machine itself. Where HTTP_PROXY is set, set "
        "NO_PROXY=localhost,127.0.0.1 too; otherwise choose another address with --host.",
        "host",
    )


def _front(settings: Settings, shared_as: Collection[str]) -> Middleware:
    """What settles who asks, and by which name; shared_as: the name of the public link, once there is one."""
    root = RootPath.parse(settings.root_path)
    hosts = AllowedHosts.parse(settings.allowed_hosts).and_also(
        *own_names(settings.host), *hosted_names(os.environ), *([split_host(root.host)[0]] if root.host else [])
    )
    trusted = TrustedProxies.parse(settings.trusted_proxies)
    return Middleware(Front, hosts=hosts, trusted=trusted, root=root, shared_as=shared_as)


def _middleware(
    service: api.Service,
    numbers: Mapping[int, api.Endpoint],
    settings: Settings,
    requests: Rate,
    front: Middleware,
    sign_in: SignIn,
    tools: McpServer | None,
) -> list[Middleware]:
    """What stands before everything the server answers, the outermost first."""
    origins = Origins.parse(settings.cors_origins)
    entrance = Entrance(sign_in, origins, status=lambda: service.studio.status)
    uploads = Uploads(
        service.uploads,
        kept=service.studio.sessions.bytes_on_disk,
        most_disk=settings.storage.max_disk,
        most_file=settings.max_file_size,
    )
    largest = settings.max_file_size * 4 // 3 + 2**20  # the largest photo as base64, and something around it
    return [
        Middleware(Defects),
        Middleware(Heads, policy=page_policy(origins.named.union(hosted_frames(os.environ)), shared=settings.share)),
        front,
        Middleware(Cors, named=origins.named),
        Middleware(
            RateLimits,
            requests=requests,
            photos=service.photos,
            uncounted=PARTS_OF_PAGE,
            opens=(body_limits.TAKE_FILES | {f"{PAGE}/example"}).__contains__,
        ),
        Middleware(
            Bodies,
            most=partial(body_limits.most_bytes, largest=largest),
            seconds=settings.body_limit,
            budget=BodyBudget(6 * largest, 3 * largest),
        ),
        Middleware(Guard, entrance=entrance, by_prefix=_doors(service, settings, tools)),
        # What follows stands before Gradio alone.
        Middleware(Document),
        Middleware(Kept),
        Middleware(GradioProtocol, service=service, numbers=numbers, uploads=uploads),
        Middleware(CountedJson),
        Middleware(WithoutCors),
    ]


def _doors(service: api.Service, settings: Settings, tools: McpServer | None) -> dict[str, ASGIApp]:
    """The applications beside Gradio's, by the path they answer below."""
    doors: dict[str, ASGIApp] = {
        API: rest.build(service),
        PAGE: page_routes.build(service),
        SHEET: sheets.build(service.studio.sessions.sheets),
        "/docs": rest.lead_to_docs,
        "/redoc": rest.lead_to_docs,
    }
    if tools is not None:
        doors[MCP] = CountedJson(tools, whole=True)
        if not settings.mcp_all:
            doors[f"{GRADIO_API}{MCP}"] = doors[MCP]  # where the tools of version 0.1 were
    return doors


def _notes(url: str, share_url: str, settings: Settings, mcp: bool) -> tuple[str, ...]:
    notes = [f"SAM2 Painter: {url}", f"HTTP API:     {url}/api/docs"]
    if mcp:
        notes.append(f"MCP:          {url}{MCP}")
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
