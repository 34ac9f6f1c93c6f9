"""The page in a real browser, as a person uses it: for the tests of the page."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from conftest import Live, draw_building, eventually, to_png
from PIL import Image

if TYPE_CHECKING:
    from playwright import sync_api

WIDTH, HEIGHT = 1200, 900
WALL_AT, DOOR_AT, SKY_AT, WINDOW_AT = (660, 560), (420, 800), (100, 60), (288, 370)
DRAWN = """() => {
  const canvas = document.querySelector(".sp-base");
  return innerWidth === 1000 && canvas.width === Math.round(canvas.parentElement.clientWidth * devicePixelRatio);
}"""
FRAMES = "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
IDLE = "() => { const p = window.sam2painter?.state; return p?.session && !p.flying && !p.queue.length && !p.job }"


@pytest.fixture(scope="module")  # while Playwright runs, no test of this process can start an event loop of its own
def chromium() -> Iterator[sync_api.Browser]:
    """One headless browser for all tests of a file."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        assert os.environ.get("CI") != "true", "the browser tests need Chromium on PATH"
        pytest.skip("no Chromium on PATH")
    sync_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"], timeout=120_000)
        yield browser
        browser.close()


@dataclass
class Painter:
    """The page, as a person uses it. Coordinates are pixels of the photo."""

    page: sync_api.Page
    live: Live

    def open(self, data: bytes | None = None, name: str = "house.png") -> Painter:
        """Choose a file, and wait until it can be clicked."""
        self.choose(data or to_png(draw_building(WIDTH, HEIGHT)), name)
        return self.idle()

    def choose(self, data: bytes, name: str) -> None:
        """Choose a file."""
        file = {"name": name, "mimeType": "image/png", "buffer": data}
        self.page.locator("[data-file]").set_input_files(file)

    def idle(self) -> Painter:
        """Wait until nothing is asked of the server any more, and what it answered is laid out."""
        self.page.wait_for_function(IDLE)
        return self.drawn()

    def drawn(self) -> Painter:
        """Wait until what is known is laid out and drawn."""
        self.page.evaluate(FRAMES)
        return self

    def until(self, true: Callable[[], object]) -> bool:
        """Whether a condition comes true in time; then nothing is asked of the server any more either."""
        return eventually(true) and bool(self.idle())

    @contextmanager
    def held(self, verb: str) -> Iterator[None]:
        """The server hears this question of the page at its end, not before."""
        routes = []
        self.page.route(f"**/page/{verb}", lambda route: routes.append(route), times=1)
        yield
        assert eventually(lambda: routes or self.page.wait_for_timeout(10))
        routes[0].continue_()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where the middle of a photo's pixel is on the screen at fit size, by geometry alone."""
        frame = self.page.locator(".sp-base").bounding_box()
        height, width = self.session.size
        scale = min(frame["width"] / width, frame["height"] / height)
        left, top = (frame["width"] - width * scale) / 2, (frame["height"] - height * scale) / 2
        return frame["x"] + left + (x + 0.5) * scale, frame["y"] + top + (y + 0.5) * scale

    def click(self, x: float, y: float, **how: object) -> Painter:
        """Click a pixel of the photo and wait for the answer."""
        modifier = how.pop("modifier", None)
        if modifier:
            self.page.keyboard.down(modifier)
        self.page.mouse.click(*self.at(x, y), **how)
        if modifier:
            self.page.keyboard.up(modifier)
        return self.idle()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> Painter:
        """Press at one pixel, let go at another."""
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=5)
        self.page.mouse.up()
        return self.idle()

    def do(self, name: str) -> Painter:
        """Press a button."""
        self.page.locator(f'[data-do="{name}"]').click()
        return self.idle()

    def key(self, key: str) -> Painter:
        """Press a key."""
        self.page.keyboard.press(key)
        return self.idle()

    def swatch(self, index: int) -> str:
        """Choose a colour of the palette; returns it."""
        button = self.page.locator("[data-palette] .sp-swatch").nth(index)
        button.click()
        self.idle()
        return button.get_attribute("data-color")

    def type_color(self, text: str) -> None:
        """Write a colour into its field."""
        self.page.locator(".sp-text").fill(text)
        self.page.keyboard.press("Enter")

    @property
    def sid(self) -> str:
        """The session the page shows."""
        return self.page.evaluate("window.sam2painter.state.sid")

    @property
    def session(self):
        """The same, as the studio has it."""
        return self.live.studio.session(self.sid)

    @property
    def mask(self) -> np.ndarray:
        """What is selected, (H, W) bool."""
        session = self.session
        return session.mask(session.selection.mask_id).segmentation

    def screen(self) -> np.ndarray:
        """What is on the screen, (H, W, 3) int."""
        self.drawn()
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")).astype(int)

    def seen(self, x: float, y: float) -> np.ndarray:
        """The colour on the screen at a pixel of the photo."""
        screen = self.screen()
        scale = screen.shape[1] / self.page.viewport_size["width"]
        left, top = self.at(x, y)
        return screen[round(top * scale), round(left * scale)]

    def toast(self, part: str = "") -> str:
        """What the first toast says that has such words in it. It is gone after 8 s: ask soon."""
        return self._toast(part).inner_text()

    def toast_box(self, part: str = "") -> dict[str, float]:
        """Where that toast lies in the window."""
        return self._toast(part).bounding_box()

    def _toast(self, part: str) -> sync_api.Locator:
        toast = self.page.locator(".toast-body, .sp-toast").filter(has_text=part).first
        toast.wait_for()
        return toast


