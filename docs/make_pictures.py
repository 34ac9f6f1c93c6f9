"""The pictures of the page that README shows: ``python docs/make_pictures.py``, with playwright and a Chromium on PATH.

They are taken from the real page on the offline engine, with an example photo that comes with the package.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from sam2_painter.settings import Settings
from sam2_painter.studio import Studio
from sam2_painter.web import server

FOLDER = Path(__file__).parent / "images"
IDLE = "() => { const p = window.sam2painter?.state; return p?.session && !p.flying && !p.queue.length && !p.job }"

EXAMPLE = "Siding cottage"
PAINT = 26  # its place in the palette


def main() -> None:
    """Write docs/images/page-desktop.jpg and page-phone.jpg."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = Settings(engine="offline", data_dir=Path(folder))
        studio = Studio.from_settings(settings)
        served = server.launch(studio, settings, prevent_thread_lock=True, any_port=True, quiet=True)
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        desktop(chromium, served.url)
        phone(chromium, served.url)
        chromium.close()
        served.close()
        studio.sessions.close()


def desktop(chromium: Browser, url: str) -> None:
    """A painted house, before and after, with its regions."""
    page = chromium.new_page(viewport={"width": 1440, "height": 1000})
    paint_example(page, url)
    page.locator('[data-do="generate"]').click()
    page.wait_for_function(IDLE, timeout=120_000)
    page.locator('[data-do="compare"]').click()
    shoot(page, "page-desktop.jpg")


def phone(chromium: Browser, url: str) -> None:
    """The same house on a phone."""
    page = chromium.new_page(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True, is_mobile=True
    )
    paint_example(page, url)
    page.locator("#sp-h-colour").scroll_into_view_if_needed()
    shoot(page, "page-phone.jpg")


def paint_example(page: Page, url: str) -> None:
    """Open the example and paint its walls."""
    page.goto(url)
    page.locator(".sp-example", has_text=EXAMPLE).click()
    page.wait_for_function(IDLE, timeout=120_000)
    page.locator("[data-palette] .sp-swatch").nth(PAINT).click()
    page.wait_for_function(IDLE, timeout=60_000)
    page.locator('[data-do="all-walls"]').click()
    page.wait_for_function(IDLE, timeout=60_000)


def shoot(page: Page, name: str) -> None:
    """A screenshot without the pointer."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    page.screenshot(path=FOLDER / name, type="jpeg", quality=88)


if __name__ == "__main__":
    main()
