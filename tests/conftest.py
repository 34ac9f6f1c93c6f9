"""What most tests need: a small building, a studio on the flood engine, a live server."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))  # `from engines import FloodEngine`

from engines import FloodEngine, NamingEngine

from sam2_painter.sessions.store import SessionStore
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.types import Photo

if TYPE_CHECKING:
    from sam2_painter.web.server import Served

with suppress(ImportError):  # SAM 2's own tests do without it
    import hypothesis

    # The same examples every time, however long they take on a busy machine.
    hypothesis.settings.register_profile(
        "here", derandomize=True, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    hypothesis.settings.load_profile("here")

pytest_plugins = ["browser"]  # the page as a person uses it: new_page, and the browser itself


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests in a browser are not traced for coverage: tracing slows the server behind a page that is drawn in software,
    and the lines it would reach are reached by the tests without a browser.
    """
    if config.pluginmanager.hasplugin("_cov"):
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.no_cover)


WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
os.environ["GRADIO_SERVER_PORT"] = str(7860 + 200 * WORKER)  # where a page that takes any port begins to look
PORTS = count(11_000 + 500 * WORKER + os.getpid() % 250)  # below those the system hands out, and no other worker's

SKY, WALL, ROOF, WINDOW, DOOR = (140, 180, 230), (205, 190, 160), (120, 60, 50), (60, 70, 90), (90, 60, 30)


def draw_building(width: int = 200, height: int = 150) -> np.ndarray:
    """(H, W, 3) uint8: sky, a roof, a wall with four windows and a door. The wall holds the middle of the picture."""
    pixels = np.empty((height, width, 3), np.uint8)

    def fill(x1: float, y1: float, x2: float, y2: float, color: tuple[int, int, int]) -> None:
        pixels[round(y1 * height) : round(y2 * height), round(x1 * width) : round(x2 * width)] = color

    fill(0, 0, 1, 1, SKY)
    fill(0.1, 0.15, 0.9, 0.3, ROOF)
    fill(0.15, 0.3, 0.85, 1, WALL)
    for x in (0.2, 0.35, 0.6, 0.72):
        fill(x, 0.35, x + 0.08, 0.48, WINDOW)
    fill(0.3, 0.75, 0.4, 1, DOOR)
    return pixels


def to_png(pixels: np.ndarray) -> bytes:
    """The bytes of a PNG file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


@pytest.fixture(scope="session")
def photo() -> Photo:
    """A building of 200x150 pixels."""
    return Photo(draw_building(), "building.png")


@pytest.fixture(scope="session")
def photo_bytes() -> bytes:
    """The same building as the bytes of a PNG file."""
    return to_png(draw_building())


def make_studio(folder: Path, engine: object | None = None, ttl: float = 3600.0, **options: object) -> Studio:
    """A studio on the flood engine that keeps its things in `folder`."""
    sessions = SessionStore(folder / "uploads", folder / "masks", folder / "results", ttl=ttl)
    return Studio(engine or FloodEngine(), sessions, reason="it is quick", **options)


@pytest.fixture
def naming_studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio whose engine knows walls, windows and doors."""
    made = make_studio(tmp_path / "studio", NamingEngine({"wall": WALL, "window": WINDOW, "door": DOOR}))
    yield made
    made.sessions.close()


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio of this test's own."""
    made = make_studio(tmp_path)
    yield made
    made.sessions.close()


@dataclass
class Live:
    """A server that is up: its address, its studio, and an HTTP client for its `/api`."""

    url: str
    studio: Studio
    settings: Settings
    http: httpx.Client
    folder: Path
    served: Served


Launch = Callable[..., Live]


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Starts a server on a free port: launch(engine=None, limits=None, **settings)."""
    pytest.importorskip("gradio", reason="the doors need gradio")
    from sam2_painter.web import server

    running = []

    def start(engine: object | None = None, limits: object | None = None, **settings: object) -> Live:
        folder = tmp_path_factory.mktemp("live")
        chosen = Settings.of(**{"port": free_port(), "data_dir": folder, **settings})
        studio = make_studio(
            folder, engine, chosen.storage.session_ttl, limits=limits, max_file_size=chosen.max_file_size
        )
        served = server.launch(studio, chosen, prevent_thread_lock=True, quiet=True)
        running.append(served)
        client = httpx.Client(base_url=f"{served.url}/api", timeout=60)
        return Live(served.url, studio, chosen, client, folder, served)

    yield start
    for served in running:
        served.close()


@pytest.fixture(scope="session")
def server(launch: Launch) -> Live:
    """One server for the tests that leave it as it is, with generous limits."""
    return launch(requests_per_minute=1_000_000, sessions_per_minute=1_000_000)


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """For servers and sign-ins made in a test: the minute in which they count requests and failures never ends."""
    pytest.importorskip("gradio", reason="the doors need gradio")
    from sam2_painter.jobs import rate as limits
    from sam2_painter.web import server
    from sam2_painter.web.middleware import auth

    for module in (auth, server):
        monkeypatch.setattr(module, "Rate", partial(limits.Rate, clock=lambda: 0.0))


def eventually(true: Callable[[], object], seconds: float = 60.0) -> bool:
    """Whether a condition comes true in time, looked at again and again."""
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


def free_port() -> int:
    """A port nobody listens on."""
    import socket

    while True:
        port = next(PORTS)
        with suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port


class Doors:
    """The same question through both doors for programs."""

    def __init__(self, live: Live):
        from gradio_client import Client

        self.live = live
        self.client = Client(live.url, verbose=False, httpx_kwargs={"timeout": 60})

    def open(self, data: bytes | None = None, name: str = "building.png") -> str:
        """A session of this test's own."""
        reply = self.live.http.post("/upload", files={"file": (name, data or to_png(draw_building()))})
        assert reply.status_code == 200, reply.text
        return reply.json()["session_id"]

    def http(self, name: str, /, **fields: object) -> httpx.Response:
        """By plain HTTP, at the path the table gives the endpoint."""
        from urllib.parse import quote

        from sam2_painter.web.api.endpoints import ENDPOINTS

        endpoint = next(one for one in ENDPOINTS if one.name == name)
        path = endpoint.path
        for field in [field for field in fields if f"{{{field}}}" in path]:
            path = path.replace(f"{{{field}}}", quote(str(fields.pop(field)), safe=""))
        if endpoint.method == "POST":
            return self.live.http.post(path, json=fields)
        return self.live.http.request(endpoint.method, path, params=fields)

    def gradio(self, name: str, /, **fields: object) -> object:
        """By Gradio's client."""
        return self.client.predict(**fields, api_name=f"/{name}")


@pytest.fixture(scope="session")
def doors(server: Live) -> Doors:
    """Both doors of the shared server."""
    return Doors(server)
