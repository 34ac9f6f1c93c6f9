"""From a click to its overlay on the screen: a 12-megapixel photo in headless Chromium, times and bytes a click.

    python -m benchmarks.stage [--engine offline] [--clicks 20] [--photo FILE]

Needs playwright and a Chromium on PATH. The embedding is there before the first click, as it is for a person who has
looked at the photo for a second. Measured inside the page: from letting go of the button to the frame that shows it.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from sam2_painter.photos import examples, images
from sam2_painter.settings import Settings
from sam2_painter.studio.studio import Studio
from sam2_painter.web import server

IDLE = "() => { const p = window.sam2painter?.state; return p?.session && !p.flying && !p.queue.length }"
STOPWATCH = """() => {
  window.times = [];
  const root = document.querySelector(".sp");
  let start = 0;
  root.addEventListener("pointerup", () => { start = performance.now(); }, true);
  new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(() => {
    if (start) window.times.push(performance.now() - start);
    start = 0;
  }))).observe(root, { attributes: true, attributeFilter: ["data-seq"] });
}"""


def big_photo() -> bytes:
    """An example photo at 4000x3000, with some grain, as a JPEG."""
    import cv2

    small = images.open_photo(examples.path(examples.NAMES[0])).pixels
    large = cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = np.random.default_rng(0).integers(-4, 5, large.shape, np.int16)
    return images.encode(np.clip(large + grain, 0, 255).astype(np.uint8), "JPEG", 92)


def measure(page: Page, clicks: int) -> tuple[list[float], list[int]]:
    """Milliseconds and bytes received of each click; every other one begins a new selection."""
    received = [0]
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.dataReceived", lambda data: received.__setitem__(0, received[0] + data["dataLength"]))
    page.evaluate(STOPWATCH)
    frame = page.locator(".sp-view canvas").bounding_box()
    sizes = []
    for turn in range(clicks):
        if turn % 2 == 0 and turn:
            page.keyboard.press("Escape")
            page.wait_for_function(IDLE)
        received[0], known = 0, page.evaluate("window.times.length")
        angle = 2.4 * turn
        x, y = 0.5 + 0.3 * np.cos(angle), 0.55 + 0.3 * np.sin(angle)
        page.mouse.click(frame["x"] + frame["width"] * x, frame["y"] + frame["height"] * y)
        page.wait_for_function(f"window.times.length > {known}")
        page.wait_for_function(IDLE)
        sizes.append(received[0])
    return page.evaluate("window.times"), sizes


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="offline")
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--photo", type=Path)
    options = parser.parse_args()
    data = options.photo.read_bytes() if options.photo else big_photo()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = Settings(engine=options.engine, data_dir=Path(folder))
        served = server.launch(
            Studio.from_settings(settings), settings, prevent_thread_lock=True, any_port=True, quiet=True
        )
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(served.url)
        page.wait_for_selector(".sp[data-ready]")
        page.locator("[data-file]").set_input_files({"name": "big.jpg", "mimeType": "image/jpeg", "buffer": data})
        page.wait_for_function(IDLE, timeout=120_000)
        width, height = page.evaluate(
            "[window.sam2painter.state.session.width, window.sam2painter.state.session.height]"
        )
        times, sizes = measure(page, options.clicks)
        chromium.close()
        served.close()
    kilobytes = [size / 1024 for size in sizes]
    print(f"photo {width} x {height}, {options.engine} engine, {len(times)} clicks")
    print(f"click -> overlay  median {statistics.median(times):6.0f} ms  worst {max(times):6.0f} ms  (goal: 250)")
    print(
        f"bytes a click     median {statistics.median(kilobytes):6.1f} KB  most  {max(kilobytes):6.1f} KB  (goal: 20)"
    )


if __name__ == "__main__":
    main()
