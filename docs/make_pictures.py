"""The pictures that README and link previews show: ``python docs/make_pictures.py``, with playwright and a Chromium.

``--page`` makes those of the page alone. They are taken from the real page on the offline engine, with an example photo
that comes with the package. Those before and after show the paint alone: the masks are the exact ones that the renderer
of the examples knows.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from sam2_painter import Layer, Mask, Photo
from sam2_painter.paint.colors import parse_color
from sam2_painter.paint.composite import composite
from sam2_painter.photos.images import encode
from sam2_painter.rle import mask_to_rle
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.web import server
from training import rendering

FOLDER = Path(__file__).parent / "images"
SITE = Path(__file__).parents[1] / "sam2_painter" / "assets" / "site"
START = Path(__file__).parents[1] / "sam2_painter" / "web" / "page" / "static" / "images"  # of the start page
IDLE = "() => { const p = window.sam2painter?.state; return p?.session && !p.flying && !p.queue.length && !p.job }"

EXAMPLE = "Brick house"
WALL = (760 / 1600, 700 / 1200)  # where the front wall is clicked, as a share of the example's width and height
DOOR = (0.433, 0.79)
PAINT, OTHER_PAINT = 39, 20  # their places in the palette
PATIENCE, FADED = 600_000, 1500  # milliseconds: that a busy machine gets, and after which what fades has faded


SCHEMES = {  # paints, and the parts of the example that get them, as one layer each
    "brick-house": {"#b5c7a3": ("front wall", "side wall"), "#2f4858": ("door",)},
    "town-house": {"#c98b6b": ("plaster wall",), "#d9d4c7": ("left house", "left side"), "#3b4a54": ("shutters",)},
    "siding-cottage": {"#d8b45f": ("front wall", "wing wall", "side wall"), "#2e5d57": ("door",)},
}


def main() -> None:
    """Write what docs/images holds, and the page's own pictures."""
    FOLDER.mkdir(exist_ok=True)
    if "--page" not in sys.argv[1:]:
        for name, pixels in zip(("before.jpg", "after.jpg"), repainted("brick-house", 800), strict=True):
            (START / name).write_bytes(encode(pixels, "JPEG", 86))
        (SITE / "preview.jpg").write_bytes(encode(preview(), "JPEG", 84))
        (FOLDER / "before-after.jpg").write_bytes(encode(before_and_after(), "JPEG", 86))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = Settings.of(engine="offline", data_dir=Path(folder))
        studio = Studio.from_settings(settings)
        served = server.launch(studio, settings, prevent_thread_lock=True, any_port=True, quiet=True)
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        desktop(chromium, served.url)
        phone(chromium, served.url)
        schemes(chromium, served.url)
        sheet(chromium, served.url)
        chromium.close()
        served.close()
        studio.sessions.close()


def before_and_after(width: int = 640, gap: int = 8) -> np.ndarray:
    """The examples above, the same repainted below, (2 h + gap, 3 w + 2 gap, 3)."""
    columns = []
    for name in SCHEMES:
        before, after = repainted(name, width)
        columns.append(np.vstack([before, np.full((gap, width, 3), 255, np.uint8), after]))
    white = np.full((len(columns[0]), gap, 3), 255, np.uint8)
    return np.hstack([columns[0], white, columns[1], white, columns[2]])


def repainted(name: str, width: int) -> tuple[np.ndarray, np.ndarray]:
    """An example and the same in the paints of its scheme, (H, W, 3) each."""
    example = rendering.render(name, width)
    layers = [
        Layer(Mask(mask_to_rle(np.any([example.masks[part] for part in parts], axis=0))), parse_color(color), 0.95)
        for color, parts in SCHEMES[name].items()
    ]
    return example.pixels, composite(Photo(example.pixels, name), layers)