NewPage = Callable[..., Painter]


@pytest.fixture(scope="module")
def windows(chromium: sync_api.Browser) -> list[sync_api.Page]:
    """Plain windows that the tests before have left empty. The next page opens in the same process: what it is made of
    need not be fetched and compiled for every test."""
    return []


@pytest.fixture
def new_page(chromium: sync_api.Browser, server: Live, windows: list[sync_api.Page]) -> Iterator[NewPage]:
    """Opens the page in a browser of its own: new_page(live=None, **context options). At the end nothing may have been
    asked of any other machine, and no script may have failed."""
    contexts, plain, strangers, failures = [], [], [], []

    def asked(request: sync_api.Request) -> None:
        if not re.match(r"(http://127\.0\.0\.1[:/]|data:|blob:)", request.url):
            strangers.append(request.url)

    def failed(error: sync_api.Error) -> None:
        failures.append(str(error))

    def said(message: sync_api.ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            failures.append(message.text)

    watched = {"request": asked, "pageerror": failed, "console": said}

    def start(live: Live | None = None, size: tuple[int, int] = (1280, 900), **options: object) -> Painter:
        live = live or server
        if options:
            contexts.append(chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options))
            page = contexts[-1].new_page()
        else:
            page = windows.pop() if windows else chromium.new_context().new_page()
            page.set_viewport_size({"width": size[0], "height": size[1]})
            plain.append((page, live))
        page.context.set_default_timeout(60_000)
        for event, hear in watched.items():
            page.on(event, hear)
        page.goto(live.url)
        page.wait_for_selector(".sp[data-ready]")
        return Painter(page, live)

    yield start
    for context in contexts:
        context.close()
    for page, live in plain:
        for event, hear in watched.items():
            page.remove_listener(event, hear)
        windows.append(_emptied(page, live.url))
    assert not strangers
    assert not failures


def _emptied(page: sync_api.Page, url: str) -> sync_api.Page:
    """The window with one empty page, and without what it remembers: cookies and storage."""
    context = page.context
    if page.is_closed():
        page = context.new_page()
    for other in context.pages:
        if other is not page:
            other.close()
    page.unroute_all()
    origin = "/".join(url.split("/")[:3])
    page.route(f"{origin}/nothing", lambda route: route.fulfill(body=""), times=1)  # the server may be gone
    page.goto(f"{origin}/nothing")
    page.evaluate("sessionStorage.clear()")
    page.goto("about:blank")
    kept = {"origin": origin, "storageTypes": "local_storage,indexeddb,cache_storage,service_workers"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", kept)
    context.clear_cookies()
    return page