def preview(width: int = 1200, height: int = 630, line: int = 6) -> np.ndarray:
    """What a link to the page shows: a house as it is, and from its ridge to the right repainted, (H, W, 3)."""
    before, after = repainted("siding-cottage", width)
    ridge = round(0.304 * width)
    picture = np.hstack([before[:, :ridge], after[:, ridge:]])
    picture[:, ridge - line // 2 : ridge + line // 2] = 255
    top = (len(picture) - height) // 2
    return picture[top : top + height]


def desktop(chromium: Browser, url: str) -> None:
    """A house with its walls painted, and its door chosen."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    paint_example(page, url)
    click(page, *DOOR)
    page.locator(".sp-answer").first.wait_for()
    shoot(page, "page-desktop.jpg")


def phone(chromium: Browser, url: str) -> None:
    """The same house on a phone."""
    page = chromium.new_page(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True, is_mobile=True
    )
    paint_example(page, url)
    shoot(page, "page-phone.jpg")


def schemes(chromium: Browser, url: str) -> None:
    """Two schemes beside the photo, as "Compare all" shows them."""
    page = chromium.new_page(viewport={"width": 1200, "height": 800})
    paint_example(page, url)
    page.locator(".sp-addscheme").click()
    page.wait_for_function(IDLE, timeout=PATIENCE)
    choose_paint(page, OTHER_PAINT)
    page.locator('[data-do="compare-schemes"]').click()
    compared = page.locator(".sp-compared[open]")
    compared.wait_for(timeout=PATIENCE)
    page.wait_for_timeout(FADED)
    compared.screenshot(path=FOLDER / "schemes.jpg", type="jpeg", quality=84)


def sheet(chromium: Browser, url: str) -> None:
    """The sheet for the painter, as its reader sees it."""
    page = chromium.new_page(viewport={"width": 1200, "height": 800})
    paint_example(page, url)
    click(page, *DOOR)
    tidy(page)
    choose_paint(page, OTHER_PAINT)
    sid, layers = page.evaluate("[sam2painter.state.sid, sam2painter.state.session.layers.map((layer) => layer.id)]")

    def ask(verb: str, **fields: object) -> dict:
        answer = page.request.post(
            f"{url.rstrip('/')}/api/{verb}", data={"session_id": sid, **fields}, timeout=PATIENCE
        )
        assert answer.ok, answer.text()
        return answer.json()

    for layer, name in zip(layers, ("Walls", "Door"), strict=True):
        ask("edit-layer", layer_id=layer, name=name)
    reader = chromium.new_page(viewport={"width": 900, "height": 760})
    reader.goto(url.rstrip("/") + ask("make-sheet", width=14)["link"])
    shoot(reader, "sheet.jpg", quality=84)


def paint_example(page: Page, url: str) -> None:
    """Open the example, click its front wall, tidy its outline, choose a paint: the first answer, as it comes."""
    page.goto(url)
    page.locator(".sp-example", has_text=EXAMPLE).click()
    page.wait_for_function(IDLE, timeout=PATIENCE)
    click(page, *WALL)
    tidy(page)
    choose_paint(page, PAINT)


def tidy(page: Page) -> None:
    """Let the outline of the chosen wall follow the photo."""
    page.keyboard.press("t")
    page.wait_for_function(IDLE, timeout=PATIENCE)


def choose_paint(page: Page, place: int) -> None:
    """Choose a paint by its place in the palette."""
    page.locator("[data-palette] .sp-swatch").nth(place).click()
    page.wait_for_function(IDLE, timeout=PATIENCE)


def click(page: Page, x: float, y: float) -> None:
    """Click a place of the example, in shares of its width and height, and wait for the answer."""
    frame = page.locator(".sp-base").bounding_box()
    assert frame is not None
    scale = min(frame["width"] / 4, frame["height"] / 3)  # the example is 4:3
    left, top = frame["x"] + (frame["width"] - 4 * scale) / 2, frame["y"] + (frame["height"] - 3 * scale) / 2
    page.mouse.click(left + x * 4 * scale, top + y * 3 * scale)
    page.wait_for_function(IDLE, timeout=PATIENCE)


def shoot(page: Page, name: str, quality: int = 88) -> None:
    """A screenshot without the pointer."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(FADED)
    page.screenshot(path=FOLDER / name, type="jpeg", quality=quality)


if __name__ == "__main__":
    main()
